"""A real server, attacked through its socket: each attack is refused as it should be, and the next request is answered as ever."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import pytest
import uvicorn
from support.service import KEYS, RW_KEY, FakeLibrary, make_settings, page_id_of, wait_for

from service.app import create_app
from service.connections import SERVER_OPTIONS, Connection

HOST = "Host: 127.0.0.1"
KEY = f"X-API-Key: {RW_KEY}"
FORM = "Content-Type: multipart/form-data; boundary=x"
JSON = "Content-Type: application/json"
PAGE = f"/v1/pages/{page_id_of(1)}"


class Impatient(Connection):
    """With limits that a test can reach."""

    head_s = 0.4
    unread_s = 0.4


class Crowded(Connection):
    """With a most of connections that a test can reach."""

    most = 3


@dataclass(slots=True)
class Server:
    """A service at a port of this machine, and its library."""

    port: int
    library: FakeLibrary
    server: uvicorn.Server

    def connect(self) -> socket.socket:
        """A connection that gives up in time."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def send(self, data: bytes) -> bytes:
        """All that comes back until the server closes, or has answered and says no more for a moment."""
        with self.connect() as connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
            return read_all(connection)
        return b""

    def is_well(self) -> bool:
        """Whether a good request is answered."""
        return b"200 OK" in self.send(request("GET", "/v1/status", HOST, KEY, "Connection: close"))

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self.server.server_state.connections)


@contextmanager
def serving(library: FakeLibrary, connection: type[Connection] = Connection, **settings: object) -> Iterator[Server]:
    """The app behind uvicorn as `quire serve` starts it."""
    app = create_app(make_settings(**settings), library=library)  # type: ignore[arg-type]
    config = uvicorn.Config(app, port=0, **{**SERVER_OPTIONS, "http": connection})  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield Server(server.servers[0].sockets[0].getsockname()[1], library, server)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A service with keys; attacks leave it as it was."""
    with serving(FakeLibrary(), api_keys=KEYS, max_upload_bytes=20_000, max_upload_files=4) as running:
        yield running


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    """The same, with limits on time that a test can reach."""
    library = FakeLibrary()
    library.page_image = lambda page_id, *, side_px=2048: b"x" * 2**25  # type: ignore[method-assign]
    with serving(library, Impatient, api_keys=KEYS, body_timeout_s=0.4) as running:
        yield running


def read_all(connection: socket.socket) -> bytes:
    """Bytes until the other side closes or has given a whole answer."""
    data = b""
    while not is_whole(data):
        try:
            more = connection.recv(65_536)
        except (ConnectionResetError, TimeoutError):
            break
        if not more:
            break
        data += more
    return data


def is_whole(data: bytes) -> bool:
    """Whether an answer with a Content-Length is all there."""
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(length) and len(body) >= int(length[1])  # type: ignore[index]


def request(method: str, target: str, *headers: str, body: bytes = b"", version: str = "HTTP/1.1") -> bytes:
    """A request as it goes over the wire, exactly as told."""
    return "\r\n".join([f"{method} {target} {version}", *headers, "", ""]).encode("latin-1") + body


def post(target: str, *headers: str, body: bytes) -> bytes:
    """A request with its true length."""
    return request("POST", target, HOST, KEY, *headers, f"Content-Length: {len(body)}", body=body)


def form(*dispositions: str) -> bytes:
    """A form with a part for each."""
    parts = [f"--x\r\nContent-Disposition: form-data; {one}\r\n\r\nabc\r\n" for one in dispositions]
    return "".join([*parts, "--x--\r\n"]).encode()


def chunked(*chunks: bytes) -> bytes:
    """A chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def get(target: str, *headers: str) -> bytes:
    """A request with a key."""
    return request("GET", target, HOST, KEY, *headers)


