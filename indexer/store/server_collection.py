"""One collection on a Qdrant server or cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from qdrant_client import models

from indexer.errors import StoreError
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
from indexer.store.connection import Connection
from indexer.store.port import CollectionInfo, Hit, PointBatch, Quantization, VectorSpec
from indexer.store.ranking import OVERSAMPLING, SEARCHED_AT_LEAST, facet_counts, similarity
from indexer.values import JsonScalar, Matrix, PageFilter, Payload, Vector

_POINTS_PER_CALL = 500
_QUERIES_PER_CALL = 64
_OPTIMIZE_PATIENCE_S = 600.0

DIALECT = Dialect(
    texts=lambda key, values: models.FieldCondition(key=key, match=models.MatchAny(any=values)),
    integer=lambda key, value: models.FieldCondition(key=key, match=models.MatchValue(value=value)),
    truth=lambda key, value: models.FieldCondition(key=key, match=models.MatchValue(value=value)),
    between=lambda key, **bounds: models.FieldCondition(key=key, range=models.Range(**bounds)),
    ids=lambda ids: models.HasIdCondition(has_id=list[Any](ids)),
    every=lambda must, must_not: models.Filter(must=must, must_not=must_not),
    some=lambda conditions: models.Filter(should=conditions),
    words=lambda key, text: models.FieldCondition(key=key, match=models.MatchText(text=text)),
)


class ServerCollection:
    """One collection on the server. Safe to use from several threads."""

    def __init__(self, name: str, full_name: str, connection: Connection) -> None:
        self._name = name
        self._full = full_name
        self._connection = connection
        info = self._call("describe", lambda client: client.get_collection(full_name))
        vectors: Any = info.config.params.vectors
        self._dimensions: dict[str, int] = {key: int(params.size) for key, params in vectors.items()}
        self._vectors = {key: _vector_spec(params) for key, params in sorted(vectors.items())}
        self._worded = tuple(sorted(info.config.params.sparse_vectors or {}))

    @property
    def name(self) -> str:
        """The name it was created under."""
        return self._name

    @property
    def vectors(self) -> dict[str, VectorSpec]:
        """The named vectors it was created with."""
        return dict(self._vectors)

    @property
    def worded(self) -> tuple[str, ...]:
        """The payload fields whose words can be looked for, sorted."""
        return self._worded

    def add_worded(self, field: str) -> None:
        """Make the words of a payload field findable from now on, those already there too; nothing where they are."""
        if field in self._worded:
            return
        config = models.SparseVectorNameConfig(sparse=models.SparseVectorConfig(modifier=models.Modifier.IDF))
        schema = models.PayloadSchemaType.TEXT
        self._call("make words findable in", lambda client: client.create_vector_name(self._full, field, config))
        self._call(
            "make words findable in", lambda client: client.create_payload_index(self._full, field, schema, wait=True)
        )
        self._worded = tuple(sorted([*self._worded, field]))
        for batch in self.scroll(fields=(field,)):
            self._write_words(batch.ids, batch.payloads)

    def upsert(self, batch: PointBatch) -> None:
        """Write whole points, replacing those with the same id; a row of NaN leaves that vector unset."""
        check_batch(batch.ids, batch.payloads, batch.vectors)
        self._check_vectors(batch.vectors)
        for start, stop in slices(len(batch), _POINTS_PER_CALL):
            rows = _listed(batch.vectors, start, stop)
            for row, payload in zip(rows, batch.payloads[start:stop], strict=True):
                row.update({field: _sparse(words) for field, words in self._words_of(payload).items() if words})
            columns = zip(batch.ids[start:stop], rows, batch.payloads[start:stop], strict=True)
            points = [models.PointStruct(id=one, vector=row, payload=present(payload)) for one, row, payload in columns]
            self._call("write points to", lambda client, points=points: client.upsert(self._full, points, wait=True))

    def set_payload(self, ids: Sequence[str], payloads: Sequence[Payload]) -> None:
        """Merge `payloads[i]` into point `ids[i]`; None removes a field. Unknown ids are ignored.

        Equal payloads go as one update, so setting `cluster` on all pages takes one update for each cluster.
        """
        check_batch(ids, payloads, {})
        self._write_words(ids, payloads)
        changes, removals = group_changes(ids, payloads)
        operations: list[Any] = [
            models.SetPayloadOperation(set_payload=models.SetPayload(payload=change, filter=where))
            for change, targets in changes
            for where in _by_ids(targets)
        ]
        operations += [
            models.DeletePayloadOperation(
                delete_payload=models.DeletePayload(keys=[payload_path(field) for field in fields], filter=where)
            )
            for fields, targets in removals
            for where in _by_ids(targets)
        ]
        for start, stop in slices(len(operations), _POINTS_PER_CALL):
            part = operations[start:stop]
            self._call(
                "change payloads in", lambda client, part=part: client.batch_update_points(self._full, part, wait=True)
            )

    def set_vectors(self, ids: Sequence[str], vectors: Mapping[str, Matrix]) -> None:
        """Replace the named vectors of points that exist; others stay, and so does one whose row is NaN."""
        check_batch(ids, None, vectors)
        self._check_vectors(vectors)
        for start, stop in slices(len(ids), _POINTS_PER_CALL):
            known = set(self._fetch(ids[start:stop], payload=False, vectors=()).ids)
            rows = zip(map(str.lower, ids[start:stop]), _listed(vectors, start, stop), strict=True)
            points = [models.PointVectors(id=one, vector=row) for one, row in rows if row and one in known]
            if points:
                self._call(
                    "change vectors in",
                    lambda client, points=points: client.update_vectors(self._full, points, wait=True),
                )

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored."""
        for where in _by_ids(ids):
            selector = models.FilterSelector(filter=where)
            self._call(
                "delete points from", lambda client, selector=selector: client.delete(self._full, selector, wait=True)
            )

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> PointBatch:
        """The points found among `ids`, in the order asked, each once; a row of NaN where there is no such vector."""
        self._check_vectors(vectors)
        wanted = valid_ids(ids)
        return in_order(wanted, self._fetch(wanted, payload=True, vectors=vectors))

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
            page: tuple[list[models.Record], Any] = self._call(
                "read points from",
                lambda client, start=offset, limit=batch_size + extra: client.scroll(
                    self._full,
                    scroll_filter=condition,
                    offset=start,
                    limit=limit,
                    with_payload=payload,
                    with_vectors=list(vectors) or False,
                ),
            )
            records, offset = page
            if extra and records and str(records[0].id) == after:
                records = records[1:]
            if len(records) > batch_size:
                offset = records[batch_size].id
            batch = self._batch(records[:batch_size], vectors)
            if len(batch):
                yield batch
            if offset is None:
                return

    def count(self, where: PageFilter | None = None) -> int:
        """How many points pass, exactly."""
        condition = build_filter(where, DIALECT)
        found = self._call(
            "count points in", lambda client: client.count(self._full, count_filter=condition, exact=True)
        )
        return int(found.count)

    def facet(self, field: str, *, where: PageFilter | None = None, limit: int = 1000) -> dict[JsonScalar, int]:
        """How many points have each value of an indexed keyword, integer or bool field, most first, ties by value."""
        condition = build_filter(where, DIALECT)
        key = payload_path(field)

        def ask(most: int) -> list[tuple[JsonScalar, int]]:
            found = self._call(
                f"count the values of {field!r} in",
                lambda client: client.facet(self._full, key, facet_filter=condition, limit=most, exact=True),
            )
            return [(hit.value, hit.count) for hit in found.hits]

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
        more = OVERSAMPLING[self._vectors[using].quantization]
        params = models.SearchParams(
            exact=exact,
            hnsw_ef=max(SEARCHED_AT_LEAST, 2 * (limit + offset)),
            quantization=models.QuantizationSearchParams(ignore=exact, rescore=True, oversampling=more),
            acorn=models.AcornSearchParams(enable=True),
        )
        if limit <= 0:
            return [[] for _ in matrix]
        answers: list[list[Hit]] = []
        for start, stop in slices(len(matrix), _QUERIES_PER_CALL):
            requests = [
                models.QueryRequest(
                    query=row,
                    using=using,
                    limit=limit,
                    offset=offset,
                    filter=condition,
                    params=params,
                    with_payload=True,
                )
                for row in matrix[start:stop].tolist()
            ]
            found = self._call(
                "search in", lambda client, requests=requests: client.query_batch_points(self._full, requests)
            )
            answers += [[Hit(str(p.id), similarity(p.score), p.payload or {}) for p in one.points] for one in found]
        return answers

    def find_words(
        self, text: str, *, using: str, limit: int, where: PageFilter | None = None, offset: int = 0
    ) -> list[Hit]:
        """The points whose payload field `using` has words of `text`, best first by BM25."""
        check_worded(using, self._worded, self._full)
        query = query_vector(text)
        if query is None or limit <= 0:
            return []
        found = self._call(
            "look for words in",
            lambda client: client.query_points(
                self._full,
                query=_sparse(query),
                using=using,
                limit=limit,
                offset=offset,
                query_filter=build_filter(where, DIALECT),
                with_payload=True,
            ),
        )
        return [Hit(str(p.id), p.score, p.payload or {}) for p in found.points]

    def optimize(self) -> None:
        """Wait until the server has built what it builds by itself, at most ten minutes; searching works meanwhile."""
        end = time.monotonic() + _OPTIMIZE_PATIENCE_S
        while self._status() == models.CollectionStatus.YELLOW and time.monotonic() < end:
            time.sleep(0.5)

    def flush(self) -> None:
        """Nothing: the server has on its disk what it acknowledged (writes wait for it)."""

    def release_memory(self) -> None:
        """Nothing: what a server keeps in memory is its own affair."""

    def info(self) -> CollectionInfo:
        """How full it is; a server does not tell its bytes."""
        found = self._call("describe", lambda client: client.get_collection(self._full))
        return CollectionInfo(self.count(), found.indexed_vectors_count or 0, None)

    def _status(self) -> models.CollectionStatus:
        status: models.CollectionStatus = self._call(
            "describe", lambda client: client.get_collection(self._full)
        ).status
        if status == models.CollectionStatus.RED:
            raise StoreError(
                f"The collection {self._full!r} at {self._connection.url} is damaged (status red). "
                "See the server's log."
            )
        return status

    def _words_of(self, payload: Payload) -> dict[str, SparseRow | None]:
        """The sparse vectors that the payload's fields ask for; None: none any more."""
        return {field: text_vector(payload[field]) for field in self._worded if field in payload}

    def _write_words(self, ids: Sequence[str], payloads: Sequence[Payload]) -> None:
        """Sparse vectors before the payload that they are of: after a kill in between, the text is not there and is written again."""
        rows = {
            one.lower(): words for one, payload in zip(ids, payloads, strict=True) if (words := self._words_of(payload))
        }
        if not rows:
            return
        known = set(self._fetch(list(rows), payload=False, vectors=()).ids)
        points = [
            models.PointVectors(id=one, vector={field: _sparse(row) for field, row in words.items() if row})
            for one, words in rows.items()
            if one in known and any(words.values())
        ]
        for start, stop in slices(len(points), _POINTS_PER_CALL):
            part = points[start:stop]
            self._call("change words in", lambda client, part=part: client.update_vectors(self._full, part, wait=True))
        for field in self._worded:
            for where in _by_ids([one for one, words in rows.items() if field in words and not words[field]]):
                selector = models.FilterSelector(filter=where)
                self._call(
                    "remove words from",
                    lambda client, selector=selector, field=field: client.delete_vectors(
                        self._full, [field], selector, wait=True
                    ),
                )

    def _fetch(self, ids: Sequence[str], *, payload: bool, vectors: Sequence[str]) -> PointBatch:
        records: list[models.Record] = []
        for start, stop in slices(len(ids), _POINTS_PER_CALL):
            some: list[Any] = list(valid_ids(ids[start:stop]))
            records += self._call(
                "read points from",
                lambda client, some=some: client.retrieve(
                    self._full, some, with_payload=payload, with_vectors=list(vectors) or False
                ),
            )
        return self._batch(records, vectors)

    def _batch(self, records: Sequence[models.Record], names: Sequence[str]) -> PointBatch:
        rows: list[Any] = [record.vector or {} for record in records]
        columns = {name: stack_vectors([row.get(name) for row in rows], self._dimensions[name]) for name in names}
        return PointBatch([str(record.id) for record in records], [record.payload or {} for record in records], columns)

    def _check_vectors(self, names: Sequence[str] | Mapping[str, Matrix]) -> None:
        unknown = [name for name in names if name not in self._dimensions]
        if unknown:
            has = ", ".join(sorted(self._dimensions)) or "none"
            raise StoreError(
                f"The collection {self._full!r} has no vector {unknown[0]!r}; it has: {has}. "
                "Index with that vector first."
            )

    def _call(self, what: str, action: Callable[..., Any]) -> Any:
        return self._connection.call(f"{what} {self._full!r}", action)


