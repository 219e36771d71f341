"""Every address answers with what the library says."""

from __future__ import annotations

import re

import pytest
from support.service import FakeLibrary, make_page, open_client, page_id_of, scan, wait_for

from indexer.errors import StoreUnreachableError


def test_similar_answers_for_every_file_in_order() -> None:
    """Two files give two answers under their own names."""
    with open_client() as client:
        answer = client.post("/v1/similar", params={"limit": 3}, files=[scan("a.png"), scan("b.png")])
        assert answer.status_code == 200
        assert [page["name"] for page in answer.json()["pages"]] == ["a.png", "b.png"]
        assert [len(page["pages"]) for page in answer.json()["pages"]] == [3, 3]


def test_similar_passes_every_filter_on() -> None:
    """Repeated filters must all hold."""
    with open_client() as client:
        params = {"filter": ["label=art", "cluster=1"], "limit": 200}
        found = client.post("/v1/similar", params=params, files=[scan()]).json()["pages"][0]["pages"]
        assert {(one["page"]["label"], one["page"]["cluster"]) for one in found} == {("art", 1)}


def test_what_cannot_be_read_is_listed_beside_the_answers() -> None:
    """A bad file among good ones is data, not an error."""
    with open_client() as client:
        answer = client.post("/v1/classify", files=[scan("bad.png", b"bad"), scan("good.png")]).json()
        assert [page["name"] for page in answer["pages"]] == ["good.png"]
        assert answer["unreadable"] == [
            {"name": "bad.png", "reason": "It is no picture.", "page_number": None, "code": "unreadable"}
        ]


def test_nothing_readable_needs_no_model() -> None:
    """When no file can be read, the model is left alone and the reasons come back."""
    library = FakeLibrary()
    with open_client(library) as client:
        answer = client.post("/v1/similar", files=[scan(data=b"bad")]).json()
        assert answer["pages"] == []
        assert len(answer["unreadable"]) == 1
        assert library.batches == []


def test_classify_passes_the_share_on() -> None:
    """`unknown_share` reaches the library."""
    library = FakeLibrary()
    with open_client(library) as client:
        assert client.post("/v1/classify", params={"unknown_share": 0.25}, files=[scan()]).status_code == 200
    assert ("classify_vectors", 0.25) in [(name, call.get("unknown_share")) for name, call in library.calls]


def test_a_file_name_is_made_safe_to_print() -> None:
    """Letters that turn or hide text in a file's name do not come back."""
    library = FakeLibrary()
    with open_client(library) as client:
        client.post("/v1/similar", files=[scan("a\u202eb\u200b.png")])
    assert ("read_uploads", {"names": ["ab.png"]}) in library.calls


def test_pages_go_on_from_the_cursor() -> None:
    """Following `next_cursor` meets every page once."""
    with open_client() as client:
        seen, cursor = [], None
        while True:
            answer = client.get("/v1/pages", params={"limit": 5, **({"cursor": cursor} if cursor else {})}).json()
            seen += [page["page_id"] for page in answer["pages"]]
            if (cursor := answer["next_cursor"]) is None:
                break
        assert seen == [page_id_of(number) for number in range(12)]


def test_a_page_is_told_whole() -> None:
    """`GET /v1/pages/{id}` has what the library knows."""
    with open_client() as client:
        page = client.get(f"/v1/pages/{page_id_of(4)}").json()
        assert (page["path"], page["label"], page["cluster"]) == (make_page(4).path, "notes", 1)


def test_a_page_is_not_similar_to_itself() -> None:
    """The page asked about is not among the answers."""
    with open_client() as client:
        answer = client.get(f"/v1/pages/{page_id_of(1)}/similar", params={"limit": 200}).json()
        assert len(answer["pages"]) == 11
        assert page_id_of(1) not in [one["page"]["page_id"] for one in answer["pages"]]


@pytest.mark.parametrize(("kind", "media_type"), [("image", "image/jpeg"), ("thumbnail", "image/webp")])
def test_pictures_are_not_sent_twice(kind: str, media_type: str) -> None:
    """A browser that has the picture is told so."""
    with open_client() as client:
        first = client.get(f"/v1/pages/{page_id_of(1)}/{kind}")
        again = client.get(f"/v1/pages/{page_id_of(1)}/{kind}", headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, first.headers["content-type"]) == (200, media_type)
        assert (again.status_code, again.content) == (304, b"")


def test_the_size_of_an_image_is_passed_on() -> None:
    """`side_px` reaches the library."""
    library = FakeLibrary()
    with open_client(library) as client:
        client.get(f"/v1/pages/{page_id_of(1)}/image", params={"side_px": 640})
    assert ("page_image", {"page_id": page_id_of(1), "side_px": 640}) in library.calls


