"""The other side of `guarded.py`: processes that decode, one file at a time, and may crash, hang or run out of memory at it.

A mother imports what decoding takes, once, and forks off a child whenever she is asked to, in a few milliseconds; she reads no file
herself. A child confines itself (`confine.py`), and then answers whoever holds the other end of its socket: open this, give me
page 3, close it. All of them end when that other end is closed.
"""

from __future__ import annotations

import importlib
import io
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from indexer.errors import PictureError, PictureTooLargeError
from indexer.sources import confine, wire
from indexer.sources.decode import HasPages, naming_disk_faults, open_data, open_stream
from indexer.sources.limits import DecodeLimits

_SAYS_NOTHING_S = 1.0
"""How long a killed child may take to be gone; one that hangs in the kernel, on a dead disk, is not waited for."""

Opener = Callable[[io.BufferedReader | bytes, DecodeLimits], AbstractContextManager[HasPages]]


@contextmanager
def open_any(source: io.BufferedReader | bytes, limits: DecodeLimits) -> Iterator[HasPages]:
    """What a child opens files and uploads with, unless it is told another function."""
    if isinstance(source, bytes):
        with open_data(source, limits=limits) as opened:
            yield opened
        return
    with naming_disk_faults(), open_stream(source, limits=limits) as opened:
        yield opened


def main(descriptor: int, opener: str, more_bytes: int) -> None:
    """Be the mother, at the other end of an open socket; `opener` is an import string, `more_bytes` what a child may take."""
    import pillow_heif  # noqa: F401  # so that no child has to
    import pypdfium2  # noqa: F401

    # Ctrl-C and an order to end go to whoever decodes here: that process finishes what it promised, and closes the sockets.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    module, _, name = opener.partition(":")
    open_source: Opener = getattr(importlib.import_module(module), name)
    control = socket.socket(fileno=descriptor)
    while (order := wire.receive(control, most_bytes=0)) is not None:
        if order.descriptor is None:
            wire.send(control, {"status": _end_child(int(order.values["end"]))})
            continue
        child = os.fork()
        if child == 0:
            control.close()
            _live(socket.socket(fileno=order.descriptor), open_source, more_bytes)
        os.close(order.descriptor)
        wire.send(control, {"child": child})


def _end_child(child: int) -> int | None:
    """Kill a child, and say how it ended, as `os.waitpid` does; one that was dead already is told apart by that."""
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    until_s = time.monotonic() + _SAYS_NOTHING_S
    while time.monotonic() < until_s:
        try:
            ended, status = os.waitpid(child, os.WNOHANG)
        except ChildProcessError:
            return None
        if ended:
            return status
        time.sleep(0.001)
    return None


def _live(channel: socket.socket, open_source: Opener, more_bytes: int) -> None:
    """A child's life, which never returns."""
    try:
        confine.die_with_parent()
        confine.forbid_files(confine.places_to_read())
        confine.limit_resources(more_bytes=more_bytes)
        while (order := wire.receive(channel, most_bytes=sys.maxsize)) is not None:
            _answer(channel, order, open_source)
    except (OSError, wire.BrokenWireError, wire.NonsenseError):
        pass  # nobody listens any more
    finally:
        os._exit(0)


def _answer(channel: socket.socket, order: wire.Message, open_source: Opener) -> None:
    """Open one file, and answer for its pages until it is closed."""
    with _telling_faults(channel):
        limits = DecodeLimits(**order.values["limits"])
        with _source_of(order) as source, open_source(source, limits) as opened:
            wire.send(channel, {"sha256": opened.sha256, "page_count": opened.page_count})
            while (asked := wire.receive(channel, most_bytes=0)) is not None and "page" in asked.values:
                with _telling_faults(channel):
                    _send_page(channel, opened, asked.values)
        wire.send(channel, {"peak": _peak_bytes()})


def _send_page(channel: socket.socket, opened: HasPages, asked: Mapping[str, Any]) -> None:
    picture = opened.page(asked["page"], max_side_px=asked["max_side_px"], enough_px=asked["enough_px"])
    height, width, _ = picture.pixels.shape
    told = {"height": height, "width": width, "full": [picture.width_px, picture.height_px], "peak": _peak_bytes()}
    wire.send(channel, told, blob=picture.pixels.reshape(-1).data)


@contextmanager
def _source_of(order: wire.Message) -> Iterator[io.BufferedReader | bytes]:
    if order.descriptor is None:
        yield order.blob.tobytes()
        return
    with os.fdopen(order.descriptor, "rb") as file:
        yield file


@contextmanager
def _telling_faults(channel: socket.socket) -> Iterator[None]:
    """Turns whatever goes wrong inside into an answer."""
    try:
        yield
    except PictureError as exc:
        kind = "too-large" if isinstance(exc, PictureTooLargeError) else "picture"
        _tell(channel, kind, str(exc), exc.skip_code)
    except MemoryError:
        _tell(channel, "picture", "decoding it needs more memory than a decoder may take", "memory")
    except (ConnectionError, wire.BrokenWireError, wire.NonsenseError):
        raise
    except Exception as exc:
        _tell(
            channel,
            "picture",
            f"decoding it failed in a way that was not foreseen ({type(exc).__name__})",
            "unreadable",
        )


def _tell(channel: socket.socket, kind: str, reason: str, skip_code: str) -> None:
    wire.send(channel, {"fault": kind, "reason": reason, "skip_code": skip_code, "peak": _peak_bytes()})


def _peak_bytes() -> int:
    """The most memory this process ever had at once, by what the system counts."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
