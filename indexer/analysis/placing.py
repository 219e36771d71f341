"""A map of more pages than are worth laying out: a sample is laid out, the others are placed among its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from indexer.errors import UsageError
from indexer.values import Matrix

SAMPLE_PAGES = 50_000
"""How many pages are laid out at most; of a larger library, a sample of this size."""
NEIGHBOURS = 5
_BLOCK_CELLS = 32 * 2**20
"""Similarities held at a time: 32 Mi float32 are 128 MiB."""


def choose_sample(pages: int, *, size: int = SAMPLE_PAGES, seed: int = 0) -> NDArray[np.int64]:
    """int64, ascending: which of `pages` are laid out; all of them, if they are at most `size`."""
    if pages <= size:
        return np.arange(pages, dtype=np.int64)
    return np.sort(np.random.default_rng(seed).choice(pages, size=size, replace=False)).astype(np.int64)


def place_by_neighbours(
    blocks: Iterable[Matrix],
    sample: Matrix,
    positions: Matrix,
    *,
    neighbours: int = NEIGHBOURS,
    progress: Callable[[int], None] | None = None,
) -> Matrix:
    """Float32 [N, dims]: where the pages of `blocks` ([n, D] each, N in all) lie on the map of the sample.

    A page lies at the mean of the positions of its nearest `neighbours` among `sample` [S, D], by exact search,
    weighted by the inverse of the squared distance; a page equal to one of the sample lies exactly there. `positions`
    [S, dims] is the sample's map. Vectors may be unit vectors or reduced ones, as long as both sides are alike.
    Memory holds one block and 128 MiB of similarities, whatever N is. `progress` is told how many pages have been
    placed so far.

    Raises:
        UsageError: an empty sample, or positions that are not one for each page of it.
    """
    if len(sample) == 0 or len(positions) != len(sample):
        raise UsageError(f"A sample of {len(sample)} pages with {len(positions)} positions can't place others.")
    step = max(_BLOCK_CELLS // len(sample), 1)
    half_norms = 0.5 * np.einsum("sd,sd->s", sample, sample)
    placed: list[Matrix] = [np.empty((0, positions.shape[1]), dtype=np.float32)]
    done = 0
    for block in blocks:
        for start in range(0, len(block), step):
            placed.append(_place(block[start : start + step], sample, half_norms, positions, neighbours))
            done += len(placed[-1])
            if progress is not None:
                progress(done)
    return np.concatenate(placed)


def _place(block: Matrix, sample: Matrix, half_norms: Matrix, positions: Matrix, neighbours: int) -> Matrix:
    kept = min(neighbours, len(sample))
    # The nearest by distance is the largest a·b - |b|²/2, which a matrix product gives for all at once.
    closeness = block @ sample.T
    closeness -= half_norms
    nearest = np.argpartition(closeness, len(sample) - kept, axis=1)[:, len(sample) - kept :]
    apart = block[:, None, :] - sample[nearest]
    squared = np.einsum("nkd,nkd->nk", apart, apart)
    # Where one is (almost) equal, it alone counts: weights are relative to the nearest.
    weights = (squared.min(axis=1, keepdims=True) + 1e-12) / (squared + 1e-12)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("nk,nkd->nd", weights, positions[nearest]), dtype=np.float32)
