"""The wall: which neighbours on the map stay neighbours on the grid, beside exact assignment and a sort by one axis.

    python -m benchmarks.wall [--small]

On the t-SNE map of 20,000 real pages (1,200 with --small), on 4,000 of them, where exact assignment is possible, and
for time on 100,000 made-up points. Prints a table, and one JSON object as its last line.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

from benchmarks.real_vectors import real_vectors
from indexer.analysis.grid import Cells, assign_to_grid, grid_shape, neighbour_preservation
from indexer.analysis.layout import lay_out
from indexer.values import Matrix

_ASPECT = 1.5
_EXACT = 4000


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="1,200 pages instead of 20,000, 10,000 points for time")
    small = parser.parse_args().small
    pages = 1200 if small else 20_000
    points = lay_out(real_vectors(pages)[0], threads=2)
    some = points[np.random.default_rng(0).permutation(pages)[: min(_EXACT, pages)]]
    results = {f"{pages} pages": _compare(points, exact=False), f"{len(some)} pages": _compare(some, exact=True)}
    rng = np.random.default_rng(0)
    heaps = rng.normal(scale=6, size=(50, 2))[rng.integers(0, 50, 10_000 if small else 100_000)]
    results[f"{len(heaps)} points"] = _compare((heaps + rng.normal(size=heaps.shape)).astype(np.float32), exact=False)
    large, little = results[f"{pages} pages"], results[f"{len(some)} pages"]
    summary = {
        "preservation_of_exact": round(little["halving and trading"]["kept"] / little["exact"]["kept"], 3),
        "preservation_of_row_major": round(large["halving and trading"]["kept"] / large["rows of a sort"]["kept"], 2),
    }
    print(json.dumps({"benchmark": "wall", "pages": pages, **summary, "runs": results}))


def _compare(points: Matrix, *, exact: bool) -> dict[str, dict[str, float]]:
    columns, rows = grid_shape(len(points), _ASPECT)
    ways: dict[str, Callable[[], Cells]] = {
        "halving and trading": lambda: assign_to_grid(points, columns=columns, rows=rows, exact_below=0),
        "rows of a sort": lambda: _rows_of_a_sort(points),
    }
    if exact:
        ways["exact"] = lambda: assign_to_grid(points, columns=columns, rows=rows, exact_below=len(points))
    found: dict[str, dict[str, float]] = {}
    print(f"{len(points):7} on {columns} × {rows:<12} {'seconds':>8} {'8 nearest kept':>15} {'24 nearest kept':>16}")
    for name, way in ways.items():
        began_s = time.perf_counter()
        cells = way()
        took_s = time.perf_counter() - began_s
        kept = [neighbour_preservation(points, cells, columns=columns, k=k) for k in (8, 24)]
        found[name] = {"seconds": round(took_s, 2), "kept": round(kept[0], 4), "kept_of_24": round(kept[1], 4)}
        print(f"  {name:28} {took_s:8.2f} {kept[0]:15.4f} {kept[1]:16.4f}", flush=True)
    return found


def _rows_of_a_sort(points: Matrix) -> Cells:
    cells = np.empty(len(points), dtype=np.int32)
    cells[np.argsort(points[:, 0], kind="stable")] = np.arange(len(points), dtype=np.int32)
    return cells


if __name__ == "__main__":
    main()
