"""Vectors that are equal as far as float32 can tell, to be used with ==."""

from __future__ import annotations

import numpy as np


class Near:
    """A vector; equal to another whose numbers are within 2e-6: each store puts vectors to unit length itself."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, vector: np.ndarray) -> None:
        self.vector = vector

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Near) and np.allclose(self.vector, other.vector, rtol=0, atol=2e-6, equal_nan=True)

    def __repr__(self) -> str:
        return f"Near({np.round(self.vector, 4).tolist()})"
