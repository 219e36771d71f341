"""Who is let in, decided before a byte of the body is read: the name asked for, the page asking, the key, the kind of content."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from indexer.settings import Settings
from service.auth import ApiKey, Principal, find_key, is_loopback, load_keys, login_name
from service.errors import HttpProblem, find_trouble, request_id_of

PROBES = frozenset({"/healthz", "/readyz"})
SITE_PATHS = (
    "/",
    "/search",
    "/clusters",
    "/labels",
    "/map",
    "/wall",
    "/duplicates",
    "/documents",
    "/quality",
    "/balance",
    "/jobs",
    "/status",
)
"""Addresses of the web page. Its files hold nothing of the library, so they need no key."""
UPLOAD_PATHS = frozenset({"/v1/similar", "/v1/classify"})
"""Posts that change nothing: a reading key will do, and they may be multipart."""
QUESTION_PATHS = frozenset({"/v1/search", "/v1/sheet", "/v1/suggest-names"})
"""Posts of JSON that change nothing: a reading key will do."""

_PUBLIC = frozenset({*PROBES, *SITE_PATHS, "/openapi.json", "/favicon.ico"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_WRONG_KEYS = 20
_WINDOW_S = 60.0
_ADDRESSES = 10_000


class Gate:
    """ASGI middleware: lets a request pass with its principal in the scope, or answers it with a problem."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._keys: Sequence[ApiKey] = load_keys(settings)
        self._insecure = settings.insecure
        self._login = login_name(settings)
        self._is_local = is_loopback(settings.host)
        more = {name.strip().lower() for name in (settings.hosts or "").split(",") if name.strip()}
        own = {"localhost", "127.0.0.1", "::1", settings.host.lower().strip("[]")}
        self._hosts = own | more if self._is_local or more else frozenset[str]()
        self._wrong = _WrongKeys()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request pass, or not."""
        if scope["type"] == "http":
            try:
                scope["quire.principal"] = self._admit(scope)
            except HttpProblem as exc:
                await find_trouble(exc, request_id=request_id_of(scope)).response()(scope, receive, send)
                return
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> Principal:
        headers = Headers(scope=scope)
        path, is_reading = scope["path"], scope["method"] in _READING
        client = scope["client"][0] if scope.get("client") else ""
        if path not in PROBES:
            self._check_host(headers)
        if not is_reading:
            _check_origin(headers)
        if is_reading and (path in _PUBLIC or path.startswith("/static/")):
            return Principal("anyone", may_write=False)
        if is_reading:
            _check_embedding(headers)
        principal = self._find_principal(headers, client)
        if not is_reading and path not in UPLOAD_PATHS:
            if path not in QUESTION_PATHS:
                _check_may_write(principal)
            _check_content(scope["method"], headers)
        return principal

    def _find_principal(self, headers: Headers, client: str) -> Principal:
        is_near = self._is_local and _is_this_machine(client) and not any(name in headers for name in _FORWARDED)
        if self._keys:
            key = self._find_key(headers, client)
            return Principal(key.name, key.may_write, is_near and key.may_write, has_key=True)
        if not self._insecure and not _is_this_machine(client):
            raise HttpProblem(
                "exposed", "This service has no keys, so it answers its own machine only. Set QUIRE_API_KEYS."
            )
        return Principal(self._login, may_write=True, is_near=is_near)

    def _find_key(self, headers: Headers, client: str) -> ApiKey:
        presented = _presented_key(headers)
        if presented and (key := find_key(self._keys, presented)):
            return key
        if presented and self._wrong.count(client) > _WRONG_KEYS:
            wait = {"Retry-After": str(int(_WINDOW_S))}
            raise HttpProblem(
                "too-many-wrong-keys", "Too many wrong keys came from your address. Wait a minute.", headers=wait
            )
        detail = (
            "This key is not one of the service's."
            if presented
            else "A key is needed: send it as `Authorization: Bearer KEY`."
        )
        raise HttpProblem("key-missing", detail, headers={"WWW-Authenticate": 'Bearer realm="quire"'})

    def _check_host(self, headers: Headers) -> None:
        """Against DNS rebinding: another site's name, pointed at this machine, is not ours."""
        if self._hosts and _host_name(headers.get("host", "")) not in self._hosts:
            raise HttpProblem(
                "wrong-host", "The service does not go by that name here. Name it in QUIRE_HOSTS if it should."
            )


class _WrongKeys:
    """Counts wrong keys by address, within a window of time; remembers only so many addresses."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, address: str) -> int:
        """Count one more, and say how many there were."""
        now_s = time.monotonic()
        began_s, count = self._seen.pop(address, (now_s, 0))
        if now_s - began_s > _WINDOW_S:
            began_s, count = now_s, 0
        self._seen[address] = began_s, count + 1
        if len(self._seen) > _ADDRESSES:
            self._seen.popitem(last=False)
        return count + 1


def _is_this_machine(client: str) -> bool:
    """No address is a Unix socket."""
    return not client or is_loopback(client)


def _presented_key(headers: Headers) -> str:
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "").strip()


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _check_origin(headers: Headers) -> None:
    """Against other sites' pages: a browser says where a post comes from, and it must be from here."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin") or (
        origin is not None and _netloc(origin) != headers.get("host", "").lower()
    ):
        raise HttpProblem(
            "cross-origin", "The request comes from a page of another site, and may only come from this one."
        )


def _check_embedding(headers: Headers) -> None:
    """Against other sites' pages that make the service work: a link may lead here, but no picture, frame or script of theirs."""
    site = headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin") and headers.get("sec-fetch-dest") != "document":
        raise HttpProblem("cross-origin", "A page of another site asks for this, and it is only for this one.")


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _check_may_write(principal: Principal) -> None:
    if not principal.may_write:
        raise HttpProblem("key-read-only", f"The key {principal.name} may only read. Use one of the kind rw.")


def _check_content(method: str, headers: Headers) -> None:
    """Against forms of other sites: JSON is nothing that a form can send. DELETE, neither."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method in ("POST", "PUT", "PATCH") and kind != "application/json":
        raise HttpProblem("media-type", "Send JSON, with `Content-Type: application/json`.")
