"""Files and uploads decoded in processes of their own, so that what crashes, hangs or fills the memory there harms nothing here.

Decoders are C and C++ that reads what strangers wrote. `Decoders` opens what `decode.py` opens, with the same pages and the same errors;
but the work is done by a process that can do little else (`decoder.py`), within limits on time and memory, and the pixels come back
over a socket. A page that ends its decoder is reported like any other that can't be read, and the next one gets a new decoder.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from indexer.errors import PictureError
from indexer.sources import decode, wire
from indexer.sources.decode import DEFAULT_LIMITS, DecodedPage, HasPages, every_page, naming_disk_faults, open_regular
from indexer.sources.guarded_file import Decoder, GuardedFile, HandOver
from indexer.sources.limits import DecodeLimits, check_bytes
from indexer.sources.nursery import Ending, Nursery
from indexer.values import Picture

CAN_GUARD = sys.platform != "win32"
"""Without `fork` and sockets that carry open files, everything is decoded in the process itself."""
DEFAULT_TIMEOUT_S = 60.0
DEFAULT_MAX_BYTES = 4 * 2**30
OPENER = "indexer.sources.decoder:open_any"

_MOST_FILES = 1000
"""Files that a process decodes before a fresh one takes its place: leaks of decoders stay small."""
_HEAVY_SHARE = 0.25
"""A process that once took this share of the memory it may take is not used again, so that the next file has nearly all of it."""


class Decoders:
    """Decodes in as many processes as there are callers at once; those are kept for the next, and end with `close`.

    `timeout_s` is for opening a file and for each page, `max_bytes` the memory that a process may take. With `guarded` off, everything
    happens in the caller's own thread. Safe in many threads.
    """

    def __init__(
        self,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        max_bytes: int = DEFAULT_MAX_BYTES,
        guarded: bool = True,
        opener: str = OPENER,
    ) -> None:
        self.timeout_s = timeout_s
        self.max_bytes = max_bytes
        self.on_death: Callable[[str], None] = lambda why: None
        """Told `crashed`, `timeout` or `memory` for each process that a file ended."""
        self._nursery = Nursery(opener=opener, more_bytes=max_bytes) if guarded and CAN_GUARD else None
        self._guard = threading.Lock()
        self._idle: list[Decoder] = []
        self._most_idle = os.cpu_count() or 1
        # also when nobody closes them
        weakref.finalize(self, _close_idle, self._idle)

    def start(self) -> None:
        """Begin to start up, and do not wait for it: whoever knows that files will come saves a fifth of a second."""
        if self._nursery is not None:
            self._nursery.start()

    @contextmanager
    def open_file(
        self, path: Path, *, limits: DecodeLimits = DEFAULT_LIMITS, inside: Path | None = None
    ) -> Iterator[HasPages]:
        """See `decode.open_file`; pages are decoded elsewhere. A file that turns out to lie outside of `inside` is refused.

        Raises:
            PictureError: it holds no page that can be read, or it ended its decoder; its text is the reason.
            PictureTooLargeError: more pixels, bytes or pages than `limits`.
            DecoderError: there is no process to decode in.
        """
        if self._nursery is None:
            with decode.open_file(path, limits=limits, inside=inside) as opened:
                yield opened
            return

        def hand_over(decoder: Decoder, until_s: float) -> wire.Message:
            with naming_disk_faults():
                file = open_regular(path, inside=inside)
            with file:
                check_bytes(os.fstat(file.fileno()).st_size, limits=limits)
                return decoder.ask({"limits": asdict(limits)}, descriptor=file.fileno(), until_s=until_s)

        with self._open(hand_over, limits) as guarded:
            yield guarded

    @contextmanager
    def open_data(
        self, data: bytes, *, limits: DecodeLimits = DEFAULT_LIMITS, until_s: float | None = None
    ) -> Iterator[HasPages]:
        """The same for the bytes of an upload; nothing of it is decoded after `until_s`, by `time.monotonic`."""
        check_bytes(len(data), limits=limits)
        if self._nursery is None:
            with decode.open_data(data, limits=limits) as opened:
                yield opened
            return

        def hand_over(decoder: Decoder, until_s: float) -> wire.Message:
            return decoder.ask({"limits": asdict(limits)}, blob=data, until_s=until_s)

        with self._open(hand_over, limits, until_s) as guarded:
            yield guarded

    def decode_bytes(
        self,
        data: bytes,
        *,
        name: str,
        max_side_px: int,
        enough_px: int | None = None,
        limits: DecodeLimits = DEFAULT_LIMITS,
        until_s: float | None = None,
    ) -> list[DecodedPage]:
        """See `decode.decode_bytes`."""
        try:
            with self.open_data(data, limits=limits, until_s=until_s) as opened:
                return list(every_page(opened, max_side_px=max_side_px, enough_px=enough_px))
        except PictureError as exc:
            raise type(exc)(f"{name}: {exc}", skip_code=exc.skip_code) from exc

    def render_page(
        self,
        file: Path,
        *,
        page_number: int,
        max_side_px: int,
        limits: DecodeLimits = DEFAULT_LIMITS,
        inside: Path | None = None,
    ) -> Picture:
        """See `decode.render_page`."""
        with self.open_file(file, limits=limits, inside=inside) as opened:
            return opened.page(page_number, max_side_px=max_side_px)

    def close(self) -> None:
        """End all processes; safe to call twice. What is used again afterwards starts anew."""
        with self._guard:
            _close_idle(self._idle)
        if self._nursery is not None:
            self._nursery.close()

    @contextmanager
    def _open(self, hand_over: HandOver, limits: DecodeLimits, until_s: float | None = None) -> Iterator[GuardedFile]:
        opened = GuardedFile(self, hand_over, limits, until_s)
        try:
            yield opened
        finally:
            opened.close()

    # ---- processes ----

    def take(self, *, fresh: bool = False) -> Decoder:
        """A decoder that nobody else uses."""
        with self._guard:
            if self._idle and not fresh:
                return self._idle.pop()
        assert self._nursery is not None
        return Decoder(self._nursery.make_child())

    def give_back(self, decoder: Decoder) -> None:
        """It is done with its file, and may be used for another."""
        is_spent = decoder.files >= _MOST_FILES or decoder.peak_bytes > _HEAVY_SHARE * self.max_bytes
        with self._guard:
            if not is_spent and len(self._idle) < self._most_idle:
                self._idle.append(decoder)
                return
        self.end(decoder)

    def end(self, decoder: Decoder) -> Ending:
        """Do away with a decoder, and say how it had ended before."""
        assert self._nursery is not None
        return self._nursery.end_child(decoder.child)


def _close_idle(idle: list[Decoder]) -> None:
    while idle:
        idle.pop().child.channel.close()
