"""`/v1/pages`: the pages of the library and their pictures, and what is in the library as a whole."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from indexer.library.results import NameReport, PageList, SimilarAnswer, Status
from indexer.values import Page
from service.openapi import Responses, problems
from service.routes.parameters import FIELD_PATTERN, Colour, Limit, PathPageId, Where
from service.schemas import FacetView, MoveBody
from service.state import State, Who

_KEEP_S = 300
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_SAME: Responses = {304: {"description": "The picture is the one whose ETag was sent in If-None-Match."}}

router = APIRouter(prefix="/v1", tags=["pages"])


@router.get("/pages", operation_id="list_pages", responses=problems(400, 404))
def list_pages(
    state: State,
    where: Where,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the answer before.")] = None,
    limit: Limit = 50,
) -> PageList:
    """Pages in shelf order."""
    return state.library.pages(where=where, limit=limit, cursor=cursor)


@router.post("/pages/move", operation_id="move_pages", responses=problems(404, 409))
async def move_pages(state: State, who: Who, body: MoveBody) -> NameReport:
    """Put pages into a group by hand, whatever their cluster is called."""
    return await state.write(lambda: state.library.move_pages(body.page_ids, body.group, who=who.name))


@router.get("/pages/{page_id}", operation_id="get_page", responses=problems(404))
def get_page(state: State, page_id: PathPageId) -> Page:
    """All that is known of one page."""
    return state.library.page(page_id)


@router.get(
    "/pages/{page_id}/image",
    operation_id="get_page_image",
    response_class=Response,
    responses={
        **problems(404, 413),
        **_SAME,
        200: {"content": {"image/jpeg": _BINARY}, "description": "The page, as JPEG."},
    },
)
async def get_page_image(
    request: Request,
    state: State,
    page_id: PathPageId,
    side_px: Annotated[int, Query(ge=16, le=8192, description="The longest side, in pixels.")] = 2048,
) -> Response:
    """One page to look at, made from its file whatever its format; its thumbnail where the file is gone."""
    data = await state.decode("image", lambda: state.library.page_image(page_id, side_px=side_px))
    return _picture(request, data, "image/jpeg")


@router.get(
    "/pages/{page_id}/thumbnail",
    operation_id="get_page_thumbnail",
    response_class=Response,
    responses={
        **problems(404),
        **_SAME,
        200: {"content": {"image/webp": _BINARY}, "description": "The thumbnail, as WebP."},
    },
)
def get_page_thumbnail(request: Request, state: State, page_id: PathPageId) -> Response:
    """One page at most 320 pixels long."""
    return _picture(request, state.library.page_thumbnail(page_id), "image/webp")


@router.get("/pages/{page_id}/similar", operation_id="find_similar_to_page", responses=problems(400, 404, 409))
async def find_similar_to_page(
    state: State, page_id: PathPageId, where: Where, limit: Limit = 12, colour: Colour = 0.0
) -> SimilarAnswer:
    """The pages most alike to one that is in the library, most alike first, without itself."""
    return await state.search(lambda: state.library.similar_to_page(page_id, where=where, limit=limit, colour=colour))


@router.get("/facets/{field}", operation_id="count_values", responses=problems(400, 404))
def count_values(
    state: State,
    field: Annotated[str, Path(pattern=FIELD_PATTERN, description="A field of pages.", examples=["label"])],
    where: Where,
) -> FacetView:
    """How many pages have each value of a field."""
    return FacetView(field=field, counts=state.library.facet(field, where=where))


@router.get("/status", operation_id="get_status")
def get_status(state: State) -> Status:
    """What is in the library, with which model, how big, what was skipped."""
    return state.library.status()


def _picture(request: Request, data: bytes, media_type: str) -> Response:
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": f"private, max-age={_KEEP_S}"}
    if etag in [known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)
