"""`/v1/map` and `/v1/wall`: where pages lie, what colours them, and the wall in tiles; binary where there is much of it."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath

from indexer.library.colouring import COLOURED_BY, PageColours
from indexer.library.results import MapInfo
from indexer.library.walls import MOST_COLUMNS, Wall
from indexer.output.palette import hex_of
from indexer.output.tiles import DEEPEST_PAGE_PX, TILE_PX, count_levels
from indexer.values import Page
from service.errors import HttpProblem
from service.openapi import Responses, problems
from service.routes.parameters import Where
from service.schemas import ColoursView, WallPagesView, WallView
from service.state import ServiceState, State

_KEEP_S = 300
_SAME: Responses = {304: {"description": "It is what the ETag in If-None-Match says."}}
_MOST_LEVELS = 20

Source = Annotated[
    Literal["map", "shelf"], Query(description="Neighbours as on the map, or pages as they stand on the shelf.")
]
PathSource = Annotated[
    Literal["map", "shelf"],
    InPath(alias="source", description="Neighbours as on the map, or pages as they stand on the shelf."),
]
Columns = Annotated[
    int | None, Query(ge=1, le=MOST_COLUMNS, description="How broad; none: half as broad again as high.")
]
By = Annotated[
    str | None,
    Query(
        pattern=rf"^({'|'.join(COLOURED_BY)}|metadata\.[\w.\- ]{{1,100}})$",
        description="Show the colour of this field with each page.",
        examples=["group"],
    ),
]
Cell = Annotated[int, Query(ge=0, le=2**31 - 1)]

router = APIRouter(prefix="/v1")
files = APIRouter(include_in_schema=False)


def _octets(media_type: str, description: str, **headers: str) -> Responses:
    said = {name: {"schema": {"type": "integer"}, "description": text} for name, text in headers.items()}
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"content": {media_type: schema}, "description": description, "headers": said}}


@router.get("/map", operation_id="get_map", tags=["map"], responses=problems(404))
def get_map(state: State) -> MapInfo:
    """How and when the map was made."""
    return state.library.maps.describe()


@router.get(
    "/map/points",
    operation_id="get_map_points",
    tags=["map"],
    response_class=Response,
    responses={
        **problems(404),
        **_SAME,
        **_octets(
            "application/octet-stream",
            "Little-endian float32: the coordinates of page after page in shelf order; NaN for pages that came after the map.",
            **{"X-Quire-Pages": "How many pages.", "X-Quire-Dims": "Numbers a page: 2 or 3."},
        ),
    },
)
def get_map_points(request: Request, state: State) -> Response:
    """Where every page lies."""
    data = state.library.maps.read_map()
    points = np.ascontiguousarray(data.xyz, dtype="<f4").tobytes()
    headers = {"X-Quire-Pages": str(len(data.ids)), "X-Quire-Dims": str(data.info.dims)}
    return _binary(request, points, "application/octet-stream", headers)


@router.get(
    "/map/ids",
    operation_id="get_map_ids",
    tags=["map"],
    response_class=Response,
    responses={**problems(404), **_SAME, **_octets("text/plain", "One page_id a line.")},
)
def get_map_ids(
    request: Request,
    state: State,
    begin: Annotated[int, Query(ge=0, le=2**31 - 1, description="How many pages to pass over.")] = 0,
    count: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="The most pages; none: all.")] = None,
) -> Response:
    """The pages, in the order of their points and colours."""
    ids = state.library.maps.read_map().ids[begin : None if count is None else begin + count]
    return _binary(request, "\n".join(ids).encode(), "text/plain; charset=utf-8", {})


@router.get("/map/colours", operation_id="get_map_colours", tags=["map"], responses=problems(400, 404))
def get_map_colours(state: State, by: By = "group") -> ColoursView:
    """What every page has in one field, as numbers into a list of names, in shelf order."""
    return _colours_view(state.library.maps.colours(by or "group"))


def _wall(state: State, where: Where, source: Source = "map", columns: Columns = None) -> Wall:
    return state.library.maps.make_wall(columns=columns, source=source, where=where)


def _wall_by_path(state: State, where: Where, source: PathSource, columns: Columns = None) -> Wall:
    return state.library.maps.make_wall(columns=columns, source=source, where=where)


OneWall = Annotated[Wall, Depends(_wall)]


@router.get("/wall", operation_id="get_wall", tags=["wall"], responses=problems(400, 404))
def get_wall(wall: OneWall) -> WallView:
    """How large the wall is. The first time, a wall of a large map takes a while."""
    info = wall.info
    return WallView(
        source=info.source,
        columns=info.columns,
        rows=info.rows,
        pages=info.pages,
        version=info.version,
        tile_px=TILE_PX,
        page_px=DEEPEST_PAGE_PX,
        levels=count_levels(info.columns, info.rows),
    )


@router.get("/wall/pages", operation_id="list_wall_pages", tags=["wall"], responses=problems(400, 404))
def list_wall_pages(wall: OneWall, x0: Cell, y0: Cell, x1: Cell, y1: Cell) -> WallPagesView:
    """The pages in columns x0 to x1 and rows y0 to y1, ends left out; at most 10,000 cells."""
    return WallPagesView(x0=x0, y0=y0, x1=x1, y1=y1, page_ids=wall.cells(x0, y0, x1, y1))


@router.get("/wall/at", operation_id="get_wall_page", tags=["wall"], responses=problems(400, 404))
def get_wall_page(state: State, wall: OneWall, column: Cell, row: Cell) -> Page:
    """The page that hangs in one cell."""
    return state.library.page(wall.page_at(column, row))


@router.get(
    "/wall/tiles/{source}/{level}/{col}/{row}",
    operation_id="get_wall_tile",
    tags=["wall"],
    response_class=Response,
    responses={**problems(400, 404), **_SAME, **_octets("image/webp", "256 × 256 pixels, transparent between pages.")},
)
async def get_wall_tile(
    request: Request,
    state: State,
    wall: Annotated[Wall, Depends(_wall_by_path)],
    level: Annotated[int, InPath(ge=0, le=_MOST_LEVELS, description="0 shows all; each level is twice as large.")],
    col: Annotated[int, InPath(ge=0, le=2**20, description="The tile's column, from 0.")],
    row: Annotated[int, InPath(ge=0, le=2**20, description="The tile's row, from 0.")],
    by: By = None,
) -> Response:
    """One square of the wall, made when it is first asked for."""
    return await _tile(request, state, wall, level=level, column=col, row=row, by=by)


async def _tile(
    request: Request, state: ServiceState, wall: Wall, *, level: int, column: int, row: int, by: str | None
) -> Response:
    walls = state.library.maps.walls
    spec = await state.search(lambda: walls.plan(wall, level=level, column=column, row=row, by=by))
    headers = {"ETag": f'"{spec.key[:32]}"', "Cache-Control": f"private, max-age={_KEEP_S}"}
    if _is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    data = await state.decode("tile", lambda: walls.draw(spec))
    return Response(data, media_type="image/webp", headers=headers)


@files.api_route("/static/vendor/plotly.min.js", methods=["GET", "HEAD"])
def get_plotly(request: Request) -> Response:
    """plotly.js as the installed wheel carries it: nothing is fetched from elsewhere."""
    return _binary(request, _read_plotly(), "text/javascript; charset=utf-8", {})


@lru_cache(maxsize=1)
def _read_plotly() -> bytes:
    from importlib.util import find_spec

    found = find_spec("plotly")
    if found is None or found.origin is None:
        raise HttpProblem("no-such-address", "The package plotly, which brings plotly.js, is not installed here.")
    return (Path(found.origin).parent / "package_data" / "plotly.min.js").read_bytes()


def _colours_view(colours: PageColours) -> ColoursView:
    values = np.ascontiguousarray(colours.values, dtype="<u2").tobytes()
    return ColoursView(
        by=colours.by,
        names=colours.names,
        counts=colours.counts,
        colours=[hex_of(colour) for colour in colours.colours],
        values=base64.b64encode(values).decode(),
    )


def _binary(request: Request, data: bytes, media_type: str, headers: dict[str, str]) -> Response:
    headers = {**headers, "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"', "Cache-Control": "private, no-cache"}
    if _is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


def _is_known(request: Request, etag: str) -> bool:
    return etag in [known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(",")]
