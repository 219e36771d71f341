"""Good files of every kind, cut off at many places, and with bytes turned over: what a failing disk and a broken copy leave."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

from PIL import Image
from support.hostile.case import DAMAGED, OK, TOO_LARGE, Hostile
from support.scans import encoded, heic, pages_tiff, pdf

_SHARES = (0.02, 0.25, 0.5, 0.9, 0.995)
_SEEDS = range(4)


def noise(side: int = 64) -> Image.Image:
    """Pixels that do not compress away, so that a cut hits them."""
    return Image.frombytes("RGB", (side, side), random.Random(7).randbytes(side * side * 3))


SEEDS: Mapping[str, Callable[[], bytes]] = {
    "jpg": lambda: encoded(noise(), "JPEG"),
    "progressive.jpg": lambda: encoded(noise(), "JPEG", progressive=True),
    "png": lambda: encoded(noise(), "PNG"),
    "webp": lambda: encoded(noise(), "WEBP"),
    "gif": lambda: encoded(noise(), "GIF"),
    "bmp": lambda: encoded(noise(), "BMP"),
    "lzw.tif": lambda: encoded(noise(), "TIFF", compression="tiff_lzw"),
    "g4.tif": lambda: encoded(noise().convert("1"), "TIFF", compression="group4"),
    "pages.tif": lambda: pages_tiff([noise()] * 3, compression="tiff_adobe_deflate"),
    "jp2": lambda: encoded(noise(), "JPEG2000"),
    "heic": lambda: heic(noise()),
    "avif": lambda: encoded(noise(), "AVIF"),
    "pdf": lambda: pdf([noise()] * 2),
}


def list_cuts() -> Iterator[Hostile]:
    for kind, make in SEEDS.items():
        whole, chance = make(), random.Random(kind)
        for share in _SHARES:
            # a JPEG without its last bytes, and a TIFF without the directory behind its pages, may still hold a page
            codes = (*DAMAGED, "not-a-picture") if kind not in ("pages.tif",) else (*DAMAGED, "not-a-picture", OK)
            yield Hostile(
                f"cut-{share}.{kind}",
                f"a {kind} of which {share:.1%} are there",
                whole[: int(len(whole) * share)],
                codes,
            )
        for seed in _SEEDS:
            data = bytearray(whole)
            for _ in range(12):
                data[chance.randrange(len(data))] = chance.randrange(256)
            yield Hostile(
                f"turned-{seed}.{kind}", f"a {kind} with twelve bytes turned over", bytes(data),
                (OK, *DAMAGED, *TOO_LARGE, "not-a-picture", "memory", "crashed", "timeout", "encrypted"),
            )  # fmt: skip
