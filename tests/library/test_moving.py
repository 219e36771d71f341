"""A library goes from this machine to a Qdrant server and back, equal point by point, with all that people decided."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.comparing import Near
from support.library import KINDS, draw_pages, settings_in
from support.reading import KnowingReader, read_pages
from support.servers import Server

from indexer.errors import ConflictError, StoreError, UsageError
from indexer.filters import parse_filter
from indexer.library import Library
from indexer.progress import Progress
from indexer.settings import Settings, load_settings
from indexer.store.port import VectorSpec

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]


@pytest.fixture
def made(tmp_path: Path) -> Settings:
    """The settings of an embedded library of sixteen pages in four named clusters, one page moved by hand."""
    settings = settings_in(tmp_path / "library", model=None)
    scans = draw_pages(tmp_path / "scans", each=4)
    (scans / "left/broken.png").write_bytes(b"none")
    with Library.open(settings, create=True) as library:
        library.index([scans], model="pixels", views=["colour"])
        library.cluster(4)
        for kind in KINDS:
            number = int(next(iter(library.facet("cluster", where=parse_filter([f"label={kind}"])))))
            library.name_clusters([number], f"the {kind}")
        library.move_pages([library.pages().pages[0].page_id], "mine")
    file = settings.library / "quire.toml"
    file.write_text(file.read_text() + "\n# mine\n[settings]\nunknown_share = 0.05\n", encoding="utf-8")
    return load_settings(library=settings.library)


def everything(library: Library) -> dict[str, object]:
    """All that is known, comparable with ==."""
    collections = {
        name: {
            one: (
                dict(payload),
                {key: Near(matrix[row]) for key, matrix in batch.vectors.items()},
            )
            for batch in library.store.open(name).scroll(vectors=tuple(library.store.open(name).vectors))
            for row, (one, payload) in enumerate(zip(batch.ids, batch.payloads, strict=True))
        }
        for name in library.store.names()
    }
    status = library.status()
    said = [(page.page_id, page.group, page.cluster) for page in library.pages(limit=1000).pages]
    return {
        **collections,
        "history": library.history(),
        "skipped": status.skipped,
        "groups": status.groups,
        "pages": said,
        "clusters": library.clusters(),
        "like": [similar.page.page_id for similar in library.similar_to_page(said[0][0], limit=5).pages],
    }


def test_to_a_server_and_back_nothing_changes(made: Settings, server: Server) -> None:
    """Points, vectors, decisions and answers are the same at each station, and the settings follow by themselves."""
    with Library.open(made) as library:
        before = everything(library)
        report = library.relocate(server.url, name=server.name)
    assert (report.points, report.copied, report.decisions) == (20, 20, 6)
    there = load_settings(library=made.library)
    assert (there.qdrant_url, there.name, there.unknown_share) == (server.url, server.name, 0.05)
    with Library.open(there) as library:
        assert everything(library) == before
        assert library.check().findings == []
        library.undo()
        changed = everything(library)
        back = library.relocate(str(made.library))
        assert (back.points, back.copied, back.decisions) == (20, 1, 7)
    here = load_settings(library=made.library)
    assert here.qdrant_url is None
    with Library.open(here) as library:
        assert everything(library) == changed
        assert library.check(deep=True).findings == []
    assert "# mine" in (made.library / "quire.toml").read_text()


def test_what_was_read_on_pages_goes_along(made: Settings, server: Server, tmp_path: Path) -> None:
    """Texts and their words arrive, and are found with the same scores: nothing is read again, there and back."""
    reader = KnowingReader()

    def found(library: Library) -> dict[str, object]:
        answer = library.words.search("Protokoll transportech", by="text", limit=20)
        assert answer.pages
        return {one.page.page_id: Near(np.array([one.words or 0.0])) for one in answer.pages}

    def texts(library: Library) -> str:
        library.words.export_texts(tmp_path / "texts.jsonl")
        return (tmp_path / "texts.jsonl").read_text(encoding="utf-8")

    with Library.open(made) as library:
        read_pages(library, reader)
        before, read = found(library), texts(library)
        library.relocate(server.url, name=server.name)
    with Library.open(load_settings(library=made.library)) as library:
        assert (found(library), texts(library)) == (before, read)
        assert read_pages(library, reader).read == 0
        library.relocate(str(made.library))
    with Library.open(load_settings(library=made.library)) as library:
        assert (found(library), texts(library)) == (before, read)
    assert reader.count == 16


def test_a_copy_that_was_interrupted_goes_on(made: Settings, server: Server) -> None:
    """Stopped while it copies, nothing is switched, and what is there already is not sent again."""

    def stop(event: Progress) -> None:
        if event.stage.startswith("copying centroids"):
            raise KeyboardInterrupt

    with Library.open(made) as library:
        with pytest.raises(KeyboardInterrupt):
            library.relocate(server.url, name=server.name, progress=stop)
        assert load_settings(library=made.library).qdrant_url is None
        report = library.relocate(server.url, name=server.name)
        assert (report.points, report.copied) == (20, 4)


def test_a_copy_is_brought_up_to_date(made: Settings, server: Server) -> None:
    """Without a switch this library stays in use; later only what changed is sent, and what is gone is removed."""
    with Library.open(made) as library:
        library.relocate(server.url, name=server.name, switch=False)
        assert load_settings(library=made.library).qdrant_url is None
        pages = library.pages().pages
        Path(library.manifest.roots[0].directory, pages[-1].path).unlink()
        library.index(prune=True)
        library.move_pages([pages[1].page_id], "mine")
        report = library.relocate(server.url, name=server.name, switch=False)
        assert (report.points, report.copied, report.removed) == (19, 1, 1)
        expected = everything(library)
    with Library.open(load_settings(library=made.library, qdrant_url=server.url, name=server.name)) as copy:
        assert everything(copy) == expected


def test_a_reindexed_library_replaces_its_copy(made: Settings, server: Server) -> None:
    """The old generation is dropped at the target once the new one is verified."""
    with Library.open(made) as library:
        library.relocate(server.url, name=server.name, switch=False)
        library.reindex("pixels:8")
        report = library.relocate(server.url, name=server.name, switch=False)
        assert (report.points, report.copied) == (20, 20)
        expected = everything(library)
    with Library.open(load_settings(library=made.library, qdrant_url=server.url, name=server.name)) as copy:
        assert everything(copy) == expected


def test_another_library_with_the_same_name_is_left_alone(made: Settings, server: Server, tmp_path: Path) -> None:
    """Even where nobody has decided anything in it."""
    with Library.open(made) as library:
        library.relocate(server.url, name=server.name, switch=False)
    scans = draw_pages(tmp_path / "others", each=1)
    with Library.open(settings_in(tmp_path / "second"), create=True) as second:
        second.index([scans])
        with pytest.raises(ConflictError, match="another library"):
            second.relocate(server.url, name=server.name)


def test_another_library_is_never_overwritten(made: Settings, server: Server, tmp_path: Path) -> None:
    """Nor one on which people decided since it was copied."""
    with Library.open(made) as library:
        library.relocate(server.url, name=server.name, switch=False)
        with Library.open(load_settings(library=made.library, qdrant_url=server.url, name=server.name)) as copy:
            copy.move_pages([copy.pages().pages[3].page_id], "theirs")
        with pytest.raises(ConflictError, match="--name"):
            library.relocate(server.url, name=server.name)
    assert load_settings(library=made.library).qdrant_url is None


def test_a_server_that_forgets_is_found_out(made: Settings, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads back otherwise than it was written is never switched to."""
    from indexer.store.server_collection import ServerCollection

    monkeypatch.setattr(ServerCollection, "upsert", lambda *_: None)
    with Library.open(made) as library, pytest.raises(StoreError, match="Nothing was switched"):
        library.relocate(server.url, name=server.name)
    assert load_settings(library=made.library).qdrant_url is None


