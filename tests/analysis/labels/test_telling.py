"""Classifiers of embeddings, figures worked by hand, and labels that are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.analysis.labels import (
    centroid_chances,
    choose_strength,
    compare_accuracy,
    find_suspects,
    fit_linear,
    label_centroids,
    label_spread,
    log_loss,
    measure_labels,
    neighbour_chances,
    softmax,
    vote,
)
from indexer.errors import UsageError
from indexer.values import Labels, Matrix


def _blobs(each: int, kinds: int, *, seed: int = 0, spread: float = 0.25) -> tuple[Matrix, Labels]:
    """Unit vectors around `kinds` axes of a space of eight dimensions."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(kinds), each).astype(np.int32)
    vectors = np.eye(8)[labels] + spread * rng.normal(size=(len(labels), 8))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32), labels


def test_the_probe_is_scikit_learns() -> None:
    """Same weights as the library called by hand, for three labels and for two; the same each time."""
    from sklearn.linear_model import LogisticRegression

    for kinds in (2, 3):
        vectors, labels = _blobs(20, kinds)
        ours = fit_linear(vectors, labels, kinds, strength=10)
        theirs = LogisticRegression(C=10, class_weight="balanced", max_iter=1000).fit(vectors, labels)
        assert np.allclose(ours.chances(vectors), theirs.predict_proba(vectors), atol=1e-5)
        assert np.array_equal(ours.weights, fit_linear(vectors, labels, kinds, strength=10).weights)


def test_a_label_without_pages_is_never_told() -> None:
    """Label 1 of three has no page: no chance for it, and the others are told as ever; one label alone can't be fitted."""
    vectors, labels = _blobs(10, 3)
    rows = labels != 1
    chances = fit_linear(vectors[rows], labels[rows], 3).chances(vectors[rows])
    assert (chances[:, 1] == 0).all()
    assert (chances.argmax(axis=1) == labels[rows]).mean() > 0.9
    with pytest.raises(UsageError, match="two labels"):
        fit_linear(vectors[:5], labels[:5], 3)


def test_the_strength_is_chosen_by_pages_not_fitted_on() -> None:
    """Where labels are noise in training, the strictest penalty loses least on the validation pages."""
    vectors, labels = _blobs(30, 2)
    noise = np.random.default_rng(1).permutation(labels).astype(np.int32)
    assert choose_strength((vectors, noise), (vectors, labels), 2) == 1.0
    assert choose_strength((vectors, labels), (vectors, labels), 2) > 1.0


def test_centroids_and_neighbours_tell_what_a_person_would() -> None:
    """On three blobs both are right; centroids have unit length, and an absent label is near to nothing."""
    vectors, labels = _blobs(12, 3)
    centroids = label_centroids(vectors, labels, 4)
    assert np.linalg.norm(centroids, axis=1) == pytest.approx([1, 1, 1, 0], abs=1e-6)
    assert (centroid_chances(vectors, centroids).argmax(axis=1) == labels).all()
    assert (neighbour_chances(vectors, vectors, labels, 4).argmax(axis=1) == labels).all()
    spread = label_spread(vectors, labels, centroids[:3])
    assert (np.einsum("nd,nd->n", vectors, centroids[labels]) > spread.threshold(0.02)[labels] - 0.1).all()


def test_neighbours_vote_by_how_near_they_are() -> None:
    """One very near page outvotes two far ones; neighbours without a label say nothing; nobody at all is the same for each."""
    chances = vote(
        np.array([[0.99, 0.7, 0.7], [0.9, 0.5, 0.5], [0.9, 0.9, 0.9]], dtype=np.float32),
        np.array([[0, 1, 1], [-1, 1, 1], [-1, -1, -1]]),
        2,
    )
    assert chances.argmax(axis=1)[:2].tolist() == [0, 1]
    assert chances[2].tolist() == [0.5, 0.5]
    assert chances.sum(axis=1) == pytest.approx(1)


