"""How a page looks, in two dozen cheap numbers: its paper, its ink, its margins, its lines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from indexer.errors import PictureError
from indexer.values import Matrix, Pixels, Vector

LOOKS_COLUMNS: tuple[str, ...] = (
    "paper_lightness",
    "paper_a",
    "paper_b",
    "ink",
    "ink_fifth_1",
    "ink_fifth_2",
    "ink_fifth_3",
    "ink_fifth_4",
    "ink_fifth_5",
    "margin_left",
    "margin_right",
    "margin_top",
    "margin_bottom",
    "blankness",
    "log_aspect",
    "log_size",
    "line_pitch",
    "line_regularity",
    "stroke_direction",
    "stroke_fineness",
    "contrast",
    "colourfulness",
)
"""Names of the columns of a looks vector, in order.

`paper_*` CIE Lab of the bare paper (0–100, about ±60). `ink*` share of inked area, whole and in each fifth from the top. `margin_*`
empty border as a share of the side. `blankness` share of a 16 × 16 grid without ink. `log_aspect` ln(width / height).
`log_size` ln of the longest side in pixels. `line_pitch` distance of text lines as a share of the height, 0 where there are none;
`line_regularity` how strongly they repeat, 0 to 1. `stroke_direction` −1 (horizontal rules) to 1 (upright strokes).
`stroke_fineness` edge length per inked area. `contrast` lightness of paper less that of ink (0–100). `colourfulness` mean chroma.
"""

LOOKS_GROUPS: Mapping[str, tuple[str, ...]] = {
    "paper": ("paper_lightness", "paper_a", "paper_b"),
    "shape": ("log_aspect", "log_size"),
    "margins": ("margin_left", "margin_right", "margin_top", "margin_bottom"),
    "ink": ("ink", "ink_fifth_1", "ink_fifth_2", "ink_fifth_3", "ink_fifth_4", "ink_fifth_5", "blankness"),
    "texture": ("line_pitch", "line_regularity", "stroke_direction", "stroke_fineness", "contrast", "colourfulness"),
}
"""Columns that are compared together when two pages are."""

_WORKING_SIDE_PX = 256  # text lines of an A4 page are still 4 px apart; measuring takes about 2 ms
_INK_DEPTH = 0.18  # darker than the paper by this share of its luminance counts as ink: pencil does, foxing mostly not
_GRID = 16
_PAPER_SAMPLE = 2000  # pixels are enough for a median
_CELL_INK = 0.01
_BLANK_CELLS = 0.97  # a page is blank when this share of the grid is: a stamp or a page number may remain
_FAINT_INK = 0.01

_Grey = NDArray[np.float32]


def measure_looks(pixels: Pixels, width_px: int, height_px: int) -> Vector:
    """The looks of one page: float32 [len(LOOKS_COLUMNS)], all finite; about 2 ms for a picture of 640 px.

    `pixels` is the small decoded picture, `width_px` × `height_px` the size of the whole upright page.

    Raises:
        PictureError: a picture without pixels or of another shape than [H, W, 3], or a page without size.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size or width_px < 1 or height_px < 1:
        raise PictureError(
            f"The looks of a picture of shape {pixels.shape} on a page of {width_px} × {height_px} px can't be measured: "
            "give pixels [H, W, 3] and the size of the whole page."
        )
    small = _shrink(pixels)
    grey = small @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    paper = _find_paper(small, grey)
    paper_grey = float(np.dot(paper, (0.2126, 0.7152, 0.0722)))
    inked = grey < paper_grey * (1.0 - _INK_DEPTH) - 2.0
    lab = _convert_to_lab(paper)
    ink_rows, ink_columns = inked.mean(axis=1), inked.mean(axis=0)
    ink = float(inked.mean())
    pitch, regularity = _measure_lines(grey)
    direction, fineness = _measure_strokes(grey, inked)
    ink_grey = float(np.median(grey[inked])) if ink > 0.0 else paper_grey
    values = [
        *lab,
        ink,
        *(float(part.mean()) if part.size else 0.0 for part in np.array_split(ink_rows, 5)),
        *_measure_margins(ink_columns),
        *_measure_margins(ink_rows),
        _measure_blankness(inked),
        float(np.log(width_px / height_px)),
        float(np.log(max(width_px, height_px))),
        pitch,
        regularity,
        direction,
        fineness,
        lab[0] - _convert_to_lab(np.full(3, ink_grey, dtype=np.float32))[0],
        _measure_colour(small),
    ]
    return np.array(values, dtype=np.float32)


def find_blank_pages(looks: Matrix) -> NDArray[np.bool_]:
    """bool [N]: the pages that hold next to nothing, such as versos and interleaved sheets."""
    blankness = looks[:, LOOKS_COLUMNS.index("blankness")]
    ink = looks[:, LOOKS_COLUMNS.index("ink")]
    return np.asarray((blankness >= _BLANK_CELLS) & (ink <= _FAINT_INK), dtype=np.bool_)


