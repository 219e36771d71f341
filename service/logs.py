"""What the service writes to its log: a line for each event, as text or as JSON, with the id of the request that it belongs to."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

FIELDS = "quire_fields"
"""The attribute of a log record with more than its message: `extra={FIELDS: {…}}`."""

_context: ContextVar[Mapping[str, str]] = ContextVar("quire_log_context", default={})  # noqa: B039 - never changed in place


@contextmanager
def log_context(**names: str) -> Iterator[None]:
    """Lines written inside, also by threads that work for it, carry these names on top of those they have already."""
    token = _context.set({**_context.get(), **names})
    try:
        yield
    finally:
        _context.reset(token)


def set_up_logs(kind: Literal["text", "json"], *, requests: bool) -> None:
    """Write warnings to stderr, and each request where that is wished; uvicorn's own lines too, if it is told of no log config."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if kind == "json" else TextLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("quire.access").setLevel(logging.INFO if requests else logging.WARNING)


class TextLines(logging.Formatter):
    """The message alone, on one line whatever is in it: nobody's file name begins a line of its own. Tracebacks follow."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        """The message."""
        return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in record.message)


class JsonLines(logging.Formatter):
    """One object to a line: time, level, logger, the record's own fields or its message, the context, and an exception's trace."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields = getattr(record, FIELDS, None)
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **(fields or {"message": record.getMessage()}),
        }
        for name, value in _context.get().items():
            line.setdefault(name, value)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
