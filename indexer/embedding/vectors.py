"""Rows of unit length, whatever the page."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.values import Matrix

SMALLEST_LENGTH = 1e-6
"""Shorter than this, a row has no direction worth keeping."""


def unit_rows(rows: NDArray[np.floating]) -> Matrix:
    """The rows [N, D] scaled to unit length, float32; a row of no length gets the same value everywhere instead of NaN."""
    matrix = np.asarray(rows, dtype=np.float32)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    nowhere = np.float32(1.0 / np.sqrt(max(matrix.shape[1], 1)))
    unit: Matrix = np.where(lengths > SMALLEST_LENGTH, matrix / np.maximum(lengths, SMALLEST_LENGTH), nowhere)
    return unit


def empty_matrix(dimensions: int) -> Matrix:
    """No rows of D dimensions: what embedding no pages gives."""
    return np.zeros((0, dimensions), dtype=np.float32)
