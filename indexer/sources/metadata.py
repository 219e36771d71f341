"""What a table says of the pages: typed values by path, from CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

from indexer.errors import UsageError
from indexer.values import JsonScalar

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_HALF_LETTER = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_INT64 = range(-(2**63), 2**63)
"""What Qdrant can keep and filter as a whole number."""

MAX_TABLE_BYTES = 2**30
"""A table is read as a whole; a million rows of ten columns are about 100 MiB."""

Row = dict[str, JsonScalar]


@dataclass(frozen=True, slots=True)
class MetadataTable:
    """Rows of one table by page. Paths are compared with `/`, without a leading `./`, in Unicode form NFC."""

    rows: Mapping[tuple[str, int | None], Row] = field(default_factory=dict)

    def for_page(self, path: str, page_number: int) -> dict[str, JsonScalar]:
        """What the table says of a page, empty where it says nothing; a `label` column is among it.

        A row without a page number speaks of all pages of its file; a row with one adds to that, and wins.
        """
        key = _clean_path(path)
        return {**self.rows.get((key, None), {}), **self.rows.get((key, page_number), {})}

    def label_for(self, path: str, page_number: int) -> str | None:
        """The label of the table's `label` column, which overrides that of the folders; None where it has none."""
        label = self.for_page(path, page_number).get("label")
        return None if label is None else str(label)

    def unmatched(self, seen_paths: Collection[str]) -> list[str]:
        """Paths of rows that match none of `seen_paths`, each once, in the table's order."""
        seen = {_clean_path(path) for path in seen_paths}
        return [path for path in dict.fromkeys(path for path, _ in self.rows) if path not in seen]


def load_metadata(table: Path) -> MetadataTable:
    """Read a table: `.csv`, `.tsv` (`,` `;` or tab), `.json` (a list of objects, or objects by path) or `.parquet`.

    The column `path` names the page's file relative to the root; `page_number` (from 1, optional) one page of it;
    `label` overrides the folder's. In CSV a column is whole numbers, numbers or true/false if all its cells are, else
    text (`007` stays text). Empty cells and nulls are left out. Dates become ISO 8601 text.

    Raises:
        UsageError: the table cannot be read, has no `path`, names a page twice, or holds lists or objects.
    """
    readers = {".csv": _read_csv, ".tsv": _read_csv, ".txt": _read_csv, ".json": _read_json, ".parquet": _read_parquet}
    reader = readers.get(table.suffix.lower())
    if reader is None:
        raise UsageError(f"The table {table} is of no kind that is read here: save it as .csv, .json or .parquet.")
    try:
        _check_size(table.stat().st_size, table)
        rows = reader(table)
    except OSError as exc:
        raise UsageError(
            f"The table {table} cannot be read: {exc.strerror or exc}. Check the path and the file."
        ) from exc
    return MetadataTable(rows=_by_page(rows, table))


def _check_size(size: int, table: Path) -> None:
    if size > MAX_TABLE_BYTES:
        raise UsageError(
            f"The table {table} holds {size / 2**20:,.0f} MiB, more than the {MAX_TABLE_BYTES / 2**20:,.0f} MiB that a table may: make "
            "several roots of the folder that it speaks of, each with a table of its own."
        )


def _by_page(rows: Sequence[tuple[str, Row]], table: Path) -> dict[tuple[str, int | None], Row]:
    """`rows` come with the place to name in a message ("line 3")."""
    kept: dict[tuple[str, int | None], Row] = {}
    places: dict[tuple[str, int | None], str] = {}
    for place, row in rows:
        values = dict(row)
        path = values.pop("path", None)
        if path is None:
            raise UsageError(f"{place} of {table} names no path: every row needs one, relative to the root.")
        key = (_clean_path(str(path)), _page_number(values.pop("page_number", None), place, table))
        if key in kept:
            which = key[0] if key[1] is None else f"{key[0]}, page {key[1]}"
            raise UsageError(f"{table} names {which} twice, in {places[key]} and {place}: leave only one of the rows.")
        kept[key] = values
        places[key] = place
    return kept


def _page_number(value: JsonScalar | None, place: str, table: Path) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < 1:
        raise UsageError(f"{place} of {table} has the page number {value!r}: page numbers are whole and count from 1.")
    return int(value)


def _clean_path(path: str) -> str:
    slashed = unicodedata.normalize("NFC", path.strip().replace("\\", "/"))
    return "/".join(part for part in slashed.split("/") if part not in ("", "."))


def _clean_names(names: Sequence[object], table: Path) -> list[str]:
    cleaned = [str(name).strip() for name in names]
    if any(_HALF_LETTER.search(name) for name in cleaned):
        raise UsageError(f"{table} has a column whose name holds half a letter of UTF-16: rename it.")
    # these three have a meaning, so `Path` and `PATH` are meant for them
    cleaned = [name.lower() if name.lower() in ("path", "page_number", "label") else name for name in cleaned]
    if "path" not in cleaned:
        found = ", ".join(name for name in cleaned if name) or "none"
        raise UsageError(
            f"{table} has no column 'path' (found: {found}). Name the column of the files' relative paths so."
        )
    twice = sorted({name for name in cleaned if name and cleaned.count(name) > 1})
    if twice:
        raise UsageError(f"{table} has two columns named {twice[0]!r}: rename one of them.")
    return cleaned


