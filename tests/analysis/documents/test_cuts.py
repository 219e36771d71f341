"""The simple cuts and the baselines."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.streams import make_breaks, make_stream

from indexer.analysis.documents import (
    cut_at_mean_length,
    cut_by_merging,
    cut_by_threshold,
    cut_into_one,
    cut_into_singles,
    find_threshold,
    list_documents,
    measure_neighbours,
)


def test_threshold_breaks_where_neighbours_are_more_unlike() -> None:
    """0.2 and 0.5 do not exceed 0.5; 0.6 does."""
    assert cut_by_threshold(np.array([0.2, 0.5, 0.6]), 0.5).tolist() == [False, False, True]


def test_the_threshold_found_parts_two_heaps() -> None:
    """Between joins near 0.1 and breaks near 0.8; nothing is cut where there is nothing to part."""
    values = np.array([0.1, 0.8, 0.12, 0.09, 0.75, 0.11])
    assert cut_by_threshold(values, find_threshold(values)).tolist() == [False, True, False, False, True, False]
    assert not cut_by_threshold(values[:1], find_threshold(values[:1])).any()


def test_neighbours_are_one_less_their_cosine() -> None:
    """Equal pages are 0 apart, pages at right angles 1."""
    assert measure_neighbours(np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)).tolist() == [0.0, 1.0]


def test_merging_finds_clear_documents() -> None:
    """Pages close around three centres become three documents."""
    pages = make_stream([4, 3, 5], noise=0.1)
    assert pages.page is not None
    assert np.array_equal(cut_by_merging(pages.page, 0.5), make_breaks(4, 3, 5))


@given(st.integers(1, 20), st.integers(0, 100))
def test_merging_goes_from_singles_to_one(pages: int, seed: int) -> None:
    """Below every distance nothing merges; above every distance all do; cuts are nested in between."""
    vectors = np.random.default_rng(seed).standard_normal((pages, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert cut_by_merging(vectors, -1.0).all()
    assert not cut_by_merging(vectors, 2.0).any()
    fine, coarse = cut_by_merging(vectors, 0.5), cut_by_merging(vectors, 1.0)
    assert not np.any(coarse & ~fine)


def test_baselines_look_at_no_page() -> None:
    """One, singles, and a mean of 2.5 pages, whose rounding does not add up."""
    assert not cut_into_one(4).any()
    assert cut_into_singles(4).all()
    assert [last - first + 1 for first, last in list_documents(cut_at_mean_length(10, 2.5))] == [2, 3, 3, 2]
    assert cut_into_one(1).shape == cut_into_singles(1).shape == cut_at_mean_length(1, 3.0).shape == (0,)
