"""Files without an end: films, chains and trees that a reader follows for ever, or until its stack is full."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image
from support.hostile.case import DAMAGED, OK, TOO_LARGE, Hostile, chunk, png, png_head, zeros
from support.scans import encoded, four_corners


def list_endless() -> Iterator[Hostile]:
    gif = encoded(Image.new("P", (8, 8)), "GIF")
    frame = gif[gif.index(b",") : -1]
    begin = gif[: gif.index(b",")]
    yield Hostile("frames.gif", "50,000 frames", begin + frame * 50_000 + b";", (OK,))
    yield Hostile("no-end.gif", "20,000 frames and no end", begin + frame * 20_000, (OK,))
    yield Hostile(
        "blocks.gif",
        "comments of 255 bytes without end",
        begin + b"\x21\xfe" + (b"\xff" + bytes(255)) * 8_000,
        (*DAMAGED, "timeout"),
    )
    yield Hostile(
        "delays.gif",
        "300,000 pauses before the only frame",
        begin + b"\x21\xf9\4\0\xff\xff\0\0" * 300_000 + frame + b";",
        (OK, *DAMAGED),
    )
    yield Hostile(
        "wide-frame.gif",
        "a small screen with a frame of 65,535 × 65,535",
        begin + b"," + b"\0\0\0\0\xff\xff\xff\xff" + frame[9:] + b";",
        (OK, *DAMAGED, *TOO_LARGE),
    )
    yield Hostile(
        "lzw.gif", "a code that means itself", begin + frame[:10] + b"\x02\x10" + b"\x8c" * 16 + b"\0;", (OK, *DAMAGED)
    )
    yield Hostile(
        "code-size.gif", "codes of 255 bits", begin + frame[:10] + b"\xff" + frame[11:] + b";", (OK, *DAMAGED)
    )
    control = chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    body = zeros(200)
    frames = b"".join(
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", n, 8, 8, 0, 0, 1, 1, 0, 0))
        + chunk(b"fdAT", struct.pack(">I", n) + body)
        for n in range(1, 10_000)
    )
    yield Hostile(
        "frames.png", "an animated PNG that promises 2 thousand million frames",
        png(png_head(8, 8), control, chunk(b"IDAT", zeros(200)), frames, chunk(b"IEND", b"")), (OK, *DAMAGED),
    )  # fmt: skip
    film = encoded(
        four_corners(), "WEBP", save_all=True, append_images=[four_corners().rotate(n) for n in range(1, 40)]
    )
    yield Hostile("film.webp", "a WebP of forty frames", film, (OK,))
    film = encoded(
        four_corners(), "AVIF", save_all=True, append_images=[four_corners().rotate(n) for n in range(1, 10)]
    )
    yield Hostile("film.avif", "an AVIF of ten frames", film, (OK,))
    many = encoded(four_corners(), "MPO", save_all=True, append_images=[four_corners()] * 30)
    yield Hostile("many.jpg", "thirty JPEGs in one", many, (OK,))
    offset = many.index(b"MPF\0") + 4
    yield Hostile(
        "loop.jpg",
        "a directory of JPEGs that points at itself",
        many[: offset + 4] + struct.pack("<I", 0) + many[offset + 8 :],
        (OK, *DAMAGED),
    )
