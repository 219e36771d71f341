"""The wall: every page in a cell of its own, none left over, and neighbours staying neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.analysis.grid import assign_to_grid, grid_shape, neighbour_preservation
from indexer.errors import UsageError
from indexer.values import Matrix


def _heaps(pages: int) -> Matrix:
    rng = np.random.default_rng(0)
    centres = rng.normal(scale=5, size=(10, 2))
    return (centres[rng.integers(0, 10, pages)] + rng.normal(size=(pages, 2))).astype(np.float32)


@given(st.integers(0, 500), st.sampled_from([0.3, 1.0, 1.6]))
def test_the_grid_is_full_but_for_its_last_row(pages: int, aspect: float) -> None:
    """There is a cell for every page and no row without one."""
    columns, rows = grid_shape(pages, aspect)
    assert columns * rows >= pages
    assert columns * (rows - 1) < max(pages, 1)


@pytest.mark.parametrize("exact_below", [0, 10_000])
@settings(deadline=None)
@given(points=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=40))
def test_every_page_has_a_cell_of_its_own(exact_below: int, points: list[tuple[int, int]]) -> None:
    """The first N cells are filled, each once, also with equal points or all on a line."""
    array = np.array(points, dtype=np.float32).reshape(-1, 2)
    columns, rows = grid_shape(len(array))
    cells = assign_to_grid(array, columns=columns, rows=rows, exact_below=exact_below)
    assert sorted(cells.tolist()) == list(range(len(array)))


@pytest.mark.parametrize("exact_below", [0, 10_000])
def test_points_that_are_a_grid_already_keep_their_places(exact_below: int) -> None:
    """A shuffled grid is put back: x to columns, y to rows from the top."""
    cells = np.random.default_rng(2).permutation(35)
    points = np.stack([cells % 7, cells // 7], axis=1).astype(np.float32)
    assert np.array_equal(assign_to_grid(points, columns=7, rows=5, exact_below=exact_below), cells)


def test_the_quick_way_comes_close_to_the_exact_one() -> None:
    """Halving and trading costs at most a fifth more than the optimum and keeps nine tenths of its neighbours."""
    points = _heaps(400)
    exact = assign_to_grid(points, columns=20, rows=20, exact_below=400)
    quick = assign_to_grid(points, columns=20, rows=20, exact_below=0)

    def cost(cells: np.ndarray) -> float:
        places = np.stack([cells % 20, cells // 20], axis=1)
        wanted = (points - points.mean(axis=0)) / points.std(axis=0) * places.std(axis=0) + places.mean(axis=0)
        return float(((wanted - places) ** 2).sum())

    assert cost(exact) <= cost(quick) <= 1.2 * cost(exact)
    kept = [neighbour_preservation(points, cells, columns=20) for cells in (exact, quick)]
    assert kept[1] > 0.9 * kept[0]
    rows_of_a_sort = np.empty(400, dtype=np.int32)
    rows_of_a_sort[np.argsort(points[:, 0])] = np.arange(400)
    assert kept[1] > 3 * neighbour_preservation(points, rows_of_a_sort, columns=20)


def test_preservation_is_one_on_a_grid_and_near_chance_when_shuffled() -> None:
    """Points that are their cells keep all their inner neighbours; shuffled cells keep about 8 of 899."""
    cells = np.arange(900, dtype=np.int32)
    points = np.stack([cells % 30, cells // 30], axis=1).astype(np.float32)
    assert neighbour_preservation(points, cells, columns=30) > 0.93
    shuffled = np.random.default_rng(0).permutation(900).astype(np.int32)
    assert neighbour_preservation(points, shuffled, columns=30) < 0.03
    assert neighbour_preservation(points[:1], cells[:1], columns=1) == 1


def test_too_small_a_grid_and_broken_maps_are_refused() -> None:
    """Pages without a cell, positions that are no numbers and walls without width are named."""
    with pytest.raises(UsageError, match="too few"):
        assign_to_grid(_heaps(5), columns=2, rows=2)
    with pytest.raises(UsageError, match="not finite"):
        assign_to_grid(np.array([[np.nan, 0]], dtype=np.float32), columns=1, rows=1)
    with pytest.raises(UsageError, match="aspect"):
        grid_shape(5, 0)
