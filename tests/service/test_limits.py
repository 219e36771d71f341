"""How much, how slowly and how many at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from support.service import FakeLibrary, make_settings, open_client, scan, wait_for

from service.errors import HttpProblem
from service.limits import BodyLimit, UploadLimit
from service.metrics import Metrics


def test_a_declared_body_that_is_too_large_is_refused_unread() -> None:
    """Content-Length is enough to say no."""
    library = FakeLibrary()
    with open_client(library, max_upload_bytes=1000) as client:
        answer = client.post("/v1/similar", files=[scan(data=b"x" * 2000)])
        assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert library.calls == []


def test_a_body_that_grows_too_large_is_cut_off() -> None:
    """Without Content-Length the bytes are counted as they come."""

    def chunks() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield b"x" * 100

    with open_client(max_upload_bytes=1000) as client:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert client.post("/v1/similar", content=chunks(), headers=headers).json()["code"] == "body-too-large"


def test_json_has_a_smaller_limit_than_uploads() -> None:
    """A megabyte is plenty for ids."""
    with open_client() as client:
        body = b'{"clusters": [' + b"1," * 2**20 + b'1], "group": "a"}'
        answer = client.post("/v1/names", content=body, headers={"Content-Type": "application/json"})
        assert answer.json()["code"] == "body-too-large"


def test_so_many_files_and_no_more() -> None:
    """The number of files is limited."""
    with open_client(max_upload_files=2) as client:
        assert client.post("/v1/similar", files=[scan()] * 2).status_code == 200
        answer = client.post("/v1/similar", files=[scan()] * 3)
        assert (answer.status_code, answer.json()["code"]) == (413, "too-many-files")


FORM = "multipart/form-data; boundary=x"


def part(disposition: str) -> bytes:
    """A form with one part."""
    return f"--x\r\nContent-Disposition: form-data; {disposition}\r\n\r\ntext\r\n--x--\r\n".encode()


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        (FORM, b"no boundary in here", "bad-multipart"),
        ("multipart/form-data", b"--x--", "bad-multipart"),
        (FORM, b"", "bad-multipart"),
        (FORM, b"--x--\r\n", "bad-multipart"),
        (FORM, part('name="file"'), "bad-multipart"),
        (FORM, part('name="other"; filename="a"'), "bad-multipart"),
        (FORM, b"--x\r\n" + b"A: b\r\n" * 5000, "bad-multipart"),
        ("application/json", b"{}", "media-type"),
        ("image/png", b"\x89PNG", "media-type"),
    ],
)
def test_uploads_that_are_none(kind: str, body: bytes, code: str) -> None:
    """A body that is no form with a file is refused with a hint."""
    with open_client() as client:
        answer = client.post("/v1/similar", content=body, headers={"Content-Type": kind})
        assert answer.json()["code"] == code


def test_a_file_without_content_is_unreadable_or_read_but_no_error() -> None:
    """An empty file reaches the library, which says what it thinks of it."""
    with open_client() as client:
        assert client.post("/v1/similar", files=[scan(data=b"")]).status_code == 200


def test_uploads_beyond_so_many_are_told_to_come_again() -> None:
    """While as many as allowed are under way, one more gets 503 at once."""
    library = FakeLibrary()
    hold = threading.Event()
    library.on_embed = lambda prepared: _wait(hold)
    with open_client(library, max_waiting_uploads=2) as client, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(client.post, "/v1/similar", files=[scan()]) for _ in range(2)]
        wait_for(lambda: "quire_uploads_under_way 2.0" in client.get("/metrics").text)
        answer = client.post("/v1/similar", files=[scan()])
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert int(answer.headers["retry-after"]) > 0
        hold.set()
        assert [one.result().status_code for one in waiting] == [200, 200]
        assert client.post("/v1/similar", files=[scan()]).status_code == 200


def test_a_body_that_trickles_ends_in_408() -> None:
    """Each byte arrives quickly, the whole never: the deadline is for the whole."""

    async def trickle() -> AsyncIterator[Message]:
        while True:
            await asyncio.sleep(0.01)
            yield {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(HttpProblem) as caught:
        asyncio.run(_read_all(trickle(), body_timeout_s=0.1))
    assert caught.value.code == "body-too-slow"


def test_a_body_that_stops_ends_in_408() -> None:
    """Nothing comes any more."""

    async def silence() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": b"x", "more_body": True}
        await asyncio.sleep(60)

    with pytest.raises(HttpProblem) as caught:
        asyncio.run(_read_all(silence(), body_timeout_s=0.1))
    assert caught.value.status_code == 408


def test_waiting_for_the_client_to_leave_has_no_deadline() -> None:
    """After the body, a long answer may take as long as it likes."""

    async def complete() -> AsyncIterator[Message]:
        yield {"type": "http.request", "body": b"x", "more_body": False}
        await asyncio.sleep(0.15)
        yield {"type": "http.disconnect"}

    assert asyncio.run(_read_all(complete(), body_timeout_s=0.05)) == ["http.request", "http.disconnect"]


def test_an_upload_that_fails_frees_its_place() -> None:
    """The count of uploads under way goes down whatever happens."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("broken")

    async def ask() -> None:
        limit = UploadLimit(broken, settings=make_settings(max_waiting_uploads=1), metrics=Metrics())
        for _ in range(3):
            with pytest.raises(RuntimeError, match="broken"):
                await limit(_scope(), _never, _ignore)

    asyncio.run(ask())


async def _read_all(messages: AsyncIterator[Message], **settings: Any) -> list[str]:
    """The kinds of the messages that an app behind the limit receives until the client leaves."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while "http.disconnect" not in seen:
            seen.append((await receive())["type"])

    async def receive() -> Message:
        return await anext(messages)

    await BodyLimit(app, settings=make_settings(**settings))(_scope(), receive, _ignore)
    return seen


def _scope() -> Scope:
    return {"type": "http", "method": "POST", "path": "/v1/similar", "headers": []}


async def _never() -> Message:
    raise AssertionError("nothing should be read")


async def _ignore(message: Message) -> None:
    pass


def _wait(event: threading.Event) -> None:
    assert event.wait(5)
