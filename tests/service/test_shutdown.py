"""A real server process that is asked to end: it finishes what it promised, and ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from support.service import scan, wait_for

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
import socket, sys, threading, time, uvicorn
from support.service import FakeLibrary, make_settings
from service.app import create_app

library = FakeLibrary()
library.release = threading.Event()
library.on_embed = lambda prepared: time.sleep(1.0)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(create_app(make_settings(), library=library), log_level="warning", timeout_graceful_shutdown=20)
uvicorn.Server(config).run(sockets=[listener])
"""


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves a fake library whose model takes a second and whose jobs never end by themselves."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert process.stdout is not None
    with process, process.stdout as said:
        address = f"http://127.0.0.1:{int(said.readline())}"
        wait_for(lambda: _answers(address), timeout_s=20)
        yield process, address
        process.kill()


def test_sigterm_answers_uploads_ends_streams_and_stops_jobs(server: tuple[subprocess.Popen[str], str]) -> None:
    """The upload under way gets its answer, the stream says goodbye, and the process ends by itself."""
    process, address = server
    with httpx.Client(base_url=address, timeout=20, trust_env=False) as client, ThreadPoolExecutor(2) as pool:
        job_id = client.post("/v1/jobs", json={"kind": "cluster", "k": 2}).json()["id"]
        streaming = threading.Event()
        heard = pool.submit(_listen, f"{address}/v1/jobs/{job_id}/events", streaming)
        assert streaming.wait(10)
        upload = pool.submit(client.post, "/v1/similar", files=[scan()])
        wait_for(lambda: "quire_uploads_under_way 1.0" in client.get("/metrics").text)
        process.send_signal(signal.SIGTERM)
        assert upload.result(20).status_code == 200
        assert heard.result(20).endswith(": the service is shutting down\n\n")
    assert process.wait(20) in (0, -signal.SIGTERM)


def _listen(url: str, streaming: threading.Event) -> str:
    """All that a stream says, once it has begun to."""
    heard = ""
    with httpx.stream("GET", url, timeout=20, trust_env=False) as response:
        for text in response.iter_text():
            heard += text
            streaming.set()
    return heard


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