CLOSED = 0
"""Refused while the client was still sending: the answer may be lost with the connection."""
FILE = 'name="file"; filename="a.png"'
ATTACKS: dict[str, dict[str, tuple[bytes, set[int]]]] = {
    "traversal": {
        "dots in a static path": (get("/static/../../pyproject.toml"), {404}),
        "encoded dots": (get("/static/%2e%2e/%2e%2e/pyproject.toml"), {404}),
        "encoded slashes": (get("/static/..%2f..%2fpyproject.toml"), {404}),
        "encoded twice": (get("/static/%252e%252e/pyproject.toml"), {404}),
        "backslashes": (get("/static/..%5c..%5cpyproject.toml"), {404}),
        "an absolute path": (get("/static//etc/passwd"), {404}),
        "a zero byte": (get("/static/app.js%00.png"), {404}),
        "overlong UTF-8": (get("/static/%c0%ae%c0%ae/pyproject.toml"), {404}),
        "a page id that is a path": (get("/v1/pages/..%2f..%2fetc%2fpasswd/image"), {404, 422}),
        "a thumbnail that is a path": (get("/v1/pages/%2e%2e/thumbnail"), {404, 422}),
        "a file by URL": (get("file:///etc/passwd"), {404}),
        "another server by URL": (get("http://169.254.169.254/latest/meta-data"), {404}),
        "a job on a folder that is not the library's": (
            post("/v1/jobs", JSON, "X-Forwarded-For: 1.2.3.4", body=b'{"kind": "index", "roots": ["/etc"]}'),
            {403},
        ),
        "a job that climbs out of a root": (
            post("/v1/jobs", JSON, "X-Forwarded-For: 1.2.3.4", body=b'{"kind": "index", "roots": ["/scans/../etc"]}'),
            {403},
        ),
        "a model that is a path": (get("/v1/models/..%2f..%2fetc/report"), {404, 422}),
    },
    "oversize": {
        "a body that says it is huge": (request("POST", "/v1/similar", HOST, KEY, FORM, "Content-Length: 99999999"), {413}),
        "a length of forty digits": (
            request("POST", "/v1/similar", HOST, KEY, FORM, f"Content-Length: {'9' * 40}"),
            {400, 413},
        ),
        "a body that grows": (
            request("POST", "/v1/similar", HOST, KEY, FORM, "Transfer-Encoding: chunked", body=chunked(*[b"y" * 4000] * 8)),
            {413},
        ),
        "JSON beyond its limit": (post("/v1/names", JSON, body=b'{"group": "' + b"a" * 20_001 + b'"}'), {413}),
        "JSON nested nine thousand deep": (post("/v1/names", JSON, body=b"[" * 9000), {400, 422}),
        "a number of ten thousand digits": (
            post("/v1/names", JSON, body=b'{"clusters": [' + b"9" * 10_000 + b'], "group": "a"}'),
            {400, 422},
        ),
        "too many files": (post("/v1/similar", FORM, body=form(*[FILE] * 5)), {413}),
        "a header of a megabyte": (get("/v1/status", "X-Big: " + "a" * 2**20), {400, CLOSED}),
        "a hundred thousand headers": (get("/v1/status", *[f"X-{n}: a" for n in range(100_000)]), {400, CLOSED}),
        "an address of a megabyte": (get("/v1/pages?cursor=" + "a" * 2**20), {400, CLOSED}),
        "a limit beyond the most": (get("/v1/pages?limit=999999999"), {422}),
        "a picture of a gigapixel": (get(f"{PAGE}/image?side_px=100000"), {422}),
        "a thousand filters": (get("/v1/pages?" + "&".join(["filter=label%3Da"] * 800)), {200, 400, 422}),
    },
    "bad multipart": {
        "no boundary": (post("/v1/similar", "Content-Type: multipart/form-data", body=b"--x--"), {400}),
        "another boundary": (post("/v1/similar", FORM, body=b"--y\r\n\r\n\r\n--y--\r\n"), {400}),
        "cut off in its head": (post("/v1/similar", FORM, body=b"--x\r\nContent-Dispo"), {400}),
        "cut off in its content": (post("/v1/similar", FORM, body=form(FILE)[:-8]), {400}),
        "a part without a disposition": (post("/v1/similar", FORM, body=b"--x\r\nA: b\r\n\r\nc\r\n--x--\r\n"), {400}),
        "a part without a name": (post("/v1/similar", FORM, body=form('filename="a"')), {400}),
        "no file in it": (post("/v1/similar", FORM, body=form('name="file"')), {400}),
        "five thousand headers in a part": (post("/v1/similar", FORM, body=b"--x\r\n" + b"A: b\r\n" * 3000), {400}),
        "a boundary of 8 KiB": (
            post("/v1/similar", f"Content-Type: multipart/form-data; boundary={'b' * 8000}", body=b"--b--"),
            {400},
        ),
        "a boundary with a line break": (
            post("/v1/similar", 'Content-Type: multipart/form-data; boundary="a\\r\\nb"', body=b"--a--"),
            {400},
        ),
        "a charset that there is not": (
            post("/v1/similar", f"{FORM}; charset=no-such", body=form(FILE)),
            {200, 400},
        ),
        "fields beyond so many": (post("/v1/similar", FORM, body=form(*['name="other"'] * 40, FILE)), {400}),
    },
    "wrong content types": {
        f"{kind} to {target}": (post(target, f"Content-Type: {kind}", body=body), {415})
        for target, body in (
            ("/v1/names", b'{"clusters": [1], "group": "a"}'),
            ("/v1/jobs", b'{"kind": "cluster", "k": 2}'),
            ("/v1/undo", b"{}"),
            ("/v1/similar", form(FILE)),
        )
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "text/plain; application/json",
            "",
        )
    },
    "header injection": {
        "a line break in a request id": (get("/v1/status", "X-Request-ID: a%0d%0aX-Evil: 1"), {200}),
        "a bare carriage return": (get("/v1/status", "X-Request-ID: a\rX-Evil: 1"), {200, 400}),
        "a bare line feed": (get("/v1/status", "X-Request-ID: a\nX-Evil: 1"), {200, 400}),
        "a folded header": (get("/v1/status", "X-Request-ID: a\r\n X-Evil: 1"), {200, 400}),
        "a zero byte in a header": (get("/v1/status", "X-Request-ID: a\0b"), {400}),
        "a line break in a path": (get("/v1/pages/%0d%0aX-Evil:%201"), {404, 422}),
        "a line break in a query": (get("/v1/pages?cursor=%0d%0aX-Evil:%201"), {400}),
        "a line break in a file's name": (
            post("/v1/similar", FORM, body=form('name="file"; filename="a%0d%0aX-Evil: 1.png"')),
            {200},
        ),
        "two hosts": (get("/v1/status", "Host: evil.example"), {400, 421}),
        "a host of another site": (request("GET", "/v1/status", "Host: evil.example", KEY), {421}),
        "a host of another site, by a test client": (
            request("GET", "/v1/status", "Host: evil.example", KEY, "X-Forwarded-For: testclient"),
            {421},
        ),
        "no host": (request("GET", "/v1/status", KEY), {400}),
        "a forwarded host": (get("/v1/status", "X-Forwarded-Host: evil.example"), {200}),
        "length and chunks, which smuggles": (
            request(
                "POST", "/v1/undo", HOST, KEY, JSON, "Content-Length: 4", "Transfer-Encoding: chunked",
                body=b"0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
            ),
            {400, 422},
        ),
        "two lengths": (
            request("POST", "/v1/undo", HOST, KEY, JSON, "Content-Length: 2", "Content-Length: 40", body=b"{}"),
            {400},
        ),
        "a negative length": (request("POST", "/v1/undo", HOST, KEY, JSON, "Content-Length: -1"), {400}),
        "a length that is none": (request("POST", "/v1/undo", HOST, KEY, JSON, "Content-Length: 0x2", body=b"{}"), {400}),
        "a chunk size that overflows": (
            request("POST", "/v1/undo", HOST, KEY, JSON, "Transfer-Encoding: chunked", body=b"f" * 30 + b"\r\n{}"),
            {400, 422},
        ),
        "an unknown coding": (
            request("POST", "/v1/undo", HOST, KEY, JSON, "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
            {400, 501},
        ),
        "TLS on a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400}),
        "an upgrade": (
            get("/v1/status", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13"),
            {200, 400},
        ),
        "a proxy's verb": (request("CONNECT", "evil.example:443", HOST, KEY), {400, 403, 404, 405}),
        "a trace": (request("TRACE", "/v1/status", HOST, KEY), {403, 405, 415}),
        "a verb that there is not": (request("EVIL", "/v1/status", HOST, KEY), {403, 405, 415}),
    },
    "key guessing": {
        "no key": (request("GET", "/v1/status", HOST), {401}),
        "an empty key": (request("GET", "/v1/status", HOST, "X-API-Key:"), {401}),
        "half a key": (request("GET", "/v1/status", HOST, f"X-API-Key: {RW_KEY[:-1]}"), {401, 429}),
        "a key and more": (request("GET", "/v1/status", HOST, f"X-API-Key: {RW_KEY}x"), {401, 429}),
        "a key in other letters": (request("GET", "/v1/status", HOST, f"X-API-Key: {RW_KEY.upper()}"), {401, 429}),
        "a key in the address": (request("GET", f"/v1/status?api_key={RW_KEY}", HOST), {401}),
        "a key in a cookie": (request("GET", "/v1/status", HOST, f"Cookie: key={RW_KEY}"), {401}),
        "a name for a key": (request("GET", "/v1/status", HOST, "X-API-Key: ann"), {401, 429}),
        "bytes that are no text": (request("GET", "/v1/status", HOST, "X-API-Key: \xff\xfe"), {401, 429}),
        "a wrong key first, the right one behind": (
            request("GET", "/v1/status", HOST, "Authorization: Bearer wrong", KEY),
            {401, 429},
        ),
        "a wrong key to write with": (
            request("POST", "/v1/undo", HOST, JSON, "X-API-Key: guess", "Content-Length: 2", body=b"{}"),
            {401, 429},
        ),
    },
}  # fmt: skip


# Starlette leaves the temporary file of a form that breaks off to the garbage collector, which closes it.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <function SpooledTemporaryFile")
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, attacks in ATTACKS.items() for name in attacks])
def test_an_attack_is_refused_and_does_no_harm(server: Server, kind: str, name: str) -> None:
    """The status is one of those it should be; nothing is decided, nothing injected, nothing told; and the service answers on."""
    data, expected = ATTACKS[kind][name]
    answer = server.send(data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(answer.split(b" ", 2)[1] if answer else CLOSED) in expected, answer[:300]
    assert b"\r\nx-evil" not in head.lower()
    assert not re.search(rb"Traceback|File \"|root:x:|\[project\]", body)
    assert server.library.decisions == []
    assert server.is_well()


def test_a_guesser_is_slowed_down(server: Server) -> None:
    """Through the socket, with a key each time a little different, and from elsewhere if one believed it."""
    answers = [
        server.send(
            request("GET", "/v1/status", HOST, f"X-API-Key: {RW_KEY[:-2]}{n:02}", f"X-Forwarded-For: 10.0.0.{n}")
        )
        for n in range(40)
    ]
    statuses = [int(answer.split(b" ", 2)[1]) for answer in answers]
    assert set(statuses) == {401, 429}
    assert statuses[-1] == 429
    assert b"retry-after" in answers[-1].lower()
    assert server.is_well()


SLOW = {
    "says nothing": [b""],
    "a head that never ends": [b"GET /v1/status HTTP/1.1\r\n"] + [b"X-A: b\r\n"] * 400,
    "a head byte by byte": [bytes([letter]) for letter in b"GET /v1/status HTTP/1.1\r\nX-A: " + b"b" * 400],
    "a second head that never ends": [get("/healthz"), b"GET /v1/status HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 400],
    "a body byte by byte": [
        request("POST", "/v1/similar", HOST, KEY, FORM, "Content-Length: 20000"),
        *[b"-"] * 400,
    ],
    "chunks of a byte": [
        request("POST", "/v1/names", HOST, KEY, JSON, "Transfer-Encoding: chunked"),
        *[b"1\r\n[\r\n"] * 400,
    ],
    "the rest of a body that was refused": [
        request("POST", "/v1/similar", HOST, KEY, FORM, f"Content-Length: {10**12}"),
        *[b"-"] * 400,
    ],
    "a body that nobody asked for": [
        request("GET", "/healthz", HOST, "Content-Length: 100000"),
        *[b"-"] * 400,
    ],
}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_client_is_let_go(impatient: Server, name: str) -> None:
    """Whatever it trickles, its connection ends in time, and others are answered meanwhile."""
    over = threading.Event()
    with impatient.connect() as connection:
        reader = threading.Thread(target=lambda: (_drain(connection), over.set()))
        reader.start()
        try:
            for piece in SLOW[name]:
                connection.sendall(piece)
                if over.wait(0.02):
                    break
        except OSError:
            pass
        wait_for(impatient.is_well)
        assert over.wait(20), "the connection was kept"
        reader.join()


def test_a_client_that_does_not_read_is_let_go(impatient: Server) -> None:
    """It asks for a large picture and takes none of it: the answer is given up, and with it the memory."""
    wait_for(lambda: impatient.connections == 0)
    with impatient.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(get(f"{PAGE}/image"))
        wait_for(lambda: impatient.connections == 1)
        wait_for(impatient.is_well)
        wait_for(lambda: impatient.connections == 0)
    wait_for(impatient.is_well)


def test_a_client_that_reads_slowly_is_kept() -> None:
    """Slow is not standing still: it is let go only when nothing at all was taken for a while."""
    unsent = iter([100, 90, 1, 1])
    ends: list[str] = []
    later: list[Callable[[], None]] = []
    connection = object.__new__(Connection)
    connection.transport = SimpleNamespace(
        get_write_buffer_size=lambda: next(unsent), abort=lambda: ends.append("aborted")
    )
    connection.loop = SimpleNamespace(
        call_later=lambda _, work, *rest: later.append(partial(work, *rest)) or SimpleNamespace(cancel=lambda: None)
    )
    connection.flow = SimpleNamespace(pause_writing=lambda: None)
    connection.pause_writing()
    unsent = iter([90, 90, 1, 1, 1])
    later.pop()()
    later.pop()()
    assert ends == []
    later.pop()()
    assert (ends, later) == (["aborted"], [])


LARGE = b"-" * 2**24
"""More than the system keeps of what is sent and not read."""


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (post("/v1/similar", FORM, body=LARGE), b"413"),
        (post("/v1/names", JSON, body=LARGE), b"413"),
        (request("POST", "/v1/similar", HOST, KEY, FORM, "Transfer-Encoding: chunked", body=chunked(LARGE)), b"413"),
        (request("POST", "/v1/similar", HOST, FORM, f"Content-Length: {len(LARGE)}", body=LARGE), b"401"),
    ],
    ids=["upload", "JSON", "chunked", "no key"],
)
def test_who_is_refused_while_sending_hears_why(server: Server, data: bytes, status: bytes) -> None:
    """A client that sends all before it reads gets the answer, and may go on with the same connection."""
    with server.connect() as connection:
        connection.sendall(data)
        assert read_all(connection).startswith(b"HTTP/1.1 " + status)
        connection.sendall(get("/v1/status"))
        assert read_all(connection).startswith(b"HTTP/1.1 200")


