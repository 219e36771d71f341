"""Streams: which pages follow which, and what the library holds of them for telling documents apart."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents import LOOKS_COLUMNS, StreamPages
from indexer.errors import NotFoundError
from indexer.filters import parse_filter
from indexer.library.document_rules import BY_FOLDER, DocumentRules
from indexer.library.listing import Shelf
from indexer.values import Matrix, Payload

if TYPE_CHECKING:
    from indexer.library.core import Library

VECTORS = ("page", "head", "foot")
"""Named vectors that documents are told by, as far as the library has them."""
_BLOCK = 10_000
_VECTORS_AT_ONCE = 2_048


@dataclass(frozen=True, slots=True, eq=False)
class StreamIndex:
    """All streams of a library in shelf order. `members[i]` are shelf ranks int32, ascending, of the stream `names[i]`.

    `place_of` and `stream_of` int32 [N] tell a page's position and stream by its shelf rank (−1: gone meanwhile). `separators` are ranks.
    """

    shelf: Shelf
    rules: DocumentRules
    generation: int
    names: list[str]
    numbers: dict[str, int]
    members: list[NDArray[np.int32]]
    stream_of: NDArray[np.int32]
    place_of: NDArray[np.int32]
    modified: NDArray[np.int64]
    is_separator: NDArray[np.bool_]

    def number_of(self, stream: str) -> int:
        """The number of a stream, or NotFoundError."""
        try:
            return self.numbers[stream]
        except KeyError:
            raise NotFoundError(f"There is no stream {stream!r}; `quire documents` lists them.") from None

    def ids_of(self, number: int) -> list[str]:
        """The pages of a stream, by id, in shelf order."""
        return [self.shelf.ids[rank] for rank in self.members[number].tolist()]

    def stamp_of(self, number: int) -> str:
        """Text that changes whenever pages of the stream come, go, change, or are seen by another model."""
        members = self.members[number]
        stamp = zlib.crc32("\n".join(self.ids_of(number)).encode())
        stamp = zlib.crc32(self.modified[members].tobytes(), stamp)
        stamp = zlib.crc32(self.is_separator[members].tobytes(), stamp)
        return f"{self.generation}-{self.rules.blanks}-{self.rules.separator_rule}-{stamp:08x}"

    def find_place(self, page_id: str) -> tuple[int, int] | None:
        """Stream and position of a page, or None."""
        rank = self.shelf.rank.get(page_id)
        if rank is None or self.stream_of[rank] < 0:
            return None
        return int(self.stream_of[rank]), int(self.place_of[rank])


def read_streams(library: Library, rules: DocumentRules) -> StreamIndex:
    """The streams as the pages stand now; one look at the whole shelf."""
    generation, shelf = library.manifest.generation, library.shelf()
    count = len(shelf.ids)
    stream_of = np.full(count, -1, dtype=np.int32)
    modified = np.zeros(count, dtype=np.int64)
    keys: dict[str, int] = {}
    for batch in library.collection.scroll(fields=_fields(rules.by), batch_size=_BLOCK):
        for page_id, payload in zip(batch.ids, batch.payloads, strict=True):
            rank = shelf.rank.get(page_id)
            if rank is not None:
                stream_of[rank] = keys.setdefault(_name_stream(payload, rules.by), len(keys))
                modified[rank] = cast(int, payload["modified_ns"])
    names, members, stream_of = _sort_streams(list(keys), stream_of)
    place_of = np.full(count, -1, dtype=np.int32)
    for ranks in members:
        place_of[ranks] = np.arange(len(ranks), dtype=np.int32)
    return StreamIndex(
        shelf=shelf,
        rules=rules,
        generation=generation,
        names=names,
        numbers={name: number for number, name in enumerate(names)},
        members=members,
        stream_of=stream_of,
        place_of=place_of,
        modified=modified,
        is_separator=_find_separators(library, shelf, rules),
    )


@dataclass(frozen=True, slots=True, eq=False)
class LoadedPages:
    """The pages of a stream as the library holds them: what to compare, and the payload of each."""

    ids: list[str]
    payloads: list[Payload]
    pages: StreamPages


def load_pages(library: Library, ids: Sequence[str]) -> LoadedPages:
    """Vectors, looks and payloads of these pages; those gone meanwhile are left out."""
    return next(load_streams(library, [ids]))


def load_streams(library: Library, streams: Sequence[Sequence[str]]) -> Iterator[LoadedPages]:
    """The same for several streams, in order, asked for in few and bounded blocks however short or long they are."""
    collection = library.collection
    names = [name for name in VECTORS if name in collection.vectors]
    for group in _gather(streams):
        wanted = [page_id for stream in group for page_id in stream]
        blocks = [
            collection.retrieve(wanted[begin : begin + _VECTORS_AT_ONCE], vectors=names)
            for begin in range(0, len(wanted), _VECTORS_AT_ONCE)
        ]
        ids = [page_id for block in blocks for page_id in block.ids]
        payloads = [payload for block in blocks for payload in block.payloads]
        vectors = {name: np.concatenate([block.vectors[name] for block in blocks]) for name in names}
        del blocks
        found = set(ids)
        lengths = [len(stream) if len(ids) == len(wanted) else sum(i in found for i in stream) for stream in group]
        for begin, end in pairwise([0, *np.cumsum(lengths).tolist()]):
            if begin == end:
                raise NotFoundError("A stream lost its last page meanwhile; ask for the streams again.")
            looks = _read_looks(payloads[begin:end])
            parts = {name: _present(matrix[begin:end]) for name, matrix in vectors.items()}
            yield LoadedPages(ids[begin:end], payloads[begin:end], StreamPages(**_page_first(parts), looks=looks))


def _gather(streams: Sequence[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    """Neighbouring streams together, as long as they make one block."""
    group: list[Sequence[str]] = []
    for stream in streams:
        if group and sum(map(len, group)) + len(stream) > _VECTORS_AT_ONCE:
            yield group
            group = []
        group.append(stream)
    if group:
        yield group


def _page_first(parts: dict[str, Matrix | None]) -> dict[str, Matrix | None]:
    return {name: parts.get(name) for name in VECTORS}


def _present(matrix: Matrix) -> Matrix | None:
    """The vectors, or None where not one of them is there."""
    return None if np.isnan(matrix[:, 0]).all() else matrix


def _read_looks(payloads: Sequence[Payload]) -> Matrix:
    nothing = [float("nan")] * len(LOOKS_COLUMNS)
    listed = [cast("list[float]", payload.get("looks") or nothing) for payload in payloads]
    return np.array([row if len(row) == len(nothing) else nothing for row in listed], dtype=np.float32)


def _fields(by: str) -> tuple[str, ...]:
    return ("root", "path", "modified_ns") if by == BY_FOLDER else (by, "modified_ns")


def _name_stream(payload: Payload, by: str) -> str:
    if by == BY_FOLDER:
        folder = str(payload["path"]).rpartition("/")[0]
        return f"{payload['root']}/{folder}" if folder else str(payload["root"])
    column = by.removeprefix("metadata.")
    found = cast("Payload", payload.get("metadata") or {}).get(column)
    return f"(no {column})" if found is None else str(found)


def _sort_streams(
    keys: list[str], stream_of: NDArray[np.int32]
) -> tuple[list[str], list[NDArray[np.int32]], NDArray[np.int32]]:
    """Streams numbered by their first page on the shelf, with the ranks of their pages."""
    order = np.argsort(stream_of, kind="stable").astype(np.int32)
    counts = np.bincount(stream_of[stream_of >= 0], minlength=len(keys))
    starts = np.cumsum([int(np.count_nonzero(stream_of < 0)), *counts])
    members = [order[begin:end] for begin, end in pairwise(starts.tolist())]
    by_shelf = sorted(range(len(keys)), key=lambda number: int(members[number][0]))
    renumbered = np.full(len(keys) + 1, -1, dtype=np.int32)
    renumbered[by_shelf] = np.arange(len(keys), dtype=np.int32)
    return [keys[n] for n in by_shelf], [members[n] for n in by_shelf], renumbered[stream_of]


def _find_separators(library: Library, shelf: Shelf, rules: DocumentRules) -> NDArray[np.bool_]:
    marked = np.zeros(len(shelf.ids), dtype=np.bool_)
    if rules.separators:
        where = parse_filter(rules.separators)
        for batch in library.collection.scroll(where=where, fields=(), batch_size=_BLOCK):
            marked[[shelf.rank[page_id] for page_id in batch.ids if page_id in shelf.rank]] = True
    return marked
