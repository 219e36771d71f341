"""The agreement of labels and clusters, and pages among the wrong neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.analysis.balance import find_misplaced, judge_neighbours, measure_agreement
from indexer.errors import UsageError
from indexer.values import Labels, Matrix


def _unit(rows: list[list[float]]) -> Matrix:
    matrix = np.array(rows, dtype=np.float32)
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True), dtype=np.float32)


def _labels(*numbers: int) -> Labels:
    return np.array(numbers, dtype=np.int32)


def test_labels_that_are_the_clusters_agree_fully() -> None:
    """The same partition under other numbers has purity, NMI and ARI of 1, and a table with one entry in each row."""
    found = measure_agreement(_labels(0, 0, 1, -1, 1), _labels(2, 2, 0, 0, 0))
    assert found.table.tolist() == [[0, 0, 2], [2, 0, 0]]
    assert (found.purity, found.nmi, found.ari) == (1, pytest.approx(1), pytest.approx(1))


def test_clusters_that_know_nothing_of_the_labels_do_not_agree() -> None:
    """Two labels spread evenly over two clusters: half pure, no common information, and no better than chance."""
    found = measure_agreement(_labels(0, 1, 0, 1), _labels(0, 0, 1, 1))
    assert (found.purity, found.nmi) == (0.5, pytest.approx(0))
    assert found.ari <= 0
    assert measure_agreement(_labels(-1), _labels(0)).table.shape == (0, 1)
    with pytest.raises(UsageError, match="same pages"):
        measure_agreement(_labels(0), _labels())


def test_a_page_among_strangers_is_found() -> None:
    """One page of label 0 lies among those of 1: it is listed with their label; pages without a label have no vote and no place."""
    vectors = _unit([[1, 0], [1, 0.1], [1, 0.2], [0, 1], [0.1, 1], [0.2, 1], [0.05, 1], [0.06, 1]])
    found = find_misplaced(vectors, _labels(0, 0, 0, 1, 1, 1, 0, -1), neighbours=3)
    assert found.pages.tolist() == [6]
    assert found.neighbour_labels.tolist() == [1]
    assert found.shares.tolist() == [1.0]


def test_neighbours_that_are_missing_have_no_vote() -> None:
    """The share is that of those that are there; the worst come first."""
    near = np.array([[1, 1, -1], [0, 1, 1], [0, 0, 0], [1, 1, 1]], dtype=np.int32)
    found = judge_neighbours(_labels(0, 0, 1, 1), near, min_share=0.6)
    assert found.pages.tolist() == [0, 2, 1]
    assert found.shares.tolist() == pytest.approx([1, 1, 2 / 3])


def test_few_labels_misplace_nothing() -> None:
    """With one labelled page there are no neighbours to disagree; wrong counts are refused."""
    assert len(find_misplaced(_unit([[1, 0], [0, 1]]), _labels(0, -1)).pages) == 0
    with pytest.raises(UsageError, match="one label"):
        find_misplaced(_unit([[1, 0]]), _labels())
