"""How unlike neighbouring pages are, told against how unlike strangers are in the same stream.

Nothing here depends on where a page lies or on a number it bears: only on differences between pages.

Each channel (the whole page, its head, its foot, paper, shape, margins, ink, texture) gives a distance for every pair of
neighbours. The same distance for pages some way apart in the stream, which mostly belong to different documents, says what
a break would look like *here*: a distance becomes the normal score of its rank among the strangers'. So channels need no
scale, a channel that is constant in a stream falls silent, and nothing is carried over from another archive.

The channels are then weighed by what tells neighbours from strangers in this stream (Fisher's discriminant, shrunk, no
weight below 0). No person has to say anything for that: most neighbours do belong together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents.looks import LOOKS_COLUMNS, LOOKS_GROUPS
from indexer.analysis.documents.streams import StreamPages
from indexer.values import Matrix

CHANNELS: tuple[str, ...] = ("page", "head", "foot", *LOOKS_GROUPS)
"""What two pages are compared by, in the order of the columns."""

_FURTHEST = 4  # pages apart: far enough to see likeness fall, near enough to be cheap
_MAX_STRANGERS = 4096
_STRANGER_LAG = 8  # pages apart, by when most documents are over; in streams under 32 pages a quarter of the stream
_MAX_LAG = 24  # strangers are of the same box: beside another archive's, all pages of one would look alike
_COVARIANCE_SHRINKAGE = 0.2
_WEIGHT_PRIOR_PAGES = 10.0  # a stream of this many pages weighs half by its own differences, half alike
_GRAM_PAGES = 600  # up to here one matrix product is faster than gathering pairs
_MOST_BEYOND = 3.0
_CHUNK = 2048

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the pages of one stream say about its breaks, before anyone decides.

    `scores` float32 [N − 1, C]: unlikeness of neighbours in each of `CHANNELS`, as normal scores among strangers (0 where unknown).
    `unlikeness` float64 [N − 1]: their weighed sum in units where strangers have mean 0 and deviation 1. `further` the same for pages
    two, three and four apart, float64 [N − 2], … as far as the stream reaches. `weights` float64 [C], summing to 1. `emptiness` float64
    [N]: how empty a page is, above all at its foot, as normal scores within the stream.
    `strangers` how many pairs the comparison rests on.
    """

    pages: StreamPages
    scores: Matrix
    unlikeness: NDArray[np.float64]
    further: tuple[NDArray[np.float64], ...]
    weights: NDArray[np.float64]
    emptiness: NDArray[np.float64]
    strangers: int

    def __len__(self) -> int:
        return len(self.pages)


def compare_stream(pages: StreamPages, *, seed: int = 0) -> Evidence:
    """The evidence for breaks in a stream of N pages; memory beyond the stream itself does not grow with N · D.

    The same pages and seed give the same evidence; the seed matters only in streams too long to compare all strangers.
    """
    count = len(pages)
    near = _pick_near(count)
    far = _pick_strangers(count, np.random.default_rng(seed))
    near_scores = np.zeros((len(near[0]), len(CHANNELS)))
    far_scores = np.zeros((len(far[0]), len(CHANNELS)))
    if len(far[0]):
        for channel, (close, apart) in enumerate(_measure_channels(pages, near, far)):
            near_scores[:, channel], far_scores[:, channel] = _score_ranks(close, apart)
    neighbours = near_scores[: max(count - 1, 0)]
    weights = _weigh_channels(neighbours, far_scores)
    centre = float((far_scores @ weights).mean()) if len(far_scores) else 0.0
    spread = float((far_scores @ weights).std()) if len(far_scores) else 0.0
    told = spread > 1e-9  # otherwise strangers are all alike, and nothing can be told from them
    unlikeness = (near_scores @ weights - centre) / (spread if told else 1.0)
    by_lag = np.split(unlikeness, np.cumsum(np.arange(count - 1, 0, -1)[:_FURTHEST])[:-1])
    return Evidence(
        pages=pages,
        scores=neighbours.astype(np.float32),
        unlikeness=by_lag[0],
        further=tuple(by_lag[1:]),
        weights=weights,
        emptiness=_measure_emptiness(pages),
        strangers=len(far_scores) if told else 0,
    )


