"""Rows become a table on disk: CSV, JSON or Parquet, by the suffix of its name.

A CSV opened in a spreadsheet runs cells that begin with = + - @ or a tab or carriage return as formulas. Such text is
written with a ' before it, and text that begins with ' followed by one of those (or by ' again) gets one more, so that
`plain_cell` gives back exactly what was written. Numbers are not touched: -3.5 as a number stays -3.5; only text is guarded.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

from indexer.errors import UsageError
from indexer.output.files import written_whole

TABLE_SUFFIXES = (".csv", ".json", ".parquet")
_RISKY = ("=", "+", "-", "@", "\t", "\r")
_PARQUET_ROWS = 10_000  # rows held in memory at a time


def write_table(rows: Iterable[Mapping[str, object]], path: Path, *, columns: Sequence[str]) -> None:
    """Writes `rows` to `path`, whole or not at all; a field that a row lacks stays empty, one not in `columns` is left out.

    In CSV (UTF-8 with a byte order mark, as spreadsheets expect) lists and objects are JSON text and true/false are lower case.
    JSON is one array of objects. Parquet keeps types as pyarrow infers them from the first 10,000 rows.

    Raises: UsageError for another suffix, or where the rows of a Parquet table change their types.
    """
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise UsageError(f"Cannot tell what table to write to {path.name}: end its name in .csv, .json or .parquet.")
    picked = ({column: row.get(column) for column in columns} for row in rows)
    with written_whole(path) as draft:
        if suffix == ".csv":
            _write_csv(picked, draft, columns)
        elif suffix == ".json":
            _write_json(picked, draft)
        else:
            _write_parquet(picked, draft, columns, path.name)


def render_csv(rows: Iterable[Mapping[str, object]], *, columns: Sequence[str], line_end: str = "\r\n") -> str:
    """The same rows as the text of a CSV, without a byte order mark."""
    text = io.StringIO(newline="")
    _fill_csv(rows, text, columns, line_end)
    return text.getvalue()


def guarded_cell(text: str) -> str:
    """`text` as a CSV cell that no spreadsheet takes for a formula."""
    bare = text.lstrip("'")
    risky = bare.startswith(_RISKY) if text != bare else text.startswith(_RISKY)
    return f"'{text}" if risky else text


def plain_cell(cell: str) -> str:
    """The text that `guarded_cell` was given; the way back when a table is imported."""
    bare = cell.lstrip("'")
    return cell[1:] if cell.startswith("'") and bare.startswith(_RISKY) else cell


def _write_csv(rows: Iterable[Mapping[str, object]], draft: Path, columns: Sequence[str]) -> None:
    with draft.open("w", encoding="utf-8-sig", newline="") as file:
        _fill_csv(rows, file, columns)


def _fill_csv(
    rows: Iterable[Mapping[str, object]], file: TextIO, columns: Sequence[str], line_end: str = "\r\n"
) -> None:
    table = csv.writer(file, lineterminator=line_end)
    table.writerow([guarded_cell(column) for column in columns])
    table.writerows([_cell(row.get(column)) for column in columns] for row in rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guarded_cell(value)
    if isinstance(value, bool | list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=_plain_value)
    return str(value)


def _write_json(rows: Iterable[Mapping[str, object]], draft: Path) -> None:
    with draft.open("w", encoding="utf-8") as file:
        file.write("[")
        for index, row in enumerate(rows):
            file.write(",\n " if index else "\n ")
            json.dump(
                {key: _json_value(value) for key, value in row.items()}, file, ensure_ascii=False, default=_plain_value
            )
        file.write("\n]\n")


def _plain_value(value: object) -> object:
    """NumPy's numbers and arrays as Python's own, anything else (a path, a date) as text."""
    tolist = getattr(value, "tolist", None)
    return tolist() if tolist is not None else str(value)


def _json_value(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_parquet(rows: Iterable[Mapping[str, object]], draft: Path, columns: Sequence[str], name: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    remaining = iter(rows)
    first = list(islice(remaining, _PARQUET_ROWS))
    try:
        table = pa.table({column: [row[column] for row in first] for column in columns})
        schema = pa.schema(
            [pa.field(f.name, pa.string() if pa.types.is_null(f.type) else f.type) for f in table.schema]
        )
        with pq.ParquetWriter(draft, schema) as writer:
            batch = first
            while batch:
                writer.write_table(pa.Table.from_pylist([dict(row) for row in batch], schema=schema))
                batch = list(islice(remaining, _PARQUET_ROWS))
            if not first:
                writer.write_table(schema.empty_table())
    except (pa.ArrowInvalid, pa.ArrowTypeError) as exc:
        raise UsageError(
            f"Cannot write {name}: a column holds values of several types ({exc}); write .csv or .json instead."
        ) from exc