def _shrink(pixels: Pixels) -> NDArray[np.float32]:
    """float32 [H, W, 3] with a longest side near the working size, by averaging whole blocks."""
    step = max(1, round(max(pixels.shape[:2]) / _WORKING_SIDE_PX))
    height, width = pixels.shape[0] // step, pixels.shape[1] // step
    if step == 1 or not height or not width:
        return pixels.astype(np.float32)
    kept = pixels[: height * step].reshape(height, step, -1)
    rows = np.zeros((height, kept.shape[2]), dtype=np.uint16 if step <= 16 else np.uint32)
    for row in range(step):
        rows += kept[:, row]
    small = np.zeros((height, width, 3), dtype=np.float32)
    for channel in range(3):
        for column in range(step):
            small[:, :, channel] += rows[:, channel + 3 * column : 3 * width * step : 3 * step]
    return np.asarray(small / (step * step), dtype=np.float32)


def _find_paper(small: NDArray[np.float32], grey: _Grey) -> NDArray[np.float32]:
    """RGB of the bare paper: the median colour around the commonest light tone away from the very edge of the scan."""
    edge_y, edge_x = grey.shape[0] // 20, grey.shape[1] // 20
    inner = grey[edge_y : grey.shape[0] - edge_y or None, edge_x : grey.shape[1] - edge_x or None]
    colours = small[edge_y : grey.shape[0] - edge_y or None, edge_x : grey.shape[1] - edge_x or None]
    counts = np.bincount((inner.ravel() / 4.0).astype(np.intp), minlength=64)
    lit = np.arange(64) >= np.searchsorted(np.cumsum(counts), 0.4 * inner.size)
    tone = int(np.argmax(np.where(lit, counts, -1)))
    near = np.abs(inner - (tone * 4.0 + 2.0)) <= 6.0
    sample = colours[near]
    sample = sample[:: max(1, len(sample) // _PAPER_SAMPLE)]
    return np.asarray(np.median(sample, axis=0), dtype=np.float32)


def _measure_colour(small: NDArray[np.float32]) -> float:
    """Mean spread between the strongest and the weakest channel, 0 to 100."""
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]
    strongest = np.maximum(np.maximum(red, green), blue)
    weakest = np.minimum(np.minimum(red, green), blue)
    return float((strongest - weakest).mean()) / 2.55


def _convert_to_lab(rgb: NDArray[np.float32]) -> tuple[float, float, float]:
    """CIE Lab (D65) of one sRGB colour given in 0–255."""
    unit = rgb.astype(np.float64) / 255.0
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return float(116 * f[1] - 16), float(500 * (f[0] - f[1])), float(200 * (f[1] - f[2]))


def _measure_margins(profile: NDArray[np.float64]) -> tuple[float, float]:
    """Empty shares before and after the ink along one side; specks and the shadow of the scan's edge do not end a margin."""
    trim = len(profile) // 50
    inner = profile[trim : len(profile) - trim or None]
    level = max(0.01, 0.25 * float(np.percentile(inner, 80)))
    hits = np.flatnonzero(inner > level)
    if not len(hits):
        return 0.5, 0.5
    return float(hits[0]) / len(inner), float(len(inner) - 1 - hits[-1]) / len(inner)


def _measure_blankness(inked: NDArray[np.bool_]) -> float:
    """Share of the cells of a 16 × 16 grid that hold no ink; the outermost ring, where scans have shadows, counts not."""
    rows = np.linspace(0, inked.shape[0], _GRID + 1).astype(np.intp)[:-1]
    columns = np.linspace(0, inked.shape[1], _GRID + 1).astype(np.intp)[:-1]
    if min(inked.shape) < _GRID:
        return float(not inked.any())
    sums = np.add.reduceat(np.add.reduceat(inked.astype(np.float32), rows, axis=0), columns, axis=1)
    cell = inked.size / _GRID**2
    return float((sums[1:-1, 1:-1] / cell < _CELL_INK).mean())


def _measure_lines(grey: _Grey) -> tuple[float, float]:
    """Pitch of the text lines as a share of the height, and how strongly they repeat: the peak of the autocorrelation."""
    height = grey.shape[0]
    if height < 48:
        return 0.0, 0.0
    third = grey.shape[1] // 6
    profile = grey[:, third : grey.shape[1] - third].mean(axis=1).astype(np.float64)
    kernel = max(3, height // 16)
    smooth = np.convolve(np.pad(profile, kernel // 2, mode="edge"), np.ones(kernel) / kernel, mode="valid")[:height]
    spread = np.abs(np.fft.rfft(profile - smooth, 2 * height)) ** 2
    repeats = np.fft.irfft(spread)[: height // 8]
    if repeats[0] <= 1e-3 * height:
        return 0.0, 0.0
    repeats = repeats / repeats[0]
    first = 3
    peak = first + int(np.argmax(repeats[first:]))
    strength = float(np.clip(repeats[peak], 0.0, 1.0))
    return (peak / height, strength) if strength > 0.1 else (0.0, strength)


def _measure_strokes(grey: _Grey, inked: NDArray[np.bool_]) -> tuple[float, float]:
    """Which way the edges run (−1 level, 1 upright), and how much edge there is per inked area."""
    across = float(np.abs(np.diff(grey, axis=1)).mean()) if grey.shape[1] > 1 else 0.0
    down = float(np.abs(np.diff(grey, axis=0)).mean()) if grey.shape[0] > 1 else 0.0
    outline = float((inked[:, 1:] != inked[:, :-1]).mean()) if inked.shape[1] > 1 else 0.0
    return (across - down) / (across + down + 1.0), outline / (float(inked.mean()) + 0.01)
