"""What a JPEG file says of itself, read from its markers without decoding a pixel (ITU T.81, annex B)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_EMBEDDABLE = frozenset(
    {0xC0, 0xC1, 0xC2}
)  # baseline, extended and progressive with Huffman codes: all that PDF allows
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN, _END = 0xDA, 0xD9


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """Size as stored, number of colour channels, and whether Adobe wrote it: four channels are inverted then."""

    width_px: int
    height_px: int
    channels: int
    is_adobe: bool


def read_jpeg_header(data: bytes) -> JpegHeader | None:
    """The header of a JPEG that a PDF may hold as it is (8 bits, 1, 3 or 4 channels, Huffman codes), or None for anything else."""
    if data[:2] != b"\xff\xd8":
        return None
    place, is_adobe, frame = 2, False, None
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker in _ALONE:
            place += 2
            continue
        if marker in (_SCAN, _END):
            break
        length = struct.unpack(">H", data[place + 2 : place + 4])[0]
        segment = data[place + 4 : place + 2 + length]
        if marker == 0xEE and segment[:5] == b"Adobe":
            is_adobe = True
        if marker in _FRAMES:
            frame = (marker, segment)
        place += 2 + length
    return None if frame is None else _read_frame(*frame, is_adobe=is_adobe)


def _read_frame(marker: int, segment: bytes, *, is_adobe: bool) -> JpegHeader | None:
    if marker not in _EMBEDDABLE or len(segment) < 6:
        return None
    precision, height, width, channels = struct.unpack(">BHHB", segment[:6])
    if precision != 8 or not width or not height or channels not in (1, 3, 4):
        return None
    return JpegHeader(width, height, channels, is_adobe)
