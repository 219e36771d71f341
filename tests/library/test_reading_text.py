"""Text read from pages, kept with them, and found again by its words, alone and together with looks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.library import draw_page, draw_pages, settings_in
from support.reading import TEXTS, KnowingReader, read_pages, write_tesseract
from support.words import CAPTIONS

from indexer.errors import ConflictError, NoTextTowerError, PageMissingError, ReaderMissingError, UsageError
from indexer.filters import parse_filter
from indexer.library import Library
from indexer.library.reading_text import LONGEST_TEXT, clean_text
from indexer.library.restoring import restore_library
from indexer.progress import Meter, Progress, ignore_progress
from indexer.values import PageFilter

EVERY_PAGE = PageFilter()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Two pages of each kind, of which nothing was read yet."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([draw_pages(tmp_path / "scans", each=2)])
        yield library


def paths(library: Library, text: str, **options: object) -> set[str]:
    """The files that a text finds."""
    return {found.page.path for found in library.words.search(text, **options).pages}  # type: ignore[arg-type]


def test_pages_are_found_by_the_words_on_them(library: Library) -> None:
    """Without regard to capitals and accents, best first by BM25, with the piece of text around the words."""
    report = read_pages(library)
    assert (report.read, report.with_text, report.waiting, report.engine) == (8, 6, 0, "knowing")
    assert report.skipped == []
    assert library.status().search_modes == ["text"]
    answer = library.words.search("protokol PRAHY", by="text")
    assert answer.by == "text"
    assert [found.page.label for found in answer.pages] == ["top", "top"]
    assert all(found.similarity is None and found.fused is None for found in answer.pages)
    assert answer.pages[0].words is not None
    assert answer.pages[0].words > 0
    marked = [part.text for part in answer.pages[0].snippet if part.is_match]
    assert marked == ["Protokol", "Prahy"]
    assert paths(library, "mahren") == {"right/p1.png", "right/p2.png"}
    assert paths(library, "Prag Mähren", where=parse_filter(["label=left"])) == {"left/p1.png", "left/p2.png"}
    assert len(library.words.search("Prag", limit=1).pages) == 1
    assert paths(library, "Wien") == set()


def test_only_what_was_not_read_is_read(library: Library, tmp_path: Path) -> None:
    """Not pages without text either; new pages are, and changed files; a file that was only touched keeps its text."""
    assert read_pages(library, limit=3).waiting == 5
    assert read_pages(library).read == 5
    again = KnowingReader()
    assert read_pages(library, again).read == again.count == 0
    scans = tmp_path / "scans"
    draw_page("left", 7).save(scans / "top" / "p1.png")
    draw_page("right", 8).save(scans / "right" / "p3.png")
    os.utime(scans / "top" / "p2.png", ns=(1, 1))
    library.index()
    assert paths(library, "Prahy") == {"top/p2.png"}
    assert read_pages(library).read == 2
    assert paths(library, "Verhandlung") == {"left/p1.png", "left/p2.png", "top/p1.png"}
    assert read_pages(library, again=True, where=parse_filter(["label=top"])).read == 2


def test_a_page_that_cannot_be_read_stops_nothing(library: Library, tmp_path: Path) -> None:
    """It is told with its cause, by whichever step failed, and tried again the next time; so is a file that has gone."""
    (tmp_path / "scans" / "top" / "p2.png").unlink()
    report = read_pages(library, KnowingReader(failing=("left",)))
    assert [(skip.path, skip.code) for skip in report.skipped] == [
        ("left/p1.png", "unreadable-text"),
        ("left/p2.png", "unreadable-text"),
        ("top/p2.png", "vanished"),
    ]
    assert (report.read, report.waiting) == (5, 3)
    assert paths(library, "Protokol Protokoll") == {"top/p1.png"}
    assert read_pages(library).read == 2
    assert paths(library, "Protokoll") == {"left/p1.png", "left/p2.png"}


class StopError(Exception):
    """What a person's Ctrl-C, or a cancelled job, looks like from here."""


