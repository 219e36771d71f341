"""Processes of `quire` that begin with everything imported: one that has done so forks off the others, in milliseconds instead of seconds.

Each is a process of its own all the same, by the installed command's own script, with its own environment, output and end. What it does not
show is that a bare `quire` imports what it needs; the tests in `e2e` start that one.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_IMPORTED_FIRST = (
    "indexer.cli.app",
    "indexer.cli.showing",
    "indexer.library",
    "service.app",
    "httpx",
    "matplotlib",
    "open_clip",
    "plotly",
    "qdrant_client",
    "qdrant_edge",
    "rich.progress",
    "rich.table",
    "scipy.stats",
    "skimage",
    "sklearn.cluster",
    "sklearn.linear_model",
    "timm",
    "torch",
    "uvicorn",
)
_READ_WHEN_IMPORTED = ("HF_", "PYTHON", "LD_", "MALLOC_", "OMP_", "OPENBLAS_", "MKL_", "TORCH_", "HOME", "XDG_")


def can_fork(environ: Mapping[str, str]) -> bool:
    """Whether nothing differs from this process's environment that takes effect before a command begins."""
    names = {*environ, *os.environ}
    changed = {name for name in names if environ.get(name) != os.environ.get(name)}
    return not any(name.startswith(_READ_WHEN_IMPORTED) for name in changed - {"HF_HUB_OFFLINE"})


class Forked:
    """A forked process, with as much of `subprocess.Popen` as the tests use."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], *, stdout: int, stderr: int) -> None:
        self._told, theirs = socket.socketpair()
        with theirs, Path(os.devnull).open("rb") as nothing:
            order = {"command": list(command), "environ": dict(environ), "cwd": str(Path.cwd())}
            control, _ = _mother()
            socket.send_fds(control, [json.dumps(order).encode()], [nothing.fileno(), stdout, stderr, theirs.fileno()])
        self.pid = int(self._read_line())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit status, as of `Popen`, or None while it runs."""
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.returncode = int(self._read_line())
            self._told.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status."""
        if self.returncode is None and not select.select([self._told], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("quire", timeout or 0)
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read_line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            more = self._told.recv(1)
            assert more, "The process that forks the others has ended."
            line += more
        return line


@cache
def _mother() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The socket by which she is asked, and herself, held so that nobody warns of a process left running."""
    ours, hers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    with hers:
        process = subprocess.Popen(
            [sys.executable, __file__, str(hers.fileno())],
            env=environ | {"HF_HUB_OFFLINE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[hers.fileno()],
        )
    return ours, process


def _fork_for_all(control: socket.socket) -> dict[str, Any]:
    """Be the mother until nobody asks any more; in a child, what it is to do."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    while True:
        order, descriptors, _, _ = socket.recv_fds(control, 2**20, 4)
        if not order:
            os._exit(0)
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if _watch_child(descriptors):
                wanted: dict[str, Any] = json.loads(order)
                return wanted
        for descriptor in descriptors:
            os.close(descriptor)


def _watch_child(descriptors: list[int]) -> bool:
    """Fork once more and tell how that one ends; only the child comes back."""
    child = os.fork()
    *standard, told = descriptors
    if child == 0:
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
        for descriptor in descriptors:
            os.close(descriptor)
        return True
    for number in range(3):
        os.close(number)
    for descriptor in standard:
        os.close(descriptor)
    os.write(told, b"%d\n" % child)
    _, status = os.waitpid(child, 0)
    try:
        os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    finally:
        os._exit(0)


def _main() -> None:
    del sys.path[0]  # this folder, which a command doesn't have on its path
    for name in _IMPORTED_FIRST:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    wanted = _fork_for_all(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(wanted["environ"])
    os.chdir(wanted["cwd"])
    time.tzset()
    sys.argv = wanted["command"]
    status = 1
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    # All that an interpreter does at its end, but for taking apart half a second's worth of imported modules.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _main()
