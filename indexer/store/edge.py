"""The store in this process: Qdrant Edge, the Rust engine itself, one shard for each collection."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from indexer.errors import CollectionMissingError, StoreError
from indexer.store import edge_shard
from indexer.store.edge_collection import EdgeCollection
from indexer.store.port import CollectionSpec

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", re.ASCII)


class EdgeStore:
    """Collections as Edge shards in `directory/<name>/`; one process at a time may open a collection."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: dict[str, EdgeCollection] = {}
        self._lock = threading.Lock()

    def create(self, name: str, spec: CollectionSpec) -> EdgeCollection:
        """A new, empty collection; raises StoreError if one of that name exists."""
        with self._lock:
            place = self._place(name)
            if edge_shard.is_complete(place):
                raise StoreError(
                    f"A collection {name!r} exists already in {self._directory}; drop it first, or choose another name."
                )
            edge_shard.create_shard(place, spec)
            return self._load(name)

    def open(self, name: str) -> EdgeCollection:
        """The collection of that name, the same object each time.

        Raises:
            CollectionMissingError: there is none.
            LibraryBusyError: another process holds it.
            LibraryDamagedError: its files can't be read.
        """
        with self._lock:
            if name in self._open:
                return self._open[name]
            if not edge_shard.is_complete(self._place(name)):
                raise CollectionMissingError(
                    f"There is no collection {name!r} in {self._directory}; index the library first."
                )
            return self._load(name)

    def names(self) -> list[str]:
        """Names of all complete collections, sorted."""
        return edge_shard.collection_names(self._directory)

    def drop(self, name: str) -> None:
        """Remove a collection with all its points; no error if there is none."""
        with self._lock:
            if name in self._open:
                self._open.pop(name).close()
            edge_shard.remove_shard(self._place(name))

    def check_room(self) -> None:
        """Nothing, if the disk has room for what Edge writes; else StoreError."""
        edge_shard.check_room(self._directory, "change the library")

    def close(self) -> None:
        """Flush and let go of every collection; safe to call twice."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def _load(self, name: str) -> EdgeCollection:
        self._open[name] = EdgeCollection(name, self._place(name))
        return self._open[name]

    def _place(self, name: str) -> Path:
        if not _NAME.match(name):
            raise StoreError(f"{name!r} can't name a collection; use letters, digits, - and _.")
        return self._directory / name
