"""Qdrant servers for libraries as wholes: the client's in-memory stand-in, or a real one where QDRANT_URL is set."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient
from support.standin import StandIn

import indexer.store
from indexer.store.port import Store
from indexer.store.records import Records

_REAL_OPEN = indexer.store.open_store
_PLACES = ("indexer.library.core.open_store", "indexer.library.moving.open_store")


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is, and a name on it that nobody else uses."""

    url: str
    name: str
    stand_in: StandIn | None = None
    """The client where it is a stand-in, to make it fail."""


@contextmanager
def server_in_memory() -> Iterator[Server]:
    """Libraries that name this server's address get one and the same stand-in."""
    from indexer.store.records_server import ServerRecords
    from indexer.store.server import ServerStore

    client: Any = StandIn(QdrantClient(":memory:"))

    def open_store(*, qdrant_url: str | None, directory: Path, name: str, **more: object) -> tuple[Store, Records]:
        if qdrant_url is None:
            return _REAL_OPEN(directory=directory, qdrant_url=None, api_key=None, name=name)
        store = ServerStore(qdrant_url, prefix=name, client=client)
        store.connection.backoff_s = 0.001  # the stand-in needs no time to recover
        return store, ServerRecords(store.connection, prefix=name)

    with pytest.MonkeyPatch.context() as patch:
        for place in _PLACES:
            patch.setattr(place, open_store)
        yield Server("http://127.0.0.1:6333", "box", client)
    client.close()


@contextmanager
def real_server() -> Iterator[Server]:
    """The server of QDRANT_URL; what was made on it is dropped."""
    server = Server(os.environ["QDRANT_URL"], f"test-{uuid.uuid4().hex[:8]}")
    yield server
    client = QdrantClient(url=server.url, api_key=os.environ.get("QDRANT_API_KEY"))
    for found in client.get_collections().collections:
        if found.name.startswith(f"{server.name}--"):
            client.delete_collection(found.name)
    client.close()
