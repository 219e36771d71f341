"""The colours of a page in CIE L*a*b*: a soft histogram, by a table from RGB."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from indexer.values import Pixels

Floats = NDArray[np.float32]

LIGHTNESS_CENTRES = np.linspace(0.0, 100.0, 5, dtype=np.float32)
CHROMA_CENTRES = np.linspace(-30.0, 30.0, 5, dtype=np.float32)
"""For a* and b*; scans of paper and washes of watercolour seldom go beyond, and what does counts in the outermost bin."""
HISTOGRAM_BINS = len(LIGHTNESS_CENTRES) * len(CHROMA_CENTRES) ** 2
CODE_BITS = 5
"""Bits kept of each channel for the table: steps of 8 in RGB, far finer than the bins; grey stays grey."""


def lab_of(rgb: Floats | NDArray[np.float64] | Pixels) -> Floats:
    """CIE L*a*b* (D65) of sRGB values 0 to 255, any shape [..., 3]."""
    value = rgb.astype(np.float64) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    # IEC 61966-2-1: primaries of sRGB; each row is divided by its sum, the D65 white, so that white has a* = b* = 0.
    primaries = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ (primaries / primaries.sum(axis=1, keepdims=True)).T
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def colour_histogram(pixels: Pixels) -> Floats:
    """float32 [125]: the share of the page in each of 5 × 5 × 5 overlapping boxes of L*, a*, b*; sums to 1."""
    red, green, blue = (pixels[..., channel].astype(np.int32) >> (8 - CODE_BITS) for channel in range(3))
    codes = (red << (2 * CODE_BITS)) | (green << CODE_BITS) | blue
    counts = np.bincount(codes.ravel(), minlength=1 << (3 * CODE_BITS))
    seen = np.flatnonzero(counts)
    shares = (counts[seen] / codes.size).astype(np.float32)
    histogram: Floats = shares @ _bins_by_code()[seen]
    return histogram


def shrink(pixels: Pixels, factor: int) -> Pixels:
    """The square page blurred by averaging blocks of factor × factor pixels; factor divides its side."""
    if factor == 1:
        return pixels
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    blocks = pixels.reshape(height, factor, width, factor, 3)
    smaller: Pixels = blocks.mean(axis=(1, 3), dtype=np.float32).round().astype(np.uint8)
    return smaller


@lru_cache(maxsize=1)
def _bins_by_code() -> Floats:
    """float32 [32768, 125]: how much a pixel of each code counts in each bin."""
    step = 256 >> CODE_BITS
    levels = np.arange(1 << CODE_BITS) * step + (step - 1) / 2
    red, green, blue = np.meshgrid(levels, levels, levels, indexing="ij")
    lab = lab_of(np.stack([red, green, blue], axis=-1).reshape(-1, 3))
    light = _tents(lab[:, 0], LIGHTNESS_CENTRES)
    a_star, b_star = _tents(lab[:, 1], CHROMA_CENTRES), _tents(lab[:, 2], CHROMA_CENTRES)
    joint: Floats = np.einsum("ni,nj,nk->nijk", light, a_star, b_star).reshape(len(lab), -1)
    return joint


def _tents(values: Floats, centres: Floats) -> Floats:
    """float32 [N, C]: linear interpolation between neighbouring centres; beyond the last one all counts there."""
    width = centres[1] - centres[0]
    distance = np.abs(np.clip(values, centres[0], centres[-1])[:, None] - centres)
    tents: Floats = np.maximum(0.0, 1.0 - distance / width).astype(np.float32)
    return tents
