"""The web page's files, and the log line of a request."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from support.service import KEYS, RW_KEY, open_client, page_id_of

from service.access import AccessLayer
from service.errors import add_error_handlers
from service.gate import SITE_PATHS
from service.metrics import Metrics
from service.routes.site import create_site_router


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """The site alone, over a folder of its own with a file beside it that is nobody's business."""
    web = tmp_path / "web"
    (web / "static" / "parts").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html><title>Quire</title>")
    (web / "static" / "app.js").write_text("export {}")
    (web / "static" / "parts" / "look.css").write_text("a{}")
    (web / "static" / "notes.py").write_text("secret = 1")
    (web / "secret.js").write_text("secret = 1")
    (web / "static" / "link.js").symlink_to(web / "secret.js")
    app = FastAPI()
    app.add_middleware(AccessLayer, metrics=Metrics())
    app.include_router(create_site_router(web))
    add_error_handlers(app)
    with TestClient(app) as made:
        yield made


@pytest.mark.parametrize("path", SITE_PATHS)
def test_every_address_of_the_site_has_the_shell(client: TestClient, path: str) -> None:
    """The page finds out by itself what to show; its policy allows its own scripts only."""
    answer = client.get(path)
    assert answer.text.startswith("<!doctype html>")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(("path", "media_type"), [("app.js", "text/javascript"), ("parts/look.css", "text/css")])
def test_files_have_their_types(client: TestClient, path: str, media_type: str) -> None:
    """Browsers run no module that is called plain text."""
    assert client.get(f"/static/{path}").headers["content-type"] == f"{media_type}; charset=utf-8"
    assert client.head(f"/static/{path}").content == b""


def test_a_file_that_did_not_change_is_not_sent_again(client: TestClient) -> None:
    """Browsers ask each time, and get 304."""
    first = client.get("/static/app.js")
    assert first.headers["cache-control"] == "no-cache"
    assert client.get("/static/app.js", headers={"If-None-Match": first.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "nothing.js",
        "notes.py",
        "link.js",
        "../secret.js",
        "%2e%2e/secret.js",
        "..%2fsecret.js",
        "parts",
        "",
        "%00",
        "/etc/passwd",
    ],
)
def test_only_files_of_the_page_are_served(client: TestClient, path: str) -> None:
    """Neither other kinds, nor folders, nor links out, nor what lies above."""
    answer = client.get(f"/static/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_every_request_leaves_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Who, what, how long, under which id; never the query, and never a key."""
    with caplog.at_level(logging.INFO, "quire.access"), open_client(api_keys=KEYS) as client:
        path = f"/v1/pages/{page_id_of(1)}"
        client.get(path, params={"q": "private"}, headers={"X-API-Key": RW_KEY, "X-Request-ID": "abc"})
    (line,) = [record.getMessage() for record in caplog.records if record.name == "quire.access"]
    found = json.loads(line)
    assert (found["request_id"], found["method"], found["path"], found["status"], found["who"]) == (
        "abc",
        "GET",
        path,
        200,
        "ann",
    )
    assert found["ms"] >= 0
    assert found["bytes"] > 100
    assert "private" not in line
    assert RW_KEY not in line
