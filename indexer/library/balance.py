"""Class balance: how many pages each label, group and notebook has, how two of them agree, and pages among the wrong neighbours."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np

from indexer.analysis.balance import Misplaced, find_misplaced, judge_neighbours, measure_agreement
from indexer.errors import UsageError
from indexer.library.answering import check_limit
from indexer.library.colouring import NONE, PageColours
from indexer.library.page_payload import page_from_payload
from indexer.library.results import BalanceReport, CrossTable, MisplacedList, MisplacedPage, ValueShare
from indexer.output.charts import draw_balance
from indexer.values import Labels

if TYPE_CHECKING:
    from indexer.library.core import Library

T = TypeVar("T")

SHARED = ("label", "group", "notebook")
NEIGHBOURS = 10
MIN_SHARE = 0.6
EXAMINED_MOST = 20_000
"""Pages whose neighbours are looked at: of more, so many evenly along the shelf, by the store's index."""
MOST_COLUMNS = 512
"""Columns of a table; of more values, those with the most pages."""
_KEPT = 4
_BLOCK = 4_096


class Balance:
    """The class balance of one library, `library.balance`; reading is safe in many threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._guard = threading.Lock()
        self._known: OrderedDict[tuple[object, ...], object] = OrderedDict()

    def report(self, *, by: str = "label", against: str = "cluster") -> BalanceReport:
        """How many pages have each label, group and notebook (the first folder), and how the fields `by` and `against` agree.

        Fields are those that pages can be coloured by. Pages that lack either are in no cell of the table.

        Raises:
            UsageError: no such field, or the same twice.
        """
        if by == against:
            raise UsageError(f"{by} agrees with itself; compare it with another field, such as cluster.")
        library = self._library
        if not library.is_filled:
            return BalanceReport(0, {field: [] for field in SHARED}, CrossTable(by, against, [], [], [], 0, 0, 0, 0))
        maps = library.maps
        rows, columns = maps.colours(by), maps.colours(against)
        pages = len(rows.values)
        shares = {field: _shares(maps.colours(field), pages) for field in SHARED}
        table = self._remember(("table", by, against), lambda: _cross(rows, columns))
        return BalanceReport(pages, shares, table)

    def misplaced(
        self,
        *,
        by: str = "label",
        neighbours: int = NEIGHBOURS,
        min_share: float = MIN_SHARE,
        limit: int = 50,
        offset: int = 0,
    ) -> MisplacedList:
        """Pages of whose `neighbours` most alike (with a value in `by`) at least `min_share` have one other value: worst first.

        Of more than 20,000 pages, 20,000 evenly along the shelf are looked at, as `examined` tells; their neighbours are found by the
        store's index among all.

        Raises:
            UsageError: no such field, or a number out of range.
        """
        check_limit(limit)
        if not 1 <= neighbours <= 100 or not 0.5 < min_share <= 1 or offset < 0:
            raise UsageError(
                f"neighbours={neighbours}, min_share={min_share}, offset={offset}: give 1 to 100 neighbours, a share above 0.5 and at "
                "most 1, and an offset of 0 or more."
            )
        library = self._library
        if not library.is_filled:
            return MisplacedList(by, [], 0, 0)
        colours = library.maps.colours(by)
        found, ranks = self._remember(
            ("misplaced", by, neighbours, min_share), lambda: self._find_misplaced(colours, neighbours, min_share)
        )
        some = slice(offset, offset + limit)
        ids = [library.shelf().ids[ranks[row]] for row in found.pages[some]]
        batch = library.collection.retrieve(ids)
        pages = {i: page_from_payload(i, payload) for i, payload in zip(batch.ids, batch.payloads, strict=True)}
        listed = [
            MisplacedPage(
                pages[page_id], colours.names[colours.values[ranks[row]]], colours.names[around], round(share, 4)
            )
            for page_id, row, around, share in zip(
                ids,
                found.pages[some].tolist(),
                found.neighbour_labels[some].tolist(),
                found.shares[some].tolist(),
                strict=True,
            )
            if page_id in pages
        ]
        return MisplacedList(by, listed, len(found.pages), len(ranks))

    def picture(self, *, by: str = "label", against: str = "cluster") -> bytes:
        """The report as PNG: bars for `by`, and the table with its figures."""
        report = self.report(by=by, against=against)
        table = report.table
        return draw_balance(
            [(share.value or "none", share.pages) for share in _shares(self._library.maps.colours(by), report.pages)],
            table.rows,
            table.columns,
            np.array(table.counts, dtype=np.int64).reshape(len(table.rows), len(table.columns)),
            title=self._library.manifest.name,
            subtitle=f"{report.pages:,} pages · purity {table.purity:.2f} · NMI {table.nmi:.2f} · ARI {table.ari:.2f}",
            names=(by.removeprefix("metadata."), against.removeprefix("metadata.")),
        )

    def _find_misplaced(self, colours: PageColours, neighbours: int, min_share: float) -> tuple[Misplaced, np.ndarray]:
        """What was found, as positions in the ranks of the pages examined."""
        library, shelf = self._library, self._library.shelf()
        values = _numbers(colours)
        labelled = np.flatnonzero(values >= 0)
        if len(labelled) <= EXAMINED_MOST:
            vectors = np.zeros((len(labelled), library.collection.vectors["page"].dimensions), dtype=np.float32)
            place = {int(rank): row for row, rank in enumerate(labelled)}
            for batch in library.collection.scroll(fields=(), vectors=("page",), batch_size=_BLOCK):
                rows = [place.get(shelf.rank.get(page_id, -1), -1) for page_id in batch.ids]
                kept = [at for at, row in enumerate(rows) if row >= 0]
                vectors[[rows[at] for at in kept]] = np.nan_to_num(batch.vectors["page"][kept])
            return find_misplaced(vectors, values[labelled], neighbours=neighbours, min_share=min_share), labelled
        ranks = labelled[np.linspace(0, len(labelled) - 1, EXAMINED_MOST).astype(np.int64)]
        near = np.full((len(ranks), neighbours), -1, dtype=np.int32)
        for begin in range(0, len(ranks), _BLOCK):
            ids = [shelf.ids[rank] for rank in ranks[begin : begin + _BLOCK]]
            batch = library.collection.retrieve(ids, vectors=("page",))
            # Twice as many: some have no value, and one is the page itself.
            answers = library.collection.find_similar(batch.vectors["page"], using="page", limit=2 * neighbours + 1)
            for row, (page_id, hits) in enumerate(zip(batch.ids, answers, strict=True), start=begin):
                others = [values[shelf.rank[hit.id]] for hit in hits if hit.id != page_id and hit.id in shelf.rank]
                known = [value for value in others if value >= 0][:neighbours]
                near[row, : len(known)] = known
        return judge_neighbours(values[ranks], near, min_share=min_share), ranks

    def _remember(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """What `make` gives, kept until something is written or decided."""
        library = self._library
        whole = (library.shelf(), library.shelf_cache.changes, library.decisions.entry, *key)
        with self._guard:
            if whole in self._known:
                return cast(T, self._known[whole])
        made = make()
        with self._guard:
            self._known[whole] = made
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return made


def _numbers(colours: PageColours) -> Labels:
    values = colours.values.astype(np.int32)
    values[values == NONE] = -1
    return values


def _shares(colours: PageColours, pages: int) -> list[ValueShare]:
    """Most first, ties by name; pages without a value last."""
    listed = sorted(zip(colours.names, colours.counts, strict=True), key=lambda one: (-one[1], one[0]))
    shares = [ValueShare(name, count, count / pages) for name, count in listed]
    missing = int((colours.values == NONE).sum())
    return [*shares, ValueShare(None, missing, missing / pages)] if missing else shares


def _cross(rows: PageColours, columns: PageColours) -> CrossTable:
    found = measure_agreement(_numbers(rows), _numbers(columns))
    table = np.zeros((len(rows.names), len(columns.names)), dtype=np.int64)
    table[: found.table.shape[0], : found.table.shape[1]] = found.table
    names = []
    for axis, colours in enumerate((rows, columns)):
        kept = np.arange(len(colours.names))
        if len(kept) > MOST_COLUMNS:
            kept = np.sort(np.argsort(-table.sum(axis=1 - axis), kind="stable")[:MOST_COLUMNS])
        table = table.take(kept, axis=axis)
        names.append([colours.names[place] for place in kept])
    return CrossTable(
        rows.by,
        columns.by,
        names[0],
        names[1],
        table.tolist(),
        pages=int(found.table.sum()),
        purity=found.purity,
        nmi=found.nmi,
        ari=found.ari,
    )
