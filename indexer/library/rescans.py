"""The rescan list: pages whose scan should be made again, in shelf order, and those that were.

A page is on it for its flags, or because a person said so. When a file with other bytes arrives under the same path, the page
keeps everything that people decided, and its line is ticked: the page itself remembers when, and why it was on the list.
What a person says of a scan counts for that scan only; the next one is judged anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import numpy as np

from indexer.errors import PageMissingError, UsageError
from indexer.library.answering import check_limit
from indexer.library.decisions import RescanSaid, new_entry
from indexer.library.page_payload import PAGE_FIELDS, page_from_payload
from indexer.library.results import FlagCount, RescanLine, RescanList, RescanReport
from indexer.values import Condition, Page, PageFilter

if TYPE_CHECKING:
    from indexer.library.core import Library

FLAGS = {
    "blank": "hardly any ink",
    "blurred": "out of focus: even the sharpest edges are ramps",
    "colour-target": "shows a row of colour patches",
    "cut-edge": "text runs out of one edge",
    "dark": "underexposed, or black",
    "double-page": "two pages at once, with a fold in the middle",
    "skewed": "lines of text climb or fall by 2° or more",
    "upside-down": "lines of type are flush on the right and ragged on the left",
}
"""Every flag a page can have, and what it says; how each is found, and how surely, is in docs/quality.md."""
RESCAN_FLAGS = ("blurred", "cut-edge", "dark", "skewed", "upside-down")
"""Flags that put a page on the rescan list unless told otherwise: the others may well be as they should be."""
EVERY_PAGE = PageFilter()
ASKED = "asked"
"""The reason of pages that a person put on the list."""
MOST_AT_ONCE = 10_000
_BLOCK = 10_000
_LISTS_KEPT = 4

State = Literal["open", "again", "done", "fine"]


def note_rescan(page: Page, old: Page, said: RescanSaid | None) -> Page:
    """`page` with the tick that `old` had, or a new one where it is another scan of a page that had a reason for it."""
    reasons = (*old.flags, ASKED) if _is_asked(old, said) else old.flags
    if page.sha256 == old.sha256 or not reasons or _is_fine(old, said):
        return replace(page, rescanned=old.rescanned, rescanned_for=old.rescanned_for)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(page, rescanned=now, rescanned_for=reasons)


class Rescans:
    """The rescan list of one library, `library.rescans`; reading is safe in many threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._guard = threading.Lock()
        self._told: OrderedDict[tuple[object, ...], Sequence[RescanLine]] = OrderedDict()

    def flags(self) -> list[FlagCount]:
        """Every flag there is, what it says, and how many pages have it."""
        counts = self._library.facet("flags")
        return [FlagCount(flag, text, counts.get(flag, 0), flag in RESCAN_FLAGS) for flag, text in FLAGS.items()]

    def list(
        self,
        *,
        flags: Sequence[str] | None = None,
        where: PageFilter = EVERY_PAGE,
        only_open: bool = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RescanList:
        """Pages to scan again, and with `only_open` off those that were or need not be, in shelf order, as many as `limit`.

        `flags` are the reasons that count, `RESCAN_FLAGS` unless given. A cursor is `next_cursor` of the list before.

        Raises:
            UsageError: an unknown flag, or a cursor of no page.
        """
        check_limit(limit)
        wanted = _check_flags(flags)
        library = self._library
        if not library.is_filled:
            return RescanList([], 0, 0, None)
        lines = self._tell(wanted, where)
        opened = sum(line.state in ("open", "again") for line in lines)
        listed = [line for line in lines if line.state in ("open", "again")] if only_open else lines
        begin = self._find_cursor(listed, cursor) if cursor is not None else 0
        chosen = listed[begin : begin + limit]
        more = begin + limit < len(listed)
        return RescanList([*chosen], len(listed), opened, chosen[-1].page.page_id if more else None)

    def say(
        self, page_ids: Sequence[str], wanted: bool | None, *, note: str | None = None, who: str | None = None
    ) -> RescanReport:
        """Put pages on the list by hand (True), or say that they are fine as scanned (False); None lets their flags decide again.

        It holds for the scans that are there now. It goes into the history and can be undone.

        Raises:
            PageMissingError: one is not in the library; nothing was decided.
        """
        library = self._library
        if len(page_ids) > MOST_AT_ONCE:
            raise UsageError(f"{len(page_ids)} pages were given; say it of at most {MOST_AT_ONCE:,} at a time.")
        with library.deciding():
            found = library.collection.retrieve(list(dict.fromkeys(page_ids)))
            missing = set(page_ids) - set(found.ids)
            if missing or not page_ids:
                raise PageMissingError(
                    f"There is no page {min(missing)} in the library; nothing was decided."
                    if missing
                    else "No page was given."
                )
            scans = {i: str(payload["sha256"]) for i, payload in zip(found.ids, found.payloads, strict=True)}
            entry = library.decide(new_entry("rescan", who=who, scans=scans, wanted=wanted, note=note))
        return RescanReport(list(scans), wanted, entry)

    def _tell(self, flags: tuple[str, ...], where: PageFilter) -> Sequence[RescanLine]:
        """All lines, kept until something is written or decided: they are walked page by page, and gathered once."""
        library = self._library
        key = (library.shelf(), library.shelf_cache.changes, library.decisions.entry, flags, where)
        with self._guard:
            known = self._told.get(key)
        if known is not None:
            return known
        lines = self._read(flags, where)
        with self._guard:
            self._told[key] = lines
            while len(self._told) > _LISTS_KEPT:
                self._told.popitem(last=False)
        return lines

    def _read(self, flags: Sequence[str], where: PageFilter) -> Sequence[RescanLine]:
        said = self._library.decisions.rescans
        pages: dict[str, Page] = {}
        for condition in (Condition("flags", "=", tuple(flags)), Condition("rescanned_for", "=", (*flags, ASKED))):
            both = PageFilter((*where.conditions, condition))
            pages.update((page.page_id, page) for page in self._scroll(both))
        others = [page_id for page_id in said if page_id not in pages]
        for begin in range(0, len(others), _BLOCK):
            some = PageFilter((*where.conditions, Condition("page_id", "=", tuple(others[begin : begin + _BLOCK]))))
            pages.update((page.page_id, page) for page in self._scroll(some))
        lines = [_line(page, flags, said.get(page_id)) for page_id, page in pages.items()]
        rank = self._library.shelf().rank
        # A page that came since the shelf was read stands at its end.
        return sorted(
            (line for line in lines if line is not None),
            key=lambda line: (rank.get(line.page.page_id, len(rank)), line.page.page_id),
        )

    def _scroll(self, where: PageFilter) -> Iterable[Page]:
        for batch in self._library.collection.scroll(where=where, fields=PAGE_FIELDS, batch_size=_BLOCK):
            for page_id, payload in zip(batch.ids, batch.payloads, strict=True):
                yield page_from_payload(page_id, payload)

    def _find_cursor(self, listed: Sequence[RescanLine], cursor: str) -> int:
        rank = self._library.shelf().rank
        if cursor not in rank:
            raise UsageError(f"The cursor {cursor!r} belongs to no page that is still here; begin again without one.")
        ranks = [rank.get(line.page.page_id, len(rank)) for line in listed]
        return int(np.searchsorted(ranks, rank[cursor], side="right"))


def rescan_row(line: RescanLine) -> dict[str, object]:
    """A line as a row of a table, for the one at the scanner."""
    page = line.page
    return {
        "done": "x" if line.state == "done" else "",
        "state": line.state,
        "root": page.root,
        "path": page.path,
        "page_number": page.page_number,
        "reasons": " ".join(line.reasons),
        "note": line.note,
        "rescanned": page.rescanned,
        "rescanned_for": " ".join(page.rescanned_for),
        "label": page.label,
        "group": page.group,
        "document": page.document,
        "page_id": page.page_id,
    }


RESCAN_COLUMNS = (
    "done",
    "state",
    "root",
    "path",
    "page_number",
    "reasons",
    "note",
    "rescanned",
    "rescanned_for",
    "label",
    "group",
    "document",
    "page_id",
)


def _line(page: Page, flags: Sequence[str], said: RescanSaid | None) -> RescanLine | None:
    """The page's line; None where it has none: flagged for other reasons, or what was said is of an earlier scan."""
    now = said if said is not None and said.sha256 == page.sha256 else None
    reasons = [flag for flag in page.flags if flag in flags] + ([ASKED] if _is_asked(page, now) else [])
    before = [reason for reason in page.rescanned_for if reason in flags or reason == ASKED]
    if _is_fine(page, now):
        state: State = "fine"
    elif reasons:
        state = "again" if before else "open"
    elif before:
        state = "done"
    else:
        return None
    return RescanLine(page, state, reasons, now.note if now else None, now.who if now else None)


def _is_asked(page: Page, said: RescanSaid | None) -> bool:
    return said is not None and said.wanted and said.sha256 == page.sha256


def _is_fine(page: Page, said: RescanSaid | None) -> bool:
    return said is not None and not said.wanted and said.sha256 == page.sha256


def _check_flags(flags: Sequence[str] | None) -> tuple[str, ...]:
    if flags is None:
        return RESCAN_FLAGS
    unknown = [flag for flag in flags if flag not in FLAGS]
    if unknown or not flags:
        raise UsageError(f"There is no flag {unknown[0] if unknown else ''!r}; there are {', '.join(FLAGS)}.")
    return tuple(flag for flag in FLAGS if flag in flags)
