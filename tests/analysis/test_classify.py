"""Nearest centroid and `unknown`."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.analysis.classify import SHARES, Spread, classify_vectors, measure_spread
from indexer.values import Matrix


def on_circle(*degrees: float) -> Matrix:
    """Unit vectors in the plane."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def flat_spread(*similarities: float) -> Spread:
    """Clusters whose members are all equally alike."""
    return Spread(np.repeat(np.asarray(similarities, dtype=np.float32)[:, None], len(SHARES), axis=1))


def test_the_nearest_centroid_wins_and_the_margin_is_to_the_next() -> None:
    """A page at 10° between centroids at 0° and 90°."""
    found = classify_vectors(on_circle(10), on_circle(0, 90), flat_spread(0.5, 0.5), unknown_share=0.02)[0]
    assert (found.cluster, found.runner_up, found.unknown) == (0, 1, False)
    assert found.similarity == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    assert found.margin == pytest.approx(np.cos(np.radians(10)) - np.cos(np.radians(80)), abs=1e-6)


def test_a_tie_goes_to_the_lower_number() -> None:
    """Halfway between two centroids."""
    found = classify_vectors(on_circle(45), on_circle(0, 90), flat_spread(0, 0), unknown_share=0.02)[0]
    assert (found.cluster, found.runner_up) == (0, 1)


def test_less_alike_than_the_members_is_unknown() -> None:
    """The threshold is each cluster's own."""
    pages = on_circle(30, 60)
    found = classify_vectors(pages, on_circle(0, 90), flat_spread(0.95, 0.5), unknown_share=0.02)
    assert [one.unknown for one in found] == [True, False]


def test_a_share_of_zero_makes_nothing_unknown() -> None:
    """Even a page opposite to all centroids gets an answer."""
    assert not classify_vectors(on_circle(180), on_circle(0), flat_spread(0.99), unknown_share=0)[0].unknown


def test_one_cluster_has_no_runner_up() -> None:
    """There is nothing to be compared with."""
    found = classify_vectors(on_circle(0), on_circle(0), flat_spread(0.5), unknown_share=0.02)[0]
    assert found.runner_up is None
    assert found.runner_up_similarity is None


def test_members_are_measured_against_the_others() -> None:
    """The closed form equals leaving each member out and averaging the rest."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((40, 8)) + 2
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = np.zeros(40, dtype=np.int32)
    total = vectors.sum(axis=0)
    centroid = total / np.linalg.norm(total)
    spread = measure_spread((vectors @ centroid).astype(np.float32), labels, np.array([np.linalg.norm(total)]))
    alone = [float(v @ ((total - v) / np.linalg.norm(total - v))) for v in vectors]
    np.testing.assert_allclose(spread.quantiles[0], np.quantile(alone, SHARES), atol=1e-5)


def test_small_clusters_borrow_from_all() -> None:
    """A cluster of one page has no spread of its own: it takes most of it from the others."""
    similarities = np.array([1.0] + [0.8] * 60, dtype=np.float32)
    labels = np.array([0] + [1] * 60, dtype=np.int32)
    spread = measure_spread(similarities, labels, np.array([1.0, 48.0]))
    assert spread.threshold(0.02)[0] < 0.85
    assert np.all(np.diff(spread.quantiles, axis=1) >= -1e-6)