def test_a_run_that_was_stopped_goes_on(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read until then is there and is not read again."""
    monkeypatch.setattr(Meter, "_INTERVAL_S", 0.0)

    def stop(event: Progress) -> None:
        if event.done >= 3 and event.stage == "reading text":
            raise StopError

    with pytest.raises(StopError):
        read_pages(library, progress=stop)
    rest = KnowingReader()
    read_pages(library, rest)
    assert rest.count < 8
    assert paths(library, "Protokoll") == {"left/p1.png", "left/p2.png"}
    assert read_pages(library).read == 0


def test_pages_of_one_file_are_read_from_it(tmp_path: Path) -> None:
    """Each page of a document keeps its own text."""
    folder = tmp_path / "scans" / "box"
    folder.mkdir(parents=True)
    first, *others = [draw_page(kind, 1) for kind in ("left", "bottom", "right")]
    first.save(folder / "letter.tiff", save_all=True, append_images=others)
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([tmp_path / "scans"])
        assert read_pages(library).with_text == 2
        (found,) = library.words.search("Leiter").pages
    assert found.page.page_number == 3


def test_text_goes_where_the_page_goes(library: Library, tmp_path: Path) -> None:
    """A reindex, a backup that is restored, and a move to another place keep it; nothing is amiss there."""
    read_pages(library)
    library.reindex("classic")
    everywhere = {"right/p1.png", "right/p2.png"}
    assert paths(library, "Grenzkontrollstellen") == everywhere
    assert read_pages(library).read == 0
    library.backup(tmp_path / "backup.tar")
    restore_library(tmp_path / "backup.tar", tmp_path / "restored", progress=ignore_progress)
    with Library.open(settings_in(tmp_path / "restored", model=None)) as restored:
        assert paths(restored, "Grenzkontrollstellen") == everywhere
        assert restored.check().is_clean
    assert library.check().is_clean
    assert library.check().findings == []


def test_texts_are_handed_over_line_by_line(library: Library, tmp_path: Path) -> None:
    """Pages that pass and have text, with where they lie and who read them."""
    read_pages(library)
    file = tmp_path / "out" / "texts.jsonl"
    assert library.words.export_texts(file, where=parse_filter(["label=left,bottom"])) == 2
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert sorted(row["path"] for row in rows) == ["left/p1.png", "left/p2.png"]
    assert {(row["text"], row["text_engine"], row["page_number"]) for row in rows} == {(TEXTS["left"], "knowing", 1)}


def test_both_is_one_list_by_places(tmp_path: Path, words_model: str) -> None:
    """Looks and text as they are alone, fused by their places; what only one of them found is in it too."""
    with Library.open(settings_in(tmp_path / "library", model=words_model), create=True) as library:
        library.index([draw_pages(tmp_path / "scans", each=2)])
        assert library.words.search(CAPTIONS["left"]).by == "looks"
        alone = library.words.search(CAPTIONS["left"], by="both")
        assert (alone.by, "quire read-text" in str(alone.note)) == ("looks", True)
        with pytest.raises(ConflictError, match="quire read-text"):
            library.words.search("Prag", by="text")
        read_pages(library)
        assert library.status().search_modes == ["looks", "text", "both"]
        query = f"{CAPTIONS['bottom']} Grenzkontrollstellen"
        looks = [found.page.page_id for found in library.words.search(query, by="looks").pages]
        text = [found.page.page_id for found in library.words.search(query, by="text").pages]
        answer = library.words.search(query)
        assert (answer.by, answer.note) == ("both", None)
        expected = {one: sum(1 / (61 + way.index(one)) for way in (looks, text) if one in way) for one in looks}
        assert {found.page.page_id: found.fused for found in answer.pages} == pytest.approx(expected)
        assert {found.page.label for found in answer.pages[:4]} == {"bottom", "right"}
        assert len(library.words.search(query, limit=3).pages) == 3
        for found in answer.pages:
            assert (found.words is not None) == bool(found.snippet) == (found.page.page_id in text)
            assert found.similarity is not None


def test_where_the_model_knows_no_words_text_is_searched_alone(library: Library) -> None:
    """And the answer says so; asked for looks, the error says what else could be done."""
    read_pages(library)
    answer = library.words.search("Prag", by="both")
    assert answer.by == "text"
    assert answer.note is not None
    assert "pixels knows no words" in answer.note
    with pytest.raises(NoTextTowerError, match="quire read-text"):
        library.words.search("Prag", by="looks")


def test_what_cannot_be_read_with_is_told(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown engine, one that is not installed, languages that nobody has, a limit of nothing, an empty library."""
    with pytest.raises(UsageError, match="rapidocr, tesseract"):
        library.words.read_text(engine="eyes")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReaderMissingError, match="apt install tesseract-ocr"):
        library.words.read_text(engine="tesseract")
    with pytest.raises(UsageError, match="at least 1"):
        read_pages(library, limit=0)
    with (
        Library.open(settings_in(tmp_path / "empty"), create=True) as empty,
        pytest.raises(PageMissingError, match="quire index"),
    ):
        read_pages(empty)


def test_the_engine_that_is_asked_for_reads(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the name to the payload, by a program in Tesseract's place."""
    write_tesseract(tmp_path / "bin", 'cat >/dev/null; echo "Sonderzug nach $4"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    report = library.words.read_text(engine="tesseract", languages="deu+ces", limit=1)
    assert (report.engine, report.read) == ("tesseract", 1)
    (found,) = library.words.search("sonderzug").pages
    assert "".join(part.text for part in found.snippet) == "Sonderzug nach deu+ces"


def test_texts_are_cleaned_and_bounded() -> None:
    """No control characters, no blank lines, no more than is kept."""
    assert clean_text(" a \x00\tb\r\n\n \x0c\nc ") == "a b\nc"
    assert len(clean_text("word " * 10_000)) <= LONGEST_TEXT
    assert all(clean_text(text) == text for text in TEXTS.values())
