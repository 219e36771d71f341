"""A `PageFilter` put into Qdrant's words, once for both adapters.

Qdrant matches text, whole numbers and truth values, not fractions; so every number is matched as the range from itself
to itself, which also finds 1936.0 where a table holds 1936.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.errors import FilterError
from indexer.values import Condition, JsonScalar, PageFilter

_PLAIN_KEY = re.compile(r"^[A-Za-z_]\w*$", re.ASCII)
_LARGEST_EXACT_FLOAT = 2**53
_RANGES = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one library spells conditions; each callable returns that library's own object."""

    texts: Callable[[str, list[str]], Any]
    integer: Callable[[str, int], Any]
    truth: Callable[[str, bool], Any]
    between: Callable[..., Any]
    ids: Callable[[list[str]], Any]
    every: Callable[[list[Any], list[Any]], Any]
    """Of `(must, must_not)`: the filter that all of the first and none of the second pass."""
    some: Callable[[list[Any]], Any]
    words: Callable[[str, str], Any]
    """Of `(field, text)`: that the field has all words of the text."""


def build_filter(where: PageFilter | None, dialect: Dialect) -> Any:
    """The library's own filter, or None where every point passes.

    Raises:
        FilterError: a comparison with something that is not a number, words that are none, an unknown operator, or a field name with
            quotes.
    """
    if not where:
        return None
    must, must_not = [], []
    for condition in where.conditions:
        if condition.op == "!=":
            must_not += _alternatives(condition, dialect)
        elif condition.op == "=":
            must.append(dialect.some(_alternatives(condition, dialect) or [dialect.ids([])]))
        elif condition.op == "~":
            must.append(_words(condition, dialect))
        else:
            must.append(_comparison(condition, dialect))
    return dialect.every(must, must_not)


def payload_path(field: str) -> str:
    """The JSON path of a field: a metadata column is one key, whatever its name holds (`metadata."shelf no."`).

    Raises:
        FilterError: the name holds a double quote, which no JSON path can express.
    """
    prefix, dot, name = field.partition(".")
    if dot and prefix == "metadata":
        return f"{prefix}.{_quoted(name)}"
    return ".".join(_quoted(part) for part in field.split("."))


def valid_ids(ids: Iterable[JsonScalar]) -> list[str]:
    """Those that can be ids at all, in canonical spelling and the order given; nothing can be stored under others."""
    return [found for found in (_canonical_id(str(value)) for value in ids) if found is not None]


def _alternatives(condition: Condition, dialect: Dialect) -> list[Any]:
    if condition.field == "page_id":
        return [dialect.ids(valid_ids(condition.values))]
    path = payload_path(condition.field)
    texts = [value for value in condition.values if isinstance(value, str)]
    others = [_equals(path, value, dialect) for value in condition.values if not isinstance(value, str)]
    return ([dialect.texts(path, texts)] if texts else []) + others


def _equals(path: str, value: bool | int | float, dialect: Dialect) -> Any:
    if isinstance(value, bool):
        return dialect.truth(path, value)
    if isinstance(value, int) and abs(value) > _LARGEST_EXACT_FLOAT:
        return dialect.integer(path, value)
    return dialect.between(path, gte=float(value), lte=float(value))


def _words(condition: Condition, dialect: Dialect) -> Any:
    texts = [value for value in condition.values if isinstance(value, str)]
    if not texts or len(texts) != len(condition.values):
        raise FilterError(f"The filter {condition.field}~ needs words to look for.")
    return dialect.words(payload_path(condition.field), " ".join(texts))


def _comparison(condition: Condition, dialect: Dialect) -> Any:
    bound = _RANGES.get(condition.op)
    if bound is None:
        raise FilterError(f"The filter on {condition.field} uses {condition.op!r}; use one of = != < <= > >= ~.")
    if len(condition.values) != 1 or not _is_number(condition.values):
        given = ", ".join(map(repr, condition.values)) or "nothing"
        raise FilterError(f"The filter {condition.field}{condition.op} needs exactly one number, not {given}.")
    return dialect.between(payload_path(condition.field), **{bound: float(condition.values[0])})


def _is_number(values: Sequence[JsonScalar]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _quoted(key: str) -> str:
    if _PLAIN_KEY.match(key):
        return key
    if '"' in key:
        raise FilterError(
            f"The field name {key!r} holds a double quote, which can't be filtered on; rename the column."
        )
    return f'"{key}"'


def _canonical_id(text: str) -> str | None:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
