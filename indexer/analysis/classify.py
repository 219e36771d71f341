"""Which cluster a new page belongs to, and whether it belongs to any.

Nearest centroid by cosine. A cluster's own members tell how alike its pages are: a new page less alike than nearly all of them is
unknown. Members pull their own centroid towards themselves, new pages do not; so members are measured against the centroid of
the *others* (leave one out, in closed form), or a small cluster would call every newcomer unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexer.values import Labels, Matrix

QUANTILES = np.linspace(0.0, 1.0, 21)
"""Shares at which a cluster's member similarities are kept: every 5 %, with a finer foot below."""
FOOT = np.array([0.005, 0.01, 0.02, 0.03, 0.04])
SHARES = np.sort(np.concatenate([QUANTILES, FOOT]))
"""float64 [26]: all shares kept with a centroid."""
_WEIGHT_OF_ALL = 20.0
"""A cluster of n members is trusted n / (n + 20); the rest is borrowed from how all pages lie about their centroids."""


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """How alike the members of K clusters are to them: float32 [K, 26], the similarity below which each share of `SHARES` lies."""

    quantiles: Matrix

    def threshold(self, share: float) -> Matrix:
        """float32 [K]: the similarity below which a page is unknown, so that about `share` of a cluster's own would be."""
        if share <= 0:
            return np.full(len(self.quantiles), -np.inf, dtype=np.float32)
        return np.array([np.interp(share, SHARES, row) for row in self.quantiles], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Nearest:
    """One page's answer. `margin` is its similarity less the runner-up's; with one cluster alone there is no runner-up."""

    cluster: int
    similarity: float
    runner_up: int | None
    runner_up_similarity: float | None
    margin: float
    threshold: float
    unknown: bool


def measure_spread(similarities: Matrix, labels: Labels, sums: np.ndarray) -> Spread:
    """The spread of K clusters from `similarities` [N] to the own centroid, `labels` [N], and `sums` [K]: lengths of the members' sums.

    Pages with the label -1 are in no cluster and have no say.

    With S the sum of a cluster's unit vectors and c = S/|S|, a member x has x·S = cos·|S|, and its cosine with the centroid of
    the others is (x·S − 1) / √(|S|² − 2 x·S + 1).
    """
    inside = labels >= 0
    labels, similarities = labels[inside], similarities[inside]
    lengths = sums[labels]
    along = similarities.astype(np.float64) * lengths
    others = np.sqrt(np.maximum(lengths**2 - 2 * along + 1, 1e-9))
    sizes = np.bincount(labels, minlength=len(sums))
    alone = np.clip(np.where(sizes[labels] > 1, (along - 1) / others, similarities), -1.0, 1.0)
    overall = np.quantile(alone, SHARES)
    order = np.argsort(labels, kind="stable")
    parts = np.split(alone[order], np.cumsum(sizes)[:-1])
    rows = []
    for part in parts:
        trust = len(part) / (len(part) + _WEIGHT_OF_ALL)
        own = np.quantile(part, SHARES) if len(part) else overall
        rows.append(trust * own + (1 - trust) * overall)
    return Spread(np.asarray(rows, dtype=np.float32))


def classify_vectors(vectors: Matrix, centroids: Matrix, spread: Spread, *, unknown_share: float) -> list[Nearest]:
    """For each of N pages the nearest of K centroids; ties go to the lower number."""
    thresholds = spread.threshold(unknown_share)
    cosines = vectors @ centroids.T
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :2]
    return [_describe(row, best, thresholds) for row, best in zip(cosines, order, strict=True)]


def _describe(cosines: Matrix, best: np.ndarray, thresholds: Matrix) -> Nearest:
    first = int(best[0])
    second = int(best[1]) if len(best) > 1 else None
    similarity = float(cosines[first])
    runner_up = float(cosines[second]) if second is not None else None
    return Nearest(
        cluster=first,
        similarity=similarity,
        runner_up=second,
        runner_up_similarity=runner_up,
        margin=similarity - (runner_up if runner_up is not None else -1.0),
        threshold=float(thresholds[first]),
        unknown=bool(similarity < thresholds[first]),
    )
