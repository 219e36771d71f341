"""How many requests are under way at once, and how many one client may make: what is too much is refused at once, not kept waiting."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from indexer.settings import Settings
from service.auth import Principal
from service.errors import HttpProblem, find_trouble, request_id_of
from service.gate import PROBES
from service.metrics import Metrics

_BURST_S = 10.0
"""A client that was quiet may ask as much at once as it may in this time: a page of thumbnails comes all together."""
_CLIENTS = 10_000
"""As many clients are remembered; the one that was quiet for longest is forgotten first."""


class Turns:
    """ASGI middleware behind the gate. Probes always pass; event streams, which last, are counted where they are opened."""

    def __init__(self, app: ASGIApp, *, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._most = settings.max_requests
        self._rate = Rate(settings.max_requests_per_minute)
        self._metrics = metrics
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        try:
            self._check_rate(scope)
            self._check_room(scope)
        except HttpProblem as exc:
            await find_trouble(exc, request_id=request_id_of(scope)).response()(scope, receive, send)
            return
        step = 0 if _is_free(scope) else 1
        self._count(+step)
        try:
            await self._app(scope, receive, send)
        finally:
            self._count(-step)

    def _check_rate(self, scope: Scope) -> None:
        principal: Principal = scope["quire.principal"]
        if not principal.is_near and (wait_s := self._rate.take(_client_of(scope, principal))):
            raise HttpProblem(
                "too-many-requests",
                "Too many requests came from you. QUIRE_MAX_REQUESTS_PER_MINUTE sets how many may.",
                headers={"Retry-After": str(math.ceil(wait_s))},
            )

    def _check_room(self, scope: Scope) -> None:
        if self._under_way >= self._most and not _is_free(scope):
            raise HttpProblem("overloaded", f"{self._most} requests are under way already. Ask again in a moment.")

    def _count(self, step: int) -> None:
        self._under_way += step
        self._metrics.set_requests(self._under_way)


class Rate:
    """So many a minute for each client, evenly, with a burst (the generic cell rate algorithm: one number for each client)."""

    def __init__(self, per_minute: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._each_s = 60 / per_minute if per_minute else 0.0
        self._now = now
        self._due_s: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> float:
        """0 where the client may ask now, which counts; else after how many seconds it may, which does not."""
        now_s = self._now()
        due_s = max(self._due_s.pop(client, now_s), now_s)
        wait_s = max(due_s - now_s - _BURST_S, 0.0)
        self._due_s[client] = due_s if wait_s else due_s + self._each_s
        if len(self._due_s) > _CLIENTS:
            self._due_s.popitem(last=False)
        return wait_s


def _client_of(scope: Scope, principal: Principal) -> str:
    """A key is one client from wherever it comes; without keys, an address is."""
    if principal.has_key:
        return f"key {principal.name}"
    return f"address {scope['client'][0] if scope.get('client') else ''}"


def _is_free(scope: Scope) -> bool:
    """Whether a request takes no place: the figures are wanted most when all are taken, and event streams are counted elsewhere."""
    path: str = scope["path"]
    return path == "/metrics" or (path.startswith("/v1/jobs/") and path.endswith("/events"))
