"""The rescan list: flags put pages on it, people too, and a new scan under the same path ticks their line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.library import settings_in
from support.rescans import draw_blurred, draw_box, draw_skewed, draw_text

from indexer.errors import PageMissingError, UsageError
from indexer.filters import parse_filter
from indexer.library import Library
from indexer.library.results import RescanLine


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Three faulty pages and two good ones."""
    draw_box(tmp_path / "scans")
    with Library.open(settings_in(tmp_path / "library"), create=True) as opened:
        opened.index([tmp_path / "scans"])
        yield opened


def lines(library: Library, **options: object) -> dict[str, RescanLine]:
    """Lines by the name of their file, in the order of the list."""
    found = library.rescans.list(limit=100, **options)  # type: ignore[arg-type]
    return {Path(line.page.path).name: line for line in found.lines}


def page_id(library: Library, name: str) -> str:
    """Of a file in the box."""
    return library.pages(where=parse_filter([f"path=box/{name}"])).pages[0].page_id


def test_flagged_pages_are_listed_in_shelf_order(library: Library) -> None:
    """Each with its reasons; good pages are not on it, and p10 stands after p3."""
    found = lines(library)
    assert {name: (line.state, line.reasons) for name, line in found.items()} == {
        "p2.png": ("open", ["skewed"]),
        "p3.png": ("open", ["blurred"]),
        "p10.png": ("open", ["dark"]),
    }
    assert list(found) == ["p2.png", "p3.png", "p10.png"]
    assert library.rescans.list().open == 3


def test_flags_filter_and_are_counted(library: Library) -> None:
    """The same flags filter pages everywhere, and each is told with what it means and how many pages have it."""
    assert [page.path for page in library.pages(where=parse_filter(["flags=skewed,dark"])).pages] == [
        "box/p2.png",
        "box/p10.png",
    ]
    counts = {one.flag: one.pages for one in library.rescans.flags()}
    assert len(counts) == 8
    assert {flag: number for flag, number in counts.items() if number} == {"blurred": 1, "dark": 1, "skewed": 1}


def test_reasons_can_be_chosen(library: Library) -> None:
    """Only those asked for put a page on the list; an unknown one is refused by name."""
    assert list(lines(library, flags=["dark"])) == ["p10.png"]
    assert list(lines(library, where=parse_filter(["path=box/p3.png"]))) == ["p3.png"]
    with pytest.raises(UsageError, match="'crooked'"):
        library.rescans.list(flags=["crooked"])


def test_a_good_rescan_ticks_its_line_and_keeps_what_was_decided(library: Library, tmp_path: Path) -> None:
    """The page keeps its hand-given group, its document and the word on duplicates; the list says when and why it came."""
    one, other = page_id(library, "p2.png"), page_id(library, "p1.png")
    library.move_pages([one], "letters")
    library.duplicates.apart([one, other])
    library.documents.propose_all()
    document = library.page(one).document
    draw_text(2).save(tmp_path / "scans/box/p2.png")
    assert library.index().changed == 1
    line = lines(library)["p2.png"]
    assert (line.state, line.reasons) == ("done", [])
    assert line.page.rescanned_for == ("skewed",)
    assert (line.page.rescanned or "").startswith("20")
    assert (line.page.group, line.page.document) == ("letters", document)
    assert [one, other] in library.decisions.apart
    assert "p2.png" not in lines(library, only_open=True)
    assert library.rescans.list().open == 2


def test_a_rescan_that_is_no_better_stays_open(library: Library, tmp_path: Path) -> None:
    """It came, and is out of focus again; the next good one ticks it."""
    draw_blurred(30).save(tmp_path / "scans/box/p3.png")
    library.index()
    assert (lines(library)["p3.png"].state, lines(library)["p3.png"].reasons) == ("again", ["blurred"])
    draw_text(3).save(tmp_path / "scans/box/p3.png")
    library.index()
    assert lines(library)["p3.png"].state == "done"


def test_a_file_that_was_only_touched_is_no_rescan(library: Library, tmp_path: Path) -> None:
    """The same bytes with another time are read again, and tick nothing."""
    (tmp_path / "scans/box/p2.png").touch()
    library.index()
    assert lines(library)["p2.png"].state == "open"
    assert library.page(page_id(library, "p2.png")).rescanned is None


def test_a_page_is_put_on_the_list_by_hand_until_its_rescan_comes(library: Library, tmp_path: Path) -> None:
    """With a note and who said it; another scan answers it."""
    one = page_id(library, "p4.png")
    library.rescans.say([one], True, note="a hair on the glass", who="ann")
    line = lines(library)["p4.png"]
    assert (line.state, line.reasons, line.note, line.who) == ("open", ["asked"], "a hair on the glass", "ann")
    draw_text(40).save(tmp_path / "scans/box/p4.png")
    library.index()
    line = lines(library)["p4.png"]
    assert (line.state, line.reasons, line.page.rescanned_for) == ("done", [], ("asked",))


def test_a_false_alarm_is_called_fine_for_this_scan_only(library: Library, tmp_path: Path) -> None:
    """It leaves the open lines; undone, or when another crooked scan comes, the flag counts again."""
    one = page_id(library, "p2.png")
    said = library.rescans.say([one], False, who="ann")
    assert lines(library)["p2.png"].state == "fine"
    assert "p2.png" not in lines(library, only_open=True)
    assert library.history(limit=1)[0].undoable
    library.undo(said.entry)
    assert lines(library)["p2.png"].state == "open"
    library.rescans.say([one], False)
    draw_skewed(20).save(tmp_path / "scans/box/p2.png")
    library.index()
    assert lines(library)["p2.png"].state == "open"
    library.rescans.say([one], False)
    library.rescans.say([one], None)
    assert lines(library)["p2.png"].state == "open"


def test_ticks_and_words_survive_reindexing_and_opening_again(library: Library, tmp_path: Path) -> None:
    """Another model, and another process, know of them."""
    draw_text(2).save(tmp_path / "scans/box/p2.png")
    library.index()
    library.rescans.say([page_id(library, "p3.png")], False)
    before = {name: line.state for name, line in lines(library).items()}
    library.reindex("pixels:12")
    library.close()
    with Library.open(settings_in(tmp_path / "library")) as again:
        assert {name: line.state for name, line in lines(again).items()} == before
        assert before == {"p2.png": "done", "p3.png": "fine", "p10.png": "open"}


def test_the_list_is_walked_in_steps(library: Library) -> None:
    """By the cursor of the answer before; one of another library is refused."""
    first = library.rescans.list(limit=2)
    rest = library.rescans.list(limit=2, cursor=first.next_cursor)
    assert [len(first.lines), len(rest.lines), rest.next_cursor] == [2, 1, None]
    assert first.total == rest.total == 3
    with pytest.raises(UsageError, match="cursor"):
        library.rescans.list(cursor="nobody")


def test_what_is_not_there_is_refused(library: Library) -> None:
    """No page, or one that is not in the library: nothing is decided."""
    with pytest.raises(PageMissingError, match="nothing was decided"):
        library.rescans.say([page_id(library, "p1.png"), "0b5f3a4e-7d3c-5a52-9c1e-6d1f2b8f9a10"], True)
    with pytest.raises(PageMissingError):
        library.rescans.say([], True)
    assert library.history() == []
