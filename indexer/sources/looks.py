"""What the small picture of a page shows at a glance: flags that filter and colour everything else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops

from indexer.values import Pixels

_SIDE_PX = 512
"""Flags are judged at one size, so that a page has the same ones whatever size it was decoded at (if not smaller)."""
_MARGIN = 0.04
"""Part of each side that is not looked at: scans end in shadows, rulers and the lid of the scanner."""
_PAPER_BLOCK_PX = 32
"""Paper is the mean of blocks of this side: wider than a stroke, narrower than the shading of a curled page."""

_INK_LEVELS = 24
_BLANK_BELOW = 0.0015
"""Blank: less than this part of the page differs from the paper round it by more than `_INK_LEVELS` of 255.

Measured at 512 px on QUIRE_TEST_DATA: the emptiest of its pages has 0.0166 (pencil on graph paper); bare paper (the
emptiest patch of each page of scans_300dpi, laid out as a page, where its standard deviation is below 4 levels) 0 to
0.0012. Of all 1,237 pages only the white first frame of an animation is called blank.
"""
_DARK_BELOW = 96
"""Dark: nine tenths of the page are darker than this. The darkest of the same pages has 145 (a photographed drawing)."""


def find_flags(pixels: Pixels) -> tuple[str, ...]:
    """The flags of a page in alphabetical order: any of `blank` (hardly any ink) and `dark` (underexposed, or black).

    `pixels` is uint8 [H, W, 3]; from 512 px on its size does not matter.
    """
    inner = _without_margin(at_flag_size(pixels))
    return tuple(name for name, holds in _FLAGS if holds(inner))


def _is_blank(pixels: Pixels) -> bool:
    height, width = pixels.shape[:2]
    blocks = (max(1, round(width / _PAPER_BLOCK_PX)), max(1, round(height / _PAPER_BLOCK_PX)))
    page = Image.fromarray(pixels)
    paper = page.resize(blocks, Image.Resampling.BOX).resize((width, height), Image.Resampling.BILINEAR)
    red, green, blue = ImageChops.difference(page, paper).split()
    # the strongest channel: yellow crayon hardly changes the brightness of white paper
    strongest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    inked_px = int(sum(strongest.histogram()[_INK_LEVELS + 1 :]))
    return inked_px < _BLANK_BELOW * page.width * page.height


def _is_dark(pixels: Pixels) -> bool:
    levels = np.cumsum(Image.fromarray(pixels).convert("L").histogram())
    return int(np.searchsorted(levels, 0.9 * levels[-1])) < _DARK_BELOW


_FLAGS: tuple[tuple[str, Callable[[Pixels], bool]], ...] = (("blank", _is_blank), ("dark", _is_dark))
"""In alphabetical order; another flag is another line."""


def at_flag_size(pixels: Pixels) -> Pixels:
    """The page with a longest side of 512 px, the size that flags are judged at; a smaller one as it is."""
    height, width = pixels.shape[:2]
    scale = _SIDE_PX / max(height, width)
    if scale >= 1.0:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), dtype=np.uint8)


def _without_margin(pixels: Pixels) -> Pixels:
    down, across = (int(side * _MARGIN) for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[down : pixels.shape[0] - down, across : pixels.shape[1] - across])
