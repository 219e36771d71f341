"""Synthetic page streams: pages scattered around the centre of their document."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents import LOOKS_COLUMNS, Breaks, StreamPages


def make_breaks(*lengths: int) -> Breaks:
    return np.diff(np.repeat(np.arange(len(lengths)), lengths)).astype(bool)


def make_stream(
    lengths: list[int], *, noise: float = 0.5, seed: int = 0, parts: str = "page head foot looks"
) -> StreamPages:
    rng = np.random.default_rng(seed)
    document = np.repeat(np.arange(len(lengths)), lengths)

    def scatter(columns: int) -> NDArray[np.float32]:
        centres = rng.standard_normal((len(lengths), columns))
        return (centres[document] + noise * rng.standard_normal((len(document), columns))).astype(np.float32)

    made = {}
    for name in ("page", "head", "foot"):
        vectors = scatter(32)
        made[name] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    made["looks"] = scatter(len(LOOKS_COLUMNS))
    return StreamPages(**{name: made[name] if name in parts.split() else None for name in made})
