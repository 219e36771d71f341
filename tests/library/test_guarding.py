"""Files that end their decoders, on their way through a run and through an answer: left out with the reason, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bad_decoders import OPENER, faulty
from support.library import draw_page, draw_pages, settings_in

from indexer.errors import DecoderError
from indexer.library import Library, Upload
from indexer.sources import Decoders

FAULTS = {"crash.png": "crashed", "hang.png": "timeout", "eat.png": "memory", "bug.png": "unreadable"}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty library whose decoders can be told to fail."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as opened:
        opened.decoders = Decoders(timeout_s=2.0, max_bytes=2**29, opener=OPENER)
        yield opened


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Eight pages of two kinds, and among them a file for each fault."""
    root = draw_pages(tmp_path / "scans", each=4, kinds=("left", "right"))
    for name in FAULTS:
        (root / "left" / name).write_bytes(faulty(pages=[name.removesuffix(".png")]))
    return root


def test_a_run_lists_what_ended_its_decoder_and_indexes_the_rest(library: Library, scans: Path) -> None:
    """A crash, a page without end, one that wants all memory; and they are not tried again until that is asked for."""
    report = library.index([scans])
    assert report.added == 8
    assert {Path(skip.path).name: skip.code for skip in report.skipped} == FAULTS
    assert all(skip.reason for skip in report.skipped)
    library.decoders.close()
    again = library.index()
    assert (again.unchanged, len(again.skipped)) == (8, 4)
    (scans / "left" / "crash.png").write_bytes(faulty(pages=["ok"]))
    assert library.index(retry_skipped=True).added == 1


def test_an_upload_that_ends_its_decoder_spoils_no_other(library: Library, scans: Path, tmp_path: Path) -> None:
    """The others of the same request are answered, and so is the next request."""
    library.index([scans])
    draw_page("left", 3).save(tmp_path / "new.png")
    good = Upload("new.png", (tmp_path / "new.png").read_bytes())
    bad = [Upload(name, faulty(pages=[name.removesuffix(".png")])) for name in FAULTS]
    answers = library.similar([bad[0], good, *bad[1:]], limit=1)
    assert [answer.pages[0].page.label for answer in answers.pages] == ["left"]
    assert [one.name for one in answers.unreadable] == list(FAULTS)
    assert "SIGSEGV" in answers.unreadable[0].reason


def test_an_upload_may_have_so_many_pages_and_take_so_long(scans: Path, tmp_path: Path) -> None:
    """A file too many is refused with the reason, and the ones before it are answered; the same for one that comes too late."""
    settings = settings_in(tmp_path / "library", max_upload_pages=3, upload_timeout_s=1.5)
    two, hanging = faulty(pages=["ok", "ok"]), faulty(pages=["hang"])
    with Library.open(settings, create=True) as library:
        library.decoders = Decoders(timeout_s=30.0, opener=OPENER)
        library.index([scans / "right"])
        many = library.read_uploads(
            [Upload("two", two), Upload("more", two), Upload("one", faulty()), Upload("last", faulty())]
        )
        assert [page.name for page in many.pages] == ["two", "two", "one"]
        assert [(one.name, one.code) for one in many.unreadable] == [("more", "too-large"), ("last", "too-large")]
        assert "3 pages that one upload may have" in many.unreadable[1].reason
        slow = library.read_uploads([Upload("first", faulty()), Upload("slow", hanging), Upload("late", faulty())])
        assert [page.name for page in slow.pages] == ["first"]
        assert [(one.name, one.code) for one in slow.unreadable] == [("slow", "timeout"), ("late", "timeout")]


def test_a_picture_to_look_at_falls_back_to_the_thumbnail(library: Library, scans: Path) -> None:
    """The file has become one that crashes its decoder since it was indexed."""
    library.index([scans])
    page = next(page for page in library.pages().pages if page.path == "left/p1.png")
    (scans / page.path).write_bytes(faulty(at_first="crash"))
    assert library.page_image(page.page_id)[:2] == b"\xff\xd8"


def test_a_run_without_decoders_fails_and_leaves_nothing_out(library: Library, scans: Path) -> None:
    """If no process can be had, no file is called unreadable for it."""
    library.decoders = Decoders(opener="no_such_module:open")
    with pytest.raises(DecoderError):
        library.index([scans])
    assert library.status().skipped == []
