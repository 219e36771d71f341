"""Pages that probably bear the wrong label, by confident learning (Northcutt, Jiang & Chuang, JAIR 70, 2021, arXiv:1911.00068)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.labels.values import Chances
from indexer.values import Labels


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """`pages` int64 [S] are positions, most suspect first; `suggested` int32 [S] the labels they would rather have."""

    pages: NDArray[np.int64]
    suggested: Labels


def find_suspects(chances: Chances, labels: Labels) -> Suspects:
    """Of N pages those whose label is probably wrong, from `chances` [N, L] told by a model that has not seen them.

    A label's bar is the mean chance that it gets from its own pages. A page is counted to the likeliest label whose bar it clears; where
    that is not its own, it is suspect. Ordered by how much likelier the suggested label is than its own, then by position.
    """
    kinds = chances.shape[1]
    own = chances[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=kinds)
    bars = np.where(counts > 0, np.bincount(labels, weights=own, minlength=kinds) / np.maximum(counts, 1), np.inf)
    cleared = np.where(chances >= bars, chances, -1.0)
    best = cleared.argmax(axis=1)
    suspect = np.flatnonzero((cleared.max(axis=1) >= 0) & (best != labels))
    excess = chances[suspect, best[suspect]] - own[suspect]
    order = np.lexsort((suspect, -excess))
    return Suspects(suspect[order], best[suspect][order].astype(np.int32))
