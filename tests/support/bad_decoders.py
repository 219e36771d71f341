"""A decoder with every fault that decoders have been known for, told which to show by the file itself.

`faulty(at_first="ok", pages=["ok", "crash"])` makes such a file; `OPENER` is what `Decoders` takes. Anything else is decoded as ever.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from indexer.errors import PictureError
from indexer.sources.decode import HasPages
from indexer.sources.decoder import open_any
from indexer.sources.limits import DecodeLimits, check_pages
from indexer.values import Picture

OPENER = "support.bad_decoders:open_faulty"
_MARK = b"faulty "


def faulty(*, at_first: str = "ok", pages: Sequence[str] = ("ok",)) -> bytes:
    return _MARK + json.dumps({"open": at_first, "pages": list(pages)}).encode()


@contextmanager
def open_faulty(source: io.BufferedReader | bytes, limits: DecodeLimits) -> Iterator[HasPages]:
    data = source if isinstance(source, bytes) else source.read()
    if not data.startswith(_MARK):
        with open_any(data, limits) as opened:
            yield opened
        return
    told = json.loads(data.removeprefix(_MARK))
    _do(told["open"])
    if told["open"] != "lie":
        check_pages(len(told["pages"]), limits=limits)
    yield _Faulty(told["pages"])


class _Faulty:
    sha256 = "f" * 64

    def __init__(self, pages: Sequence[str]) -> None:
        self.page_count = len(pages)
        self._pages = pages

    def page(self, page_number: int, *, max_side_px: int, enough_px: int | None = None) -> Picture:
        done = _do(self._pages[page_number - 1])
        side = 40 if self._pages[page_number - 1] == "large" else 4
        pixels = np.full((side, side, 3), done, dtype=np.uint8)
        return Picture(pixels=pixels, width_px=4, height_px=4, page_number=page_number)


def _do(what: str) -> int:
    """Show the fault; returns a number to see by what was done."""
    name, _, argument = what.partition(" ")
    match name:
        case "ok":
            return 255
        case "pid":
            return os.getpid() % 251
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "null":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "leave":
            os._exit(3)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(600)
        case "spin":
            while True:
                pass
        case "eat":
            return sum(len(block) for block in [b"x" * 2**26 for _ in range(200)]) % 251
        case "bug":
            raise KeyError("a bug")
        case "refuse":
            raise PictureError("it is no picture", skip_code="not-a-picture")
        case "write":
            Path(argument).write_text("written", encoding="utf-8")
        case "read":
            Path(argument).read_bytes()
        case "run":
            os.execv(argument, [argument])
        case "connect":
            with socket.create_connection(("127.0.0.1", int(argument)), timeout=5):
                pass
        case "environment":
            return len([name for name in os.environ if name.startswith("QUIRE_")])
    return 0
