"""Contact sheets: many pages at a glance, each with a caption, as a picture, a PDF or one self-contained HTML file.

The order is the caller's: exemplars first, outliers last.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from indexer.errors import UsageError
from indexer.output.files import written_whole
from indexer.output.pictures import encode_picture, fit_pixels
from indexer.values import Pixels

TILES_PER_SHEET = 400
MOST_PIXELS = 150_000_000
"""Of one sheet: 450 MB while it is drawn."""
PRINT_COLUMNS = 8
PRINT_DPI = 200
_A4_LANDSCAPE_IN = (11.69, 8.27)
SHEET_SUFFIXES = (".png", ".jpg", ".jpeg", ".pdf", ".html")

_PAPER, _MOUNT, _RIM = (250, 249, 246), (241, 239, 233), (222, 219, 210)
_INK, _FAINT = (38, 37, 34), (122, 118, 110)


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One page of a sheet; `pixels` None shows an empty mount. `note` is a second, fainter line (a similarity, a label)."""

    pixels: Pixels | None
    caption: str
    note: str = ""


def draw_contact_sheet(
    tiles: Sequence[Tile], *, title: str, subtitle: str = "", columns: int = 0, tile_px: int = 220
) -> Image.Image:
    """One sheet of at most 400 `tiles`, row by row, as an RGB picture; `columns` 0 makes it about as broad as a screen.

    Raises: UsageError for more tiles than a sheet holds (see `draw_contact_sheets`), a size outside 24 to 1024 px, or a sheet
    of more than `MOST_PIXELS`.
    """
    if len(tiles) > TILES_PER_SHEET:
        raise UsageError(
            f"A contact sheet holds {TILES_PER_SHEET} pages and {len(tiles)} were given: ask for several sheets, or limit them."
        )
    if not 24 <= tile_px <= 1024:
        raise UsageError(f"A tile of {tile_px} px cannot be drawn: choose 24 to 1024.")
    columns = columns if columns > 0 else _fitting_columns(len(tiles))
    gap, margin, captions = max(4, tile_px // 11), max(10, tile_px // 5), _caption_height(tile_px)
    rows = max(1, math.ceil(len(tiles) / columns))
    head = _head_height(tile_px, subtitle)
    width = 2 * margin + columns * tile_px + (columns - 1) * gap
    height = margin + head + rows * (tile_px + captions + gap) - gap + margin
    if width * height > MOST_PIXELS:
        raise UsageError(
            f"A contact sheet of {width:,} × {height:,} px is too large: choose smaller tiles, fewer pages or fewer columns."
        )
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    _draw_head(draw, title, subtitle, margin, width - 2 * margin, tile_px)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        left = margin + column * (tile_px + gap)
        _draw_tile(sheet, draw, tile, left, margin + head + row * (tile_px + captions + gap), tile_px)
    return sheet


def draw_contact_sheets(
    tiles: Sequence[Tile],
    *,
    title: str,
    subtitle: str = "",
    columns: int = 0,
    tile_px: int = 220,
    per_sheet: int = TILES_PER_SHEET,
) -> list[Image.Image]:
    """All `tiles` on as many sheets as they need, `per_sheet` (at most 400) on each; always at least one sheet."""
    per_sheet = min(max(1, per_sheet), TILES_PER_SHEET)
    parts = [tiles[start : start + per_sheet] for start in range(0, len(tiles), per_sheet)] or [tiles]
    columns = columns if columns > 0 else _fitting_columns(len(parts[0]))
    sheets = []
    for number, part in enumerate(parts, start=1):
        heading = title if len(parts) == 1 else f"{title} ({number} of {len(parts)})"
        sheets.append(draw_contact_sheet(part, title=heading, subtitle=subtitle, columns=columns, tile_px=tile_px))
    return sheets


def draw_print_pages(tiles: Sequence[Tile], *, title: str, subtitle: str = "", columns: int = 0) -> list[Image.Image]:
    """All `tiles` on A4 pages, landscape, at 200 dpi: `columns` of them in a row (8 unless given), as many rows as fit."""
    columns = columns if columns > 0 else PRINT_COLUMNS
    width, height = (round(side * PRINT_DPI) for side in _A4_LANDSCAPE_IN)
    # margin, tiles and gaps of `draw_contact_sheet`, which are parts of a tile's side
    tile_px = max(24, int(width / (0.4 + columns + (columns - 1) / 11)))
    margin, gap = max(10, tile_px // 5), max(4, tile_px // 11)
    room = height - 2 * margin - _head_height(tile_px, subtitle) + gap
    rows = max(1, room // (tile_px + _caption_height(tile_px) + gap))
    sheets = draw_contact_sheets(
        tiles, title=title, subtitle=subtitle, columns=columns, tile_px=tile_px, per_sheet=columns * rows
    )
    pages = []
    for sheet in sheets:
        page = Image.new("RGB", (width, height), _PAPER)
        page.paste(sheet, ((width - sheet.width) // 2, 0))
        pages.append(page)
    return pages


def encode_sheet(
    tiles: Sequence[Tile],
    *,
    kind: Literal["png", "pdf", "html"],
    title: str,
    subtitle: str = "",
    columns: int = 0,
    tile_px: int = 220,
) -> bytes:
    """A sheet as bytes: one picture, A4 pages, or one HTML file with every thumbnail in it.

    Raises: UsageError for more tiles than a picture holds, or a size outside 24 to 1024 px.
    """
    if kind == "html":
        return render_contact_sheet_html(tiles, title=title, subtitle=subtitle, tile_px=tile_px).encode()
    stream = io.BytesIO()
    if kind == "pdf":
        first, *rest = draw_print_pages(tiles, title=title, subtitle=subtitle, columns=columns)
        first.save(stream, "PDF", save_all=True, append_images=rest, resolution=PRINT_DPI, quality=88, title=title)
    else:
        sheet = draw_contact_sheet(tiles, title=title, subtitle=subtitle, columns=columns, tile_px=tile_px)
        sheet.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def save_contact_sheet(sheets: Image.Image | Sequence[Image.Image], path: Path) -> list[Path]:
    """Writes one sheet or several by the suffix of `path`, whole or not at all; returns the files written.

    A PDF holds all sheets, one to a page. PNG and JPEG hold one: further sheets go to `NAME-2.png`, `NAME-3.png`, …

    Raises: UsageError for no sheet at all, or a suffix other than .png, .jpg, .jpeg and .pdf.
    """
    drawn = [sheets] if isinstance(sheets, Image.Image) else list(sheets)
    kinds = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".pdf": "PDF"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"Cannot tell what picture to write to {path.name}: end its name in .png, .jpg or .pdf.")
    if not drawn:
        raise UsageError(f"There is no sheet to write to {path.name}: draw one first.")
    if kind == "PDF":
        with written_whole(path) as draft:
            drawn[0].save(draft, "PDF", save_all=True, append_images=drawn[1:], resolution=150, quality=88)
        return [path]
    paths = [path if number == 1 else path.with_stem(f"{path.stem}-{number}") for number in range(1, len(drawn) + 1)]
    for sheet, target in zip(drawn, paths, strict=True):
        with written_whole(target) as draft:
            sheet.save(draft, kind, quality=90) if kind == "JPEG" else sheet.save(draft, kind)
    return paths


def render_contact_sheet_html(tiles: Sequence[Tile], *, title: str, subtitle: str = "", tile_px: int = 220) -> str:
    """One HTML file with every thumbnail in it, light or dark as the reader's screen; needs no network and no script."""
    from indexer.output.contact_sheet_html import template

    items = [
        {
            "source": _data_address(tile.pixels, tile_px * 2) if tile.pixels is not None else "",
            "caption": tile.caption,
            "note": tile.note,
        }
        for tile in tiles
    ]
    return template().render(title=title, subtitle=subtitle, items=items, tile_px=tile_px)


def save_contact_sheet_html(html: str, path: Path) -> None:
    """Writes what `render_contact_sheet_html` gave, whole or not at all."""
    with written_whole(path) as draft:
        draft.write_text(html, encoding="utf-8")


def _data_address(pixels: Pixels, side_px: int) -> str:
    data = encode_picture(fit_pixels(pixels, side_px=side_px), kind="webp", quality=76)
    return "data:image/webp;base64," + base64.b64encode(data).decode()


def _fitting_columns(count: int) -> int:
    """Columns for a sheet a little broader than high: at least one, 6 for a dozen and a half, 24 for 400."""
    return max(1, min(count, math.ceil(math.sqrt(max(1, count) * 1.45))))


def _caption_height(tile_px: int) -> int:
    return round(tile_px * 0.2) + 4


def _head_height(tile_px: int, subtitle: str) -> int:
    return round(tile_px * (0.42 if subtitle else 0.28))


def _draw_head(draw: ImageDraw.ImageDraw, title: str, subtitle: str, margin: int, room: int, tile_px: int) -> None:
    large, small = _font(max(10, round(tile_px * 0.125))), _font(max(8, round(tile_px * 0.072)))
    draw.text((margin, margin), shortened(title, large, room), fill=_INK, font=large, anchor="lt")
    if subtitle:
        draw.text(
            (margin, margin + round(tile_px * 0.18)),
            shortened(subtitle, small, room),
            fill=_FAINT,
            font=small,
            anchor="lt",
        )


def _draw_tile(sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, left: int, top: int, tile_px: int) -> None:
    mount = (left, top, left + tile_px - 1, top + tile_px - 1)
    draw.rounded_rectangle(mount, radius=max(2, tile_px // 40), fill=_MOUNT)
    inner = max(4, tile_px - 2 * max(2, tile_px // 22))
    if tile.pixels is None:
        _draw_missing(draw, left, top, tile_px)
    else:
        picture = Image.fromarray(np.ascontiguousarray(fit_pixels(tile.pixels, side_px=inner)))
        x, y = left + (tile_px - picture.width) // 2, top + (tile_px - picture.height) // 2
        draw.rectangle((x - 1, y - 1, x + picture.width, y + picture.height), outline=_RIM)
        sheet.paste(picture, (x, y))
    font, small = _font(max(7, round(tile_px * 0.068))), _font(max(6, round(tile_px * 0.058)))
    baseline = top + tile_px + max(3, tile_px // 22)
    draw.text(
        (left + 1, baseline),
        shortened(tile.caption, font, tile_px - 2, keep_end=True),
        fill=_INK,
        font=font,
        anchor="lt",
    )
    if tile.note:
        draw.text(
            (left + 1, baseline + round(tile_px * 0.093)),
            shortened(tile.note, small, tile_px - 2),
            fill=_FAINT,
            font=small,
            anchor="lt",
        )


def _draw_missing(draw: ImageDraw.ImageDraw, left: int, top: int, tile_px: int) -> None:
    inset = tile_px // 4
    box = (left + inset, top + inset // 2, left + tile_px - inset, top + tile_px - inset // 2)
    draw.rectangle(box, outline=_RIM, width=max(1, tile_px // 110))
    font = _font(max(7, round(tile_px * 0.06)))
    draw.text(
        (left + tile_px / 2, top + tile_px / 2),
        shortened("no picture", font, tile_px - 2 * inset),
        fill=_FAINT,
        font=font,
        anchor="mm",
    )


def shortened(
    text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room_px: float, *, keep_end: bool = False
) -> str:
    """`text` on one line, cut with an ellipsis to fit `room_px`; `keep_end` cuts the front, where a path says least."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if font.getlength(line) <= room_px:
        return line
    low, high = 0, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(_cut(line, middle, keep_end)) <= room_px else (low, middle - 1)
    return _cut(line, low, keep_end)


def _cut(line: str, length: int, keep_end: bool) -> str:
    return "…" + line[len(line) - length :].lstrip() if keep_end else line[:length].rstrip() + "…"


@lru_cache(maxsize=32)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)
