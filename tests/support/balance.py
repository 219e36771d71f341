"""A class balance in memory, for the service around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from indexer.library.results import BalanceReport, CrossTable, MisplacedList, MisplacedPage, ValueShare

if TYPE_CHECKING:
    from support.service import FakeLibrary


class FakeBalance:
    """Two labels in three clusters; two pages among the wrong neighbours."""

    def __init__(self, library: FakeLibrary, note: Callable[..., None]) -> None:
        self._library = library
        self._note = note

    def report(self, *, by: str, against: str) -> BalanceReport:
        self._note("balance", by=by, against=against)
        shares = {"label": [ValueShare("art", 6, 0.5), ValueShare("notes", 6, 0.5)], "group": [], "notebook": []}
        table = CrossTable(by, against, ["art", "notes"], ["0", "1", "2"], [[4, 2, 0], [0, 2, 4]], 12, 0.83, 0.5, 0.4)
        return BalanceReport(12, shares, table)

    def misplaced(self, *, limit: int, offset: int, **options: Any) -> MisplacedList:
        self._note("misplaced", limit=limit, offset=offset, **options)
        pages = [MisplacedPage(page, "art", "notes", 0.9) for page in self._library.list_of_pages[:2]]
        return MisplacedList(options["by"], pages[offset : offset + limit], 2, 12)

    def picture(self, *, by: str, against: str) -> bytes:
        self._note("balance_picture", by=by, against=against)
        return b"\x89PNG a chart"
