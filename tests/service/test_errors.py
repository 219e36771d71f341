"""Every error has the one shape, a stable code and a status, and tells no secrets."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from httpx import Response
from support.service import FakeLibrary, all_error_kinds, open_client, page_id_of, scan

from indexer.errors import LibraryDamagedError, ModelMismatchError, QuireError, WeightsMissingError
from service.errors import PROBLEMS, STATUS, find_trouble
from service.schemas import Problem

HTTP_DOCS = Path(__file__).resolve().parents[2] / "docs" / "http.md"


def check_problem(answer: Response, status: int, code: str) -> Problem:
    """The answer is a problem of this status and code; returns it."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = Problem.model_validate(answer.json())
    assert (problem.status, problem.code, problem.type) == (status, code, f"urn:quire:error:{code}")
    assert problem.request_id == answer.headers["x-request-id"]
    return problem


@pytest.mark.parametrize("kind", all_error_kinds(), ids=lambda kind: kind.__name__)
def test_every_error_of_the_library_has_a_status(kind: type[QuireError]) -> None:
    """A new error class without a row in the table fails here, and one with a status of 500 keeps its text."""
    assert kind.code in STATUS
    problem = find_trouble(kind("the text")).problem
    assert (problem.code, problem.status) == (kind.code, STATUS[kind.code])
    assert (problem.detail == "the text") == (problem.status != 500)


def test_no_code_means_two_things() -> None:
    """The library's codes and the service's own do not overlap, and none of the table is left over."""
    assert not set(STATUS) & set(PROBLEMS)
    assert set(STATUS) == {kind.code for kind in all_error_kinds()}


def test_every_code_of_the_service_is_documented() -> None:
    """docs/http.md lists each code that only the service has, with its status."""
    text = HTTP_DOCS.read_text(encoding="utf-8")
    assert [code for code, status in PROBLEMS.items() if f"| `{code}` | {status} |" not in text] == []


def test_errors_of_the_library_become_problems() -> None:
    """A missing page is a 404 with the library's own words."""
    with open_client() as client:
        problem = check_problem(client.get(f"/v1/pages/{page_id_of(99)}"), 404, "page-missing")
        assert page_id_of(99) in problem.detail


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/no/such/address", 404, "no-such-address"),
        ("GET", "/v1/no-such-address", 404, "no-such-address"),
        ("DELETE", "/v1/pages", 405, "method-not-allowed"),
        ("GET", "/v1/pages?limit=0", 422, "validation"),
        ("GET", "/v1/pages?limit=1001", 422, "validation"),
        ("GET", "/v1/pages/not-an-id", 422, "validation"),
        ("GET", "/v1/pages?filter=nonsense", 400, "filter"),
        ("GET", "/v1/pages?cursor=made-up", 400, "usage"),
        ("GET", "/v1/clusters/9/pages", 404, "cluster-missing"),
        ("GET", "/v1/jobs/" + "0" * 32, 404, "job-missing"),
        ("GET", "/v1/jobs/" + "0" * 32 + "/events", 404, "job-missing"),
        ("GET", "/static/no-such-file.js", 404, "no-such-address"),
        ("GET", "/static/../index.html", 404, "no-such-address"),
        ("GET", "/static/%2e%2e/%2e%2e/errors.py", 404, "no-such-address"),
        ("GET", "/static/%00", 404, "no-such-address"),
    ],
)
def test_wrong_requests_become_problems(method: str, path: str, status: int, code: str) -> None:
    """Whatever is wrong with an address, the answer has the one shape."""
    with open_client() as client:
        check_problem(client.request(method, path), status, code)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/names", b'{"clusters": [1], "group": "a", "more": 1}'),
        ("/v1/names", b'{"clusters": [], "group": "a"}'),
        ("/v1/names", b'{"clusters": [1], "group": "line\\nbreak"}'),
        ("/v1/names", b"{"),
        ("/v1/names", b"\xff\xfe"),
        ("/v1/names", b""),
        ("/v1/jobs", b'{"kind": "explode"}'),
        ("/v1/jobs", b'{"kind": "cluster", "k": 0}'),
        ("/v1/choose-k", b'{"ks": [0]}'),
    ],
)
def test_bodies_that_do_not_fit_are_problems(path: str, body: bytes) -> None:
    """A body that can't be read or does not fit is refused, never a 500."""
    with open_client() as client:
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_validation_problem_says_where() -> None:
    """The place that does not fit is named; the value sent is not repeated."""
    with open_client() as client:
        problem = check_problem(client.get("/v1/pages", params={"limit": "s3cret"}), 422, "validation")
        assert problem.errors is not None
        assert [fault.where for fault in problem.errors] == ["query.limit"]
        assert "s3cret" not in problem.model_dump_json()


@pytest.mark.parametrize(
    "fault", [RuntimeError("secret place"), LibraryDamagedError("secret place"), QuireError("secret place")]
)
def test_a_500_never_carries_the_exceptions_text(fault: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets an id, the log gets the cause."""
    library = FakeLibrary()
    library.faults["page"] = fault
    with caplog.at_level(logging.ERROR, "quire.service"), open_client(library) as client:
        answer = client.get(f"/v1/pages/{page_id_of(1)}")
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret" not in answer.text
        assert "x-content-type-options" in answer.headers
    assert answer.json()["request_id"] in caplog.text
    assert "secret place" in caplog.text


def test_a_503_says_when_to_come_again() -> None:
    """What may be over soon carries Retry-After, and the library's hint of what to do."""
    library = FakeLibrary()
    library.faults["read_uploads"] = WeightsMissingError("Give a local file with --checkpoint.")
    with open_client(library) as client:
        answer = client.post("/v1/similar", files=[scan()])
        assert check_problem(answer, 503, "weights-missing").detail == "Give a local file with --checkpoint."
        assert int(answer.headers["retry-after"]) > 0
        check_problem(client.get("/readyz"), 503, "not-ready")


def test_a_model_that_does_not_fit_is_a_conflict() -> None:
    """Vectors of two models are refused with an explanation."""
    library = FakeLibrary()
    library.faults["similar_to_vectors"] = ModelMismatchError("Two models.")
    with open_client(library) as client:
        check_problem(client.post("/v1/similar", files=[scan()]), 409, "model-mismatch")
