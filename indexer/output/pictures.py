"""Pixels become bytes that a browser or a person can open."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from PIL import Image

from indexer.values import Pixels

THUMBNAIL_SIDE_PX = 320
_WEBP_METHOD = 2  # of 0 to 6: half the time of 4 (2.5 ms for a thumbnail), and 3 % more bytes
_THUMBNAIL_QUALITY = 78  # WebP: about 10 kB for a written page, strokes still clean


def encode_picture(pixels: Pixels, *, kind: Literal["jpeg", "webp", "png"], quality: int = 85) -> bytes:
    """The file of a picture; `pixels` is uint8 [H, W, 3]. `quality` (1 to 100) is for jpeg and webp, png loses nothing."""
    buffer = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if kind == "png":
        picture.save(buffer, "PNG")
    elif kind == "webp":
        picture.save(buffer, "WEBP", quality=quality, method=_WEBP_METHOD)
    else:
        picture.save(buffer, "JPEG", quality=quality, progressive=True)
    return buffer.getvalue()


def make_thumbnail(pixels: Pixels, *, side_px: int = THUMBNAIL_SIDE_PX) -> bytes:
    """A WebP file of the whole picture, its longest side `side_px` or its own if that is smaller."""
    return encode_picture(fit_pixels(pixels, side_px=side_px), kind="webp", quality=_THUMBNAIL_QUALITY)


def fit_pixels(pixels: Pixels, *, side_px: int) -> Pixels:
    """The same picture with a longest side of at most `side_px`; never enlarged, never less than one pixel."""
    height, width = pixels.shape[:2]
    ratio = side_px / max(height, width)
    if ratio >= 1:
        return pixels
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    # halved by boxes first where that leaves a quarter more than is wanted: half the time, and no eye tells
    small = Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.LANCZOS, reducing_gap=1.25)
    return np.asarray(small)
