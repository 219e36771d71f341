"""Near-duplicates: pages scanned twice, found by their vectors, confirmed by their pictures, and said to be none by people.

Which pairs were found is one document, `duplicates`; what people said of them is in the journal. The sets are told from both
whenever they are asked for, so that a decision, its undoing and a page that is gone count at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.duplicates import Pairs, confirm_pairs, exclude_pairs, gather_sets, pairs_of_neighbours
from indexer.analysis.hashing import SAME_PICTURE
from indexer.errors import PageMissingError, UsageError
from indexer.library.decisions import new_entry
from indexer.library.duplicate_sketches import Sketches
from indexer.library.listing import Shelf
from indexer.library.page_payload import page_from_payload
from indexer.library.results import ApartReport, DuplicateList, DuplicatePage, DuplicateReport, DuplicateSet
from indexer.progress import Meter, ProgressSink, ignore_progress
from indexer.values import Condition, Matrix, PageFilter, Payload

if TYPE_CHECKING:
    from indexer.library.core import Library

MIN_SIMILARITY = 0.6
"""Loose on purpose: the pictures decide, and a page that was turned or brightened may lie this far off."""
NEIGHBOURS = 8
"""How many of the pages most alike to each are looked at."""
EXACT_UP_TO = 30_000
"""Pages up to which all are compared with all; above, the store's index says which are near."""
MOST_PAIRS = 200_000
"""More than these are no longer a list that a person goes through."""
MOST_APART = 1_000
"""Pages at once that can be said to be no duplicates."""
_LARGEST_COPIES = 200
"""Exact copies of one page beyond these are listed as further sets."""
_AT_ONCE = 64
_BLOCK = 1_024
_SCROLLED = 8_192
_NOT_BLANK = PageFilter((Condition("flags", "!=", ("blank",)),))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The pairs of the last search: positions in `ids`, their agreement [P], and which are copies bit by bit [P]."""

    ids: list[str]
    pairs: Pairs
    agreements: Matrix
    exact: NDArray[np.bool_]


_Neighbours = tuple[NDArray[np.int64], NDArray[np.integer], Matrix]
"""Ranks of some pages [B], the ranks of those most alike to each [B, ≤ 8], and their cosines."""


@dataclass(frozen=True, slots=True)
class _Set:
    """A set, by its pages' ids in shelf order, with their similarities to the first where that pair was found."""

    ids: list[str]
    similarities: list[float | None]
    similarity: float
    agreement: float
    is_exact: bool


