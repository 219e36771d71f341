"""Words over HTTP: searching, and clusters by meaning."""

from __future__ import annotations

from pathlib import Path

from support.service import KEYS, RO_KEY, FakeLibrary, open_client, page_id_of, wait_for

from indexer.cli.remote import RemoteLibrary
from indexer.errors import NoTextTowerError
from indexer.filters import parse_filter


def test_a_text_finds_pages_under_filters() -> None:
    """Text, filters and limit reach the library; a key that may only read will do."""
    library = FakeLibrary()
    body = {"text": "a bird", "filter": ["label=art"], "limit": 2}
    with open_client(library, api_keys=KEYS) as client:
        answer = client.post("/v1/search", json=body, headers={"X-API-Key": RO_KEY}).json()
    assert answer["text"] == "a bird"
    assert [one["page"]["page_id"] for one in answer["pages"]] == [page_id_of(1), page_id_of(3)]
    assert ("search", {"text": "a bird", "where": parse_filter(["label=art"]), "limit": 2, "by": None}) in library.calls


def test_looks_or_text_or_both_can_be_asked_for() -> None:
    """The field is called `in`; the answer says how it was found, with the words on each page marked, and why not otherwise."""
    library = FakeLibrary()
    with open_client(library) as client:
        answers = [
            client.post("/v1/search", json={"text": "a bird", "in": way}).json() for way in ("looks", "text", "both")
        ]
        wrong = client.post("/v1/search", json={"text": "a bird", "in": "smell"})
    assert [answer["by"] for answer in answers] == ["looks", "text", "both"]
    assert answers[1]["note"] == "Well."
    assert answers[1]["pages"][0]["snippet"] == [
        {"text": "a ", "is_match": False},
        {"text": "bird", "is_match": True},
    ]
    assert (wrong.status_code, wrong.json()["code"]) == (422, "validation")


def test_reading_text_is_a_job() -> None:
    """It runs with what was asked for; its report has counts and what was left out; languages that are no names are refused."""
    library = FakeLibrary()
    wish = {"kind": "read-text", "engine": "tesseract", "languages": "deu+ces", "filter": ["label=art"], "again": True}
    with open_client(library) as client:
        job = client.post("/v1/jobs", json=wish).json()
        wait_for(lambda: client.get(f"/v1/jobs/{job['id']}").json()["state"] == "done")
        ended = client.get(f"/v1/jobs/{job['id']}").json()
        wrong = client.post("/v1/jobs", json={**wish, "languages": "deu ces"})
    assert ended["kind"] == "read-text"
    assert (ended["report"]["read"], ended["report"]["waiting"]) == (4, 1)
    assert ended["report"]["skipped"][0]["code"] == "unreadable-text"
    options = {"engine": "tesseract", "languages": "deu+ces", "where": parse_filter(["label=art"]), "limit": None}
    assert ("read_text", {**options, "again": True}) in library.calls
    assert wrong.status_code == 422


def test_texts_are_handed_over(tmp_path: Path) -> None:
    """As JSON Lines, under a filter; a command behind the service gets the same file."""
    library = FakeLibrary()
    with open_client(library) as client:
        answer = client.get("/v1/export", params={"format": "texts", "filter": "label=art"})
        remote = RemoteLibrary(client).words
        assert remote.export_texts(tmp_path / "out" / "texts.jsonl", where=parse_filter(["label=art"])) == 1
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert 'filename="texts.jsonl"' in answer.headers["Content-Disposition"]
    assert answer.json() == {"text": "Sonderzug nach Prag"}
    assert (tmp_path / "out" / "texts.jsonl").read_bytes() == answer.content
    assert library.calls.count(("export_texts", {"where": parse_filter(["label=art"])})) == 2


