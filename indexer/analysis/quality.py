"""What is wrong with a scan, as far as its small picture shows: flags that say "look at this one again".

Each flag would rather miss a bad scan than call a good one bad. `blank` and `dark` are found by `indexer.sources`;
these here are the others. All thresholds are for pictures whose longest side is about 512 px.

Thresholds were chosen on, and these counts taken from, the same 674 real pages (all of `categories/` and `streams/`, a
sixth of `similarity/usda/` of QUIRE_TEST_DATA), so pages of other kinds may fare worse. Called: blurred 0, skewed 0,
colour-target 0, double-page 6 (all sketchnotes; the 2 looked at are open notebooks, rightly), upside-down 7 (6 of them
handwritten wills), cut-edge 23 (11 of 155 typed pages, 5 of 80 diagrams). On the 70 typed and printed pages of
`categories/`, made bad: turned by 4° skewed 70, blurred by 2.5 px blurred 66, the left third cut off cut-edge 47, turned by
180° upside-down 40. No real colour target was at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexer.values import Matrix, Pixels

QUALITY_FLAGS = ("blurred", "colour-target", "cut-edge", "double-page", "skewed", "upside-down")
"""All flags that `find_quality_flags` knows."""

INK_LEVELS = 14
"""Grey levels by which ink is darker than the paper around it."""
BLURRED_BELOW = 0.38
"""Grey step over 1 px by that over 4 px, at the sharpest edges: 0.25 is a ramp. The softest real page has 0.42."""
_EDGE_LEVELS = 12
SKEWED_FROM_DEG = 2.0
"""Turn of the lines of text from which a page is skewed."""
_SKEW_RANGE_DEG = 10.0
_SKEW_PEAK = 4.5
"""How much the best turn must stand out from the median one; drawings and blank paper have no such turn."""
_TYPE_PEAK = 6.0
"""The same for lines of type; handwriting, which may well be flush on the right, seldom reaches it."""
CUT_STROKES_FROM = 14
"""Strokes that run out of one edge, while the opposite has at most an eighth as many."""
_PAPER_LEVELS = 12
_DOUBLE_ASPECT = (1.15, 1.75)
_GUTTER_LEVELS = 10
TARGET_PATCHES_FROM = 6
"""Flat patches of about equal width, side by side along an edge, of at least 4 strong colours."""
_LINES_FROM = 12
_RAGGED_RATIO = 3.0
_LEAST_SIDE_PX = 96
_LEAST_INK = 0.002


@dataclass(frozen=True, slots=True)
class Skew:
    """By how much lines of text climb to the right, in degrees, and how sure that is (1 is not at all)."""

    degrees: float
    certainty: float


def find_quality_flags(pixels: Pixels) -> tuple[str, ...]:
    """The flags of a page, in alphabetical order; none for pictures under 96 px, where nothing can be told.

    `pixels` uint8 [H, W, 3], longest side about 512 px. `upside-down` looks for lines that are flush on the right and
    ragged on the left; `double-page` for the shadow of a fold in the middle of a broad picture.
    """
    if min(pixels.shape[:2]) < _LEAST_SIDE_PX:
        return ()
    grey = np.asarray(pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32), dtype=np.float32)
    ink = _find_ink(grey)
    found = {
        "blurred": _is_blurred(grey),
        "colour-target": _has_colour_target(pixels),
        "cut-edge": _is_cut(ink, grey),
        "double-page": _is_double(grey),
    }
    if float(ink.mean()) >= _LEAST_INK:
        skew = _skew_of(ink)
        found["skewed"] = skew.certainty >= _SKEW_PEAK and abs(skew.degrees) >= SKEWED_FROM_DEG
        found["upside-down"] = skew.certainty >= _TYPE_PEAK and abs(skew.degrees) < 1 and _is_upside_down(ink)
    return tuple(name for name in QUALITY_FLAGS if found.get(name, False))


def estimate_skew(pixels: Pixels) -> Skew:
    """The turn of the lines of text, between -10° and 10°, by the sharpest profile of rows (Postl, ICPR 1986)."""
    grey = np.asarray(pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32), dtype=np.float32)
    return _skew_of(_find_ink(grey))


def _find_ink(grey: Matrix) -> NDArray[np.bool_]:
    from scipy.ndimage import uniform_filter

    return np.asarray(grey < uniform_filter(grey, 25, mode="nearest") - INK_LEVELS)


def _is_blurred(grey: Matrix) -> bool:
    """Whether even the sharpest edges, along rows and along columns, are ramps; without any edge, nothing is blurred."""
    inner = grey[grey.shape[0] // 20 : -(grey.shape[0] // 20), grey.shape[1] // 20 : -(grey.shape[1] // 20)]
    for picture in (inner[::2], inner[:, ::2].T):
        broad = _sharpest(picture[:, 4:] - picture[:, :-4])
        if broad < _EDGE_LEVELS or _sharpest(picture[:, 1:] - picture[:, :-1]) >= BLURRED_BELOW * broad:
            return False
    return True


def _sharpest(steps: Matrix) -> float:
    """The step that one in 200 exceeds."""
    sizes = np.abs(steps).ravel()
    place = len(sizes) - 1 - len(sizes) // 200
    return float(np.partition(sizes, place)[place])


def _skew_of(ink: NDArray[np.bool_]) -> Skew:
    height, width = ink.shape
    margin_y, margin_x = height // 16, width // 16
    y, x = np.nonzero(ink[margin_y : height - margin_y, margin_x : width - margin_x])
    if len(y) < 200:
        return Skew(0.0, 1.0)
    every = max(len(y) // 6000, 1)
    down, across = y[::every].astype(np.float64), x[::every] - width / 2
    coarse = np.arange(-_SKEW_RANGE_DEG, _SKEW_RANGE_DEG + 0.25, 0.5)
    sharp = _sharpness(down, across, coarse, height)
    fine = float(coarse[sharp.argmax()]) + np.arange(-0.4, 0.45, 0.1)
    best = float(fine[_sharpness(down, across, fine, height).argmax()])
    return Skew(round(best, 2), float(sharp.max() / max(float(np.median(sharp)), 1e-9)))


def _sharpness(
    y: NDArray[np.float64], x: NDArray[np.float64], turns_deg: NDArray[np.float64], height: int
) -> NDArray[np.float64]:
    """float64 [T]: how much the number of ink pixels varies from row to row, if lines climb by each of T turns."""
    rows = np.rint(y + np.outer(np.tan(np.radians(turns_deg)), x)).astype(np.intp) + height
    bins = 3 * height + 1
    rows = np.clip(rows, 0, bins - 1) + bins * np.arange(len(turns_deg))[:, None]
    counts = np.bincount(rows.ravel(), minlength=bins * len(turns_deg)).reshape(-1, bins)
    return np.asarray((np.diff(counts) ** 2).sum(axis=1), dtype=np.float64)


def _is_cut(ink: NDArray[np.bool_], grey: Matrix) -> bool:
    """Whether text runs out of one edge: many thin strokes on paper, as much ink as within, and hardly any opposite."""
    height, width = ink.shape
    middle = (slice(height // 8, -(height // 8)), slice(width // 8, -(width // 8)))
    for turned, light in ((ink, grey), (ink.T, grey.T)):
        near = max(turned.shape[1] // 20, 4)
        strokes = [_count_strokes(turned[:, 1:4]), _count_strokes(turned[:, -4:-1])]
        if max(strokes) < CUT_STROKES_FROM or 8 * min(strokes) > max(strokes):
            continue
        edge = slice(0, near) if strokes[0] > strokes[1] else slice(-near, None)
        # Where the picture ends in the scanner's backing, the page's own edge is in sight.
        paper = float(np.percentile(grey[middle], 80))
        on_paper = abs(float(np.percentile(light[:, edge], 80)) - paper) <= _PAPER_LEVELS
        if on_paper and float(turned[:, edge].mean()) >= 0.7 * float(ink[middle].mean()):
            return True
    return False


def _count_strokes(edge: NDArray[np.bool_]) -> int:
    """Runs of ink along an edge [length, 3] that go through all of its width and are at most 3 % of it long."""
    through = np.concatenate([[False], edge.all(axis=1), [False]])
    turns = np.flatnonzero(through[1:] != through[:-1])
    return int(((turns[1::2] - turns[::2]) <= max(0.03 * len(edge), 2)).sum())


def _is_double(grey: Matrix) -> bool:
    height, width = grey.shape
    if not _DOUBLE_ASPECT[0] <= width / height <= _DOUBLE_ASPECT[1]:
        return False
    # Paper is the brightest tenth of a column, between lines of text and all; smoothed, as a fold's shadow is broader than a ruled line.
    kernel = np.ones(max(width // 50, 1)) / max(width // 50, 1)
    bands = [np.convolve(np.percentile(band[::2], 90, axis=0), kernel, "same") for band in np.array_split(grey, 4)]
    places = [int(band[int(0.44 * width) : int(0.56 * width)].argmin()) for band in bands]
    return max(places) - min(places) <= 0.03 * width and all(_has_valley(band, width) for band in bands)


def _has_valley(band: NDArray[np.floating], width: int) -> bool:
    low = int(band[int(0.44 * width) : int(0.56 * width)].argmin()) + int(0.44 * width)
    near, far = int(0.05 * width), int(0.12 * width)
    left, right = np.median(band[low - far : low - near]), np.median(band[low + near : low + far])
    depth = float(min(left, right) - band[low])
    return depth >= _GUTTER_LEVELS and abs(float(left - right)) <= depth


def _is_upside_down(ink: NDArray[np.bool_]) -> bool:
    """Whether lines of text end flush on the right and begin ragged on the left; text stands the other way round."""
    height, width = ink.shape
    inner = ink[height // 16 : height - height // 16, width // 16 : width - width // 16]
    rows = inner.sum(axis=1)
    written = np.concatenate([[False], rows > 0.25 * np.percentile(rows, 90), [False]])
    turns = np.flatnonzero(written[1:] != written[:-1])
    lines = [inner[a:b].any(axis=0) for a, b in zip(turns[::2], turns[1::2], strict=True) if b - a >= 2]
    reach = [np.flatnonzero(line)[[0, -1]] for line in lines if line.sum() > 0.2 * inner.shape[1]]
    if len(reach) < _LINES_FROM:
        return False
    ends = np.array(reach, dtype=np.float64)
    left, right = (float(np.abs(side - np.median(side)).mean()) for side in ends.T)
    flush = float(np.median(np.abs(ends[:, 1] - np.median(ends[:, 1]))))
    return left > _RAGGED_RATIO * max(right, 2.0) and flush <= 0.01 * width


def _has_colour_target(pixels: Pixels) -> bool:
    """Whether a row of flat patches of strong and different colours lies along one edge."""
    red, green, blue = (np.ascontiguousarray(pixels[..., channel]) for channel in range(3))
    highest, lowest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    spread = highest - lowest
    for turned, strong in ((pixels, spread), (pixels.swapaxes(0, 1), spread.T)):
        depth = len(turned)
        for row in range(depth // 50, depth // 6, max(depth // 64, 1)):
            for line in (row, depth - 1 - row):
                if (strong[line] > 90).sum() > 0.05 * strong.shape[1] and _is_row_of_patches(turned[line]):
                    return True
    return False


def _is_row_of_patches(line: Pixels) -> bool:
    """Whether a line [length, 3] crosses enough flat patches of about equal width next to each other."""
    length = len(line)
    steps = np.abs(np.diff(line.astype(np.int16), axis=0)).max(axis=1)
    turns = np.concatenate([[-1], np.flatnonzero(steps > 24), [length - 1]])
    # Runs shorter than 1 % are the soft borders between patches.
    runs = [(a + 1, b + 1) for a, b in pairwise(turns.tolist()) if 0.01 * length < b - a < 0.1 * length]
    for first in range(len(runs) - TARGET_PATCHES_FROM + 1):
        patches = runs[first : first + TARGET_PATCHES_FROM]
        widths = [b - a for a, b in patches]
        gaps = [patches[i + 1][0] - patches[i][1] for i in range(len(patches) - 1)]
        if max(widths) <= 1.6 * min(widths) and max(gaps) <= 0.5 * min(widths) and _count_colours(line, patches) >= 4:
            return True
    return False


def _count_colours(line: Pixels, patches: list[tuple[int, int]]) -> int:
    """How many different strong colours the patches have, of the six between red, yellow, green, cyan, blue, magenta."""
    colours = set()
    for start, stop in patches:
        patch = line[start:stop].astype(np.float64).mean(axis=0)
        if patch.max() - patch.min() > 70:
            colours.add(tuple((patch > (patch.max() + patch.min()) / 2).tolist()))
    return len(colours)
