"""Lines of the log say which request and which job they belong to, and nobody else's text begins one."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from support.service import FakeLibrary, open_client, wait_for

from indexer.errors import StoreError
from service.logs import FIELDS, JsonLines, TextLines, log_context


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the service's loggers write as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("quire")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(before)


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    """The objects that were written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_all_lines_of_a_request_carry_its_id(written: io.StringIO) -> None:
    """The error, its trace, and the line of the request itself: one id, which the client was told too."""
    library = FakeLibrary()
    library.faults["status"] = StoreError("three\nlines\nof it")
    with open_client(library) as client:
        answer = client.get("/v1/status", headers={"X-Request-ID": "from-proxy-7"})
    assert answer.headers["x-request-id"] == "from-proxy-7"
    error, request = lines_of(written)
    assert error["request_id"] == request["request_id"] == "from-proxy-7"
    assert (error["level"], error["logger"]) == ("error", "quire.service")
    assert "three\nlines" in error["message"]
    assert "Traceback" in error["exception"]
    assert (request["level"], request["method"], request["path"], request["status"]) == (
        "info",
        "GET",
        "/v1/status",
        502,
    )
    assert request["ms"] >= 0
    assert request["time"].endswith("+00:00")


def test_lines_of_a_job_carry_its_id_and_that_of_who_asked(written: io.StringIO) -> None:
    """Long after the request was answered, in another thread."""
    library = FakeLibrary()
    library.faults["cluster"] = StoreError("broken")
    with open_client(library) as client:
        headers = {"X-Request-ID": "asked-for-it"}
        job = client.post("/v1/jobs", json={"kind": "cluster", "k": 2}, headers=headers).json()["id"]
        wait_for(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "failed")
    (error,) = [line for line in lines_of(written) if line["level"] == "error"]
    assert (error["job_id"], error["request_id"]) == (job, "asked-for-it")


def test_a_line_is_one_line() -> None:
    """A file name with line breaks and escape sequences forges none."""
    record = logging.LogRecord("quire", logging.ERROR, "", 0, "no %s", ("a\nGET / 200\x1b[31m",), None)
    assert TextLines().format(record) == r"no a\x0aGET / 200\x1b[31m"
    assert json.loads(JsonLines().format(record))["message"] == "no a\nGET / 200\x1b[31m"
    assert "\n" not in JsonLines().format(record)


def test_names_of_the_context_do_not_hide_a_lines_own() -> None:
    """And they end with it."""
    record = logging.LogRecord("quire", logging.ERROR, "", 0, "text", (), None)
    setattr(record, FIELDS, {"request_id": "own"})
    with log_context(request_id="outer", job_id="j"):
        found = json.loads(JsonLines().format(record))
    assert (found["request_id"], found["job_id"]) == ("own", "j")
    assert "job_id" not in json.loads(JsonLines().format(record))
