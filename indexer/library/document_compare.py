"""Ways of finding documents side by side against the truth, page by page and in the field's figures."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents import (
    Breaks,
    cut_by_threshold,
    cut_into_one,
    cut_into_singles,
    find_breaks,
    find_intervals,
    find_threshold,
    measure_groupings,
    measure_neighbours,
)
from indexer.errors import UsageError
from indexer.library.decisions import BreakTable
from indexer.library.document_proposing import ReadyStream, gather_said, propose, propose_leniently, ready_stream
from indexer.library.document_streams import StreamIndex, load_streams
from indexer.library.results import ComparedPage, Comparison, SettingQuality, StreamComparison, TruthRow
from indexer.output.spreadsheet import Banded, Sheet, write_workbook
from indexer.output.tables import plain_cell, write_table

if TYPE_CHECKING:
    from indexer.library.core import Library

SETTINGS = ("threshold", "proposed", "known-count", "decided")
"""What is compared unless asked otherwise; `decided` only where anything is."""
REAL = "real"
_FIGURES = ("pq", "weighted_pq", "document_f1", "page_f1", "stp", "mndd", "documents")
_DRAWN = 1_000_000
"""Runs of documents drawn for the intervals of one table, at most: a thousand draws of up to a thousand documents."""
_BLOCK = 10_000

Pairs = list[tuple[Breaks, Breaks]]


@dataclass(frozen=True, slots=True, eq=False)
class _TrueStream:
    """A stream of all of its pages, and the positions of those whose document is known, with its name or number."""

    name: str
    ids: list[str]
    known: NDArray[np.intp]
    documents: NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """What a setting may look at: a stream, what is decided of it, and, for settings that are told it, the true number."""

    ready: ReadyStream
    table: BreakTable
    decided_count: int | None
    true_count: int | None


def read_truth(table: Path, *, stream_column: str | None = None) -> list[TruthRow]:
    """The rows of a CSV with the columns `path` and `document`, and if it has one, `page_number`; a stream by its column.

    Raises:
        UsageError: it is not there, no CSV, lacks a column, or says nothing.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise UsageError(f"{table} can't be read as CSV: {exc}.") from exc
    needed = ["path", "document", *([stream_column] if stream_column else [])]
    missing = [column for column in needed if not rows or rows[0].get(column) is None]
    if missing:
        raise UsageError(f"{table} has no column {missing[0]!r}, or no rows; it needs {', '.join(needed)}.")
    return [_read_row(row, stream_column) for row in rows]


def compare(
    library: Library,
    index: StreamIndex,
    truth: Sequence[TruthRow],
    *,
    settings: Sequence[str] = (),
) -> Comparison:
    """See `Documents.compare`."""
    chosen = list(settings or SETTINGS)
    if unknown := [setting for setting in chosen if setting not in _WAYS]:
        raise UsageError(f"There is no setting {unknown[0]!r}; there are {', '.join(_WAYS)}.")
    streams, unmatched = _match(library, index, truth)
    if not streams:
        raise UsageError(
            f"None of the {len(truth)} rows names a page of the library; write paths as `quire pages` does."
        )
    if not settings and not library.decisions.breaks and not index.rules.known_counts:
        chosen.remove("decided")  # it would be `proposed` once more
    names = [f"{number:02}-{setting}" for number, setting in enumerate(chosen, start=1)]
    outcomes: list[tuple[_TrueStream, Breaks, dict[str, Breaks], list[tuple[str, int]]]] = []
    for stream, ready in _ready_streams(library, index, streams):
        true = find_breaks(stream.documents)
        case = _make_case(library, index, stream, ready, true)
        proposed = {
            name: _restrict(_WAYS[setting](case), stream.known) for name, setting in zip(names, chosen, strict=True)
        }
        shown = [(ready.pages[place].path, ready.pages[place].page_number) for place in stream.known.tolist()]
        outcomes.append((stream, true, proposed, shown))
    tables = [_measure(one[0].name, [(one[1], one[2])], names) for one in outcomes]
    return Comparison(
        settings=[*names, REAL],
        streams=tables,
        all=_measure("all", [(true, proposed) for _, true, proposed, _ in outcomes], names),
        pages=[page for outcome in outcomes for page in _list_pages(*outcome)],
        unmatched=unmatched,
        notes=_find_notes(streams, chosen),
    )


def check_spreadsheet(target: Path) -> None:
    """Raise UsageError unless `save_comparison` can write a file of that name."""
    if target.suffix.lower() not in (".csv", ".xlsx"):
        raise UsageError(f"Cannot tell what spreadsheet to write to {target.name}: end its name in .csv or .xlsx.")


