"""Filters as people write them: `label=art`, `label=art,notes`, `metadata.year>=1936`, `group!=drawings`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from indexer.errors import FilterError
from indexer.values import Condition, JsonScalar, PageFilter

FILTER_FIELDS: Mapping[str, type] = {
    "page_id": str,
    "root": str,
    "path": str,
    "page_number": int,
    "folders": str,
    "label": str,
    "sha256": str,
    "bytes": int,
    "width_px": int,
    "height_px": int,
    "flags": str,
    "cluster": int,
    "group": str,
    "document": str,
    "x": float,
    "y": float,
    "rescanned": str,
    "rescanned_for": str,
}
"""What can be filtered on, with the type of its values; `metadata.NAME` comes on top, of any type."""

_PATTERN = re.compile(r"^\s*([A-Za-z_][\w.\- ]*?)\s*(!=|>=|<=|=|<|>)\s*(.*?)\s*$", re.DOTALL)


def parse_filter(expressions: Iterable[str]) -> PageFilter:
    """The filter in which every expression must hold.

    Raises:
        FilterError: an expression is not FIELD OP VALUE[,VALUE…], or names a field no page has.
    """
    return PageFilter(tuple(_parse_one(expression) for expression in expressions))


def format_filter(where: PageFilter) -> list[str]:
    """The expressions that `parse_filter` reads back to the same filter."""
    return [f"{c.field}{c.op}{','.join(_format_value(v) for v in c.values)}" for c in where.conditions]


def _parse_one(expression: str) -> Condition:
    match = _PATTERN.match(expression)
    if match is None:
        raise FilterError(
            f"The filter {expression!r} can't be read: write FIELD=VALUE, for example label=art or metadata.year>=1936."
        )
    field, op, text = match.groups()
    if field not in FILTER_FIELDS and not (field.startswith("metadata.") and len(field) > len("metadata.")):
        known = ", ".join(FILTER_FIELDS)
        raise FilterError(
            f"The filter {expression!r} names the field {field!r}, which no page has. Fields: {known}, metadata.NAME."
        )
    words = [word.strip() for word in text.split(",")] if op in ("=", "!=") else [text]
    values = tuple(_convert(expression, field, op, word) for word in words)
    return Condition(field, op, values)


def _convert(expression: str, field: str, op: str, word: str) -> JsonScalar:
    kind = FILTER_FIELDS.get(field)
    if kind is str and op in ("=", "!="):
        return word
    if kind is None and op in ("=", "!="):
        return _guess(word)
    if kind is str:
        raise FilterError(f"The filter {expression!r} compares {field}, which is text; only = and != work on it.")
    try:
        return int(word) if kind is int else float(word)
    except ValueError:
        raise FilterError(f"The filter {expression!r} needs a number after {op}, not {word!r}.") from None


def _guess(word: str) -> JsonScalar:
    """Metadata may be of any type: numbers and true/false are read as such; quotes keep them text."""
    if len(word) >= 2 and word[0] == word[-1] and word[0] in "\"'":
        return word[1:-1]
    if word in ("true", "false"):
        return word == "true"
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _format_value(value: JsonScalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and _guess(value) != value:
        return f'"{value}"'
    return str(value)
