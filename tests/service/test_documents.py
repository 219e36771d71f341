"""Documents over HTTP: the routes around a fake library, and once the whole way through a real one."""

from __future__ import annotations

import io
from pathlib import Path
from urllib.parse import urlparse

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from support.documents import LENGTHS, PDF, draw_box
from support.library import settings_in
from support.service import KEYS, RO_KEY, RW_KEY, FakeLibrary, open_client, page_id_of, wait_for

from indexer.library import Library
from indexer.library.results import BreakDecision, TruthRow
from service.app import create_app


def test_streams_and_proposals_are_the_librarys() -> None:
    """Listed, and one by its name; a page says which it is in."""
    with open_client() as client:
        (stream,) = client.get("/v1/streams").json()
        assert (stream["stream"], stream["pages"], stream["doubtful"]) == ("scans", 12, 1)
        proposal = client.get("/v1/documents", params={"stream": "scans"}).json()
        assert [len(proposal[part]) for part in ("pages", "breaks", "documents", "review_order")] == [12, 11, 2, 11]
        assert proposal["breaks"][0]["after"] == page_id_of(0)
        assert client.get(f"/v1/pages/{page_id_of(3)}/stream").json() == stream
        assert client.get("/v1/documents", params={"stream": "other"}).status_code == 404


def test_decisions_reach_the_library_with_who_made_them() -> None:
    """The key's owner decides; all three kinds are understood."""
    library = FakeLibrary()
    said = [(page_id_of(0), "break"), (page_id_of(1), "join"), (page_id_of(2), None)]
    body = {"stream": "scans", "decisions": [{"after": after, "decision": decision} for after, decision in said]}
    with open_client(library, api_keys=KEYS) as client:
        headers = {"X-API-Key": RW_KEY}
        assert client.post("/v1/documents/decisions", json=body, headers=headers).status_code == 200
        assert client.post("/v1/documents/accept", json={"stream": "scans", "upto": 3}, headers=headers).is_success
        count = {"stream": "scans", "count": 4}
        assert client.put("/v1/documents/known-count", json=count, headers=headers).json()["known_count"] == 4
    decisions = [BreakDecision(after, decision) for after, decision in said]  # type: ignore[arg-type]
    assert library.calls == [
        ("decide_breaks", {"stream": "scans", "decisions": decisions, "who": "ann"}),
        ("accept", {"stream": "scans", "upto": 3, "who": "ann"}),
        ("set_known_count", {"stream": "scans", "count": 4}),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (
            "POST",
            "/v1/documents/decisions",
            {"stream": "scans", "decisions": [{"after": page_id_of(0), "decision": None}]},
        ),
        ("POST", "/v1/documents/accept", {"stream": "scans"}),
        ("PUT", "/v1/documents/known-count", {"stream": "scans", "count": None}),
        ("POST", "/v1/jobs", {"kind": "documents"}),
    ],
)
def test_a_key_for_reading_decides_nothing(method: str, path: str, body: object) -> None:
    """All that changes something needs a key for writing."""
    library = FakeLibrary()
    with open_client(library, api_keys=KEYS) as client:
        answer = client.request(method, path, json=body, headers={"X-API-Key": RO_KEY})
    assert answer.json()["code"] == "key-read-only"
    assert library.calls == []


def test_a_documents_job_hands_on_its_options() -> None:
    """What `quire documents` can be told, a job can be told, and the report comes back."""
    library = FakeLibrary()
    options = {"stream": "scans", "by": "metadata.box", "blanks": "join", "separators": ["label=target"]}
    with open_client(library) as client:
        job_id = client.post("/v1/jobs", json={"kind": "documents", **options}).json()["id"]
        wait_for(lambda: client.get(f"/v1/jobs/{job_id}").json()["state"] == "done")
        report = client.get(f"/v1/jobs/{job_id}").json()["report"]
    assert (report["documents"], report["streams"][0]["stream"]) == (2, "scans")
    assert library.calls == [("propose_all", {**options, "separator_rule": None})]


