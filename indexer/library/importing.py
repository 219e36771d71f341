"""Decisions taken in from a table, as `quire export` writes it: the columns that a person may have changed, back again.

What is done here needs only calls that also go over HTTP, so that it works through a running service as well.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

from indexer.errors import PageMissingError, UsageError
from indexer.library.exporting import Listed, walk_pages
from indexer.library.results import BreakDecision, ImportReport, NameReport, StreamProposal, StreamSummary
from indexer.output.tables import plain_cell
from indexer.progress import Meter, ProgressSink, ignore_progress
from indexer.values import Page, PageFilter

Row = Mapping[str, object]
_KEYS = ("page_id", "path")
_AT_ONCE = 10_000


class Deciding(Listed, Protocol):
    """The part of a library that importing needs."""

    def move_pages(self, page_ids: Sequence[str], group: str | None, *, who: str | None) -> NameReport:
        """Put pages into a group."""


class Streams(Protocol):
    """The part of its documents that importing needs."""

    def streams(self) -> list[StreamSummary]:
        """All streams."""

    def propose(self, stream: str) -> StreamProposal:
        """One stream as it is now."""

    def decide(self, stream: str, decisions: Sequence[BreakDecision], *, who: str | None) -> StreamProposal:
        """Say where documents begin and where not."""


def import_groups(
    library: Deciding,
    rows: Iterable[Row],
    *,
    documents: Streams | None = None,
    who: str | None = None,
    dry_run: bool = False,
    progress: ProgressSink = ignore_progress,
) -> ImportReport:
    """Groups, and with `documents` also documents, as the rows have them; what is the same already is left as it is.

    A row names a page by `page_id`, or by `path` (with `page_number` and `root` where these are needed to tell pages apart). An
    empty group lets a page follow its cluster again, where a hand had moved it; a row without the column changes no group. Pages that
    follow each other in a stream are cut where their `document` differs and joined where it is the same. One decision for each group
    and each stream.

    Raises:
        UsageError: a row names no page, or several; or there is neither a group nor a document in any.
        PageMissingError: one names a page that the library does not have; nothing is decided then.
    """
    listed = list(rows)
    fields = {"group", "document"} if documents is not None else {"group"}
    if listed and not any(fields & row.keys() for row in listed):
        raise UsageError(
            f"The table lacks the column {' or '.join(sorted(fields))}; `quire export` writes a table that has both."
        )
    pages = list(walk_pages(library, PageFilter()))
    wanted = dict(zip(_find_pages(pages, listed), listed, strict=True))
    moves = _list_moves(pages, wanted)
    meter = Meter(progress, "moving", sum(map(len, moves.values())))
    entries: list[int] = []
    for group in sorted(moves, key=lambda name: (name is None, name or "")):
        for begin in range(0, len(moves[group]), _AT_ONCE):
            some = moves[group][begin : begin + _AT_ONCE]
            if not dry_run:
                entries.append(library.move_pages(some, group, who=who).entry)
            meter.advance(len(some))
    meter.finish()
    breaks = _import_documents(documents, wanted, who=who, dry_run=dry_run) if documents is not None else 0
    return ImportReport(len(wanted), {group or "": len(ids) for group, ids in moves.items()}, entries, breaks)


def read_rows(table: Path) -> list[Row]:
    """The rows of a CSV, JSON or Parquet table; empty cells are None, and what was guarded against spreadsheets is as it was.

    Raises:
        UsageError: it can't be read, or its rows name no pages.
    """
    try:
        rows = _read(table)
    except (OSError, ValueError, csv.Error, ImportError) as exc:
        raise UsageError(
            f"{table} can't be read: {exc}. Give a CSV, JSON or Parquet table as `quire export` writes it."
        ) from exc
    if not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
        raise UsageError(f"{table} is no table: give a list of rows, as `quire export` writes it.")
    if rows and not any(key in rows[0] for key in _KEYS):
        raise UsageError(f"{table} lacks the columns page_id and path, by which a row names its page.")
    return rows


def _read(table: Path) -> object:
    suffix = table.suffix.lower()
    if suffix == ".json":
        return json.loads(table.read_text(encoding="utf-8"))
    if suffix == ".parquet":
        import pyarrow.parquet as pq

        wanted = ("page_id", "root", "path", "page_number", "group", "document")
        found = pq.read_table(table)
        return found.select([name for name in wanted if name in found.column_names]).to_pylist()
    with table.open(encoding="utf-8-sig", newline="") as file:
        return [
            {name: plain_cell(cell) or None for name, cell in row.items() if name is not None and cell is not None}
            for row in csv.DictReader(file)
        ]


def _find_pages(pages: Sequence[Page], rows: Sequence[Row]) -> Iterator[str]:
    """The `page_id` of each row."""
    known = {page.page_id for page in pages}
    by_path: dict[str, list[Page]] = {}
    for page in pages:
        by_path.setdefault(page.path, []).append(page)
    seen: set[str] = set()
    for row in rows:
        page_id = _text(row.get("page_id")) or _by_path(by_path, row)
        if page_id not in known:
            raise PageMissingError(
                f"A row names the page {page_id}, which the library does not have; nothing was decided."
            )
        if page_id in seen:
            raise UsageError(f"Two rows are about the page {page_id}; nothing was decided.")
        seen.add(page_id)
        yield page_id


def _by_path(by_path: Mapping[str, Sequence[Page]], row: Row) -> str:
    path, number, root = _text(row.get("path")), _text(row.get("page_number")), _text(row.get("root"))
    if path is None:
        raise UsageError("A row has neither a page_id nor a path, so it names no page; nothing was decided.")
    fit = [
        page
        for page in by_path.get(path, ())
        if (number is None or page.page_number == int(float(number))) and (root is None or page.root == root)
    ]
    if not fit:
        raise PageMissingError(f"A row names the page {path}, which the library does not have; nothing was decided.")
    if len(fit) > 1:
        raise UsageError(f"{path} is the path of {len(fit)} pages: give page_number or root too; nothing was decided.")
    return fit[0].page_id


def _list_moves(pages: Sequence[Page], wanted: Mapping[str, Row]) -> dict[str | None, list[str]]:
    moves: dict[str | None, list[str]] = {}
    for page in pages:
        row = wanted.get(page.page_id)
        if row is not None and "group" in row:
            group = _text(row["group"])
            if group != page.group:
                moves.setdefault(group, []).append(page.page_id)
    return moves


def _import_documents(documents: Streams, wanted: Mapping[str, Row], *, who: str | None, dry_run: bool) -> int:
    said = {page_id: document for page_id, row in wanted.items() if (document := _text(row.get("document")))}
    count = 0
    for summary in documents.streams() if said else []:
        found = documents.propose(summary.stream)
        # Each decision teaches, and may change what is proposed elsewhere: again until all is as the table has it.
        while changed := _find_changed(found, said):
            count += len(changed)
            if dry_run:
                break
            found = documents.decide(summary.stream, changed, who=who)
    return count


def _find_changed(found: StreamProposal, said: Mapping[str, str]) -> list[BreakDecision]:
    """What must be decided for the stream to be as the table has it; what it is by itself stays open."""
    ids = [page.page_id for page in found.pages]
    changed = []
    for place, after, following in zip(found.breaks, ids, ids[1:], strict=False):
        if after in said and following in said:
            wanted: Literal["break", "join"] = "break" if said[after] != said[following] else "join"
            if place.is_break != (wanted == "break") and place.decided != wanted:
                changed.append(BreakDecision(place.after, wanted))
    return changed


def _text(value: object) -> str | None:
    return (str(value).strip() or None) if value is not None else None
