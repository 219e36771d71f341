"""The knee of the inertia, and whether clusters would come out again."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.analysis.choosing import find_knee, measure_stability
from indexer.analysis.kmeans import cluster_vectors
from indexer.values import Matrix


def _blobs(kinds: int, each: int, *, spread: float) -> Matrix:
    rng = np.random.default_rng(0)
    rows = np.eye(16)[np.repeat(np.arange(kinds), each)] + spread * rng.normal(size=(kinds * each, 16))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def test_the_knee_is_where_the_curve_bends() -> None:
    """Six blobs: up to six clusters inertia falls steeply, then hardly; a straight line (in the logarithm of k) has no knee."""
    vectors = _blobs(6, 20, spread=0.05)
    ks = [2, 3, 4, 6, 8, 12, 16]
    inertias = [float(cluster_vectors(vectors, k=k).inertia.sum()) for k in ks]
    knee = find_knee(ks, inertias)
    assert knee is not None
    assert ks[knee] == 6
    assert find_knee([2, 4, 8, 16], [4.0, 3.0, 2.0, 1.0]) is None


@pytest.mark.parametrize(("ks", "inertias"), [([4, 8], [2.0, 1.0]), ([2, 4, 8], [1.0, 1.0, 1.0]), ([], [])])
def test_without_a_fall_or_a_middle_there_is_no_knee(ks: list[int], inertias: list[float]) -> None:
    """Two numbers have no middle, a level line no bend."""
    assert find_knee(ks, inertias) is None


def test_true_clusters_come_out_again_and_those_of_noise_do_not() -> None:
    """Four blobs cut into four are the same from each draw; noise cut into four is not; the same seed tells the same."""
    blobs, noise = _blobs(4, 30, spread=0.05), _blobs(1, 120, spread=3.0)
    stable = measure_stability(blobs, cluster_vectors(blobs, k=4), k=4)
    shaky = measure_stability(noise, cluster_vectors(noise, k=4), k=4)
    assert len(stable) == len(shaky) == 5
    assert min(stable) > 0.99
    assert max(shaky) < 0.8
    assert stable == measure_stability(blobs, cluster_vectors(blobs, k=4), k=4)
