"""Documents in memory with the façade's methods, for the service around them; and single pages in a box, document by document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from support.library import KINDS, draw_page

from indexer.errors import ConflictError, NotFoundError, PageMissingError
from indexer.library.results import (
    Break,
    BreakDecision,
    Comparison,
    Document,
    DocumentsReport,
    SimilarDocument,
    StreamComparison,
    StreamPage,
    StreamProposal,
    StreamSummary,
    TruthRow,
)
from indexer.progress import Progress, ProgressSink
from indexer.values import Page

LENGTHS = (3, 2, 5, 1, 4, 2, 3, 2)
"""Pages of the documents in `draw_box`."""
PDF = b"%PDF-1.7 a document"


def draw_box(folder: Path, *, lengths: Sequence[int] = LENGTHS) -> Path:
    """`p001.png` … in `folder`: documents of these lengths, the pages of one of one kind, neighbours of different kinds."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [KINDS[index % len(KINDS)] for index, length in enumerate(lengths) for _ in range(length)]
    for number, kind in enumerate(kinds, start=1):
        draw_page(kind, number).save(folder / f"p{number:03}.png")
    return folder


class FakeDocuments:
    """One stream, `scans`, of all pages of a fake library in two documents; `note` hears what is asked."""

    def __init__(self, pages: Sequence[Page], note: Callable[..., None]) -> None:
        self._pages = list(pages)
        self._note = note
        self.count: int | None = None

    def streams(self) -> list[StreamSummary]:
        return [StreamSummary("scans", len(self._pages), 2, 0, 1)]

    def propose(self, stream: str) -> StreamProposal:
        self._check(stream)
        half = len(self._pages) // 2
        pages = [StreamPage(p.page_id, p.path, p.page_number, p.label, [], False) for p in self._pages]
        breaks = [Break(p.page_id, i == half - 1, 0.5, None, None) for i, p in enumerate(self._pages[:-1])]
        documents = [
            Document(pages[0].page_id, 0, half - 1, 0.5, False),
            Document(pages[half].page_id, half, len(pages) - 1, 0.5, False),
        ]
        return StreamProposal(stream, pages, breaks, documents, list(range(len(breaks))), 1, self.count)

    def stream_of_page(self, page_id: str) -> StreamSummary:
        self._find(page_id)
        return self.streams()[0]

    def decide(self, stream: str, decisions: Sequence[BreakDecision], *, who: str | None = None) -> StreamProposal:
        self._note("decide_breaks", stream=stream, decisions=list(decisions), who=who)
        self._check(stream)
        for decision in decisions:
            self._find(decision.after)
        return self.propose(stream)

    def accept(self, stream: str, *, upto: int | None = None, who: str | None = None) -> StreamProposal:
        self._note("accept", stream=stream, upto=upto, who=who)
        return self.propose(stream)

    def set_known_count(self, stream: str, count: int | None) -> StreamProposal:
        self._note("set_known_count", stream=stream, count=count)
        self._check(stream)
        if count is not None and count > len(self._pages):
            raise ConflictError(f"A stream of {len(self._pages)} pages does not hold {count} documents.")
        self.count = count
        return self.propose(stream)

    def propose_all(self, *, progress: ProgressSink, **options: Any) -> DocumentsReport:
        self._note("propose_all", **options)
        progress(Progress("finding documents", 12, 12))
        return DocumentsReport(self.streams(), len(self._pages), 2, 1, 0.1, [])

    def similar_documents(self, page_id: str, *, limit: int = 12) -> list[SimilarDocument]:
        self._find(page_id)
        last = self._pages[-1]
        return [SimilarDocument(0.9, last.page_id, 6, last)][:limit]

    def compare(self, truth: Sequence[TruthRow], *, settings: Sequence[str] = ()) -> Comparison:
        self._note("compare", truth=list(truth), settings=list(settings))
        table = StreamComparison("all", len(truth), 1, [])
        return Comparison([*settings, "real"], [table], table, [], [], [])

    def pdf(self, document: str) -> bytes:
        self._find(document)
        return PDF

    def manifest(self, document: str, *, base_url: str) -> dict[str, object]:
        self._find(document)
        return {"id": f"{base_url}{document}", "type": "Manifest"}

    def collection(self, stream: str, *, base_url: str) -> dict[str, object]:
        self._check(stream)
        return {"id": f"{base_url}{stream}", "type": "Collection"}

    def save_table(self, target: Path | BinaryIO, *, stream: str | None = None, is_workbook: bool = False) -> None:
        self._check(stream or "scans")
        if isinstance(target, Path):
            target.write_bytes(b"document\r\n")
        else:
            target.write(b"PK a workbook")

    def _check(self, stream: str) -> None:
        if stream != "scans":
            raise NotFoundError(f"There is no stream {stream!r}.")

    def _find(self, page_id: str) -> Page:
        for page in self._pages:
            if page.page_id == page_id:
                return page
        raise PageMissingError(f"There is no page {page_id}.")
