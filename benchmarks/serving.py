"""A running service for benchmarks: uvicorn in a thread of its own, and clients that upload pages."""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import httpx
import uvicorn

from benchmarks.report import run_together
from indexer.library import Library
from service.app import create_app


@dataclass(frozen=True, slots=True)
class Service:
    """A service that answers at `address`."""

    address: str

    def ask(self, client: httpx.Client, page: bytes) -> float:
        """Upload a page, ask for similar ones; seconds until the answer was read."""
        began_s = time.perf_counter()
        answer = client.post(f"{self.address}/v1/similar", files={"file": ("page.jpg", page, "image/jpeg")})
        took_s = time.perf_counter() - began_s
        answer.raise_for_status()
        assert answer.json()["pages"], answer.text
        return took_s

    def read_stages(self, client: httpx.Client) -> dict[str, float]:
        """Seconds spent in each stage so far, by the service's own metrics."""
        text = client.get(f"{self.address}/metrics").text
        return {stage: seconds for stage, (_, seconds) in stages_of(text).items()}


def stages_of(text: str) -> dict[str, tuple[int, float]]:
    """How often each stage was gone through, and its seconds in all, from what `/metrics` says."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for what, stage, value in re.findall(
        r'^quire_stage_seconds_(sum|count)\{stage="(\w+)"\} (\S+)$', text, re.MULTILINE
    ):
        found[stage][what] = float(value)
    return {stage: (int(values["count"]), values["sum"]) for stage, values in found.items()}


@contextmanager
def serve(library: Library, **settings: object) -> Iterator[Service]:
    """A service over an open library; `settings` replace the library's own."""
    app = create_app(library.settings.model_copy(update={"port": 0, **settings}), library=library)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Service(f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join()


def ask_together(service: Service, pages: Sequence[bytes], *, clients: int, seconds: float) -> float:
    """Answers per second while so many clients upload one page after the other."""
    counts = [0] * clients
    until_s = time.perf_counter() + seconds

    def work(number: int) -> None:
        with httpx.Client(timeout=120) as client:
            while not counts[number] or time.perf_counter() < until_s:
                service.ask(client, pages[(number + counts[number]) % len(pages)])
                counts[number] += 1

    began_s = time.perf_counter()
    run_together([partial(work, number) for number in range(clients)])
    return sum(counts) / (time.perf_counter() - began_s)
