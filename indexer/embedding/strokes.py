"""What the lines of a page are like, from its lightness alone: layout, strokes, small patterns, rhythm.

All take float32 [S, S] lightness (L*, 0 to 100), S a multiple of 64, and none looks at any other page.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]

ORIENTATIONS = 8
LAYOUT_CELLS = 8
"""Cells along each side of the page for the layout."""
STRENGTHS = 5
MAX_STRENGTH_LOG2 = 6.0
"""Steps in lightness of 63 and more count as strongest."""
SCALES = 4
"""Full size, a half, a quarter, an eighth."""
PATTERN_STEP = 2.0
"""A neighbour must be darker by this much lightness to count: below it is paper grain and JPEG noise."""
PATTERNS = 59
"""Uniform patterns of 8 neighbours (58) and one bin for all the others."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Steps in lightness at each pixel, flat [S * S]: how strong, and between which two orientations (`upper_share`)."""

    side_px: int
    strength: Floats
    lower: Ints
    upper: Ints
    upper_share: Floats


def find_edges(light: Floats) -> Edges:
    """Central differences; orientation is that of the step modulo 180°, shared linearly between two of 8 bins."""
    down, across = np.zeros_like(light), np.zeros_like(light)
    down[1:-1] = light[2:] - light[:-2]
    across[:, 1:-1] = light[:, 2:] - light[:, :-2]
    angle = np.arctan2(down, across) * np.float32(ORIENTATIONS / np.pi)
    lower = np.floor(angle)
    share = (angle - lower).ravel()
    first = lower.astype(np.intp).ravel() % ORIENTATIONS
    return Edges(light.shape[0], np.hypot(down, across).ravel(), first, (first + 1) % ORIENTATIONS, share)


def layout(edges: Edges) -> Floats:
    """float32 [512]: strength by orientation in 8 × 8 cells (histograms of oriented gradients, Dalal and Triggs 2005)."""
    cells = _cell_of_pixel(edges.side_px) * ORIENTATIONS
    size = LAYOUT_CELLS * LAYOUT_CELLS * ORIENTATIONS
    lower = np.bincount(cells + edges.lower, edges.strength * (1 - edges.upper_share), minlength=size)
    upper = np.bincount(cells + edges.upper, edges.strength * edges.upper_share, minlength=size)
    pixels_per_cell = (edges.side_px // LAYOUT_CELLS) ** 2
    return ((lower + upper) / pixels_per_cell).astype(np.float32)


def strokes(edges: Edges) -> Floats:
    """float32 [40]: the share of the page by orientation (8) and strength (5, logarithmic), wherever it is."""
    level = np.minimum(np.log2(1 + edges.strength), MAX_STRENGTH_LOG2) * ((STRENGTHS - 1) / MAX_STRENGTH_LOG2)
    below = np.minimum(level.astype(np.intp), STRENGTHS - 2)
    above_share = level - below
    total = np.zeros(ORIENTATIONS * STRENGTHS)
    for bins, share in ((edges.lower, 1 - edges.upper_share), (edges.upper, edges.upper_share)):
        index = bins * STRENGTHS + below
        total += np.bincount(index, share * (1 - above_share), minlength=total.size)
        total += np.bincount(index + 1, share * above_share, minlength=total.size)
    return (total / edges.strength.size).astype(np.float32)


def patterns(light: Floats) -> Floats:
    """float32 [59]: the share of each local binary pattern (which of 8 neighbours is darker; Ojala et al. 2002)."""
    centre = light[1:-1, 1:-1] - np.float32(PATTERN_STEP)
    codes = np.zeros(centre.shape, dtype=np.uint8)
    height, width = light.shape
    ring = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
    for bit, (row, column) in enumerate(ring):
        neighbour = light[1 + row : height - 1 + row, 1 + column : width - 1 + column]
        codes |= (neighbour < centre).view(np.uint8) << np.uint8(bit)
    by_code = np.bincount(codes.ravel(), minlength=256)
    return (np.bincount(_pattern_of_code(), by_code, minlength=PATTERNS) / codes.size).astype(np.float32)


def rhythm(light: Floats) -> Floats:
    """float32 [S]: how strongly ink comes and goes down the page (S / 2 frequencies) and across it (S / 2).

    Lines of text show as a peak, wherever they begin. Ink is what is darker than the paper, the paper being the 85 %
    quantile of lightness.
    """
    paper = np.partition(light.ravel(), int(light.size * 0.85))[int(light.size * 0.85)]
    ink = np.clip((paper - light - 8) / 40, 0, 1)
    window = np.hanning(light.shape[0])
    profiles = np.stack([ink.mean(axis=1), ink.mean(axis=0)])
    waves = np.abs(np.fft.rfft((profiles - profiles.mean(axis=1, keepdims=True)) * window, axis=1))[:, 1:]
    return waves.astype(np.float32).ravel()


def halve(light: Floats) -> Floats:
    """The page at half its size, by the mean of 2 × 2 pixels."""
    smaller: Floats = (light[::2, ::2] + light[1::2, ::2] + light[::2, 1::2] + light[1::2, 1::2]) * np.float32(0.25)
    return smaller


@lru_cache(maxsize=2)
def _cell_of_pixel(side_px: int) -> Ints:
    cell = np.arange(side_px) * LAYOUT_CELLS // side_px
    return np.asarray((cell[:, None] * LAYOUT_CELLS + cell[None, :]).ravel(), dtype=np.intp)


@lru_cache(maxsize=1)
def _pattern_of_code() -> Ints:
    """Which of the 59 patterns each of 256 codes is: those with at most two changes around the ring, then the rest."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    uniform = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    index = np.full(256, PATTERNS - 1, dtype=np.intp)
    index[uniform] = np.arange(uniform.sum())
    return index
