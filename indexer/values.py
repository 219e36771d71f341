"""Values that the rooms hand to each other. Nothing here does work.

Letters in shapes, here and everywhere: N pages, D dimensions, K centroids, H and W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
"""float32 [N, D]; rows are of unit length wherever they are embeddings."""
Vector = NDArray[np.float32]
"""float32 [D], of unit length wherever it is an embedding."""
Pixels = NDArray[np.uint8]
"""uint8 [H, W, 3], sRGB, upright, transparency laid on white."""
Labels = NDArray[np.int32]
"""int32 [N], the cluster of each page, from 0."""

JsonScalar = str | int | float | bool
Payload = Mapping[str, object]
"""What Qdrant keeps beside a vector: JSON values by name."""


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """One file found under a root, before it is opened. `path` is relative to the root, with `/`."""

    root: str
    path: str
    absolute: Path
    bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Skip:
    """A file, or one page of it, that was left out, and why."""

    root: str
    path: str
    code: str
    reason: str
    page_number: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One decoded page, small enough to keep: its longest side is what the reader asked for, or its own if smaller.

    `width_px` and `height_px` are those of the whole upright page. `page_number` counts from 1 within its file.
    """

    pixels: Pixels
    width_px: int
    height_px: int
    page_number: int = 1


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on a payload field. `op` is one of = != < <= > >=; with = and != any of `values` will do."""

    field: str
    op: str
    values: tuple[JsonScalar, ...]


@dataclass(frozen=True, slots=True)
class PageFilter:
    """Conditions that must all hold; none at all lets every page through."""

    conditions: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.conditions)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which embedder made a library's vectors: two vectors may be compared only if these agree.

    `name` is what `--model` takes. `weights_sha256` is empty for embedders without weights. `preprocessing` says in one
    line how a page becomes the model's input. `precision` is `float32`, `bfloat16` or `float16`; it is recorded, and does
    not make vectors incomparable.
    """

    name: str
    dimensions: int
    preprocessing: str
    weights_sha256: str = ""
    precision: str = "float32"
    input_px: int = 224
    blur_mix: str = ""
    """Blur levels that are joined in each vector, as RADIUS:WEIGHT between commas; empty for the sharp page alone."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the library knows of one page; the payload of the pages collection."""

    page_id: str
    root: str
    path: str
    page_number: int
    sha256: str
    bytes: int
    modified_ns: int
    width_px: int
    height_px: int
    pages_in_file: int = 1
    folders: tuple[str, ...] = ()
    label: str | None = None
    metadata: Mapping[str, JsonScalar] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    cluster: int | None = None
    group: str | None = None
    document: str | None = None
    x: float | None = None
    y: float | None = None
    rescanned: str | None = None
    """When a new scan came in the place of one that was on the rescan list; ISO 8601, UTC."""
    rescanned_for: tuple[str, ...] = ()
    """Why the scan before was on that list."""