def test_to_another_directory_with_thumbnails(made: Settings, tmp_path: Path) -> None:
    """An embedded library copied whole; the first one is as it was."""
    with Library.open(made) as library:
        before = everything(library)
        library.relocate(str(tmp_path / "copy"))
    with Library.open(load_settings(library=tmp_path / "copy")) as copy:
        assert everything(copy) == before
        assert copy.check(deep=True).findings == []
        assert copy.settings.unknown_share == 0.05


def test_three_replicas_give_the_same_answers(made: Settings, server: Server) -> None:
    """Three libraries opened on one server answer alike."""
    with Library.open(made) as library:
        library.relocate(server.url, name=server.name)
    settings = load_settings(library=made.library)
    replicas = [Library.open(settings) for _ in range(3)]
    answers = [everything(replica) for replica in replicas]
    assert answers[0] == answers[1] == answers[2]
    for replica in replicas:
        replica.close()


def test_wishes_that_make_no_sense_are_refused(made: Settings, tmp_path: Path) -> None:
    """To where it is already; to what is no address; nothing at all."""
    with Library.open(made) as library:
        with pytest.raises(UsageError, match="already"):
            library.relocate(str(made.library))
        with pytest.raises(UsageError, match="http://qdrant:6333"):
            library.relocate("ftp://somewhere")
    with (
        Library.open(settings_in(tmp_path / "empty"), create=True) as empty,
        pytest.raises(ConflictError, match="nothing to move"),
    ):
        empty.relocate(str(tmp_path / "elsewhere"))


