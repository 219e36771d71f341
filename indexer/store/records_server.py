"""A library's documents and journal as points without vectors on its Qdrant server, in `{prefix}--records`.

Each holds its JSON as text, so that what is loaded is what was saved, to the last digit.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from qdrant_client import QdrantClient, models

from indexer.errors import LibraryDamagedError, StoreError
from indexer.store.connection import Connection
from indexer.store.server import RECORDS_NAME, collection_name
from indexer.values import Payload

_NAMESPACE = uuid.UUID("6a2f6a3c-55b8-5d0e-9a1c-0f7f3f0f5d11")
_PAGE = 500
_ORDERING = models.WriteOrdering.STRONG
"""In a cluster, all writes of records go through one node, one after the other: two that race see the same winner."""
_RACES = 100


class ServerRecords:
    """Records of the library `prefix`. Writers on several machines may append at once; no entry is lost."""

    def __init__(self, connection: Connection, *, prefix: str, replication_factor: int | None = None) -> None:
        self._connection = connection
        self._replication_factor = replication_factor
        self._full = collection_name(prefix, RECORDS_NAME)
        self._ready = False

    def load(self, name: str) -> Payload | None:
        """The document of that name, or None."""
        payload = self._retrieve(_document_id(name))
        return None if payload is None else self._parse(payload, f"the document {name!r}")

    def save(self, name: str, document: Payload) -> None:
        """Replace the document of that name at once, wholly or not at all."""
        self._make_ready()
        point, _ = self._document_point(name, document)
        self._connection.call(
            f"save {name!r}", lambda client: client.upsert(self._full, [point], wait=True, ordering=_ORDERING)
        )

    def change(self, name: str, change: Callable[[Payload | None], Payload]) -> Payload:
        """Replace the document by what `change` makes of it, and return that.

        The server writes only where the document is still the one that was read; if another writer was quicker, it is read again.
        """
        self._make_ready()
        for _ in range(_RACES):
            payload = self._retrieve(_document_id(name))
            before = None if payload is None else self._parse(payload, f"the document {name!r}")
            after = change(before)
            if after == before:
                return after
            point, nonce = self._document_point(name, after)
            self._replace(name, point, before=payload)
            stored = self._retrieve(_document_id(name))
            if stored is not None and stored.get("nonce") == nonce:
                return after
        raise StoreError(f"The document {name!r} in {self._full!r} is being written by too many at once; try again.")

    def names(self) -> list[str]:
        """Names of all documents, sorted."""
        return sorted(str(payload["name"]) for payload in self._documents()) if self._exists() else []

    def append(self, entry: Payload) -> int:
        """Add an entry to the journal and return its number, from 1.

        The server inserts only where no entry of that number is; if another writer was quicker, the next is tried.
        """
        self._make_ready()
        text, nonce = self._json(entry), uuid.uuid4().hex
        first = self._last_number() + 1
        for number in range(first, first + _RACES):
            payload = {"kind": "entry", "number": number, "nonce": nonce, "json": text}
            self._insert(models.PointStruct(id=_entry_id(number), vector={}, payload=payload))
            stored = self._retrieve(_entry_id(number))
            if stored is not None and stored.get("nonce") == nonce:
                return number
        raise StoreError(f"The journal in {self._full!r} is being written by too many at once; try again.")

    def entries(self, *, after: int = 0) -> list[tuple[int, Payload]]:
        """Journal entries with their numbers, oldest first."""
        if not self._exists():
            return []
        found = []
        for payload in self._entries_after(after):
            number = int(str(payload["number"]))
            found.append((number, self._parse(payload, f"entry {number} of the journal")))
        return sorted(found, key=lambda item: item[0])

    def close(self) -> None:
        """Nothing of its own to let go; the store closes the connection."""

    def _document_point(self, name: str, document: Payload) -> tuple[models.PointStruct, str]:
        nonce = uuid.uuid4().hex
        payload = {"kind": "document", "name": name, "nonce": nonce, "json": self._json(document)}
        return models.PointStruct(id=_document_id(name), vector={}, payload=payload), nonce

    def _replace(self, name: str, point: models.PointStruct, *, before: Payload | None) -> None:
        how: dict[str, Any] = {"update_mode": models.UpdateMode.INSERT_ONLY}
        if before is not None:
            same: Any = models.IsEmptyCondition(is_empty=models.PayloadField(key="nonce"))
            if "nonce" in before:
                same = models.FieldCondition(key="nonce", match=models.MatchValue(value=str(before["nonce"])))
            how = {"update_filter": models.Filter(must=[same])}
        self._connection.call(
            f"save {name!r}", lambda client: client.upsert(self._full, [point], wait=True, ordering=_ORDERING, **how)
        )

    def _insert(self, point: models.PointStruct) -> None:
        self._connection.call(
            "add to the journal",
            lambda client: client.upsert(
                self._full, [point], wait=True, ordering=_ORDERING, update_mode=models.UpdateMode.INSERT_ONLY
            ),
        )

    def _last_number(self) -> int:
        """The largest number: counted, then walked to, since numbers have no gaps."""
        number = self._count_entries()
        while self._retrieve(_entry_id(number + 1)) is not None:
            number += 1
        return number

    def _count_entries(self) -> int:
        where = models.Filter(must=[models.FieldCondition(key="kind", match=models.MatchValue(value="entry"))])
        return int(
            self._connection.call(
                "count the journal", lambda c: c.count(self._full, count_filter=where, exact=True)
            ).count
        )

    def _documents(self) -> Iterator[Payload]:
        return self._scroll([models.FieldCondition(key="kind", match=models.MatchValue(value="document"))])

    def _entries_after(self, after: int) -> Iterator[Payload]:
        return self._scroll(
            [
                models.FieldCondition(key="kind", match=models.MatchValue(value="entry")),
                models.FieldCondition(key="number", range=models.Range(gt=after)),
            ]
        )

    def _scroll(self, must: list[Any]) -> Iterator[Payload]:
        where = models.Filter(must=must)
        offset: Any = None
        while True:
            page: tuple[list[models.Record], Any] = self._connection.call(
                "read records", partial(self._page, where, offset)
            )
            records, offset = page
            yield from (record.payload or {} for record in records)
            if offset is None:
                return

    def _page(self, where: models.Filter, offset: Any, client: QdrantClient) -> tuple[list[models.Record], Any]:
        return client.scroll(self._full, scroll_filter=where, offset=offset, limit=_PAGE)

    def _retrieve(self, point_id: str) -> Payload | None:
        if not self._exists():
            return None
        found = self._connection.call("read records", lambda client: client.retrieve(self._full, [point_id]))
        return (found[0].payload or {}) if found else None

    def _exists(self) -> bool:
        if not self._ready:
            self._ready = self._connection.call("look for records", lambda client: client.collection_exists(self._full))
        return self._ready

    def _make_ready(self) -> None:
        if self._exists():
            return

        def make(client: QdrantClient) -> None:
            if not client.collection_exists(self._full):
                client.create_collection(self._full, vectors_config={}, replication_factor=self._replication_factor)

        try:
            self._connection.call(f"create {self._full!r}", make)
        except StoreError:
            if not self._exists():  # another writer may have made it meanwhile
                raise
        self._ready = True

    def _json(self, document: Payload) -> str:
        try:
            return json.dumps(dict(document), ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as exc:
            raise StoreError(f"Nothing was saved in {self._full!r}: {exc}. Only JSON values can be saved.") from exc

    def _parse(self, payload: Payload, what: str) -> Payload:
        try:
            document = json.loads(str(payload["json"]))
        except (KeyError, ValueError) as exc:
            raise self._damaged(what, exc) from exc
        if not isinstance(document, dict):
            raise self._damaged(what, "it is not a JSON object")
        return document

    def _damaged(self, what: str, cause: object) -> LibraryDamagedError:
        return LibraryDamagedError(
            f"In {self._full!r} at {self._connection.url}, {what} can't be read: {cause}. "
            "Restore a snapshot of that collection."
        )


def _document_id(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"document {name}"))


def _entry_id(number: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"entry {number}"))
