"""What cameras and programs write beside the pixels, malformed: EXIF and ICC profiles. A page is read in spite of it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import Image, ImageCms
from support.hostile.case import DAMAGED, OK, Hostile, chunk, jpeg, png, png_head, segment, zeros
from support.scans import encoded, four_corners, heic

_ICC = b"ICC_PROFILE\0\1\1"


def list_notes() -> Iterator[Hostile]:
    yield from _exif()
    yield from _profiles()


def _exif() -> Iterator[Hostile]:
    turned = _ifd((0x0112, 3, 1, 6))
    for name, weakness, body in (
        ("garbage", "EXIF of noise", bytes(n * 89 % 256 for n in range(500))),
        ("empty", "EXIF without content", b""),
        ("cut", "EXIF cut off in its directory", turned[:11]),
        ("loop", "EXIF whose directory follows itself", _ifd((0x0112, 3, 1, 1), following=8)),
        ("self", "an EXIF directory inside itself", _ifd((0x8769, 4, 1, 8))),
        ("gps", "a GPS directory inside itself", _ifd((0x8825, 4, 1, 8))),
        ("far", "an EXIF directory 4 GB away", b"II*\0\xff\xff\xff\xff"),
        ("count", "a text of 4 GB in EXIF", _ifd((0x010E, 2, 2**32 - 1, 8))),
        ("type", "a value of no known type", _ifd((0x0112, 99, 1, 1))),
        ("text", "an orientation in words", _ifd((0x0112, 2, 4, 0x41414141))),
        ("nine", "the orientation 9", _ifd((0x0112, 3, 1, 9))),
        ("minus", "the orientation -1", _ifd((0x0112, 9, 1, 2**32 - 1))),
        ("many", "65,535 orientations", _ifd((0x0112, 3, 65_535, 8))),
        ("nan", "an orientation by nothing", _ifd((0x0112, 5, 1, 26)) + bytes(8)),
        ("maker", "a maker note of 60 KB", _ifd((0x927C, 7, 60_000, 26)) + bytes(60_000)),
    ):
        yield Hostile(f"exif-{name}.jpg", weakness, jpeg(segment(0xE1, b"Exif\0\0" + body)), (OK,))
    for kind in ("PNG", "WEBP", "TIFF", "AVIF"):
        data = encoded(four_corners(), kind, exif=b"Exif\0\0" + _ifd((0x8769, 4, 1, 8)))
        yield Hostile(f"exif.{kind.lower()}", f"a {kind} with an EXIF directory inside itself", data, (OK,))
    turned_heic = heic(four_corners(), orientation=6)
    yield Hostile(
        "exif.heic", "a HEIC whose EXIF is noise", turned_heic.replace(b"MM\0*", b"\xff\xff\xff\xff"), (OK, *DAMAGED)
    )


def _profiles() -> Iterator[Hostile]:
    good = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"sRGB", b"xxxx")
    spoilt = bytearray(good)
    for at in range(132, len(spoilt), 7):
        spoilt[at] ^= 0x5A
    for name, weakness, profile in (
        ("noise", "noise for a colour profile", bytes(n * 31 % 256 for n in range(3_000))),
        ("head", "a profile that is only a header", good[:128]),
        ("cut", "a profile cut off", good[: len(good) // 2]),
        ("tags", "a profile of 4 thousand million tags", good[:128] + b"\xff\xff\xff\xff" + good[132:]),
        ("size", "a profile that says it has 4 GB", b"\xff\xff\xff\xff" + good[4:]),
        ("far", "tags that lie beyond the end", good[:136] + b"\x7f\xff\xff\xf0" + good[140:]),
        ("spoilt", "every seventh byte turned over", bytes(spoilt)),
        ("link", "a link between devices", good[:12] + b"link" + good[16:]),
        ("gray", "a profile for gray in a picture of colours", good[:16] + b"GRAY" + good[20:]),
        ("cmyk", "a profile for ink in a picture of light", good[:16] + b"CMYK" + good[20:]),
        ("many", "a profile for fifteen inks", good[:16] + b"FCLR" + good[20:]),
        ("curve", "a curve of 4 thousand million points", _with_curve(good, 2**32 - 1)),
    ):
        yield Hostile(f"icc-{name}.jpg", weakness, jpeg(segment(0xE2, _ICC + profile)), (OK,))
    yield Hostile(
        "icc-parts.jpg",
        "a profile said to be in 255 parts, of which one is there",
        jpeg(segment(0xE2, b"ICC_PROFILE\0\1\xff" + good)),
        (OK,),
    )
    yield Hostile(
        "icc-none.jpg", "a profile that is part 0 of 0", jpeg(segment(0xE2, b"ICC_PROFILE\0\0\0" + good)), (OK,)
    )
    yield Hostile(
        "icc.tiff",
        "noise for a colour profile in a TIFF",
        encoded(four_corners(), "TIFF", icc_profile=bytes(range(256))),
        (OK,),
    )
    yield Hostile(
        "icc.webp",
        "noise for a colour profile in a WebP",
        encoded(four_corners(), "WEBP", icc_profile=bytes(range(256))),
        (OK,),
    )
    plain = png(
        png_head(8, 8),
        chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(range(256)))),
        chunk(b"IDAT", zeros(200)),
        chunk(b"IEND", b""),
    )
    yield Hostile("icc.png", "noise for a colour profile in a PNG", plain, (OK,))
    ink = Image.new("CMYK", (8, 8), (10, 20, 30, 40))
    yield Hostile(
        "icc-ink.jpg", "a profile for light in a picture of ink", encoded(ink, "JPEG", icc_profile=good), (OK,)
    )


def _ifd(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    """A TIFF header and one directory, as EXIF is written."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + struct.pack("<I", following)


def _with_curve(profile: bytes, points: int) -> bytes:
    """The profile with a tone curve that promises so many points."""
    data = bytearray(profile)
    count = struct.unpack(">I", data[128:132])[0]
    for number in range(count):
        name, offset, _ = struct.unpack(">4sII", data[132 + 12 * number : 144 + 12 * number])
        if name == b"rTRC":
            data[offset : offset + 12] = b"curv" + bytes(4) + struct.pack(">I", points)
    return bytes(data)
