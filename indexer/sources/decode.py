"""Files and uploads, opened and decoded safely: small, upright, sRGB on white."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from indexer.errors import PictureError
from indexer.sources.limits import DecodeLimits, check_bytes
from indexer.sources.pdf import PdfFile
from indexer.sources.pictures import PictureFile
from indexer.sources.sniff import HEAD_BYTES, describe, sniff_kind
from indexer.values import Picture

__all__ = ["DecodeLimits", "DecodedPage", "OpenedFile", "decode_bytes", "decode_file", "open_file", "render_page"]

DEFAULT_LIMITS = DecodeLimits()

_IN_MEMORY_BYTES = 64 * 1024 * 1024
"""Smaller files are read once, into memory; larger ones are read twice from the open file (hash, then decode)."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedPage:
    """One page of a file: its `picture`, or None and why (`skip_code`, `skip_reason`). `page_number` counts from 1.

    `sha256` is that of the whole file, in hexadecimal.
    """

    picture: Picture | None
    skip_code: str
    skip_reason: str
    page_number: int
    sha256: str


class OpenedFile:
    """A file that holds pages, by `open_file`. For one thread at a time."""

    def __init__(self, *, sha256: str, pages: PictureFile | PdfFile, check_unchanged: Callable[[], None]) -> None:
        self.sha256 = sha256
        self.page_count = pages.page_count
        self._pages = pages
        self._check_unchanged = check_unchanged

    def page(self, page_number: int, *, max_side_px: int, enough_px: int | None = None) -> Picture:
        """One page (from 1), its longer side at most `max_side_px` and never enlarged.

        With `enough_px` it comes as small as is cheapest, but no smaller than that.

        Raises:
            PictureError: there is no such page, or it cannot be read; others may.
        """
        if not 1 <= page_number <= self.page_count:
            raise PictureError(
                f"There is no page {page_number}: the file has {self.page_count}.", skip_code="no-such-page"
            )
        picture = self._pages.page(page_number, max_side_px=max_side_px, enough_px=enough_px)
        self._check_unchanged()
        return picture

    def pages(self, *, max_side_px: int, enough_px: int | None = None) -> Iterator[DecodedPage]:
        """All pages in order; a bad one is a `DecodedPage` without a picture, and does not stop the others."""
        return every_page(self, max_side_px=max_side_px, enough_px=enough_px)


class HasPages(Protocol):
    """An opened file, wherever its pages are decoded."""

    sha256: str
    page_count: int

    def page(self, page_number: int, *, max_side_px: int, enough_px: int | None = None) -> Picture:
        """See `OpenedFile.page`."""


def every_page(opened: HasPages, *, max_side_px: int, enough_px: int | None) -> Iterator[DecodedPage]:
    """See `OpenedFile.pages`."""
    for number in range(1, opened.page_count + 1):
        try:
            picture = opened.page(number, max_side_px=max_side_px, enough_px=enough_px)
        except PictureError as exc:
            yield DecodedPage(None, exc.skip_code, str(exc), number, opened.sha256)
        else:
            yield DecodedPage(picture, "", "", number, opened.sha256)


@contextmanager
def open_file(path: Path, *, limits: DecodeLimits = DEFAULT_LIMITS, inside: Path | None = None) -> Iterator[OpenedFile]:
    """A file opened by what it holds, whatever its suffix says. The hash is of the bytes that are decoded.

    With `inside`, a folder without links in its path, a file that turns out to lie elsewhere is refused.

    Raises:
        PictureError: it holds no page that can be read; its text is the reason and `skip_code` one word for it.
        PictureTooLargeError: more pixels, bytes or pages than `limits`.
    """
    with naming_disk_faults(), open_regular(path, inside=inside) as file, open_stream(file, limits=limits) as opened:
        yield opened


@contextmanager
def open_stream(file: io.BufferedReader, *, limits: DecodeLimits) -> Iterator[OpenedFile]:
    """The same for a file that is open already, and stays the caller's to close; OSError where the disk fails."""
    before = os.fstat(file.fileno())
    check_bytes(before.st_size, limits=limits)
    if before.st_size <= _IN_MEMORY_BYTES:
        data = file.read(before.st_size + 1)  # one that grows meanwhile is caught below, and not read for ever
        stream: IO[bytes] = io.BytesIO(data)
        sha256 = hashlib.sha256(data).hexdigest()
    else:
        stream = file
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    def check_unchanged() -> None:
        now = os.fstat(file.fileno())
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise PictureError("the file changed while it was read; run again", skip_code="changed")

    check_unchanged()
    with closing(_pages_of(stream, limits)) as pages:
        yield OpenedFile(sha256=sha256, pages=pages, check_unchanged=check_unchanged)


