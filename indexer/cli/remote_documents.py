"""What `Library.documents` does, done by the service that holds the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from indexer.cli.remote_maps import RunJob
from indexer.library.results import (
    BreakDecision,
    Comparison,
    DocumentsReport,
    HandOverReport,
    SimilarDocument,
    StreamProposal,
    StreamSummary,
    TruthRow,
)
from indexer.output.files import written_whole
from indexer.progress import ProgressSink, ignore_progress

T = TypeVar("T")


class RemoteDocuments:
    """The documents of a library that a service holds."""

    def __init__(self, request: Callable[..., httpx.Response], run_job: RunJob, *, address: str) -> None:
        self._request = request
        self._run_job = run_job
        self._address = address

    def streams(self) -> list[StreamSummary]:
        """See `Documents.streams`."""
        return self._send("GET", "/v1/streams", list[StreamSummary])

    def propose(self, stream: str) -> StreamProposal:
        """See `Documents.propose`."""
        return self._send("GET", "/v1/documents", StreamProposal, params={"stream": stream})

    def propose_all(
        self,
        *,
        stream: str | None = None,
        by: str | None = None,
        blanks: str | None = None,
        separators: Sequence[str] | None = None,
        separator_rule: str | None = None,
        progress: ProgressSink = ignore_progress,
    ) -> DocumentsReport:
        """See `Documents.propose_all`."""
        wish = {
            "kind": "documents",
            "stream": stream,
            "by": by,
            "blanks": blanks,
            "separators": None if separators is None else list(separators),
            "separator_rule": separator_rule,
        }
        return self._run_job(wish, DocumentsReport, progress)

    def stream_of(self, page_id: str) -> str:
        """See `Documents.stream_of`."""
        path = f"/v1/pages/{quote(page_id, safe='')}/stream"
        return self._send("GET", path, StreamSummary).stream

    def decide(self, stream: str, decisions: Sequence[BreakDecision], *, who: str | None = None) -> StreamProposal:
        """See `Documents.decide`; the service notes who asked by its key."""
        said = [{"after": one.after, "decision": one.decision} for one in decisions]
        body = {"stream": stream, "decisions": said}
        return self._send("POST", "/v1/documents/decisions", StreamProposal, json=body)

    def accept(self, stream: str, *, upto: int | None = None, who: str | None = None) -> StreamProposal:
        """See `Documents.accept`."""
        body = {"stream": stream, "upto": upto}
        return self._send("POST", "/v1/documents/accept", StreamProposal, json=body)

    def set_known_count(self, stream: str, count: int | None) -> StreamProposal:
        """See `Documents.set_known_count`."""
        body = {"stream": stream, "count": count}
        return self._send("PUT", "/v1/documents/known-count", StreamProposal, json=body)

    def similar_documents(self, page_id: str, *, limit: int = 12) -> list[SimilarDocument]:
        """See `Documents.similar_documents`."""
        path = f"/v1/pages/{quote(page_id, safe='')}/similar-documents"
        return self._send("GET", path, list[SimilarDocument], params={"limit": limit})

    def compare(self, truth: Sequence[TruthRow], *, settings: Sequence[str] = ()) -> Comparison:
        """See `Documents.compare`."""
        rows = TypeAdapter(list[TruthRow]).dump_python(list(truth))
        body = {"rows": rows, "settings": list(settings)}
        return self._send("POST", "/v1/documents/compare", Comparison, json=body)

    def hand_over(
        self,
        directory: Path,
        *,
        streams: Sequence[str] = (),
        pdf: bool = True,
        iiif: bool = True,
        base_url: str | None = None,
        progress: ProgressSink = ignore_progress,
    ) -> HandOverReport:
        """See `Documents.hand_over`; files are written here, from what the service answers."""
        from indexer.library.document_export import hand_over

        base = base_url or self._address
        return hand_over(self, directory, streams=streams, pdf=pdf, iiif=iiif, base_url=base, progress=progress)

    def save_pdf(self, document: str, target: Path) -> None:
        """See `Documents.save_pdf`."""
        params = {"format": "pdf", "document": document}
        data = self._request("GET", "/v1/documents/export", params=params).content
        with written_whole(target) as draft:
            draft.write_bytes(data)

    def manifest(self, document: str, *, base_url: str) -> dict[str, object]:
        """See `Documents.manifest`."""
        params = {"format": "iiif", "document": document, "base_url": base_url}
        found: dict[str, object] = self._request("GET", "/v1/documents/export", params=params).json()
        return found

    def _send(self, method: str, path: str, kind: type[T], **options: Any) -> T:
        return TypeAdapter(kind).validate_python(self._request(method, path, **options).json())
