"""Two ways of telling labels that need no fitting: the nearest mean of a label, and the labels of the nearest pages."""

from __future__ import annotations

import numpy as np

from indexer.analysis.classify import Spread, measure_spread
from indexer.analysis.labels.linear import softmax
from indexer.analysis.labels.values import Chances
from indexer.values import Labels, Matrix

NEIGHBOURS = 5
SHARPNESS = 20.0
"""By what similarities are multiplied before they become chances: a cosine larger by 0.05 is e times as likely."""
_BLOCK_CELLS = 16 * 2**20


def label_centroids(vectors: Matrix, labels: Labels, kinds: int) -> Matrix:
    """float32 [L, D]: each label's mean on the sphere; a label without pages has zeros, which nothing is near to."""
    sums = np.zeros((kinds, vectors.shape[1]), dtype=np.float64)
    np.add.at(sums, labels, vectors)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(lengths, 1e-12), dtype=np.float32)


def label_spread(vectors: Matrix, labels: Labels, centroids: Matrix) -> Spread:
    """How alike the pages of each label are to its centroid, in the measure that clusters use."""
    sums = np.zeros(centroids.shape, dtype=np.float64)
    np.add.at(sums, labels, vectors)
    own = np.einsum("nd,nd->n", vectors, centroids[labels]).astype(np.float32)
    return measure_spread(own, labels, np.linalg.norm(sums, axis=1))


def centroid_chances(vectors: Matrix, centroids: Matrix) -> Chances:
    """float32 [N, L]: the nearer a label's centroid, the likelier."""
    return softmax(np.asarray(SHARPNESS * (vectors @ centroids.T), dtype=np.float32))


def neighbour_chances(
    vectors: Matrix, known: Matrix, labels: Labels, kinds: int, *, neighbours: int = NEIGHBOURS
) -> Chances:
    """float32 [N, L]: votes of the nearest of `known` [M, D] with `labels` [M], the nearer the weightier. Exact, in blocks."""
    kept = min(neighbours, len(known))
    rows = []
    step = max(_BLOCK_CELLS // max(len(known), 1), 1)
    for start in range(0, len(vectors), step):
        alike = vectors[start : start + step] @ known.T
        near = np.argpartition(alike, len(known) - kept, axis=1)[:, len(known) - kept :]
        rows.append(vote(np.take_along_axis(alike, near, axis=1), labels[near], kinds))
    return np.concatenate(rows) if rows else np.zeros((0, kinds), dtype=np.float32)


def vote(similarities: Matrix, labels: Labels, kinds: int) -> Chances:
    """float32 [N, L] from the similarities [N, n] of n neighbours of each page and their labels [N, n]; -1 is a neighbour without one.

    A page none of whose neighbours has a label gets the same chance for each.
    """
    weights = np.where(labels >= 0, np.exp(SHARPNESS * (similarities - 1.0)), 0.0)
    votes = np.zeros((len(labels), kinds), dtype=np.float64)
    np.add.at(votes, (np.arange(len(labels))[:, None], np.maximum(labels, 0)), weights)
    total = votes.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, votes / np.maximum(total, 1e-300), 1.0 / kinds), dtype=np.float32)