@contextmanager
def open_data(data: bytes, *, limits: DecodeLimits) -> Iterator[OpenedFile]:
    """The same for bytes, such as an upload's."""
    check_bytes(len(data), limits=limits)
    with closing(_pages_of(io.BytesIO(data), limits)) as pages:
        yield OpenedFile(sha256=hashlib.sha256(data).hexdigest(), pages=pages, check_unchanged=lambda: None)


def decode_file(file: Path, *, max_side_px: int, limits: DecodeLimits = DEFAULT_LIMITS) -> Iterator[DecodedPage]:
    """Every page of `file` in order, at most `max_side_px` long; decoded one by one, as they are asked for.

    Safe to call from many threads, with a file for each. A page that cannot be read comes without picture, and with why.

    Raises:
        PictureError: nothing in the file can be read; its text is the reason.
        PictureTooLargeError: more pixels, bytes or pages than `limits`.
    """
    with open_file(file, limits=limits) as opened:
        yield from opened.pages(max_side_px=max_side_px)


def decode_bytes(
    data: bytes,
    *,
    name: str,
    max_side_px: int,
    enough_px: int | None = None,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> list[DecodedPage]:
    """Every page of an uploaded file, as `OpenedFile.pages` gives them; `name` is only for messages.

    Raises:
        PictureError: nothing in it can be read; its text names the upload and the reason.
        PictureTooLargeError: more pixels, bytes or pages than `limits`.
    """
    try:
        with open_data(data, limits=limits) as opened:
            return list(opened.pages(max_side_px=max_side_px, enough_px=enough_px))
    except PictureError as exc:
        raise type(exc)(f"{name}: {exc}", skip_code=exc.skip_code) from exc


def render_page(file: Path, *, page_number: int, max_side_px: int, limits: DecodeLimits = DEFAULT_LIMITS) -> Picture:
    """One page of `file` (from 1), to be shown large.

    Raises:
        PictureError: there is no such page, or it cannot be read.
    """
    with open_file(file, limits=limits) as opened:
        return opened.page(page_number, max_side_px=max_side_px)


def _pages_of(stream: IO[bytes], limits: DecodeLimits) -> PictureFile | PdfFile:
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    if not head:
        raise PictureError("the file is empty (0 bytes); copy or scan it again", skip_code="empty")
    kind = sniff_kind(head)
    if kind is None:
        raise PictureError(
            f"not what its name says: it holds {describe(head)}; replace it by the scan, or remove it",
            skip_code="not-a-picture",
        )
    return PdfFile(stream, limits=limits) if kind == "PDF" else PictureFile(stream, kind=kind, limits=limits)


def open_regular(path: Path, *, inside: Path | None = None) -> io.BufferedReader:
    """The file at `path`, opened to read; PictureError where it is a folder, pipe or device by now, or not under `inside`."""
    # O_NONBLOCK: a pipe that took the file's place would else block for ever; it changes nothing for files
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise PictureError("it is no file (a folder, pipe or device)", skip_code="not-a-file")
    if inside is not None and not _place_of(descriptor, path).is_relative_to(inside):
        os.close(descriptor)
        raise PictureError(
            "by now it leads out of the root; add the folder that it leads to as a root", skip_code="link"
        )
    return os.fdopen(descriptor, "rb")


def _place_of(descriptor: int, path: Path) -> Path:
    """Where an open file lies, links resolved: Linux knows it for sure, elsewhere a link may have changed since it was opened."""
    with suppress(OSError):
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    return path.resolve()


@contextmanager
def naming_disk_faults() -> Iterator[None]:
    """Turns what a disk or the lack of a file raises into a PictureError with the reason."""
    try:
        yield
    except OSError as exc:
        raise _reading_error(exc) from exc


def _reading_error(exc: OSError) -> PictureError:
    if isinstance(exc, FileNotFoundError):
        return PictureError("the file is not there any more; run again", skip_code="vanished")
    if isinstance(exc, PermissionError):
        return PictureError("no permission to read it; change its owner or mode", skip_code="permission")
    return PictureError(
        f"it cannot be read from the disk ({exc.strerror or exc}); check the disk", skip_code="vanished"
    )
