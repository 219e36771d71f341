"""Ink on paper: strokes of varying width along smooth curves, gathered in one layer of coverage.

Coordinates are page units (x to the right, y down); a layer turns them into pixels and draws at twice their size, so that
thin lines come out smooth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from indexer.samples.paper import Floats, Rgb, as_shares, make_noise

Point = tuple[float, float]
Curve = NDArray[np.float64]
"""float64 [P, 2], points of a line in page units."""

_OVERSAMPLING = 2
_RIBBON_STEPS = 7  # a ribbon longer than this may cross itself, and the crossing would be left white


class Ink:
    """One layer of ink of `width` × `height` page units."""

    def __init__(self, width: float, height: float, *, scale: float) -> None:
        self.width, self.height, self.scale = width, height, scale
        self.width_px, self.height_px = max(1, round(width * scale)), max(1, round(height * scale))
        self._zoom = scale * _OVERSAMPLING
        self._layer = Image.new("L", (self.width_px * _OVERSAMPLING, self.height_px * _OVERSAMPLING), 0)
        self._draw = ImageDraw.Draw(self._layer)

    def stroke(self, curve: Curve, widths: NDArray[np.float64] | float, *, darkness: float = 1.0) -> None:
        """A line along `curve`; `widths` in page units, one for each point or one for all."""
        points = curve * self._zoom
        half = np.maximum(np.broadcast_to(np.asarray(widths), (len(points),)) * self._zoom / 2, 0.55)
        if len(points) < 2:
            return
        along = np.gradient(points, axis=0)
        along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
        across = np.stack([-along[:, 1], along[:, 0]], axis=1) * half[:, None]
        left, right = points + across, points - across
        value = round(255 * darkness)
        for start in range(0, len(points) - 1, _RIBBON_STEPS):
            stop = min(start + _RIBBON_STEPS + 1, len(points))
            ribbon = np.concatenate([left[start:stop], right[start:stop][::-1]])
            self._draw.polygon(ribbon.ravel().tolist(), fill=value)
            self._dot_px(points[start], half[start], value)
        self._dot_px(points[-1], half[-1], value)

    def dot(self, centre: Point, radius: float, *, darkness: float = 1.0) -> None:
        """A filled round dot."""
        self._dot_px(np.asarray(centre) * self._zoom, radius * self._zoom, round(255 * darkness))

    def fill(self, curve: Curve, *, darkness: float = 1.0) -> None:
        """A filled shape; darkness 0 wipes out what lies under it."""
        self._draw.polygon((curve * self._zoom).ravel().tolist(), fill=round(255 * darkness))

    def coverage(self) -> Floats:
        """How much of each pixel is inked, float32 [H, W] from 0 to 1."""
        return as_shares(self._layer.reduce(_OVERSAMPLING))

    def _dot_px(self, centre: NDArray[np.float64], radius: float, value: int) -> None:
        x, y = float(centre[0]), float(centre[1])
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=value)


def smooth_curve(points: Sequence[Point] | Curve, *, closed: bool = False, step: float = 4.0) -> Curve:
    """A Catmull-Rom curve through all `points`, sampled about every `step` page units."""
    control = np.asarray(points, np.float64)
    if closed:
        control = np.concatenate([control[-1:], control, control[:2]])
    else:
        control = np.concatenate([2 * control[:1] - control[1:2], control, 2 * control[-1:] - control[-2:-1]])
    spans = np.hypot(*np.diff(control[1:-1], axis=0).T)
    pieces = []
    for index, span in enumerate(spans):
        t = np.linspace(0, 1, max(2, math.ceil(span / step)), endpoint=False)[:, None]
        a, b, c, d = control[index : index + 4]
        pieces.append(b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))))
    pieces.append(control[-2:-1])
    return np.concatenate(pieces)


def trembling(rng: np.random.Generator, curve: Curve, amount: float) -> Curve:
    """The same curve as a hand draws it: slow drift of about `amount` page units."""
    knots = max(3, len(curve) // 9)
    at = np.linspace(0, knots - 1, len(curve))
    drift = rng.normal(0, amount, (knots, 2))
    return curve + np.stack([np.interp(at, np.arange(knots), drift[:, axis]) for axis in (0, 1)], axis=1)


def pen_widths(rng: np.random.Generator, count: int, width: float, *, taper: float = 0.6) -> NDArray[np.float64]:
    """Widths along a stroke of `count` points: pressed in the middle, lifted at both ends, never quite even."""
    t = np.linspace(0, 1, count)
    lifted = 1 - taper * np.maximum(0, np.abs(2 * t - 1) - 0.55) / 0.45
    knots = max(3, count // 10)
    pressure = np.interp(t * (knots - 1), np.arange(knots), rng.uniform(0.7, 1.3, knots))
    return np.asarray(width * lifted * pressure)


def lay_ink(sheet: Floats, coverage: Floats, colour: Rgb, *, opacity: float = 1.0, grain: Floats | None = None) -> None:
    """Darkens `sheet` in place where `coverage` says; `grain` (0 to 1) lets the paper's tooth show, as with a pencil."""
    amount = coverage * opacity
    if grain is not None:
        amount = amount * np.clip(0.35 + 1.25 * grain, 0, 1)
    sheet *= 1 - amount[:, :, None] * (1 - np.asarray(colour, np.float32))


def pencil_grain(rng: np.random.Generator, height: int, width: int, *, scale: float) -> Floats:
    """The grain that a pencil catches, float32 [height, width]."""
    return make_noise(rng, height, width, cell_px=2.4 * scale, octaves=1)
