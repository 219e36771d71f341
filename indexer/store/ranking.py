"""What both adapters do alike with counts and similarities that come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from indexer.store.port import Quantization, VectorSpec
from indexer.values import JsonScalar

SEARCHED_AT_LEAST = 512
"""Candidates that the graph keeps while it searches (`ef`); Qdrant's own default is 100. Of 900,000 pages that finds 0.96 of the ten
nearest, where 256 find 0.93, and costs 0.3 ms a query."""
OVERSAMPLING: Mapping[Quantization, float] = {"none": 1.0, "int8": 2.0, "turbo4": 2.0, "binary": 8.0}
"""How many times as many candidates as wanted are found by the smaller copy, then ranked by the vectors themselves. One bit a
dimension tells least: of 30,000 pages with 512 dimensions it finds 0.90 of the ten nearest with twice as many, 0.98 with four times,
0.999 with eight."""
SCANNED_MATCHES = 40_000
"""Where a filter passes no more pages than this, all of them are compared, and none is missed. Above, the graph is searched with ACORN
(Patel et al., arXiv:2403.04871), which also looks past neighbours that do not pass: without it, filters that pass 6 to 16 % of 200,000
pages left islands in the graph, and 0.03 to 0.65 of the ten nearest were found."""
_ALL_VALUES = 10_000_000


def scanned_kib(vector: VectorSpec) -> int:
    """`SCANNED_MATCHES` as Qdrant wants it told (`full_scan_threshold`): in KiB of vectors."""
    return max(10, SCANNED_MATCHES * vector.dimensions * (2 if vector.datatype == "float16" else 4) // 1024)


def similarity(cosine: float) -> float:
    """The cosine within −1 … 1; rounding in float32 may leave it a hair outside."""
    return min(1.0, max(-1.0, cosine))


def facet_counts(ask: Callable[[int], list[tuple[JsonScalar, int]]], limit: int) -> dict[JsonScalar, int]:
    """The `limit` most frequent values with their counts, most first, ties by value.

    `ask(most)` returns at most that many. Where a tie runs across the limit all are asked for, so that the choice is
    by value and the same each time.
    """
    if limit <= 0:
        return {}
    found = sorted(ask(limit + 1), key=_most_first)
    if len(found) > limit and found[limit][1] == found[limit - 1][1]:
        found = sorted(ask(_ALL_VALUES), key=_most_first)
    # Edge goes on telling of a value that no point has any more.
    return {value: count for value, count in found[:limit] if count}


def _most_first(item: tuple[JsonScalar, int]) -> tuple[int, str, float, str]:
    value, count = item
    return (-count, "", float(value), "") if isinstance(value, int | float) else (-count, "text", 0.0, value)
