"""Pages with faults of scanning, drawn on the spot; and a rescan list in memory, for the service around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from indexer.library.rescans import FLAGS, RESCAN_FLAGS
from indexer.library.results import FlagCount, RescanLine, RescanList, RescanReport
from indexer.values import PageFilter

if TYPE_CHECKING:
    from support.service import FakeLibrary

PAPER = (236, 233, 225)
EVERY_PAGE = PageFilter()


def draw_text(seed: int = 3) -> Image.Image:
    """A good scan: twenty-odd lines of words, flush on the left."""
    rng = np.random.default_rng(seed)
    pixels = np.full((512, 380, 3), PAPER, dtype=np.uint8)
    for number, top in enumerate(range(40, 472, 14)):
        reach = 340 - int(rng.integers(0, 60)) - (90 if number % 6 == 5 else 0)
        x = 40
        while x < reach - 8:
            word = int(rng.integers(8, 30))
            pixels[top + int(rng.integers(0, 2)) : top + 7, x : min(x + word, reach)] = 40
            x += word + 6
    return Image.fromarray(pixels)


def draw_skewed(seed: int = 3) -> Image.Image:
    return draw_text(seed).rotate(4, Image.Resampling.BICUBIC, fillcolor=PAPER)


def draw_blurred(seed: int = 3) -> Image.Image:
    return draw_text(seed).filter(ImageFilter.GaussianBlur(2.5))


def draw_dark(seed: int = 3) -> Image.Image:
    return draw_text(seed).point(lambda level: level // 4)


def draw_box(root: Path) -> Path:
    """Five pages: p1 and p4 are good, p2 is skewed, p3 out of focus, p10 too dark."""
    box = root / "box"
    box.mkdir(parents=True, exist_ok=True)
    pages = {"p1": draw_text(1), "p2": draw_skewed(2), "p3": draw_blurred(3), "p4": draw_text(4), "p10": draw_dark(5)}
    for name, page in pages.items():
        page.save(box / f"{name}.png")
    return root


class FakeRescans:
    """The first page is skewed, the second was rescanned; what people say is noted, and changes nothing."""

    def __init__(self, library: FakeLibrary, note: Callable[..., None]) -> None:
        self._library = library
        self._note = note

    def flags(self) -> list[FlagCount]:
        return [FlagCount(flag, text, int(flag == "skewed"), flag in RESCAN_FLAGS) for flag, text in FLAGS.items()]

    def list(
        self,
        *,
        flags: Sequence[str] | None = None,
        where: PageFilter = EVERY_PAGE,
        only_open: bool = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RescanList:
        self._note("list_rescans", flags=flags, where=where, only_open=only_open, limit=limit, cursor=cursor)
        pages = self._library.list_of_pages
        lines = [RescanLine(pages[0], "open", ["skewed"], "=cmd", "ann"), RescanLine(pages[1], "done", [])]
        if only_open:
            lines = lines[:1]
        begin = 0 if cursor is None else 1
        chosen = lines[begin : begin + limit]
        more = begin + limit < len(lines)
        return RescanList(chosen, len(lines), 1, chosen[-1].page.page_id if more else None)

    def say(
        self, page_ids: Sequence[str], wanted: bool | None, *, note: str | None = None, who: str | None = None
    ) -> RescanReport:
        self._note("say_rescan", page_ids=[*page_ids], wanted=wanted, note=note, who=who)
        for page_id in page_ids:
            self._library.page(page_id)
        return RescanReport([*page_ids], wanted, self._library._decide("rescan", who))
