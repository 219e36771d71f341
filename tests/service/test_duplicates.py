"""Near-duplicates over HTTP: the list, the decision, the job."""

from __future__ import annotations

import pytest
from support.service import KEYS, RO_KEY, RW_KEY, FakeLibrary, open_client, page_id_of, wait_for

from indexer.cli import remote_duplicates
from indexer.cli.remote_duplicates import RemoteDuplicates


def test_the_list_comes_in_parts() -> None:
    """Sets with their pages and similarities; limit and offset reach the library."""
    library = FakeLibrary()
    with open_client(library) as client:
        answer = client.get("/v1/duplicates", params={"limit": 1, "offset": 1}).json()
    assert (answer["total"], answer["pages"]) == (2, 4)
    assert [[one["page"]["page_id"] for one in found["pages"]] for found in answer["sets"]] == [
        [page_id_of(2), page_id_of(3)]
    ]
    assert [one["similarity"] for one in answer["sets"][0]["pages"]] == [None, 0.97]


def test_pages_are_set_apart_by_who_has_the_key() -> None:
    """The decision has its author and number; the set leaves the list; a key that may only read decides nothing."""
    library = FakeLibrary()
    body = {"page_ids": [page_id_of(0), page_id_of(1)]}
    with open_client(library, api_keys=KEYS) as client:
        refused = client.post("/v1/duplicates/apart", json=body, headers={"X-API-Key": RO_KEY})
        answer = client.post("/v1/duplicates/apart", json=body, headers={"X-API-Key": RW_KEY})
        left = client.get("/v1/duplicates", headers={"X-API-Key": RO_KEY}).json()
    assert refused.status_code == 403
    assert answer.json() == {"page_ids": body["page_ids"], "entry": 1}
    assert ("apart", {**body, "who": "ann"}) in library.calls
    assert left["total"] == 1


def test_what_is_no_set_is_refused() -> None:
    """One page, a page that is not there, and no page id are told apart."""
    with open_client() as client:
        answers = [
            client.post("/v1/duplicates/apart", json={"page_ids": page_ids}).status_code
            for page_ids in ([page_id_of(0)], [page_id_of(0), page_id_of(99)], [page_id_of(0), "none"])
        ]
    assert answers == [422, 404, 422]


def test_looking_is_a_job() -> None:
    """It runs with the bounds asked for, and reports what it found."""
    library = FakeLibrary()
    with open_client(library) as client:
        job = client.post("/v1/jobs", json={"kind": "duplicates", "min_similarity": 0.9}).json()
        wait_for(lambda: client.get(f"/v1/jobs/{job['id']}").json()["state"] == "done")
        report = client.get(f"/v1/jobs/{job['id']}").json()["report"]
    assert (report["sets"], report["compared"]) == (2, 9)
    assert [asked["min_similarity"] for name, asked in library.calls if name == "find_duplicates"] == [0.9]


def test_a_command_behind_a_service_gets_all_sets_however_many_calls_that_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With one set a call, all come in order; a limit and an offset mean the same as in the library."""
    monkeypatch.setattr(remote_duplicates, "_SETS_AT_A_TIME", 1)
    library = FakeLibrary()
    with open_client(library) as client:
        remote = RemoteDuplicates(client.request, lambda wish, report, progress: None)  # type: ignore[arg-type, return-value]
        every = library.duplicates.list()
        assert remote.list() == every
        assert remote.list(limit=2) == every
        assert remote.list(limit=1, offset=1).sets == every.sets[1:]
        assert remote.list(offset=5).sets == []
