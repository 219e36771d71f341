"""Files and a Qdrant server keep the contract of records."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contract.records_contract import RecordsContract
from qdrant_client import QdrantClient
from support.standin import StandIn
from support.stores import local_mode

from indexer.store.connection import Connection
from indexer.store.records import Records
from indexer.store.records_file import FileRecords
from indexer.store.records_server import ServerRecords
from indexer.values import Payload


class TestFiles(RecordsContract):
    """Records in a directory."""

    directory: Path

    @pytest.fixture
    def records(self, tmp_path: Path) -> FileRecords:
        """None yet; the directory is still to be made."""
        self.directory = tmp_path / "library"
        return FileRecords(self.directory)

    def reopened(self, records: Records) -> Records:
        """The same directory, read anew."""
        records.close()
        return FileRecords(self.directory)


class TestServerInMemory(RecordsContract):
    """Records on qdrant-client's emulation of a server, which does one call at a time as a server does."""

    client: Any

    @pytest.fixture
    def records(self) -> Iterator[ServerRecords]:
        """None yet, on an emulation of its own."""
        with local_mode():
            self.client = StandIn(QdrantClient(":memory:"))
            yield ServerRecords(Connection("memory", client=self.client), prefix="test")
            self.client.close()

    def reopened(self, records: Records) -> Records:
        """The same client, asked anew."""
        records.close()
        return ServerRecords(Connection("memory", client=self.client), prefix="test")

    def test_who_was_overtaken_is_asked_again(self, records: ServerRecords) -> None:
        """With what the other wrote, at the beginning and later; also over a document from before there were nonces."""
        other = ServerRecords(Connection("memory", client=self.client), prefix="test")
        for start in (None, {"of": ["first"]}):
            if start is not None:
                records.save("skips", start)
            asked: list[object] = []

            def overtaken(before: Payload | None, asked: list[object] = asked) -> Payload:
                asked.append(before)
                if len(asked) == 1:
                    other.save("skips", {"of": ["other"]})
                return {"of": [*(before or {"of": []})["of"], "mine"]}  # type: ignore[misc]

            assert records.change("skips", overtaken) == {"of": ["other", "mine"]}
            assert asked == [start, {"of": ["other"]}]
        (point,) = self.client.scroll("test--records")[0]
        self.client.delete_payload("test--records", ["nonce"], points=[point.id])
        assert records.change("skips", lambda _: {"of": []}) == other.load("skips") == {"of": []}


@pytest.mark.skipif("QDRANT_URL" not in os.environ, reason="needs a Qdrant server: set QDRANT_URL")
class TestServerReal(RecordsContract):
    """Records on a real server, under a prefix of their own."""

    connection: Connection
    prefix: str

    @pytest.fixture
    def records(self) -> Iterator[ServerRecords]:
        """None yet; the collection is dropped afterwards."""
        self.prefix = f"test-{uuid.uuid4().hex[:8]}"
        self.connection = Connection(os.environ["QDRANT_URL"], api_key=os.environ.get("QDRANT_API_KEY"))
        yield ServerRecords(self.connection, prefix=self.prefix)
        self.connection.client.delete_collection(f"{self.prefix}--records")
        self.connection.close()

    def reopened(self, records: Records) -> Records:
        """The same server, asked anew."""
        records.close()
        return ServerRecords(self.connection, prefix=self.prefix)
