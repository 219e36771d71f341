"""The rescan list over HTTP: flags, lines, the table, and what people say."""

from __future__ import annotations

from support.service import KEYS, RO_KEY, RW_KEY, FakeLibrary, open_client, page_id_of


def test_flags_are_told_with_what_they_say() -> None:
    """All eight, with how many pages have each and whether it puts them on the list."""
    with open_client() as client:
        found = client.get("/v1/flags").json()
    assert len(found) == 8
    assert {one["flag"] for one in found if one["wants_rescan"]} == {
        "blurred",
        "cut-edge",
        "dark",
        "skewed",
        "upside-down",
    }
    assert [one["pages"] for one in found if one["flag"] == "skewed"] == [1]


def test_lines_come_in_steps_for_the_reasons_asked_for() -> None:
    """Flags, filter, cursor and limit reach the library; an unknown flag is refused."""
    library = FakeLibrary()
    with open_client(library) as client:
        wish = {"flag": ["dark", "skewed"], "limit": 1, "only_open": False, "filter": "label=art"}
        first = client.get("/v1/rescans", params=wish).json()
        rest = client.get("/v1/rescans", params={**wish, "cursor": first["next_cursor"]}).json()
        refused = client.get("/v1/rescans", params={"flag": "crooked"}).status_code
    assert [line["state"] for line in first["lines"] + rest["lines"]] == ["open", "done"]
    asked = next(arguments for name, arguments in library.calls if name == "list_rescans")
    assert asked["flags"] == ["dark", "skewed"]
    assert refused == 422


def test_the_table_has_all_lines_and_no_formulas() -> None:
    """As a download; what begins like a formula is guarded."""
    with open_client() as client:
        answer = client.get("/v1/rescans/table")
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert answer.headers["content-disposition"] == 'attachment; filename="rescans.csv"'
    assert len(lines) == 3
    assert "'=cmd" in lines[1]


def test_what_is_said_has_its_author() -> None:
    """By the key; one that may only read says nothing; a page that is not there is told."""
    library = FakeLibrary()
    body = {"page_ids": [page_id_of(0)], "wanted": False, "note": "soft pencil"}
    with open_client(library, api_keys=KEYS) as client:
        refused = client.post("/v1/rescans", json=body, headers={"X-API-Key": RO_KEY}).status_code
        answer = client.post("/v1/rescans", json=body, headers={"X-API-Key": RW_KEY}).json()
        missing = client.post(
            "/v1/rescans", json={**body, "page_ids": [page_id_of(99)]}, headers={"X-API-Key": RW_KEY}
        ).status_code
    assert (refused, missing) == (403, 404)
    assert (answer["wanted"], answer["entry"]) == (False, 1)
    assert ("say_rescan", {**body, "who": "ann"}) in library.calls
