"""The wall: all pictures in one, neighbours alike in what they show and in their colours."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiments.common import Outcome
from benchmarks.labelled import open_sketchbooks
from indexer.library import Library
from indexer.output.wall_picture import draw_wall, save_wall


def run(folder: Path, out: Path, *, small: bool) -> Outcome:
    """The wall of the test pages; how often a page's neighbour on it bears its label, beside shelf order and chance."""
    with open_sketchbooks(folder, side_px=32 if small else 224, most=6 if small else None) as library:
        library.maps.make_map(method="tsne")
        began_s = time.monotonic()
        wall = library.maps.make_wall()
        took_s = time.monotonic() - began_s
        picture = draw_wall(
            len(wall.ids), lambda place: library.thumbnails.load(wall.ids[place]), columns=wall.info.columns, tile_px=48
        )
        save_wall(picture, out / "wall.jpg")
        labels = _labels(library, wall.ids)
        alike = _neighbours_alike(labels, wall.info.columns)
        shuffled = _neighbours_alike(np.random.default_rng(0).permutation(labels), wall.info.columns)
    return Outcome(
        "The wall: pictures sorted by what they show and by colour",
        [
            ("pictures", f"{len(wall.ids):,}", "100,000"),
            ("grid", f"{wall.info.columns} × {wall.info.rows}, found in {took_s:.1f} s", "–"),
            ("neighbours on the wall with the same label", f"{alike:.3f}", "looked at"),
            ("the same in a random order", f"{shuffled:.3f}", "–"),
        ],
        [
            "885 pages that can be had here instead of a collection's pictures",
            "MobileNetV2's embeddings; `--blur-mix` and `similar --colour` weigh colour against content (`benchmarks colour`)",
            "100,000 cells are placed in `benchmarks wall`",
        ],
        ["wall.jpg"],
    )


def _labels(library: Library, ids: list[str]) -> NDArray[np.int64]:
    found = {page.page_id: page.label or "" for page in library.pages(limit=1000).pages}
    names = sorted(set(found.values()))
    return np.array([names.index(found[page_id]) for page_id in ids])


def _neighbours_alike(labels: NDArray[np.int64], columns: int) -> float:
    """Share of pairs that hang side by side or one above the other and have one label."""
    rows = -(-len(labels) // columns)
    cells = np.full(rows * columns, -1)
    cells[: len(labels)] = labels
    grid = cells.reshape(rows, columns)
    pairs = [(grid[:, :-1], grid[:, 1:]), (grid[:-1], grid[1:])]
    same = sum(int(((a == b) & (a >= 0)).sum()) for a, b in pairs)
    return same / sum(int(((a >= 0) & (b >= 0)).sum()) for a, b in pairs)
