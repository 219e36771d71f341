"""JPEG 2000, HEIC and AVIF: boxes of boxes, with lengths that lie, and pictures put together from pictures that are not there."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from support.hostile.case import DAMAGED, OK, TOO_LARGE, Hostile, box
from support.scans import encoded, four_corners, heic

_ANY = (OK, *DAMAGED, *TOO_LARGE, "memory", "timeout", "crashed", "not-a-picture")
"""What libheif and OpenJPEG make of such files changes with each version; they may do anything but harm."""


def list_boxes() -> Iterator[Hostile]:
    yield from _jpeg2000()
    for kind, good in (("heic", heic(four_corners())), ("avif", encoded(four_corners(), "AVIF"))):
        yield from _heif(kind, good)


def _jpeg2000() -> Iterator[Hostile]:
    jp2 = encoded(four_corners(), "JPEG2000")
    start = jp2.index(b"\xff\x4f\xff\x51")
    head, stream = jp2[:start], jp2[start:]
    head_box = jp2.index(b"jp2h")
    yield Hostile(
        "length-0.jp2", "a box that says it goes on to the end", jp2[: head_box - 4] + bytes(4) + jp2[head_box:], _ANY
    )
    yield Hostile(
        "length-1.jp2",
        "a box with a length of 2⁶³",
        jp2[: head_box - 4] + struct.pack(">I4sQ", 1, b"jp2h", 2**63) + jp2[head_box + 4 :],
        _ANY,
    )
    yield Hostile(
        "length-3.jp2",
        "a box shorter than its own head",
        jp2[: head_box - 4] + struct.pack(">I", 3) + jp2[head_box:],
        _ANY,
    )
    nested = b""
    for _ in range(5_000):
        nested = box(b"jp2h", nested)
    yield Hostile(
        "nested.jp2", "5,000 boxes inside each other", jp2[: head_box - 4] + nested + jp2[head_box - 4 :], _ANY
    )
    yield Hostile("headless.jp2", "a stream without its header", jp2[: head_box - 4] + box(b"jp2c", stream), _ANY)
    yield Hostile("no-stream.jp2", "a header without its stream", head[:-8], _ANY)
    for name, weakness, at, value in (
        ("tile-1", "a tile for each pixel", 22, struct.pack(">II", 1, 1)),
        ("tile-0", "tiles of no size", 22, struct.pack(">II", 0, 0)),
        ("origin", "a picture that begins beyond its end", 16, struct.pack(">II", 2**31, 2**31)),
        ("components", "16,384 components", 38, struct.pack(">H", 16_384)),
        ("depth", "components of 255 bits", 40, b"\xff\1\1"),
        ("sampling", "components sampled at every 255th point", 40, b"\7\xff\xff"),
        ("no-sampling", "components sampled at every 0th point", 40, b"\7\0\0"),
    ):
        data = head + stream[: 2 + at - 2] + value + stream[at + len(value) :]
        yield Hostile(f"{name}.jp2", weakness, data, _ANY)
    cod = stream.index(b"\xff\x52")
    for name, weakness, at, value in (
        ("levels", "255 levels of resolution", cod + 9, b"\xff"),
        ("blocks", "code blocks of 2⁵¹⁰ samples", cod + 10, b"\xff\xff"),
        ("layers", "65,535 layers", cod + 6, b"\xff\xff"),
        ("order", "packets in an order that there is not", cod + 5, b"\xff"),
    ):
        yield Hostile(f"{name}.jp2", weakness, head + stream[:at] + value + stream[at + len(value) :], _ANY)
    sot = stream.index(b"\xff\x90")
    yield Hostile("tile-number.jp2", "tile 65,535", head + stream[: sot + 4] + b"\xff\xff" + stream[sot + 6 :], _ANY)
    yield Hostile(
        "tile-long.jp2", "a tile of 4 GB", head + stream[: sot + 6] + b"\xff\xff\xff\xff" + stream[sot + 10 :], _ANY
    )
    yield Hostile(
        "tiles.jp2", "the same tile 5,000 times", head + stream[:sot] + stream[sot:-2] * 500 + stream[-2:], _ANY
    )


def _heif(kind: str, good: bytes) -> Iterator[Hostile]:
    def changed(name: bytes, skip: int, value: bytes) -> bytes:
        at = good.index(name) + 4 + skip
        return good[:at] + value + good[at + len(value) :]

    def lying(name: bytes, length: int) -> bytes:
        at = good.index(name) - 4
        return good[:at] + struct.pack(">I", length) + good[at + 4 :]

    brands = good[: int.from_bytes(good[:4], "big")]
    for name in (b"meta", b"iloc", b"iprp", b"iinf"):
        word = name.decode()
        yield Hostile(f"{word}-0.{kind}", f"the box {word} with the length 0", lying(name, 0), _ANY)
        yield Hostile(f"{word}-huge.{kind}", f"the box {word} with a length of 4 GB", lying(name, 2**32 - 1), _ANY)
        yield Hostile(f"{word}-gone.{kind}", f"the box {word} under another name", good.replace(name, b"xxxx", 1), _ANY)
    yield Hostile(f"places.{kind}", "the places of 65,535 pictures", changed(b"iloc", 6, b"\xff\xff"), _ANY)
    yield Hostile(
        f"far.{kind}", "a picture beyond the end of the file", changed(b"iloc", 14, b"\xff\xff\xff\xf0"), _ANY
    )
    yield Hostile(f"items.{kind}", "65,535 items of which one is there", changed(b"iinf", 4, b"\xff\xff"), _ANY)
    yield Hostile(f"kind.{kind}", "an item of a kind that there is not", changed(b"infe", 8, b"zzzz"), _ANY)
    yield Hostile(f"derived.{kind}", "a picture derived from nothing", changed(b"infe", 8, b"grid"), _ANY)
    yield Hostile(f"turned.{kind}", "a size of 0 × 0", changed(b"ispe", 4, bytes(8)), _ANY)
    yield Hostile(f"only-brands.{kind}", "the brands, and nothing behind them", brands, _ANY)
    nested = b""
    for _ in range(2_000):
        nested = box(b"meta", bytes(4) + nested)
    yield Hostile(f"nested.{kind}", "2,000 boxes inside each other", brands + nested, _ANY)
    yield Hostile(
        f"boxes.{kind}",
        "200,000 empty boxes before the first that counts",
        brands + box(b"free", b"") * 200_000 + good[len(brands) :],
        _ANY,
    )
    yield Hostile(
        f"extended.{kind}",
        "a box with a length of 2⁶³",
        brands + struct.pack(">I4sQ", 1, b"meta", 2**63) + bytes(100),
        _ANY,
    )
