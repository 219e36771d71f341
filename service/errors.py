"""Every error as one shape: `application/problem+json` (RFC 9457), for 4xx, 422 and 5xx alike.

`STATUS` translates the library's errors; `PROBLEMS` lists what only the service can say. `docs/http.md` shows both.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

from indexer.errors import QuireError, tell_disk_trouble
from service.schemas import Fault, Problem

_log = logging.getLogger("quire.service")

STATUS: Mapping[str, int] = {
    "error": 500,
    "usage": 400,
    "filter": 400,
    "unknown-model": 400,
    "not-found": 404,
    "library-missing": 503,
    "page-missing": 404,
    "cluster-missing": 404,
    "map-missing": 404,
    "learned-missing": 404,
    "root-missing": 404,
    "job-missing": 404,
    "picture": 422,
    "picture-too-large": 413,
    "model": 503,
    "weights-missing": 503,
    "model-mismatch": 409,
    "no-text-tower": 409,
    "reader-missing": 503,
    "decoder": 503,
    "workers": 503,
    "store": 502,
    "store-unreachable": 503,
    "collection-missing": 503,
    "library-busy": 503,
    "library-damaged": 500,
    "service": 502,
    "conflict": 409,
}
"""The HTTP status of each `QuireError.code`; a test walks all classes and fails if one is missing."""

PROBLEMS: Mapping[str, int] = {
    "bad-request": 400,
    "bad-multipart": 400,
    "key-missing": 401,
    "key-read-only": 403,
    "cross-origin": 403,
    "exposed": 403,
    "path-not-allowed": 403,
    "no-such-address": 404,
    "method-not-allowed": 405,
    "body-too-slow": 408,
    "body-too-large": 413,
    "too-many-files": 413,
    "media-type": 415,
    "wrong-host": 421,
    "validation": 422,
    "too-many-wrong-keys": 429,
    "too-many-requests": 429,
    "overloaded": 503,
    "not-ready": 503,
    "internal": 500,
}
"""The HTTP status of each problem that only the service can have."""

_BY_STATUS = {
    400: "bad-request",
    404: "no-such-address",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "media-type",
}
_INTERNAL = "Something went wrong inside the service. Its log has the cause, under this request's id."
_RETRY_AFTER_S = 2


class HttpProblem(HTTPException):
    """A problem that only the service can have. `code` is one of `PROBLEMS`."""

    def __init__(self, code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(PROBLEMS[code], detail, headers)
        self.code = code


@dataclass(frozen=True, slots=True)
class Trouble:
    """An exception, translated: what the client is told, and the headers that go with it."""

    problem: Problem
    headers: Mapping[str, str]

    def response(self) -> JSONResponse:
        """The answer to send."""
        return JSONResponse(
            self.problem.model_dump(mode="json", exclude_none=True),
            status_code=self.problem.status,
            headers=dict(self.headers),
            media_type="application/problem+json",
        )


def find_trouble(exc: BaseException, *, request_id: str | None = None) -> Trouble:
    """What a client is told of an exception. A status of 500 never carries the exception's own text."""
    match exc:
        case HttpProblem():
            return _trouble(exc.code, exc.status_code, exc.detail, request_id, headers=exc.headers)
        case RequestValidationError():
            return _trouble("validation", 422, "The request doesn't fit.", request_id, faults=_faults(exc))
        case HTTPException():
            code = _BY_STATUS.get(exc.status_code, "bad-request")
            return _trouble(code, exc.status_code, _detail(exc), request_id, headers=exc.headers)
        case QuireError():
            status = STATUS.get(exc.code, 500)
            return _trouble(exc.code, status, _INTERNAL if status == 500 else str(exc), request_id)
        case OSError() if told := tell_disk_trouble(exc):
            return _trouble(told.code, STATUS[told.code], str(told), request_id)
    return _trouble("internal", 500, _INTERNAL, request_id)


def add_error_handlers(app: FastAPI) -> None:
    """Make the app answer each of its errors with a problem."""
    for kind in (QuireError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _handle)


def request_id_of(scope: Scope) -> str | None:
    """The id that the access log knows this request by."""
    found = scope.get("quire.request_id")
    return found if isinstance(found, str) else None


async def _handle(request: Request, exc: Exception) -> JSONResponse:
    request_id = request_id_of(request.scope)
    trouble = find_trouble(exc, request_id=request_id)
    if trouble.problem.status >= 500 and isinstance(exc, QuireError):
        _log.error("request %s failed: %s: %s", request_id, exc.code, exc, exc_info=exc)
    return trouble.response()


def _trouble(
    code: str,
    status: int,
    detail: str,
    request_id: str | None,
    *,
    headers: Mapping[str, str] | None = None,
    faults: Sequence[Fault] | None = None,
) -> Trouble:
    problem = Problem(
        type=f"urn:quire:error:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        request_id=request_id,
        errors=list(faults) if faults else None,
    )
    retry = {"Retry-After": str(_RETRY_AFTER_S)} if status == 503 else {}
    return Trouble(problem, retry | dict(headers or {}))


def _faults(exc: RequestValidationError) -> list[Fault]:
    """Where the request does not fit, and how; never the value sent, which may be anything."""
    return [
        Fault(where=".".join(str(part) for part in fault["loc"]), message=str(fault["msg"])) for fault in exc.errors()
    ]


def _detail(exc: HTTPException) -> str:
    match exc.status_code:
        case 404:
            return "There is nothing at this address. /openapi.json lists the addresses there are."
        case 405:
            return "This address does not know that method. /openapi.json lists what it knows."
        case _:
            return str(exc.detail)
