"""The installed command `quire`, run as a person runs it: in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


class Quire:
    """`quire` on one library."""

    def __init__(self, library: Path, **environ: str) -> None:
        self.library = library
        self.environ = environment(library, **environ)

    def __call__(self, *arguments: object, timeout_s: float = 120, **more: str) -> Ran:
        done = subprocess.run(
            [quire_path(), *map(str, arguments)],
            env=self.environ | more,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

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
    process: subprocess.Popen[str]
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
    process = subprocess.Popen(
        [quire_path(), "serve", "--port", "0", *arguments],
        env=quire.environ | dict(environ or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: list[str] = []
    told = threading.Event()
    listener = threading.Thread(target=_listen, args=(process, lines, told), daemon=True)
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
        assert process.stderr is not None
        process.stderr.close()


def _listen(process: subprocess.Popen[str], lines: list[str], told: threading.Event) -> None:
    """Keep what the service says; `told` once it said its address, or ended."""
    assert process.stderr is not None
    for line in process.stderr:
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