def centre_vectors(vectors: Matrix) -> Matrix:
    """The embeddings as directions from the stream's own mean, of unit length; rows that are NaN stay so."""
    values = vectors.astype(np.float32)
    values -= _mean_rows(vectors)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(norms > 0, norms, 1.0), dtype=np.float32)


def scale_looks(looks: Matrix) -> Matrix:
    """The looks in robust deviations from the stream's median, clipped at ±3."""
    middle, spread = _summarize_looks(looks)
    return np.asarray(np.clip((looks - middle) / spread, -3.0, 3.0), dtype=np.float32)


def _pick_near(count: int) -> Pairs:
    """All neighbours in shelf order, then all pages two apart, and so on."""
    lags = np.arange(1, min(count - 1, _FURTHEST) + 1)
    left = np.concatenate([np.arange(count - lag) for lag in lags] or [np.zeros(0, dtype=np.intp)])
    return left, left + np.repeat(lags, count - lags)


def _pick_strangers(count: int, rng: np.random.Generator) -> Pairs:
    """Pairs of pages some way apart: all there are, or as many as are enough."""
    lag = min(_STRANGER_LAG, max(2, count // 4))
    if count <= lag:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    lags = np.arange(lag, min(count, _MAX_LAG + 1))
    if int((count - lags).sum()) <= _MAX_STRANGERS:
        left = np.concatenate([np.arange(count - step) for step in lags])
        return left, left + np.repeat(lags, count - lags)
    chosen = rng.choice(lags, size=_MAX_STRANGERS, p=(count - lags) / (count - lags).sum())
    left = np.floor(rng.random(_MAX_STRANGERS) * (count - chosen)).astype(np.intp)
    return left, left + chosen


def _measure_channels(
    pages: StreamPages, near: Pairs, far: Pairs
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """For each channel the distances of neighbours and of strangers; NaN where a page lacks it."""
    measured = [_compare_vectors(part, near, far) for part in (pages.page, pages.head, pages.foot)]
    if pages.looks is None:
        return measured + [_unknown(near, far)] * len(LOOKS_GROUPS)
    _, spread = _summarize_looks(pages.looks)
    for group, names in LOOKS_GROUPS.items():
        columns = [LOOKS_COLUMNS.index(name) for name in names]
        values = pages.looks[:, columns].astype(np.float64)
        if group != "paper":  # its columns share a unit, the Lab difference, already
            values = values / spread[columns]
        measured.append((_mean_difference(values, near), _mean_difference(values, far)))
    return measured


def _mean_difference(values: NDArray[np.float64], pairs: Pairs) -> NDArray[np.float64]:
    return np.asarray(np.abs(values[pairs[0]] - values[pairs[1]]).mean(axis=1), dtype=np.float64)


def _unknown(near: Pairs, far: Pairs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.full(len(near[0]), np.nan), np.full(len(far[0]), np.nan)


def _compare_vectors(
    vectors: Matrix | None, near: Pairs, far: Pairs
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """1 − cosine of centred vectors, for both kinds of pairs."""
    if vectors is None:
        return _unknown(near, far)
    if len(vectors) <= _GRAM_PAGES:
        centred = centre_vectors(vectors)
        cosines = centred @ centred.T
        return 1.0 - cosines[near].astype(np.float64), 1.0 - cosines[far].astype(np.float64)
    mean = _mean_rows(vectors)
    return _gather_distances(vectors, mean, near), _gather_distances(vectors, mean, far)


def _gather_distances(vectors: Matrix, mean: Matrix, pairs: Pairs) -> NDArray[np.float64]:
    distances = np.empty(len(pairs[0]))
    for start in range(0, len(distances), _CHUNK):
        rows = slice(start, start + _CHUNK)
        left = vectors[pairs[0][rows]].astype(np.float32) - mean
        right = vectors[pairs[1][rows]].astype(np.float32) - mean
        norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        distances[rows] = 1.0 - np.einsum("nd,nd->n", left, right) / np.where(norms > 0, norms, 1.0)
    return distances


def _mean_rows(vectors: Matrix) -> Matrix:
    """float32 [D], the mean of the rows that are there."""
    total, there = np.zeros(vectors.shape[1]), 0
    for start in range(0, len(vectors), _CHUNK):
        block = vectors[start : start + _CHUNK].astype(np.float32)
        complete = np.isfinite(block).all(axis=1)
        total += block[complete].sum(axis=0)
        there += int(complete.sum())
    return np.asarray(total / max(there, 1), dtype=np.float32)


def _summarize_looks(looks: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median and robust deviation of each column; the deviation is never 0."""
    known = looks[np.isfinite(looks).all(axis=1)]
    if not len(known):
        return np.zeros(looks.shape[1]), np.ones(looks.shape[1])
    low, middle, high = np.percentile(known, [25, 50, 75], axis=0)
    return middle, (high - low) / 1.349 + 0.01


def _score_ranks(
    near: NDArray[np.float64], far: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Normal scores of the ranks among strangers, ties in the middle; 0 where a distance is unknown."""
    from scipy.special import ndtri

    known = np.sort(far[np.isfinite(far)])
    if not len(known):
        return np.zeros(len(near)), np.zeros(len(far))
    scores, spread = [], float(known.std())
    for values in (near, far):
        # Equal distances can differ in the last bit (one page twice); a hair of tolerance keeps them tied.
        hair = 1e-6 * max(float(known[-1]), 1e-6)
        rank = (np.searchsorted(known, values - hair, "left") + np.searchsorted(known, values + hair, "right")) / 2.0
        share = np.clip((rank + 0.5) / (len(known) + 1.0), 1e-6, 1.0 - 1e-6)
        # More alike than any strangers: ranks say no more, so the score goes on in the strangers' own deviations.
        beyond = np.clip((known[0] - values) / spread, 0.0, _MOST_BEYOND) if spread > 0 else 0.0
        scores.append(np.where(np.isfinite(values), ndtri(share) - beyond, 0.0))
    return scores[0], scores[1]


def _weigh_channels(near: NDArray[np.float64], far: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fisher's discriminant between neighbours and strangers, without negative weights: [C], summing to 1."""
    channels = near.shape[1]
    live = far.std(axis=0) > 0 if len(far) else np.zeros(channels, dtype=np.bool_)
    if not live.any() or len(far) < 3:
        return np.full(channels, 1.0 / channels)
    gap = far.mean(axis=0) - near.mean(axis=0)
    own = len(near) / (len(near) + _WEIGHT_PRIOR_PAGES)
    gap = np.where(live, own * gap + (1.0 - own) * gap[live].mean(), 0.0)
    covariance = np.cov(far.T)
    ridge = _COVARIANCE_SHRINKAGE * float(np.diag(covariance)[live].mean())
    covariance = (1.0 - _COVARIANCE_SHRINKAGE) * covariance + ridge * np.eye(channels)
    weights = _solve_without_negatives(covariance, gap)
    return np.asarray(weights / weights.sum() if weights.sum() > 0 else live / live.sum(), dtype=np.float64)


def _solve_without_negatives(matrix: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The w ≥ 0 with the least ½ wᵀMw − tᵀw, by coordinate descent; M is positive definite."""
    weights = np.zeros(len(target))
    for _ in range(200):
        before = weights.copy()
        for index in range(len(target)):
            rest = float(matrix[index] @ weights) - matrix[index, index] * weights[index]
            weights[index] = max(0.0, (target[index] - rest) / matrix[index, index])
        if np.abs(weights - before).max() < 1e-9:
            break
    return weights


def _measure_emptiness(pages: StreamPages) -> NDArray[np.float64]:
    """Normal scores within the stream of how empty a page is: whole, and in its last fifth."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    if pages.looks is None or len(pages) < 3:
        return np.zeros(len(pages))
    known = np.isfinite(pages.looks).all(axis=1)
    emptiness = np.zeros(len(pages))
    if known.sum() < 3:
        return emptiness
    looks, count = pages.looks[known], int(known.sum())

    def score(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(ndtri((rankdata(values) - 0.5) / count), dtype=np.float64)

    whole = score(looks[:, LOOKS_COLUMNS.index("blankness")].astype(np.float64))
    foot = score(-looks[:, LOOKS_COLUMNS.index("ink_fifth_5")].astype(np.float64))
    emptiness[known] = score(whole + foot)
    return emptiness
