"""`/v1/balance` and `/v1/misplaced`: class balance, the agreement of two fields, and pages among the wrong neighbours."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from indexer.library.balance import MIN_SHARE, NEIGHBOURS
from indexer.library.colouring import COLOURED_BY
from indexer.library.results import BalanceReport, MisplacedList
from service.openapi import problems
from service.routes.parameters import Limit
from service.state import State

_PATTERN = rf"^({'|'.join(COLOURED_BY)}|metadata\.[\w.\- ]{{1,100}})$"
By = Annotated[str, Query(pattern=_PATTERN, description="What is looked at.", examples=["label"])]
Against = Annotated[str, Query(pattern=_PATTERN, description="What it is compared with.", examples=["cluster"])]
_PICTURE = {"image/png": {"schema": {"type": "string", "format": "binary"}}}

router = APIRouter(prefix="/v1", tags=["balance"])


@router.get("/balance", operation_id="get_balance", responses=problems(400))
async def get_balance(state: State, by: By = "label", against: Against = "cluster") -> BalanceReport:
    """How many pages have each label, group and notebook, and how two fields agree."""
    return await state.search(lambda: state.library.balance.report(by=by, against=against))


@router.get(
    "/balance/picture",
    operation_id="get_balance_picture",
    response_class=Response,
    responses={**problems(400), 200: {"content": _PICTURE, "description": "Bars and table, as PNG."}},
)
async def get_balance_picture(state: State, by: By = "label", against: Against = "cluster") -> Response:
    """The same as a picture."""
    data = await state.decode("chart", lambda: state.library.balance.picture(by=by, against=against))
    headers = {"Content-Disposition": 'attachment; filename="balance.png"'}
    return Response(data, media_type="image/png", headers=headers)


@router.get("/misplaced", operation_id="list_misplaced", responses=problems(400))
async def list_misplaced(
    state: State,
    by: By = "label",
    neighbours: Annotated[int, Query(ge=1, le=100, description="How many neighbours are asked.")] = NEIGHBOURS,
    min_share: Annotated[
        float, Query(gt=0.5, le=1, description="How many of them must agree on another value.")
    ] = MIN_SHARE,
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0, le=2**31 - 1, description="How many pages to pass over.")] = 0,
) -> MisplacedList:
    """Pages most of whose neighbours have another value, worst first. The first time, a large library takes a while."""
    balance = state.library.balance
    return await state.choose(
        lambda: balance.misplaced(by=by, neighbours=neighbours, min_share=min_share, limit=limit, offset=offset)
    )
