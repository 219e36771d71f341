"""Near-duplicates in memory with the façade's methods, for the service around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from indexer.library.results import ApartReport, DuplicateList, DuplicatePage, DuplicateReport, DuplicateSet
from indexer.progress import ProgressSink

if TYPE_CHECKING:
    from support.service import FakeLibrary


class FakeDuplicates:
    """Two sets of two pages each; those said to be none leave the list."""

    def __init__(self, library: FakeLibrary, note: Callable[..., None], work: Callable[[ProgressSink], None]) -> None:
        self._library = library
        self._note = note
        self._work = work
        self.apart_ids: set[str] = set()

    def find(self, *, progress: ProgressSink, **bounds: Any) -> DuplicateReport:
        self._note("find_duplicates", **bounds)
        self._work(progress)
        return DuplicateReport(2, 4, 9, 0.1)

    def list(self, *, limit: int | None = None, offset: int = 0) -> DuplicateList:
        self._note("list_duplicates", limit=limit, offset=offset)
        pages = self._library.list_of_pages
        sets = [
            DuplicateSet([DuplicatePage(None, pages[at]), DuplicatePage(0.97, pages[at + 1])], 0.97, 0.9, False)
            for at in (0, 2)
            if pages[at].page_id not in self.apart_ids
        ]
        chosen = sets[offset:][:limit]
        return DuplicateList(chosen, len(sets), 2 * len(sets), "2026-01-01T00:00:00+00:00", 0.6)

    def apart(self, page_ids: Sequence[str], *, who: str | None = None) -> ApartReport:
        self._note("apart", page_ids=[*page_ids], who=who)
        for page_id in page_ids:
            self._library.page(page_id)
        self.apart_ids.update(page_ids)
        return ApartReport([*page_ids], self._library._decide("apart", who))
