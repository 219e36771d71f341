"""One collection in this process: a Qdrant Edge shard.

Threads: an `EdgeShard` may be used from several at once (it locks inside); updates release Python's global lock, reads
and `optimize` do not. So reads are not locked here, but for swapping in an optimized copy; writes go one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge

from indexer.errors import StoreError
from indexer.store import edge_shard
from indexer.store.bm25 import SparseRow, query_vector, text_vector
from indexer.store.columns import (
    check_batch,
    check_worded,
    group_changes,
    in_order,
    present,
    slices,
    stack_vectors,
    vector_rows,
)
from indexer.store.conditions import Dialect, build_filter, payload_path, valid_ids
from indexer.store.edge_shard import converting
from indexer.store.gate import Gate
from indexer.store.port import CollectionInfo, Hit, PointBatch, VectorSpec
from indexer.store.ranking import OVERSAMPLING, SEARCHED_AT_LEAST, facet_counts, similarity
from indexer.values import JsonScalar, Matrix, PageFilter, Payload, Vector

_POINTS_PER_CALL = 1000
_QUERIES_PER_CALL = 256
_OPTIMIZE_HERE = 5000
"""Below this many points optimizing takes a second or two, and a child process is not worth starting."""
_WORTH_OPTIMIZING = 20_000
"""With fewer vectors outside the graph, nothing is built: comparing a query with all of them takes 2 ms and misses none, while
optimizing copies the whole collection."""

DIALECT = Dialect(
    texts=lambda key, values: edge.FieldCondition(key, match=edge.MatchAny(values)),
    integer=lambda key, value: edge.FieldCondition(key, match=edge.MatchValue(value)),
    # Edge takes Python's True for the number 1; numpy's is read as a truth value.
    truth=lambda key, value: edge.FieldCondition(key, match=edge.MatchValue(np.bool_(value))),  # type: ignore[arg-type]
    between=lambda key, **bounds: edge.FieldCondition(key, range=edge.RangeFloat(**bounds)),
    ids=lambda ids: edge.HasIdCondition(set(ids)),
    every=lambda must, must_not: edge.Filter(must=must, must_not=must_not),
    some=lambda conditions: edge.Filter(should=conditions),
    words=lambda key, text: edge.FieldCondition(key, match=edge.MatchText(text)),
)


class EdgeCollection:
    """One Edge shard. Safe to use from several threads."""

    def __init__(self, name: str, place: Path) -> None:
        self._name = name
        self._place = place
        self._shard = edge_shard.load_shard(place)
        self._dimensions = edge_shard.dimensions_by_name(place)
        self._kinds = {key: vector.quantization for key, vector in edge_shard.vectors_by_name(place).items()}
        self._worded = edge_shard.worded_fields(place)
        self._gate = Gate()
        self._writing = threading.Lock()
        self._touched = self._count_unindexed()
        """Points written since the collection was last optimized; Qdrant counts those as indexed that it has moved away since."""
        self._checked = False

    @property
    def name(self) -> str:
        """The name it was created under."""
        return self._name

    @property
    def vectors(self) -> dict[str, VectorSpec]:
        """The named vectors it was created with."""
        return edge_shard.vectors_by_name(self._place)

    @property
    def worded(self) -> tuple[str, ...]:
        """The payload fields whose words can be looked for, sorted."""
        return self._worded

    def add_worded(self, field: str) -> None:
        """Make the words of a payload field findable from now on, those already there too; nothing where they are."""
        if field in self._worded:
            return
        with self._update("make words findable", 0):
            self._shard.update(edge.UpdateOperation.create_sparse_vector(field, modifier=edge.Modifier.Idf))
            self._shard.update(edge.UpdateOperation.create_field_index(field, edge.PayloadSchemaType.Text))
            self._worded = tuple(sorted([*self._worded, field]))
        for batch in self.scroll(fields=(field,)):
            with self._update("make words findable", 0):
                self._write_words(batch.ids, batch.payloads)

    def upsert(self, batch: PointBatch) -> None:
        """Write whole points, replacing those with the same id; a row of NaN leaves that vector unset."""
        check_batch(batch.ids, batch.payloads, batch.vectors)
        self._check_vectors(batch.vectors)
        with self._update("write points", len(batch)):
            for start, stop in slices(len(batch), _POINTS_PER_CALL):
                rows: list[dict[str, Any]] = [*vector_rows(batch.vectors, start, stop)]
                for row, payload in zip(rows, batch.payloads[start:stop], strict=True):
                    row.update(
                        {field: edge.SparseVector(*words) for field, words in self._words_of(payload).items() if words}
                    )
                columns = zip(batch.ids[start:stop], rows, batch.payloads[start:stop], strict=True)
                points = [edge.Point(one, row, present(payload)) for one, row, payload in columns]
                self._shard.update(edge.UpdateOperation.upsert_points(points))

    def set_payload(self, ids: Sequence[str], payloads: Sequence[Payload]) -> None:
        """Merge `payloads[i]` into point `ids[i]`; None removes a field. Unknown ids are ignored.

        Equal payloads go as one update, so setting `cluster` on all pages takes one update for each cluster.
        """
        check_batch(ids, payloads, {})
        changes, removals = group_changes(ids, payloads)
        with self._update("change payloads", len(ids)):
            self._write_words(ids, payloads)
            for change, targets in changes:
                self._update_known(targets, partial(_payload_update, change))
            for fields, targets in removals:
                self._update_known(targets, partial(_field_removal, [payload_path(field) for field in fields]))

    def set_vectors(self, ids: Sequence[str], vectors: Mapping[str, Matrix]) -> None:
        """Replace the named vectors of points that exist; others stay, and so does one whose row is NaN."""
        check_batch(ids, None, vectors)
        self._check_vectors(vectors)
        with self._update("change vectors", len(ids)):
            for start, stop in slices(len(ids), _POINTS_PER_CALL):
                rows = dict(zip(map(str.lower, ids[start:stop]), vector_rows(vectors, start, stop), strict=True))
                self._update_known([one for one, row in rows.items() if row], partial(_vector_update, rows))

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored."""
        with self._update("delete points", len(ids)):
            for start, stop in slices(len(ids), _POINTS_PER_CALL):
                self._shard.update(edge.UpdateOperation.delete_points(list[Any](valid_ids(ids[start:stop]))))

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> PointBatch:
        """The points found among `ids`, in the order asked, each once; a row of NaN where there is no such vector."""
        self._check_vectors(vectors)
        wanted = valid_ids(ids)
        with self._gate.shared(), converting("read points", self._place):
            records = self._shard.retrieve(list(wanted), True, list(vectors) or False)
            found = self._batch(records, vectors, payload=True)
        return in_order(wanted, found)

    def scroll(
        self,
        *,
        where: PageFilter | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        batch_size: int = 1000,
        after: str | None = None,
    ) -> Iterator[PointBatch]:
        """All points that pass, in the order of their ids; `fields` None is the whole payload, () none of it."""
        self._check_vectors(vectors)
        payload = True if fields is None else [payload_path(field) for field in fields] or False
        condition = build_filter(where, DIALECT)
        offset: Any = after
        while True:
            extra = 1 if after is not None and offset == after else 0
            request = edge.ScrollRequest(
                offset=offset,
                limit=batch_size + extra,
                filter=condition,
                with_payload=payload,
                with_vector=list(vectors) or False,
            )
            with self._gate.shared(), converting("read points", self._place):
                records, offset = self._shard.scroll(request)
                if extra and records and str(records[0].id) == after:
                    records = records[1:]
                batch = self._batch(records[:batch_size], vectors, payload=bool(payload))
                if len(records) > batch_size:
                    offset = records[batch_size].id
            if len(batch):
                yield batch
            if offset is None:
                return

    def count(self, where: PageFilter | None = None) -> int:
        """How many points pass, exactly."""
        request = edge.CountRequest(exact=True, filter=build_filter(where, DIALECT))
        with self._gate.shared(), converting("count points", self._place):
            return self._shard.count(request)

    def facet(self, field: str, *, where: PageFilter | None = None, limit: int = 1000) -> dict[JsonScalar, int]:
        """How many points have each value of an indexed keyword, integer or bool field, most first, ties by value."""
        condition = build_filter(where, DIALECT)

        def ask(most: int) -> list[tuple[JsonScalar, int]]:
            with self._gate.shared(), converting(f"count the values of {field!r}", self._place):
                hits = self._shard.facet(edge.FacetRequest(payload_path(field), most, True, condition)).hits
                return [(hit.value, hit.count) for hit in hits]

        return facet_counts(ask, limit)

    def find_similar(
        self,
        queries: Matrix | Vector,
        *,
        using: str,
        limit: int,
        where: PageFilter | None = None,
        offset: int = 0,
        exact: bool = False,
    ) -> list[list[Hit]]:
        """The nearest points to each of Q query vectors, most alike first; `exact` compares with every point."""
        self._check_vectors([using])
        matrix = np.atleast_2d(np.asarray(queries, dtype=np.float32))
        condition = build_filter(where, DIALECT)
        more = OVERSAMPLING[self._kinds[using]]
        params = edge.SearchParams(
            exact=exact,
            hnsw_ef=max(SEARCHED_AT_LEAST, 2 * (limit + offset)),
            quantization=edge.QuantizationSearchParams(ignore=exact, rescore=True, oversampling=more),
            acorn=edge.AcornSearchParams(enable=True),
        )
        if limit <= 0:
            return [[] for _ in matrix]
        answers: list[list[Hit]] = []
        for start, stop in slices(len(matrix), _QUERIES_PER_CALL):
            requests = [
                edge.QueryRequest(
                    limit=limit,
                    offset=offset,
                    query=edge.Query.Nearest(row, using=using),
                    with_payload=True,
                    filter=condition,
                    params=params,
                )
                for row in matrix[start:stop].tolist()
            ]
            with self._gate.shared(), converting("search", self._place):
                found = self._shard.query_batch(edge.QueryBatchRequest(requests))
                answers += [[Hit(str(p.id), similarity(p.score), p.payload or {}) for p in points] for points in found]
        return answers

    def find_words(
        self, text: str, *, using: str, limit: int, where: PageFilter | None = None, offset: int = 0
    ) -> list[Hit]:
        """The points whose payload field `using` has words of `text`, best first by BM25."""
        check_worded(using, self._worded, self._name)
        query = query_vector(text)
        if query is None or limit <= 0:
            return []
        request = edge.QueryRequest(
            limit=limit,
            offset=offset,
            query=edge.Query.Nearest(edge.SparseVector(*query), using=using),
            with_payload=True,
            filter=build_filter(where, DIALECT),
        )
        with self._gate.shared(), converting("look for words", self._place):
            return [Hit(str(p.id), p.score, p.payload or {}) for p in self._shard.query(request)]

    def optimize(self) -> None:
        """Build HNSW graphs and quantized copies; blocks until done. Other threads go on reading; writers wait.

        Large collections are optimized as a copy in a child process, which needs free disk space of three times their
        size; with less, it is done here, and all Python threads stand still meanwhile. Where little has changed since
        the last time, nothing is done.
        """
        with self._writing:
            if self._checked:
                return
            count = self.count()
            if count >= _OPTIMIZE_HERE and self._touched < _WORTH_OPTIMIZING:
                return
            if count < _OPTIMIZE_HERE or not edge_shard.has_room_for_copy(self._place):
                edge_shard.check_room(
                    self._place, "optimize the collection", more_bytes=edge_shard.bytes_on_disk(self._place)
                )
                with self._gate.shared(), converting("optimize the collection", self._place):
                    self._shard.optimize()
            else:
                self.flush()
                copy = edge_shard.optimize_copy(self._place)
                if copy is not None:
                    self._replace_with(copy)
            self._touched, self._checked = 0, True

    def flush(self) -> None:
        """Put everything acknowledged on disk."""
        with self._gate.shared(), converting("write to disk", self._place):
            self._shard.flush()

    def release_memory(self) -> None:
        """Let go of the files and open them again: what was mapped in and is not needed for answering stays on the disk.

        900,000 points have 1 GB of vectors, and rewriting their payloads maps the old ones and the new ones.
        """
        with self._writing, self._gate.exclusive(), converting("open the collection again", self._place):
            self._shard.close()
            self._shard = edge_shard.load_shard(self._place)

    def info(self) -> CollectionInfo:
        """How full it is."""
        with self._gate.shared(), converting("look at the collection", self._place):
            found = self._shard.info()
            return CollectionInfo(
                found.points_count, found.indexed_vectors_count, edge_shard.bytes_on_disk(self._place)
            )

    def close(self) -> None:
        """Flush and let go of the files; safe to call twice."""
        with self._writing, self._gate.exclusive(), converting("close the collection", self._place):
            self._shard.close()

    def _count_unindexed(self) -> int:
        with converting("look at the collection", self._place):
            found = self._shard.info()
            return int(found.points_count * len(self._dimensions) - found.indexed_vectors_count)

    def _replace_with(self, copy: Path) -> None:
        with self._gate.exclusive(), converting("put the optimized copy in place", self._place):
            self._shard.close()
            try:
                edge_shard.swap_in(copy, self._place)
            finally:
                self._shard = edge_shard.load_shard(self._place)

    @contextmanager
    def _update(self, what: str, points: int) -> Iterator[None]:
        with self._writing, self._gate.shared(), converting(what, self._place):
            edge_shard.check_room(self._place, what)
            self._touched += points
            self._checked = False
            yield

    def _words_of(self, payload: Payload) -> dict[str, SparseRow | None]:
        """The sparse vectors that the payload's fields ask for; None: none any more."""
        return {field: text_vector(payload[field]) for field in self._worded if field in payload}

    def _write_words(self, ids: Sequence[str], payloads: Sequence[Payload]) -> None:
        """Sparse vectors before the payload that they are of: after a kill in between, the text is not there and is written again."""
        rows = {
            one.lower(): words for one, payload in zip(ids, payloads, strict=True) if (words := self._words_of(payload))
        }
        for field in self._worded:
            found = {
                one: {field: edge.SparseVector(*row)}
                for one, words in rows.items()
                if (row := words.get(field)) is not None
            }
            self._update_known(list(found), partial(_vector_update, found))
            gone = [one for one, words in rows.items() if field in words and not words[field]]
            self._update_known(gone, partial(_vector_removal, [field]))

    def _update_known(self, ids: Sequence[str], operation: Callable[[list[Any]], edge.UpdateOperation]) -> None:
        """Edge refuses an update that names an unknown id, so such ids are looked up and left out, but only then."""
        for start, stop in slices(len(ids), _POINTS_PER_CALL):
            some = valid_ids(ids[start:stop])
            try:
                self._shard.update(operation(list(some)))
            except Exception as exc:
                if "No point with id" not in str(exc):
                    raise
                known = [str(record.id) for record in self._shard.retrieve(list(some), False, False)]
                self._shard.update(operation(list(known)))

    def _check_vectors(self, names: Sequence[str] | Mapping[str, Matrix]) -> None:
        unknown = [name for name in names if name not in self._dimensions]
        if unknown:
            has = ", ".join(sorted(self._dimensions)) or "none"
            raise StoreError(
                f"The collection {self._name!r} has no vector {unknown[0]!r}; it has: {has}. "
                "Index with that vector first."
            )

    def _batch(self, records: Sequence[edge.Record], names: Sequence[str], *, payload: bool) -> PointBatch:
        ids = [str(record.id) for record in records]
        payloads: list[Payload] = [record.payload or {} for record in records] if payload else [{} for _ in records]
        if not names:
            return PointBatch(ids, payloads)
        rows: list[Any] = [record.vector or {} for record in records]
        columns = {name: stack_vectors([row.get(name) for row in rows], self._dimensions[name]) for name in names}
        return PointBatch(ids, payloads, columns)


def _payload_update(change: dict[str, object], ids: list[Any]) -> edge.UpdateOperation:
    return edge.UpdateOperation.set_payload(ids, change)


def _field_removal(keys: list[str], ids: list[Any]) -> edge.UpdateOperation:
    return edge.UpdateOperation.delete_payload(ids, keys)


def _vector_removal(names: list[str], ids: list[Any]) -> edge.UpdateOperation:
    return edge.UpdateOperation.delete_vectors(ids, names)


def _vector_update(rows: Mapping[str, Any], ids: list[Any]) -> edge.UpdateOperation:
    return edge.UpdateOperation.update_vectors([edge.PointVectors(one, rows[one]) for one in ids])
