"""A hold on the mother of decoding processes (`decoder.py`): have one made, have one ended and hear how it died."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from typing import IO

from indexer.errors import DecoderError
from indexer.sources import wire

_START_S = 120.0
"""A mother imports in 0.2 s; this is for machines that are busy with other things."""
_ORDER_S = 30.0
_MOTHER = """
import sys
_, descriptor, opener, more_bytes, *sys.path = sys.argv
from indexer.sources.decoder import main
main(int(descriptor), opener, int(more_bytes))
"""
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "SYSTEMROOT", "TZ")
"""The rest, keys of the service among it, is no business of a process that reads strangers' files."""
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # its threads would not survive the fork
    "MALLOC_ARENA_MAX": "2",  # each arena takes 128 MB of address space, which is what is limited
    # Else glibc gives each page's blocks back to the system, which zeroes them for the next page: 29 ms of a core a page of
    # scans_300dpi instead of 22. (Below 32 MiB it does, above it gains nothing.)
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
}


@dataclass(frozen=True, slots=True, eq=False)
class Child:
    """A decoding process, the socket by which it is asked, and the mother who made it: all of hers end with her."""

    pid: int
    channel: socket.socket
    mother: _Mother | None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a decoding process ended: the signal that it had died of, None where it still lived; or with its mother, not by its file."""

    died_of: int | None = None
    with_mother: bool = False


class Nursery:
    """Makes and ends decoding processes; safe in many threads. The mother is started when first needed, and again if she dies."""

    def __init__(self, *, opener: str, more_bytes: int) -> None:
        self._opener = opener
        self._more_bytes = more_bytes
        self._guard = threading.Lock()
        self._mother: _Mother | None = None

    def start(self) -> None:
        """Start the mother, without waiting for her to be ready."""
        with self._guard:
            self._get()

    def make_child(self) -> Child:
        """A fresh decoding process.

        Raises:
            DecoderError: none can be made.
        """
        with self._guard:
            try:
                return self._get().make_child()
            except (OSError, wire.BrokenWireError, wire.NonsenseError):
                self._drop()
            try:
                return self._get().make_child()
            except (OSError, wire.BrokenWireError, wire.NonsenseError) as exc:
                self._drop()
                raise DecoderError(
                    f"No process to decode scans in could be started ({exc or type(exc).__name__}). The machine may be out of memory or "
                    "of processes: end what is not needed, and try again."
                ) from exc

    def end_child(self, child: Child) -> Ending:
        """End a decoding process, and say how it had ended before."""
        child.channel.close()
        with self._guard:
            if self._mother is None or self._mother is not child.mother:
                return Ending(with_mother=True)
            try:
                status = self._mother.end_child(child.pid)
            except (OSError, wire.BrokenWireError, wire.NonsenseError):
                self._drop()
                return Ending(with_mother=True)
        if status is None or not os.WIFSIGNALED(status):
            return Ending()
        return Ending(died_of=os.WTERMSIG(status))

    def close(self) -> None:
        """End the mother, and with her all children."""
        with self._guard:
            self._drop()

    def _get(self) -> _Mother:
        if self._mother is None:
            self._mother = _Mother(self._opener, self._more_bytes)
        return self._mother

    def _drop(self) -> None:
        if self._mother is not None:
            self._mother.close()
            self._mother = None


class _Mother:
    def __init__(self, opener: str, more_bytes: int) -> None:
        self._control, hers = socket.socketpair()
        environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        command = [sys.executable, "-I", "-c", _MOTHER, str(hers.fileno()), opener, str(more_bytes), *sys.path]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the mother
        with hers:
            process = subprocess.Popen(
                command,
                env=environment | _ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                pass_fds=[hers.fileno()],
                close_fds=True,
            )
        self._until_s: float | None = time.monotonic() + _START_S
        # also when nobody closes: a process that ends must leave none behind, and no warning either
        self.close = weakref.finalize(self, _end_mother, self._control, process, self._said)

    def make_child(self) -> Child:
        ours, its = socket.socketpair()
        try:
            with its:
                answer = self._ask({}, descriptor=its.fileno())
            return Child(int(answer["child"]), ours, self)
        except BaseException:
            ours.close()
            raise

    def end_child(self, pid: int) -> int | None:
        status = self._ask({"end": pid})["status"]
        return None if status is None else int(status)

    def _ask(self, order: dict[str, int], *, descriptor: int | None = None) -> dict[str, int]:
        until_s = self._until_s or time.monotonic() + _ORDER_S
        try:
            wire.send(self._control, order, descriptor=descriptor, until_s=until_s)
            answer = wire.receive(self._control, most_bytes=0, until_s=until_s)
        except ConnectionError:
            answer = None
        if answer is None:
            raise wire.BrokenWireError(self._last_words() or "it ended at once")
        self._until_s = None
        return dict(answer.values)

    def _last_words(self) -> str:
        self._said.seek(0)
        return self._said.read().decode(errors="replace").strip().rpartition("\n")[2]


def _end_mother(control: socket.socket, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    """She ends when nobody can ask her any more, and her children with her; if not at once, she is made to."""
    control.close()
    said.close()
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
