"""A page as it hangs on a wall, in a picture for print as in tiles for the web: in a square, with a strip of its colour below."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

FRAME_FROM_PX = 32
"""Below this a page fills its square, cut to it: margins would be most of what is seen."""


def open_picture(data: bytes | None) -> Image.Image | None:
    """A thumbnail as RGB; None where there is none, or it is damaged."""
    if data is None:
        return None
    try:
        with Image.open(io.BytesIO(data)) as opened:
            picture: Image.Image = opened.convert("RGB")
    except (OSError, ValueError):
        return None
    return picture


def hang_page(
    wall: Image.Image,
    draw: ImageDraw.ImageDraw,
    picture: Image.Image | None,
    left: int,
    top: int,
    side_px: int,
    *,
    colour: tuple[int, ...] | None,
    missing: tuple[int, ...],
) -> None:
    """Draw a page into the square of `side_px` at `left`, `top`; one without a picture is a smaller square of the colour `missing`."""
    strip = max(2, side_px // 11) if colour is not None else 0
    room = max(side_px - strip, 1)
    if picture is None:
        inset = side_px // 5
        draw.rectangle((left + inset, top + inset, left + side_px - 1 - inset, top + side_px - 1 - inset), fill=missing)
    else:
        fitted = _fit(picture, room, is_framed=side_px >= FRAME_FROM_PX)
        wall.paste(fitted, (left + (side_px - fitted.width) // 2, top + (room - fitted.height) // 2))
    if colour is not None:
        draw.rectangle((left, top + side_px - strip, left + side_px - 1, top + side_px - 1), fill=colour)


def _fit(picture: Image.Image, side_px: int, *, is_framed: bool) -> Image.Image:
    """The picture as it hangs in a square of `side_px`: whole with a margin, or without a frame, filling the square."""
    if not is_framed:
        short = min(picture.size)
        left, top = (picture.width - short) // 2, (picture.height - short) // 2
        return picture.resize(
            (side_px, side_px), Image.Resampling.BILINEAR, box=(left, top, left + short, top + short), reducing_gap=2.0
        )
    margin_px = max(1, round(side_px * 0.03))
    ratio = (side_px - 2 * margin_px) / max(picture.size)
    size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
