"""Documents handed over: a table, a PDF of each, a IIIF manifest of each. The same from the library and through a service."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from indexer.errors import NotFoundError, PictureError, UsageError
from indexer.library import listing
from indexer.library.page_files import decode_page, locate_file
from indexer.library.page_payload import page_from_payload
from indexer.library.results import Document, HandOverReport, StreamProposal, StreamSummary
from indexer.output.files import written_whole
from indexer.output.iiif import IiifDocument, IiifPage, build_collection, build_manifest, collection_address
from indexer.output.pdf import FilePage, PixelPage, can_hold, read_scan_details, write_pdf
from indexer.output.spreadsheet import Banded, Sheet, write_workbook
from indexer.output.tables import write_table
from indexer.progress import Meter, ProgressSink
from indexer.sources import decode_bytes
from indexer.values import Page, Pixels

if TYPE_CHECKING:
    from indexer.library.core import Library

COLUMNS = (
    "document",
    "stream",
    "first_file",
    "last_file",
    "first_page",
    "last_page",
    "pages",
    "confidence",
    "decided",
    "who",
    "title",
    "pdf",
    "manifest",
)
"""Of `documents.csv`. `first_page` and `last_page` count within their files; `title` is for a person to fill in."""
_ANY_SIZE_PX = 1_000_000
_UNSAFE = re.compile(r"[^\w .\-]+")

Row = dict[str, object]


class Desk(Protocol):
    """What handing over needs: the library's own desk, or a service's."""

    def streams(self) -> list[StreamSummary]:
        """All streams."""

    def propose(self, stream: str) -> StreamProposal:
        """One stream with its documents."""

    def save_pdf(self, document: str, target: Path) -> None:
        """Write the PDF of a document."""

    def manifest(self, document: str, *, base_url: str) -> dict[str, object]:
        """The IIIF manifest of a document."""


def hand_over(
    desk: Desk,
    directory: Path,
    *,
    streams: Sequence[str] = (),
    pdf: bool,
    iiif: bool,
    base_url: str,
    progress: ProgressSink,
) -> HandOverReport:
    """See `Documents.hand_over`."""
    if iiif and not base_url.startswith(("http://", "https://")):
        raise UsageError(f"{base_url!r} is no address of a service; write it as http://… or https://….")
    names = list(streams) or [summary.stream for summary in desk.streams()]
    meter = Meter(progress, "handing over")
    rows: list[Row] = []
    pages = 0
    for name in names:
        proposal = desk.propose(name)
        for row in list_rows(proposal):
            document = str(row["document"])
            place = _place_of(len(rows) + 1, row)
            if pdf:
                row["pdf"] = f"pdf/{place}.pdf"
                desk.save_pdf(document, directory / "pdf" / f"{place}.pdf")
            if iiif:
                row["manifest"] = f"iiif/{place}.json"
                _save_json(desk.manifest(document, base_url=base_url), directory / "iiif" / f"{place}.json")
            rows.append(row)
            meter.advance()
        pages += len(proposal.pages)
    meter.finish()
    write_table(rows, directory / "documents.csv", columns=COLUMNS)
    return HandOverReport(str(directory), len(rows), pages, len(rows) if pdf else 0, len(rows) if iiif else 0)


def list_rows(proposal: StreamProposal) -> list[Row]:
    """A row for each document of a stream, by `COLUMNS`, as far as they are known; the title is left empty."""
    rows: list[Row] = []
    for document in proposal.documents:
        first, last = proposal.pages[document.first], proposal.pages[document.last]
        rows.append(
            {
                "document": document.document,
                "stream": proposal.stream,
                "first_file": first.path,
                "last_file": last.path,
                "first_page": first.page_number,
                "last_page": last.page_number,
                "pages": document.last - document.first + 1,
                "confidence": round(document.confidence, 4),
                "decided": "decided" if document.decided else "proposed",
                "who": ", ".join(_deciders(proposal, document)),
                "title": "",
            }
        )
    return rows


def save_rows(rows: Sequence[Row], target: Path | BinaryIO, *, is_workbook: bool) -> None:
    """The table of documents as CSV, or as a workbook in which a document's shade changes with each row."""
    columns = COLUMNS[: COLUMNS.index("title") + 1]
    if is_workbook:
        cells = ([Banded(row.get(column), number) for column in columns] for number, row in enumerate(rows))
        sheet = Sheet("documents", columns, cells, widths=(38, 24, 32, 32, 10, 10, 8, 12, 12, 16, 40))
        write_workbook([sheet], target)
    elif isinstance(target, Path):
        write_table(rows, target, columns=columns)
    else:
        raise TypeError("a CSV is written to a path")


