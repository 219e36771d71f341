"""Reading what stands on pages: of those that have no text yet, file by file, several pages at once.

What was read is written every few seconds, so a run that died goes on where it was. A page keeps its text as long as its file is the
same; a new scan under its path loses it when it is indexed, and so is read by the next run.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from indexer.errors import PictureError, UsageError
from indexer.library.page_files import open_page_file
from indexer.library.page_payload import TEXT, TEXT_ENGINE, page_from_payload
from indexer.library.results import ReadReport
from indexer.progress import Meter, ProgressSink
from indexer.reading import READING_SIDE_PX, TextReader
from indexer.sources import natural_key
from indexer.values import Page, PageFilter, Payload, Skip

if TYPE_CHECKING:
    from indexer.library.core import Library

LONGEST_TEXT = 20_000
"""Characters kept of a page; a closely printed page of a newspaper has about as many, a typed letter 2,000."""
_WRITE_EVERY_S = 5.0
_WRITE_EVERY = 256
"""Pages that are read and not yet written, at most."""
_BLOCK = 10_000
_PIECE = 8


class Waiting(NamedTuple):
    """A page to be read; of a million of them, no more than this is kept."""

    root: str
    path: str
    page_number: int
    page_id: str


@dataclass(frozen=True, slots=True)
class PageText:
    """What came of one page: its text, or why there is none."""

    page: Page
    text: str = ""
    skip: Skip | None = None


@dataclass(slots=True)
class _Tally:
    read: int = 0
    with_text: int = 0
    skipped: list[Skip] = field(default_factory=list)


def read_text(
    library: Library,
    reader: TextReader,
    *,
    where: PageFilter,
    limit: int | None,
    again: bool,
    progress: ProgressSink,
) -> ReadReport:
    """See `Words.read_text`, which makes the reader."""
    began_s = time.monotonic()
    if limit is not None and limit < 1:
        raise UsageError(f"limit is {limit}; it must be at least 1.")
    with library.write(letting_decide=True):
        pages = library.collection
        waiting = _find_waiting(library, where, again=again)
        chosen = waiting[:limit]
        if chosen:
            pages.add_worded(TEXT)
        tally = _read_all(library, reader, chosen, progress)
        if tally.read:
            pages.optimize()
            pages.flush()
    return ReadReport(
        read=tally.read,
        with_text=tally.with_text,
        waiting=len(waiting) - tally.read,
        engine=reader.name,
        skipped=tally.skipped,
        seconds=time.monotonic() - began_s,
    )


def clean_text(text: str) -> str:
    """The lines without control characters, blank lines and spaces at their ends, `LONGEST_TEXT` characters at most."""
    printable = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    lines = (" ".join(line.split()) for line in printable.split("\n"))
    return "\n".join(line for line in lines if line)[:LONGEST_TEXT].rstrip()


def _find_waiting(library: Library, where: PageFilter, *, again: bool) -> list[Waiting]:
    """The pages to read, in the order of their files."""
    fields = ("root", "path", "page_number", TEXT_ENGINE)
    waiting = [
        Waiting(sys.intern(str(payload["root"])), str(payload["path"]), cast(int, payload["page_number"]), page_id)
        for batch in library.collection.scroll(where=where, fields=fields, batch_size=_BLOCK)
        for page_id, payload in zip(batch.ids, batch.payloads, strict=True)
        if again or TEXT_ENGINE not in payload
    ]
    return sorted(waiting, key=lambda one: (one.root, natural_key(one.path), one.page_number))


def _read_all(library: Library, reader: TextReader, pages: list[Waiting], progress: ProgressSink) -> _Tally:
    tally = _Tally()
    done: list[PageText] = []
    written_s = time.monotonic()
    meter = Meter(progress, "reading text", len(pages))

    def write() -> None:
        nonlocal written_s
        _write(library, reader, done, tally)
        done.clear()
        written_s = time.monotonic()

    try:
        for found in _read_in_parallel(library, reader, pages):
            done.append(found)
            if len(done) >= _WRITE_EVERY or time.monotonic() - written_s > _WRITE_EVERY_S:
                write()
            meter.advance(skipped=1 if found.skip else 0)
    finally:
        # Stopped or broken: what was read until then is kept all the same.
        write()
    meter.finish()
    return tally


def _write(library: Library, reader: TextReader, done: Iterable[PageText], tally: _Tally) -> None:
    payloads: dict[str, Payload] = {}
    for found in done:
        if found.skip is not None:
            tally.skipped.append(found.skip)
            continue
        payloads[found.page.page_id] = {TEXT: found.text or None, TEXT_ENGINE: reader.name}
        tally.read += 1
        tally.with_text += bool(found.text)
    library.collection.set_payload(list(payloads), list(payloads.values()))


def _read_in_parallel(library: Library, reader: TextReader, waiting: list[Waiting]) -> Iterator[PageText]:
    """What came of each page. Files go to threads, at most two waiting for each, so that memory stays flat."""
    pieces = _cut_pieces(library, waiting)
    library.decoders.start()
    with ThreadPoolExecutor(max(1, reader.pages_at_once), thread_name_prefix="reading") as pool:
        under_way: deque[Future[list[PageText]]] = deque()
        try:
            for piece in pieces:
                under_way.append(pool.submit(_read_piece, library, reader, piece))
                if len(under_way) > 2 * reader.pages_at_once:
                    yield from under_way.popleft().result()
            while under_way:
                yield from under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


def _cut_pieces(library: Library, waiting: list[Waiting]) -> Iterator[list[Page]]:
    """Pages of one file each. Long files come in pieces, or one thread would be busy with the last while the others have nothing left."""
    for _, group in itertools.groupby(waiting, key=lambda one: (one.root, one.path)):
        ids = [one.page_id for one in group]
        for begin in range(0, len(ids), _PIECE):
            found = library.collection.retrieve(ids[begin : begin + _PIECE])
            if len(found):
                yield [page_from_payload(i, payload) for i, payload in zip(found.ids, found.payloads, strict=True)]


def _read_piece(library: Library, reader: TextReader, pages: list[Page]) -> list[PageText]:
    """Pages of one file; what can't be read becomes a skip."""
    found: list[PageText] = []
    try:
        with open_page_file(library, pages[0]) as opened:
            for page in pages:
                try:
                    picture = opened.page(page.page_number, max_side_px=READING_SIDE_PX)
                    found.append(PageText(page, clean_text(reader.read_text(picture.pixels))))
                except PictureError as exc:
                    found.append(PageText(page, skip=_skip(page, exc)))
    except PictureError as exc:
        found += [PageText(page, skip=_skip(page, exc)) for page in pages[len(found) :]]
    return found


def _skip(page: Page, exc: PictureError) -> Skip:
    number = page.page_number if page.pages_in_file > 1 else None
    return Skip(page.root, page.path, exc.skip_code, str(exc), number)