def test_what_cannot_be_asked_is_told() -> None:
    """No text, a filter that can't be read, and a model without words each have their own code."""
    library = FakeLibrary()
    with open_client(library) as client:
        empty = client.post("/v1/search", json={"text": " "})
        strange = client.post("/v1/search", json={"text": "a", "filter": ["colour=red"]})
        library.faults["search"] = NoTextTowerError("This model knows no words.")
        wordless = client.post("/v1/search", json={"text": "a"})
    assert [(answer.status_code, answer.json()["code"]) for answer in (empty, strange, wordless)] == [
        (400, "usage"),
        (400, "filter"),
        (409, "no-text-tower"),
    ]


def test_a_command_behind_a_service_gets_the_same_answer() -> None:
    """The remote library answers as the library itself."""
    library = FakeLibrary()
    where = parse_filter(["label=notes"])
    with open_client(library) as client:
        remote = RemoteLibrary(client).words
        assert remote.search("a bird", where=where, limit=3) == library.words.search("a bird", where=where, limit=3)


def test_clustering_by_meaning_is_a_job() -> None:
    """It runs with what was asked for, and its report says which names meant nothing and how many pages have none."""
    library = FakeLibrary()
    wish = {"kind": "meaning", "distance_threshold": 0.3, "names": "metadata.shows", "word_vectors": "/data/glove.txt"}
    with open_client(library) as client:
        job = client.post("/v1/jobs", json=wish).json()
        wait_for(lambda: client.get(f"/v1/jobs/{job['id']}").json()["state"] == "done")
        report = client.get(f"/v1/jobs/{job['id']}").json()["report"]
    assert (report["unknown_names"], report["unnamed"]) == (["mangelwurzel"], 2)
    asked = {"distance_threshold": 0.3, "names": "metadata.shows", "word_vectors": Path("/data/glove.txt")}
    assert ("cluster_by_meaning", asked) in library.calls


def test_thresholds_are_compared() -> None:
    """All that were asked for are answered, in their order; a command behind the service gets the same."""
    library = FakeLibrary()
    with open_client(library) as client:
        remote = RemoteLibrary(client).words
        found = remote.choose_threshold([0.6, 0.3], word_vectors=Path("/data/glove.txt"))
        wrong = client.post("/v1/choose-threshold", json={"thresholds": [0.3, 3]})
    assert [one.distance_threshold for one in found] == [0.6, 0.3]
    assert wrong.status_code == 422


def test_files_of_word_vectors_are_read_where_the_client_may_read(tmp_path: Path) -> None:
    """From another machine only those in a folder that the library knows; a relative path is refused at once."""
    library = FakeLibrary(tmp_path / "scans")
    away = {"X-Forwarded-For": "192.168.1.9"}
    codes = []
    with open_client(library) as client:
        for file, headers in (("/etc/passwd", away), (str(tmp_path / "scans" / "w.txt"), away), ("w.txt", {})):
            body = {"thresholds": [0.43], "word_vectors": file}
            compared = client.post("/v1/choose-threshold", json=body, headers=headers)
            job = client.post("/v1/jobs", json={"kind": "meaning", "word_vectors": file}, headers=headers)
            codes.append((compared.status_code, job.status_code))
    assert codes == [(403, 403), (200, 202), (400, 400)]


def test_names_are_suggested_for_clusters() -> None:
    """With the words given or those built in; a reading key will do; a command behind the service gets the same."""
    library = FakeLibrary()
    with open_client(library, api_keys=KEYS) as client:
        key = {"X-API-Key": RO_KEY}
        answer = client.post("/v1/suggest-names", json={"words": ["map", "letter"], "top": 1}, headers=key)
        assert client.post("/v1/suggest-names", json={"words": []}, headers=key).status_code == 422
    assert [found["words"] for found in answer.json()] == [[{"word": "map", "similarity": 0.3}]] * 3
    with open_client(library) as client:
        remote = RemoteLibrary(client).words
        assert remote.suggest() == library.words.suggest()
        assert remote.suggest(["letter"], top=2) == library.words.suggest(["letter"], top=2)
