"""Names by meaning: as scikit-learn called by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering
from support.meaning import DIMENSIONS, make_names, make_words

from indexer.analysis import meaning
from indexer.analysis.meaning import average_words, group_names, split_words
from indexer.errors import UsageError


def as_sets(labels: np.ndarray) -> set[frozenset[int]]:
    """A partition, whatever its parts are numbered."""
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("alarm clock", ["alarm", "clock"]),
        ("alarm_clock-2", ["alarm", "clock", "2"]),
        ("AlarmClock", ["alarm", "clock"]),
        ("USA", ["usa"]),
        ("Größe (groß)", ["größe", "groß"]),
        ("01 Katzen", ["01", "katzen"]),
        ("–", []),
    ],
)
def test_names_are_split_into_words(name: str, words: list[str]) -> None:
    """At spaces, signs and humps, in lower case, whatever the script."""
    assert split_words(name) == words


def test_several_words_are_averaged() -> None:
    """The mean of the words that are known; names without any have zeros and are not known."""
    vectors = {"alarm": np.array([1, 0], dtype=np.float32), "clock": np.array([0, 3], dtype=np.float32)}
    rows, known = average_words(["alarm clock", "clock", "old clock", "tower", ""], vectors, dimensions=2)
    np.testing.assert_allclose(rows, [[0.5, 1.5], [0, 3], [0, 3], [0, 0], [0, 0]])
    assert known.tolist() == [True, True, True, False, False]


@pytest.mark.parametrize("threshold", [0.05, 0.43, 0.9, 1.5])
def test_250_names_are_grouped_as_by_scikit_learn_called_by_hand(threshold: float) -> None:
    """Average linkage on cosine distances, cut at the threshold; groups are numbered by their first names."""
    words = make_words()
    names = make_names(list(words))
    rows, known = average_words(names, words, dimensions=DIMENSIONS)
    labels = group_names(rows, known, distance_threshold=threshold)
    by_hand = np.array([np.mean([words[word] for word in name.split()], axis=0) for name in names])
    expected = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=threshold
    ).fit_predict(by_hand)
    assert as_sets(labels) == as_sets(expected)
    firsts = [int(np.flatnonzero(labels == label)[0]) for label in range(labels.max() + 1)]
    assert firsts == sorted(firsts)


def test_names_that_mean_nothing_stand_alone() -> None:
    """However many there are, and where no name or only one means anything."""
    rows = np.array([[0, 0], [1, 0], [0, 0], [1, 0.1]], dtype=np.float32)
    assert group_names(rows, np.array([False, True, False, True]), distance_threshold=0.43).tolist() == [0, 1, 2, 1]
    assert group_names(rows, np.array([False, True, False, False]), distance_threshold=0.43).tolist() == [0, 1, 2, 3]
    assert group_names(rows[:0], np.zeros(0, dtype=np.bool_), distance_threshold=0.43).tolist() == []


@settings(max_examples=30, deadline=None, database=None)
@given(st.permutations(range(30)))
def test_the_order_of_names_does_not_matter(order: list[int]) -> None:
    """The same names in another order are put together the same."""
    rows = np.random.default_rng(4).standard_normal((30, 5)).astype(np.float32)
    known = np.ones(30, dtype=np.bool_)
    straight = group_names(rows, known, distance_threshold=0.6)
    shuffled = group_names(rows[order], known, distance_threshold=0.6)
    assert as_sets(straight) == {frozenset(order[i] for i in part) for part in as_sets(shuffled)}


def test_what_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A threshold out of range, and more names than can be compared, before any work is done."""
    rows, known = np.ones((3, 2), dtype=np.float32), np.ones(3, dtype=np.bool_)
    for threshold in (0, -1, 2.1, float("nan")):
        with pytest.raises(UsageError, match="0 to 2"):
            group_names(rows, known, distance_threshold=threshold)
    monkeypatch.setattr(meaning, "MOST_NAMES", 2)
    with pytest.raises(UsageError, match="3 different names"):
        group_names(rows, known, distance_threshold=0.43)
