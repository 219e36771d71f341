"""Qdrant Edge keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import qdrant_edge
from contract.store_contract import StoreContract

from indexer.store.edge import EdgeStore
from indexer.store.port import Store


class TestEdge(StoreContract):
    """The store in this process."""

    directory: Path

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[EdgeStore]:
        """An empty store in a fresh directory."""
        self.directory = tmp_path
        store = EdgeStore(tmp_path)
        yield store
        store.close()

    def reopened(self, store: Store) -> Store:
        """Another store on the same directory."""
        store.close()
        return EdgeStore(self.directory)

    def beside(self, store: Store, name: str) -> Mapping[str, Mapping[str, object]]:
        """The shard itself, opened without the store."""
        store.close()
        shard = qdrant_edge.EdgeShard.load(str(self.directory / name))
        records, _ = shard.scroll(qdrant_edge.ScrollRequest(limit=1000, with_payload=True))
        shard.close()
        return {str(record.id): record.payload or {} for record in records}
