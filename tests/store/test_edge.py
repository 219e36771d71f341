"""What only the store in this process must do: survive kills, share nothing, stand aside while it optimizes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from support.stores import SPEC, all_points, batch_of, point_id, unit_vectors, where

from indexer.errors import LibraryBusyError, LibraryDamagedError, StoreError
from indexer.store import edge_collection, edge_shard, ranking
from indexer.store.edge import EdgeStore
from indexer.store.port import CollectionSpec, PointBatch, VectorSpec

_WRITER = """
import sys, time
from pathlib import Path
from support.stores import SPEC, batch_of
from indexer.store.edge import EdgeStore
store = EdgeStore(Path(sys.argv[1]))
pages = store.create("pages", SPEC)
for start in range(1, 3001, 250):
    pages.upsert(batch_of(250, first=start, seed=start))
    print(start + 249, flush=True)
pages.set_payload(batch_of(3000).ids, [{"label": "art"}] * 3000)
print("labelled", flush=True)
time.sleep(60)
"""


def _start(script: str, directory: Path) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    return subprocess.Popen([sys.executable, "-c", script, str(directory)], stdout=subprocess.PIPE, text=True, env=env)


@pytest.mark.parametrize("last_line", ["750", "labelled"])
def test_a_kill_loses_nothing_acknowledged(tmp_path: Path, last_line: str) -> None:
    """After kill -9 every point and change whose call had returned is there, vectors too."""
    writer = _start(_WRITER, tmp_path)
    assert writer.stdout is not None
    for line in writer.stdout:
        if line.strip() == last_line:
            break
    writer.send_signal(signal.SIGKILL)
    writer.wait(timeout=10)
    writer.stdout.close()
    store = EdgeStore(tmp_path)
    pages = store.open("pages")
    promised = 750 if last_line == "750" else 3000
    for start in range(1, promised + 1, 250):
        written = batch_of(250, first=start, seed=start)
        got = pages.retrieve(written.ids, vectors=["page"])
        assert got.ids == written.ids
        assert np.allclose(got.vectors["page"], written.vectors["page"], atol=1e-6)
    if last_line == "labelled":
        assert pages.facet("label") == {"art": 3000}
    store.close()


def test_a_second_holder_is_told_where_and_what_to_do(tmp_path: Path) -> None:
    """Opening what is already held says which directory it is and how to go on; the holder is not disturbed."""
    store = EdgeStore(tmp_path)
    store.create("pages", SPEC).upsert(batch_of(3))
    with pytest.raises(LibraryBusyError, match=r"pages is open in another process.*quire serve"):
        EdgeStore(tmp_path).open("pages")
    assert store.open("pages").count() == 3
    store.close()


def test_a_half_made_collection_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If making a collection fails, none is there, and making it again works."""
    store = EdgeStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setitem(edge_shard._INDEX_PARAMS, "bool", lambda **_: "no such type")
        with pytest.raises(StoreError, match="create a collection"):
            store.create("pages", SPEC)
    assert store.names() == []
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "pages.new").mkdir()
    (tmp_path / "pages.new" / "edge_config.json").write_text("{}")
    assert store.names() == []
    assert store.create("pages", SPEC).count() == 0
    assert store.names() == ["pages"]
    store.close()


def test_damaged_files_are_named(tmp_path: Path) -> None:
    """A collection whose files can't be read is an error that names the place."""
    store = EdgeStore(tmp_path)
    store.create("pages", SPEC)
    store.close()
    (tmp_path / "pages" / "edge_config.json").write_text("{ torn")
    with pytest.raises(LibraryDamagedError, match=r"pages can't be loaded"):
        store.open("pages")


