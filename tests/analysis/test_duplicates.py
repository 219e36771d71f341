"""Near-duplicates: every pair above the similarity and no other, and sets that hold together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.analysis.duplicates import (
    DuplicateSet,
    Pairs,
    confirm_pairs,
    exclude_pairs,
    find_pairs,
    gather_sets,
    pairs_of_neighbours,
)
from indexer.errors import UsageError
from indexer.values import Matrix


def _vectors(pages: int, width: int = 48, copies: int = 20) -> Matrix:
    """Random unit vectors with unequal directions, the last `copies` being slightly changed copies of the first."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(pages, width)) * np.linspace(3, 0.1, width)
    vectors[pages - copies :] = vectors[:copies] + rng.normal(scale=0.05, size=(copies, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _pairs(*found: tuple[int, int, float]) -> Pairs:
    table = np.array(sorted(found), dtype=np.float64).reshape(-1, 3)
    return Pairs(table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2].astype(np.float32))


def _by_hand(vectors: Matrix, threshold: float) -> set[tuple[int, int]]:
    rows, columns = np.nonzero(np.triu(vectors.astype(np.float64) @ vectors.T.astype(np.float64), 1) >= threshold)
    return set(zip(rows.tolist(), columns.tolist(), strict=True))


@pytest.mark.parametrize("pages", [0, 1, 2, 60, 5000])
@pytest.mark.parametrize("threshold", [0.7, 0.97])
def test_all_pairs_above_the_similarity_are_found(pages: int, threshold: float) -> None:
    """Blocks, and the narrow product for many pages, find what the full table holds."""
    vectors = _vectors(pages, copies=min(20, pages // 2))
    pairs = find_pairs(vectors, min_similarity=threshold, block=700)
    found = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert found == sorted(_by_hand(vectors, threshold))
    exact = np.einsum("pd,pd->p", vectors[pairs.first], vectors[pairs.second])
    assert np.allclose(pairs.similarities, exact, atol=1e-6)


def test_vectors_may_come_from_anything_that_is_read_in_blocks() -> None:
    """A source of float16 blocks that counts its reads gives the same pairs, and no read is larger than asked."""

    class Source:
        largest = 0

        def __len__(self) -> int:
            return 5000

        def __getitem__(self, rows: slice) -> np.ndarray:
            read = vectors[rows]
            self.largest = max(self.largest, len(read))
            return read

    vectors = _vectors(5000).astype(np.float16)
    source = Source()
    pairs = find_pairs(source, min_similarity=0.95, block=1000)
    assert len(pairs) >= 18
    assert source.largest <= 4096


def test_pages_kept_out_are_in_no_pair() -> None:
    """Blank pages, all alike, are kept out by a mask."""
    vectors = np.repeat(_vectors(2, copies=1)[:1], 4, axis=0)
    wanted = np.array([True, False, True, False])
    pairs = find_pairs(vectors, min_similarity=0.9, wanted=wanted)
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0], [2])


def test_a_threshold_that_everything_passes_is_refused_before_memory_is_gone() -> None:
    """Too many pairs, and similarities that are none, are named in the error."""
    with pytest.raises(UsageError, match="higher similarity"):
        find_pairs(np.ones((9, 1), dtype=np.float32), min_similarity=0.9, max_pairs=30)
    with pytest.raises(UsageError, match="above 0"):
        find_pairs(_vectors(4, copies=1), min_similarity=97)


def test_progress_counts_the_blocks_of_the_upper_half() -> None:
    """Three blocks of pages are compared in six steps."""
    told: list[tuple[int, int]] = []
    find_pairs(_vectors(30), min_similarity=0.9, block=10, progress=lambda done, total: told.append((done, total)))
    assert told == [(step, 6) for step in range(1, 7)]


def test_pairs_come_from_neighbour_lists_too() -> None:
    """A pair in two lists counts once, with the higher similarity; oneself, gaps and weak neighbours do not count."""
    neighbours = np.array([[0, 1], [0, 2], [1, -1]])
    similarities = np.array([[1.0, 0.97], [0.98, 0.5], [0.5, 1.0]], dtype=np.float32)
    pairs = pairs_of_neighbours(neighbours, similarities, min_similarity=0.9)
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0], [1])
    assert pairs.similarities[0] == pytest.approx(0.98)


def test_what_is_no_duplicate_stays_out() -> None:
    """A pair that a person took out is gone, in whichever order it is named, and its pages never share a set."""
    pairs = _pairs((0, 1, 0.99), (0, 2, 0.98), (1, 2, 0.97))
    left = exclude_pairs(pairs, [(2, 1)])
    assert list(zip(left.first.tolist(), left.second.tolist(), strict=True)) == [(0, 1), (0, 2)]
    assert [found.pages for found in gather_sets(left, excluded=[(2, 1)])] == [(0, 1)]


def test_a_second_opinion_takes_pairs_out() -> None:
    """Only pairs to which the opinion agrees remain, with what it said."""
    pairs, opinions = confirm_pairs(_pairs((0, 1, 0.9), (1, 2, 0.9)), lambda a, b: 0.25 * (a + b), min_agreement=0.5)
    assert (pairs.first.tolist(), opinions.tolist()) == ([1], [0.75])


def test_a_chain_falls_apart_and_a_clique_holds() -> None:
    """Four pages that each resemble the next only are two sets; four that all resemble each other are one."""
    chain = _pairs((0, 1, 0.99), (1, 2, 0.97), (2, 3, 0.98))
    assert [found.pages for found in gather_sets(chain)] == [(0, 1), (2, 3)]
    clique = _pairs(*((a, b, 0.9 + 0.01 * b) for a, b in itertools.combinations(range(4), 2)))
    assert gather_sets(clique) == [DuplicateSet((0, 1, 2, 3), pytest.approx(0.91), 1.0)]


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] < p[1])), st.data())
def test_sets_hold_together(chosen: set[tuple[int, int]], data: st.DataObject) -> None:
    """No page is in two sets, half of each set's pairs were found, and no excluded pair is inside one."""
    order = data.draw(st.permutations(sorted(chosen)))
    excluded = data.draw(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=5))
    pairs = exclude_pairs(_pairs(*((a, b, 0.9 + 0.001 * rank) for rank, (a, b) in enumerate(order))), excluded)
    sets = gather_sets(pairs, excluded=excluded)
    pages = [page for found in sets for page in found.pages]
    assert len(pages) == len(set(pages))
    for found in sets:
        inside = set(itertools.combinations(found.pages, 2))
        assert found.linked == len(inside & chosen) / len(inside)
        assert found.linked >= 0.5
        assert not {(min(p), max(p)) for p in excluded} & inside
