"""The installed command `quire`, run in a process of its own: forked where that is the same (`forking.py`), else as a person runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.forking import Forked, can_fork

_ADDRESS = re.compile(r"Quire is at (http://\S+?)/ ")
_START_S = 60


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def quire_path() -> str:
    beside = Path(sys.executable).parent / "quire"
    found = str(beside) if beside.exists() else shutil.which("quire")
    assert found, "The command quire is not installed beside this Python."
    return found


def environment(library: Path, **more: str) -> dict[str, str]:
    """This environment with its own library, no settings of ours, and no way to the network of model hubs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    return kept | {"QUIRE_LIBRARY": str(library), "HF_HUB_OFFLINE": "1", "COLUMNS": "120"} | more


Process = subprocess.Popen[bytes] | Forked


class Quire:
    """`quire` on one library; with `bare` it imports what it needs by itself."""

    def __init__(self, library: Path, *, bare: bool = False, **environ: str) -> None:
        self.library = library
        self.bare = bare
        self.environ = environment(library, **environ)

    def __call__(self, *arguments: object, timeout_s: float = 120, **more: str) -> Ran:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self.start(*arguments, stdout=out.fileno(), stderr=err.fileno(), **more)
            try:
                status = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            out.seek(0)
            err.seek(0)
            return Ran(status, out.read().decode(), err.read().decode())

    def start(self, *arguments: object, stdout: int, stderr: int, **more: str) -> Process:
        """The same, not waited for."""
        command, environ = [quire_path(), *map(str, arguments)], self.environ | more
        if self.bare or not can_fork(environ):
            return subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        return Forked(command, environ, stdout=stdout, stderr=stderr)

    def ok(self, *arguments: object, status: int | None = 0) -> Ran:
        """The same, and it must leave with `status`; None: 0, or 3 where something was left out."""
        ran = self(*arguments)
        assert ran.status == status or (status is None and ran.status in (0, 3)), (
            f"quire {' '.join(map(str, arguments))} left with {ran.status}:\n{ran.out}\n{ran.err}"
        )
        return ran

    def json(self, *arguments: object, status: int | None = 0) -> Any:
        """What it prints with `--json`."""
        return self.ok(*arguments, "--json", status=status).json


@dataclass(slots=True)
class Service:
    """A running `quire serve`."""

    address: str
    process: Process
    lines: list[str]
    may_end: bool = False
    """Whether it was told to; ending by itself fails what it was started for, with its last words."""

    def stop(self, *, timeout_s: float = 40) -> int:
        """SIGTERM, and the exit status."""
        self.may_end = True
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=timeout_s)


@contextmanager
def serving(quire: Quire, *arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[Service]:
    """`quire serve` on a free port, ready to answer; ended when the block is."""
    said, its_words = os.pipe()
    with Path(os.devnull).open("wb") as nothing:
        process = quire.start(
            "serve", "--port", "0", *arguments, stdout=nothing.fileno(), stderr=its_words, **(environ or {})
        )
    os.close(its_words)
    lines: list[str] = []
    told = threading.Event()
    listener = threading.Thread(target=_listen, args=(said, lines, told), daemon=True)
    listener.start()
    try:
        told.wait(_START_S)
        found = next((match for line in lines if (match := _ADDRESS.search(line))), None)
        assert found, f"quire serve did not start: {''.join(lines)}"
        service = Service(found[1], process, lines)
        _await_ready(service)
        yield service
        status = process.poll()
        assert service.may_end or status is None, f"quire serve ended by itself with {status}: {''.join(lines[-40:])}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join(5)


def _listen(said: int, lines: list[str], told: threading.Event) -> None:
    """Keep what the service says; `told` once it said its address, or ended."""
    with open(said, encoding="utf-8", errors="replace") as words:
        for line in words:
            lines.append(line)
            if _ADDRESS.search(line):
                told.set()
    told.set()


def _await_ready(service: Service) -> None:
    import time

    import httpx

    end_s = time.monotonic() + _START_S
    while time.monotonic() < end_s and service.process.poll() is None:
        try:
            if httpx.get(f"{service.address}/readyz", timeout=5, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"quire serve did not become ready: {''.join(service.lines)}")
