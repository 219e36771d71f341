"""The second opinion on near-duplicates: perceptual hashes, and a comparison of two pictures laid on top of each other.

An embedding says that two pages look alike, which two typed pages of one report do; only their strokes say whether they
are the same page. So `same_picture` first finds the small shift, turn and scale between both and then compares details.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.values import Matrix, Pixels

COMPARED_PX = 160
"""Side of the square on which pictures are compared: lines of type are still apart there, and 100 pairs take seconds."""
SAME_PICTURE = 0.64
"""Agreement from which two pictures are taken to be one. Chosen, as the tiles below, on 280 edited copies of 140 real pages
and the 400 pairs of different pages most alike by embedding; `benchmarks/duplicates.py` uses pages of the same folders."""
_LEVELS = ((4.0, 4), (2.0, 2), (1.0, 1))
"""Coarse to fine: blur (standard deviation) and step between compared pixels, in pixels of the square."""
_STEPS = {4: 12, 2: 8, 1: 4}
"""Gauss-Newton steps at most, by level."""
_TILES = 6
"""Tiles along each side on which the verdict is based."""
_WORST_TILES = 10
"""Per cent of the tiles that may disagree: a stain, a thumb, a stamp."""
_LEAST_DETAIL = 1e-3
"""Mean square of detail under which a tile is bare paper."""
_STARTS_DEG = (2.0, -2.0)
"""Turns from which the alignment begins anew where it failed from none."""
_MARGIN = 0.06
"""Share of each side that is left out of the verdict: crops and turns of 2° bring other things in there."""


def hash_picture(pixels: Pixels) -> int:
    """A 64-bit perceptual hash: which of the 8 × 8 lowest frequencies of the 32 × 32 grey picture exceed their median.

    The highest bit is the constant term's, then row by row. As "pHash" (Zauner, "Implementation and benchmarking of
    perceptual image hash functions", 2010). Equal for another size, compression or brightness, give or take some bits.
    """
    from scipy.fft import dctn

    low = dctn(_shrink(_grey(pixels), 32), norm="ortho")[:8, :8]
    bits = low > np.median(low)
    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big")


def hash_distance(one: int, other: int) -> int:
    """How many of the 64 bits differ: up to about 10 for the same picture, about 32 for two others."""
    return (one ^ other).bit_count()


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """What `compare_sketches` needs of a picture: its grey square at three levels of blur, float32, about 300 KiB."""

    levels: tuple[Matrix, ...]
    detail: Matrix


def sketch_picture(pixels: Pixels) -> Sketch:
    """The sketch of a picture of any size and shape (squashed to a square of `COMPARED_PX`)."""
    from scipy.ndimage import gaussian_filter

    grey = _shrink(_grey(pixels), COMPARED_PX)
    levels = tuple(np.asarray(gaussian_filter(grey, blur)[::step, ::step], dtype=np.float32) for blur, step in _LEVELS)
    return Sketch(levels, _detail(grey))


def same_picture(one: Pixels, other: Pixels) -> float:
    """How sure two pictures are copies of one, 0 to 1: from about `SAME_PICTURE` on, they are.

    Meant for copies turned by up to about 3°, cropped or shifted by a few per cent, scaled, recompressed, blurred a
    little, brighter or darker. See `compare_sketches`.
    """
    return compare_sketches(sketch_picture(one), sketch_picture(other))


def compare_sketches(one: Sketch, other: Sketch) -> float:
    """How well the details of both pictures agree, once the second is laid on the first, 0 to 1.

    The affine map between both is found from coarse to fine by Gauss-Newton steps on the difference of grey values,
    with gain and offset of brightness solved for along with it (Lucas & Kanade, IJCAI 1981; inverse compositional
    form of Baker & Matthews, IJCV 56, 2004). What counts is the correlation in the worse tiles of the picture. A
    picture without any detail agrees with nothing: blank pages are no copies of each other.
    """
    best = max(_compare_from(one, other, 0), _compare_from(other, one, 0))
    for turn_deg in _STARTS_DEG:
        if best < SAME_PICTURE:
            best = max(best, _compare_from(one, other, turn_deg))
    return best


def _compare_from(one: Sketch, other: Sketch, turn_deg: float) -> float:
    turn = math.radians(turn_deg)
    warp = np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]])
    for (_, step), fixed, moving in zip(_LEVELS, one.levels, other.levels, strict=True):
        warp = _align(fixed, moving, warp, step)
    return _agreement(one.detail, other.detail, warp)


def _agreement(fixed: Matrix, moving: Matrix, warp: NDArray[np.float64]) -> float:
    """The correlation that all but the worst tenth of the tiles with any detail exceed.

    Over the whole picture, two filled-in copies of one form agree almost as much as two scans of one page; but not in
    the tiles that were filled in.
    """
    rows, columns = _inner(COMPARED_PX)
    side = math.isqrt(len(rows))
    here = _tiles(fixed[rows, columns].reshape(side, side))
    there = _tiles(_sample(moving, warp, rows, columns, 1).reshape(side, side))
    energies = np.stack([(here**2).mean(axis=1), (there**2).mean(axis=1)])
    strongest = energies.max(axis=0)
    used = strongest > max(_LEAST_DETAIL, 0.15 * float(np.percentile(strongest, 90)))
    if not used.any():
        return 0.0
    agreement = (here * there).mean(axis=1) / (np.sqrt(energies[0] * energies[1]) + 0.1 * _LEAST_DETAIL)
    return float(np.clip(np.percentile(agreement[used], _WORST_TILES), 0, 1))


def _tiles(detail: Matrix) -> Matrix:
    """Float32 [tiles, pixels of a tile], each tile less its mean."""
    size = len(detail) // _TILES
    tiles = (
        detail[: size * _TILES, : size * _TILES]
        .reshape(_TILES, size, _TILES, size)
        .swapaxes(1, 2)
        .reshape(_TILES**2, size**2)
    )
    return np.asarray(tiles - tiles.mean(axis=1, keepdims=True), dtype=np.float32)


def _align(fixed: Matrix, moving: Matrix, warp: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """The affine map [3, 3] from places of `fixed` to places of `moving`, in pixels of the square from its middle.

    `warp` is where to begin; it comes back as it was, or as far as it came, where the steps lead out of bounds.
    """
    # Every other pixel of the finest level is plenty for six unknowns, at a quarter of the time.
    rows, columns = _inner(len(fixed), 2 if step == 1 else 1)
    y, x = _place(rows, step), _place(columns, step)
    slopes = np.asarray(np.gradient(fixed))[:, rows, columns] / step
    slope_y, slope_x = slopes[0], slopes[1]
    here = fixed[rows, columns]
    ones = np.ones_like(here)
    half = COMPARED_PX / 2
    by_x = [slope_x * x / half, slope_x * y / half, slope_x]
    by_y = [slope_y * x / half, slope_y * y / half, slope_y]
    system = np.stack([*by_x, *by_y, here, ones], axis=1).astype(np.float64)
    normal = system.T @ system
    normal += np.diag(np.diag(normal) * 1e-4 + 1e-6)
    for _ in range(_STEPS[step]):
        there = _sample(moving, warp, rows, columns, step)
        change = np.linalg.solve(normal, system.T @ (there - here))
        gain = max(1 + change[6], 0.2)
        move = change[:6] / gain
        small = np.eye(3)
        small[:2] += move.reshape(2, 3) / (half, half, 1)
        proposed = warp @ np.linalg.inv(small)
        if np.abs(proposed - np.eye(3))[:2, :2].max() > 0.15 or np.abs(proposed[:2, 2]).max() > 0.12 * COMPARED_PX:
            return warp
        warp = proposed
        if np.abs(move).max() < 0.02:
            break
    return warp


def _inner(side: int, every: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    margin = round(side * _MARGIN)
    rows, columns = np.mgrid[margin : side - margin : every, margin : side - margin : every]
    return rows.ravel(), columns.ravel()


def _place(index: NDArray[np.int64], step: int) -> NDArray[np.float64]:
    return index.astype(np.float64) * step - COMPARED_PX / 2


def _sample(
    picture: Matrix, warp: NDArray[np.float64], rows: NDArray[np.int64], columns: NDArray[np.int64], step: int
) -> Matrix:
    """`picture` at the places that `warp` sends (rows, columns) to, between pixels by bilinear mixing, edges repeated."""
    from scipy.ndimage import map_coordinates

    y, x = _place(rows, step), _place(columns, step)
    to_x = warp[0, 0] * x + warp[0, 1] * y + warp[0, 2]
    to_y = warp[1, 0] * x + warp[1, 1] * y + warp[1, 2]
    half = COMPARED_PX / 2
    found = map_coordinates(picture, [(to_y + half) / step, (to_x + half) / step], order=1, mode="nearest")
    return np.asarray(found, dtype=np.float32)


def _detail(grey: Matrix) -> Matrix:
    """Grey values less their surroundings, by the surroundings' contrast: strokes, whatever the light."""
    from scipy.ndimage import gaussian_filter

    fine = gaussian_filter(grey, 1.1)
    apart = fine - gaussian_filter(grey, 5)
    contrast = np.sqrt(gaussian_filter(apart**2, 8))
    return np.asarray(apart / (contrast + 4), dtype=np.float32)


def _grey(pixels: Pixels) -> Matrix:
    return np.asarray(pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32), dtype=np.float32)


def _shrink(grey: Matrix, side: int) -> Matrix:
    """Float32 [side, side]: squashed, each cell the mean of what it covers."""
    return _shrink_rows(_shrink_rows(grey, side).T, side).T


def _shrink_rows(grey: Matrix, side: int) -> Matrix:
    """Means over equal stretches of rows, by differences of running sums; stretches may end between rows."""
    running: NDArray[np.float64] = np.concatenate(
        [np.zeros((1, grey.shape[1])), np.cumsum(grey, axis=0, dtype=np.float64)]
    )
    edges = np.linspace(0, len(grey), side + 1)
    whole = np.minimum(edges.astype(np.int64), len(grey) - 1)
    at_edges = running[whole] + (edges - whole)[:, None] * grey[whole]
    return np.asarray(np.diff(at_edges, axis=0) * (side / len(grey)), dtype=np.float32)
