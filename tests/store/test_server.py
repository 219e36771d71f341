"""What a server may do to us: be away, stumble, refuse the key, race; one broken fake for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import grpc
import httpx
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse
from support.stores import SPEC, batch_of, local_mode

from indexer.errors import CollectionMissingError, StoreError, StoreUnreachableError
from indexer.store.connection import Connection
from indexer.store.records_server import ServerRecords
from indexer.store.server import ServerStore


class Flaky:
    """A client whose first calls fail with the errors given."""

    def __init__(self, client: QdrantClient, *errors: Exception) -> None:
        self._client, self.errors, self.calls = client, list(errors), 0

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.errors:
                raise self.errors.pop(0)
            return getattr(self._client, name)(*args, **kwargs)

        return call


class GrpcFailure(grpc.RpcError):  # type: ignore[misc]
    """What gRPC raises, with its code and words."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        """Of the answer."""
        return self._code

    def details(self) -> str:
        """In words."""
        return "it said so"


def http_status(code: int) -> UnexpectedResponse:
    """What the HTTP client raises for that status."""
    return UnexpectedResponse(code, "no", b'{"status":"it said so"}', httpx.Headers())


def away() -> ResponseHandlingException:
    """What the HTTP client raises when nobody listens."""
    return ResponseHandlingException(httpx.ConnectError("refused"))


@pytest.fixture
def client() -> Iterator[QdrantClient]:
    """An emulated server."""
    with local_mode():
        client = QdrantClient(":memory:")
        yield client
        client.close()


def flaky_store(client: QdrantClient, *errors: Exception) -> tuple[ServerStore, Flaky]:
    """A store whose client fails with these errors first, and that client."""
    fake: Any = Flaky(client, *errors)
    store = ServerStore("http://qdrant:6333", prefix="lib", client=fake)
    store.connection.backoff_s = 0.001
    return store, fake


@pytest.mark.parametrize(
    "error", [away(), http_status(503), http_status(429), GrpcFailure(grpc.StatusCode.UNAVAILABLE)], ids=str
)
def test_a_stumble_is_tried_again(client: QdrantClient, error: Exception) -> None:
    """Errors that pass are not seen; the call is repeated until it succeeds."""
    store, fake = flaky_store(client, error, error)
    assert store.names() == []
    assert fake.calls == 3


@pytest.mark.parametrize("error", [away(), GrpcFailure(grpc.StatusCode.UNAVAILABLE)], ids=str)
def test_a_server_that_stays_away_is_named(client: QdrantClient, error: Exception) -> None:
    """After four attempts the error names the URL and what to do."""
    store, fake = flaky_store(client, *[error] * 9)
    with pytest.raises(StoreUnreachableError, match=r"http://qdrant:6333 does not answer.*QUIRE_QDRANT_URL"):
        store.names()
    assert fake.calls == 4


@pytest.mark.parametrize(
    "error", [http_status(401), http_status(403), GrpcFailure(grpc.StatusCode.UNAUTHENTICATED)], ids=str
)
def test_a_refused_key_is_not_tried_again(client: QdrantClient, error: Exception) -> None:
    """The error names the setting, and the key is shown to the server once."""
    store, fake = flaky_store(client, error, error)
    with pytest.raises(StoreError, match="QUIRE_QDRANT_API_KEY"):
        store.names()
    assert fake.calls == 1


@pytest.mark.parametrize(
    "error", [http_status(400), http_status(507), GrpcFailure(grpc.StatusCode.INVALID_ARGUMENT)], ids=str
)
def test_a_refusal_is_passed_on_with_its_words(client: QdrantClient, error: Exception) -> None:
    """What the server says is part of the message; it is no unreachable server."""
    store, fake = flaky_store(client, error)
    with pytest.raises(StoreError, match=r"could not list its collections.*it said so") as caught:
        store.names()
    assert not isinstance(caught.value, StoreUnreachableError)
    assert fake.calls == 1


def test_nothing_listening_is_unreachable() -> None:
    """A real client on a closed port gives the same error."""
    connection = Connection("http://127.0.0.1:9", attempts=2, backoff_s=0.01, timeout_s=1)
    with pytest.raises(StoreUnreachableError, match=r"http://127\.0\.0\.1:9"):
        connection.call("list", lambda client: client.get_collections())
    connection.close()
    connection.close()


def test_an_impossible_address_is_refused() -> None:
    """Text that is no URL is a StoreError with an example."""
    with pytest.raises(StoreError, match="http://localhost:6333"):
        Connection("not a url://")


def test_libraries_on_one_server_do_not_see_each_other(client: QdrantClient) -> None:
    """Even where one library's name begins another's, names, dropping and records stay apart."""
    one, other = (ServerStore("memory", prefix=prefix, client=client) for prefix in ("box", "box-2"))
    one.create("pages", SPEC).upsert(batch_of(2))
    other.create("pages", SPEC).upsert(batch_of(3))
    ServerRecords(one.connection, prefix="box").save("manifest", {"a": 1})
    assert one.names() == ["pages"]
    assert other.names() == ["pages"]
    assert ServerRecords(other.connection, prefix="box-2").load("manifest") is None
    one.drop("pages")
    assert one.names() == []
    assert other.open("pages").count() == 3
    for prefix in ("a--b", "a-", "ä", ""):
        with pytest.raises(StoreError, match="part of a collection's name"):
            ServerStore("memory", prefix=prefix, client=client)
    with pytest.raises(StoreError, match="records"):
        one.create("records", SPEC)


def test_collections_are_made_as_the_spec_says(client: QdrantClient) -> None:
    """Vector sizes, types, quantization and the cluster's numbers reach the server; the index calls too."""
    asked: list[tuple[str, dict[str, Any]]] = []

    class Recording(Flaky):
        def __getattr__(self, name: str) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                asked.append((name, {"args": args, **kwargs}))
                return getattr(client, name)(*args, **kwargs)

            return call

    fake: Any = Recording(client)
    store = ServerStore(
        "memory", prefix="lib", client=fake, shard_number=3, replication_factor=2, write_consistency_factor=1
    )
    store.create("pages", replace(SPEC, indexes_on_disk=True))
    made = next(kwargs for name, kwargs in asked if name == "create_collection")
    assert (made["shard_number"], made["replication_factor"], made["write_consistency_factor"]) == (3, 2, 1)
    assert made["vectors_config"]["colour"].datatype == models.Datatype.FLOAT16
    assert made["vectors_config"]["page"].distance == models.Distance.COSINE
    indexed = {kwargs["args"][1]: kwargs["field_schema"] for name, kwargs in asked if name == "create_payload_index"}
    assert indexed["cluster"].type == models.IntegerIndexType.INTEGER
    assert all(one.on_disk for one in indexed.values())
    assert set(indexed) == set(SPEC.indexes)


def test_two_writers_of_the_journal_lose_nothing(client: QdrantClient) -> None:
    """A writer that was overtaken between looking and writing takes the next number."""
    first, second = (ServerRecords(Connection("memory", client=client), prefix="lib") for _ in range(2))
    first.append({"n": 1})
    look = second._last_number

    def overtaken() -> int:
        number = look()
        first.append({"n": "overtook"})
        return number

    second._last_number = overtaken  # type: ignore[method-assign]
    assert second.append({"n": 2}) == 3
    assert [entry for _, entry in first.entries()] == [{"n": 1}, {"n": "overtook"}, {"n": 2}]


def test_a_missing_collection_is_not_a_server_error(client: QdrantClient) -> None:
    """Opening what is not there names the collection and the server."""
    with pytest.raises(CollectionMissingError, match=r"lib--pages.* at memory"):
        ServerStore("memory", prefix="lib", client=client).open("pages")
