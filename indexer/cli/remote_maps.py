"""The map and the wall behind a running service: the calls of `Library.maps`, carried over HTTP."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeVar

import httpx
import numpy as np
from pydantic import TypeAdapter

from indexer.analysis.layout import Method
from indexer.filters import format_filter
from indexer.library.colouring import PageColours
from indexer.library.maps import MapData
from indexer.library.results import MapInfo, MapReport, WallInfo
from indexer.library.walls import MOST_CELLS, Wall
from indexer.progress import ProgressSink, ignore_progress
from indexer.values import PageFilter

T = TypeVar("T")
EVERY_PAGE = PageFilter()

Request = Callable[..., httpx.Response]


class RunJob(Protocol):
    """Asks for a job, shows its progress as one's own, and returns its report."""

    def __call__(self, wish: Mapping[str, object], report: type[T], progress: ProgressSink) -> T:
        """Do it."""


class RemoteMaps:
    """What `Maps` does, done by the service that holds the library."""

    def __init__(self, request: Request, run_job: RunJob) -> None:
        self._request = request
        self._run_job = run_job

    def make_map(
        self,
        *,
        method: Method = "tsne",
        dims: Literal[2, 3] = 2,
        seed: int = 0,
        sample: int | None = None,
        colour: float = 0.0,
        progress: ProgressSink = ignore_progress,
    ) -> MapReport:
        """See `Maps.make_map`."""
        wish = {"kind": "map", "method": method, "dims": dims, "seed": seed, "sample": sample, "colour": colour}
        return self._run_job(wish, MapReport, progress)

    def place_new_pages(self, *, progress: ProgressSink = ignore_progress) -> MapReport:
        """See `Maps.place_new_pages`."""
        return self._run_job({"kind": "map", "new_only": True}, MapReport, progress)

    def describe(self) -> MapInfo:
        """See `Maps.describe`."""
        return TypeAdapter(MapInfo).validate_python(self._request("GET", "/v1/map").json())

    def read_map(self) -> MapData:
        """See `Maps.read_map`."""
        info = self.describe()
        points = np.frombuffer(self._request("GET", "/v1/map/points").content, dtype="<f4")
        ids = self._request("GET", "/v1/map/ids").text.split()
        return MapData(info, ids, points.astype(np.float32).reshape(-1, info.dims))

    def colours(self, by: str) -> PageColours:
        """See `Maps.colours`."""
        found: dict[str, Any] = self._request("GET", "/v1/map/colours", params={"by": by}).json()
        values = np.frombuffer(base64.b64decode(found["values"]), dtype="<u2").astype(np.uint16)
        return PageColours(found["by"], found["names"], found["counts"], values)

    def make_wall(
        self, *, columns: int | None = None, source: Literal["map", "shelf"] = "map", where: PageFilter = EVERY_PAGE
    ) -> Wall:
        """See `Maps.make_wall`; its `ranks` stay empty."""
        wish: dict[str, Any] = {"source": source, "filter": format_filter(where)}
        wish |= {"columns": columns} if columns else {}
        found = self._request("GET", "/v1/wall", params=wish).json()
        info = WallInfo(found["source"], found["columns"], found["rows"], found["pages"], found["version"])
        step = max(MOST_CELLS // info.columns, 1)
        ids: list[str] = []
        for top in range(0, info.rows, step):
            cells = {"x0": 0, "y0": top, "x1": info.columns, "y1": min(top + step, info.rows)}
            answer = self._request("GET", "/v1/wall/pages", params={**wish, **cells}).json()
            ids += [page_id for page_id in answer["page_ids"] if page_id is not None]
        return Wall(info, ids, np.empty(0, dtype=np.int64))
