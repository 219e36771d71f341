"""`/v1/streams` and `/v1/documents`: pages put back together, and the review of the breaks between them."""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from indexer.errors import UsageError
from indexer.library.documents import Documents
from indexer.library.results import Comparison, SimilarDocument, StreamProposal, StreamSummary
from service.openapi import problems
from service.routes.parameters import Limit, PathPageId
from service.schemas import PAGE_ID, AcceptBody, BreaksBody, CompareBody, KnownCountBody
from service.state import State, Who

_STREAM_HELP = "A stream, as `GET /v1/streams` names it."
StreamName = Annotated[
    str, Query(alias="stream", min_length=1, max_length=1000, description=_STREAM_HELP, examples=["scans/box 1"])
]
DocumentId = Annotated[
    str | None, Query(alias="document", pattern=PAGE_ID, description="A document's id: that of its first page.")
]
ExportFormat = Literal["csv", "xlsx", "iiif", "pdf"]
_KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "iiif": "application/json",
    "pdf": "application/pdf",
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

router = APIRouter(prefix="/v1", tags=["documents"])


@router.get("/streams", operation_id="list_streams")
async def list_streams(state: State) -> list[StreamSummary]:
    """The streams in shelf order: how many documents each was cut into, and how many breaks are in doubt."""
    return await state.search(lambda: state.library.documents.streams())


@router.get("/documents", operation_id="get_documents", responses=problems(404))
async def get_documents(state: State, stream: StreamName) -> StreamProposal:
    """One stream with its pages, breaks and documents, as they are now."""
    return await state.search(lambda: state.library.documents.propose(stream))


@router.post("/documents/decisions", operation_id="decide_breaks", responses=problems(404, 409))
async def decide_breaks(state: State, who: Who, body: BreaksBody) -> StreamProposal:
    """Say where documents begin and where not; the rest of the stream is proposed anew at once."""
    decisions = [decision.to_library() for decision in body.decisions]
    return await state.write(lambda: state.library.documents.decide(body.stream, decisions, who=who.name))


@router.post("/documents/accept", operation_id="accept_documents", responses=problems(404, 409))
async def accept_documents(state: State, who: Who, body: AcceptBody) -> StreamProposal:
    """Decide all open breaks of a stream as they are proposed, or those up to one."""
    return await state.write(lambda: state.library.documents.accept(body.stream, upto=body.upto, who=who.name))


@router.put("/documents/known-count", operation_id="set_known_count", responses=problems(400, 404, 409))
async def set_known_count(state: State, body: KnownCountBody) -> StreamProposal:
    """Say how many documents a stream holds; null: nobody knows."""
    return await state.write(lambda: state.library.documents.set_known_count(body.stream, body.count))


@router.get("/pages/{page_id}/stream", operation_id="get_page_stream", responses=problems(404))
async def get_page_stream(state: State, page_id: PathPageId) -> StreamSummary:
    """The stream that a page is in."""
    return await state.search(lambda: state.library.documents.stream_of_page(page_id))


@router.get("/pages/{page_id}/similar-documents", operation_id="find_similar_documents", responses=problems(400, 404))
async def find_similar_documents(state: State, page_id: PathPageId, limit: Limit = 12) -> list[SimilarDocument]:
    """The documents most alike to the one that a page belongs to, by their pages, most alike first."""
    return await state.search(lambda: state.library.documents.similar_documents(page_id, limit=limit))


@router.post("/documents/compare", operation_id="compare_documents", responses=problems(400))
async def compare_documents(state: State, body: CompareBody) -> Comparison:
    """Ways of finding documents side by side against the truth. Takes a while for long truths; nothing is changed."""
    rows = [row.to_library() for row in body.rows]
    return await state.choose(lambda: state.library.documents.compare(rows, settings=body.settings))


@router.get(
    "/documents/export",
    operation_id="export_documents",
    response_class=Response,
    responses={
        **problems(400, 404, 413),
        200: {
            "description": "The table, workbook, manifest, collection or PDF.",
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                _KINDS["xlsx"]: _BINARY,
                "application/json": {"schema": {"type": "object"}},
                "application/pdf": _BINARY,
            },
        },
    },
)
async def export_documents(
    request: Request,
    state: State,
    kind: Annotated[ExportFormat, Query(alias="format", description="csv and xlsx: a table; iiif; pdf: one document.")],
    stream: Annotated[str | None, Query(min_length=1, max_length=1000, description=_STREAM_HELP)] = None,
    document: DocumentId = None,
    base_url: Annotated[
        str | None,
        Query(
            pattern=r"^https?://[A-Za-z0-9._~:/\[\]-]+$",
            max_length=1000,
            description="Where viewers of manifests find this service, if not at the address of this request.",
        ),
    ] = None,
) -> Response:
    """Documents to hand over: the table of a stream, or of all; the IIIF manifest or PDF of a document, or a stream's IIIF collection."""
    base = base_url or str(request.base_url)
    name = _UNSAFE.sub("-", document or stream or "documents").strip("-.") or "documents"
    headers = {"Content-Disposition": f'attachment; filename="{quote(name)}.{"json" if kind == "iiif" else kind}"'}
    desk = state.library.documents
    if kind == "iiif":
        found = await state.search(lambda: _describe(desk, stream, document, base))
        return JSONResponse(found, headers=headers)
    data = await state.decode("export", lambda: _export(desk, kind, stream, document))
    return Response(data, media_type=_KINDS[kind], headers=headers)


def _describe(desk: Documents, stream: str | None, document: str | None, base_url: str) -> dict[str, object]:
    if document is not None:
        return desk.manifest(document, base_url=base_url)
    if stream is not None:
        return desk.collection(stream, base_url=base_url)
    raise UsageError("Say of which document or stream: ?format=iiif&document=ID, or &stream=NAME.")


def _export(desk: Documents, kind: str, stream: str | None, document: str | None) -> bytes:
    if kind == "pdf":
        if document is None:
            raise UsageError("Say of which document: ?format=pdf&document=ID.")
        return desk.pdf(document)
    if kind == "xlsx":
        buffer = io.BytesIO()
        desk.save_table(buffer, stream=stream, is_workbook=True)
        return buffer.getvalue()
    with tempfile.TemporaryDirectory(prefix="quire-export-") as folder:
        target = Path(folder) / "documents.csv"
        desk.save_table(target, stream=stream)
        return target.read_bytes()
