"""The port for what is not a vector: a library's named documents and its journal of decisions.

Two adapters: `records_file.py` (files in the library's directory, replaced atomically, synced) and `records_server.py`
(a collection on the same Qdrant server, so that every service replica reads the same).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from indexer.values import Payload


class Records(Protocol):
    """Small durable things. What returned is on disk."""

    def load(self, name: str) -> Payload | None:
        """The document of that name (`manifest`, `skips`, …), or None."""

    def save(self, name: str, document: Payload) -> None:
        """Replace the document of that name at once, wholly or not at all."""

    def change(self, name: str, change: Callable[[Payload | None], Payload]) -> Payload:
        """Replace the document by what `change` makes of it, and return that; nothing that others save meanwhile is lost.

        Where another was quicker, `change` is asked again with what is there by now: done twice it must be as good as once.
        What `change` raises goes through, and the document stays.
        """

    def names(self) -> list[str]:
        """Names of all documents, sorted."""

    def append(self, entry: Payload) -> int:
        """Add an entry to the journal and return its number, from 1; entries are never changed."""

    def entries(self, *, after: int = 0) -> list[tuple[int, Payload]]:
        """Journal entries with their numbers, oldest first."""

    def close(self) -> None:
        """Let go; safe to call twice."""