def test_what_edge_refuses_becomes_a_store_error(tmp_path: Path) -> None:
    """Ids that are no UUIDs and values that are no JSON are refused with the place named, and nothing is written."""
    store = EdgeStore(tmp_path)
    pages = store.create("pages", SPEC)
    for batch in (
        PointBatch(["no-uuid"], [{}], {"page": unit_vectors(1)}),
        PointBatch([point_id(1)], [{"x": float("nan")}], {"page": unit_vectors(1)}),
    ):
        with pytest.raises(StoreError, match=r"could not write points in .*pages"):
            pages.upsert(batch)
    with pytest.raises(StoreError, match="values of 'path'"):
        pages.facet("path")
    assert pages.count() == 0
    store.close()
    with pytest.raises(StoreError, match="count points"):
        pages.count()


def test_optimizing_a_large_collection_lets_others_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done to a copy in a child process: reads go on, nothing is lost, graphs are there, and no copy is left."""
    monkeypatch.setattr(edge_collection, "_OPTIMIZE_HERE", 100)
    monkeypatch.setattr(edge_collection, "_WORTH_OPTIMIZING", 0)
    store = EdgeStore(tmp_path)
    pages = store.create("pages", SPEC)
    pages.upsert(batch_of(4000))
    pages.delete([point_id(number) for number in range(1, 2001)])  # enough to be worth compacting
    segments = _segments(tmp_path)
    before = all_points(pages)
    copying, read = threading.Event(), threading.Event()
    copy = edge_shard.optimize_copy

    def copy_while_reading(place: Path) -> Path | None:
        copying.set()
        assert read.wait(30)
        return copy(place)

    monkeypatch.setattr(edge_shard, "optimize_copy", copy_while_reading)
    thread = threading.Thread(target=pages.optimize)
    thread.start()
    assert copying.wait(30)
    assert len(pages.find_similar(unit_vectors(1), using="page", limit=3)[0]) == 3
    read.set()
    thread.join(60)
    assert all_points(pages) == before
    assert not segments & _segments(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["pages"]
    pages.upsert(batch_of(1, first=9999))
    store.close()
    again = EdgeStore(tmp_path)
    assert again.open("pages").count() == 2001
    again.close()


def test_a_failed_optimizing_leaves_the_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the child process fails, the collection is as before and the error says so."""
    monkeypatch.setattr(edge_collection, "_OPTIMIZE_HERE", 0)
    monkeypatch.setattr(edge_collection, "_WORTH_OPTIMIZING", 0)
    monkeypatch.setattr(edge_shard, "_CHILD", "raise SystemExit('no memory')")
    store = EdgeStore(tmp_path)
    pages = store.create("pages", SPEC)
    pages.upsert(batch_of(3))
    with pytest.raises(StoreError, match="no memory"):
        pages.optimize()
    assert pages.count() == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["pages"]
    store.close()


def test_a_swap_killed_halfway_is_undone(tmp_path: Path) -> None:
    """A collection moved aside whose copy never took its place is found and put back."""
    store = EdgeStore(tmp_path)
    store.create("pages", SPEC).upsert(batch_of(4))
    store.close()
    (tmp_path / "pages").rename(tmp_path / "pages.before")
    (tmp_path / "pages.optimizing").mkdir()
    assert store.names() == ["pages"]
    assert store.open("pages").count() == 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["pages"]
    store.close()


def test_several_threads_write_and_read_at_once(tmp_path: Path) -> None:
    """Writers and readers on one collection get in nobody's way, and all writes are there."""
    store = EdgeStore(tmp_path)
    pages = store.create("pages", SPEC)
    pages.upsert(batch_of(400))
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for turn in range(10):
                pages.upsert(batch_of(20, first=1000 * number + 20 * turn))
                pages.find_similar(unit_vectors(3, seed=turn), using="page", limit=5)
                assert sum(len(batch) for batch in pages.scroll(batch_size=100)) >= 400
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert pages.count() == 400 + 4 * 200
    store.close()


def _segments(directory: Path) -> set[str]:
    return {entry.name for entry in (directory / "pages" / "segments").iterdir()}