@dataclass(frozen=True, slots=True, eq=False)
class DocumentPages:
    """A document with its stream and the whole of its pages."""

    stream: StreamProposal
    document: Document
    pages: list[Page]

    @property
    def label(self) -> str:
        """The names of its first and last file: what it is called until somebody gives it a title."""
        first, last = (_name_page(page) for page in (self.pages[0], self.pages[-1]))
        return first if first == last else f"{first} – {last}"


def find_document(library: Library, proposal: StreamProposal, document: str) -> DocumentPages:
    """The document of that id in a stream, or NotFoundError."""
    found = next((one for one in proposal.documents if one.document == document), None)
    if found is None:
        raise NotFoundError(
            f"No document begins with the page {document} now; `quire documents list` shows those there are."
        )
    ids = [page.page_id for page in proposal.pages[found.first : found.last + 1]]
    batch = library.collection.retrieve(ids)
    pages = [page_from_payload(i, payload) for i, payload in zip(batch.ids, batch.payloads, strict=True)]
    return DocumentPages(proposal, found, pages)


def make_manifest(document: DocumentPages, *, base_url: str) -> dict[str, object]:
    """Its IIIF manifest."""
    who = ", ".join(_deciders(document.stream, document.document))
    metadata = [
        ("Stream", document.stream.stream),
        ("Pages", str(len(document.pages))),
        ("Confidence", f"{document.document.confidence:.2f}"),
        ("Decided by", who),
    ]
    pages = [IiifPage(page.page_id, _name_page(page), page.width_px, page.height_px) for page in document.pages]
    return build_manifest(IiifDocument(document.document.document, document.label, pages, metadata), base_url=base_url)


def make_collection(proposal: StreamProposal, *, base_url: str) -> dict[str, object]:
    """The manifests of a stream's documents."""
    named = []
    for document in proposal.documents:
        first, last = proposal.pages[document.first].path, proposal.pages[document.last].path
        named.append((document.document, first if first == last else f"{first} – {last}"))
    address = collection_address(proposal.stream, base_url=base_url)
    return build_collection(proposal.stream, address, named, base_url=base_url)


def save_document_pdf(library: Library, document: DocumentPages, target: Path | BinaryIO) -> None:
    """Its pages as a PDF; a page whose file is gone comes from its thumbnail."""
    write_pdf(_pdf_pages(library, document.pages), target)


def make_document_pdf(library: Library, document: DocumentPages) -> bytes:
    """The same as bytes."""
    buffer = io.BytesIO()
    save_document_pdf(library, document, buffer)
    return buffer.getvalue()


def _pdf_pages(library: Library, pages: Sequence[Page]) -> Iterable[FilePage | PixelPage]:
    held: dict[Path, bool] = {}
    for page in pages:
        try:
            file = locate_file(library, page)
            if file not in held:
                held[file] = can_hold(file)
            if held[file]:
                yield FilePage(file, page.page_number)
                continue
            picture = decode_page(library, page, max_side_px=_ANY_SIZE_PX)
            dpi, is_lossless = read_scan_details(file)
            yield PixelPage(picture.pixels, dpi, is_lossless)
        except PictureError:
            yield PixelPage(_read_thumbnail(library, page), lossless=False)


def _read_thumbnail(library: Library, page: Page) -> Pixels:
    data = listing.page_thumbnail(library, page.page_id)
    picture = decode_bytes(data, name=page.path, max_side_px=_ANY_SIZE_PX)[0].picture
    if picture is None:
        raise PictureError(f"{page.path}, page {page.page_number}, can't be read, nor can its thumbnail.")
    return picture.pixels


def _deciders(proposal: StreamProposal, document: Document) -> list[str]:
    """Who decided any of its breaks, at its ends or within."""
    around = proposal.breaks[max(document.first - 1, 0) : document.last + 1]
    return sorted({one.who for one in around if one.who})


def _name_page(page: Page) -> str:
    name = page.path.rpartition("/")[2]
    return name if page.pages_in_file == 1 else f"{name}, {page.page_number}"


def _place_of(number: int, row: Row) -> str:
    """Where the files of a document go: its stream's folders, its number, the name of its first file; safe on any disk."""
    folders = [_clean(part) for part in str(row["stream"]).split("/") if part]
    stem = str(row["first_file"]).rpartition("/")[2].rpartition(".")[0]
    return "/".join([*folders, f"{number:05}-{_clean(stem)}"])


def _clean(name: str) -> str:
    return _UNSAFE.sub("_", name).strip(" .")[:80] or "_"


def _save_json(document: dict[str, object], target: Path) -> None:
    with written_whole(target) as draft:
        draft.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
