"""Near-duplicates: sets that are exactly right, decisions that stay, and undoing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.library import settings_in
from support.sheets import draw_copies, draw_sheet

from indexer.errors import PageMissingError, UsageError
from indexer.library import Library
from indexer.library import duplicates as desk
from indexer.progress import Progress


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library, closed, and its scans: two sheets with copies, three without, two blank ones; nothing looked for yet."""
    place = tmp_path_factory.mktemp("made")
    draw_copies(place / "scans")
    with Library.open(settings_in(place / "library"), create=True) as library:
        library.index([place / "scans"])
    return place


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Iterator[Library]:
    """A copy of it, open."""
    shutil.copytree(made / "library", tmp_path / "library")
    with Library.open(settings_in(tmp_path / "library")) as library:
        yield library


def told(library: Library) -> list[list[str]]:
    """The sets as file names."""
    return [[one.page.path for one in found.pages] for found in library.duplicates.list().sets]


def ids_of(library: Library) -> dict[str, str]:
    """Page ids by file name."""
    return {page.path: page.page_id for page in library.pages(limit=100).pages}


A_SET = ["a-bright.png", "a-turned.png", "a.png", "a-again.jpg"]
BOTH = [sorted(A_SET), ["b-copy.png", "b.png"]]


def test_the_sets_are_exactly_right(library: Library) -> None:
    """Turned, brightened and recompressed copies are one set, equal files another; other and blank pages are in none."""
    seen: list[Progress] = []
    report = library.duplicates.find(progress=seen.append)
    assert [sorted(one) for one in told(library)] == BOTH
    assert (report.sets, report.pages) == (2, 6)
    assert [one.is_exact for one in library.duplicates.list().sets] == [False, True]
    assert {event.stage for event in seen} == {"finding neighbours", "comparing pictures"}


def test_what_was_found_is_told_at_once_after_opening_again(made: Path, tmp_path: Path) -> None:
    """The list is kept; before anything was looked for, it says so."""
    shutil.copytree(made / "library", tmp_path / "library")
    with Library.open(settings_in(tmp_path / "library")) as library:
        assert library.duplicates.list().made is None
        library.duplicates.find()
    with Library.open(settings_in(tmp_path / "library")) as library:
        assert [sorted(one) for one in told(library)] == BOTH
        assert library.duplicates.list().made is not None


def test_the_list_comes_in_parts(library: Library) -> None:
    """One set at a time, with the totals of all."""
    library.duplicates.find()
    parts = [library.duplicates.list(limit=1, offset=offset) for offset in range(3)]
    assert [len(part.sets) for part in parts] == [1, 1, 0]
    assert {(part.total, part.pages) for part in parts} == {(2, 6)}
    with pytest.raises(UsageError, match="offset"):
        library.duplicates.list(offset=-1)


def test_pages_set_apart_stay_apart_until_that_is_undone(library: Library, made: Path) -> None:
    """Also after looking again and after embedding anew with another model; undo brings the set back without another search."""
    library.duplicates.find()
    ids = ids_of(library)
    report = library.duplicates.apart([ids["b.png"], ids["b-copy.png"]], who="ann")
    assert [sorted(one) for one in told(library)] == BOTH[:1]
    library.duplicates.find()
    library.reindex("classic")
    library.duplicates.find()
    assert [sorted(one) for one in told(library)] == BOTH[:1]
    entry = library.history(limit=1)[0]
    assert (entry.entry, entry.kind, entry.who) == (report.entry, "apart", "ann")
    library.undo(report.entry)
    assert [sorted(one) for one in told(library)] == BOTH


def test_a_page_set_apart_from_one_leaves_the_others_together(library: Library) -> None:
    """Two pages of a set that are said to be none never come into one set; the rest of it stays."""
    library.duplicates.find()
    ids = ids_of(library)
    library.duplicates.apart([ids["a.png"], ids["a-bright.png"]])
    sets = [set(one) for one in told(library)]
    assert not any({"a.png", "a-bright.png"} <= one for one in sets)
    assert any(len(one & set(A_SET)) == 3 for one in sets)


def test_the_decision_says_nothing_of_groups(library: Library) -> None:
    """The newest entry about groups stays the one it was, so that opening need not write groups anew."""
    library.cluster(2)
    before = library.decisions.groups_entry
    ids = ids_of(library)
    report = library.duplicates.apart([ids["c.png"], ids["d.png"]])
    library.undo(report.entry)
    assert library.decisions.groups_entry == before


def test_pages_that_are_gone_are_in_no_set(made: Path, tmp_path: Path) -> None:
    """After their files were removed and the library pruned, the list holds without looking again."""
    shutil.copytree(made / "scans", tmp_path / "scans")
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([tmp_path / "scans"])
        library.duplicates.find()
        (tmp_path / "scans" / "b.png").unlink()
        (tmp_path / "scans" / "a.png").unlink()
        library.index(prune=True)
        assert [sorted(one) for one in told(library)] == [sorted(set(A_SET) - {"a.png"})]


def test_the_store_finds_the_same(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large libraries ask the store's index instead of comparing all with all; the sets are the same."""
    monkeypatch.setattr(desk, "EXACT_UP_TO", 0)
    library.duplicates.find()
    assert [sorted(one) for one in told(library)] == BOTH


def test_pages_flagged_blank_are_left_out_even_as_copies(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flagged, the two equal files are no set any more, whichever way neighbours are found."""
    ids = ids_of(library)
    both = [ids["b.png"], ids["b-copy.png"]]
    library.collection.set_payload(both, [{"flags": ["blank"]}, {"flags": ["blank", "dark"]}])
    for exact_up_to in (desk.EXACT_UP_TO, 0):
        monkeypatch.setattr(desk, "EXACT_UP_TO", exact_up_to)
        library.duplicates.find()
        assert [sorted(one) for one in told(library)] == BOTH[:1]


def test_without_thumbnails_only_equal_files_are_found(library: Library) -> None:
    """There is nothing to compare then, and nothing is guessed."""
    for page_id in ids_of(library).values():
        library.thumbnails.delete(page_id)
    library.duplicates.find()
    assert told(library) == [["b-copy.png", "b.png"]]


def test_what_makes_no_sense_is_refused(library: Library) -> None:
    """Bounds out of range, one page, a page that is not there: nothing is decided."""
    ids = ids_of(library)
    for bounds in ({"min_similarity": 0.0}, {"min_agreement": 1.5}):
        with pytest.raises(UsageError, match="at most 1"):
            library.duplicates.find(**bounds)
    with pytest.raises(UsageError, match="1 different pages"):
        library.duplicates.apart([ids["a.png"], ids["a.png"]])
    with pytest.raises(PageMissingError, match="nothing was decided"):
        library.duplicates.apart([ids["a.png"], "00000000-0000-0000-0000-000000000000"])
    assert library.history() == []


def test_sheets_differ_as_different_pages_do() -> None:
    """The made-up sheets are no copies of each other by accident: their pixels hardly correlate."""
    one, other = (np.asarray(draw_sheet(seed).convert("L"), dtype=float) for seed in (1, 2))
    assert abs(float(np.corrcoef(one.ravel(), other.ravel())[0, 1])) < 0.5
