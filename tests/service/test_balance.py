"""Class balance over HTTP."""

from __future__ import annotations

from support.service import FakeLibrary, open_client

from indexer.cli.remote_balance import RemoteBalance


def test_shares_and_table_come_as_asked() -> None:
    """Fields reach the library; one that there isn't is refused."""
    library = FakeLibrary()
    with open_client(library) as client:
        found = client.get("/v1/balance", params={"by": "group", "against": "metadata.year"}).json()
        picture = client.get("/v1/balance/picture")
        refused = client.get("/v1/balance", params={"by": "colour"}).status_code
    assert ("balance", {"by": "group", "against": "metadata.year"}) in library.calls
    assert found["table"]["counts"] == [[4, 2, 0], [0, 2, 4]]
    assert picture.headers["content-type"] == "image/png"
    assert refused == 422


def test_misplaced_pages_come_in_steps() -> None:
    """Limit, offset and bounds reach the library; a command behind a service gets all that it asked for."""
    library = FakeLibrary()
    with open_client(library) as client:
        found = client.get("/v1/misplaced", params={"limit": 1, "offset": 1, "neighbours": 5, "min_share": 0.8}).json()
        every = RemoteBalance(client.request).misplaced(limit=10)
    assert (len(found["pages"]), found["total"], found["examined"]) == (1, 2, 12)
    asked = next(arguments for name, arguments in library.calls if name == "misplaced")
    assert asked == {"limit": 1, "offset": 1, "by": "label", "neighbours": 5, "min_share": 0.8}
    assert [one.around for one in every.pages] == ["notes", "notes"]
