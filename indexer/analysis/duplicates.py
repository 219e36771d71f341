"""Near-duplicates: pairs of pages above a similarity, and the sets that they form.

All pairs are compared, exactly, in blocks: no table of N × N is ever held. Most pairs are ruled out by a product that
is several times narrower than the vectors. Let a₁ be the coordinates of a along the library's first d principal
directions and |a₂| the length of the rest. Then a·b ≤ a₁·b₁ + |a₂||b₂|, which is one product of vectors with d + 1
entries; only pairs for which this bound reaches the threshold are compared in full. So nothing is missed and nothing
is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.errors import UsageError
from indexer.values import Matrix

BLOCK = 4096
"""Pages on each side of a block: 4,096² similarities are 64 MiB."""
MAX_PAIRS = 10_000_000
"""Above this many pairs (120 MiB), the threshold is not one for duplicates."""
_WIDTHS = (32, 64, 96, 128, 192, 256)
_SAMPLE = 4096
_GATHER_COST = 30
"""A guess, which only chooses the width: to compare one pair in full costs as much for each dimension as 30 pairs in a matrix product."""
_SLACK = 1e-5
"""float32 sums of a few hundred products are off by less than this."""


class Rows(Protocol):
    """Vectors of unit length that can be read in blocks: an array, a memory map, or anything with these two."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, rows: slice, /) -> NDArray[np.floating]:
        """The vectors [n, D] of a range; float16 will do."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of pages, ordered by `first`, then `second`; `first` < `second`. All three of length P."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    similarities: Matrix

    def __len__(self) -> int:
        return len(self.first)

    def keep(self, wanted: NDArray[np.bool_]) -> Pairs:
        """The pairs for which `wanted` [P] is true."""
        return Pairs(self.first[wanted], self.second[wanted], self.similarities[wanted])


@dataclass(frozen=True, slots=True)
class DuplicateSet:
    """Pages that are one: `pages` ascending; the lowest similarity among its pairs that were found; the share found."""

    pages: tuple[int, ...]
    min_similarity: float
    linked: float


def find_pairs(
    vectors: Rows,
    *,
    min_similarity: float,
    wanted: NDArray[np.bool_] | None = None,
    block: int = BLOCK,
    max_pairs: int = MAX_PAIRS,
    progress: Callable[[int, int], None] | None = None,
) -> Pairs:
    """All pairs of `vectors` [N, D] whose cosine is at least `min_similarity`, by exact search.

    `wanted` [N] keeps pages out, blank ones above all, which are all alike. Memory holds a narrow copy of the vectors
    (N × up to 257 float32) and a few blocks. `progress` is told (blocks compared, blocks in all), and may raise to
    stop.

    Raises:
        UsageError: a similarity that is not above 0 and at most 1, or more than `max_pairs` pairs.
    """
    if not 0 < min_similarity <= 1:
        raise UsageError(f"min_similarity={min_similarity} must be above 0 and at most 1.")
    pages = len(vectors)
    use = np.ones(pages, dtype=np.bool_) if wanted is None else wanted
    narrow = _narrow(vectors, min_similarity)
    starts = range(0, pages, block)
    total, done, count = len(starts) * (len(starts) + 1) // 2, 0, 0
    found: list[Pairs] = []
    for start in starts:
        left = _read(vectors, start, start + block)
        for other in range(start, pages, block):
            pairs = _compare(vectors, narrow, left, start, other, block, min_similarity)
            pairs = pairs.keep(use[pairs.first] & use[pairs.second])
            found.append(pairs)
            done, count = done + 1, count + len(pairs)
            if count > max_pairs:
                raise UsageError(f"More than {max_pairs:,} pairs reach {min_similarity}: ask for a higher similarity.")
            if progress is not None:
                progress(done, total)
    return _merge(found)


def pairs_of_neighbours(neighbours: NDArray[np.integer], similarities: Matrix, *, min_similarity: float) -> Pairs:
    """The pairs at or above `min_similarity` in lists of neighbours, as a store's index gives them; it may miss some.

    `neighbours` [N, k] are positions of pages, -1 where a list is shorter; `similarities` [N, k] belong to them. A page
    in its own list is passed over; of a pair in two lists, the higher similarity counts.
    """
    first = np.repeat(np.arange(len(neighbours)), neighbours.shape[1])
    second, alike = neighbours.ravel().astype(np.int64), similarities.ravel()
    good = (second >= 0) & (second != first) & (alike >= min_similarity)
    low, high, alike = np.minimum(first, second)[good], np.maximum(first, second)[good], alike[good]
    order = np.lexsort((-alike, high, low))
    low, high, alike = low[order], high[order], alike[order]
    fresh = np.ones(len(low), dtype=np.bool_)
    fresh[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    return Pairs(low[fresh].astype(np.int32), high[fresh].astype(np.int32), alike[fresh].astype(np.float32))


def exclude_pairs(pairs: Pairs, excluded: Iterable[tuple[int, int]]) -> Pairs:
    """`pairs` without those that a person called "not a duplicate", in whichever order they are named."""
    keys = [min(a, b) << 32 | max(a, b) for a, b in excluded]
    mine = pairs.first.astype(np.int64) << 32 | pairs.second.astype(np.int64)
    return pairs.keep(~np.isin(mine, np.array(keys, dtype=np.int64)))


def confirm_pairs(pairs: Pairs, opinion: Callable[[int, int], float], *, min_agreement: float) -> tuple[Pairs, Matrix]:
    """The pairs to which a second `opinion` (two pages → 0 to 1) gives at least `min_agreement`, and that opinion [P]."""
    asked = zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    opinions = np.array([opinion(a, b) for a, b in asked], dtype=np.float32)
    agreed = opinions >= min_agreement
    return pairs.keep(agreed), opinions[agreed]


def gather_sets(
    pairs: Pairs, *, excluded: Collection[tuple[int, int]] = (), min_linked: float = 0.5
) -> list[DuplicateSet]:
    """The sets that `pairs` form, by their first pages.

    Pairs are taken from the most alike down (ties: in their order); the sets of both pages become one if at least
    `min_linked` of the pairs across are among `pairs`. So a chain, in which each page resembles the next and the ends
    are strangers, falls apart. Two pages in `excluded` never come into one set.
    """
    apart = {(min(a, b), max(a, b)) for a, b in excluded}
    gathering = _Gathering(pairs, apart)
    for position in np.argsort(-pairs.similarities, kind="stable").tolist():
        gathering.join(int(pairs.first[position]), int(pairs.second[position]), min_linked)
    of_page = gathering.of_page
    inside: dict[int, list[float]] = {}
    for a, b, alike in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.similarities.tolist(), strict=True):
        if of_page[a] == of_page[b] and (a, b) not in apart:
            inside.setdefault(of_page[a], []).append(alike)
    sets = []
    for key, pages in gathering.pages.items():
        if len(pages) > 1:
            possible = len(pages) * (len(pages) - 1) // 2
            sets.append(DuplicateSet(tuple(sorted(pages)), min(inside[key]), len(inside[key]) / possible))
    return sorted(sets, key=lambda found: found.pages)


class _Gathering:
    """Sets under way: for each, its pages, how many pairs lead to each other set, and which sets it must stay out of."""

    def __init__(self, pairs: Pairs, apart: Collection[tuple[int, int]]) -> None:
        members = np.unique(np.concatenate([pairs.first, pairs.second])).tolist()
        self.of_page: dict[int, int] = {page: page for page in members}
        self.pages: dict[int, list[int]] = {page: [page] for page in members}
        self._links: dict[int, dict[int, int]] = {page: {} for page in members}
        self._apart: dict[int, set[int]] = {page: set() for page in members}
        for a, b in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
            self._links[a][b] = self._links[b][a] = 1
        for a, b in apart:
            if a != b and a in self._apart and b in self._apart:
                self._apart[a].add(b)
                self._apart[b].add(a)

    def join(self, a: int, b: int, min_linked: float) -> None:
        """Make the sets of two pages one, if enough pairs lead across and nothing forbids it."""
        big, small = self.of_page[a], self.of_page[b]
        if big == small or small in self._apart[big]:
            return
        if self._links[big][small] < min_linked * len(self.pages[big]) * len(self.pages[small]):
            return
        if len(self.pages[big]) < len(self.pages[small]):
            big, small = small, big
        for page in self.pages[small]:
            self.of_page[page] = big
        self.pages[big] += self.pages.pop(small)
        for other, count in self._links.pop(small).items():
            self._links[other].pop(small)
            if other != big:
                self._links[big][other] = self._links[other][big] = self._links[big].get(other, 0) + count
        for other in self._apart.pop(small):
            self._apart[other].discard(small)
            self._apart[other].add(big)
            self._apart[big].add(other)


def _read(vectors: Rows, start: int, stop: int) -> Matrix:
    return np.asarray(vectors[start:stop], dtype=np.float32)


def _narrow(vectors: Rows, threshold: float) -> Matrix | None:
    """Float32 [N, d + 1]: [a₁, |a₂|] for each page; None where comparing in full is as quick."""
    pages = len(vectors)
    if pages <= _SAMPLE:
        return None
    directions, width = _find_directions(vectors, threshold)
    if width == 0:
        return None
    narrow = np.empty((pages, width + 1), dtype=np.float32)
    for start in range(0, pages, _SAMPLE):
        rows = _read(vectors, start, start + _SAMPLE)
        inner = rows @ directions[:, :width]
        rest = np.einsum("nd,nd->n", rows, rows) - np.einsum("nd,nd->n", inner, inner)
        narrow[start : start + len(rows), :width] = inner
        narrow[start : start + len(rows), width] = np.sqrt(np.maximum(rest, 0))
    return narrow


def _find_directions(vectors: Rows, threshold: float) -> tuple[Matrix, int]:
    """The principal directions [D, D] of a sample spread over all pages, and how many promise the least work."""
    pieces = 16
    step = max(len(vectors) // pieces, 1)
    sample = np.concatenate([_read(vectors, s, s + _SAMPLE // pieces) for s in range(0, len(vectors), step)])[:_SAMPLE]
    _, directions = np.linalg.eigh(sample.T @ sample)
    directions = np.ascontiguousarray(directions[:, ::-1], dtype=np.float32)
    full = sample.shape[1]
    turned = (sample @ directions)[:: max(len(sample) // 1024, 1)]
    work = {0: float(full)}
    for width in (w for w in _WIDTHS if w < full):
        inner = turned[:, :width]
        rest = np.sqrt(np.maximum(1 - np.einsum("nd,nd->n", inner, inner), 0))
        bound = inner @ inner.T + np.outer(rest, rest)
        np.fill_diagonal(bound, -1)
        work[width] = width + 1 + _GATHER_COST * full * float((bound >= threshold - _SLACK).mean())
    return directions, min(work, key=lambda width: work[width])


def _compare(
    vectors: Rows, narrow: Matrix | None, left: Matrix, start: int, other: int, block: int, threshold: float
) -> Pairs:
    """The pairs between the block at `start`, whose vectors are `left`, and the block at `other`."""
    if narrow is None:
        right = left if other == start else _read(vectors, other, other + block)
        alike = left @ right.T
    else:
        alike = narrow[start : start + block] @ narrow[other : other + block].T
    bar = threshold - _SLACK if narrow is not None else threshold
    flat = np.flatnonzero(alike >= bar)
    rows, columns = np.divmod(flat, alike.shape[1])
    if other == start:
        upper = rows < columns
        rows, columns = rows[upper], columns[upper]
    if narrow is None or len(rows) == 0:
        return Pairs((rows + start).astype(np.int32), (columns + other).astype(np.int32), alike[rows, columns])
    right = left if other == start else _read(vectors, other, other + block)
    return _verify(left, right, rows, columns, start, other, threshold)


def _verify(
    left: Matrix, right: Matrix, rows: NDArray[np.int64], columns: NDArray[np.int64], start: int, other: int, bar: float
) -> Pairs:
    """The pairs among the candidates whose full product reaches the threshold, some thousands at a time."""
    exact = np.empty(len(rows), dtype=np.float32)
    for piece in range(0, len(rows), BLOCK):
        part = slice(piece, piece + BLOCK)
        exact[part] = np.einsum("pd,pd->p", left[rows[part]], right[columns[part]])
    good = exact >= bar
    return Pairs((rows[good] + start).astype(np.int32), (columns[good] + other).astype(np.int32), exact[good])


def _merge(found: Iterable[Pairs]) -> Pairs:
    parts = list(found)
    first = np.concatenate([np.empty(0, dtype=np.int32), *(p.first for p in parts)])
    second = np.concatenate([np.empty(0, dtype=np.int32), *(p.second for p in parts)])
    similarities = np.concatenate([np.empty(0, dtype=np.float32), *(p.similarities for p in parts)])
    order = np.lexsort((second, first))
    return Pairs(first[order], second[order], similarities[order])