def _by_ids(ids: Sequence[str]) -> list[models.Filter]:
    """Filters rather than lists of ids: an update by filter passes over ids that are unknown."""
    known = valid_ids(ids)
    return [
        models.Filter(must=[models.HasIdCondition(has_id=list[Any](known[a:b]))])
        for a, b in slices(len(known), _POINTS_PER_CALL)
    ]


def _listed(vectors: Mapping[str, Matrix], start: int, stop: int) -> list[dict[str, Any]]:
    return [{name: line.tolist() for name, line in row.items()} for row in vector_rows(vectors, start, stop)]


def _sparse(row: SparseRow) -> models.SparseVector:
    return models.SparseVector(indices=row[0], values=row[1])


def _vector_spec(params: models.VectorParams) -> VectorSpec:
    return VectorSpec(
        int(params.size),
        datatype="float16" if params.datatype == models.Datatype.FLOAT16 else "float32",
        on_disk=bool(params.on_disk),
        quantization=_quantization_of(params.quantization_config),
        graph_on_disk=bool(params.hnsw_config and params.hnsw_config.on_disk),
    )


def _quantization_of(config: models.QuantizationConfig | None) -> Quantization:
    match config:
        case models.ScalarQuantization():
            return "int8"
        case models.TurboQuantization():
            return "turbo4"
        case models.BinaryQuantization():
            return "binary"
        case _:
            return "none"
