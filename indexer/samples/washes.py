"""Watercolour: translucent layers of pigment with wet edges, granulation and blooms, laid over each other.

Pigment is gathered as absorbance, float32 [H, W, 3], and the sheet is multiplied by exp(-absorbance): glazes darken and mix
as transparent colours do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from indexer.samples.paper import Floats, Rgb, as_shares, make_noise
from indexer.samples.strokes import Curve, Point, smooth_curve

ULTRAMARINE: Rgb = (0.16, 0.26, 0.66)
CERULEAN: Rgb = (0.24, 0.55, 0.78)
OCHRE: Rgb = (0.84, 0.62, 0.22)
SIENNA: Rgb = (0.67, 0.32, 0.16)
SAP_GREEN: Rgb = (0.36, 0.52, 0.20)
VIRIDIAN: Rgb = (0.14, 0.48, 0.42)
MADDER: Rgb = (0.78, 0.20, 0.28)
CADMIUM: Rgb = (0.94, 0.52, 0.12)
LEMON: Rgb = (0.96, 0.85, 0.25)
VIOLET: Rgb = (0.42, 0.26, 0.56)
PAYNES_GREY: Rgb = (0.24, 0.30, 0.38)
EARTH: Rgb = (0.42, 0.30, 0.22)


class Washes:
    """Wet paper of `width` × `height` page units that takes layer upon layer."""

    def __init__(self, rng: np.random.Generator, width: float, height: float, *, scale: float) -> None:
        self.rng, self.width, self.height, self.scale = rng, width, height, scale
        self.width_px, self.height_px = max(1, round(width * scale)), max(1, round(height * scale))
        self._absorbance = np.zeros((self.height_px, self.width_px, 3), np.float32)
        self._grain = make_noise(rng, self.height_px, self.width_px, cell_px=3.4 * scale, octaves=1) - 0.5
        self._drift = make_noise(rng, self.height_px, self.width_px, cell_px=48 * scale, octaves=3) - 0.5
        self._pools = make_noise(rng, self.height_px, self.width_px, cell_px=150 * scale, octaves=2) - 0.5

    def lay(self, shape: Curve, colour: Rgb, *, strength: float = 0.7, softness: float = 5.0, edge: float = 0.5,
            fade: Point = (0.0, 0.0), dry: float = 0.0) -> None:  # fmt: skip
        """One wash in the outline `shape`.

        `softness` (page units) is how far the rim wanders, `edge` how dark the dried rim is, `fade` thins the wash to the right
        and downwards (negative: to the left and upwards), `dry` (0 to 1) lets the tooth of the paper show.
        """
        pad = 14 + softness * 3
        low = np.floor((shape.min(axis=0) - pad) * self.scale).astype(int)
        high = np.ceil((shape.max(axis=0) + pad) * self.scale).astype(int)
        left, top = max(0, int(low[0])), max(0, int(low[1]))
        right, bottom = min(self.width_px, int(high[0])), min(self.height_px, int(high[1]))
        if right - left < 3 or bottom - top < 3:
            return
        mask = Image.new("L", (right - left, bottom - top), 0)
        ImageDraw.Draw(mask).polygon((shape * self.scale - (left, top)).ravel().tolist(), fill=255)
        box = (slice(top, bottom), slice(left, right))
        body = _blurred(mask, softness * self.scale)
        wander = np.roll(self._drift, int(self.rng.integers(0, 97)), axis=0)[box]
        body = np.clip((body + wander * 0.75 - 0.5) * (8 / max(1.0, softness / 3)) + 0.5, 0, 1)
        if dry:
            body = body * np.clip(1.15 - dry * 2.2 * (0.5 - self._grain[box] - wander * 0.8), 0, 1)
        inner = _blurred(Image.fromarray((body * 255).astype(np.uint8)), 6.5 * self.scale)
        rim = np.clip(body - inner, 0, 1) * body * 2.2
        rows = np.linspace(0, 1, bottom - top, dtype=np.float32)[:, None]
        columns = np.linspace(0, 1, right - left, dtype=np.float32)[None, :]
        thin = np.clip(1 - max(fade[0], 0) * columns - max(-fade[0], 0) * (1 - columns)
                       - max(fade[1], 0) * rows - max(-fade[1], 0) * (1 - rows), 0.05, 1)  # fmt: skip
        density = body * thin * (1 + self._pools[box] * 1.3 + self._grain[box] * 0.3) + rim * edge
        absorb = -np.log(np.clip(np.asarray(colour, np.float32), 0.02, 1))
        self._absorbance[box] += (np.clip(density, 0, None) * strength)[:, :, None] * absorb

    def blob(self, centre: Point, rx: float, ry: float, colour: Rgb, *, lumps: float = 0.12, strength: float = 0.7,
             softness: float = 5.0, edge: float = 0.5, fade: Point = (0.0, 0.0), dry: float = 0.0) -> None:  # fmt: skip
        """A roundish wash."""
        angles = np.linspace(0, 2 * math.pi, 11, endpoint=False)
        reach = 1 + self.rng.normal(0, lumps, 11)
        points = np.stack([centre[0] + rx * reach * np.cos(angles), centre[1] + ry * reach * np.sin(angles)], axis=1)
        shape = smooth_curve(points, closed=True, step=8)
        self.lay(shape, colour, strength=strength, softness=softness, edge=edge, fade=fade, dry=dry)

    def brush(
        self, points: Sequence[Point], width: float, colour: Rgb, *, strength: float = 0.8, dry: float = 0.0
    ) -> None:
        """One stroke of a loaded brush."""
        curve = smooth_curve(points, step=8)
        along = np.gradient(curve, axis=0)
        along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
        swell = width / 2 * np.sin(np.linspace(0.25, math.pi - 0.12, len(curve)))[:, None]
        across = np.stack([-along[:, 1], along[:, 0]], axis=1) * swell
        shape = np.concatenate([curve + across, (curve - across)[::-1]])
        self.lay(shape, colour, strength=strength, softness=2.0, edge=0.35, dry=dry)

    def lift(self, centre: Point, rx: float, ry: float, amount: float = 0.8) -> None:
        """Takes pigment out again, as with a damp sponge: clouds, a moon."""
        rows = (np.arange(self.height_px, dtype=np.float32)[:, None] / self.scale - centre[1]) / ry
        columns = (np.arange(self.width_px, dtype=np.float32)[None, :] / self.scale - centre[0]) / rx
        away = np.sqrt(rows**2 + columns**2) + self._drift * 1.6
        self._absorbance *= (1 - amount * np.clip(1.35 - away, 0, 1))[:, :, None]

    def dry_on(self, sheet: Floats, *, left: float = 0.0, top: float = 0.0) -> None:
        """Colours `sheet` in place, from `left` and `top` (page units) on."""
        row, column = round(top * self.scale), round(left * self.scale)
        part = sheet[row : row + self.height_px, column : column + self.width_px]
        part *= np.exp(-self._absorbance[: part.shape[0], : part.shape[1]])


def _blurred(mask: Image.Image, radius_px: float) -> Floats:
    return as_shares(mask.filter(ImageFilter.GaussianBlur(max(0.4, radius_px))))
