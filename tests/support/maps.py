"""A map and a wall in memory, with the methods of the library's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from indexer.errors import NotFoundError
from indexer.library.colouring import PageColours
from indexer.library.maps import MapData
from indexer.library.results import MapInfo, MapReport, WallInfo
from indexer.library.walls import TileSpec, Wall
from indexer.output.tiles import plan_tile
from indexer.progress import ProgressSink
from indexer.values import Page, PageFilter


class FakeMaps:
    """Pages in a row. `walls` is the same object: one fake for both."""

    def __init__(self, pages: Sequence[Page], note: Callable[..., None], work: Callable[[ProgressSink], None]) -> None:
        self._ids = [page.page_id for page in pages]
        self._note = note
        self._work = work
        self.walls = self

    def make_map(self, *, progress: ProgressSink, **options: Any) -> MapReport:
        self._note("make_map", options=options)
        self._work(progress)
        return MapReport(options["method"], options["dims"], options["seed"], len(self._ids), len(self._ids), 0.1)

    def place_new_pages(self, *, progress: ProgressSink) -> MapReport:
        self._note("place_new_pages")
        self._work(progress)
        return MapReport("tsne", 2, 0, 0, 0, 0.1)

    def describe(self) -> MapInfo:
        self._note("describe")
        return MapInfo("tsne", 2, 0, len(self._ids), len(self._ids), "2026-01-01T00:00:00Z", "fake", "0001", False)

    def read_map(self) -> MapData:
        count = len(self._ids)
        return MapData(self.describe(), self._ids, np.arange(2 * count, dtype=np.float32).reshape(count, 2))

    def colours(self, by: str) -> PageColours:
        count = len(self._ids)
        return PageColours(by, ["art"], [count - 1], np.array([65_535] + [0] * (count - 1), dtype=np.uint16))

    def make_wall(self, *, columns: int | None, source: Any, where: PageFilter) -> Wall:
        self._note("make_wall", columns=columns, source=source, where=where)
        count = len(self._ids)
        columns = min(columns or 4, count)
        info = WallInfo(source, columns, -(-count // columns), count, "0001")
        return Wall(info, self._ids, np.arange(count))

    def plan(self, wall: Wall, *, level: int, column: int, row: int, by: str | None) -> TileSpec:
        self._note("plan", level=level, column=column, row=row, by=by)
        found = plan_tile(wall.info.columns, wall.info.rows, level=level, column=column, row=row)
        if found is None:
            raise NotFoundError("There is no such tile.")
        return TileSpec("key of a tile", found, (), None)

    def draw(self, spec: TileSpec) -> bytes:
        self._note("draw")
        return b"RIFF a tile"
