"""Tiny files whose headers promise much or make no sense, and files that are not what their name says."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import Image
from support.hostile.case import DAMAGED, OK, TOO_LARGE, Hostile, box, chunk, png, png_head, zeros
from support.scans import bomb_png, bomb_webp, encoded, four_corners, heic

_NO_PICTURE = ("not-a-picture",)


def list_lies() -> Iterator[Hostile]:
    yield from _gigapixels()
    yield from _nonsense()
    yield from _impostors()


def _gigapixels() -> Iterator[Hostile]:
    good = encoded(four_corners(), "JPEG")
    at = good.index(b"\xff\xc0") + 5
    yield Hostile(
        "giga.jpg", "a header of 65,535 × 65,535", good[:at] + b"\xff\xff\xff\xff" + good[at + 4 :], TOO_LARGE
    )
    yield Hostile("giga.png", "a header of 60,000 × 60,000", bomb_png(60_000, 60_000), TOO_LARGE)
    yield Hostile(
        "edge.png", "the largest sides that PNG knows", bomb_png(2**31 - 1, 2**31 - 1), (*TOO_LARGE, *DAMAGED)
    )
    yield Hostile("overflow.png", "sides whose product is 0 in 32 bits", bomb_png(2**16, 2**16), TOO_LARGE)
    yield Hostile("thin.png", "one row of 2 thousand million pixels", bomb_png(2**31 - 1, 1), TOO_LARGE)
    yield Hostile("giga.webp", "a canvas of 60,000 × 60,000", bomb_webp(60_000, 60_000), TOO_LARGE)
    yield Hostile("edge.webp", "the largest canvas that WebP knows", bomb_webp(2**24, 2**24), (*TOO_LARGE, *DAMAGED))
    gif = encoded(four_corners(), "GIF")
    yield Hostile("giga.gif", "a screen of 65,535 × 65,535", gif[:6] + b"\xff\xff\xff\xff" + gif[10:], TOO_LARGE)
    bmp = encoded(four_corners(), "BMP")
    for name, width, height in (("giga", 60_000, 60_000), ("edge", 2**31 - 1, 2**31 - 1), ("upside", 60_000, -60_000)):
        data = bmp[:18] + struct.pack("<ii", width, height) + bmp[26:]
        yield Hostile(f"{name}.bmp", f"a header of {width} × {height}", data, (*TOO_LARGE, *DAMAGED))
    jp2 = encoded(four_corners(), "JPEG2000")
    at = jp2.index(b"ihdr") + 4
    yield Hostile(
        "giga.jp2",
        "an image header of 60,000 × 60,000",
        jp2[:at] + struct.pack(">II", 60_000, 60_000) + jp2[at + 8 :],
        (*TOO_LARGE, *DAMAGED),
    )
    stream = jp2[jp2.index(b"\xff\x4f\xff\x51") :]
    yield Hostile(
        "giga.j2k",
        "a codestream of 60,000 × 60,000",
        stream[:8] + struct.pack(">II", 60_000, 60_000) + stream[16:],
        (*TOO_LARGE, *DAMAGED),
    )
    for kind, made in (("heic", heic(four_corners())), ("avif", encoded(four_corners(), "AVIF"))):
        at = made.index(b"ispe") + 8
        data = made[:at] + struct.pack(">II", 60_000, 60_000) + made[at + 8 :]
        yield Hostile(f"giga.{kind}", "a picture box of 60,000 × 60,000", data, (*TOO_LARGE, *DAMAGED, OK))


def _nonsense() -> Iterator[Hostile]:
    yield Hostile("zero.png", "0 × 0 pixels", bomb_png(0, 0), (*DAMAGED, OK))
    yield Hostile("zero-high.png", "64 × 0 pixels", bomb_png(64, 0), (*DAMAGED, OK))
    good = encoded(four_corners(), "JPEG")
    at = good.index(b"\xff\xc0") + 5
    yield Hostile("zero.jpg", "0 × 0 pixels", good[:at] + bytes(4) + good[at + 4 :], DAMAGED)
    yield Hostile("components.jpg", "255 components", good[: at + 4] + b"\xff" + good[at + 5 :], DAMAGED)
    yield Hostile("precision.jpg", "255 bits a sample", good[: at - 1] + b"\xff" + good[at:], DAMAGED)
    yield Hostile(
        "no-tables.jpg",
        "scans without their tables",
        good.replace(b"\xff\xdb", b"\xff\xfe").replace(b"\xff\xc4", b"\xff\xfe"),
        DAMAGED,
    )
    yield Hostile("length.jpg", "a segment of length 0", good[:2] + b"\xff\xe0\0\0" + good[2:], (*DAMAGED, OK))
    yield Hostile("markers.jpg", "a beginning, and nothing but fill bytes", b"\xff\xd8" + b"\xff" * 2**20, DAMAGED)
    yield Hostile("begins.jpg", "100,000 beginnings", b"\xff\xd8" * 100_000, DAMAGED)
    for colour in (1, 5, 7, 255):
        yield Hostile(
            f"colour-{colour}.png",
            f"the colour type {colour}, which there is not",
            png(png_head(8, 8, colour=colour), chunk(b"IDAT", zeros(400)), chunk(b"IEND", b"")),
            DAMAGED,
        )
    yield Hostile(
        "depth.png",
        "77 bits a sample",
        png(png_head(8, 8, depth=77), chunk(b"IDAT", zeros(400)), chunk(b"IEND", b"")),
        DAMAGED,
    )
    yield Hostile(
        "no-palette.png",
        "colours by number, and no palette",
        png(png_head(8, 8, colour=3), chunk(b"IDAT", zeros(72)), chunk(b"IEND", b"")),
        (*DAMAGED, OK),
    )
    long = b"\x7f\xff\xff\xff" + b"IDAT" + b"x"
    yield Hostile("long-chunk.png", "a chunk that promises 2 GB", png(png_head(8, 8)) + long, DAMAGED)
    negative = b"\xff\xff\xff\xff" + b"IDAT" + b"x"
    yield Hostile("negative-chunk.png", "a chunk with a negative length", png(png_head(8, 8)) + negative, DAMAGED)
    yield Hostile(
        "no-head.png",
        "pixels before the header",
        png(chunk(b"IDAT", zeros(200)), png_head(8, 8), chunk(b"IEND", b"")),
        DAMAGED,
    )
    yield Hostile(
        "two-heads.png",
        "two headers that disagree",
        png(png_head(8, 8), png_head(60_000, 60_000), chunk(b"IDAT", zeros(200)), chunk(b"IEND", b"")),
        (*DAMAGED, *TOO_LARGE),
    )
    yield Hostile(
        "filter.png",
        "a row filter that there is not",
        png(png_head(8, 8), chunk(b"IDAT", zlib.compress(b"\x99" * 200)), chunk(b"IEND", b"")),
        (*DAMAGED, OK),
    )
    bmp = encoded(four_corners(), "BMP")
    yield Hostile("offset.bmp", "pixels said to begin 4 GB away", bmp[:10] + b"\xff\xff\xff\xff" + bmp[14:], DAMAGED)
    yield Hostile("bits.bmp", "255 bits a pixel", bmp[:28] + b"\xff\0" + bmp[30:], DAMAGED)
    yield Hostile(
        "palette.bmp",
        "a palette of 4 thousand million colours",
        encoded(Image.new("P", (8, 8)), "BMP")[:46] + b"\xff\xff\xff\xff" + bytes(400),
        (*DAMAGED, OK),
    )
    webp = encoded(four_corners(), "WEBP")
    yield Hostile("length.webp", "a RIFF of 4 GB", webp[:4] + b"\xff\xff\xff\xff" + webp[8:], (*DAMAGED, OK))
    yield Hostile("empty.webp", "a WebP without a picture", b"RIFF" + struct.pack("<I", 4) + b"WEBP", DAMAGED)


def _impostors() -> Iterator[Hostile]:
    xxe = b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg"><text>&e;</text></svg>'
    for name, weakness, data in (
        ("passwd.png", "an SVG that includes /etc/passwd", xxe),
        ("page.jpg", "a web page with a script", b"<!DOCTYPE html><html><script>alert(1)</script></html>"),
        ("script.tif", "a shell script", b"#!/bin/sh\nrm -rf /\n"),
        ("program.jpg", "a program", b"\x7fELF" + bytes(200)),
        ("dos.png", "a program of another system", b"MZ" + bytes(200)),
        ("postscript.jpg", "PostScript, which Ghostscript would run", b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run\n"),
        ("photoshop.tif", "a Photoshop picture of 300,000 × 300,000", b"8BPS\0\1" + bytes(6) + b"\0\3" + b"\0\4\0\0" * 2),
        ("office.jpg", "an Office document", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)),
        ("pickle.png", "a pickle that runs a command", b"\x80\x04cposix\nsystem\n(S'true'\ntR."),
        ("movie.heic", "a film", box(b"ftyp", b"isom\0\0\2\0isomiso2mp41") + box(b"mdat", bytes(500))),
        ("icon.png", "a Windows icon", b"\0\0\1\0\1\0\xff\xff\0\0\1\0\x20\0\xff\xff\xff\x7f\x16\0\0\0"),
        ("fits.jpg", "a FITS header", b"SIMPLE  =                    T" + b" " * 2850),
        ("nulls.png", "zero bytes", bytes(5_000)),
        ("noise.jpg", "noise", bytes(n * 197 % 251 for n in range(5_000))),
        ("text.pdf", "text", b"This is no PDF.\n" * 100),
        ("one.png", "a single byte", b"\x89"),
        ("magic.png", "the first bytes of a PNG only, in other line ends", b"\x89PNG\n\x1a\n" + bytes(100)),
    ):  # fmt: skip
        yield Hostile(name, weakness, data, _NO_PICTURE)
