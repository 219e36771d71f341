"""Where a library keeps its things: beside its other files, or on a Qdrant server."""

from __future__ import annotations

from pathlib import Path

from indexer.store.port import Store
from indexer.store.records import Records


def open_store(
    *,
    directory: Path,
    qdrant_url: str | None,
    api_key: str | None,
    name: str,
    shards: int | None = None,
    replicas: int | None = None,
    write_consistency: int | None = None,
) -> tuple[Store, Records]:
    """The store and the records of one library; close both.

    Without `qdrant_url` they lie in `directory` (`store/`, `quire.toml`, …). With it, they lie on that server under
    `name`, and `directory` is not touched. `shards`, `replicas` and `write_consistency` are for collections made from now on.

    Raises:
        StoreError: the name can't be part of a collection's name, or the server refuses.
        StoreUnreachableError: nothing answers at `qdrant_url`.
    """
    if qdrant_url is None:
        from indexer.store.edge import EdgeStore
        from indexer.store.records_file import FileRecords

        return EdgeStore(directory / "store"), FileRecords(directory)
    from indexer.store.records_server import ServerRecords
    from indexer.store.server import ServerStore

    store = ServerStore(
        qdrant_url,
        prefix=name,
        api_key=api_key,
        shard_number=shards,
        replication_factor=replicas,
        write_consistency_factor=write_consistency,
    )
    return store, ServerRecords(store.connection, prefix=name, replication_factor=replicas)
