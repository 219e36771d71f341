"""`/v1/export`: pages handed over as a table, with their vectors or files; `/v1/import`: decisions taken in from a table."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask

from indexer.library.exporting import list_pages_to_hand_over, write_pages_table, zip_pages
from indexer.library.importing import import_groups
from indexer.library.results import ImportReport
from indexer.values import PageFilter
from service.openapi import Responses, problems
from service.routes.parameters import Where
from service.schemas import ImportBody
from service.state import ServiceState, State, Who

ExportKind = Literal["csv", "json", "parquet", "vectors", "texts", "zip"]
_NAMES: dict[str, tuple[str, str]] = {
    "csv": ("pages.csv", "text/csv; charset=utf-8"),
    "json": ("pages.json", "application/json"),
    "parquet": ("pages.parquet", "application/vnd.apache.parquet"),
    "vectors": ("vectors.parquet", "application/vnd.apache.parquet"),
    "texts": ("texts.jsonl", "application/x-ndjson"),
    "zip": ("pages.zip", "application/zip"),
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_EXPORTED: Responses = {
    **problems(400, 404),
    200: {
        "description": "The table, the vectors, the texts, or an archive of the files with their folders and the table.",
        "headers": {"X-Quire-Pages": {"schema": {"type": "integer"}, "description": "How many pages; not for zip."}},
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
            "application/vnd.apache.parquet": _BINARY,
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/zip": _BINARY,
        },
    },
}

router = APIRouter(prefix="/v1", tags=["export"])


async def _take_place(state: State) -> AsyncIterator[None]:
    """Held until the answer is sent, or nobody takes it any more."""
    with state.exporting():
        yield


@router.get(
    "/export",
    operation_id="export_pages",
    response_class=Response,
    responses=_EXPORTED,
    dependencies=[Depends(_take_place)],
)
async def export_pages(
    state: State,
    where: Where,
    kind: Annotated[
        ExportKind,
        Query(
            alias="format",
            description="csv, json, parquet: a table of every field; vectors: Parquet; texts: what was read, JSON Lines; zip: the files.",
        ),
    ] = "csv",
) -> Response:
    """The pages that pass a filter, handed over."""
    name, media_type = _NAMES[kind]
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if kind == "zip":
        chunks: Iterator[bytes] = zip_pages(state.library, where)
        return StreamingResponse(chunks, media_type=media_type, headers=headers)
    folder = tempfile.TemporaryDirectory(prefix="quire-export-")
    try:
        file = Path(folder.name) / name
        count = await state.search(lambda: _write(state, where, kind, file))
    except BaseException:
        folder.cleanup()
        raise
    headers["X-Quire-Pages"] = str(count)
    return FileResponse(file, media_type=media_type, headers=headers, background=BackgroundTask(folder.cleanup))


@router.post("/import", operation_id="import_decisions", responses=problems(400, 404, 409))
async def import_decisions(state: State, who: Who, body: ImportBody) -> ImportReport:
    """Take in the groups, and if asked the documents, of a table's rows. With `dry_run`, say what would be decided."""
    library = state.library
    rows = [row.model_dump(exclude_unset=True) for row in body.rows]
    documents = library.documents if body.documents else None

    def take_in() -> ImportReport:
        return import_groups(library, rows, documents=documents, who=who.name, dry_run=body.dry_run)

    return await (state.search(take_in) if body.dry_run else state.write(take_in))


def _write(state: ServiceState, where: PageFilter, kind: str, file: Path) -> int:
    if kind == "vectors":
        return state.library.export_vectors(file, where=where)
    if kind == "texts":
        return state.library.words.export_texts(file, where=where)
    pages = list_pages_to_hand_over(state.library, where)
    write_pages_table(pages, file)
    return len(pages)
