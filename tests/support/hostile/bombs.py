"""Small files that become large: decompression bombs, of pixels and of what lies beside the pixels."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Iterator

from PIL import Image
from support.hostile.case import DAMAGED, OK, TOO_LARGE, Hostile, chunk, jpeg, png, png_head, segment, zeros
from support.scans import encoded, four_corners

_MIB = 2**20


def list_bombs() -> Iterator[Hostile]:
    yield from _pixel_bombs()
    yield from _text_bombs()
    yield from _archives()


def _pixel_bombs() -> Iterator[Hostile]:
    flat = Image.new("1", (16_000, 16_000), 1)
    yield Hostile("flat.png", "256 megapixels of white in 30 KB", encoded(flat, "PNG"), TOO_LARGE)
    yield Hostile(
        "flat-g4.tif", "256 megapixels in a Group 4 TIFF", encoded(flat, "TIFF", compression="group4"), TOO_LARGE
    )
    gray = Image.new("L", (8_000, 8_000), 255)
    yield Hostile("flat-lzw.tif", "64 megapixels in LZW", encoded(gray, "TIFF", compression="tiff_lzw"), TOO_LARGE)
    yield Hostile(
        "flat-zip.tif", "64 megapixels deflated", encoded(gray, "TIFF", compression="tiff_adobe_deflate"), TOO_LARGE
    )
    yield Hostile(
        "flat-packbits.tif", "64 megapixels in PackBits", encoded(gray, "TIFF", compression="packbits"), TOO_LARGE
    )
    yield Hostile("flat.jpg", "64 megapixels of one colour", encoded(gray, "JPEG", quality=1), TOO_LARGE)
    yield Hostile(
        "flat.webp",
        "64 megapixels in a lossless WebP",
        encoded(gray, "WEBP", lossless=True, quality=0, method=0),
        TOO_LARGE,
    )
    yield Hostile("flat.gif", "36 megapixels in a GIF", encoded(Image.new("P", (6_000, 6_000)), "GIF"), TOO_LARGE)
    yield Hostile(
        "flat.jp2", "36 megapixels of JPEG 2000", encoded(Image.new("L", (6_000, 6_000)), "JPEG2000"), TOO_LARGE
    )
    yield Hostile(
        "deep.png", "16 bits for each of four channels: within the pixels, eight bytes each",
        png(png_head(4_000, 4_000, depth=16, colour=6), chunk(b"IDAT", zeros(4_000 * (1 + 8 * 4_000))), chunk(b"IEND", b"")),
        (OK, "memory"),
    )  # fmt: skip
    yield Hostile(
        "interlaced.png", "an interlaced picture, which is decoded as a whole, seven times over",
        png(png_head(4_000, 4_000, interlace=1), chunk(b"IDAT", zeros(3 * 4_100 * 4_000)), chunk(b"IEND", b"")), (OK, *DAMAGED),
    )  # fmt: skip
    yield Hostile(
        "too-much.png", "200 MB of pixels where the header speaks of 64 × 64",
        png(png_head(64, 64), chunk(b"IDAT", zeros(200 * _MIB)), chunk(b"IEND", b"")), (OK, *DAMAGED),
    )  # fmt: skip
    many = b"".join(chunk(b"IDAT", b"") for _ in range(200_000))
    yield Hostile(
        "empty-chunks.png", "200,000 empty chunks of pixels",
        png(png_head(8, 8), many, chunk(b"IDAT", zeros(8 * 25)), chunk(b"IEND", b"")), (OK, *DAMAGED),
    )  # fmt: skip
    yield Hostile("rle.bmp", "a run-length BMP that writes far outside of its picture", _rle_bmp(), (OK, *DAMAGED))
    scans = encoded(Image.effect_noise((640, 640), 60), "JPEG", progressive=True)
    yield Hostile(
        "scans.jpg",
        "hundreds of refining scans, each over the whole page",
        _many_scans(scans),
        (OK, *DAMAGED, "timeout"),
    )


def _text_bombs() -> Iterator[Hostile]:
    body = [png_head(8, 8), chunk(b"IDAT", zeros(8 * 25)), chunk(b"IEND", b"")]
    text = b"Comment\0\0" + zeros(200 * _MIB)
    for kind, content in {
        b"zTXt": text,
        b"iTXt": b"Comment\0\1\0\0\0" + zeros(200 * _MIB),
        b"iCCP": b"profile\0\0" + zeros(200 * _MIB),
    }.items():
        named = kind.decode()
        yield Hostile(
            f"{named}.png",
            f"a {named} chunk that inflates to 200 MB",
            png(body[0], chunk(kind, content), *body[1:]),
            (OK, *DAMAGED),
        )
    yield Hostile(
        "texts.png",
        "60 texts of 10 MB each",
        png(body[0], chunk(b"zTXt", b"C\0\0" + zeros(10 * _MIB)) * 60, *body[1:]),
        (OK, *DAMAGED),
    )
    yield Hostile("comments.jpg", "200 comments of 64 KB", jpeg(*[segment(0xFE, bytes(65_000))] * 120), (OK,))
    exif = segment(0xE1, b"Exif\0\0" + bytes(60_000))
    yield Hostile("exifs.jpg", "100 EXIF segments", jpeg(*[exif] * 100), (OK,))
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    xmp = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x:xmpmeta xmlns:x="adobe:ns:meta/">&l11;</x:xmpmeta>'
    space = b"http://ns.adobe.com/xap/1.0/\0"
    yield Hostile("laughs.jpg", "XMP whose entities grow to 200 GB", jpeg(segment(0xE1, space + xmp.encode())), (OK,))


def _archives() -> Iterator[Hostile]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("page.png", bytes(50 * _MIB))
    bomb = packed.getvalue()
    yield Hostile("zip.jpg", "a ZIP bomb by the name of a scan", bomb, ("not-a-picture",))
    yield Hostile("gzip.tif", "a gzip bomb by the name of a scan", gzip.compress(bytes(50 * _MIB)), ("not-a-picture",))
    yield Hostile(
        "tailed.png", "a good picture with an archive behind it", encoded(four_corners(), "PNG") + bomb, (OK,)
    )
    yield Hostile(
        "pdf-in.jpg", "a picture that is also a PDF, by some readers", jpeg(segment(0xFE, b"%PDF-1.4\n%%EOF")), (OK,)
    )


def _rle_bmp() -> bytes:
    """Deltas of 255 × 255 pixels, again and again (BMP's escape 0, 2)."""
    runs = b"\0\2\xff\xff" * 40_000 + b"\0\1"
    palette = bytes(1024)
    head = struct.pack("<IiiHHIIiiII", 40, 100, 100, 1, 8, 1, len(runs), 0, 0, 256, 256)
    return b"BM" + struct.pack("<IHHI", 14 + 40 + 1024 + len(runs), 0, 0, 14 + 40 + 1024) + head + palette + runs


def _many_scans(progressive: bytes) -> bytes:
    """The last scan of a progressive JPEG, so often that the file stays below 6 MB."""
    begin = progressive.rindex(b"\xff\xda")
    scan = progressive[begin:-2]
    return progressive[:begin] + scan * (6 * _MIB // len(scan)) + progressive[-2:]
