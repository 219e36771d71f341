"""What the three sketchbooks hold, page by page, before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from indexer.samples.diagrams import DIAGRAMS
from indexer.samples.paper import Rgb, Stock
from indexer.samples.scenes import SCENES
from indexer.samples.subjects import SUBJECTS
from indexer.samples.writing import Hand

PAGES_PER_BOOK = 48
_TINTED = ("houses", "boats", "bottles", "fruit")


@dataclass(frozen=True, slots=True)
class PagePlan:
    """One page to draw. `key` seeds it: two plans with one key show the same page, scanned again if `rescan` differs.

    `medium` is the truth that an evaluation asks for; `document` names the letter that the page belongs to, or is empty.
    """

    key: str
    book: str
    number: int
    year: int
    medium: str
    subject: str = ""
    part: int = 1
    parts: int = 1
    document: str = ""
    rescan: int = 0
    upside_down: bool = False


@dataclass(frozen=True, slots=True)
class FilePlan:
    """One file to write: its path relative to the directory, and the pages in it."""

    path: str
    pages: tuple[PagePlan, ...]


@dataclass(frozen=True, slots=True)
class BookStyle:
    """What the pages of one book share: size in page units, paper, inks, hand, lid of the scanner."""

    width: float
    height: float
    stock: Stock
    inks: tuple[Rgb, ...]
    hand: Hand
    lid: Rgb
    cover: Rgb
    marbling: tuple[Rgb, ...]
    year: int
    pencil_share: float


BOOKS: dict[str, BookStyle] = {
    "sb47": BookStyle(728, 1000, Stock((0.965, 0.935, 0.865), tooth=0.25, age=0.45), ((0.09, 0.09, 0.11), (0.1, 0.1, 0.12)),
                      Hand(11, 1.0, 0.32, 0.35, 1.7), (0.09, 0.09, 0.1), (0.20, 0.24, 0.34), (), 1987, 0.25),
    "sb48": BookStyle(770, 1030, Stock((0.975, 0.965, 0.945), tooth=0.75, age=0.1), ((0.10, 0.13, 0.34), (0.09, 0.09, 0.1)),
                      Hand(11.5, 1.05, 0.4, 0.3, 1.8), (0.90, 0.90, 0.89), (0.42, 0.14, 0.13), (), 1988, 0.35),
    "sb49": BookStyle(700, 1010, Stock((0.935, 0.925, 0.90), tooth=0.4, age=0.25), ((0.30, 0.17, 0.09), (0.1, 0.1, 0.1)),
                      Hand(10.5, 1.0, 0.25, 0.4, 1.6), (0.34, 0.34, 0.36), (0.25, 0.30, 0.22),
                      ((0.20, 0.28, 0.42), (0.62, 0.26, 0.20), (0.80, 0.70, 0.50), (0.14, 0.16, 0.22)), 1990, 0.5),
}  # fmt: skip

LETTER_STOCKS = (
    Stock((0.90, 0.93, 0.97), tooth=0.15, age=0.1),
    Stock((0.95, 0.88, 0.72), tooth=0.3, age=0.9),
    Stock((0.985, 0.98, 0.965), tooth=0.1, age=0.0, rules="lines"),
    Stock((0.96, 0.91, 0.88), tooth=0.2, age=0.2),
)
LETTER_HANDS = (
    Hand(9.5, 1.15, 0.55, 0.25, 1.4),
    Hand(12, 0.95, 0.15, 0.5, 2.1),
    Hand(11, 1.1, 0.38, 0.3, 1.6),
    Hand(10, 0.9, -0.08, 0.45, 1.8),
)
LETTER_INKS: tuple[Rgb, ...] = ((0.08, 0.14, 0.42), (0.22, 0.14, 0.08), (0.08, 0.08, 0.1), (0.16, 0.10, 0.34))


def plan_sketchbooks(*, seed: int = 7) -> list[FilePlan]:
    """Every file of the three sketchbooks, in the order of their paths: about 150 pages."""
    files: list[FilePlan] = []
    for index, book in enumerate(BOOKS):
        files += _plan_book(np.random.default_rng([seed, index]), book, index)
    return sorted(files, key=lambda file: file.path)


def _plan_book(rng: np.random.Generator, book: str, index: int) -> list[FilePlan]:
    pages = _pages_in_order(rng, book, index)
    files = [FilePlan(_path(folder, page), (page,)) for folder, page in pages]
    drawn = [file for file in files if file.pages[0].medium in ("line drawing", "watercolour")]
    for file in (drawn[4], drawn[len(drawn) // 2]):
        again = replace(file.pages[0], rescan=1)
        files.append(FilePlan(file.path.replace(".jpg", "_2.jpg"), (again,)))
    if book == "sb47":
        return _gather(files, "envelope", "pdf")
    if book == "sb48":
        return _gather(files, "letter", "tif")
    last = max((file for file in drawn), key=lambda file: file.path)
    return [replace(file, path=file.path.replace(".jpg", ".png")) if file.path == last.path else file for file in files]


class _Entry(NamedTuple):
    """One page before it has a number: folder, medium, subject, and its place in a letter."""

    folder: str
    medium: str
    subject: str = ""
    part: int = 1
    parts: int = 1
    document: str = ""


def _pages_in_order(rng: np.random.Generator, book: str, index: int) -> list[tuple[str, PagePlan]]:
    inside = _inside(rng, book, index)[: PAGES_PER_BOOK - 5]
    before = [_Entry("cover", "cover", "front"), _Entry("xtra", "colour target"), _Entry("xtra", "blank")]
    order = [*before, *inside, _Entry("xtra", "blank"), _Entry("cover", "cover", "back")]
    upside_down = next(at for at, entry in enumerate(order) if entry.medium == "notes") if index == 1 else -1
    pages = []
    for at, entry in enumerate(order):
        number = at + 1
        year = BOOKS[book].year + (number * 2) // PAGES_PER_BOOK
        plan = PagePlan(f"{book}/{number}", book, number, year, *entry[1:], upside_down=at == upside_down)
        pages.append((entry.folder, plan))
    return pages


def _inside(rng: np.random.Generator, book: str, index: int) -> list[_Entry]:
    """What lies between the covers: runs of drawings with watercolours among them, runs of notes, letters, a photograph."""
    lines, scenes, diagrams = _endless(rng, list(SUBJECTS)), _endless(rng, list(SCENES)), _endless(rng, list(DIAGRAMS))
    entries: list[_Entry] = []
    for run in range(5):
        entries += _artworks(rng, lines, scenes)
        for medium in ("notes", "diagram", "notes", "diagram")[: int(rng.integers(2, 5))]:
            entries += [_Entry("notes", medium, diagrams.pop() if medium == "diagram" else "")]
        if run == 1:
            entries += _correspondence(rng, book, index)
        if run == 3:
            entries += [_Entry("xtra", "photograph")]
    return entries + [_Entry("art", "line drawing", lines.pop()) for _ in range(8)]


def _artworks(rng: np.random.Generator, lines: list[str], scenes: list[str]) -> list[_Entry]:
    """Some pages of drawings with two watercolours hidden among them, perhaps a tinted drawing or a blank back."""
    run = [_Entry("art", "line drawing", lines.pop()) for _ in range(int(rng.integers(2, 5)))]
    run += [_Entry("art", "watercolour", scenes.pop()) for _ in range(2)]
    more = float(rng.random())
    if more < 0.35:
        run.append(_Entry("art", "watercolour", f"tinted {_TINTED[int(rng.integers(0, len(_TINTED)))]}"))
    elif more < 0.65:
        run.append(_Entry("art", "blank"))
    return [run[at] for at in rng.permutation(len(run))]


def _correspondence(rng: np.random.Generator, book: str, index: int) -> list[_Entry]:
    """An envelope or a photograph, then one letter; in the last book two letters, one right after the other."""
    first = [_Entry("xtra", "photograph")]
    if index == 0:
        first = [_Entry("xtra", "envelope", "front", 1, 2), _Entry("xtra", "envelope", "back", 2, 2)]
    letters = []
    for letter in range(2 if index == 2 else 1):
        parts = int(rng.integers(3, 6))
        letters += [
            _Entry("notes", "letter", "", part + 1, parts, f"{book}-letter-{letter + 1}") for part in range(parts)
        ]
    return first + letters


def _endless(rng: np.random.Generator, names: list[str]) -> list[str]:
    return [str(name) for _ in range(12) for name in rng.permutation(names)]


def _gather(files: list[FilePlan], medium: str, suffix: str) -> list[FilePlan]:
    """The same files, those of `medium` gathered in one file of several pages."""
    parts = [file for file in files if file.pages[0].medium == medium]
    first, last = parts[0].pages[0].number, parts[-1].pages[0].number
    folder = parts[0].path.rsplit("/", 1)[0]
    whole = FilePlan(f"{folder}/p{first:03}-{last:03}.{suffix}", tuple(file.pages[0] for file in parts))
    return [file for file in files if file not in parts] + [whole]


def _path(folder: str, page: PagePlan) -> str:
    return f"{page.book}/{folder}/p{page.number:03}.jpg"
