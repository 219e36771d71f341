"""The scanner: lays a sheet crookedly on the glass, lets a neighbour shine through, and adds light, shadow and noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from indexer.samples.paper import Floats, Rgb, as_shares, make_noise


@dataclass(frozen=True, slots=True)
class Scan:
    """How one page was scanned. `degrees` counts anticlockwise, `cut` is the share of the sheet lost at one side."""

    degrees: float = 0.0
    brightness: float = 1.0
    lid: Rgb = (0.1, 0.1, 0.1)
    gutter: Literal["left", "right", "none"] = "none"
    cut: float = 0.0
    upside_down: bool = False


def draw_scan(
    rng: np.random.Generator,
    *,
    crooked: float,
    lid: Rgb,
    gutter: Literal["left", "right", "none"],
    upside_down: bool = False,
) -> Scan:
    """A likely way to scan a page: mostly nearly straight, sometimes crooked or cut off."""
    degrees = float(np.clip(rng.normal(0, crooked), -3.2, 3.2))
    cut = float(rng.uniform(0.03, 0.07)) if rng.random() < 0.07 else 0.0
    return Scan(degrees, float(rng.uniform(0.94, 1.03)), lid, gutter, cut, upside_down)


def scan_sheet(
    rng: np.random.Generator, sheet: Floats, scan: Scan, *, scale: float, behind: Floats | None = None
) -> Image.Image:
    """The picture that a scanner makes of `sheet`; `behind` is the ink on the sheet's other side, which shines through."""
    height, width = sheet.shape[:2]
    if behind is not None and behind.shape == (height, width):
        ghost = Image.fromarray((behind[:, ::-1] * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.8 * scale))
        sheet = sheet * (1 - as_shares(ghost)[:, :, None] * np.asarray((0.085, 0.09, 0.08), np.float32))
    if scan.gutter != "none":
        sheet = sheet * _gutter_shadow(width, scale, right=scan.gutter == "right")[None, :, None]
    light = 1 + (make_noise(rng, height, width, cell_px=620 * scale) - 0.5) * 0.07
    lit = np.clip(sheet * (light * scan.brightness)[:, :, None], 0, 1)
    picture = Image.fromarray((lit * 255).astype(np.uint8))
    return _add_noise(rng, _lay_on_glass(rng, picture, scan, scale), 0.9 + float(rng.uniform(0, 1.3)))


def _gutter_shadow(width: int, scale: float, *, right: bool) -> Floats:
    distance = np.arange(width, dtype=np.float32) / scale
    shade = 1 - 0.55 * np.exp(-distance / 9) - 0.16 * np.exp(-distance / 46)
    return np.asarray(shade[::-1] if right else shade, np.float32)


def _lay_on_glass(rng: np.random.Generator, picture: Image.Image, scan: Scan, scale: float) -> Image.Image:
    width, height = picture.size
    rim_x, rim_y = int(width * 0.028), int(height * 0.022)
    lid = tuple(round(255 * part) for part in scan.lid)
    glass = Image.new("RGB", (width + 2 * rim_x, height + 2 * rim_y), lid)
    left = rim_x + int(rng.normal(0, 4) * scale)
    top = rim_y + int(rng.normal(0, 4) * scale)
    if scan.gutter == "left":
        left = min(left, int(rim_x * 0.3))
    elif scan.gutter == "right":
        left = max(left, int(rim_x * 1.7))
    if sum(scan.lid) > 1.5:
        shadow = Image.new("L", glass.size, 0)
        ImageDraw.Draw(shadow).rectangle(
            (left + 4 * scale, top + 5 * scale, left + width + 5 * scale, top + height + 6 * scale), fill=110
        )
        glass.paste((60, 60, 60), mask=shadow.filter(ImageFilter.GaussianBlur(5 * scale)))
    glass.paste(picture, (left, top))
    if scan.degrees:
        glass = glass.rotate(scan.degrees, Image.Resampling.BICUBIC, fillcolor=lid)
    if scan.cut:
        lost = int(glass.width * scan.cut) + rim_x
        glass = glass.crop(
            (lost, 0, glass.width, glass.height) if rng.random() < 0.5 else (0, 0, glass.width - lost, glass.height)
        )
    return glass.transpose(Image.Transpose.ROTATE_180) if scan.upside_down else glass


def _add_noise(rng: np.random.Generator, picture: Image.Image, levels: float) -> Image.Image:
    pixels = np.asarray(picture, np.float32)
    noise = rng.standard_normal(pixels.shape[:2], dtype=np.float32) * levels
    return Image.fromarray(np.clip(pixels + noise[:, :, None], 0, 255).astype(np.uint8))