class Duplicates:
    """The near-duplicates of one library, `library.duplicates`; reading is safe in many threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._guard = threading.Lock()
        self._told: tuple[tuple[Shelf, int, object], Sequence[_Set]] | None = None

    # ---- to find ----

    def find(
        self,
        *,
        min_similarity: float = MIN_SIMILARITY,
        min_agreement: float = SAME_PICTURE,
        progress: ProgressSink = ignore_progress,
    ) -> DuplicateReport:
        """Look for near-duplicates among all pages; `list` tells them from then on.

        A pair is two pages of equal bytes, or two that are among each other's 8 most alike with a cosine of at least `min_similarity`
        and whose thumbnails, laid on each other, agree to at least `min_agreement`. Pages flagged `blank` are left out. Pairs that
        people said to be none are kept too, so that this can be undone; `list` leaves them out.

        Raises:
            UsageError: a bound out of range, or far too many pairs reach it.
            PageMissingError: the library is empty.
        """
        for name, bound in (("min_similarity", min_similarity), ("min_agreement", min_agreement)):
            if not 0 < bound <= 1:
                raise UsageError(f"{name} is {bound}; it must be above 0 and at most 1.")
        began_s = time.monotonic()
        library = self._library
        with library.write(letting_decide=True):
            ids = library.shelf().ids
            pairs, copies = self._suspect_pairs(min_similarity, progress)
            agreed, opinions = self._confirm(pairs, ids, min_agreement, progress)
            if len(agreed) + len(copies) > MOST_PAIRS:
                raise UsageError(
                    f"{len(agreed) + len(copies):,} pairs were found; more than {MOST_PAIRS:,} are not kept. Ask for a higher similarity."
                )
            self._save(ids, copies, agreed, opinions, min_similarity=min_similarity, min_agreement=min_agreement)
        sets = self._tell_sets()[0]
        return DuplicateReport(
            sets=len(sets),
            pages=sum(len(one.ids) for one in sets),
            compared=len(pairs),
            seconds=time.monotonic() - began_s,
        )

    def near_copies(
        self, *, min_similarity: float, progress: ProgressSink = ignore_progress
    ) -> Sequence[tuple[str, str]]:
        """The pairs that `find` would find now, by their pages' ids; nothing is kept of it, and nobody's word counts."""
        ids = self._library.shelf().ids
        pairs, copies = self._suspect_pairs(min_similarity, progress)
        agreed, _ = self._confirm(pairs, ids, SAME_PICTURE, progress)
        return [
            (ids[one], ids[other])
            for found in (copies, agreed)
            for one, other in zip(found.first.tolist(), found.second.tolist(), strict=True)
        ]

    # ---- to read ----

    def list(self, *, limit: int | None = None, offset: int = 0) -> DuplicateList:
        """The sets found last, less what people decided since; in shelf order of their first pages, as many as `limit` from `offset` on."""
        if offset < 0 or (limit is not None and limit < 1):
            raise UsageError(f"offset={offset}, limit={limit}: offset must be 0 or more, and limit 1 or more.")
        sets, document = self._tell_sets()
        chosen = sets[offset:] if limit is None else sets[offset : offset + limit]
        return DuplicateList(
            sets=[*self._with_pages(chosen)],
            total=len(sets),
            pages=sum(len(one.ids) for one in sets),
            made=None if document is None else str(document["made"]),
            min_similarity=None if document is None else cast(float, document["min_similarity"]),
        )

    def page_sets(self) -> Sequence[Sequence[str]] | None:
        """The sets found last by the ids of their pages, less what was decided since; None where nobody has looked yet."""
        sets, document = self._tell_sets()
        return None if document is None else [one.ids for one in sets]

    # ---- to decide ----

    def apart(self, page_ids: Sequence[str], *, who: str | None = None) -> ApartReport:
        """Say that no two of these pages are duplicates; they are in no set together any more, also after looking again.

        Raises:
            UsageError: fewer than two pages, or more than 1,000.
            PageMissingError: one is not in the library; nothing was decided.
        """
        wanted = list(dict.fromkeys(page_ids))
        if not 2 <= len(wanted) <= MOST_APART:
            raise UsageError(
                f"{len(wanted)} different pages were given; name 2 to {MOST_APART:,} that are no duplicates."
            )
        with self._library.deciding():
            found = set(self._library.collection.retrieve(wanted).ids)
            missing = [page_id for page_id in wanted if page_id not in found]
            if missing:
                raise PageMissingError(f"There is no page {missing[0]} in the library; nothing was decided.")
            entry = self._library.decide(new_entry("apart", who=who, pages=wanted))
        return ApartReport(wanted, entry)

    # ---- how: finding ----

    def _suspect_pairs(self, min_similarity: float, progress: ProgressSink) -> tuple[Pairs, Pairs]:
        """Pairs of neighbours whose pictures are yet to be compared, and pairs of equal files."""
        shelf = self._library.shelf()
        wanted, copies = self._read_pages(shelf)
        neighbours, alike = self._find_neighbours(shelf, wanted, progress)
        pairs = pairs_of_neighbours(neighbours, alike, min_similarity=min_similarity)
        return exclude_pairs(pairs, zip(copies.first.tolist(), copies.second.tolist(), strict=True)), copies

    def _read_pages(self, shelf: Shelf) -> tuple[NDArray[np.bool_], Pairs]:
        """Which pages are not blank [N], and the pairs of equal bytes among these, in shelf order."""
        wanted = np.ones(len(shelf.ids), dtype=np.bool_)
        alike: dict[tuple[str, int], list[int]] = {}
        for batch in self._library.collection.scroll(fields=("sha256", "page_number", "flags"), batch_size=_SCROLLED):
            for page_id, payload in zip(batch.ids, batch.payloads, strict=True):
                rank = shelf.rank[page_id]
                if "blank" in cast("Sequence[str]", payload.get("flags", ())):
                    wanted[rank] = False
                else:
                    key = (str(payload["sha256"]), cast(int, payload["page_number"]))
                    alike.setdefault(key, []).append(rank)
        groups = [sorted(ranks) for ranks in alike.values() if len(ranks) > 1]
        pieces = [ranks[at : at + _LARGEST_COPIES] for ranks in groups for at in range(0, len(ranks), _LARGEST_COPIES)]
        pairs = np.array([pair for piece in pieces for pair in combinations(piece, 2)], dtype=np.int32).reshape(-1, 2)
        return wanted, Pairs(pairs[:, 0], pairs[:, 1], np.ones(len(pairs), dtype=np.float32))

    def _find_neighbours(
        self, shelf: Shelf, wanted: NDArray[np.bool_], progress: ProgressSink
    ) -> tuple[NDArray[np.int32], Matrix]:
        """The pages most alike to each [N, 8] with their cosines, -1 where there are fewer."""
        pages = len(shelf.ids)
        neighbours = np.full((pages, NEIGHBOURS), -1, dtype=np.int32)
        alike = np.full((pages, NEIGHBOURS), -1, dtype=np.float32)
        meter = Meter(progress, "finding neighbours", pages)
        blocks = self._compare_all if pages <= EXACT_UP_TO else self._ask_store
        for ranks, near, similarities in blocks(shelf, wanted):
            neighbours[ranks, : near.shape[1]], alike[ranks, : near.shape[1]] = near, similarities
            meter.advance(len(ranks))
        meter.finish()
        neighbours[~wanted] = -1
        return neighbours, alike

    def _compare_all(self, shelf: Shelf, wanted: NDArray[np.bool_]) -> Iterator[_Neighbours]:
        vectors: Matrix | None = None
        for batch in self._library.collection.scroll(fields=(), vectors=("page",), batch_size=_SCROLLED):
            rows = batch.vectors["page"]
            if vectors is None:
                vectors = np.zeros((len(shelf.ids), rows.shape[1]), dtype=np.float32)
            vectors[[shelf.rank[page_id] for page_id in batch.ids]] = np.nan_to_num(rows)
        if vectors is None:
            return
        kept = min(NEIGHBOURS, len(vectors))
        for start in range(0, len(vectors), _BLOCK):
            alike = vectors[start : start + _BLOCK] @ vectors.T
            ranks = np.arange(start, start + len(alike))
            alike[np.arange(len(alike)), ranks] = -1
            alike[:, ~wanted] = -1
            near = np.argpartition(-alike, kept - 1, axis=1)[:, :kept]
            yield ranks, near, np.take_along_axis(alike, near, axis=1)

    def _ask_store(self, shelf: Shelf, wanted: NDArray[np.bool_]) -> Iterator[_Neighbours]:
        pages = self._library.collection
        for batch in pages.scroll(where=_NOT_BLANK, fields=(), vectors=("page",), batch_size=_BLOCK):
            ranks = np.array([shelf.rank[page_id] for page_id in batch.ids], dtype=np.int64)
            answers = pages.find_similar(batch.vectors["page"], using="page", limit=NEIGHBOURS + 1, where=_NOT_BLANK)
            near = np.full((len(ranks), NEIGHBOURS), -1, dtype=np.int32)
            alike = np.full((len(ranks), NEIGHBOURS), -1, dtype=np.float32)
            for row, (rank, hits) in enumerate(zip(ranks.tolist(), answers, strict=True)):
                others = [(shelf.rank[hit.id], hit.similarity) for hit in hits if shelf.rank.get(hit.id, rank) != rank]
                for place, (other, similarity) in enumerate(others[:NEIGHBOURS]):
                    near[row, place], alike[row, place] = other, similarity
            yield ranks, near, alike

    def _confirm(
        self, pairs: Pairs, ids: Sequence[str], min_agreement: float, progress: ProgressSink
    ) -> tuple[Pairs, Matrix]:
        """The pairs whose thumbnails agree, and how well [P]; as many compared at once as there are workers."""
        meter = Meter(progress, "comparing pictures", len(pairs))
        sketches = Sketches(self._library.thumbnails)
        opinions: dict[tuple[int, int], float] = {}
        asked = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
        with ThreadPoolExecutor(self._library.settings.workers or None, thread_name_prefix="quire-compare") as pool:
            for at in range(0, len(asked), _AT_ONCE):
                some = asked[at : at + _AT_ONCE]
                told = pool.map(lambda pair: sketches.compare(ids[pair[0]], ids[pair[1]]), some)
                opinions.update(zip(some, told, strict=True))
                meter.advance(len(some))
        meter.finish()
        return confirm_pairs(pairs, lambda one, other: opinions[one, other], min_agreement=min_agreement)

    def _save(self, ids: Sequence[str], copies: Pairs, agreed: Pairs, opinions: Matrix, **bounds: float) -> None:
        rows = [(a, b, 1.0, 1.0, True) for a, b in zip(copies.first.tolist(), copies.second.tolist(), strict=True)]
        found = zip(
            agreed.first.tolist(), agreed.second.tolist(), agreed.similarities.tolist(), opinions.tolist(), strict=True
        )
        rows += [(a, b, round(min(alike, 1.0), 5), round(agreement, 5), False) for a, b, alike, agreement in found]
        rows.sort()
        members = sorted({page for row in rows for page in row[:2]})
        place = {page: number for number, page in enumerate(members)}
        document: Payload = {
            **bounds,
            "made": datetime.now(UTC).isoformat(timespec="microseconds"),
            "pages": [ids[page] for page in members],
            "pairs": [[place[a], place[b], *rest] for a, b, *rest in rows],
        }
        self._library.records.save("duplicates", document)

    # ---- how: telling ----

    def _tell_sets(self) -> tuple[Sequence[_Set], Payload | None]:
        """All sets, and the document that they come from."""
        library = self._library
        document = library.records.load("duplicates") if library.is_filled else None
        if document is None:
            return [], None
        shelf = library.shelf()
        decisions = library.decisions
        key = (shelf, decisions.entry, document["made"])
        with self._guard:
            known = self._told
        if known is None or known[0] != key:
            known = (key, _gather(_read(document), shelf, decisions.apart))
            with self._guard:
                self._told = known
        return known[1], document

    def _with_pages(self, sets: Sequence[_Set]) -> Sequence[DuplicateSet]:
        if not sets:
            return []
        ids = [page_id for one in sets for page_id in one.ids]
        found = self._library.collection.retrieve(ids)
        pages = {i: page_from_payload(i, payload) for i, payload in zip(found.ids, found.payloads, strict=True)}
        return [
            DuplicateSet(
                pages=[
                    DuplicatePage(similarity, pages[page_id])
                    for page_id, similarity in zip(one.ids, one.similarities, strict=True)
                    if page_id in pages
                ],
                similarity=one.similarity,
                agreement=one.agreement,
                is_exact=one.is_exact,
            )
            for one in sets
        ]


def _read(document: Payload) -> _Found:
    rows = cast("list[tuple[int, int, float, float, bool]]", document["pairs"])
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    pairs = Pairs(table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2].astype(np.float32))
    return _Found(cast("list[str]", document["pages"]), pairs, table[:, 3].astype(np.float32), table[:, 4] > 0)


def _gather(found: _Found, shelf: Shelf, apart: Sequence[Sequence[str]]) -> list[_Set]:
    """The sets that the pairs form without pages that are gone, and without pairs that people said to be none."""
    place = {page_id: number for number, page_id in enumerate(found.ids)}
    groups = ([place[page_id] for page_id in group if page_id in place] for group in apart)
    excluded = {(min(pair), max(pair)) for group in groups for pair in combinations(group, 2)}
    here = np.array([page_id in shelf.rank for page_id in found.ids], dtype=np.bool_)
    pairs = found.pairs.keep(here[found.pairs.first] & here[found.pairs.second]) if len(found.pairs) else found.pairs
    rows = zip(found.pairs.first.tolist(), found.pairs.second.tolist(), strict=True)
    known = {pair: row for row, pair in enumerate(rows)}
    sets = []
    for one in gather_sets(exclude_pairs(pairs, excluded), excluded=excluded):
        members = sorted(one.pages, key=lambda page: shelf.rank[found.ids[page]])
        inside = [known[pair] for pair in combinations(one.pages, 2) if pair in known and pair not in excluded]
        first = [known.get((min(members[0], page), max(members[0], page))) for page in members]
        possible = len(members) * (len(members) - 1) // 2
        sets.append(
            _Set(
                ids=[found.ids[page] for page in members],
                similarities=[None if row is None else _rounded(found.pairs.similarities[row]) for row in first],
                similarity=_rounded(one.min_similarity),
                agreement=_rounded(found.agreements[inside].min()),
                is_exact=len(inside) == possible and bool(found.exact[inside].all()),
            )
        )
    return sorted(sets, key=lambda one: shelf.rank[one.ids[0]])


def _rounded(value: float | np.floating) -> float:
    """Without the digits that float32 only seems to have."""
    return round(float(value), 5)
