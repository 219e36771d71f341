"""The store room: vectors and payloads to Qdrant and back, and the small durable things beside them."""

from indexer.store.open_store import open_store
from indexer.store.port import Collection, CollectionInfo, CollectionSpec, FieldKind, Hit, PointBatch, Store, VectorSpec
from indexer.store.records import Records

__all__ = [
    "Collection",
    "CollectionInfo",
    "CollectionSpec",
    "FieldKind",
    "Hit",
    "PointBatch",
    "Records",
    "Store",
    "VectorSpec",
    "open_store",
]
