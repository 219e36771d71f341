"""TIFFs: directories that loop or lead nowhere, tags that lie, and pages by the thousand. TIFF 6.0; BigTIFF by its magic number 43."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

from support.hostile.case import DAMAGED, OK, TOO_LARGE, Hostile, zeros
from support.scans import four_corners, pages_tiff

_SHORT, _LONG, _RATIONAL = 3, 4, 5
Entry = tuple[int, int, int, int]
"""Tag, type, count, and value or offset."""


def list_tiffs() -> Iterator[Hostile]:
    yield from _chains()
    yield from _tags()
    yield from _sizes()


def _chains() -> Iterator[Hostile]:
    page = _page()
    yield Hostile("itself.tif", "a directory whose next is itself", _tiff([page], next_of_last=8), (OK, *DAMAGED))
    two = _tiff([page, page], next_of_last=8)
    yield Hostile("circle.tif", "two directories that follow each other for ever", two, (OK, *DAMAGED))
    yield Hostile(
        "nowhere.tif", "a next directory beyond the end", _tiff([page], next_of_last=0x7FFFFFF0), (OK, *DAMAGED)
    )
    yield Hostile(
        "inside.tif", "a next directory in the middle of this one", _tiff([page], next_of_last=13), (OK, *DAMAGED)
    )
    yield Hostile("many.tif", "20,000 pages", _tiff([page] * 20_000), TOO_LARGE)
    yield Hostile(
        "below.tif",
        "sub-directories that point back at their page",
        _tiff([[*page, (330, _LONG, 1, 8)]]),
        (OK, *DAMAGED),
    )
    exif_loop = [*page, (34665, _LONG, 1, 8)]
    yield Hostile("exif-loop.tif", "EXIF that is the page's own directory", _tiff([exif_loop]), (OK, *DAMAGED))
    yield Hostile("first.tif", "a first directory at the very beginning", b"II*\0" + bytes(4) + bytes(100), DAMAGED)
    yield Hostile("beyond.tif", "a first directory 4 GB away", b"II*\0\xff\xff\xff\xff" + bytes(100), DAMAGED)
    yield Hostile(
        "full.tif",
        "a directory of 65,535 entries in a file of 100 bytes",
        b"II*\0\x08\0\0\0\xff\xff" + bytes(90),
        DAMAGED,
    )
    yield Hostile("empty.tif", "a directory without entries", b"II*\0\x08\0\0\0\0\0" + bytes(4), DAMAGED)
    big = b"II+\0\x08\0\0\0" + struct.pack("<Q", 16) + struct.pack("<Q", 2**60) + bytes(60)
    yield Hostile("big-full.tif", "a BigTIFF directory of 2⁶⁰ entries", big, DAMAGED)
    yield Hostile(
        "big-beyond.tif",
        "a BigTIFF directory at 2⁶³",
        b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**63) + bytes(60),
        DAMAGED,
    )
    good = pages_tiff([four_corners()] * 3)
    yield Hostile("order.tif", "a byte order that is not the file's", b"MM\0*" + good[4:], DAMAGED)


def _tags() -> Iterator[Hostile]:
    lies: dict[str, tuple[str, Entry]] = {
        "strips": ("2 thousand million strips", (273, _LONG, 2**31 - 1, 8)),
        "strip-far": ("a strip beyond the end", (273, _LONG, 1, 0x7FFFFFF0)),
        "strip-long": ("a strip of 4 GB", (279, _LONG, 1, 2**32 - 1)),
        "rows": ("no rows in a strip", (278, _LONG, 1, 0)),
        "samples": ("65,535 samples a pixel", (277, _SHORT, 1, 65_535)),
        "bits": ("65,535 bits a sample", (258, _SHORT, 1, 65_535)),
        "no-bits": ("no bits a sample", (258, _SHORT, 1, 0)),
        "compression": ("a compression that there is not", (259, _SHORT, 1, 12_345)),
        "old-jpeg": ("JPEG of the old kind without its tables", (259, _SHORT, 1, 6)),
        "jpeg": ("JPEG that is none", (259, _SHORT, 1, 7)),
        "lzma": ("LZMA that is none", (259, _SHORT, 1, 34_925)),
        "zstd": ("Zstandard that is none", (259, _SHORT, 1, 50_000)),
        "webp": ("WebP that is none", (259, _SHORT, 1, 50_001)),
        "thunder": ("ThunderScan that is none", (259, _SHORT, 1, 32_809)),
        "fax": ("Group 3 that is none", (259, _SHORT, 1, 3)),
        "logluv": ("SGI LogLuv that is none", (259, _SHORT, 1, 34_676)),
        "photometric": ("colours of a kind that there is not", (262, _SHORT, 1, 999)),
        "palette": ("a palette of which nothing is there", (262, _SHORT, 1, 3)),
        "predictor": ("a predictor that there is not", (317, _SHORT, 1, 99)),
        "planar": ("planes that are not there", (284, _SHORT, 1, 2)),
        "tile": ("tiles of 2 thousand million pixels", (322, _LONG, 1, 2**31 - 1)),
        "type": ("a value of a type that there is not", (305, 99, 1, 0)),
        "count": ("a text of 4 GB", (305, 2, 2**32 - 1, 8)),
        "resolution": ("a resolution by nothing", (282, _RATIONAL, 1, 8)),
        "orientation": ("turned by 65,535", (274, _SHORT, 1, 65_535)),
        "icc": ("a colour profile of 4 GB", (34_675, 7, 2**32 - 1, 8)),
        "subfile": ("a page that says it is a mask", (254, _LONG, 1, 4)),
    }
    for name, (weakness, lie) in lies.items():
        entries = {entry[0]: entry for entry in _page()} | {lie[0]: lie}
        yield Hostile(f"{name}.tif", weakness, _tiff([list(entries.values())]), (OK, *DAMAGED, *TOO_LARGE, "memory"))


def _sizes() -> Iterator[Hostile]:
    for name, width, height, weakness in (
        ("giga", 60_000, 60_000, "a page of 3.6 gigapixels in 200 bytes"),
        ("edge", 2**32 - 1, 2**32 - 1, "the largest page that TIFF knows"),
        ("zero", 0, 0, "a page of 0 × 0"),
    ):
        entries = {entry[0]: entry for entry in _page()} | {256: (256, _LONG, 1, width), 257: (257, _LONG, 1, height)}
        yield Hostile(f"{name}.tif", weakness, _tiff([list(entries.values())]), (*DAMAGED, *TOO_LARGE))
    strip = zeros(100 * 2**20)
    bomb = {entry[0]: entry for entry in _page(strip_bytes=len(strip))} | {259: (259, _SHORT, 1, 8)}
    yield Hostile(
        "inflating.tif",
        "a strip of 64 bytes that inflates to 100 MB",
        _tiff([list(bomb.values())], strip=strip),
        (OK, *DAMAGED),
    )
    short = zlib.compress(b"x")
    little = {entry[0]: entry for entry in _page(side=4_000, strip_bytes=len(short))} | {259: (259, _SHORT, 1, 8)}
    yield Hostile(
        "starving.tif",
        "16 megapixels of which one byte is there",
        _tiff([list(little.values())], strip=short),
        (OK, *DAMAGED),
    )


def _page(*, side: int = 8, strip_bytes: int = 64) -> list[Entry]:
    """The tags of a gray page whose only strip lies at the end; its offset is filled in by `_tiff`."""
    return [
        (256, _LONG, 1, side), (257, _LONG, 1, side), (258, _SHORT, 1, 8), (259, _SHORT, 1, 1), (262, _SHORT, 1, 1),
        (273, _LONG, 1, -1), (277, _SHORT, 1, 1), (278, _LONG, 1, side), (279, _LONG, 1, strip_bytes),
    ]  # fmt: skip


def _tiff(pages: Sequence[Sequence[Entry]], *, next_of_last: int = 0, strip: bytes = bytes(range(64))) -> bytes:
    """Directories one after the other from byte 8 on, and then the strip."""
    sizes = [2 + 12 * len(entries) + 4 for entries in pages]
    strip_at, at = 8 + sum(sizes), 8
    data = bytearray(b"II*\0\x08\0\0\0")
    for number, (entries, size) in enumerate(zip(pages, sizes, strict=True), 1):
        at += size
        data += struct.pack("<H", len(entries))
        for tag, kind, count, value in sorted(entries):
            data += struct.pack("<HHII", tag, kind, count, strip_at if value == -1 else value)
        data += struct.pack("<I", next_of_last if number == len(pages) else at)
    return bytes(data) + strip
