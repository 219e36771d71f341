"""The OpenAPI document: what FastAPI finds in the routes, with every error of every operation added in its one shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.errors import PROBLEMS, STATUS
from service.examples import make_example
from service.gate import PROBES
from service.schemas import Problem

TAGS = [
    {"name": "search", "description": "What a scan is, and what it looks like."},
    {"name": "pages", "description": "The pages of the library, in shelf order, with their pictures."},
    {"name": "clusters", "description": "What k-means put together, and the names people gave it."},
    {"name": "documents", "description": "Which pages belong together, and the review of that."},
    {"name": "duplicates", "description": "Pages that were scanned twice, and those that only look so."},
    {"name": "learning", "description": "What was learned from labels, and how far it can be trusted."},
    {"name": "history", "description": "What people decided, and taking it back."},
    {"name": "map", "description": "Where pages lie when those that look alike lie close together."},
    {"name": "wall", "description": "All pages in a grid, as tiles to zoom into."},
    {"name": "jobs", "description": "Long work: indexing, reindexing, clustering. One job runs at a time."},
    {"name": "service", "description": "How the service is."},
]
_DESCRIPTION = (
    "Find, sort and gather scanned pages. Errors are `application/problem+json` (RFC 9457) with a stable `code`. "
    "Posts other than uploads take `application/json` only."
)
_METHODS = ("get", "put", "post", "delete", "head")

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int) -> Responses:
    """The errors of one operation, for its route; those that every operation may have come on top."""
    return {status: {"description": _codes_with(status)} for status in statuses}


def install_openapi(app: FastAPI) -> None:
    """Make the app describe itself."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _build(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes, tags=TAGS)
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    parts["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, where the service has keys."},
        "header": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "The same, for clients that can't do the other.",
        },
    }
    document["security"] = [{"bearer": []}, {"header": []}]
    for path, method, operation in _operations(document):
        _complete(path, method, operation)
        _add_examples(operation, schemas)
    return document


def _operations(document: Mapping[str, Any]) -> Iterable[tuple[str, str, dict[str, Any]]]:
    for path, item in document.get("paths", {}).items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Give an operation the errors that all have, and all its errors the one shape."""
    responses = operation["responses"]
    common = {500, 421} if path not in PROBES else {500}
    if path in PROBES:
        operation["security"] = []
    else:
        common |= {401, 403, 429, 503}
    if operation.get("parameters") or operation.get("requestBody"):
        common.add(422)
    if operation.get("requestBody"):
        common |= {400, 408, 413, 415}
    for status in sorted(common):
        responses.setdefault(str(status), {"description": _codes_with(status)})
    for status, response in responses.items():
        if int(status) < 400:
            continue
        response["description"] = _codes_with(int(status))
        response["content"] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        if int(status) in (429, 503):
            seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
            response["headers"] = {"Retry-After": seconds}


def _add_examples(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Give what an operation answers in JSON an example, unless the route has one of its own."""
    for status, response in operation["responses"].items():
        content = response.get("content", {}).get("application/json")
        if int(status) < 300 and content and not {"example", "examples"} & content.keys():
            content["example"] = make_example(content.get("schema", {}), schemas)


def _codes_with(status: int) -> str:
    """The codes that this status can have, for its description."""
    return ", ".join(code for code, known in {**STATUS, **PROBLEMS}.items() if known == status) + "."
