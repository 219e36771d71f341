"""A library that was damaged is found out, mended where the scans and decisions allow it, and told honestly where not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.copying import copy_tree
from support.library import KINDS, draw_page, draw_pages, settings_in

from indexer.errors import LibraryBusyError, LibraryDamagedError, LibraryMissingError
from indexer.filters import parse_filter
from indexer.library import Library
from indexer.library.examining import check_library
from indexer.library.results import CheckReport
from indexer.settings import Settings
from indexer.store.port import PointBatch


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with scans and a library of sixteen pages in four named clusters, one page moved by hand; never changed."""
    place = tmp_path_factory.mktemp("made")
    draw_pages(place / "scans", each=4)
    with Library.open(settings_in(place / "library"), create=True) as library:
        library.index([place / "scans"])
        library.cluster(4)
        for kind in KINDS:
            number = int(next(iter(library.facet("cluster", where=parse_filter([f"label={kind}"])))))
            library.name_clusters([number], f"the {kind}")
        library.move_pages([library.pages().pages[0].page_id], "mine")
    return place


@pytest.fixture
def settings(made: Path, tmp_path: Path) -> Settings:
    """A copy of it to break, whose scans may be broken too."""
    copy_tree(made / "library", tmp_path / "library")
    file = tmp_path / "library/quire.toml"
    file.write_text(file.read_text().replace(str(made / "scans"), str(tmp_path / "scans")))
    shutil.copytree(made / "scans", tmp_path / "scans")
    return settings_in(tmp_path / "library")


def contents(settings: Settings) -> dict[str, tuple[int | None, str | None, list[float]]]:
    """Cluster, group and embedding of every page by path."""
    with Library.open(settings) as library:
        return {
            str(payload["path"]): (payload.get("cluster"), payload.get("group"), np.round(vector, 3).tolist())  # type: ignore[misc]
            for batch in library.collection.scroll(vectors=("page",))
            for payload, vector in zip(batch.payloads, batch.vectors["page"], strict=True)
        }


def damage(report: CheckReport) -> dict[str, int]:
    """What is broken and was not mended, with how many."""
    return {found.code: found.count for found in report.findings if found.is_damage and not found.is_repaired}


def mended(report: CheckReport) -> set[str]:
    """What was broken and is not any more."""
    return {found.code for found in report.findings if found.is_repaired}


def test_a_sound_library_is_clean(settings: Settings) -> None:
    """Nothing to say, and nothing changed by looking; a sample of the thumbnails was opened."""
    before = contents(settings)
    report = check_library(settings)
    assert (report.findings, report.is_clean, report.pages) == ([], True, 16)
    assert check_library(settings, repair=True, deep=True).thumbnails_opened == 16
    assert contents(settings) == before


Fault = Callable[[Library], object]


def first(library: Library, count: int = 2) -> list[str]:
    """Some pages."""
    return [page.page_id for page in library.pages(limit=count).pages]


def without_vector(library: Library) -> None:
    """Two pages lose their embedding."""
    found = library.collection.retrieve(first(library))
    library.collection.delete(found.ids)
    library.collection.upsert(PointBatch(found.ids, found.payloads))


def without_fields(library: Library) -> None:
    """Two pages lose what says where they come from."""
    library.collection.set_payload(first(library), [{"path": None, "sha256": None}] * 2)


FAULTS: dict[str, tuple[Fault, int]] = {
    "page-vector": (without_vector, 2),
    "page-payload": (without_fields, 2),
    "page-cluster": (lambda lib: lib.collection.set_payload(first(lib), [{"cluster": 99}, {"cluster": None}]), 2),
    "page-group": (lambda lib: lib.collection.set_payload(first(lib), [{"group": "wrong"}] * 2), 2),
    "centroid-group": (lambda lib: lib.centroids.set_payload(_centroid_ids(lib)[:1], [{"group": "wrong"}]), 1),
    "centroids-incomplete": (lambda lib: lib.centroids.delete(_centroid_ids(lib)[-1:]), 1),
    "thumbnail-missing": (lambda lib: [lib.thumbnails.delete(one) for one in first(lib)], 2),
    "thumbnail-damaged": (lambda lib: [lib.thumbnails.path(one).write_bytes(b"RIFF") for one in first(lib)], 2),
    "collection-missing": (lambda lib: lib.store.drop(lib.manifest.pages_collection), 1),
}


