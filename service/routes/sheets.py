"""`/v1/sheet`: contact sheets to look at, print or send, and which pages would be on one."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from indexer.library.results import SheetPages
from indexer.library.sheets import MOST_ON_A_SHEET, SheetKind
from service.openapi import Responses, problems
from service.routes.parameters import Where
from service.schemas import PAGE_ID, SheetBody
from service.state import State

_TYPES: dict[str, str] = {"png": "image/png", "pdf": "application/pdf", "html": "text/html; charset=utf-8"}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_MOST = max(MOST_ON_A_SHEET.values())
_SHEET: Responses = {
    **problems(400, 404),
    200: {
        "description": "The contact sheet.",
        "content": {"image/png": _BINARY, "application/pdf": _BINARY, "text/html": {"schema": {"type": "string"}}},
    },
}

Kind = Annotated[SheetKind, Query(alias="format", description="png: one picture; pdf: A4 pages; html: one file.")]
Order = Annotated[Literal["typical", "shelf"], Query(description="Exemplars first and outliers last, or shelf order.")]
Pages = Annotated[int, Query(alias="limit", ge=1, le=_MOST, description="The most pages; png: at most 400.")]
Columns = Annotated[int, Query(ge=0, le=60, description="Pages in a row; 0: as it fits.")]
TilePx = Annotated[int, Query(ge=24, le=1024, description="The side of each page's square, in pixels.")]
Like = Annotated[str | None, Query(pattern=PAGE_ID, description="Pages most alike to this one instead.")]

router = APIRouter(prefix="/v1", tags=["sheets"])


@router.get("/sheet", operation_id="get_sheet", response_class=Response, responses=_SHEET)
async def get_sheet(
    state: State,
    where: Where,
    kind: Kind = "png",
    order: Order = "typical",
    like: Like = None,
    limit: Pages = 60,
    columns: Columns = 0,
    tile_px: TilePx = 220,
    title: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
) -> Response:
    """A contact sheet of the pages that pass a filter: exemplars first, outliers last."""
    data = await state.decode(
        "sheet",
        lambda: state.library.contact_sheet(
            kind, where=where, order=order, like=like, limit=limit, columns=columns, tile_px=tile_px, title=title
        ),
    )
    return _answer(data, kind)


@router.get("/sheet/pages", operation_id="list_sheet_pages", responses=problems(400, 404))
async def list_sheet_pages(
    state: State, where: Where, order: Order = "typical", like: Like = None, limit: Pages = 60
) -> SheetPages:
    """Which pages would be on that sheet, in their order, and how typical each is."""
    return await state.search(lambda: state.library.sheet_pages(where=where, order=order, like=like, limit=limit))


@router.post("/sheet", operation_id="make_sheet", response_class=Response, responses=_SHEET)
async def make_sheet(state: State, body: SheetBody) -> Response:
    """A contact sheet of these pages, in this order."""
    data = await state.decode(
        "sheet",
        lambda: state.library.contact_sheet(
            body.format,
            page_ids=body.page_ids,
            similarities=body.similarities,
            limit=len(body.page_ids),
            columns=body.columns,
            tile_px=body.tile_px,
            title=body.title,
        ),
    )
    return _answer(data, body.format)


def _answer(data: bytes, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="contact-sheet.{kind}"'}
    return Response(data, media_type=_TYPES[kind], headers=headers)
