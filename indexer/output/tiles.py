"""The wall in tiles, as maps on the web are: level 0 is the whole wall in one tile, each level after it twice as large.

In the deepest level a page has 128 pixels, so that a tile of 256 shows 2 × 2 of them. Where pages would be smaller than 8
pixels, each square of 8 shows the first page of those it covers: on a wall of a map its neighbours look alike anyway.
Colours of pages are never left out so; they are averaged.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from indexer.output.hanging import hang_page, open_picture

TILE_PX = 256
DEEPEST_PAGE_PX = 128
SMALLEST_PAGE_PX = 8
CACHE_BYTES = 256 * 2**20
"""What the tiles on disk may take; the least recently used go first."""

_STRIP_FROM_PX = 16
"""Below this a page's colour takes its whole place; a picture could not be read there anyway."""
_ICON_PX = 32
_ICONS = 20_000
"""Small pictures kept in memory: 3 kB each."""
_MISSING = (200, 197, 189)


@dataclass(frozen=True, slots=True)
class TilePlan:
    """What one tile shows: the cells of columns `left` to `right` and rows `top` to `bottom`, ends left out.

    Each cell takes `cell_px`, which may be less than one; of every `step` × `step` cells, the first is drawn.
    """

    left: int
    top: int
    right: int
    bottom: int
    cell_px: float
    step: int

    @property
    def side_px(self) -> int:
        """Side of one drawn square."""
        return round(self.cell_px * self.step)


def count_levels(columns: int, rows: int) -> int:
    """How many levels a wall has, at least 1."""
    return max(math.ceil(math.log2(max(columns, rows, 1) * DEEPEST_PAGE_PX / TILE_PX)), 0) + 1


def plan_tile(columns: int, rows: int, *, level: int, column: int, row: int) -> TilePlan | None:
    """The part of a wall of `columns` × `rows` cells that a tile shows, or None if there is no such tile."""
    deepest = count_levels(columns, rows) - 1
    if not 0 <= level <= deepest:
        return None
    cells = (TILE_PX // DEEPEST_PAGE_PX) * 2 ** (deepest - level)
    left, top = column * cells, row * cells
    if column < 0 or row < 0 or left >= columns or top >= rows:
        return None
    cell_px = TILE_PX / cells
    step = max(round(SMALLEST_PAGE_PX / cell_px), 1)
    return TilePlan(left, top, min(left + cells, columns), min(top + cells, rows), cell_px, step)


def needs_pictures(plan: TilePlan, *, is_coloured: bool) -> bool:
    """Whether a tile shows pictures at all, or colours alone."""
    return not is_coloured or plan.cell_px >= _STRIP_FROM_PX


class Icons:
    """Thumbnails made small, kept in memory as long as there is room; safe in many threads."""

    def __init__(self, at_most: int = _ICONS) -> None:
        self._at_most = at_most
        self._kept: OrderedDict[str, Image.Image] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: str, load: Callable[[], bytes | None], *, side_px: int) -> Image.Image | None:
        """The picture at most `side_px` long, or None where there is none that can be read."""
        if side_px > _ICON_PX:
            return _open(load(), side_px)
        with self._guard:
            icon = self._kept.get(key)
            if icon is not None:
                self._kept.move_to_end(key)
        if icon is None:
            icon = _open(load(), _ICON_PX)
            if icon is None:
                return None
            with self._guard:
                self._kept[key] = icon
                while len(self._kept) > self._at_most:
                    self._kept.popitem(last=False)
        return icon


def draw_tile(
    plan: TilePlan,
    pictures: Sequence[tuple[int, int, Image.Image | None]],
    colours: NDArray[np.uint8] | None = None,
) -> bytes:
    """A WebP of 256 × 256 pixels, transparent between the pages.

    `pictures` are (column, row, picture) of the drawn cells, with None where a page has no thumbnail. `colours` uint8
    [rows, columns, 4] of all cells of the plan are strips under the pictures, or whole cells where pages are small.
    """
    tile = Image.new("RGBA", (TILE_PX, TILE_PX), (0, 0, 0, 0))
    if colours is not None and not needs_pictures(plan, is_coloured=True):
        tile = _colour_cells(plan, colours)
    else:
        draw = ImageDraw.Draw(tile)
        for column, row, picture in pictures:
            left = round((column - plan.left) * plan.cell_px)
            top = round((row - plan.top) * plan.cell_px)
            colour = None if colours is None else tuple(colours[row - plan.top, column - plan.left].tolist())
            hang_page(tile, draw, picture, left, top, plan.side_px, colour=colour, missing=_MISSING)
    buffer = io.BytesIO()
    tile.save(buffer, "WEBP", quality=80, method=2, lossless=colours is not None and not pictures)
    return buffer.getvalue()


class TileCache:
    """Tiles on disk by key, at most so many bytes of them. Keys are hashed: no key makes a path of its own."""

    def __init__(self, directory: Path, *, max_bytes: int = CACHE_BYTES) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._bytes: int | None = None
        self._guard = threading.Lock()

    def load(self, key: str) -> bytes | None:
        """The tile, or None."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            path.touch()
        except OSError:
            return None
        return data

    def save(self, key: str, data: bytes) -> None:
        """Keep a tile; where the folder can't be written to, it is just not kept."""
        path = self._path(key)
        draft = path.with_name(f".{uuid.uuid4().hex[:12]}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(data)
            draft.replace(path)
        except OSError:
            return
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()
        with self._guard:
            self._bytes = self._measure() if self._bytes is None else self._bytes + len(data)
            if self._bytes > self._max_bytes:
                self._shrink()

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()[:40]
        return self._directory / name[:2] / f"{name}.webp"

    def _measure(self) -> int:
        return sum(size for _, size, _ in self._listed())

    def _shrink(self) -> None:
        """Down to four fifths, so that it is not done for every tile."""
        listed = sorted(self._listed())
        total = sum(size for _, size, _ in listed)
        for _, size, path in listed:
            if total <= self._max_bytes * 4 // 5:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size
        self._bytes = total

    def _listed(self) -> list[tuple[int, int, Path]]:
        found = []
        for path in self._directory.glob("??/*.webp"):
            with contextlib.suppress(OSError):
                state = path.stat()
                found.append((state.st_mtime_ns, state.st_size, path))
        return found


def _open(data: bytes | None, side_px: int) -> Image.Image | None:
    picture = open_picture(data)
    if picture is not None:
        picture.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture


def _colour_cells(plan: TilePlan, colours: NDArray[np.uint8]) -> Image.Image:
    cells = round(TILE_PX / plan.cell_px)
    grid = np.zeros((cells, cells, 4), dtype=np.uint8)
    grid[: colours.shape[0], : colours.shape[1]] = colours
    way = Image.Resampling.NEAREST if cells <= TILE_PX else Image.Resampling.BOX
    return Image.fromarray(grid).resize((TILE_PX, TILE_PX), way)