def save_comparison(comparison: Comparison, target: Path) -> None:
    """The pages with their documents by every setting, bands alternating and errors marked: `.xlsx`, or `.csv` with a column `errors`.

    Raises:
        UsageError: another suffix.
    """
    check_spreadsheet(target)
    columns = ("stream", "path", "page_number", *comparison.settings)
    if target.suffix.lower() == ".csv":
        rows = ({**_row(page), **page.documents, "errors": "; ".join(page.errors)} for page in comparison.pages)
        write_table(rows, target, columns=(*columns, "errors"))
    else:
        widths = (24, 40, 12, *[16] * len(comparison.settings))
        pages = Sheet("pages", columns, (_cells(page, comparison.settings) for page in comparison.pages), widths)
        write_workbook([pages, _figures(comparison)], target)


def _cut_by_otsu(case: _Case) -> Breaks:
    """The neighbours' cosine, cut where it parts best into two heaps (Otsu 1979); no truth is looked at."""
    vectors = case.ready.vectors
    if vectors is None:
        return cut_into_one(len(case.ready.ids))
    unlikeness = np.nan_to_num(measure_neighbours(vectors))
    return cut_by_threshold(unlikeness, find_threshold(unlikeness))


def _propose_alone(case: _Case) -> Breaks:
    return propose(case.ready, gather_said(case.ready.ids, {}), None).breaks


def _propose_with_count(case: _Case) -> Breaks:
    return propose(case.ready, gather_said(case.ready.ids, {}), case.true_count).breaks


def _propose_as_decided(case: _Case) -> Breaks:
    return propose_leniently(case.ready, gather_said(case.ready.ids, case.table), case.decided_count)[0].breaks


_WAYS: Mapping[str, Callable[[_Case], Breaks]] = {
    "threshold": _cut_by_otsu,
    "proposed": _propose_alone,
    "known-count": _propose_with_count,
    "decided": _propose_as_decided,
    "one-document": lambda case: cut_into_one(len(case.ready.ids)),
    "single-pages": lambda case: cut_into_singles(len(case.ready.ids)),
}


def _read_row(row: Mapping[str, str], stream_column: str | None) -> TruthRow:
    number = (row.get("page_number") or "").strip()
    if number and not (number.isascii() and number.isdecimal()):
        raise UsageError(f"The page number {number!r} of {row['path']} is no number.")
    stream = plain_cell(row[stream_column] or "") if stream_column else None
    return TruthRow(plain_cell(row["path"]), plain_cell(row["document"] or ""), stream, int(number) if number else None)


def _match(library: Library, index: StreamIndex, truth: Sequence[TruthRow]) -> tuple[list[_TrueStream], list[str]]:
    """The truth by streams: its own, in its own order, where it names them; else the library's."""
    files = _Files(library, index)
    named: dict[str, dict[str, str]] = {}
    unmatched: dict[str, None] = {}
    for row in truth:
        ids = files.find(row)
        if not ids:
            unmatched[row.path] = None
        for page_id in ids:
            place = index.find_place(page_id)
            if row.stream is not None or place is not None:
                stream = row.stream if row.stream is not None or place is None else index.names[place[0]]
                named.setdefault(str(stream), {})[page_id] = row.document
    own = any(row.stream is not None for row in truth)
    streams = []
    for name, documents in named.items():
        ids = list(documents) if own else index.ids_of(index.number_of(name))
        known = np.array([place for place, page_id in enumerate(ids) if page_id in documents], dtype=np.intp)
        streams.append(_TrueStream(name, ids, known, np.array([documents[ids[place]] for place in known.tolist()])))
    return streams, list(unmatched)


class _Files:
    """Pages by the paths that people write: relative to their root, with it, or with anything before."""

    def __init__(self, library: Library, index: StreamIndex) -> None:
        self._directories = {root.name: root.directory for root in library.manifest.roots}
        self._by_path: dict[str, list[tuple[str, int, str]]] = {}
        self._by_name: dict[str, set[str]] = {}
        for batch in library.collection.scroll(fields=("root", "path", "page_number"), batch_size=_BLOCK):
            for page_id, payload in zip(batch.ids, batch.payloads, strict=True):
                path, number = str(payload["path"]), int(str(payload["page_number"]))
                self._by_path.setdefault(path, []).append((str(payload["root"]), number, page_id))
                self._by_name.setdefault(path.rpartition("/")[2], set()).add(path)
        self._rank = index.shelf.rank

    def find(self, row: TruthRow) -> list[str]:
        """The pages that a row speaks of, in order; none where it names no file, or more than one."""
        wanted = PurePosixPath(row.path.replace("\\", "/")).as_posix().removeprefix("./")
        files = {(root, path) for path in self._candidates(wanted) for root, _, _ in self._by_path[path]}
        exact = {(root, path) for root, path in files if wanted in (path, f"{root}/{path}", self._whole(root, path))}
        fitting = exact or {
            (root, path)
            for root, path in files
            if f"/{wanted}".endswith(f"/{path}") or self._whole(root, path).endswith(f"/{wanted}")
        }
        if len(fitting) != 1:
            return []
        root, path = fitting.pop()
        numbered = sorted((number, page_id) for at, number, page_id in self._by_path[path] if at == root)
        return [i for number, i in numbered if row.page_number in (None, number) and i in self._rank]

    def _candidates(self, wanted: str) -> set[str]:
        return self._by_name.get(wanted.rpartition("/")[2], set())

    def _whole(self, root: str, path: str) -> str:
        return f"{self._directories.get(root, '').replace(chr(92), '/')}/{path}"


