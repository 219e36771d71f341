"""The web page: one shell at every address of the site, and its files under `/static`."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request, Response

from service.errors import HttpProblem
from service.gate import SITE_PATHS

WEB = Path(__file__).resolve().parent.parent / "web"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
"""Said outright: a machine's own table may call a module text/plain, and then no browser runs it."""


def create_site_router(web: Path = WEB) -> APIRouter:
    """Routes that serve the files of `web`."""
    router = APIRouter(include_in_schema=False)
    static = (web / "static").resolve()

    def get_shell(request: Request) -> Response:
        """The page; what it shows depends on the address, and is up to its scripts."""
        return _serve(request, web / "index.html")

    for path in SITE_PATHS:
        router.add_api_route(path, get_shell, methods=["GET", "HEAD"])

    @router.api_route("/static/{path:path}", methods=["GET", "HEAD"])
    def get_static(request: Request, path: str) -> Response:
        """A file of the page."""
        try:
            file = (static / path).resolve()
        except (OSError, ValueError, RuntimeError):
            raise _missing() from None
        if not file.is_relative_to(static):
            raise _missing()
        return _serve(request, file)

    @router.api_route("/favicon.ico", methods=["GET", "HEAD"])
    def get_icon(request: Request) -> Response:
        """The icon that browsers ask for unasked."""
        return _serve(request, static / "favicon.ico")

    return router


def _serve(request: Request, file: Path) -> Response:
    media_type = _TYPES.get(file.suffix.lower())
    try:
        data = file.read_bytes() if media_type else None
    except OSError:
        data = None
    if data is None:
        raise _missing()
    headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"', "Cache-Control": "no-cache"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


def _missing() -> HttpProblem:
    return HttpProblem("no-such-address", "The web page has no such file.")
