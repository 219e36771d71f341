"""One opened file whose pages another process decodes: what it is asked, what it may answer, and what follows when it does not."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from indexer.errors import PictureError, PictureTooLargeError
from indexer.sources import wire
from indexer.sources.decode import DecodedPage, every_page
from indexer.sources.limits import DecodeLimits, quote
from indexer.sources.nursery import Child, Ending
from indexer.values import Picture

if TYPE_CHECKING:
    from indexer.sources.guarded import Decoders

T = TypeVar("T")

_MOST_DEATHS = 3
"""Decoders that one file may end; the rest of it is then left out, or a file of 5,000 bad pages would take days."""
_MOST_REASON = 1000
_CODE = re.compile(r"[a-z-]{1,32}")


class Decoder:
    """One process, while it works for one caller."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.files = 0
        self.peak_bytes = 0

    def ask(
        self,
        values: dict[str, Any],
        *,
        blob: bytes = b"",
        descriptor: int | None = None,
        most_bytes: int = 0,
        until_s: float,
    ) -> wire.Message:
        """Its answer, in time or TimeoutError; OSError or BrokenWireError where it died over it, or talks nonsense."""
        wire.send(self.child.channel, values, blob=blob, descriptor=descriptor, until_s=until_s)
        answer = wire.receive(self.child.channel, most_bytes=most_bytes, until_s=until_s)
        if answer is None:
            raise wire.BrokenWireError("it is gone")
        if answer.descriptor is not None:  # kept open, such files would use up all that this process may have
            os.close(answer.descriptor)
            raise wire.NonsenseError("it hands over a file")
        peak = answer.values.get("peak")
        self.peak_bytes = max(self.peak_bytes, peak if isinstance(peak, int) else 0)
        return answer


HandOver = Callable[[Decoder, float], wire.Message]


class _OrphanedError(Exception):
    """The decoder ended with its mother, whom the system killed: no fault of the file, so that another decoder tries."""


class GuardedFile:
    """An opened file whose pages another process decodes. For one thread at a time; by `Decoders`."""

    def __init__(self, decoders: Decoders, hand_over: HandOver, limits: DecodeLimits, until_s: float | None) -> None:
        self._decoders = decoders
        self._hand_over = hand_over
        self._limits = limits
        self._until_s = until_s
        self._decoder: Decoder | None = None
        self._deaths = 0
        self.sha256, self.page_count = self._open()

    def page(self, page_number: int, *, max_side_px: int, enough_px: int | None = None) -> Picture:
        """See `OpenedFile.page`; also PictureError where the page ends its decoder."""
        if self._decoder is None:
            self._open_again()
        try:
            return self._ask_page(page_number, max_side_px, enough_px)
        except _OrphanedError:
            self._open_again()
        try:
            return self._ask_page(page_number, max_side_px, enough_px)
        except _OrphanedError as exc:
            raise self._died(_crashed(None)) from exc

    def _ask_page(self, page_number: int, max_side_px: int, enough_px: int | None) -> Picture:
        asked = {"page": page_number, "max_side_px": max_side_px, "enough_px": enough_px}
        most_bytes = 3 * min(max_side_px**2, self._limits.max_pixels)
        return self._ask(
            lambda decoder, until_s: decoder.ask(asked, most_bytes=most_bytes, until_s=until_s),
            lambda answer: _picture_from(answer, page_number, max_side_px),
        )

    def pages(self, *, max_side_px: int, enough_px: int | None = None) -> Iterator[DecodedPage]:
        """See `OpenedFile.pages`."""
        return every_page(self, max_side_px=max_side_px, enough_px=enough_px)

    def close(self) -> None:
        """Give the decoder back."""
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            return
        try:
            decoder.ask({}, until_s=time.monotonic() + self._decoders.timeout_s)
        except (OSError, wire.BrokenWireError, wire.NonsenseError):
            self._decoders.end(decoder)
        else:
            self._decoders.give_back(decoder)

    def _open(self) -> tuple[str, int]:
        """Hash and number of pages. A process that read other files before may have died of those: then a fresh one tries."""
        self._decoder = self._decoders.take()
        has_read_others, deaths = self._decoder.files > 0, self._deaths
        try:
            return self._open_here()
        except _OrphanedError:
            pass
        except PictureError as exc:
            if self._deaths == deaths or exc.skip_code == "timeout" or not has_read_others:
                raise
        self._decoder = self._decoders.take(fresh=True)
        try:
            return self._open_here()
        except _OrphanedError as exc:
            raise self._died(_crashed(None)) from exc

    def _open_again(self) -> None:
        """After a page that ended its decoder, for the next."""
        if self._deaths >= _MOST_DEATHS:
            raise PictureError(
                f"{self._deaths} pages before it ended their decoders, so the rest of the file is left out; copy or save it again",
                skip_code="crashed",
            )
        if self._open() != (self.sha256, self.page_count):
            raise PictureError("the file changed while it was read; run again", skip_code="changed")

    def _open_here(self) -> tuple[str, int]:
        assert self._decoder is not None
        self._decoder.files += 1
        try:
            return self._ask(self._hand_over, self._read_opened)
        except PictureError:
            # unless this was its end, it waits for another file
            decoder, self._decoder = self._decoder, None
            if decoder is not None:
                self._decoders.give_back(decoder)
            raise

    def _read_opened(self, answer: wire.Message) -> tuple[str, int]:
        sha256, page_count = answer.values.get("sha256"), _number(answer, "page_count")
        if not isinstance(sha256, str) or len(sha256) != 64 or page_count > self._limits.max_pages_per_file:
            raise wire.NonsenseError("no hash, or more pages than it may find")
        return sha256, page_count

    def _ask(self, ask: HandOver, read: Callable[[wire.Message], T]) -> T:
        """What `read` makes of the answer.

        Raises:
            PictureError: the answer is a fault, or the decoder did not survive.
            _OrphanedError: the decoder did not survive its mother.
        """
        decoder = self._decoder
        assert decoder is not None
        until_s = time.monotonic() + self._decoders.timeout_s
        if self._until_s is not None:
            if time.monotonic() >= self._until_s:
                raise PictureError(
                    "the files before it took up all the time there is; send it by itself", skip_code="timeout"
                )
            until_s = min(until_s, self._until_s)
        began_s = time.monotonic()
        try:
            answer = ask(decoder, until_s)
            if "fault" not in answer.values:
                return read(answer)
        except PictureError:
            raise
        except TimeoutError as exc:
            self._lose(decoder)
            raise self._died(_late(time.monotonic() - began_s, of_upload=until_s == self._until_s)) from exc
        except wire.NonsenseError as exc:
            self._lose(decoder)
            raise self._died(PictureError(f"its decoder answered with nonsense ({exc})", skip_code="crashed")) from exc
        except (OSError, wire.BrokenWireError) as exc:
            ending = self._lose(decoder)
            if ending.with_mother:
                raise _OrphanedError from exc
            raise self._died(_crashed(ending.died_of)) from exc
        except BaseException:
            self._lose(decoder)
            raise
        raise _fault_from(answer, self._decoders.max_bytes)

    def _lose(self, decoder: Decoder) -> Ending:
        """Do away with the decoder, and say how it had ended."""
        self._decoder = None
        return self._decoders.end(decoder)

    def _died(self, error: PictureError) -> PictureError:
        """Count that the file ended its decoder; returns the error."""
        self._deaths += 1
        self._decoders.on_death(error.skip_code)
        return error


