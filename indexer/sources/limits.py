"""How much one file may ask of the machine, and the refusal where it asks for more."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.errors import PictureTooLargeError

_MOST_LETTERS = 200
"""Of what a decoder says."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What is refused before it is decoded.

    `max_pixels` of one page (the default is a 40 × 48 cm page at 1,000 dpi, 1.2 GB once decoded), `max_bytes` of a
    file, and `max_pages_per_file`.
    """

    max_pixels: int = 300_000_000
    max_bytes: int = 512 * 1024 * 1024
    max_pages_per_file: int = 5000


def check_pixels(width_px: int, height_px: int, *, limits: DecodeLimits) -> None:
    """Pass, or say how to allow it.

    Raises:
        PictureTooLargeError: more pixels than `limits.max_pixels`.
    """
    if width_px * height_px > limits.max_pixels:
        raise PictureTooLargeError(
            f"{width_px:,} × {height_px:,} pixels are more than the limit of {limits.max_pixels:,}; if the file is "
            f"trusted, raise it with --max-pixels {width_px * height_px} or QUIRE_MAX_PIXELS.",
            skip_code="too-large",
        )


def check_bytes(size: int, *, limits: DecodeLimits) -> None:
    """Pass, or refuse a file of `size` bytes.

    Raises:
        PictureTooLargeError: more bytes than `limits.max_bytes`.
    """
    if size > limits.max_bytes:
        raise PictureTooLargeError(
            f"{size / 2**20:,.1f} MiB are more than the limit of {limits.max_bytes / 2**20:,.1f} MiB for one file; "
            "split it, or save it with compression.",
            skip_code="too-large",
        )


def check_pages(count: int, *, limits: DecodeLimits) -> None:
    """Pass, or refuse a file of `count` pages.

    Raises:
        PictureTooLargeError: more pages than `limits.max_pages_per_file`.
    """
    if count > limits.max_pages_per_file:
        raise PictureTooLargeError(
            f"more pages than the limit of {limits.max_pages_per_file:,} for one file; split it.", skip_code="too-large"
        )


def quote(text: object, *, most_letters: int = _MOST_LETTERS) -> str:
    """What a decoder says, fit to be part of a reason: one short line that a terminal can only show."""
    plain = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return " ".join(plain.split())[:most_letters]


def fit(width_px: int, height_px: int, *, max_side_px: int) -> tuple[int, int]:
    """Width and height with the longer side at most `max_side_px`, never enlarged, and neither below 1."""
    scale = min(1.0, max_side_px / max(width_px, height_px))
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))
