"""Three services on one Qdrant server are one service: the same answers from each, and what is decided at one is heard by the others."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from support.library import draw_page, draw_pages, settings_in
from support.servers import Server
from support.service import wait_for

from indexer.library import Library
from service.app import create_app

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]


@pytest.fixture
def replicas(server: Server, tmp_path: Path) -> Iterator[list[TestClient]]:
    """Three services over a library of sixteen pages in four clusters, each with a library object of its own."""
    scans = draw_pages(tmp_path / "scans", each=4)
    settings = settings_in(tmp_path / "library", qdrant_url=server.url, name=server.name)
    with Library.open(settings, create=True) as library:
        library.index([scans])
        library.cluster(4)
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                TestClient(create_app(settings), base_url="http://127.0.0.1:8765", client=("127.0.0.1", 50_000))
            )
            for _ in range(3)
        ]


def answers(client: TestClient) -> list[object]:
    """What a client sees: lists, searches by page and by upload, classes, history."""
    scan = io.BytesIO()
    draw_page("left", 77).save(scan, "PNG")
    upload = {"file": ("scan.png", scan.getvalue(), "image/png")}
    pages = client.get("/v1/pages").json()
    first = pages["pages"][0]["page_id"]
    asked = [
        client.get("/v1/clusters"),
        client.get("/v1/history"),
        client.get("/v1/status"),
        client.get(f"/v1/pages/{first}/similar"),
        client.get("/v1/clusters/0/pages"),
        client.post("/v1/similar", files=upload),
        client.post("/v1/classify", files=upload),
    ]
    assert [answer.status_code for answer in asked] == [200] * len(asked)
    return [pages, *(_rounded(answer.json()) for answer in asked)]


def _rounded(value: object) -> object:
    """The same with five digits: BLAS may sum in another order from one call to the next."""
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value


def test_three_replicas_are_one(replicas: list[TestClient]) -> None:
    """Before and after a decision at each of them; none of the decisions is lost, and all get numbers of their own."""
    told = [answers(client) for client in replicas]
    assert told[0] == told[1] == told[2]
    pages = told[0][0]["pages"]  # type: ignore[index]
    entries = []
    for number, client in enumerate(replicas):
        body = {"page_ids": [pages[number]["page_id"]], "group": f"hand {number}"}
        answer = client.post("/v1/pages/move", json=body)
        assert answer.status_code == 200, answer.text
        entries.append(answer.json()["entry"])
    assert len(set(entries)) == 3
    wait_for(lambda: all(len(client.get("/v1/history").json()) == 4 for client in replicas), timeout_s=30)
    told = [answers(client) for client in replicas]
    assert told[0] == told[1] == told[2]
    assert {page["group"] for page in told[0][0]["pages"]} >= {"hand 0", "hand 1", "hand 2"}  # type: ignore[index]
