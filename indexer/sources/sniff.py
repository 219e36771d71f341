"""What a file holds, by its first bytes and never by its suffix."""

from __future__ import annotations

HEAD_BYTES = 1024
"""How much of a file `sniff_kind` wants to see: `%PDF` may begin so late (PDF Reference 1.7, appendix H, note 13)."""

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})

_PICTURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"%PDF-", "PDF"),
)
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x1f\x8b", "gzip data"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"{\\rtf", "an RTF text"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"8BPS", "a Photoshop picture, which is not read here"),
    (b"%!PS", "PostScript, which is not read here"),
)


def sniff_kind(head: bytes) -> str | None:
    """Pillow's name of the format (`JPEG`, …, `HEIF`), or `PDF`, or None if `head` begins none that is read here."""
    for magic, kind in _PICTURES:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _iso_kind(head)
    return "PDF" if b"%PDF-" in head[:HEAD_BYTES] else None


def describe(head: bytes) -> str:
    """What a file that is no picture seems to hold, to follow the words "it holds"."""
    for magic, words in _OTHERS:
        if head.startswith(magic):
            return words
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return "a web page (HTML)"
    if start.startswith((b"<?xml", b"<svg")):
        return "XML"
    if not head.strip(b"\x00"):
        return "only zero bytes, as an interrupted copy leaves them"
    return "text" if _is_text(head) else "data of no known kind"


def _iso_kind(head: bytes) -> str | None:
    size = int.from_bytes(head[:4], "big")
    brands = {head[8:12]} | {head[at : at + 4] for at in range(16, min(size, len(head)), 4)}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIC_BRANDS else None


def _is_text(head: bytes) -> bool:
    # a cut inside a character of several bytes must not turn text into data
    return bool(head.decode("utf-8", "ignore").strip()) and not any(byte < 9 or 13 < byte < 32 for byte in head)