def test_figures_worked_by_hand() -> None:
    """Six pages: four of label 0, three of them told so; two of label 1, one told so."""
    labels = np.array([0, 0, 0, 0, 1, 1], dtype=np.int32)
    told = [0, 0, 0, 1, 1, 0]
    chances = np.array([[0.8, 0.2] if one == 0 else [0.2, 0.8] for one in told], dtype=np.float32)
    found = measure_labels(chances, labels, np.arange(6, dtype=np.int32))
    assert found.confusion.tolist() == [[3, 1], [1, 1]]
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.precision.tolist() == pytest.approx([3 / 4, 1 / 2])
    assert found.recall.tolist() == pytest.approx([3 / 4, 1 / 2])
    assert found.macro_f1 == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found.bins == [(pytest.approx(0.8), pytest.approx(4 / 6), 6)]
    assert found.calibration_error == pytest.approx(0.8 - 4 / 6)
    assert found.accuracy_interval[0] <= found.accuracy <= found.accuracy_interval[1]


def test_intervals_know_that_pages_of_a_group_are_right_together() -> None:
    """A hundred pages in ten groups, each all right or all wrong: the interval is about √10 times that of single pages."""
    right = np.repeat([1, 1, 1, 0, 1, 0, 1, 1, 0, 1], 10)
    labels = np.tile([0, 1], 50).astype(np.int32)
    told = np.where(right == 1, labels, 1 - labels)
    chances = np.eye(2, dtype=np.float32)[told]
    by_group = measure_labels(chances, labels, np.repeat(np.arange(10), 10).astype(np.int32)).accuracy_interval
    by_page = measure_labels(chances, labels, np.arange(100, dtype=np.int32)).accuracy_interval
    ratio = (by_group[1] - by_group[0]) / (by_page[1] - by_page[0])
    assert 2.4 < ratio < 4.0


def test_the_gain_over_another_way_has_its_interval() -> None:
    """Ten of a hundred more are right: the interval lies above 0, and around 0 for a way beside itself."""
    labels = np.zeros(100, dtype=np.int32)
    better, worse = np.zeros(100, dtype=np.int32), np.repeat([0, 1], [80, 20]).astype(np.int32)
    groups = np.arange(100, dtype=np.int32)
    gain, (low, high) = compare_accuracy(better, worse, labels, groups)
    assert gain == pytest.approx(0.2)
    assert 0.1 < low < 0.2 < high < 0.3
    assert compare_accuracy(worse, worse, labels, groups) == (0, (0, 0))


def test_wrong_labels_are_found_and_the_right_one_suggested() -> None:
    """Five of ninety labels swapped: all five are suspects with their true labels, nearly nobody else is, the surest first."""
    vectors, labels = _blobs(30, 3, spread=0.15)
    given = labels.copy()
    swapped = [2, 33, 47, 61, 88]
    given[swapped] = (labels[swapped] + 1) % 3
    rows = np.arange(len(labels))
    chances = np.zeros((len(labels), 3), dtype=np.float32)
    for fold in range(5):
        known = rows % 5 != fold
        chances[~known] = fit_linear(vectors[known], given[known], 3, strength=10).chances(vectors[~known])
    found = find_suspects(chances, given)
    assert set(swapped) <= set(found.pages.tolist())
    assert len(found.pages) <= 7
    suggested = dict(zip(found.pages.tolist(), found.suggested.tolist(), strict=True))
    assert all(suggested[page] == labels[page] for page in swapped)
    excess = chances[found.pages, found.suggested] - chances[found.pages, given[found.pages]]
    assert (np.diff(excess) <= 0).all()


def test_chances_are_chances() -> None:
    """Rows sum to one however large the numbers; a sure and wrong answer costs much, every label weighs the same."""
    assert softmax(np.array([[1000, 0], [0, 0]], dtype=np.float32)).tolist() == [[1, 0], [0.5, 0.5]]
    chances = np.array([[0.9, 0.1]] * 9 + [[0.9, 0.1]], dtype=np.float32)
    labels = np.array([0] * 9 + [1], dtype=np.int32)
    assert log_loss(chances, labels) == pytest.approx((-np.log(0.9) - np.log(0.1)) / 2, rel=1e-5)
