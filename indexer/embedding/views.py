"""Other looks at a page: its head and foot as pictures of their own, and its colours as a vector of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.embedding.colour import HISTOGRAM_BINS, Floats, colour_histogram, lab_of
from indexer.embedding.fitting import fit_page
from indexer.embedding.vectors import empty_matrix, unit_rows
from indexer.values import Matrix, Pixels

PARTS = 5
"""Head and foot are a fifth of the page each: letterhead and title; signature and page number."""
GRID = 4
COLOUR_SIDE_PX = 64
COLOUR_DIMENSIONS = HISTOGRAM_BINS + 3 * GRID * GRID
COLOUR_RECIPE = "64 px squash box; Lab histogram 5x5x5 and 4x4 grid"


def cut_head(pixels: Pixels) -> Pixels:
    """The top fifth of the page, at least one row."""
    return pixels[: _rows(pixels)]


def cut_foot(pixels: Pixels) -> Pixels:
    """The bottom fifth of the page, at least one row."""
    return pixels[-_rows(pixels) :]


def embed_colour(pictures: Sequence[Pixels]) -> Matrix:
    """float32 [N, 173] of unit length, in the order given: which colours a page has, and roughly where.

    Half of it is a soft histogram of L*a*b*, half the mean L*a*b* in 4 × 4 cells, measured from mid-grey.
    """
    if not pictures:
        return empty_matrix(COLOUR_DIMENSIONS)
    return unit_rows(np.stack([_describe(picture) for picture in pictures]))


def _describe(picture: Pixels) -> Floats:
    small = fit_page(picture, COLOUR_SIDE_PX, mode="squash", filter_name="box")
    shares = np.sqrt(colour_histogram(small))
    cells = lab_of(fit_page(small, GRID, mode="squash", filter_name="box")) - np.array([50, 0, 0], dtype=np.float32)
    halves = unit_rows(shares[None]), unit_rows(cells.reshape(1, -1))
    return np.concatenate([half[0] for half in halves])


def _rows(pixels: Pixels) -> int:
    height: int = pixels.shape[0]
    return max(1, -(-height // PARTS))