def _ready_streams(
    library: Library, index: StreamIndex, streams: Sequence[_TrueStream]
) -> Iterator[tuple[_TrueStream, ReadyStream]]:
    for stream, loaded in zip(streams, load_streams(library, [one.ids for one in streams]), strict=True):
        marks = np.array([index.is_separator[index.shelf.rank[i]] for i in loaded.ids], dtype=np.bool_)
        yield stream, ready_stream(stream.name, loaded, index.rules, marks)


def _make_case(library: Library, index: StreamIndex, stream: _TrueStream, ready: ReadyStream, true: Breaks) -> _Case:
    whole = len(stream.known) == len(stream.ids)
    return _Case(
        ready=ready,
        table=library.decisions.breaks,
        decided_count=index.rules.known_counts.get(stream.name),
        true_count=int(true.sum()) + 1 if whole else None,
    )


def _restrict(breaks: Breaks, known: NDArray[np.intp]) -> Breaks:
    """The breaks between known pages: there is one wherever any lies between two of them."""
    numbers = np.concatenate([[0], np.cumsum(breaks)])
    return find_breaks(numbers[known])


def _measure(name: str, streams: Sequence[tuple[Breaks, dict[str, Breaks]]], names: Sequence[str]) -> StreamComparison:
    settings = []
    true_documents = sum(int(true.sum()) + 1 for true, _ in streams)
    draws = max(50, min(1_000, _DRAWN // true_documents))
    for setting in names:
        pairs: Pairs = [(true, proposed[setting]) for true, proposed in streams]
        quality = measure_groupings(pairs)
        intervals = {figure: (one.low, one.high) for figure, one in find_intervals(pairs, draws=draws).items()}
        settings.append(
            SettingQuality(
                setting,
                quality.pq,
                quality.weighted_pq,
                quality.document_f1,
                quality.page_f1,
                quality.stp,
                quality.mndd,
                quality.proposed_documents,
                intervals,
            )
        )
    return StreamComparison(name, sum(len(true) + 1 for true, _ in streams), true_documents, settings)


def _list_pages(
    stream: _TrueStream, true: Breaks, proposed: Mapping[str, Breaks], shown: Sequence[tuple[str, int]]
) -> Iterator[ComparedPage]:
    ways = {**proposed, REAL: true}
    numbers = {name: np.concatenate([[1], 1 + np.cumsum(breaks)]).tolist() for name, breaks in ways.items()}
    wrong = {name: np.concatenate([[False], breaks != true]).tolist() for name, breaks in proposed.items()}
    for place, (path, page_number) in enumerate(shown):
        documents = {name: listed[place] for name, listed in numbers.items()}
        errors = [name for name, listed in wrong.items() if listed[place]]
        yield ComparedPage(stream.name, path, page_number, documents, errors)


def _find_notes(streams: Sequence[_TrueStream], chosen: Sequence[str]) -> list[str]:
    partial = [stream.name for stream in streams if len(stream.known) < len(stream.ids)]
    if not partial:
        return []
    note = f"The truth says nothing of some pages of {', '.join(partial[:3])}{' …' if len(partial) > 3 else ''}; they are not counted."
    if "known-count" in chosen:
        note += " The number of documents was not told there."
    return [note]


def _row(page: ComparedPage) -> dict[str, object]:
    return {"stream": page.stream, "path": page.path, "page_number": page.page_number}


def _cells(page: ComparedPage, settings: Sequence[str]) -> list[object]:
    banded = [Banded(page.documents[name], page.documents[name], wrong=name in page.errors) for name in settings]
    return [page.stream, page.path, page.page_number, *banded]


def _figures(comparison: Comparison) -> Sheet:
    rows = [
        [table.stream, table.pages, table.documents, one.setting, *(getattr(one, figure) for figure in _FIGURES)]
        for table in [*comparison.streams, comparison.all]
        for one in table.settings
    ]
    columns = ("stream", "pages", "real documents", "setting", *_FIGURES)
    return Sheet("figures", columns, rows, widths=(24, 8, 16, 18))
