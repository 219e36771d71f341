"""Metrics against examples worked by hand, published definitions by brute force, and known values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from support.streams import make_breaks

from indexer.analysis.documents import (
    Breaks,
    count_drags,
    find_intervals,
    list_documents,
    measure_grouping,
    measure_groupings,
)
from indexer.errors import UsageError

segmentations = st.integers(2, 24).flatmap(
    lambda pages: st.tuples(
        *[st.lists(st.booleans(), min_size=pages - 1, max_size=pages - 1).map(lambda b: np.array(b, dtype=bool))] * 2
    )
)


def _list_sets(breaks: Breaks) -> list[set[int]]:
    return [set(range(first, last + 1)) for first, last in list_documents(breaks)]


def test_worked_example_agrees_by_hand() -> None:
    """Truth 4+1+3, proposal 3+2+3: one exact match, one at 3/4, page 4 dragged once, one of two breaks right."""
    quality = measure_grouping(make_breaks(4, 1, 3), make_breaks(3, 2, 3))
    assert quality.page_f1 == pytest.approx(0.5)
    assert quality.precision == quality.recall == pytest.approx(0.5)
    assert quality.document_f1 == pytest.approx(2 / 3)  # {5} and {4, 5} overlap by exactly half: no match
    assert quality.pq == pytest.approx((3 / 4 + 1) / 3)
    assert quality.weighted_pq == pytest.approx((3 / 4 * 3.5 + 1 * 3) / 8)
    assert quality.mndd == 1
    assert quality.stp == 0.0


def test_splitting_a_long_document_costs_the_pages_of_the_smaller_part() -> None:
    """Truth 5, proposal 3+2: two pages are dragged over, and the larger part matches at 3/5."""
    quality = measure_grouping(make_breaks(5), make_breaks(3, 2))
    assert quality.mndd == 2
    assert quality.pq == pytest.approx(0.6 / 1.5)
    assert (quality.precision, quality.recall, quality.page_f1) == (0.0, 0.0, 0.0)


@given(segmentations)
def test_identity_scores_one_everywhere(pair: tuple[Breaks, Breaks]) -> None:
    """A grouping compared with itself is without error in every figure."""
    quality = measure_grouping(pair[0], pair[0])
    assert (quality.page_f1, quality.document_f1, quality.pq, quality.stp, quality.mndd) == (1.0, 1.0, 1.0, 1.0, 0)
    assert quality.weighted_pq == pytest.approx(1.0)


@given(segmentations)
def test_merging_everything_scores_the_known_value(pair: tuple[Breaks, Breaks]) -> None:
    """One document for all matches only a true one of more than half the pages: PQ = share / ((documents + 1) / 2)."""
    true = pair[0]
    pages, lengths = len(true) + 1, [last - first + 1 for first, last in list_documents(true)]
    quality = measure_grouping(true, np.zeros_like(true))
    longest = max(lengths)
    expected = longest / pages / ((len(lengths) + 1) / 2) if 2 * longest > pages else 0.0
    assert quality.pq == pytest.approx(expected)
    assert quality.mndd == pages - longest


@given(segmentations)
def test_panoptic_quality_is_the_published_one(pair: tuple[Breaks, Breaks]) -> None:
    """PQ equals Σ IoU over pairs with IoU > 0.5, over TP + FP/2 + FN/2, computed on sets as Kirillov et al. write it."""
    true, proposed = (_list_sets(breaks) for breaks in pair)
    matches = [len(t & p) / len(t | p) for t in true for p in proposed if len(t & p) / len(t | p) > 0.5]
    false_positives, false_negatives = len(proposed) - len(matches), len(true) - len(matches)
    quality = measure_grouping(*pair)
    assert quality.pq == pytest.approx(sum(matches) / (len(matches) + 0.5 * false_positives + 0.5 * false_negatives))
    assert quality.document_f1 == pytest.approx(2 * len(matches) / (len(true) + len(proposed)))


@given(segmentations)
def test_drags_are_the_fewest_of_any_assignment(pair: tuple[Breaks, Breaks]) -> None:
    """MNDD equals pages less the best one-to-one assignment of overlaps, found by the Hungarian method; it is symmetric."""
    true, proposed = (_list_sets(breaks) for breaks in pair)
    overlaps = np.array([[len(t & p) for p in proposed] for t in true])
    rows, columns = linear_sum_assignment(-overlaps)
    assert count_drags(*pair) == len(pair[0]) + 1 - overlaps[rows, columns].sum()
    assert count_drags(*pair) == count_drags(pair[1], pair[0])


@given(segmentations)
def test_page_f1_is_that_of_the_breaks(pair: tuple[Breaks, Breaks]) -> None:
    """Page F1 is 2TP / (2TP + FP + FN) over breaks, and 1 where neither side has any."""
    true, proposed = pair
    hits, false = np.sum(true & proposed), np.sum(true ^ proposed)
    expected = 2 * hits / (2 * hits + false) if hits + false else 1.0
    assert measure_grouping(true, proposed).page_f1 == pytest.approx(expected)


@given(segmentations)
def test_figures_stay_between_zero_and_one(pair: tuple[Breaks, Breaks]) -> None:
    """No share leaves its range, and only the identity reaches a PQ of 1."""
    quality = measure_grouping(*pair)
    shares = (quality.precision, quality.recall, quality.page_f1, quality.document_f1, quality.pq, quality.weighted_pq)
    assert all(0.0 <= share <= 1.0 + 1e-12 for share in shares)
    assert (quality.pq == 1.0) == bool(np.array_equal(*pair))


def test_streams_together_pool_documents_and_count_the_right_ones() -> None:
    """Two streams, one without error: STP is a half, MNDD adds up, PQ is pooled over documents."""
    right = (make_breaks(1, 1), make_breaks(1, 1))
    wrong = (make_breaks(5), make_breaks(3, 2))
    quality = measure_groupings([right, wrong])
    assert quality.stp == 0.5
    assert quality.mndd == 2
    assert quality.pq == pytest.approx((1 + 1 + 0.6) / ((3 + 4) / 2))


@settings(max_examples=20)
@given(segmentations)
def test_intervals_lie_in_range_and_in_order(pair: tuple[Breaks, Breaks]) -> None:
    """Bootstrap bounds are ordered shares, and repeat with the same seed."""
    first = find_intervals([pair], draws=50)
    assert first == find_intervals([pair], draws=50)
    assert all(0.0 <= bound.low <= bound.high <= 1.0 + 1e-12 for bound in first.values())


def test_interval_surrounds_the_figure() -> None:
    """Over many independent documents the interval holds the figure and is narrower than the whole range."""
    rng = np.random.default_rng(3)
    true = rng.random(400) < 0.3
    proposed = true ^ (rng.random(400) < 0.1)
    bounds, quality = find_intervals([(true, proposed)], draws=200)["pq"], measure_grouping(true, proposed)
    assert bounds.low < quality.pq < bounds.high
    assert bounds.high - bounds.low < 0.3


def test_unequal_lengths_are_refused_by_name() -> None:
    """Comparing streams of 3 and 4 pages names both numbers."""
    with pytest.raises(UsageError, match="3 pages, the proposed one 4"):
        measure_grouping(make_breaks(3), make_breaks(4))


def test_nothing_to_measure_is_refused() -> None:
    """No stream at all has no figures."""
    with pytest.raises(UsageError, match="No stream"):
        measure_groupings([])
