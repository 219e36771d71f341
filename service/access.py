"""The outermost layer: each request gets an id, one log line, its place in the metrics, safe headers, and never a bare error."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.auth import Principal
from service.errors import find_trouble
from service.logs import FIELDS, log_context
from service.metrics import Metrics, method_of
from service.tracing import end_request

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_log = logging.getLogger("quire.service")
_access = logging.getLogger("quire.access")

SITE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
API_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE_CSP: Mapping[str, str] = {}
"""Pages that need another policy than `SITE_CSP`, by path; none does so far."""

_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
}
_SANE_ID = re.compile(r"[\w.\-]{1,64}", re.ASCII)


class AccessLayer:
    """ASGI middleware; put it outside of all others."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        began_s = time.perf_counter()
        with (
            log_context(request_id=answer.request_id),
            self._metrics.tracing.request(Headers(scope=scope)) as span,
        ):
            try:
                await self._app(scope, receive, answer.send)
            except Exception as exc:
                _log.exception("request %s failed", answer.request_id)
                if not answer.status:
                    await find_trouble(exc, request_id=answer.request_id).response()(scope, receive, answer.send)
            finally:
                self._tell(scope, answer, span, time.perf_counter() - began_s)

    def _tell(self, scope: Scope, answer: _Answer, span: Span | None, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "none"
        end_request(span, method=method_of(scope), route=route, status=answer.status, request_id=answer.request_id)
        self._metrics.observe_request(method=method_of(scope), route=route, status=answer.status, seconds=seconds)
        principal = scope.get("quire.principal")
        line = {
            "request_id": answer.request_id,
            "method": scope["method"],
            "path": scope["path"],
            "status": answer.status,
            "ms": round(seconds * 1000, 1),
            "bytes": answer.sent_bytes,
            "who": principal.name if isinstance(principal, Principal) else None,
            "client": scope["client"][0] if scope.get("client") else None,
        }
        _access.info("%s", json.dumps(line), extra={FIELDS: line})


class _Answer:
    """Watches one answer go out, and adds its headers."""

    def __init__(self, scope: Scope, send: Send) -> None:
        offered = Headers(scope=scope).get("x-request-id", "")
        self.request_id = offered if _SANE_ID.fullmatch(offered) else secrets.token_hex(8)
        self.status = 0
        self.sent_bytes = 0
        self._path = scope["path"]
        self._send = send
        scope["quire.request_id"] = self.request_id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._add_headers(MutableHeaders(scope=message))
        elif message["type"] == "http.response.body":
            self.sent_bytes += len(message.get("body", b""))
        await self._send(message)

    def _add_headers(self, headers: MutableHeaders) -> None:
        headers["X-Request-ID"] = self.request_id
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        # A 304 has no content type, and its headers replace those that the browser has kept: the page would lose its policy.
        if self.status != 304:
            is_html = headers.get("content-type", "").startswith("text/html")
            headers.setdefault("Content-Security-Policy", PAGE_CSP.get(self._path, SITE_CSP) if is_html else API_CSP)
        headers.setdefault("Cache-Control", "no-store")
