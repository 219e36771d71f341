"""Questions over HTTP: the list with its evidence, and the answers."""

from __future__ import annotations

from support.service import FakeLibrary, open_client


def test_questions_come_with_their_evidence() -> None:
    """Number, likely answer, pages, and who had which share."""
    with open_client() as client:
        first = client.get("/v1/questions").json()[0]
    assert (first["number"], first["suggestion"], first["pages"]) == (1, "art", 4)
    assert first["candidates"] == [{"group": "art", "pages": 3, "share": 0.75}]


def test_answers_reach_the_library() -> None:
    """A group, another cluster, or that all stays; an unknown question is told."""
    library = FakeLibrary()
    with open_client(library) as client:
        named = client.post("/v1/questions/1/answer", json={"group": "art"})
        other = client.post("/v1/questions/2/answer", json={"group": "notes", "cluster": 2})
        kept = client.post("/v1/questions/1/answer", json={"keep": True})
        unknown = client.post("/v1/questions/3/answer", json={"keep": True})
    assert [answer.status_code for answer in (named, other, kept, unknown)] == [200, 200, 200, 404]
    assert named.json()["clusters"] == [1]
    asked = [arguments for name, arguments in library.calls if name == "answer"]
    assert [(one["group"], one["cluster"], one["keep"]) for one in asked[:3]] == [
        ("art", None, False),
        ("notes", 2, False),
        (None, None, True),
    ]
