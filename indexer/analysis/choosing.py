"""What speaks for a number of clusters: where more of them stop to help, and whether they would come out again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.analysis.balance import measure_agreement
from indexer.analysis.kmeans import Clustering, cluster_vectors, nearest_centroids
from indexer.values import Matrix

DRAWS = 5
SHARE = 0.8
MOST_DRAWN = 5_000
"""Pages of one draw at most; more tell no more about stability, and take longer."""


def measure_stability(vectors: Matrix, made: Clustering, *, k: int, seed: int = 0, draws: int = DRAWS) -> list[float]:
    """How much of a clustering comes out again: its adjusted Rand index with each of `draws` made from four fifths of the pages.

    Each draw is clustered by itself, and all pages go to its nearest centroids. 1: the same clusters each time; 0: no more alike than by
    chance. After Ben-Hur, Elisseeff & Guyon, "A stability based method for discovering structure in clustered data", PSB 2002.
    """
    rng = np.random.default_rng([seed, k])
    size = max(min(int(SHARE * len(vectors)), MOST_DRAWN), min(k, len(vectors)))
    found = []
    for draw in range(draws):
        rows = np.sort(rng.choice(len(vectors), size, replace=False))
        centroids = cluster_vectors(vectors[rows], k=min(k, size), seed=seed + draw + 1).centroids
        found.append(measure_agreement(made.labels, nearest_centroids(vectors, centroids)[0]).ari)
    return found


def find_knee(ks: Sequence[int], inertias: Sequence[float]) -> int | None:
    """The position of the k at which more clusters stop to lower the inertia by much; None for fewer than three, or no bend at all.

    The point farthest below the line from the first to the last, both axes from 0 to 1, k by its logarithm (Satopää et al., "Finding a
    Kneedle in a haystack", ICDCSW 2011). Ks ascend.
    """
    if len(ks) < 3 or inertias[0] <= inertias[-1]:
        return None
    x = np.log(np.asarray(ks, dtype=np.float64))
    x = (x - x[0]) / (x[-1] - x[0])
    y = (np.asarray(inertias) - inertias[-1]) / (inertias[0] - inertias[-1])
    depth = (1 - x) - y
    knee = int(depth.argmax())
    return knee if depth[knee] > _LEAST_BEND else None


_LEAST_BEND = 0.02
"""Less than this below the line is no bend but noise."""