def _centroid_ids(library: Library) -> list[str]:
    from indexer.library.clustering import centroid_id

    return [centroid_id(library.manifest.run, number) for number in range(4)]


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_is_found_and_mended(settings: Settings, code: str) -> None:
    """The library is found broken in just this way, then mended to what it was before, and found clean."""
    before = contents(settings)
    break_it, count = FAULTS[code]
    with Library.open(settings) as library:
        break_it(library)
    report = check_library(settings)
    assert damage(report)[code] == count
    assert not report.is_clean
    assert report.findings[0].examples
    fixed = check_library(settings, repair=True)
    assert code in mended(fixed)
    assert damage(fixed) == {}
    assert damage(check_library(settings)) == {}
    after = contents(settings)
    assert {path: group for path, (_, group, _) in after.items()} == {p: g for p, (_, g, _) in before.items()}
    assert {path: vector for path, (*_, vector) in after.items()} == {p: v for p, (*_, v) in before.items()}


@pytest.mark.parametrize("what", ["pages", "centroids"])
@pytest.mark.parametrize("file", ["segments/*/segment.json", "segments/*/vector_storage-page/deleted/status.dat"])
def test_a_damaged_shard_is_put_aside_and_made_again(settings: Settings, what: str, file: str) -> None:
    """Even one at which Edge panics; what people decided is there again, the page moved by hand too."""
    before = {path: group for path, (_, group, _) in contents(settings).items()}
    broken = next((settings.library / f"store/{what}-0001").glob(file))
    broken.write_bytes(b"")
    report = check_library(settings)
    assert damage(report) == {"collection-damaged": 1}
    fixed = check_library(settings, repair=True)
    assert (mended(fixed), damage(fixed)) == ({"collection-damaged"}, {})
    assert {path: group for path, (_, group, _) in contents(settings).items()} == before
    assert [path.name.startswith(what) for path in (settings.library / "damaged").iterdir()] == [True]


def test_pages_and_centroids_both_damaged_lose_names_and_say_so(settings: Settings) -> None:
    """Every page is back, the page moved by hand in its group; the names to give again are told."""
    for what in ("pages", "centroids"):
        next((settings.library / f"store/{what}-0001/segments").glob("*/segment.json")).unlink()
    fixed = check_library(settings, repair=True)
    assert damage(fixed) == {"names-lost": 4}
    assert next(f for f in fixed.findings if f.code == "names-lost").examples == sorted(f"the {kind}" for kind in KINDS)
    after = contents(settings)
    assert len(after) == 16
    assert {group for _, group, _ in after.values()} == {None, "mine"}
    assert check_library(settings).is_clean


def test_a_bad_line_of_the_journal_is_passed_over(settings: Settings) -> None:
    """The library can't be opened with it; mended, all other decisions keep their numbers and the old file is kept."""
    journal = settings.library / "decisions.jsonl"
    lines = journal.read_bytes().split(b"\n")
    journal.write_bytes(b"\n".join([lines[0], b"\x00\x00garbage", *lines[2:]]))
    with pytest.raises(LibraryDamagedError):
        Library.open(settings)
    report = check_library(settings)
    assert damage(report) == {"journal-damaged": 1}
    assert report.findings[0].examples == ["line 2"]
    fixed = check_library(settings, repair=True)
    assert {"journal-damaged", "page-group", "centroid-group"} <= mended(fixed)
    with Library.open(settings) as library:
        assert [entry.entry for entry in library.history()] == list(range(6, 0, -1))
        assert sum(library.status().groups.values()) == 12
    assert (next((settings.library / "damaged").iterdir())).read_bytes().count(b"garbage") == 1


def test_a_torn_line_is_no_damage(settings: Settings) -> None:
    """It was never acknowledged."""
    with (settings.library / "decisions.jsonl").open("ab") as journal:
        journal.write(b'{"kind": "na')
    report = check_library(settings)
    assert [found.code for found in report.findings] == ["journal-torn"]
    assert report.is_clean


def test_a_page_is_embedded_from_its_thumbnail_where_its_file_is_gone(settings: Settings, tmp_path: Path) -> None:
    """And one that has neither is told of, and stays."""
    with Library.open(settings) as library:
        pages = library.pages(limit=2).pages
        without_vector(library)
        library.thumbnails.delete(pages[1].page_id)
    for page in pages:
        (tmp_path / "scans" / page.path).unlink()
    fixed = check_library(settings, repair=True)
    assert damage(fixed) == {"page-vector": 1, "thumbnail-missing": 1}
    assert next(f for f in fixed.findings if f.code == "page-vector").examples == [pages[1].path]
    with Library.open(settings) as library:
        assert library.status().pages == 16
        assert library.similar_to_page(pages[0].page_id, limit=3).pages[0].page.label == pages[0].label


