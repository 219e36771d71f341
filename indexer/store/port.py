"""The port of the store room: what the library needs of Qdrant, in the library's words.

A `Store` holds the collections of one library; a `Collection` holds points: an id (UUID as text), named vectors, a
payload. Two adapters answer to it, `edge.py` in the process and `server.py` for a server or a cluster; one contract
suite holds both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from indexer.values import JsonScalar, Matrix, PageFilter, Payload, Vector

FieldKind = Literal["keyword", "integer", "float", "bool", "text"]
"""How a payload field is indexed; `text`: by its words, for the filter `~`."""
Datatype = Literal["float32", "float16"]
Quantization = Literal["none", "int8", "turbo4", "binary"]
"""A smaller copy of the vectors to search with: 1 byte, half a byte (Qdrant's TurboQuant) or 1 bit a dimension."""


@dataclass(frozen=True, slots=True)
class VectorSpec:
    """A named vector: cosine always; `float16` halves the disk; a quantized copy is kept in memory to search.

    `on_disk` and `graph_on_disk` leave the vectors, and the graph, to the disk: they are read when a search comes by.
    """

    dimensions: int
    datatype: Datatype = "float32"
    on_disk: bool = False
    quantization: Quantization = "none"
    graph_on_disk: bool = False


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """What a collection is made of: its named vectors, the payload fields filtered on, and those searched by words.

    `indexes_on_disk` leaves the indexes of payload fields, and that of ids, to the disk: for many points.
    """

    vectors: Mapping[str, VectorSpec]
    indexes: Mapping[str, FieldKind] = field(default_factory=dict)
    worded: tuple[str, ...] = ()
    """Payload fields with text whose words `find_words` looks for. Each has a sparse vector of the same name (BM25), which follows
    the field by itself: whoever writes a payload, copies a point or takes a field away need not know of it."""
    indexes_on_disk: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PointBatch:
    """N points, by column. Every matrix in `vectors` is float32 [N, D].

    A vector name left out is left unset, and so is the vector of a point whose row is NaN; reading gives such a row of
    NaN where a point has no such vector. A payload value of None means that the field is not there.
    """

    ids: list[str]
    payloads: list[Payload]
    vectors: dict[str, Matrix] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer of a search: cosine in −1 … 1, higher is closer; of `find_words` the BM25 score, above 0."""

    id: str
    similarity: float
    payload: Payload


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """How full a collection is. `bytes` is what it takes on this machine's disk, or None where that can't be seen."""

    points: int
    indexed_vectors: int
    bytes: int | None


class Collection(Protocol):
    """Points of one kind. A call that returns has been acknowledged by Qdrant: it survives a kill."""

    @property
    def name(self) -> str:
        """The name it was created under."""

    @property
    def vectors(self) -> dict[str, VectorSpec]:
        """The named vectors it was created with."""

    @property
    def worded(self) -> tuple[str, ...]:
        """The payload fields whose words can be looked for, sorted."""

    def add_worded(self, field: str) -> None:
        """Make the words of a payload field findable from now on, those already there too; nothing where they are."""

    def upsert(self, batch: PointBatch) -> None:
        """Write whole points, replacing those with the same id. Safe to repeat."""

    def set_payload(self, ids: Sequence[str], payloads: Sequence[Payload]) -> None:
        """Merge `payloads[i]` into point `ids[i]`; None removes that field, others stay. Unknown ids are ignored."""

    def set_vectors(self, ids: Sequence[str], vectors: Mapping[str, Matrix]) -> None:
        """Replace the named vectors of points that exist; others stay."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored."""

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> PointBatch:
        """The points found among `ids`, in the order asked; those not found are left out."""

    def scroll(
        self,
        *,
        where: PageFilter | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        batch_size: int = 1000,
        after: str | None = None,
    ) -> Iterator[PointBatch]:
        """All points that pass, in the order of their ids; `fields` None means the whole payload, () none of it.

        `after` starts behind that id. A point changed meanwhile may show either state; none is shown twice.
        """

    def count(self, where: PageFilter | None = None) -> int:
        """How many points pass, exactly."""

    def facet(self, field: str, *, where: PageFilter | None = None, limit: int = 1000) -> dict[JsonScalar, int]:
        """How many points have each value of an indexed field, most first, ties by value."""

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

    def find_words(
        self, text: str, *, using: str, limit: int, where: PageFilter | None = None, offset: int = 0
    ) -> list[Hit]:
        """The points whose payload field `using` has words of `text`, best first by BM25; those that have none of them are left out."""

    def optimize(self) -> None:
        """Build what makes searching fast (HNSW, quantized copies); blocks until done. A server does so by itself."""

    def flush(self) -> None:
        """Put everything acknowledged on disk."""

    def release_memory(self) -> None:
        """Give back the memory that reading and writing much has left behind; nothing to do on a server."""

    def info(self) -> CollectionInfo:
        """How full it is."""


class Store(Protocol):
    """The collections of one library."""

    def create(self, name: str, spec: CollectionSpec) -> Collection:
        """A new, empty collection; raises StoreError if one of that name exists."""

    def open(self, name: str) -> Collection:
        """The collection of that name; raises CollectionMissingError. The same object for the same name."""

    def names(self) -> list[str]:
        """Names of all collections of this library, sorted."""

    def drop(self, name: str) -> None:
        """Remove a collection with all its points; no error if there is none."""

    def check_room(self) -> None:
        """Nothing, if there is room for writing as far as can be seen from here; else StoreError."""

    def close(self) -> None:
        """Flush and let go of everything; safe to call twice."""
