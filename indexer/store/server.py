"""The store on a Qdrant server or cluster, by qdrant-client: collections `{prefix}--{name}`."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from qdrant_client import QdrantClient, models

from indexer.errors import CollectionMissingError, StoreError
from indexer.store.connection import Connection
from indexer.store.port import CollectionSpec, FieldKind, Quantization, VectorSpec
from indexer.store.ranking import scanned_kib
from indexer.store.server_collection import ServerCollection

RECORDS_NAME = "records"
"""The collection beside the others that holds a library's documents and journal; not one of its `names()`."""
_SEPARATOR = "--"
_NAME = re.compile(r"^[A-Za-z0-9](?:[-]?[A-Za-z0-9_])*$", re.ASCII)
"""No two dashes in a row and none at the end: then `{prefix}--{name}` can be read in one way only."""
_INDEX_PARAMS: Mapping[FieldKind, Callable[..., models.PayloadSchemaParams]] = {
    "keyword": partial(models.KeywordIndexParams, type=models.KeywordIndexType.KEYWORD),
    "integer": partial(models.IntegerIndexParams, type=models.IntegerIndexType.INTEGER, lookup=True, range=True),
    "float": partial(models.FloatIndexParams, type=models.FloatIndexType.FLOAT),
    "bool": partial(models.BoolIndexParams, type=models.BoolIndexType.BOOL),
    "text": partial(models.TextIndexParams, type=models.TextIndexType.TEXT),
}


def collection_name(prefix: str, name: str) -> str:
    """The server's name for a library's collection.

    Raises:
        StoreError: a name with anything but letters, digits, _ and single dashes between them.
    """
    for part in (prefix, name):
        if not _NAME.match(part):
            raise StoreError(
                f"{part!r} can't be part of a collection's name; use letters, digits, _ and single dashes "
                "between them (QUIRE_NAME sets a library's)."
            )
    return f"{prefix}{_SEPARATOR}{name}"


class ServerStore:
    """The collections of the library `prefix` on one server or cluster."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str,
        api_key: str | None = None,
        timeout_s: float = 30,
        prefer_grpc: bool = False,
        client: QdrantClient | None = None,
        shard_number: int | None = None,
        replication_factor: int | None = None,
        write_consistency_factor: int | None = None,
    ) -> None:
        collection_name(prefix, RECORDS_NAME)
        self.connection = Connection(url, api_key=api_key, timeout_s=timeout_s, prefer_grpc=prefer_grpc, client=client)
        self._prefix = prefix
        self._cluster: dict[str, Any] = {
            "shard_number": shard_number,
            "replication_factor": replication_factor,
            "write_consistency_factor": write_consistency_factor,
        }
        self._open: dict[str, ServerCollection] = {}
        self._lock = threading.Lock()

    def create(self, name: str, spec: CollectionSpec) -> ServerCollection:
        """A new, empty collection; raises StoreError if one of that name exists."""
        full = self._full_name(name)
        with self._lock:
            if self._exists(full):
                raise StoreError(
                    f"A collection {full!r} exists already at {self.connection.url}. "
                    "Drop it first, or choose another name."
                )
            self.connection.call(f"create the collection {full!r}", partial(self._make, full, spec, []))
            for field, kind in spec.indexes.items():
                self._create_index(full, field, _INDEX_PARAMS[kind](on_disk=spec.indexes_on_disk or None))
            return self._load(name, full)

    def open(self, name: str) -> ServerCollection:
        """The collection of that name, the same object each time; raises CollectionMissingError."""
        full = self._full_name(name)
        with self._lock:
            if name in self._open:
                return self._open[name]
            if not self._exists(full):
                raise CollectionMissingError(
                    f"There is no collection {full!r} at {self.connection.url}; index the library first."
                )
            return self._load(name, full)

    def names(self) -> list[str]:
        """Names of this library's collections, sorted."""
        start = self._prefix + _SEPARATOR
        found = self.connection.call("list its collections", lambda client: client.get_collections().collections)
        names = {item.name.removeprefix(start) for item in found if item.name.startswith(start)}
        return sorted(names - {RECORDS_NAME})

    def drop(self, name: str) -> None:
        """Remove a collection with all its points; no error if there is none."""
        full = self._full_name(name)
        with self._lock:
            self._open.pop(name, None)
            if self._exists(full):
                self.connection.call(f"drop {full!r}", lambda client: client.delete_collection(full))

    def check_room(self) -> None:
        """Nothing: a server looks after its own disk, and refuses writes with a reason."""

    def close(self) -> None:
        """Let go of the connection; safe to call twice."""
        self._open.clear()
        self.connection.close()

    def _make(self, full: str, spec: CollectionSpec, tried: list[bool], client: QdrantClient) -> None:
        if tried and client.collection_exists(full):
            return  # an earlier try arrived, and its answer did not
        tried.append(True)
        client.create_collection(
            full,
            vectors_config={key: _vector_params(vector) for key, vector in spec.vectors.items()},
            sparse_vectors_config={key: _words_params(spec) for key in spec.worded} or None,
            **self._cluster,
        )

    def _exists(self, full: str) -> bool:
        return self.connection.call(f"look for {full!r}", lambda client: client.collection_exists(full))

    def _create_index(self, full: str, field: str, schema: models.PayloadSchemaParams) -> None:
        self.connection.call(
            f"index the field {field!r}",
            lambda client: client.create_payload_index(full, field, field_schema=schema, wait=True),
        )

    def _load(self, name: str, full: str) -> ServerCollection:
        self._open[name] = ServerCollection(name, full, self.connection)
        return self._open[name]

    def _full_name(self, name: str) -> str:
        if name == RECORDS_NAME:
            raise StoreError(f"{name!r} is the name of the library's records; choose another name for a collection.")
        return collection_name(self._prefix, name)


def _words_params(spec: CollectionSpec) -> models.SparseVectorParams:
    index = models.SparseIndexParams(on_disk=True) if spec.indexes_on_disk else None
    return models.SparseVectorParams(index=index, modifier=models.Modifier.IDF)


def _vector_params(vector: VectorSpec) -> models.VectorParams:
    return models.VectorParams(
        size=vector.dimensions,
        distance=models.Distance.COSINE,
        datatype=models.Datatype.FLOAT16 if vector.datatype == "float16" else None,
        on_disk=vector.on_disk,
        quantization_config=_quantization(vector.quantization),
        hnsw_config=models.HnswConfigDiff(
            on_disk=vector.graph_on_disk or None, full_scan_threshold=scanned_kib(vector)
        ),
    )


def _quantization(kind: Quantization) -> models.QuantizationConfig | None:
    match kind:
        case "none":
            return None
        case "int8":
            scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
            return models.ScalarQuantization(scalar=scalar)
        case "turbo4":
            turbo = models.TurboQuantQuantizationConfig(bits=models.TurboQuantBitSize.BITS4, always_ram=True)
            return models.TurboQuantization(turbo=turbo)
        case "binary":
            return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
