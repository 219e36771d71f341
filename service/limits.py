"""How much a client may send, how slowly, and how many at once.

Who is refused before the whole body came may send the rest, which goes nowhere, within `Connection.head_s`: were the connection closed
at once, the system would throw away the answer together with the bytes that nobody read.
"""

from __future__ import annotations

import time

from anyio import fail_after
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.settings import Settings
from service.errors import HttpProblem, find_trouble, request_id_of
from service.gate import UPLOAD_PATHS
from service.metrics import Metrics

MAX_JSON_BYTES = 2**20
"""Room for ten thousand page ids, twice."""
_BODIES = 8
"""Bodies of the largest size that may lie here at once, together: they fill memory and temporary files, however many uploads may wait."""


class UploadLimit:
    """ASGI middleware: uploads beyond so many at once are told to come again, before their bodies are read."""

    def __init__(self, app: ASGIApp, *, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._most = settings.max_waiting_uploads
        self._most_bytes = settings.max_upload_bytes * _BODIES
        self._metrics = metrics
        self._under_way = 0
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in UPLOAD_PATHS:
            await self._app(scope, receive, send)
            return
        if self._under_way >= self._most:
            busy = HttpProblem("overloaded", f"{self._most} uploads are under way already. Send it again in a moment.")
            await find_trouble(busy, request_id=request_id_of(scope)).response()(scope, receive, send)
            return
        held = 0

        async def receive_counted() -> Message:
            nonlocal held
            message = await receive()
            held += (size := len(message.get("body", b"")))
            self._bytes += size
            if size and self._bytes > self._most_bytes and self._bytes > held:
                raise HttpProblem(
                    "overloaded",
                    f"Uploads under way fill {self._most_bytes:,} bytes already. Send it again in a moment.",
                )
            return message

        self._count(+1)
        try:
            await self._app(scope, receive_counted, send)
        finally:
            self._bytes -= held
            self._count(-1)

    def _count(self, step: int) -> None:
        self._under_way += step
        self._metrics.set_uploads(self._under_way)


class BodyLimit:
    """ASGI middleware: a body larger than allowed ends in 413 while it streams in, one that does not arrive in time in 408."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._upload_bytes = settings.max_upload_bytes
        self._timeout_s = settings.body_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._upload_bytes if scope["path"] in UPLOAD_PATHS else min(MAX_JSON_BYTES, self._upload_bytes)
        body = _Body(receive, most=most, timeout_s=self._timeout_s)
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > most:
            await find_trouble(_too_large(most), request_id=request_id_of(scope)).response()(scope, receive, send)
            return
        await self._app(scope, body.receive, send)


class _Body:
    """Counts one request body while it comes in."""

    def __init__(self, receive: Receive, *, most: int, timeout_s: float) -> None:
        self._receive = receive
        self._most = most
        self._timeout_s = timeout_s
        self._until_s = time.monotonic() + timeout_s
        self._bytes = 0
        self._is_complete = False

    async def receive(self) -> Message:
        if self._is_complete:
            return await self._receive()
        try:
            with fail_after(max(self._until_s - time.monotonic(), 0)):
                message = await self._receive()
        except TimeoutError:
            detail = f"The body had not arrived after {self._timeout_s:g} seconds. Send it again, in smaller parts if the line is slow."
            raise HttpProblem("body-too-slow", detail, headers={"Connection": "close"}) from None
        self._bytes += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        if self._bytes > self._most:
            raise _too_large(self._most)
        return message


def _too_large(most: int) -> HttpProblem:
    detail = f"The body is larger than {most:,} bytes. Send fewer or smaller files; QUIRE_MAX_UPLOAD_BYTES sets the limit for uploads."
    return HttpProblem("body-too-large", detail)