def _late(seconds: float, *, of_upload: bool) -> PictureError:
    setting = "QUIRE_UPLOAD_TIMEOUT_S" if of_upload else "QUIRE_DECODE_TIMEOUT_S"
    return PictureError(
        f"decoding it was given up after {seconds:.3g} s; if the file is trusted, raise {setting}", skip_code="timeout"
    )


def _crashed(died_of: int | None) -> PictureError:
    if died_of == signal.SIGKILL:
        return PictureError(
            "the system ended the decoder over it, most likely because memory ran out; lower QUIRE_WORKERS or QUIRE_MAX_PIXELS",
            skip_code="memory",
        )
    how = f" ({signal.Signals(died_of).name})" if died_of else ""
    return PictureError(f"it crashed the decoder{how}; copy, convert or scan it again", skip_code="crashed")


def _fault_from(answer: wire.Message, max_bytes: int) -> PictureError:
    """The error that a decoder reports."""
    kind = PictureTooLargeError if answer.values["fault"] == "too-large" else PictureError
    reason = quote(answer.values.get("reason"), most_letters=_MOST_REASON)
    skip_code = _CODE.fullmatch(str(answer.values.get("skip_code")))
    code = skip_code[0] if skip_code else "unreadable"
    if code == "memory":
        reason = (
            f"decoding it takes more memory than the {max_bytes / 2**20:,.0f} MiB that a decoder may have; if the file is trusted, raise "
            "QUIRE_MAX_DECODE_BYTES"
        )
    return kind(reason, skip_code=code)


def _picture_from(answer: wire.Message, page_number: int, max_side_px: int) -> Picture:
    height, width = _number(answer, "height"), _number(answer, "width")
    if max(height, width) > max_side_px or answer.blob.size != 3 * height * width:
        raise wire.NonsenseError("a picture of another size than it says")
    full = answer.values.get("full")
    if not isinstance(full, list) or len(full) != 2 or not all(type(side) is int and side > 0 for side in full):
        raise wire.NonsenseError("a page without a size")
    return Picture(
        pixels=answer.blob.reshape(height, width, 3), width_px=full[0], height_px=full[1], page_number=page_number
    )


def _number(answer: wire.Message, name: str) -> int:
    value = answer.values.get(name)
    if type(value) is not int or value < 1:
        raise wire.NonsenseError(f"no {name}")
    return value
