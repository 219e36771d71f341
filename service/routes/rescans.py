"""`/v1/rescans`: pages whose scan should be made again, and those that were; `/v1/flags`: what a scan can be flagged for."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from indexer.library.rescans import FLAGS, RESCAN_COLUMNS, rescan_row
from indexer.library.results import FlagCount, RescanLine, RescanList, RescanReport
from indexer.output.tables import render_csv
from indexer.values import PageFilter
from service.openapi import problems
from service.routes.parameters import Limit, Where
from service.schemas import RescanBody
from service.state import ServiceState, State, Who

Flags = Annotated[
    list[Annotated[str, Query(pattern=rf"^({'|'.join(FLAGS)})$")]] | None,
    Query(
        alias="flag",
        max_length=len(FLAGS),
        description="A reason to scan again; repeated, any of them. None: blurred, cut-edge, dark, skewed, upside-down.",
        examples=["blurred"],
    ),
]
OnlyOpen = Annotated[bool, Query(description="Without lines that are ticked or fine.")]
_AT_A_TIME = 1_000

router = APIRouter(prefix="/v1", tags=["rescans"])


@router.get("/flags", operation_id="list_flags")
async def list_flags(state: State) -> list[FlagCount]:
    """Every flag there is, what it says of a scan, and how many pages have it."""
    return await state.search(lambda: state.library.rescans.flags())


@router.get("/rescans", operation_id="list_rescans", responses=problems(400))
async def list_rescans(
    state: State,
    where: Where,
    flags: Flags = None,
    only_open: OnlyOpen = False,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the answer before.")] = None,
    limit: Limit = 50,
) -> RescanList:
    """The rescan list in shelf order: what to scan again and why, what was, and what a person called fine."""
    rescans = state.library.rescans
    return await state.search(
        lambda: rescans.list(flags=flags, where=where, only_open=only_open, limit=limit, cursor=cursor)
    )


@router.get(
    "/rescans/table",
    operation_id="export_rescans",
    response_class=Response,
    responses={
        **problems(400),
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The whole list."},
    },
)
async def export_rescans(
    state: State,
    where: Where,
    flags: Flags = None,
    only_open: OnlyOpen = False,
    kind: Annotated[Literal["csv"], Query(alias="format")] = "csv",
) -> Response:
    """The whole list as a table, for the one at the scanner; ticked lines have an x in `done`."""
    lines = await state.search(lambda: _read_all(state, flags, where, only_open=only_open))
    text = render_csv(map(rescan_row, lines), columns=RESCAN_COLUMNS)
    headers = {"Content-Disposition": f'attachment; filename="rescans.{kind}"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/rescans", operation_id="say_rescan", responses=problems(400, 404, 409))
async def say_rescan(state: State, who: Who, body: RescanBody) -> RescanReport:
    """Put pages on the list by hand, or say that they are fine as scanned. It goes into the history and can be undone."""
    rescans = state.library.rescans
    return await state.write(lambda: rescans.say(body.page_ids, body.wanted, note=body.note, who=who.name))


def _read_all(state: ServiceState, flags: list[str] | None, where: PageFilter, *, only_open: bool) -> list[RescanLine]:
    lines: list[RescanLine] = []
    cursor: str | None = None
    while True:
        found = state.library.rescans.list(
            flags=flags, where=where, only_open=only_open, limit=_AT_A_TIME, cursor=cursor
        )
        lines += found.lines
        cursor = found.next_cursor
        if cursor is None:
            return lines
