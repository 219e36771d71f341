"""Small libraries of points, and ways to look at a store from the side."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from indexer.store.port import Collection, CollectionSpec, PointBatch, VectorSpec
from indexer.values import Condition, JsonScalar, Matrix, PageFilter

DIMENSIONS = 8
SPEC = CollectionSpec(
    vectors={"page": VectorSpec(DIMENSIONS), "colour": VectorSpec(3, datatype="float16")},
    indexes={
        "label": "keyword",
        "flags": "keyword",
        "cluster": "integer",
        "x": "float",
        "blank": "bool",
        "text": "text",
    },
    worded=("text",),
)


def point_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def unit_vectors(count: int, dimensions: int = DIMENSIONS, *, seed: int = 0) -> Matrix:
    drawn = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def batch_of(count: int, *, first: int = 1, seed: int = 0) -> PointBatch:
    ids = [point_id(number) for number in range(first, first + count)]
    payloads = [{"path": f"a/p{number}.jpg", "cluster": number % 3} for number in range(first, first + count)]
    return PointBatch(ids, payloads, {"page": unit_vectors(count, seed=seed)})


def with_payloads(*payloads: dict[str, object]) -> PointBatch:
    ids = [point_id(number) for number in range(1, len(payloads) + 1)]
    return PointBatch(ids, list(payloads), {"page": unit_vectors(len(payloads))})


def where(field: str, op: str, *values: JsonScalar) -> PageFilter:
    return PageFilter((Condition(field, op, values),))


def found(collection: Collection, condition: PageFilter) -> list[int]:
    """The numbers of the points that pass."""
    ids = [one for batch in collection.scroll(where=condition, fields=()) for one in batch.ids]
    assert collection.count(condition) == len(ids)
    return [uuid.UUID(one).int for one in ids]


def all_points(collection: Collection, vectors: Sequence[str] = ("page",)) -> dict[str, tuple[object, ...]]:
    """Everything in a collection by id, comparable with ==."""
    points: dict[str, tuple[object, ...]] = {}
    for batch in collection.scroll(vectors=vectors):
        for row, one in enumerate(batch.ids):
            rounded = [tuple(np.round(batch.vectors[name][row].astype(float), 3).tolist()) for name in vectors]
            points[one] = (dict(batch.payloads[row]), *rounded)
    return points


@contextmanager
def local_mode() -> Iterator[None]:
    """qdrant-client's emulation warns of two things that have no effect in it: payload indexes and search parameters."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Payload indexes have no effect in the local Qdrant", category=UserWarning
        )
        warnings.filterwarnings("ignore", message="Local mode performs exact", category=UserWarning)
        yield
