"""qdrant-client's store keeps the contract, with its in-memory emulation and, where QDRANT_URL says so, a real server."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from contract.store_contract import StoreContract
from qdrant_client import QdrantClient
from support.standin import StandIn
from support.stores import local_mode

from indexer.store.port import Store
from indexer.store.server import ServerStore


class TestServerInMemory(StoreContract):
    """The adapter of the server on qdrant-client's emulation of one."""

    client: Any

    @pytest.fixture
    def store(self) -> Iterator[ServerStore]:
        """An empty store on an emulation of its own."""
        with local_mode():
            self.client = StandIn(QdrantClient(":memory:"))
            yield ServerStore("memory", prefix="test", client=self.client)
            self.client.close()

    def reopened(self, store: Store) -> Store:
        """Another store on the same client."""
        store.close()
        return ServerStore("memory", prefix="test", client=self.client)

    def beside(self, store: Store, name: str) -> Mapping[str, Mapping[str, object]]:
        """The client itself, with the collection's full name."""
        records, _ = self.client.scroll(f"test--{name}", limit=1000)
        return {str(record.id): record.payload or {} for record in records}


@pytest.mark.skipif("QDRANT_URL" not in os.environ, reason="needs a Qdrant server: set QDRANT_URL")
class TestServerReal(StoreContract):
    """The same on a real server, under a prefix of its own."""

    prefix: str

    @pytest.fixture
    def store(self) -> Iterator[ServerStore]:
        """An empty store whose collections are dropped afterwards."""
        self.prefix = f"test-{uuid.uuid4().hex[:8]}"
        store = self._connect()
        yield store
        cleaner = self._connect()
        for name in cleaner.names():
            cleaner.drop(name)
        cleaner.close()
        store.close()

    def reopened(self, store: Store) -> Store:
        """Another connection."""
        store.close()
        return self._connect()

    def beside(self, store: Store, name: str) -> Mapping[str, Mapping[str, object]]:
        """A client of its own."""
        client = QdrantClient(url=os.environ["QDRANT_URL"], api_key=os.environ.get("QDRANT_API_KEY"))
        records, _ = client.scroll(f"{self.prefix}--{name}", limit=1000)
        client.close()
        return {str(record.id): record.payload or {} for record in records}

    def _connect(self) -> ServerStore:
        return ServerStore(os.environ["QDRANT_URL"], prefix=self.prefix, api_key=os.environ.get("QDRANT_API_KEY"))
