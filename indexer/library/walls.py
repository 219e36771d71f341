"""Walls: all pages in a full grid, in the order of the map or of the shelf, and their tiles."""

from __future__ import annotations

import hashlib
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.analysis.grid import assign_to_grid, grid_shape
from indexer.analysis.layout import fit_reduction
from indexer.errors import NotFoundError, PageMissingError, UsageError
from indexer.library.colouring import check_field
from indexer.library.results import WallInfo
from indexer.output.files import written_whole
from indexer.output.palette import NO_VALUE
from indexer.output.tiles import Icons, TileCache, TilePlan, draw_tile, needs_pictures, plan_tile
from indexer.values import Matrix, PageFilter

if TYPE_CHECKING:
    from indexer.library.core import Library
    from indexer.library.maps import Maps

Source = Literal["map", "shelf"]

ASPECT = 1.5
"""How much broader than high a wall is, unless it is told its columns."""
MOST_CELLS = 10_000
"""Cells whose pages are told at a time."""
MOST_COLUMNS = MOST_CELLS
EVERY_PAGE = PageFilter()
_WALLS_KEPT = 4
_ASSIGNMENTS_KEPT = 4
_LOOK = "1"
"""Raised when tiles are drawn in another way, so that those in the cache are not used any more."""


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """Pages in a grid: `ids` cell by cell, row by row. `ranks` int64 [N]: where each stands on the shelf."""

    info: WallInfo
    ids: list[str]
    ranks: NDArray[np.int64]

    def cells(self, left: int, top: int, right: int, bottom: int) -> list[str | None]:
        """The page of each cell of a rectangle, row by row, its right and bottom ends left out; None where there is none.

        Raises:
            UsageError: the rectangle is empty, or has more than 10,000 cells.
        """
        if not (0 <= left < right and 0 <= top < bottom) or (right - left) * (bottom - top) > MOST_CELLS:
            raise UsageError(
                f"The cells {left},{top} to {right},{bottom} are no rectangle of 1 to {MOST_CELLS} cells: ask for fewer at a time."
            )
        return [self._page(column, row) for row in range(top, bottom) for column in range(left, right)]

    def page_at(self, column: int, row: int) -> str:
        """The page in a cell, or PageMissingError."""
        found = self._page(column, row)
        if found is None:
            raise PageMissingError(
                f"No page hangs in column {column}, row {row}: the wall has {self.info.columns} × {self.info.rows} cells, counted from 0."
            )
        return found

    def _page(self, column: int, row: int) -> str | None:
        inside = 0 <= column < self.info.columns and row >= 0
        place = row * self.info.columns + column
        return self.ids[place] if inside and place < len(self.ids) else None


@dataclass(frozen=True, slots=True, eq=False)
class TileSpec:
    """One tile before it is drawn; `key` is another whenever the tile would look different."""

    key: str
    plan: TilePlan
    drawn: tuple[tuple[int, int, str], ...]
    colours: NDArray[np.uint8] | None


