"""Quality flags on real pages: how often good pages are called bad, and how many made bad are found; and what flags cost.

    python -m benchmarks.quality [--small]

Every page of `categories/`, `streams/` and `similarity/` (every tenth with --small) is flagged as the indexer flags it. Typed and
printed pages of `categories/` are then made bad in one way each, and flagged again. Prints two tables, and as its last line
one JSON object.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.real_vectors import list_pages
from benchmarks.report import print_machine, print_result, print_table
from indexer.analysis.quality import find_quality_flags
from indexer.sources import at_flag_size, decode_bytes, find_flags
from indexer.values import Pixels

_PAPER = (245, 243, 238)
_SIDE_PX = 512


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="every tenth page")
    every = 10 if parser.parse_args(arguments).small else 1
    machine = print_machine()
    called, pages, cost_ms = _call_real(every)
    found, made = _call_made_bad(every)
    print_result(
        "quality", machine, pages=pages, called=dict(called), made_bad=made, found=found, ms_a_page=round(cost_ms, 2)
    )


def _call_real(every: int) -> tuple[Counter[str], int, float]:
    listed = list_pages()[::every]
    called: Counter[str] = Counter()
    by_folder: dict[str, Counter[str]] = {}
    pages: Counter[str] = Counter()
    took_s = 0.0
    for path, _ in listed:
        pixels = _decode(path)
        began_s = time.perf_counter()
        flags = _flags(pixels)
        took_s += time.perf_counter() - began_s
        folder = next(name for name in ("categories", "streams", "similarity") if name in path.parts)
        pages[folder] += 1
        called.update(flags)
        by_folder.setdefault(folder, Counter()).update(flags)
    folders = sorted(pages)
    rows = [(flag, *(by_folder[folder][flag] for folder in folders)) for flag in sorted(called)]
    print_table(["called on real pages", *(f"{folder} ({pages[folder]})" for folder in folders)], rows)
    return called, len(listed), 1000 * took_s / len(listed)


def _call_made_bad(every: int) -> tuple[dict[str, int], int]:
    ways: dict[str, tuple[str, Callable[[Image.Image], Image.Image]]] = {
        "turned by 2.5°": ("skewed", lambda page: page.rotate(2.5, Image.Resampling.BICUBIC, fillcolor=_PAPER)),
        "turned by 4°": ("skewed", lambda page: page.rotate(4, Image.Resampling.BICUBIC, fillcolor=_PAPER)),
        "blurred by 1.5 px": ("blurred", lambda page: page.filter(ImageFilter.GaussianBlur(1.5))),
        "blurred by 2.5 px": ("blurred", lambda page: page.filter(ImageFilter.GaussianBlur(2.5))),
        "left third cut off": ("cut-edge", lambda page: page.crop((page.width // 3, 0, page.width, page.height))),
        "turned by 180°": ("upside-down", lambda page: page.transpose(Image.Transpose.ROTATE_180)),
        "a third as bright": ("dark", lambda page: page.point(lambda level: level // 3)),
        "two side by side": ("double-page", _as_spread),
        "with a row of patches": ("colour-target", _with_patches),
    }
    chosen = [path for path, label in list_pages() if "categories" in path.parts and label in ("typed", "printed")]
    pictures = [Image.fromarray(_decode(path)) for path in chosen[::every]]
    found = {way: sum(flag in _flags(np.asarray(make(p))) for p in pictures) for way, (flag, make) in ways.items()}
    rows = [(way, ways[way][0], f"{count} of {len(pictures)}") for way, count in found.items()]
    print_table(["made bad", "flag", "found"], rows)
    return found, len(pictures)


def _decode(path: Path) -> Pixels:
    picture = decode_bytes(path.read_bytes(), name=path.name, max_side_px=2 * _SIDE_PX, enough_px=_SIDE_PX)[0].picture
    assert picture is not None
    return picture.pixels


def _flags(pixels: Pixels) -> tuple[str, ...]:
    small = at_flag_size(pixels)
    return (*find_flags(small), *find_quality_flags(small))


def _as_spread(page: Image.Image) -> Image.Image:
    """The page twice, side by side, with the shadow of a fold between."""
    spread = Image.new("RGB", (2 * page.width, page.height))
    spread.paste(page, (0, 0))
    spread.paste(page, (page.width, 0))
    away = np.abs(np.arange(spread.width) - page.width) / page.width
    shade = 1 - 0.35 * np.exp(-((away / 0.02) ** 2))
    return Image.fromarray((np.asarray(spread) * shade[None, :, None]).astype(np.uint8))


def _with_patches(page: Image.Image) -> Image.Image:
    """The page with a strip of eight colour patches laid along its foot."""
    colours = [(200, 40, 40), (230, 200, 30), (40, 160, 60), (40, 170, 200), (40, 60, 190), (190, 50, 170)]
    marked = page.copy()
    side = max(page.width // 18, 12)
    for number, colour in enumerate([*colours, *colours[:2]]):
        left = page.width // 10 + number * (side + 2)
        marked.paste(colour, (left, page.height - 2 * side, left + side, page.height - side))
    return marked


if __name__ == "__main__":
    main()
