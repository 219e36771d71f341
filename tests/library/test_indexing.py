"""The path of a page into the library: what is read, what is left alone, what is reported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from support.library import draw_page, draw_pages, settings_in

from indexer.errors import (
    ConflictError,
    LibraryBusyError,
    LibraryMissingError,
    ModelMismatchError,
    PageMissingError,
    RootMissingError,
)
from indexer.filters import parse_filter
from indexer.library import Library
from indexer.progress import Progress


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Twelve pages in two folders."""
    return draw_pages(tmp_path / "scans", each=6, kinds=("left", "top"))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty library."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        yield library


def test_pages_carry_what_folders_and_files_say(library: Library, scans: Path) -> None:
    """Path, label, size and pixels of every page, in shelf order."""
    report = library.index([scans])
    assert (report.added, report.changed, report.unchanged, report.skipped) == (12, 0, 0, [])
    pages = library.pages(limit=20).pages
    assert [page.path for page in pages[:3]] == ["left/p1.png", "left/p2.png", "left/p3.png"]
    first = pages[0]
    assert (first.label, first.folders, first.page_number) == ("left", ("left",), 1)
    assert (first.width_px, first.height_px) == (90, 120)
    assert first.bytes == (scans / "left/p1.png").stat().st_size


def test_a_second_run_opens_no_file(library: Library, scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unchanged files are known by size and time; even unreadable ones stay unopened."""
    (scans / "left/broken.jpg").write_bytes(b"\xff\xd8\xff not much of a picture")
    first = library.index([scans])
    assert [skip.path for skip in first.skipped] == ["left/broken.jpg"]

    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(library.decoders, "open_file", refuse)
    second = library.index()
    assert (second.added, second.changed, second.unchanged) == (0, 0, 12)
    assert [skip.path for skip in second.skipped] == ["left/broken.jpg"]


def test_only_what_changed_is_read_again(library: Library, scans: Path) -> None:
    """A new page is added, a redrawn one replaced under its id, the others left alone."""
    library.index([scans])
    before = library.page(library.pages(where=parse_filter(["path=top/p2.png"])).pages[0].page_id)
    draw_page("right", 99).save(scans / "top/p2.png")
    os.utime(scans / "top/p2.png", ns=(1, 1))
    draw_page("left", 77).save(scans / "left/p77.png")
    report = library.index()
    assert (report.added, report.changed, report.unchanged) == (1, 1, 11)
    assert library.page(before.page_id).sha256 != before.sha256


def test_bad_files_are_reported_and_do_not_stop_the_run(library: Library, scans: Path) -> None:
    """Empty, not what its name says, truncated: each with a reason, in the report and in the status."""
    (scans / "left/empty.png").touch()
    (scans / "left/letter.jpg").write_text("Dear Sir or Madam")
    whole = (scans / "left/p1.png").read_bytes()
    (scans / "left/cut.png").write_bytes(whole[: len(whole) // 2])
    report = library.index([scans])
    assert report.added == 12
    assert {skip.path: skip.code for skip in report.skipped}.keys() == {
        "left/empty.png",
        "left/letter.jpg",
        "left/cut.png",
    }
    assert all(skip.reason for skip in report.skipped)
    assert library.status().skipped == report.skipped


def test_a_mended_file_is_read(library: Library, scans: Path) -> None:
    """What was skipped once is tried again when it has changed."""
    (scans / "left/late.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert len(library.index([scans]).skipped) == 1
    draw_page("left", 50).save(scans / "left/late.png")
    report = library.index()
    assert (report.added, report.skipped) == (1, [])


def test_pages_of_a_file_are_pages_and_follow_its_length(library: Library, tmp_path: Path) -> None:
    """A three-page TIFF is three pages; when it shrinks to one, the other two go."""
    root = tmp_path / "boxes"
    root.mkdir()
    leaves = [draw_page("left", n) for n in (1, 2, 3)]
    leaves[0].save(root / "letter.tif", save_all=True, append_images=leaves[1:])
    library.index([root])
    assert [page.page_number for page in library.pages().pages] == [1, 2, 3]
    leaves[0].save(root / "letter.tif")
    report = library.index()
    assert (report.changed, report.removed, report.pages) == (1, 2, 1)


def test_vanished_files_stay_until_pruned(library: Library, scans: Path) -> None:
    """A disk that is not mounted must not empty a library."""
    library.index([scans])
    gone = library.pages().pages[0]
    (scans / gone.path).unlink()
    assert (library.index().gone, library.page(gone.page_id).path) == (1, gone.path)
    report = library.index(prune=True)
    assert (report.removed, report.gone, report.pages) == (1, 0, 11)
    with pytest.raises(PageMissingError):
        library.page(gone.page_id)


def test_an_unmounted_root_is_not_pruned(library: Library, scans: Path) -> None:
    """Pruning while the whole root is away removes nothing, and says what is missing."""
    library.index([scans])
    scans.rename(scans.with_name("elsewhere"))
    report = library.index(prune=True)
    assert (report.removed, report.pages) == (0, 12)
    assert [skip.code for skip in report.skipped] == ["root-missing"]


def test_a_dry_run_writes_nothing(library: Library, scans: Path) -> None:
    """Neither pages nor the root are remembered."""
    report = library.index([scans], dry_run=True)
    assert (report.added, report.pages) == (12, 0)
    assert library.status().roots == []


def test_a_limit_reads_so_many_files_and_the_next_run_the_rest(library: Library, scans: Path) -> None:
    """Twelve files in bites of five."""
    assert [library.index([scans], limit=5).added for _ in range(3)] == [5, 5, 2]


def test_labels_come_from_the_folder_asked_for(library: Library, tmp_path: Path) -> None:
    """`sb48/art/p1.png`: its own folder, or the first below the root; changed later without reading pages."""
    root = draw_pages(tmp_path / "scans" / "sb48", each=1, kinds=("left",)).parent
    library.index([root])
    assert library.pages().pages[0].label == "left"
    report = library.index(label_from="1")
    assert (report.unchanged, library.pages().pages[0].label) == (1, "sb48")
    assert library.index(label_from="none").changed == 0
    assert library.pages().pages[0].label is None


def test_metadata_is_filtered_on_and_unmatched_rows_are_told(library: Library, scans: Path, tmp_path: Path) -> None:
    """A table by path: typed values, a label column that outranks the folder, rows without a page."""
    table = tmp_path / "table.csv"
    table.write_text("path,year,label\nleft/p1.png,1936,poster\nleft/p2.png,1948,\nleft/p99.png,1950,\n")
    report = library.index([scans], metadata=table)
    assert len(report.unmatched_metadata) == 1
    found = library.pages(where=parse_filter(["metadata.year>=1940"])).pages
    assert [page.path for page in found] == ["left/p2.png"]
    assert library.pages(where=parse_filter(["label=poster"])).total == 1


def test_two_roots_with_equal_paths_are_two_pages(library: Library, tmp_path: Path) -> None:
    """`a/p1.png` and `b/p1.png`, each the root of its own."""
    roots = [draw_pages(tmp_path / name, each=1, kinds=("left",)) for name in ("a", "b")]
    library.index(roots)
    assert library.status().pages == 2


def test_a_folder_inside_a_root_is_a_part_of_it(library: Library, scans: Path) -> None:
    """Indexing a sub-folder reads only that, under the same ids."""
    library.index([scans])
    draw_page("left", 8).save(scans / "left/p8.png")
    draw_page("top", 8).save(scans / "top/p8.png")
    report = library.index([scans / "top"])
    assert (report.added, report.unchanged, len(library.status().roots)) == (1, 6, 1)


def test_a_folder_around_a_root_is_refused(library: Library, scans: Path) -> None:
    """Its pages would be there twice."""
    library.index([scans / "left"])
    with pytest.raises(ConflictError, match="lies around"):
        library.index([scans])


def test_folders_that_are_not_there_are_named(library: Library, tmp_path: Path) -> None:
    """A folder that does not exist, and no folder at all."""
    with pytest.raises(RootMissingError, match="nowhere"):
        library.index([tmp_path / "nowhere"])
    with pytest.raises(RootMissingError, match="quire index FOLDER"):
        library.index()


def test_another_model_is_refused(library: Library, scans: Path) -> None:
    """Vectors of two models never mix; the message says how to change over."""
    library.index([scans])
    with pytest.raises(ModelMismatchError, match="reindex --model classic"):
        library.index(model="classic")
    with pytest.raises(ModelMismatchError):
        library.check_model("classic")


def test_progress_tells_stage_count_and_skips(library: Library, scans: Path) -> None:
    """The last event of indexing has counted every file."""
    (scans / "left/empty.png").touch()
    (scans / "left/bad.png").write_bytes(b"GIF89a")
    events: list[Progress] = []
    library.index([scans], progress=events.append)
    last = [event for event in events if event.stage == "indexing"][-1]
    assert (last.done, last.total) == (13, 13)
    assert last.skipped == 1


def test_a_run_that_is_stopped_goes_on_where_it_was(library: Library, scans: Path) -> None:
    """What was written before the stop is not read again, and the end is as if nothing had happened."""

    class StoppedError(Exception):
        pass

    def stop_midway(event: Progress) -> None:
        if event.stage == "indexing" and event.done >= 5:
            raise StoppedError

    with pytest.raises(StoppedError):
        library.index([scans], progress=stop_midway)
    report = library.index()
    assert report.added + report.unchanged == 12
    assert library.status().pages == 12


def test_one_process_holds_a_library(library: Library, scans: Path) -> None:
    """A second opening is told who is in the way."""
    library.index([scans])
    with pytest.raises(LibraryBusyError, match="in use"):
        Library.open(library.settings)


def test_a_place_without_a_library_says_how_to_make_one(tmp_path: Path) -> None:
    """Nothing is created by looking."""
    with pytest.raises(LibraryMissingError, match="quire index FOLDER"):
        Library.open(settings_in(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_pages_are_shown_from_their_file_or_their_thumbnail(library: Library, scans: Path) -> None:
    """The picture is the page; when its file is gone, its thumbnail stands in."""
    import io

    library.index([scans])
    page = library.pages().pages[0]
    assert Image.open(io.BytesIO(library.page_image(page.page_id))).size == (90, 120)
    assert Image.open(io.BytesIO(library.page_image(page.page_id, side_px=60))).size == (45, 60)
    (scans / page.path).unlink()
    assert Image.open(io.BytesIO(library.page_image(page.page_id))).format == "JPEG"
    with pytest.raises(PageMissingError):
        library.page_thumbnail("../../etc/passwd")


def test_listing_walks_all_pages_once(library: Library, scans: Path) -> None:
    """Cursors lead through the shelf without gap or repeat, with and without a filter."""
    library.index([scans])
    for where in (parse_filter([]), parse_filter(["label=top"])):
        seen: list[str] = []
        cursor = None
        while True:
            listed = library.pages(where=where, limit=5, cursor=cursor)
            seen += [page.path for page in listed.pages]
            cursor = listed.next_cursor
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == listed.total
        assert seen == sorted(seen)
