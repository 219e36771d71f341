"""The map as a picture for a paper: dots in the colours of a field, a title, and a legend that says what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from indexer.errors import UsageError
from indexer.output.contact_sheet import shortened
from indexer.output.files import written_whole
from indexer.output.palette import NO_VALUE, Colour
from indexer.values import Matrix

WIDTH_PX, HEIGHT_PX = 2400, 1680
LEGEND_ROWS = 28
"""Names in the legend; the others are counted in one last line."""
NONE = 65_535

_PAPER, _INK, _FAINT, _RIM = (255, 255, 255), (34, 33, 31), (110, 106, 99), (226, 223, 216)
_MARGIN_PX, _HEAD_PX, _LEGEND_PX = 84, 190, 620
_FINER = 2
"""Dots are drawn at twice the size and shrunk: that smooths their edges."""


def draw_map(
    points: Matrix,
    values: NDArray[np.uint16],
    names: Sequence[str],
    counts: Sequence[int],
    colours: Sequence[Colour],
    *,
    title: str,
    subtitle: str = "",
    legend: str = "",
) -> Image.Image:
    """An RGB picture of 2400 × 1680 pixels; `points` float32 [N, 2], those with a NaN are left out.

    `values` uint16 [N] say which of `names`, `counts`, `colours` each has, 65,535 none. Both axes have the same scale, y
    grows upwards. Dots lie over each other in an order drawn at random, the same each time, so that no name hides others.

    Raises:
        UsageError: no page has a place.
    """
    shown = np.isfinite(points).all(axis=1)
    if not shown.any():
        raise UsageError("No page has a place on the map: make it anew with `quire map`.")
    picture = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), _PAPER)
    draw = ImageDraw.Draw(picture)
    _draw_head(draw, title, subtitle)
    table = np.array([*colours, NO_VALUE], dtype=np.uint8)
    coloured = table[np.where(values == NONE, len(colours), values)]
    left, top = _MARGIN_PX, _HEAD_PX
    width, height = WIDTH_PX - _LEGEND_PX - 2 * _MARGIN_PX, HEIGHT_PX - _HEAD_PX - _MARGIN_PX
    plot = _draw_dots(points[shown], coloured[shown], width, height)
    picture.paste(plot, (left, top))
    draw.rectangle((left, top, left + width - 1, top + height - 1), outline=_RIM, width=2)
    missing = int((values == NONE).sum())
    _draw_legend(draw, left + width + 60, top, names, counts, colours, missing, legend)
    return picture


def save_map_png(picture: Image.Image, path: Path) -> None:
    """Write it with 300 dots per inch, whole or not at all.

    Raises:
        UsageError: the name does not end in .png.
    """
    if path.suffix.lower() != ".png":
        raise UsageError(f"The map is written as PNG: end {path.name} in .png.")
    with written_whole(path) as draft:
        picture.save(draft, "PNG", dpi=(300, 300))


def flatten(points: Matrix) -> Matrix:
    """`points` as they are in two dimensions; three are seen along the direction in which they vary least."""
    if points.shape[1] == 2:
        return points
    shown = np.isfinite(points).all(axis=1)
    centred = points - points[shown].mean(axis=0) if shown.any() else points
    axes = np.linalg.svd(np.cov(centred[shown].T) if shown.sum() > 1 else np.eye(3))[0]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(3)])
    return np.asarray(centred @ axes[:, :2], dtype=np.float32)


def _draw_dots(points: Matrix, colours: NDArray[np.uint8], width: int, height: int) -> Image.Image:
    """The last of all pages over a pixel wins it; a light rim parts dots that touch, where there are few."""
    wide, high = width * _FINER, height * _FINER
    radius = float(np.clip(1.05 * (width * height / len(points)) ** 0.5 / 6, 1.6, 24)) * _FINER / 2
    rim = 1.5 * _FINER / 2 if radius > 3 else 0.0
    order = np.random.default_rng(0).permutation(len(points))
    at = _fit(points[order], wide, high, inset=round(radius + rim) + 12 * _FINER)
    on_top = np.full(wide * high, -1, dtype=np.int32)
    inside = np.zeros(wide * high, dtype=bool)
    ranks = np.arange(len(points), dtype=np.int32)
    for dx, dy, is_rim in _disc(radius, rim):
        cells = (at[:, 1] + dy) * wide + at[:, 0] + dx
        # Ranks ascend, so that of several dots on one pixel the last one stays.
        over = ranks >= on_top[cells]
        on_top[cells[over]] = ranks[over]
        won = cells[on_top[cells] == ranks]
        inside[won] = not is_rim
    pixels = np.full((wide * high, 3), 255, dtype=np.uint8)
    drawn = inside & (on_top >= 0)
    pixels[drawn] = colours[order][on_top[drawn]]
    return Image.fromarray(pixels.reshape(high, wide, 3)).resize((width, height), Image.Resampling.BOX)


def _disc(radius: float, rim: float) -> list[tuple[int, int, bool]]:
    reach = int(np.ceil(radius + rim))
    steps = range(-reach, reach + 1)
    return [
        (dx, dy, dx * dx + dy * dy > radius * radius)
        for dy in steps
        for dx in steps
        if dx * dx + dy * dy <= (radius + rim) ** 2
    ]


def _fit(points: Matrix, width: int, height: int, *, inset: int) -> NDArray[np.int64]:
    """int64 [N, 2]: pixels, both axes to the same scale, y upwards."""
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.maximum(high - low, 1e-9)
    scale = min((width - 2 * inset) / span[0], (height - 2 * inset) / span[1])
    middle = (low + high) / 2
    placed = (points - middle) * np.array([scale, -scale]) + np.array([width, height]) / 2
    return np.asarray(np.clip(np.rint(placed), inset, [width - inset, height - inset]), dtype=np.int64)


def _draw_head(draw: ImageDraw.ImageDraw, title: str, subtitle: str) -> None:
    large, small = _font(56), _font(32)
    room = WIDTH_PX - 2 * _MARGIN_PX
    draw.text((_MARGIN_PX, 56), shortened(title, large, room), fill=_INK, font=large, anchor="lt")
    draw.text((_MARGIN_PX, 126), shortened(subtitle, small, room), fill=_FAINT, font=small, anchor="lt")


def _draw_legend(
    draw: ImageDraw.ImageDraw,
    left: int,
    top: int,
    names: Sequence[str],
    counts: Sequence[int],
    colours: Sequence[Colour],
    missing: int,
    heading: str,
) -> None:
    font, line = _font(32), 46
    right = WIDTH_PX - _MARGIN_PX
    draw.text((left, top + 4), shortened(heading, font, right - left), fill=_FAINT, font=font, anchor="lt")
    rows = list(zip(names, counts, colours, strict=True))
    if missing:
        rows.append(("none", missing, NO_VALUE))
    shown = rows if len(rows) <= LEGEND_ROWS else rows[: LEGEND_ROWS - 1]
    y = top + 68
    for name, count, colour in shown:
        number = f"{count:,}"
        draw.ellipse((left, y, left + 26, y + 26), fill=colour)
        draw.text((right, y + 13), number, fill=_FAINT, font=font, anchor="rm")
        room = right - left - 60 - font.getlength(number)
        draw.text((left + 42, y + 13), shortened(name, font, room), fill=_INK, font=font, anchor="lm")
        y += line
    if len(shown) < len(rows):
        rest = rows[len(shown) :]
        text = f"and {len(rest):,} more, {sum(count for _, count, _ in rest):,} pages"
        draw.text((left + 42, y + 13), shortened(text, font, right - left - 42), fill=_FAINT, font=font, anchor="lm")


def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)