def test_shards_and_replicas_come_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`[settings]` in quire.toml reaches the call that makes a collection."""
    from qdrant_client import QdrantClient

    from indexer.store.connection import Connection

    asked: list[dict[str, object]] = []
    client = QdrantClient(":memory:")
    real = client.create_collection
    monkeypatch.setattr(client, "create_collection", lambda *a, **k: (asked.append(k), real(*a, **k))[1])
    monkeypatch.setattr(Connection, "_connect", lambda *_: client)
    (tmp_path / "library").mkdir()
    text = "[settings]\nqdrant_shards = 6\nqdrant_replicas = 2\nqdrant_write_consistency = 2\n"
    (tmp_path / "library/quire.toml").write_text(text)
    assert tomllib.loads(text)["settings"]["qdrant_shards"] == 6
    scans = draw_pages(tmp_path / "scans", each=1)
    settings = load_settings(library=tmp_path / "library", qdrant_url="http://127.0.0.1:6333", name="box")
    with Library.open(settings, create=True) as library:
        library.index([scans], model="pixels")
    pages = next(wish for wish in asked if wish["vectors_config"])
    assert [pages[key] for key in ("shard_number", "replication_factor", "write_consistency_factor")] == [6, 2, 2]
    assert next(wish for wish in asked if not wish["vectors_config"])["replication_factor"] == 2


def test_how_vectors_are_stored_comes_from_the_settings(made: Settings, server: Server) -> None:
    """`[settings]` says it for new collections: of a move to a server, and of a reindex there; what was is left as it was."""
    file = made.library / "quire.toml"
    wishes = 'vector_datatype = "float16"\nvectors_on_disk = true\nquantization = "turbo4"\ngraph_on_disk = true\n'
    file.write_text(file.read_text() + wishes, encoding="utf-8")
    settings = load_settings(library=made.library)
    with Library.open(settings) as library:
        assert library.collection.vectors["page"] == VectorSpec(library.manifest.model.dimensions)
        library.relocate(server.url, name=server.name)
    file.write_text(file.read_text().replace("turbo4", "int8"), encoding="utf-8")
    with Library.open(load_settings(library=made.library)) as library:
        there = library.collection.vectors
        wished = VectorSpec(there["page"].dimensions, "float16", True, "turbo4", True)
        assert there["page"] == wished
        assert there["colour"] == replace(wished, dimensions=there["colour"].dimensions)
        library.reindex("pixels:8")
        assert library.collection.vectors["page"] == replace(wished, dimensions=64, quantization="int8")
