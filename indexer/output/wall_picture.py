"""The wall as one picture for print."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from indexer.errors import UsageError
from indexer.output.contact_sheet import shortened
from indexer.output.files import written_whole
from indexer.output.hanging import hang_page, open_picture
from indexer.output.palette import Colour

MOST_PIXELS = 200_000_000
"""600 MB while it is drawn; as a print at 300 dpi, 1.2 m × 1.2 m."""
LONGEST_JPEG_PX = 65_500
SMALLEST_TILE_PX, LARGEST_TILE_PX = 4, 1024
_PAPER, _INK, _MISSING = (250, 249, 246), (38, 37, 34), (222, 219, 210)


@dataclass(frozen=True, slots=True)
class Legend:
    """What the strips under the pages mean: names with their colours."""

    heading: str
    names: Sequence[str]
    colours: Sequence[Colour]


def check_wall_size(columns: int, rows: int, *, tile_px: int, path: Path) -> None:
    """Pass, if a wall can be drawn so and written to `path`.

    Raises:
        UsageError: tiles outside 4 to 1024 px, a picture of more than 200 million pixels, a side too long for JPEG, a name
            that ends in neither .png nor .jpg.
    """
    if not SMALLEST_TILE_PX <= tile_px <= LARGEST_TILE_PX:
        raise UsageError(
            f"Pages of {tile_px} px can't be drawn: choose --tile-px {SMALLEST_TILE_PX} to {LARGEST_TILE_PX}."
        )
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UsageError(f"The wall is written as PNG or JPEG: end {path.name} in .png or .jpg.")
    cells = max(columns * rows, 1)
    fitting = math.isqrt(MOST_PIXELS // cells)
    if path.suffix.lower() != ".png":
        fitting = min(fitting, LONGEST_JPEG_PX // max(columns, rows, 1))
    if tile_px > fitting:
        size = f"{columns * tile_px:,} × {rows * tile_px:,} pixels"
        wish = f"A wall of {columns} × {rows} pages of {tile_px} px is {size}, too large for one picture"
        if fitting >= SMALLEST_TILE_PX:
            raise UsageError(f"{wish}: choose --tile-px {fitting} or less, or fewer pages with --filter.")
        raise UsageError(f"{wish}: choose fewer pages with --filter, or look at it in the browser with `quire serve`.")


def draw_wall(
    pages: int,
    load: Callable[[int], bytes | None],
    *,
    columns: int,
    tile_px: int,
    colours: Sequence[Colour] | None = None,
    legend: Legend | None = None,
    progress: Callable[[int], None] | None = None,
) -> Image.Image:
    """An RGB picture of `pages` thumbnails row by row; `load` gives the file of each, None leaves an empty mount.

    `colours` puts a strip under each page, `legend` a line below the wall that explains them. `progress` is told how many
    pages hang, and may raise to stop.
    """
    rows = max(math.ceil(pages / columns), 1)
    foot = _Foot(legend, columns * tile_px) if legend is not None else None
    wall = Image.new("RGB", (columns * tile_px, rows * tile_px + (foot.height if foot else 0)), _PAPER)
    draw = ImageDraw.Draw(wall)
    for place in range(pages):
        row, column = divmod(place, columns)
        left, top, colour = column * tile_px, row * tile_px, colours[place] if colours else None
        hang_page(wall, draw, open_picture(load(place)), left, top, tile_px, colour=colour, missing=_MISSING)
        if progress is not None:
            progress(place + 1)
    if foot is not None:
        foot.draw(draw, rows * tile_px)
    return wall


def save_wall(wall: Image.Image, path: Path) -> None:
    """Write it as its name says, whole or not at all, with 300 dots per inch."""
    with written_whole(path) as draft:
        if path.suffix.lower() == ".png":
            wall.save(draft, "PNG", dpi=(300, 300), compress_level=4)
        else:
            wall.save(draft, "JPEG", quality=90, dpi=(300, 300))


class _Foot:
    """The line below a wall: names beside a square of their colour, broken into as many lines as they need."""

    def __init__(self, legend: Legend, width: int) -> None:
        self._size = max(12, min(round(width / 60), 120))
        self._font: ImageFont.FreeTypeFont | ImageFont.ImageFont = ImageFont.load_default(self._size)
        self._entries: list[tuple[int, int, str, Colour | None]] = []
        x = y = self._size
        entries: list[tuple[str, Colour | None]] = [(legend.heading, None)]
        entries += [(name, colour) for name, colour in zip(legend.names, legend.colours, strict=True)]
        for name, colour in entries:
            text = shortened(name, self._font, max(width - 4 * self._size, self._size))
            needed = round(self._font.getlength(text)) + (3 if colour else 2) * self._size
            if x + needed > width and x > self._size:
                x, y = self._size, y + round(self._size * 1.7)
            self._entries.append((x, y, text, colour))
            x += needed
        self.height = y + 2 * self._size

    def draw(self, draw: ImageDraw.ImageDraw, top: int) -> None:
        """Draw it at this height."""
        for x, y, text, colour in self._entries:
            middle = top + y + self._size // 2
            if colour is not None:
                draw.rectangle((x, top + y, x + self._size, top + y + self._size), fill=colour)
            draw.text(
                (x + round(self._size * 1.5) if colour else x, middle), text, fill=_INK, font=self._font, anchor="lm"
            )