def test_files_that_are_gone_are_told_without_alarm(settings: Settings, tmp_path: Path) -> None:
    """A page without its file still answers by its thumbnail; a folder that is not mounted is one finding, not sixteen."""
    next((tmp_path / "scans/left").iterdir()).unlink()
    report = check_library(settings)
    assert ([(found.code, found.count) for found in report.findings], report.is_clean) == ([("file-gone", 1)], True)
    (tmp_path / "scans").rename(tmp_path / "unmounted")
    report = check_library(settings)
    assert ([found.code for found in report.findings], report.is_clean) == (["root-missing"], True)


def test_leftovers_are_told_and_removed(settings: Settings) -> None:
    """Collections and drafts that a dead process left."""
    with Library.open(settings) as library:
        library.store.create("pages-0007", _spec())
        library.centroids.upsert(_stillborn(library))
    (settings.library / ".quire.toml.abc").write_text("half")
    (settings.library / "thumbnails/00").mkdir(exist_ok=True)
    (settings.library / "thumbnails/00/.abc.part").write_text("half")
    report = check_library(settings)
    assert ([(found.code, found.count) for found in report.findings], report.is_clean) == ([("leftover", 4)], True)
    assert mended(check_library(settings, repair=True)) == {"leftover"}
    assert check_library(settings).findings == []


def test_collections_of_an_old_generation_go_when_the_library_is_opened(settings: Settings) -> None:
    """A process that died right after the switch of a reindex leaves them."""
    with Library.open(settings) as library:
        library.store.create("pages-0000", _spec())
    with Library.open(settings):
        pass
    with Library.open(settings) as library:
        assert library.store.names() == ["centroids-0001", "pages-0001"]


def test_a_dead_run_of_more_clusters_leaves_none_in_the_next(settings: Settings) -> None:
    """Centroids that were written before their run became true are not taken for those of the run that got their number."""
    with Library.open(settings) as library:
        library.centroids.upsert(_stillborn(library))
        library.cluster(2)
        assert len(library.clusters()) == 2
    assert check_library(settings).findings == []


def test_what_is_no_library_or_is_in_use_is_refused(settings: Settings, tmp_path: Path) -> None:
    """As by any other command."""
    with pytest.raises(LibraryMissingError):
        check_library(settings_in(tmp_path / "nowhere"))
    with Library.open(settings), pytest.raises(LibraryBusyError):
        check_library(settings)


def test_new_pages_after_a_repair_join_their_groups(settings: Settings, tmp_path: Path) -> None:
    """A library that was mended goes on living."""
    shutil.rmtree(settings.library / "store/pages-0001")
    assert check_library(settings, repair=True).is_clean
    draw_page("left", 77).save(tmp_path / "scans/left/p77.png")
    with Library.open(settings) as library:
        library.index()
        assert library.pages(where=parse_filter(["path=left/p77.png"])).pages[0].group == "the left"


def _spec():  # type: ignore[no-untyped-def]
    from indexer.library.page_payload import pages_spec

    return pages_spec({"page": 4})


def _stillborn(library: Library) -> PointBatch:
    """Six whole centroids of a run that never became true."""
    from indexer.library.clustering import centroid_id

    run = library.manifest.run + 1
    like = library.centroids.retrieve(_centroid_ids(library)[:1], vectors=("page",))
    return PointBatch(
        [centroid_id(run, number) for number in range(6)],
        [{**like.payloads[0], "run": run, "cluster": number} for number in range(6)],
        {"page": np.repeat(like.vectors["page"], 6, axis=0)},
    )


def test_a_library_of_a_later_version_is_refused(settings: Settings) -> None:
    """Not read wrongly; the message names both versions and what to do."""
    file = settings.library / "quire.toml"
    file.write_text(file.read_text().replace("schema_version = 2", "schema_version = 3"))
    for look in (check_library, Library.open):
        with pytest.raises(LibraryDamagedError, match=r"version 3.*up to 2.*newer Quire"):
            look(settings)
    assert "schema_version = 3" in file.read_text()
