"""The sample sketchbooks: what is in them, that they are drawn alike each time, and that drawing can be interrupted."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.samples import PagePlan, draw_page, draw_sketchbooks, plan_sketchbooks
from indexer.samples.__main__ import main

SMALL = 0.12


def files_below(directory: Path) -> dict[str, bytes]:
    """Every file by its path."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def first_plan(medium: str, subject: str = "") -> PagePlan:
    """The first page of a medium."""
    plans = (page for file in plan_sketchbooks() for page in file.pages)
    return next(page for page in plans if page.medium == medium and page.subject.startswith(subject))


def test_plan_holds_three_books_of_every_medium() -> None:
    """About 150 pages in three books, each with drawings, watercolours, notes and diagrams."""
    pages = [page for file in plan_sketchbooks() for page in file.pages]
    assert 145 <= len(pages) <= 155
    for book in ("sb47", "sb48", "sb49"):
        media = Counter(page.medium for page in pages if page.book == book)
        assert media["line drawing"] >= 10
        assert media["watercolour"] >= 6
        assert media["notes"] >= 5
        assert media["diagram"] >= 3
        assert media["cover"] == 2
        assert media["colour target"] == 1


def test_watercolours_hide_in_the_same_folder_as_drawings() -> None:
    """The folder does not tell drawings from watercolours, which is what the tool is for."""
    for file in plan_sketchbooks():
        if file.pages[0].medium in ("watercolour", "line drawing"):
            assert file.path.split("/")[1] == "art"


def test_page_numbers_run_through_a_book_without_gaps() -> None:
    """Numbers go from 1 to 48 through all folders, rescans aside."""
    pages = [page for file in plan_sketchbooks() for page in file.pages]
    for book in ("sb47", "sb48", "sb49"):
        assert sorted(page.number for page in pages if page.book == book and not page.rescan) == list(range(1, 49))


def test_paths_are_unique_and_in_order() -> None:
    """No page overwrites another, and the table comes in the order of paths."""
    paths = [file.path for file in plan_sketchbooks()]
    assert paths == sorted(set(paths))


def test_letters_are_consecutive_pages() -> None:
    """Each letter's pages follow each other with nothing in between, numbered from 1."""
    letters: dict[str, list[PagePlan]] = {}
    for file in plan_sketchbooks():
        for page in file.pages:
            letters.setdefault(page.document, []).append(page)
    del letters[""]
    assert len(letters) == 4
    for pages in letters.values():
        assert [page.part for page in pages] == list(range(1, pages[0].parts + 1))
        assert [page.number for page in pages] == list(range(pages[0].number, pages[0].number + pages[0].parts))


def test_same_seed_gives_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    """Every kind of file is reproducible bit by bit, and the seed matters."""
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        draw_sketchbooks(tmp_path / name, seed=seed, scale=SMALL, pages=4)
    assert files_below(tmp_path / "one") == files_below(tmp_path / "two")
    assert files_below(tmp_path / "one") != files_below(tmp_path / "other")


def test_several_processes_draw_the_same_as_one(tmp_path: Path) -> None:
    """The parallel way has the same result as its serial twin."""
    assert draw_sketchbooks(tmp_path / "serial", scale=SMALL, pages=4) == draw_sketchbooks(
        tmp_path / "parallel", scale=SMALL, pages=4, workers=2
    )
    assert files_below(tmp_path / "serial") == files_below(tmp_path / "parallel")


def test_interrupted_drawing_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Pages already there are not drawn again, and the result is that of an uninterrupted run."""
    draw_sketchbooks(tmp_path / "whole", scale=SMALL, pages=5)

    def stop_after_three(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_sketchbooks(tmp_path / "broken", scale=SMALL, pages=5, progress=stop_after_three)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "broken").rglob("p*.*")}
    assert len(before) == 3
    steps: list[tuple[int, int]] = []
    draw_sketchbooks(
        tmp_path / "broken", scale=SMALL, pages=5, progress=lambda done, total: steps.append((done, total))
    )
    assert steps == [(3, 5), (4, 5), (5, 5)]
    assert all(path.stat().st_mtime_ns == modified for path, modified in before.items())
    assert files_below(tmp_path / "whole") == files_below(tmp_path / "broken")


def test_table_tells_the_truth_of_every_file(tmp_path: Path) -> None:
    """One row for each file, with the columns that an evaluation needs and no label."""
    draw_sketchbooks(tmp_path, scale=SMALL, pages=5)
    with (tmp_path / "sketchbooks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "year", "book", "medium"]
    assert len(rows) == 5
    for row in rows:
        assert (tmp_path / row["path"]).is_file()
        assert row["path"].startswith(row["book"])
        assert 1987 <= int(row["year"]) <= 1992


def test_formats_hold_their_pages(tmp_path: Path) -> None:
    """The letter of the second book is one TIFF of several pages, the envelope a PDF of two, one drawing a PNG."""
    from indexer.samples.book import _draw_file

    files = {Path(file.path).suffix: file for file in plan_sketchbooks()}
    assert set(files) == {".jpg", ".tif", ".pdf", ".png"}
    for file in files.values():
        _draw_file(tmp_path, file, 7, SMALL)
    with Image.open(tmp_path / files[".tif"].path) as letter:
        assert letter.n_frames == len(files[".tif"].pages) >= 3
    assert (tmp_path / files[".pdf"].path).read_bytes().count(b"/Type /Page\n") == len(files[".pdf"].pages) == 2
    with Image.open(tmp_path / files[".png"].path) as drawing:
        assert drawing.format == "PNG"


@pytest.mark.parametrize(
    "medium",
    [
        "line drawing",
        "watercolour",
        "notes",
        "diagram",
        "letter",
        "cover",
        "blank",
        "colour target",
        "photograph",
        "envelope",
    ],
)
def test_every_medium_can_be_drawn_small(medium: str) -> None:
    """A page of each medium comes out as a picture that is not one flat colour."""
    picture = draw_page(first_plan(medium), scale=SMALL)
    assert picture.mode == "RGB"
    assert max(picture.size) > 60
    assert np.asarray(picture).std() > 1


def test_watercolours_are_colourful_and_drawings_are_not() -> None:
    """What the evaluation calls watercolour has colour, what it calls line drawing hardly any."""

    def colourfulness(plan: PagePlan) -> float:
        pixels = np.asarray(draw_page(plan, scale=SMALL), np.float32)
        return float(np.percentile(pixels.max(axis=2) - pixels.min(axis=2), 90))

    assert colourfulness(first_plan("watercolour", "sunset")) > 2 * colourfulness(first_plan("line drawing"))


def test_rescan_is_nearly_the_same_page() -> None:
    """A page scanned twice differs in its pixels, but far less than from another page."""
    again = next(page for file in plan_sketchbooks() for page in file.pages if page.rescan)
    once = next(page for file in plan_sketchbooks() for page in file.pages if page.key == again.key and not page.rescan)
    first, second, other = (
        np.asarray(draw_page(plan, scale=SMALL).resize((20, 28)), np.float32)
        for plan in (once, again, first_plan("watercolour", "studies"))
    )
    assert 0 < np.abs(first - second).mean() < 0.5 * np.abs(first - other).mean()


def test_module_without_directory_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m indexer.samples` alone says how it is used."""
    assert main([]) == 2
    assert "indexer.samples DIRECTORY" in capsys.readouterr().err
