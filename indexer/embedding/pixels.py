"""Embedding by brightness: the pixels of a small grey page are the vector, as in the MNIST experiments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.embedding.fitting import fit_page
from indexer.embedding.vectors import empty_matrix, unit_rows
from indexer.errors import UsageError
from indexer.values import Matrix, ModelSpec, Pixels

DEFAULT_SIDE_PX = 28
"""The side of an MNIST digit."""
MAX_SIDE_PX = 128
"""Longer vectors (over 16,384 numbers) are no longer an embedding but a picture."""
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""ITU-R BT.601 weights of red, green and blue."""


class PixelsEmbedder:
    """Ink of a squashed grey page, row by row: 1 - brightness, not centred, of unit length.

    Ink rather than brightness, because most of a page is paper: two pages are then alike by where their ink is, and
    paper adds nothing. A page without any ink (all white) has no direction; it gets the same value everywhere.
    """

    def __init__(self, side_px: int = DEFAULT_SIDE_PX) -> None:
        if not 2 <= side_px <= MAX_SIDE_PX:
            raise UsageError(f"pixels:{side_px} is out of range: the side is 2 to {MAX_SIDE_PX} px.")
        self._side_px = side_px
        self._spec = ModelSpec(
            name="pixels" if side_px == DEFAULT_SIDE_PX else f"pixels:{side_px}",
            dimensions=side_px * side_px,
            preprocessing=f"{side_px} px squash box; grey ink, uncentred",
            input_px=side_px,
        )

    @property
    def spec(self) -> ModelSpec:
        """What is recorded in the library."""
        return self._spec

    @property
    def batch_size(self) -> int:
        """How many pages at once."""
        return 256

    @property
    def embeds_in_parallel(self) -> bool:
        """No: it is mostly Python, which does one thing at a time."""
        return False

    def prepare(self, pixels: Pixels) -> Pixels:
        """The page squashed to the small square, uint8 [side, side, 3]."""
        return fit_page(pixels, self._side_px, mode="squash", filter_name="box")

    def embed(self, prepared: Sequence[Pixels]) -> Matrix:
        """float32 [N, side * side], each of unit length, in the order given."""
        if not prepared:
            return empty_matrix(self._spec.dimensions)
        # One page at a time: a matrix product over the batch may round differently with its size.
        ink = np.stack([1.0 - (page.astype(np.float32) / 255.0 * LUMA).sum(axis=2).ravel() for page in prepared])
        return unit_rows(ink)
