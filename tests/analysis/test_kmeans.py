"""k-means on the sphere, against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from indexer.analysis.kmeans import cluster_stream, cluster_vectors, measure_silhouette, nearest_centroids
from indexer.errors import UsageError
from indexer.values import Matrix


def unit(rows: np.ndarray) -> Matrix:
    """Rows on the unit sphere."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def blobs(sizes: tuple[int, ...], *, seed: int = 1, dimensions: int = 16) -> tuple[Matrix, np.ndarray]:
    """Tight heaps of pages about different directions, with the heap of each."""
    rng = np.random.default_rng(seed)
    centres = np.eye(dimensions)[: len(sizes)]
    of = np.repeat(np.arange(len(sizes)), sizes)
    return unit(centres[of] + 0.05 * rng.standard_normal((len(of), dimensions))), of


def test_heaps_are_found_and_numbered_by_size() -> None:
    """Three heaps of 5, 20 and 10 pages become clusters 0, 1 and 2, largest first."""
    vectors, of = blobs((5, 20, 10))
    made = cluster_vectors(vectors, k=3, seed=0)
    assert made.sizes.tolist() == [20, 10, 5]
    assert [made.labels[of == heap].tolist() for heap in (1, 2, 0)] == [[0] * 20, [1] * 10, [2] * 5]


def test_centroids_are_unit_means() -> None:
    """A centroid is the mean of its members, put back on the sphere."""
    vectors, _ = blobs((30, 12))
    made = cluster_vectors(vectors, k=2)
    means = np.stack([vectors[made.labels == n].mean(axis=0) for n in range(2)])
    np.testing.assert_allclose(made.centroids, unit(means), atol=1e-4)


def test_the_same_seed_gives_the_same_clusters() -> None:
    """Two runs over the same pages agree to the last bit."""
    vectors, _ = blobs((40, 40, 40), seed=3)
    first, second = (cluster_vectors(vectors, k=5, seed=9) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.centroids, second.centroids)


def test_inertia_is_the_squared_distance_to_the_centroid() -> None:
    """2 − 2·cosine on the sphere is the squared distance, summed over each cluster's members."""
    vectors, _ = blobs((15, 15))
    made = cluster_vectors(vectors, k=2)
    by_hand = [np.sum((vectors[made.labels == n] - made.centroids[n]) ** 2) for n in range(2)]
    np.testing.assert_allclose(made.inertia, by_hand, rtol=1e-3)


def test_equal_pages_make_fewer_clusters_than_asked() -> None:
    """Ten copies of one page cannot be three clusters."""
    made = cluster_vectors(unit(np.ones((10, 4))), k=3)
    assert made.sizes.tolist() == [10]


@pytest.mark.parametrize(("k", "pages"), [(0, 5), (-1, 5), (6, 5)])
def test_impossible_numbers_of_clusters_are_refused(k: int, pages: int) -> None:
    """No clusters, or more than pages, is an error that says so."""
    with pytest.raises(UsageError, match="clusters"):
        cluster_vectors(unit(np.eye(5)[:pages]), k=k)


@given(
    arrays(np.float32, (20, 5), elements=st.floats(-1, 1, width=32)),
    arrays(np.float32, (4, 5), elements=st.floats(-1, 1, width=32)),
)
def test_assignment_equals_brute_force(pages: np.ndarray, centroids: np.ndarray) -> None:
    """In blocks or not, every page goes to the centroid with the highest cosine."""
    labels, similarities = nearest_centroids(pages, centroids)
    cosines = np.array([[np.dot(p.astype(np.float64), c.astype(np.float64)) for c in centroids] for p in pages])
    np.testing.assert_allclose(similarities, cosines.max(axis=1), atol=1e-5)
    np.testing.assert_allclose(cosines[np.arange(20), labels], cosines.max(axis=1), atol=1e-5)


def test_streaming_finds_the_same_heaps() -> None:
    """Mini-batches over blocks that do not fit the heaps still find them."""
    vectors, of = blobs((300, 200, 100))
    mixed = np.random.default_rng(0).permutation(len(vectors))
    vectors, of = vectors[mixed], of[mixed]
    centroids = cluster_stream(lambda: np.array_split(vectors, 7), count=len(vectors), k=3, seed=0)
    labels, _ = nearest_centroids(vectors, centroids)
    assert all(len(set(labels[of == heap])) == 1 for heap in range(3))
    assert len(set(labels)) == 3


def test_silhouette_tells_clear_clusters_from_none() -> None:
    """Separate heaps come near 1, a random split near 0, one cluster has none."""
    vectors, of = blobs((50, 50))
    assert measure_silhouette(vectors, of.astype(np.int32)) > 0.8
    mixed = np.random.default_rng(0).permutation(of).astype(np.int32)
    assert abs(measure_silhouette(vectors, mixed)) < 0.1
    assert np.isnan(measure_silhouette(vectors, np.zeros(100, dtype=np.int32)))
