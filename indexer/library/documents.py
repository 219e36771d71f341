"""Documents: pages put back together. What can be done with them is here to read; how is in the modules beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from indexer.library import document_compare as comparing
from indexer.library import document_export as exporting
from indexer.library.document_review import DocumentReview
from indexer.library.document_similar import find_similar_documents
from indexer.library.results import Comparison, HandOverReport, SimilarDocument, TruthRow
from indexer.progress import ProgressSink, ignore_progress
from indexer.settings import Settings


class Documents(DocumentReview):
    """The documents of a library, `library.documents`: proposed and reviewed, found again, compared with the truth, handed over."""

    def similar_documents(self, page_id: str, *, limit: int = 12) -> list[SimilarDocument]:
        """The documents most alike to the one that a page belongs to, most alike first, without itself.

        Raises:
            PageMissingError: there is no such page.
            UsageError: documents were not looked for yet, or `limit` is out of range.
        """
        return find_similar_documents(self.library, page_id, limit=limit)

    def compare(self, truth: Sequence[TruthRow], *, settings: Sequence[str] = ()) -> Comparison:
        """Settings side by side against the truth; nothing is written.

        `threshold` cuts the neighbours' cosine by Otsu's method, `proposed` is from the pages alone, `known-count` is told the true
        number, `decided` is as the library has it now; further `one-document` and `single-pages`. Streams are the truth's own, in
        its order, where it names them, else the library's.

        Raises:
            UsageError: there is no such setting, or the truth names no page of the library.
        """
        return comparing.compare(self.library, self.index(), truth, settings=settings)

    # ---- to hand over ----

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
        """Write `documents.csv`, and for each document a PDF and a IIIF manifest, into a directory; no streams means all.

        Manifests name pictures of a service at `base_url`; by default the one that the settings would start.
        """
        base = base_url or default_address(self.library.settings)
        return exporting.hand_over(
            self, directory, streams=streams, pdf=pdf, iiif=iiif, base_url=base, progress=progress
        )

    def pdf(self, document: str) -> bytes:
        """A document, by the id of its first page, as a PDF; NotFoundError where no document begins there."""
        return exporting.make_document_pdf(self.library, self._find(document))

    def save_pdf(self, document: str, target: Path) -> None:
        """The same into a file."""
        exporting.save_document_pdf(self.library, self._find(document), target)

    def manifest(self, document: str, *, base_url: str) -> dict[str, object]:
        """Its IIIF Presentation 3 manifest, as JSON."""
        return exporting.make_manifest(self._find(document), base_url=base_url)

    def collection(self, stream: str, *, base_url: str) -> dict[str, object]:
        """The manifests of all documents of a stream as a IIIF collection."""
        return exporting.make_collection(self.propose(stream), base_url=base_url)

    def save_table(self, target: Path | BinaryIO, *, stream: str | None = None, is_workbook: bool = False) -> None:
        """The documents of a stream, or of all, as a table: CSV into a file, or a workbook."""
        names = [summary.stream for summary in self.streams()] if stream is None else [stream]
        rows = [row for name in names for row in exporting.list_rows(self.propose(name))]
        exporting.save_rows(rows, target, is_workbook=is_workbook)

    def _find(self, document: str) -> exporting.DocumentPages:
        return exporting.find_document(self.library, self.propose(self.stream_of(document)), document)


def default_address(settings: Settings) -> str:
    """Where the service of these settings would answer on this machine."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"
