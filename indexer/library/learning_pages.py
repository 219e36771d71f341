"""Pages as learning takes them: their labels, who they belong with, which are held out, their vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.labels import (
    LEAST_GROUPS,
    TEST,
    TRAIN,
    VALIDATION,
    Grouping,
    GroupRule,
    PagePlace,
    find_rare,
    group_pages,
)
from indexer.analysis.labels import Split as LabelSplit
from indexer.errors import PageMissingError, UsageError
from indexer.library.learning_results import SplitSummary
from indexer.values import Labels, Matrix, Payload

if TYPE_CHECKING:
    from indexer.library.core import Library

LEARNED_FROM = ("label", "group")
"""Fields of a page that labels are learned from, beside `metadata.NAME`."""
_BLOCK = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPages:
    """N pages with a label, in shelf order: `labels` int32 [N] are places in `names`, which is sorted.

    `unlabelled` counts those without; `left_out` the pages of labels that are too rare. `copies` are pairs of positions.
    """

    field: str
    names: tuple[str, ...]
    ids: list[str]
    labels: Labels
    places: list[PagePlace]
    copies: list[tuple[int, int]]
    unlabelled: int
    left_out: dict[str, int]
    notes: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    def keep(self, rows: NDArray[np.int64]) -> LabelledPages:
        """These rows, ascending, with only the labels that they have."""
        position = {int(row): number for number, row in enumerate(rows)}
        kept = np.unique(self.labels[rows])
        return replace(
            self,
            names=tuple(self.names[label] for label in kept),
            ids=[self.ids[row] for row in rows],
            labels=np.searchsorted(kept, self.labels[rows]).astype(np.int32),
            places=[self.places[row] for row in rows],
            copies=[(position[a], position[b]) for a, b in self.copies if a in position and b in position],
        )


def check_label_field(library: Library, label: str) -> str:
    """The field that `label` names: itself, or `metadata.NAME` where the library's tables have that column.

    Raises:
        UsageError: pages have no such field to learn from.
    """
    if label in LEARNED_FROM or (label.startswith("metadata.") and len(label) > len("metadata.")):
        return label
    columns: set[str] = set()
    for batch in library.collection.scroll(fields=("metadata",), batch_size=_BLOCK):
        for payload in batch.payloads:
            columns.update(cast("dict[str, object]", payload.get("metadata") or {}))
    if label in columns:
        return f"metadata.{label}"
    known = ", ".join([*LEARNED_FROM, *(f"metadata.{column}" for column in sorted(columns))])
    raise UsageError(f"Pages have no field {label!r} to learn from; there are {known}.")


def read_labelled(library: Library, label: str) -> LabelledPages:
    """All pages of the library that have the field `label`.

    Raises:
        UsageError: there is no such field, or fewer than two labels in it.
        PageMissingError: the library is empty.
    """
    field = check_label_field(library, label)
    shelf = library.shelf()
    found: list[tuple[int, str, str, Payload]] = []
    for batch in library.collection.scroll(
        fields=("root", "path", "folders", "document", "sha256", "page_number", field.partition(".")[0]),
        batch_size=_BLOCK,
    ):
        for page_id, payload in zip(batch.ids, batch.payloads, strict=True):
            value = _value(payload, field)
            if value is not None and page_id in shelf.rank:
                found.append((shelf.rank[page_id], page_id, value, payload))
    found.sort(key=lambda one: one[0])
    names = sorted({value for _, _, value, _ in found})
    if len(names) < 2:
        raise UsageError(
            f"The pages have {len(names)} different values of {field}; two are the least to tell apart. "
            "Labels come from folders (`quire index --label-from 1`) or from a table (`--metadata FILE`)."
        )
    number = {name: place for place, name in enumerate(names)}
    pages = LabelledPages(
        field=field,
        names=tuple(names),
        ids=[page_id for _, page_id, _, _ in found],
        labels=np.fromiter((number[value] for _, _, value, _ in found), dtype=np.int32, count=len(found)),
        places=[_place(payload) for _, _, _, payload in found],
        copies=_equal_files([payload for _, _, _, payload in found]),
        unlabelled=len(shelf.ids) - len(found),
        left_out={},
        notes=[],
    )
    return _join_known_duplicates(library, pages)


def group_labelled(pages: LabelledPages, by: GroupRule) -> tuple[LabelledPages, Grouping]:
    """The pages in groups; those of labels in fewer than three groups are left out, and counted.

    Raises:
        UsageError: fewer than two labels remain.
    """
    while True:
        grouping = group_pages(pages.places, pages.labels, by=by, joined=pages.copies)
        rare = find_rare(pages.labels, grouping.groups, len(pages.names))
        if not len(rare):
            return pages, grouping
        counts = Counter(pages.names[label] for label in pages.labels if label in rare)
        rows = np.flatnonzero(~np.isin(pages.labels, rare))
        if len(pages.names) - len(rare) < 2:
            raise UsageError(
                f"Of the labels in {pages.field}, only {len(pages.names) - len(rare)} are in {LEAST_GROUPS} groups or more, when pages are "
                f"kept together by {grouping.by}; two are needed. Try another --keep-together, such as series or file."
            )
        pages = replace(pages.keep(rows), left_out={**pages.left_out, **counts})


def summarize_split(pages: LabelledPages, grouping: Grouping, split: LabelSplit, *, seed: int) -> SplitSummary:
    """The split in numbers."""
    train, validation, test = (len(split.rows(part)) for part in (TRAIN, VALIDATION, TEST))
    return SplitSummary(grouping.by, seed, grouping.count, train, validation, test, pages.left_out, pages.notes)


def load_vectors(library: Library, ids: Sequence[str]) -> Matrix:
    """The stored embeddings of these pages, float32 [N, D], in their order.

    Raises:
        PageMissingError: one is not in the library any more.
    """
    row = {page_id: number for number, page_id in enumerate(ids)}
    vectors: Matrix | None = None
    met = 0
    for batch in library.collection.scroll(fields=(), vectors=("page",), batch_size=_BLOCK):
        matrix = batch.vectors["page"]
        if vectors is None:
            vectors = np.zeros((len(ids), matrix.shape[1]), dtype=np.float32)
        pairs = [(row[page_id], place) for place, page_id in enumerate(batch.ids) if page_id in row]
        if pairs:
            to, of = map(list, zip(*pairs, strict=True))
            vectors[to] = matrix[of]
            met += len(pairs)
    if vectors is None or met < len(ids):
        raise PageMissingError("Pages were removed meanwhile; do it again.")
    return np.nan_to_num(vectors)


def _value(payload: Payload, field: str) -> str | None:
    name, _, inner = field.partition(".")
    value = payload.get(name)
    if inner:
        value = value.get(inner) if isinstance(value, dict) else None
    return None if value is None or value == "" else str(value)


def _place(payload: Payload) -> PagePlace:
    folders = tuple(map(str, cast("Sequence[str]", payload.get("folders") or ())))
    document = payload.get("document")
    name = str(payload["path"]).rpartition("/")[2]
    return PagePlace(str(payload["root"]), folders, name, None if document is None else str(document))


def _equal_files(payloads: Sequence[Payload]) -> list[tuple[int, int]]:
    """Positions of pages whose files are equal bit by bit, each with the first of its kind."""
    first: dict[tuple[object, object], int] = {}
    pairs = []
    for row, payload in enumerate(payloads):
        known = first.setdefault((payload["sha256"], payload["page_number"]), row)
        if known != row:
            pairs.append((known, row))
    return pairs


def _join_known_duplicates(library: Library, pages: LabelledPages) -> LabelledPages:
    """Sets that `quire duplicates` found stay together; where it never looked, a note says so."""
    sets = library.duplicates.page_sets()
    if sets is None:
        note = "Near-copies were not looked for, only equal files; `quire duplicates` finds them, and then they stay together."
        return replace(pages, notes=[note])
    return replace(pages, copies=[*pages.copies, *pairs_of_sets(sets, pages.ids)])


def pairs_of_sets(sets: Iterable[Sequence[str]], ids: Sequence[str]) -> list[tuple[int, int]]:
    """Each page of a set with the first of it, as positions in `ids`; pages that are not in `ids` are passed over."""
    row = {page_id: number for number, page_id in enumerate(ids)}
    pairs = []
    for one in sets:
        known = [row[page_id] for page_id in one if page_id in row]
        pairs += [(known[0], other) for other in known[1:]]
    return pairs
