"""Spherical k-means: pages of unit length, centroids of unit length, cosine between them.

Dhillon & Modha, "Concept decompositions for large sparse text data using clustering", Machine Learning 42 (2001). On unit
vectors, Euclidean k-means and cosine agree on who is nearest; the means are put back on the sphere at the end, and every
page goes to its nearest centroid once more, so that assignment and `classify` never disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from indexer.errors import UsageError
from indexer.values import Labels, Matrix

MINI_BATCH_FROM = 50_000
"""Pages from which on mini-batches are used. On 2 cores with 512 dimensions and k 64, 50,000 pages take about 10 s with full
passes, and the inertia of mini-batches is within 1 %; below, full passes are quick and better."""
ASSIGN_BLOCK = 16_384
"""Pages compared with all centroids at a time: 16,384 × 512 float32 are 32 MiB."""


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """K clusters of N pages. `centroids` float32 [K, D] of unit length, largest cluster first; `labels` int32 [N], -1: in none."""

    centroids: Matrix
    labels: Labels
    similarities: Matrix
    """float32 [N]: cosine of each page with its own centroid."""

    @property
    def sizes(self) -> np.ndarray:
        """int64 [K]: pages of each cluster."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self.centroids))

    @property
    def inertia(self) -> np.ndarray:
        """float64 [K]: sum of squared distances to the centroid, 2 − 2·cosine on the sphere."""
        inside = self.labels >= 0
        distances = 2.0 - 2.0 * self.similarities[inside].astype(np.float64)
        return np.bincount(self.labels[inside], weights=distances, minlength=len(self.centroids))


def cluster_vectors(vectors: Matrix, *, k: int, seed: int = 0) -> Clustering:
    """K clusters of the pages whose unit vectors are the rows of `vectors` [N, D].

    The same vectors in the same order, with the same k and seed, give the same clusters. Clusters are numbered by size,
    largest first, ties by the first page. Empty clusters do not occur; where there are fewer different pages than k, there
    are fewer clusters.

    Raises:
        UsageError: k is below 1, or there are fewer pages than k.
    """
    check_k(k, len(vectors))
    from sklearn.cluster import KMeans

    distinct = min(k, _count_distinct(vectors, k))
    model = KMeans(n_clusters=distinct, n_init=4 if len(vectors) < 10_000 else 1, random_state=seed)
    with one_thread():
        model.fit(vectors)
    centroids = to_sphere(model.cluster_centers_)
    return number_by_size(centroids, *nearest_centroids(vectors, centroids))


def cluster_stream(
    blocks: Callable[[], Iterable[Matrix]], *, count: int, k: int, seed: int = 0, passes: int = 3
) -> Matrix:
    """Unit centroids [K, D] of more pages than should be in memory at once, by mini-batches over `passes` readings.

    `blocks` begins a new reading of the `count` pages in the same order. The start is k-means++ on a sample spread evenly over the
    pages. Sculley, "Web-scale k-means clustering", WWW 2010.
    """
    check_k(k, count)
    from sklearn.cluster import MiniBatchKMeans

    sample = _sample_evenly(blocks(), count, size=min(count, max(20 * k, 20_000)))
    start = cluster_vectors(sample, k=min(k, len(sample)), seed=seed).centroids
    model = MiniBatchKMeans(
        n_clusters=len(start), init=start, n_init=1, random_state=seed, batch_size=ASSIGN_BLOCK, reassignment_ratio=0.0
    )
    for _ in range(passes):
        for block in blocks():
            # A block smaller than k would make scikit-learn refuse the first partial fit.
            if len(block) >= len(start):
                with one_thread():
                    model.partial_fit(block)
    return to_sphere(model.cluster_centers_)


def number_by_size(centroids: Matrix, labels: Labels, similarities: Matrix) -> Clustering:
    """The clustering with its clusters numbered by size, largest first, ties by the first page; those without pages are dropped."""
    inside = np.flatnonzero(labels >= 0)
    sizes = np.bincount(labels[inside], minlength=len(centroids))
    first = np.full(len(centroids), len(labels))
    np.minimum.at(first, labels[inside], inside)
    order = np.lexsort((first, -sizes))
    order = order[sizes[order] > 0]
    renumbered = np.full(len(centroids) + 1, -1, dtype=np.int32)  # the last is what -1 picks
    renumbered[order] = np.arange(len(order), dtype=np.int32)
    return Clustering(np.ascontiguousarray(centroids[order]), renumbered[labels], similarities)


def nearest_centroids(vectors: Matrix, centroids: Matrix) -> tuple[Labels, Matrix]:
    """Nearest centroid (int32 [N]; ties go to the lower number) and the cosine with it (float32 [N]), in blocks."""
    labels = np.empty(len(vectors), dtype=np.int32)
    similarities = np.empty(len(vectors), dtype=np.float32)
    for begin in range(0, len(vectors), ASSIGN_BLOCK):
        cosines = vectors[begin : begin + ASSIGN_BLOCK] @ centroids.T
        best = np.argmax(cosines, axis=1)
        labels[begin : begin + len(best)] = best
        similarities[begin : begin + len(best)] = cosines[np.arange(len(best)), best]
    return labels, similarities


def measure_silhouette(vectors: Matrix, labels: Labels, *, sample: int = 5_000, seed: int = 0) -> float:
    """Mean silhouette by cosine distance over a seeded sample, −1 … 1, higher is clearer; NaN for fewer than two clusters.

    Rousseeuw, "Silhouettes", J. Comput. Appl. Math. 20 (1987).
    """
    if len(vectors) > sample:
        chosen = np.sort(np.random.default_rng(seed).choice(len(vectors), sample, replace=False))
        vectors, labels = vectors[chosen], labels[chosen]
    if not 2 <= len(np.unique(labels)) < len(labels):
        return float("nan")
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(vectors, labels, metric="cosine"))


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in one order only: scikit-learn's threads add up in the order in which they finish, and the last bits differ."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def check_k(k: int, pages: int) -> None:
    """Raise UsageError unless 1 ≤ k ≤ pages."""
    if k < 1:
        raise UsageError(f"{k} clusters can't be made; give a k of 1 or more.")
    if pages < k:
        raise UsageError(f"{k} clusters can't be made of {pages} pages; index more pages, or give a smaller k.")


def to_sphere(means: np.ndarray) -> Matrix:
    """The rows [K, D] at unit length, float32."""
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return np.ascontiguousarray(means / np.maximum(lengths, 1e-12), dtype=np.float32)


def _count_distinct(vectors: Matrix, enough: int) -> int:
    """How many different rows there are, as far as `enough`; more centroids than that would make scikit-learn warn."""
    seen: set[bytes] = set()
    for row in vectors:
        seen.add(row.tobytes())
        if len(seen) >= enough:
            break
    return len(seen)


def _sample_evenly(blocks: Iterable[Matrix], count: int, *, size: int) -> Matrix:
    wanted = np.linspace(0, count - 1, size).astype(np.int64)
    parts, begin = [], 0
    for block in blocks:
        inside = wanted[(wanted >= begin) & (wanted < begin + len(block))] - begin
        parts.append(block[inside])
        begin += len(block)
    return np.concatenate(parts)