def _read_csv(table: Path) -> list[tuple[str, Row]]:
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UsageError(f"{table} is not UTF-8 text: save it as 'CSV UTF-8'.") from exc
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        numbered = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as exc:
        raise UsageError(f"{table} cannot be read as CSV: {exc}. Check its quotation marks.") from exc
    if not numbered:
        raise UsageError(f"{table} is empty: its first line names the columns, one of them 'path'.")
    names = _clean_names(numbered[0][1], table)
    body = numbered[1:]
    for line, cells in body:
        if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
            raise UsageError(
                f"Line {line} of {table} has {len(cells)} cells for {len(names)} columns: put quotation marks round "
                "a cell that holds the delimiter."
            )
    rows: list[Row] = [{} for _ in body]
    for column, name in enumerate(names):
        cells_here = [cells[column].strip() if column < len(cells) else "" for _, cells in body]
        for row, value in zip(rows, _typed(cells_here, as_text=name in ("path", "label")), strict=True):
            if name and value is not None:
                row[name] = value
    return [(f"line {line}", row) for (line, _), row in zip(body, rows, strict=True)]


def _delimiter(text: str) -> str:
    """The one of , ; and tab by which the first line names a `path`, and most columns."""
    head = text.lstrip("\r\n").split("\n", 1)[0]

    def fitness(delimiter: str) -> tuple[bool, int]:
        names = [name.strip().strip('"').lower() for name in head.split(delimiter)]
        return "path" in names, len(names)

    return max(",;\t", key=fitness)


def _typed(cells: Sequence[str], *, as_text: bool) -> Iterator[JsonScalar | None]:
    """The cells of one column, all of one type; None for empty ones."""
    filled = [cell for cell in cells if cell]
    if as_text or not filled:
        convert: type[str] | type[int] | type[float] | None = str
    elif all(_INTEGER.fullmatch(cell) and int(cell) in _INT64 for cell in filled):
        convert = int
    elif all(_NUMBER.fullmatch(cell) and math.isfinite(float(cell)) for cell in filled):
        # whole numbers too long for 64 bits are identifiers: as floats they would lose digits
        convert = str if any(_is_long(cell) for cell in filled) else float
    elif all(cell.lower() in ("true", "false") for cell in filled):
        convert = None
    else:
        convert = str
    for cell in cells:
        if not cell:
            yield None
        elif convert is None:
            yield cell.lower() == "true"
        else:
            yield convert(cell)


def _is_long(cell: str) -> bool:
    return cell.lstrip("-").isdigit() and int(cell) not in _INT64


def _read_json(table: Path) -> list[tuple[str, Row]]:
    try:
        content = json.loads(table.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        raise UsageError(
            f"{table} cannot be read as JSON: {exc}. Mend it there, or give the table as CSV or Parquet."
        ) from exc
    if isinstance(content, dict):
        content = [{**values, "path": path} if isinstance(values, dict) else values for path, values in content.items()]
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise UsageError(f"{table} must hold a list of objects, each with a 'path', or objects by path.")
    return _rows_of(content, table)


def _read_parquet(table: Path) -> list[tuple[str, Row]]:
    # pyarrow takes 0.2 s to import, and few runs read a Parquet table
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(table) as file:
            groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
            _check_size(sum(group.total_byte_size for group in groups), table)
            content = file.read().to_pylist()
    except (pyarrow.ArrowException, UnicodeDecodeError, OverflowError) as exc:
        raise UsageError(f"{table} cannot be read as Parquet: {exc}.") from exc
    return _rows_of(content, table)


def _rows_of(content: Sequence[Mapping[str, object]], table: Path) -> list[tuple[str, Row]]:
    names = list(dict.fromkeys(str(name) for item in content for name in item))
    cleaned = dict(zip(names, _clean_names(names, table), strict=True))
    rows: list[tuple[str, Row]] = []
    for number, item in enumerate(content, start=1):
        place = f"row {number}"
        values = {cleaned[name]: _scalar(value, name, place, table) for name, value in item.items() if cleaned[name]}
        rows.append((place, {name: value for name, value in values.items() if value is not None}))
    return rows


def _scalar(value: object, name: str, place: str, table: Path) -> JsonScalar | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if _HALF_LETTER.search(value):
            raise UsageError(
                f"Column {name!r} of {table} holds half a letter of UTF-16 ({place}): save it as UTF-8 text."
            )
        return value
    if isinstance(value, int):
        return value if value in _INT64 else str(value)
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    raise UsageError(
        f"Column {name!r} of {table} holds {type(value).__name__} values ({place}): "
        "only text, numbers, dates and true/false can be kept."
    )