def test_bytes_are_those_on_the_disk(tmp_path: Path) -> None:
    """`info` counts blocks of files, which are there and fewer than what the holes make them look like."""
    store = EdgeStore(tmp_path)
    pages = store.create("pages", SPEC)
    pages.upsert(batch_of(100))
    pages.flush()
    apparent = sum(path.stat().st_size for path in (tmp_path / "pages").rglob("*"))
    assert 0 < (pages.info().bytes or 0) <= apparent
    store.close()


def test_filters_that_leave_islands_in_the_graph_miss_hardly_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6 % of the pages pass: too many to compare with all, too few for a graph that hangs together. The ten nearest are found."""
    monkeypatch.setattr(ranking, "SCANNED_MATCHES", 600)
    monkeypatch.setattr(edge_collection, "_WORTH_OPTIMIZING", 0)
    dice = np.random.default_rng(0)
    latent = dice.standard_normal((25_000, 16)) @ dice.standard_normal((16, 256))
    vectors = (latent / np.linalg.norm(latent, axis=1, keepdims=True)).astype(np.float32)
    store = EdgeStore(tmp_path)
    pages = store.create("pages", CollectionSpec({"page": VectorSpec(256)}, SPEC.indexes))
    ids = [point_id(number) for number in range(1, 25_001)]
    pages.upsert(PointBatch(ids, [{"label": str(number % 100)} for number in range(25_000)], {"page": vectors}))
    pages.optimize()
    some = where("label", "=", *"123456")

    def nearest(*, exact: bool) -> list[set[str]]:
        found = pages.find_similar(vectors[:40] + 0.01, using="page", limit=10, where=some, exact=exact)
        return [{hit.id for hit in hits} for hits in found]

    shared = [len(a & b) / 10 for a, b in zip(nearest(exact=False), nearest(exact=True), strict=True)]
    store.close()
    assert np.mean(shared) > 0.9


def test_what_loading_reads_is_named_as_edge_names_it(tmp_path: Path) -> None:
    """Each pattern of files to read ahead fits some of a large shard's; the vectors and payloads themselves fit none."""
    store = EdgeStore(tmp_path)
    large = VectorSpec(256, datatype="float16", on_disk=True, quantization="int8")
    pages = store.create("pages", CollectionSpec({"page": large}, SPEC.indexes, indexes_on_disk=True))
    vectors = unit_vectors(25_000, 256)
    batch = PointBatch([point_id(n) for n in range(1, 25_001)], [{"label": "art"}] * 25_000, {"page": vectors})
    pages.upsert(batch)
    pages.optimize()
    store.close()
    found = {pattern: list((tmp_path / "pages").glob(pattern)) for pattern in edge_shard.LOADED}
    assert all(found.values()), found
    names = {file.name for files in found.values() for file in files}
    assert {"quantized.data", "links_compressed.bin", "id_tracker.versions"} <= names
    assert "matrix.dat" not in names
    assert not [file for files in found.values() for file in files if "payload_storage" in file.parts]
    again = EdgeStore(tmp_path)
    assert again.open("pages").count() == 25_000
    again.close()


def test_little_news_is_not_worth_optimizing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No copy is made for a few new points among many, and searching finds them all the same."""
    monkeypatch.setattr(edge_collection, "_OPTIMIZE_HERE", 100)
    made: list[Path] = []
    monkeypatch.setattr(edge_shard, "optimize_copy", made.append)
    store = EdgeStore(tmp_path)
    pages = store.create("pages", CollectionSpec({"page": VectorSpec(4)}))
    vectors = np.eye(4, dtype=np.float32)[np.arange(300) % 4]
    pages.upsert(PointBatch([point_id(n) for n in range(1, 301)], [{} for _ in range(300)], {"page": vectors}))
    pages.optimize()
    assert made == []
    assert pages.find_similar(vectors[1], using="page", limit=75)[0][-1].similarity == pytest.approx(1)
    monkeypatch.setattr(edge_collection, "_WORTH_OPTIMIZING", 300)
    pages.optimize()
    assert made == [tmp_path / "pages"]
    store.close()
