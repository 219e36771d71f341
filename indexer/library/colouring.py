"""What pages can be coloured by: one small number a page, and the name that each number stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.errors import UsageError
from indexer.library.listing import Shelf
from indexer.output.palette import Colour, colour_of
from indexer.sources import natural_key
from indexer.store.port import Collection

NONE = 65_535
"""The number of a page that has no value."""
MOST_NAMES = 65_534
"""Values that get a name of their own; pages with rarer ones share the last number, `OTHERS`."""
OTHERS = "(others)"
COLOURED_BY = ("label", "cluster", "group", "document", "notebook", "flags", "root")
"""Fields of pages, and `notebook`: the first of their folders, or their root where they lie in none."""
_BLOCK = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class PageColours:
    """`values` uint16 [N] in shelf order: which of `names` a page has, or 65,535; `counts` says how many have each.

    Clusters and numbers are in their own order, all others by how many pages have them, then by name.
    """

    by: str
    names: list[str]
    counts: list[int]
    values: NDArray[np.uint16]

    @property
    def colours(self) -> list[Colour]:
        """The colour of each name; pages without a value are `NO_VALUE`."""
        return [colour_of(number) for number in range(len(self.names))]


def check_field(by: str) -> str:
    """The field, if pages can be coloured by it; else UsageError."""
    if by not in COLOURED_BY and not (by.startswith("metadata.") and len(by) > len("metadata.")):
        raise UsageError(f"Pages can't be coloured by {by!r}; choose {', '.join(COLOURED_BY)} or metadata.NAME.")
    return by


def read_colours(pages: Collection, shelf: Shelf, by: str) -> PageColours:
    """The values of all pages in the field `by`; several at once (flags) count as one, joined by commas."""
    check_field(by)
    field, _, inner = by.partition(".")
    fields = ("folders", "root") if field == "notebook" else (field,)
    found: list[object] = [None] * len(shelf.ids)
    for batch in pages.scroll(fields=fields, batch_size=_BLOCK):
        for page_id, payload in zip(batch.ids, batch.payloads, strict=True):
            row = shelf.rank.get(page_id)
            value = payload.get(field)
            if field == "notebook":
                folders = payload.get("folders")
                value = folders[0] if isinstance(folders, list) and folders else payload.get("root")
            elif inner:
                value = value.get(inner) if isinstance(value, dict) else None
            if row is not None:
                found[row] = ", ".join(map(str, value)) if isinstance(value, list) else value
    return _number(by, found)


def _number(by: str, found: Sequence[object]) -> PageColours:
    counts = Counter(value for value in found if value is not None and value != "")
    if all(isinstance(value, int | float) for value in counts):
        order = sorted(counts, key=float)  # type: ignore[arg-type]
    else:
        order = sorted(counts, key=lambda value: (-counts[value], natural_key(str(value))))
    number = {value: place if place < MOST_NAMES else MOST_NAMES for place, value in enumerate(order)}
    values = np.fromiter((number.get(value, NONE) for value in found), dtype=np.uint16, count=len(found))
    names = [str(value) for value in order[:MOST_NAMES]]
    totals = [counts[value] for value in order[:MOST_NAMES]]
    if len(order) > MOST_NAMES:
        names.append(OTHERS)
        totals.append(sum(counts[value] for value in order[MOST_NAMES:]))
    return PageColours(by, names, totals, values)