def test_who_comes_when_too_many_upload_hears_it() -> None:
    """The same where a body is refused because others are being sent."""
    with serving(FakeLibrary(), api_keys=KEYS, max_waiting_uploads=1) as busy, busy.connect() as first:
        first.sendall(request("POST", "/v1/similar", HOST, KEY, FORM, "Content-Length: 9"))
        wait_for(lambda: b"quire_uploads_under_way 1.0" in busy.send(get("/metrics")))
        with busy.connect() as second:
            second.sendall(post("/v1/similar", FORM, body=LARGE))
            assert read_all(second).startswith(b"HTTP/1.1 503")


def test_connections_beyond_so_many_are_closed_unheard() -> None:
    """Those that are there stay, and there is room again when they leave."""
    with serving(FakeLibrary(), Crowded, api_keys=KEYS) as crowded:
        held = [crowded.connect() for _ in range(3)]
        wait_for(lambda: crowded.connections == 3)
        try:
            with crowded.connect() as one_more:
                assert read_all(one_more) == b""
            held[0].sendall(get("/v1/status"))
            assert read_all(held[0]).startswith(b"HTTP/1.1 200")
        finally:
            for connection in held:
                connection.close()
        wait_for(crowded.is_well)


def _drain(connection: socket.socket) -> None:
    """Read until the other side closes."""
    try:
        while connection.recv(65_536):
            pass
    except OSError:
        pass