def test_truth_and_settings_reach_the_library() -> None:
    """Rows with and without streams and page numbers."""
    library = FakeLibrary()
    rows = [{"path": "a.jpg", "document": "d"}, {"path": "b.pdf", "document": "d", "stream": "s", "page_number": 2}]
    with open_client(library) as client:
        answer = client.post("/v1/documents/compare", json={"rows": rows, "settings": ["proposed"]})
    assert answer.json()["settings"] == ["proposed", "real"]
    truth = [TruthRow("a.jpg", "d"), TruthRow("b.pdf", "d", "s", 2)]
    assert library.calls == [("compare", {"truth": truth, "settings": ["proposed"]})]


def test_documents_are_exported_in_every_format() -> None:
    """Each as a file with its own kind and name; what is not said is asked for."""
    document = page_id_of(0)
    with open_client() as client:

        def export(**params: str) -> tuple[int, str, str, bytes]:
            answer = client.get("/v1/documents/export", params=params)
            named = answer.headers.get("content-disposition", "")
            return answer.status_code, answer.headers["content-type"], named, answer.content

        status, kind, named, data = export(format="csv", stream="scans")
        assert (status, kind, data) == (200, "text/csv; charset=utf-8", b"document\r\n")
        assert named == 'attachment; filename="scans.csv"'
        assert export(format="xlsx")[3].startswith(b"PK")
        assert export(format="pdf", document=document)[1:] == (
            "application/pdf",
            f'attachment; filename="{document}.pdf"',
            PDF,
        )
        assert export(format="pdf")[0] == export(format="iiif")[0] == 400
        assert export(format="pdf", document=page_id_of(99))[0] == 404
        assert export(format="doc")[0] == 422
        manifest = client.get("/v1/documents/export", params={"format": "iiif", "document": document}).json()
        assert manifest["id"] == f"http://127.0.0.1:8765/{document}"
        params = {"format": "iiif", "stream": "scans", "base_url": "https://scans.example/"}
        assert client.get("/v1/documents/export", params=params).json()["id"] == "https://scans.example/scans"


def test_similar_documents_are_found_by_a_page() -> None:
    """By any page; one that is not there is told of."""
    with open_client() as client:
        (found,) = client.get(f"/v1/pages/{page_id_of(0)}/similar-documents", params={"limit": 1}).json()
        assert (found["similarity"], found["pages"]) == (0.9, 6)
        assert client.get(f"/v1/pages/{page_id_of(99)}/similar-documents").status_code == 404


def test_a_manifest_tells_the_sizes_that_the_service_answers_with(tmp_path: Path) -> None:
    """With a real library: the picture at the address in the manifest is a JPEG of the size that it says."""
    folder = draw_box(tmp_path / "scans" / "box", lengths=(2, 3))
    Image.new("RGB", (1500, 2999), "beige").save(folder / "p006.png")
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([tmp_path / "scans"])
        library.documents.propose_all()
        app = create_app(library.settings, library=library)
        with TestClient(app, base_url="http://127.0.0.1:8765", client=("127.0.0.1", 50_000)) as client:
            proposal = client.get("/v1/documents", params={"stream": "scans/box"}).json()
            assert sum(LENGTHS[:2]) + 1 == len(proposal["pages"])
            last = proposal["documents"][-1]["document"]
            manifest = client.get("/v1/documents/export", params={"format": "iiif", "document": last}).json()
            assert client.get(manifest["id"]).json() == manifest
            body = manifest["items"][-1]["items"][0]["items"][0]["body"]
            parts = urlparse(body["id"])
            picture = client.get(f"{parts.path}?{parts.query}")
            with Image.open(io.BytesIO(picture.content)) as shown:
                assert shown.size == (body["width"], body["height"]) == (1024, 2048)
            book = client.get("/v1/documents/export", params={"format": "xlsx", "stream": "scans/box"})
            assert book.content.startswith(b"PK")
            table = client.get("/v1/documents/export", params={"format": "csv", "stream": "scans/box"})
            assert len(table.text.splitlines()) == 1 + len(proposal["documents"])
