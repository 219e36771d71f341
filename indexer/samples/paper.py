"""Sheets of paper before anything is on them: tint, tooth, fibres, ageing, printed rules.

A sheet is float32 [H, W, 3], reflectance from 0 (black) to 1 (white). Lengths are in page units: a page is about 1000 units
high, and `scale` says how many pixels a unit has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Stock:
    """A kind of paper. `tooth` is the strength of its grain, `age` of its yellowing and foxing, both 0 to 1."""

    tint: Rgb
    tooth: float = 0.3
    age: float = 0.2
    rules: Literal["none", "lines", "grid", "dots"] = "none"
    rule_tint: Rgb = (0.62, 0.74, 0.86)


def make_noise(rng: np.random.Generator, height: int, width: int, *, cell_px: float, octaves: int = 1) -> Floats:
    """Smooth value noise, float32 [height, width] from 0 to 1; the largest blobs measure `cell_px`, each octave halves."""
    total = np.zeros((height, width), np.float32)
    weight = 0.0
    for octave in range(octaves):
        cell = max(1.0, cell_px / 2**octave)
        rows, columns = max(2, round(height / cell) + 2), max(2, round(width / cell) + 2)
        coarse = Image.fromarray(rng.random((rows, columns), dtype=np.float32))
        total += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) * 0.5**octave
        weight += 0.5**octave
    even: Floats = np.clip(total / np.float32(weight), 0, 1)
    return even


def as_shares(picture: Image.Image) -> Floats:
    """The picture's values from 0 to 1, float32 [H, W] or [H, W, 3]."""
    return np.asarray(picture, np.float32) * np.float32(1 / 255)


def make_paper(rng: np.random.Generator, stock: Stock, height: int, width: int, *, scale: float) -> Floats:
    """A blank sheet of `stock`, float32 [height, width, 3]."""
    tooth = make_noise(rng, height, width, cell_px=3.2 * scale, octaves=2) - 0.5
    cloud = make_noise(rng, height, width, cell_px=260 * scale, octaves=2) - 0.5
    shade = 1 + tooth * (0.10 * stock.tooth) + cloud * (0.05 + 0.05 * stock.age)
    sheet = shade[:, :, None] * np.asarray(stock.tint, np.float32)
    if stock.age > 0:
        _yellow_the_edges(sheet, cloud, stock.age)
        _add_foxing(rng, sheet, stock.age, scale)
    if stock.rules != "none":
        _print_rules(sheet, stock, scale)
    np.clip(sheet, 0, 1, out=sheet)
    return sheet


def _yellow_the_edges(sheet: Floats, cloud: Floats, age: float) -> None:
    height, width = sheet.shape[:2]
    rows = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None] / height
    columns = np.minimum(np.arange(width), np.arange(width)[::-1])[None, :] / width
    nearness = np.exp(-np.minimum(rows, columns).astype(np.float32) * 28) * (0.7 + cloud)
    sheet -= (nearness * age * 0.5)[:, :, None] * np.asarray((0.10, 0.15, 0.26), np.float32)


def _add_foxing(rng: np.random.Generator, sheet: Floats, age: float, scale: float) -> None:
    height, width = sheet.shape[:2]
    for _ in range(rng.poisson(14 * age)):
        radius = float(rng.uniform(1.2, 5) * scale)
        reach = int(radius * 3) + 2
        row, column = int(rng.integers(0, height)), int(rng.integers(0, width))
        top, left = max(0, row - reach), max(0, column - reach)
        patch = sheet[top : row + reach, left : column + reach]
        rows, columns = np.ogrid[top : top + patch.shape[0], left : left + patch.shape[1]]
        spot = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * radius**2)).astype(np.float32)
        patch -= spot[:, :, None] * np.asarray((0.05, 0.10, 0.15), np.float32) * float(rng.uniform(0.5, 1.3))


def _print_rules(sheet: Floats, stock: Stock, scale: float) -> None:
    height, width = sheet.shape[:2]
    gap = (34 if stock.rules == "lines" else 26) * scale
    thick = max(1, round(1.1 * scale))
    tint = np.asarray(stock.rule_tint, np.float32) * 0.55 + 0.45
    rows = np.zeros(height, bool)
    columns = np.zeros(width, bool)
    for offset in range(thick):
        rows[
            np.clip(
                np.arange((70 if stock.rules == "lines" else 20) * scale, height, gap).astype(int) + offset,
                0,
                height - 1,
            )
        ] = True
        columns[np.clip(np.arange(20 * scale, width, gap).astype(int) + offset, 0, width - 1)] = True
    if stock.rules == "lines":
        sheet[rows] *= tint
        margin = int(92 * scale)
        sheet[:, margin : margin + thick] *= np.asarray((0.93, 0.72, 0.70), np.float32)
    elif stock.rules == "grid":
        sheet[rows] *= tint
        sheet[:, columns] *= tint
    else:
        sheet[np.ix_(rows, columns)] *= tint * 0.75
