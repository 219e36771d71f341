"""Embedding without weights to fetch: the layout and strokes of a page, its small patterns, rhythm and colours.

Five parts of equal weight, each described where it is computed: layout, strokes at four scales, patterns at four
scales (`strokes.py`), rhythm, colours at three blur levels (`colour.py`). Equal weights were not tuned; on real pages
they did as well as any others tried.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from indexer.embedding.colour import HISTOGRAM_BINS, Floats, colour_histogram, lab_of, shrink
from indexer.embedding.fitting import fit_page
from indexer.embedding.strokes import (
    LAYOUT_CELLS,
    ORIENTATIONS,
    PATTERNS,
    SCALES,
    STRENGTHS,
    find_edges,
    halve,
    layout,
    patterns,
    rhythm,
    strokes,
)
from indexer.embedding.vectors import SMALLEST_LENGTH, empty_matrix, unit_rows
from indexer.values import Matrix, ModelSpec, Pixels

SIDE_PX = 128
BLUR_PX = (1, 4, 16)
"""Blocks averaged before colours are counted: single strokes, words or leaves, regions."""
RECIPE = 1
"""Raised whenever the same page would get another vector, so that old and new ones never mix."""
DIMENSIONS = (
    LAYOUT_CELLS * LAYOUT_CELLS * ORIENTATIONS
    + SCALES * (ORIENTATIONS * STRENGTHS + PATTERNS)
    + SIDE_PX
    + len(BLUR_PX) * HISTOGRAM_BINS
)


class ClassicEmbedder:
    """Strokes, layout and colour, float32 [N, 1411], about 3 ms a page on one core, prepare included."""

    def __init__(self) -> None:
        self._spec = ModelSpec(
            name="classic",
            dimensions=DIMENSIONS,
            preprocessing=f"{SIDE_PX} px squash box; recipe {RECIPE}",
            input_px=SIDE_PX,
        )
        self._lightness = lab_of(np.repeat(np.arange(256.0)[:, None], 3, axis=1))[:, 0]

    @property
    def spec(self) -> ModelSpec:
        """What is recorded in the library."""
        return self._spec

    @property
    def batch_size(self) -> int:
        """How many pages at once; each is worked out by itself, so this only sets how often progress is seen."""
        return 64

    @property
    def embeds_in_parallel(self) -> bool:
        """No: it is mostly Python, which does one thing at a time."""
        return False

    def prepare(self, pixels: Pixels) -> Pixels:
        """The page squashed to 128 × 128 px."""
        return fit_page(pixels, SIDE_PX, mode="squash", filter_name="box")

    def embed(self, prepared: Sequence[Pixels]) -> Matrix:
        """float32 [N, 1411] of unit length, in the order given; a page's row does not depend on the others."""
        if not prepared:
            return empty_matrix(DIMENSIONS)
        return unit_rows(np.stack([self._describe(page) for page in prepared]))

    def _describe(self, page: Pixels) -> Floats:
        red, green, blue = (page[..., channel].astype(np.uint32) for channel in range(3))
        light = self._lightness[(red * 299 + green * 587 + blue * 114 + 500) // 1000]
        whole_layout, whole_rhythm = np.empty(0, dtype=np.float32), rhythm(light)
        all_strokes, all_patterns = [], []
        for scale in range(SCALES):
            edges = find_edges(light)
            if scale == 0:
                whole_layout = layout(edges)
            all_strokes.append(strokes(edges))
            all_patterns.append(patterns(light))
            light = halve(light)
        colours = [colour_histogram(shrink(page, blur_px)) for blur_px in BLUR_PX]
        return np.concatenate(
            [
                _part(np.sqrt(whole_layout)),
                _part(np.sqrt(whole_rhythm)),
                _part(np.concatenate(all_strokes) ** 0.25),
                _part(np.concatenate(all_patterns) ** 0.25),
                _part(np.concatenate(colours) ** 0.25),
            ]
        )


def _part(values: Floats) -> Floats:
    """The part with its mean taken off, of unit length, or zero where it is the same everywhere.

    All parts are never negative; without centring, every page would look like every other by their common level. Roots
    keep the few large values (the paper) from drowning the many small ones (what is on it).
    """
    centred = values - values.mean()
    length = float(np.linalg.norm(centred))
    part: Floats = (centred / length if length > SMALLEST_LENGTH else np.zeros_like(centred)).astype(np.float32)
    return part
