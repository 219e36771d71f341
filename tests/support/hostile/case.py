"""What one hostile file is, and bytes that several kinds of them are put together from."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from support.scans import encoded, four_corners

LIMITS = {
    "max_pixels": 20_000_000,
    "max_file_bytes": 8 * 2**20,
    "max_decode_bytes": 512 * 2**20,
    "decode_timeout_s": 10.0,
}
"""Settings under which a machine of any size can be sure to stand all of them."""
OK = "ok"
DAMAGED = ("truncated", "unreadable")
TOO_LARGE = ("too-large",)


@dataclass(frozen=True, slots=True)
class Hostile:
    """One file. `weakness` says what it aims at; `codes` are the ends it may come to, `ok` for being read in spite of it."""

    name: str
    weakness: str
    data: bytes
    codes: tuple[str, ...]


def zeros(size: int) -> bytes:
    """So many zero bytes, deflated to a thousandth of that; put together from one deflated MiB, so it takes no time to make."""
    whole, rest = divmod(size, 2**20)
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = squeezer.compress(bytes(2**20)) + squeezer.flush(zlib.Z_FULL_FLUSH)
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    end = squeezer.compress(bytes(rest)) + squeezer.flush()
    checksum = (
        size % 65_521
    ) << 16 | 1  # Adler-32 (RFC 1950) of zeros: they add nothing to its first sum, and 1 each to its second
    return b"\x78\xda" + block * whole + end + struct.pack(">I", checksum)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_head(width: int, height: int, *, depth: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def segment(marker: int, body: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg(*segments: bytes) -> bytes:
    """A good JPEG with further segments right after its beginning."""
    good = encoded(four_corners(), "JPEG", quality=95)
    return good[:2] + b"".join(segments) + good[2:]


def box(kind: bytes, body: bytes) -> bytes:
    """A box of JPEG 2000 or of HEIC and AVIF, which share that shape."""
    return struct.pack(">I", len(body) + 8) + kind + body
