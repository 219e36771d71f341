"""The same library with its vectors and decisions on a Qdrant server (here: the client's in-memory stand-in, for its calls)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient
from support.library import KINDS, draw_pages, settings_in

from indexer.filters import parse_filter
from indexer.library import Library
from indexer.store.records_server import ServerRecords
from indexer.store.server import ServerStore

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")


@pytest.fixture
def client() -> Iterator[QdrantClient]:
    """A server that outlives the libraries opened on it."""
    client = QdrantClient(":memory:")
    yield client
    client.close()


@pytest.fixture
def on_server(client: QdrantClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every library is opened on that server."""

    def open_store(*, name: str, **_where: object) -> tuple[ServerStore, ServerRecords]:
        store = ServerStore("http://127.0.0.1:6333", prefix=name, client=client)
        return store, ServerRecords(store.connection, prefix=name)

    monkeypatch.setattr("indexer.library.core.open_store", open_store)


@pytest.mark.usefixtures("on_server")
def test_the_whole_job_on_a_server(tmp_path: Path) -> None:
    """Index, cluster, name, reindex, undo; and a second service on the same server sees the same, without a lock in the way."""
    scans = draw_pages(tmp_path / "scans", each=6)
    settings = settings_in(tmp_path / "here", qdrant_url="http://127.0.0.1:6333", name="box")
    with Library.open(settings, create=True) as library:
        assert library.index([scans]).added == 24
        library.cluster(4)
        number = int(next(iter(library.facet("cluster", where=parse_filter(["label=left"])))))
        named = library.name_clusters([number], "lefts")
        elsewhere = settings_in(tmp_path / "there", qdrant_url="http://127.0.0.1:6333", name="box", model=None)
        with Library.open(elsewhere) as other:
            assert other.status().groups == {"lefts": 6}
            assert {page.label for page in other.pages(where=parse_filter(["group=lefts"])).pages} == {"left"}
            assert other.undo().entry == named.entry
            assert library.status().groups == {}
            time.sleep(1.1)  # what others decide is heard a second later at the latest
            assert library.clusters()[number].group is None
            named = other.name_clusters([number], "lefts")
            time.sleep(1.1)
        report = library.reindex("pixels:16")
        assert (report.generation, report.pages) == (2, 24)
        assert library.status().groups == {"lefts": 6}
        assert len(library.clusters()) == len(KINDS)
        assert named.entry in {entry.entry for entry in library.history() if not entry.undone}
