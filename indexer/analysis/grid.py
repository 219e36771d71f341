"""The wall: every page of a map in a cell of its own on a full grid, with neighbours staying neighbours."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from indexer.errors import UsageError
from indexer.values import Matrix

Cells = NDArray[np.int32]
"""int32 [N], the cell of each page: row × columns + column, rows from the top."""

EXACT_BELOW = 1_500
"""Up to how many pages the assignment is exact; its time grows with the cube (see `benchmarks/wall.py`)."""
_ROUNDS = 60
_STRIDES = (1, 2, 3, 5, 8, 13)
_DIRECTIONS = ((1, 0), (0, 1), (1, 1), (1, -1))


def grid_shape(pages: int, aspect: float = 1.0) -> tuple[int, int]:
    """(columns, rows) of a grid for `pages`, about `aspect` times as wide as high; only its last row may be incomplete.

    Raises:
        UsageError: an aspect that is not above 0.
    """
    if not aspect > 0:
        raise UsageError(f"A wall needs an aspect (width by height) above 0, not {aspect}.")
    if pages <= 0:
        return 0, 0
    columns = min(max(round(math.sqrt(pages * aspect)), 1), pages)
    return columns, math.ceil(pages / columns)


def assign_to_grid(points: Matrix, *, columns: int, rows: int, exact_below: int = EXACT_BELOW) -> Cells:
    """int32 [N]: a cell of its own for each of `points` [N, 2]; the first N cells, row by row, are filled.

    The wanted assignment has the least sum of squared distances between points, scaled to the grid, and cells. Up to
    `exact_below` points it is found (Jonker & Volgenant, by scipy). Above, points and cells are halved side by side,
    along the longer side of the cells' region, until each holds one; then pages in cells a few steps apart trade
    places wherever both distances together shrink by it. Equal points come in the order given. y grows downwards, as
    rows do.

    Raises:
        UsageError: too few cells, or points that are not finite.
    """
    pages = len(points)
    if columns * rows < pages:
        raise UsageError(f"A grid of {columns} × {rows} has {columns * rows} cells, too few for {pages} pages.")
    if not np.isfinite(points).all():
        raise UsageError("Some positions on the map are not finite: make the map again.")
    if pages == 0:
        return np.empty(0, dtype=np.int32)
    cells = np.arange(pages)
    places = np.stack([cells % columns, cells // columns], axis=1).astype(np.float64)
    wanted = _scale(points.astype(np.float64), places)
    if pages <= exact_below:
        return _assign_exactly(wanted, places)
    return _trade(_halve(wanted, places), wanted, columns, rows)


def neighbour_preservation(points: Matrix, cells: Cells, *, columns: int, k: int = 8) -> float:
    """The share of the pages' `k` nearest on the map that are as near on the grid as its k nearest cells, 0 to 1.

    k = 8 asks which of the 8 nearest on the map touch the page's cell on the grid, corners included.
    """
    from scipy.spatial import cKDTree

    k = min(k, len(points) - 1)
    if k < 1:
        return 1.0
    steps = np.arange(-k, k + 1)
    reach = np.sort((steps[:, None] ** 2 + steps**2).ravel())[k]
    place = np.stack([cells % columns, cells // columns], axis=1).astype(np.int64)
    _, found = cKDTree(points).query(points, k=k + 1)
    away = ((place[found] - place[:, None, :]) ** 2).sum(axis=2)
    # A page is its own nearest, unless equals crowd it out; then the last one found goes.
    own = found == np.arange(len(points))[:, None]
    own[~own.any(axis=1), -1] = True
    return float((away[~own] <= reach).mean())


def _scale(points: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points with the mean and spread of the grid's places along each axis."""
    spread = points.std(axis=0)
    factor = np.where(spread > 0, places.std(axis=0) / np.where(spread > 0, spread, 1), 0)
    return np.asarray((points - points.mean(axis=0)) * factor + places.mean(axis=0))


def _assign_exactly(wanted: NDArray[np.float64], places: NDArray[np.float64]) -> Cells:
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    _, cells = linear_sum_assignment(cdist(wanted, places, "sqeuclidean"))
    return np.asarray(cells, dtype=np.int32)


def _halve(wanted: NDArray[np.float64], places: NDArray[np.float64]) -> Cells:
    """All segments are halved at once, level by level: two sorts of everything for each of log2 N levels."""
    pages = len(wanted)
    of_points, of_cells = np.arange(pages), np.arange(pages)
    starts = np.array([0, pages])
    while (np.diff(starts) > 1).any():
        lengths = np.diff(starts)
        segment = np.repeat(np.arange(len(lengths)), lengths)
        low = np.minimum.reduceat(places[of_cells], starts[:-1], axis=0)
        high = np.maximum.reduceat(places[of_cells], starts[:-1], axis=0)
        axis = np.where((high - low)[:, 0] >= (high - low)[:, 1], 0, 1)[segment]
        of_points = of_points[_order(wanted[of_points], axis, segment)]
        of_cells = of_cells[_order(places[of_cells], axis, segment)]
        starts = np.unique(np.concatenate([starts, starts[:-1] + lengths // 2]))
    cells = np.empty(pages, dtype=np.int32)
    cells[of_points] = of_cells
    return cells


def _order(points: NDArray[np.float64], axis: NDArray[np.int64], segment: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = np.arange(len(points))
    return np.lexsort((points[rows, 1 - axis], points[rows, axis], segment))


def _trade(cells: Cells, wanted: NDArray[np.float64], columns: int, rows: int) -> Cells:
    """Pairs of cells a fixed step apart trade pages wherever that brings both together closer, until few do."""
    pages = len(cells)
    page_in = np.full(columns * rows, -1, dtype=np.int64)
    page_in[cells] = np.arange(pages)
    grid = page_in.reshape(rows, columns)
    steps = [(dx * stride, dy * stride) for stride in _STRIDES for dx, dy in _DIRECTIONS]
    for _ in range(_ROUNDS):
        traded = sum(_trade_along(grid, wanted, dx, dy) for dx, dy in steps)
        if traded < pages // 1000:
            break
    filled = grid.ravel() >= 0
    cells[grid.ravel()[filled]] = np.flatnonzero(filled)
    return cells


def _trade_along(grid: NDArray[np.int64], wanted: NDArray[np.float64], dx: int, dy: int) -> int:
    """Trades between all pairs of cells (dx, dy) apart, in two passes so that no cell is in two pairs at a time."""
    rows, columns = grid.shape
    if dx >= columns or abs(dy) >= rows:
        return 0
    here = grid[max(-dy, 0) : rows - max(dy, 0), : columns - dx]
    there = grid[max(dy, 0) : rows - max(-dy, 0), dx:]
    along = np.arange(here.shape[1]) // dx if dx else np.arange(here.shape[0])[:, None] // dy
    traded = 0
    for turn in (0, 1):
        mine, other = here.copy(), there.copy()
        usable = (along % 2 == turn) & (mine >= 0) & (other >= 0)
        # |a-q|² + |b-p|² < |a-p|² + |b-q|² is (a-b)·(q-p) > 0, for pages a, b in cells p, q.
        apart = wanted[mine] - wanted[other]
        better = usable & (apart[..., 0] * dx + apart[..., 1] * dy > 1e-12)
        here[better] = other[better]
        there[better] = mine[better]
        traded += int(better.sum())
    return traded