class Walls:
    """Walls of one library, the last few kept in memory; the grid of a map, which takes long, also on disk."""

    def __init__(self, library: Library, maps: Maps) -> None:
        self._library = library
        self._maps = maps
        self._made: OrderedDict[tuple[object, ...], Wall] = OrderedDict()
        self._making = threading.Lock()
        self._icons = Icons()
        self._tiles = TileCache(library.directory / "tiles")

    def make(self, *, columns: int | None = None, source: Source = "map", where: PageFilter = EVERY_PAGE) -> Wall:
        """The wall of the pages that pass `where`, `columns` wide, or half as broad again as high.

        `map` snaps the map to a grid, so that neighbours stay neighbours; pages that came after the map follow at the end
        in shelf order. `shelf` hangs pages as they stand on the shelf.

        Raises:
            MapMissingError: a wall of the map is asked for and there is none.
            UsageError: `columns` is not 1 to 10,000.
        """
        if columns is not None and not 1 <= columns <= MOST_COLUMNS:
            raise UsageError(f"A wall of {columns} columns can't be made: choose 1 to {MOST_COLUMNS}.")
        # Before the wall's own lock, which tiles wait for: the shelf and the map are read under theirs.
        shelf = self._library.shelf() if self._library.is_filled else None
        version = self._maps.describe().version if source == "map" else ""
        # What passes a filter may change without the shelf.
        changes = (self._library.shelf_cache.changes, self._library.decisions.entry) if where else None
        key = (shelf, source, columns, where, version, changes)
        with self._making:
            if key not in self._made:
                self._made[key] = self._make(columns, source, where)
                while len(self._made) > _WALLS_KEPT:
                    self._made.popitem(last=False)
            self._made.move_to_end(key)
            return self._made[key]

    def plan(self, wall: Wall, *, level: int, column: int, row: int, by: str | None = None) -> TileSpec:
        """What a tile will show; quick, so that one that is known already need not be drawn.

        Raises:
            NotFoundError: the wall has no such tile.
            UsageError: a field that pages can't be coloured by.
        """
        info = wall.info
        plan = plan_tile(info.columns, info.rows, level=level, column=column, row=row)
        if plan is None:
            raise NotFoundError(
                f"The wall has no tile {column}, {row} in level {level}; GET /v1/wall says how many levels there are."
            )
        colours = self._colours(wall, plan, check_field(by)) if by is not None else None
        drawn = _drawn_cells(wall, plan) if needs_pictures(plan, is_coloured=by is not None) else ()
        hashed = hashlib.sha256(f"{_LOOK} {plan}".encode())
        for at_column, at_row, page_id in drawn:
            hashed.update(f"{at_column} {at_row} {page_id} {self._stamp(page_id)};".encode())
        hashed.update(b"" if colours is None else colours.tobytes())
        return TileSpec(hashed.hexdigest(), plan, drawn, colours)

    def draw(self, spec: TileSpec) -> bytes:
        """The tile, WebP of 256 × 256 pixels; from the cache, if it was drawn before."""
        data = self._tiles.load(spec.key)
        if data is None:
            side_px = spec.plan.side_px
            pictures = [(column, row, self._picture(page_id, side_px)) for column, row, page_id in spec.drawn]
            data = draw_tile(spec.plan, pictures, spec.colours)
            self._tiles.save(spec.key, data)
        return data

    def _make(self, columns: int | None, source: Source, where: PageFilter) -> Wall:
        library = self._library
        shelf = library.shelf()
        _, ranks = library.shelf_cache.filtered(library, where)
        pages = len(ranks)
        columns = min(columns, max(pages, 1)) if columns else max(grid_shape(pages, ASPECT)[0], 1)
        rows = math.ceil(pages / columns)
        if source == "map" and pages:
            ranks = self._snap(ranks, self._maps.read_map().xyz[ranks], columns=columns)
        ids = [shelf.ids[rank] for rank in ranks]
        version = hashlib.sha256(f"{source} {columns} {''.join(ids)}".encode()).hexdigest()[:16]
        return Wall(WallInfo(source, columns, rows, pages, version), ids, ranks)

    def _snap(self, ranks: NDArray[np.int64], places: Matrix, *, columns: int) -> NDArray[np.int64]:
        """`ranks` in the order of the cells: those with a place on the map first."""
        placed = np.isfinite(places).all(axis=1)
        points = places[placed]
        if points.shape[1] > 2:
            points = fit_reduction(points, 2).apply(points)
        points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
        # Rows count from the top, and y grows upwards on a map.
        points = np.ascontiguousarray(points * np.array([1, -1], dtype=np.float32))
        rows = max(math.ceil(len(points) / columns), 1)
        cells = self._assign(points, columns=columns, rows=rows)
        ordered = np.empty(len(points), dtype=np.int64)
        ordered[cells] = ranks[placed]
        return np.concatenate([ordered, ranks[~placed]])

    def _assign(self, points: Matrix, *, columns: int, rows: int) -> NDArray[np.int32]:
        """`assign_to_grid`, kept on disk: a name given or a page moved changes nothing in it."""
        directory = self._library.directory / "maps"
        name = hashlib.sha256(points.tobytes() + f" {columns}".encode()).hexdigest()[:24]
        file = directory / f"wall-{name}.npy"
        try:
            cells: NDArray[np.int32] = np.load(file, allow_pickle=False)
            if cells.shape == (len(points),) and np.array_equal(np.sort(cells), np.arange(len(points))):
                return cells
        except (OSError, ValueError, EOFError):
            pass
        cells = assign_to_grid(points, columns=columns, rows=rows)
        with written_whole(file) as draft, draft.open("wb") as out:
            np.save(out, cells)
        for old in sorted(directory.glob("wall-*.npy"), key=_age)[:-_ASSIGNMENTS_KEPT]:
            old.unlink(missing_ok=True)
        return cells

    def _colours(self, wall: Wall, plan: TilePlan, by: str) -> NDArray[np.uint8]:
        """uint8 [rows, columns, 4] of the plan's cells; transparent where no page hangs."""
        found = self._maps.colours(by)
        colours = np.array([(*colour, 255) for colour in found.colours] + [(*NO_VALUE, 255)], dtype=np.uint8)
        grid = np.zeros((plan.bottom - plan.top, plan.right - plan.left, 4), dtype=np.uint8)
        for row in range(plan.top, plan.bottom):
            begin = row * wall.info.columns
            # Clipped: pages may have gone between the making of the wall and now; the next wall knows.
            values = found.values.take(wall.ranks[begin + plan.left : begin + plan.right], mode="clip")
            grid[row - plan.top, : len(values)] = colours[np.minimum(values, len(colours) - 1)]
        return grid

    def _picture(self, page_id: str, side_px: int) -> Image.Image | None:
        load = partial(self._library.thumbnails.load, page_id)
        return self._icons.get(f"{page_id} {self._stamp(page_id)}", load, side_px=side_px)

    def _stamp(self, page_id: str) -> int:
        """When the thumbnail was made, so that a page scanned anew is drawn anew; 0 where there is none."""
        try:
            return self._library.thumbnails.path(page_id).stat().st_mtime_ns
        except OSError:
            return 0


def _drawn_cells(wall: Wall, plan: TilePlan) -> tuple[tuple[int, int, str], ...]:
    columns = wall.info.columns
    return tuple(
        (column, row, wall.ids[row * columns + column])
        for row in range(plan.top, plan.bottom, plan.step)
        for column in range(plan.left, plan.right, plan.step)
        if row * columns + column < len(wall.ids)
    )


def _age(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
