"""A library filled in parts is the library filled at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.comparing import Near
from support.library import draw_pages, settings_in
from support.servers import server_in_memory

from indexer.errors import ConflictError, ModelMismatchError, UsageError
from indexer.library import Library
from indexer.library.indexing import find_known
from indexer.library.results import IndexReport
from indexer.library.sharing import Share, parse_share
from indexer.settings import Settings


def points(library: Library) -> dict[str, tuple[object, Near]]:
    """Every page's payload and vector by id."""
    return {
        page_id: (dict(payload), Near(vector))
        for batch in library.collection.scroll(vectors=("page",))
        for page_id, payload, vector in zip(batch.ids, batch.payloads, batch.vectors["page"], strict=True)
    }


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Twenty-four pages, and a file that is none."""
    folder = draw_pages(tmp_path / "scans", each=6)
    (folder / "left" / "broken.png").write_bytes(b"no picture")
    return folder


@pytest.mark.parametrize("parts", [1, 3, 7])
def test_all_parts_together_are_the_whole(scans: Path, tmp_path: Path, parts: int) -> None:
    """Point by point, and in what was left out; each part is done once, and again does nothing."""
    with Library.open(settings_in(tmp_path / "whole"), create=True) as whole:
        whole.index([scans])
        expected, skipped = points(whole), whole.status().skipped
    with Library.open(settings_in(tmp_path / "parts"), create=True) as library:
        reports = [library.index([scans], part=f"{number}/{parts}") for number in range(1, parts + 1)]
        assert sum(report.added for report in reports) == 24
        assert sum(len(report.skipped) for report in reports) == 1
        again = library.index([scans], part=f"1/{parts}")
        assert (again.added, again.changed, again.unchanged) == (0, 0, reports[0].added)
        assert points(library) == expected
        assert library.status().skipped == skipped


def _index_part(settings: Settings, scans: Path, share: str, together: Barrier) -> IndexReport:
    with Library.open(settings, create=True) as library:
        together.wait(30)
        return library.index([scans], part=share)


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")
def test_parts_may_begin_a_library_on_a_server_together(scans: Path, tmp_path: Path) -> None:
    """Five indexers that all find nothing there, at the same moment: one library, point by point the plain one, and one list of skips."""
    for number in range(20):
        (scans / f"top/broken{number}.png").write_bytes(b"none")
    with Library.open(settings_in(tmp_path / "whole"), create=True) as whole:
        whole.index([scans])
        expected, skipped = points(whole), whole.status().skipped
    with server_in_memory() as server, ThreadPoolExecutor(5) as pool:
        together = Barrier(5)
        settings = [settings_in(tmp_path / f"{n}", qdrant_url=server.url, name=server.name) for n in range(5)]
        jobs = [pool.submit(_index_part, settings[n], scans, f"{n + 1}/5", together) for n in range(5)]
        assert sum(job.result().added for job in jobs) == 24
        with Library.open(settings[0]) as library:
            assert points(library) == expected
            assert sorted(map(repr, library.status().skipped)) == sorted(map(repr, skipped))
            assert len(library.manifest.roots) == 1


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")
def test_two_roots_that_come_together_do_not_take_each_others_ids(tmp_path: Path) -> None:
    """Both indexers believe theirs is the first root; pages of the same path stay two pages."""
    roots = [draw_pages(tmp_path / name, each=2, kinds=("left",)) for name in ("one", "two")]
    with server_in_memory() as server, ThreadPoolExecutor(2) as pool:
        together = Barrier(2)
        settings = [settings_in(tmp_path / f"{n}", qdrant_url=server.url, name=server.name) for n in range(2)]
        jobs = [pool.submit(_index_part, settings[n], roots[n], "1/1", together) for n in range(2)]
        assert [job.result().added for job in jobs] == [2, 2]
        with Library.open(settings[0]) as library:
            assert library.status().pages == 4
            assert {root.name for root in library.manifest.roots} == {"one", "two"}
            assert library.index().unchanged == 4


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")
def test_who_joins_must_bring_the_same_model(scans: Path, tmp_path: Path) -> None:
    """Vectors of two models never mix, also where the library was begun a moment ago."""
    with server_in_memory() as server:
        here, there = (
            settings_in(tmp_path / name, qdrant_url=server.url, name=server.name, model=None)
            for name in ("here", "there")
        )
        with Library.open(here, create=True) as first, Library.open(there, create=True) as second:
            assert not second.is_filled
            first.index([scans], model="pixels", part="1/2")
            with pytest.raises((ConflictError, ModelMismatchError), match="model"):
                second.index([scans], model="pixels:8", part="2/2")
            assert second.store.names() == ["pages-0001"]


def test_a_part_says_nothing_of_the_files_of_others(scans: Path, tmp_path: Path) -> None:
    """Pages of other parts are neither gone nor pruned, and a file that vanished is missed by its own part alone."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([scans])
        shares = [Share(number, 3) for number in (1, 2, 3)]
        known = [set(find_known(library.collection, share)) for share in shares]
        assert all(share.has(*file) for share, files in zip(shares, known, strict=True) for file in files)
        assert sum(map(len, known)) == len(find_known(library.collection)) == 24
        (scans / "top/p1.png").unlink()
        reports = [library.index(part=f"{number}/3", prune=True) for number in (1, 2, 3)]
        assert [report.removed for report in reports].count(1) == 1
        assert sum(report.removed for report in reports) == 1
        assert library.status().pages == 23


@given(st.text(max_size=30), st.text(max_size=30), st.integers(1, 50))
def test_every_file_is_in_exactly_one_part(root: str, path: str, count: int) -> None:
    """Whatever its name."""
    assert sum(Share(number, count).has(root, path) for number in range(1, count + 1)) == 1


def test_the_split_never_changes() -> None:
    """Fixed for ever: indexers of two versions may share a run."""
    assert [next(n for n in range(1, 17) if Share(n, 16).has("scans", f"p{i}.jpg")) for i in range(6)] == [
        15,
        15,
        12,
        9,
        11,
        13,
    ]


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "3", "a/b", "1/3/5", "-1/3", "１/3"])
def test_what_is_no_part_is_refused(text: str) -> None:
    """With an example of what to write."""
    with pytest.raises(UsageError, match="3/16"):
        parse_share(text)
