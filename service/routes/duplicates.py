"""`/v1/duplicates`: pages that were scanned twice, and what people said of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from indexer.library.results import ApartReport, DuplicateList
from service.openapi import problems
from service.routes.parameters import Limit
from service.schemas import ApartBody
from service.state import State, Who

Offset = Annotated[int, Query(ge=0, le=2**31 - 1, description="How many sets to pass over.")]

router = APIRouter(prefix="/v1", tags=["duplicates"])


@router.get("/duplicates", operation_id="list_duplicates")
async def list_duplicates(state: State, limit: Limit = 50, offset: Offset = 0) -> DuplicateList:
    """The sets of near-duplicates in shelf order, as the last job of the kind `duplicates` found them; `made` is null before the first."""
    return await state.search(lambda: state.library.duplicates.list(limit=limit, offset=offset))


@router.post("/duplicates/apart", operation_id="set_apart", responses=problems(400, 404, 409))
async def set_apart(state: State, who: Who, body: ApartBody) -> ApartReport:
    """Say that no two of these pages are duplicates. It goes into the history, holds for later searches too, and can be undone."""
    return await state.write(lambda: state.library.duplicates.apart(body.page_ids, who=who.name))