def test_cluster_pages_come_in_the_order_asked_for() -> None:
    """Order, limit and offset reach the library."""
    library = FakeLibrary()
    with open_client(library) as client:
        params: dict[str, str | int] = {"order": "outliers", "limit": 2, "offset": 1}
        answer = client.get("/v1/clusters/2/pages", params=params)
        assert len(answer.json()["pages"]) == 2
    assert ("cluster_pages", {"cluster": 2, "limit": 2, "offset": 1, "order": "outliers"}) in library.calls


def test_naming_is_noted_with_who_did_it() -> None:
    """One cluster or several: the name sticks, and the history says who gave it."""
    with open_client() as client:
        assert client.put("/v1/clusters/1/group", json={"group": "drawings"}).json()["clusters"] == [1]
        assert client.post("/v1/names", json={"clusters": [0, 2], "group": "letters"}).status_code == 200
        assert [cluster["group"] for cluster in client.get("/v1/clusters").json()] == ["letters", "drawings", "letters"]
        assert {entry["who"] for entry in client.get("/v1/history").json()} == {"tester"}


def test_a_name_can_be_taken_away() -> None:
    """A group of null reaches the library as None."""
    library = FakeLibrary()
    library.groups[1] = "drawings"
    with open_client(library) as client:
        assert client.put("/v1/clusters/1/group", json={"group": None}).status_code == 200
    assert library.groups[1] is None


def test_moving_and_undoing() -> None:
    """Pages move to a group, and the decision can be taken back."""
    with open_client() as client:
        moved = client.post("/v1/pages/move", json={"page_ids": [page_id_of(1)], "group": "drawings"}).json()
        assert client.post("/v1/undo", json={}).json()["entry"] == moved["entry"]


def test_choosing_k_answers_for_each() -> None:
    """Each k gets its figures."""
    with open_client() as client:
        assert [choice["k"] for choice in client.post("/v1/choose-k", json={"ks": [4, 8]}).json()] == [4, 8]


def test_facets_status_and_questions() -> None:
    """The small questions are answered."""
    with open_client() as client:
        assert client.get("/v1/facets/label").json() == {"field": "label", "counts": {"art": 6, "notes": 6}}
        assert client.get("/v1/status").json()["pages"] == 12
        assert [one["kind"] for one in client.get("/v1/questions").json()] == ["split", "lost"]


def test_readiness_means_that_the_store_answers() -> None:
    """A silent store makes the service not ready, though it is alive."""
    library = FakeLibrary()
    with open_client(library) as client:
        assert client.get("/readyz").json() == {"status": "ready", "store": "answers", "model": "not yet needed"}
        client.post("/v1/similar", files=[scan()])
        assert client.get("/readyz").json()["model"] == "loaded"
        library.faults["pages"] = StoreUnreachableError("http://secret:6333 is silent")
        wait_for(lambda: not client.get("/readyz").is_success)  # an answer is kept for half a second
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
        assert "secret" not in answer.text
        assert client.get("/healthz").json() == {"status": "alive"}


def test_metrics_tell_of_requests_stages_and_the_library() -> None:
    """Prometheus finds the figures of what was done."""
    with open_client() as client:
        client.post("/v1/similar", files=[scan()])
        client.get("/no/such/address")
        text = client.get("/metrics").text
    assert 'quire_requests_total{method="POST",route="/v1/similar",status="200"} 1.0' in text
    assert "/no/such/address" not in text
    for stage in ("decode", "batch_wait", "forward", "search", "payload"):
        assert f'quire_stage_seconds_count{{stage="{stage}"}} 1.0' in text
    assert "quire_library_pages 12.0" in text
    assert "quire_library_clusters 3.0" in text
    assert 'quire_library_skips{code="picture"} 2.0' in text
    assert "quire_library_up 1.0" in text
    for queue in ("decode", "search", "thread", "model", "job"):
        assert f'quire_waiting{{queue="{queue}"}} 0.0' in text
    assert float(re.search(r"^process_resident_memory_bytes (\S+)$", text, re.MULTILINE)[1]) > 1e6  # type: ignore[index]


def test_metrics_tell_of_a_store_that_does_not_answer() -> None:
    """That is when they are wanted most."""
    library = FakeLibrary()
    library.faults["pages"] = StoreUnreachableError("it is silent")
    with open_client(library) as client:
        text = client.get("/metrics").text
    assert "quire_library_up 0.0" in text
    assert "quire_library_pages NaN" in text


def test_two_apps_do_not_share_figures() -> None:
    """Each app has metrics of its own."""
    with open_client() as one, open_client() as other:
        one.post("/v1/similar", files=[scan()])
        assert 'route="/v1/similar"' not in other.get("/metrics").text
