"""How two ways of sorting the same pages agree (labels and clusters), and which pages sit among the wrong neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.errors import UsageError
from indexer.values import Labels, Matrix

_BLOCK_CELLS = 32 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """How a labelling and a clustering agree.

    `table` int64 [R, C] counts pages by label (rows) and cluster (columns). `purity` is the share of pages that have their
    cluster's most common label; it grows with the number of clusters. `nmi` (normalised by the arithmetic mean of both
    entropies) and `ari` (adjusted for chance: Hubert & Arabie, J. Classification 2, 1985) do not depend on names or
    numbers; both are 1 for the same partition, and `ari` is about 0 by chance.
    """

    table: NDArray[np.int64]
    purity: float
    nmi: float
    ari: float


@dataclass(frozen=True, slots=True, eq=False)
class Misplaced:
    """Pages among the wrong neighbours: their positions, worst first; the label around each; the share that bears it."""

    pages: NDArray[np.int32]
    neighbour_labels: Labels
    shares: Matrix


def measure_agreement(labels: Labels, clusters: Labels) -> Agreement:
    """How two numberings [N] of the same pages agree; pages without either (-1) do not count.

    Raises:
        UsageError: they are of different length.
    """
    if labels.shape != clusters.shape:
        raise UsageError(f"{len(labels)} labels and {len(clusters)} cluster entries are not of the same pages.")
    both = (labels >= 0) & (clusters >= 0)
    row, column = labels[both].astype(np.int64), clusters[both].astype(np.int64)
    shape = (int(labels.max(initial=-1)) + 1, int(clusters.max(initial=-1)) + 1)
    table = np.zeros(shape, dtype=np.int64)
    np.add.at(table, (row, column), 1)
    if not len(row):
        return Agreement(table, 0.0, 0.0, 0.0)
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    purity = float(table.max(axis=0).sum()) / len(row)
    nmi, ari = normalized_mutual_info_score(row, column), adjusted_rand_score(row, column)
    return Agreement(table, purity, float(nmi), float(ari))


def find_misplaced(vectors: Matrix, labels: Labels, *, neighbours: int = 10, min_share: float = 0.6) -> Misplaced:
    """Labelled pages of whose nearest labelled `neighbours` at least `min_share` bear one other label.

    `vectors` [N, D] are of unit length, `labels` [N] numbers, -1 for none; exact search in blocks of 128 MiB.

    Raises:
        UsageError: not one label for each vector, or fewer than 1 neighbour.
    """
    if len(labels) != len(vectors) or neighbours < 1:
        asked = f"{len(labels)} labels for {len(vectors)} pages and {neighbours} neighbours"
        raise UsageError(f"{asked}: give one label (or -1) for each page, and 1 neighbour or more.")
    known = np.flatnonzero(labels >= 0)
    kept = min(neighbours, len(known) - 1)
    if kept < 1:
        return judge_neighbours(labels[:0], np.empty((0, 1), dtype=np.int32), min_share=min_share)
    near = np.empty((len(known), kept), dtype=np.int32)
    some = vectors[known]
    step = max(_BLOCK_CELLS // len(known), 1)
    for start in range(0, len(known), step):
        alike = some[start : start + step] @ some.T
        rows = np.arange(len(alike))
        alike[rows, rows + start] = -np.inf
        nearest = np.argpartition(alike, len(known) - kept, axis=1)[:, len(known) - kept :]
        near[start : start + step] = labels[known[nearest]]
    found = judge_neighbours(labels[known], near, min_share=min_share)
    return Misplaced(known[found.pages].astype(np.int32), found.neighbour_labels, found.shares)


def judge_neighbours(labels: Labels, near: NDArray[np.int32], *, min_share: float) -> Misplaced:
    """The same from the labels of each page's neighbours, `near` [N, k], -1 where there is none; N labels, all of them known.

    Of two labels that are as frequent around a page, the lower number counts. Ordered by share, then by position.
    """
    around, shares = np.empty(len(labels), dtype=np.int32), np.empty(len(labels), dtype=np.float32)
    kinds = int(max(labels.max(initial=-1), near.max(initial=-1))) + 1
    step = max(_BLOCK_CELLS // max(kinds, 1), 1)
    for start in range(0, len(labels), step):
        block = near[start : start + step]
        votes = np.zeros((len(block), kinds), dtype=np.int32)
        row, place = np.nonzero(block >= 0)
        np.add.at(votes, (row, block[row, place]), 1)
        around[start : start + step] = votes.argmax(axis=1)
        shares[start : start + step] = votes.max(axis=1) / np.maximum((block >= 0).sum(axis=1), 1)
    wrong = np.flatnonzero((around != labels) & (shares >= min_share))
    wrong = wrong[np.lexsort((wrong, -shares[wrong]))]
    return Misplaced(wrong.astype(np.int32), around[wrong], shares[wrong])
