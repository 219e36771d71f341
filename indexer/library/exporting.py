"""Pages handed over: their files with the folders they lie in, and a table of all that is known of them.

What is done here needs only `pages` and `status`, so that it works through a running service as well.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from indexer.errors import ConflictError, UsageError
from indexer.library.page_payload import TEXT, TEXT_ENGINE
from indexer.library.results import ExportReport, PageList, Status
from indexer.output.files import written_whole
from indexer.output.tables import TABLE_SUFFIXES, write_table
from indexer.progress import Meter, ProgressSink, ignore_progress
from indexer.values import Page, PageFilter, Skip

if TYPE_CHECKING:
    from indexer.library.core import Library

_AT_ONCE = 1_000
_BLOCK = 4_096
_CHUNK = 2**20
_FIELDS = tuple(field.name for field in fields(Page) if field.name != "metadata")
_TEXT_COLUMNS = ("root", "path", "page_number", TEXT_ENGINE, TEXT)
FileHow = Literal["copy", "link", "none"]


class Listed(Protocol):
    """The part of a library that exporting needs; one in this process has it, and one behind a service."""

    def pages(self, *, where: PageFilter, limit: int, cursor: str | None) -> PageList:
        """Pages in shelf order."""

    def status(self) -> Status:
        """Where the roots are."""


@dataclass(slots=True)
class _Files:
    """Files handed over so far."""

    count: int = 0
    bytes: int = 0


def export_pages(
    library: Listed,
    directory: Path,
    *,
    where: PageFilter,
    files: FileHow = "copy",
    table: str = "pages.csv",
    dry_run: bool = False,
    progress: ProgressSink = ignore_progress,
) -> ExportReport:
    """The files of all pages that pass, in `directory` with the folders they lie in, and the table `table` beside them.

    A file with several pages goes whole as soon as one of them passes. `link` makes hard links: no space taken, and the same
    file. A file that is there already with another content is left as it is, and listed. `dry_run` only counts.

    Raises:
        UsageError: the table's suffix is unknown, or links can't be made there.
        ConflictError: `directory` lies in a root, whose pages these copies would become.
    """
    if Path(table).name != table or Path(table).suffix.lower() not in TABLE_SUFFIXES:
        raise UsageError(f"{table!r} can't be the table: give a plain name that ends in {', '.join(TABLE_SUFFIXES)}.")
    roots = {root.name: Path(root.directory) for root in library.status().roots}
    target = directory.expanduser().resolve()
    for place in roots.values():
        if target.is_relative_to(place):
            raise ConflictError(
                f"{target} lies in {place}, whose pages are in the library: its copies would be indexed. Choose another folder."
            )
    pages = list(walk_pages(library, where))
    left_out: list[Skip] = []
    done = _Files()
    meter = Meter(progress, "exporting", len(pages))
    seen: set[tuple[str, str]] = set()
    for page in pages:
        if (page.root, page.path) not in seen and files != "none":
            seen.add((page.root, page.path))
            skip = _hand_over(page, roots, target, files, several=len(roots) > 1, dry_run=dry_run, done=done)
            left_out += [skip] if skip else []
        meter.advance()
    meter.finish()
    if not dry_run:
        target.mkdir(parents=True, exist_ok=True)
        write_pages_table(pages, target / table)
    return ExportReport(str(target), len(pages), done.count, done.bytes, left_out, table)


def list_pages_to_hand_over(library: Listed, where: PageFilter) -> list[Page]:
    """All pages that pass, in shelf order."""
    return list(walk_pages(library, where))


def zip_pages(library: Listed, where: PageFilter) -> Iterator[bytes]:
    """The files of all pages that pass with their folders, and `pages.csv`, as a ZIP archive, chunk by chunk: memory stays flat.

    Pictures are packed as they are. A file that is gone is left out; `pages.csv` has its row all the same.
    """
    roots = {root.name: Path(root.directory) for root in library.status().roots}
    pages = list(walk_pages(library, where))
    sink = _Sink()
    seen: set[tuple[str, str]] = set()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]  # written to only
        for page in pages:
            if (page.root, page.path) in seen:
                continue
            seen.add((page.root, page.path))
            source = _find_source(page, roots)
            if source is None:
                continue
            name = f"{page.root}/{page.path}" if len(roots) > 1 else page.path
            info = zipfile.ZipInfo.from_file(source, name, strict_timestamps=False)
            with source.open("rb") as file, archive.open(info, "w", force_zip64=True) as packed:
                while data := file.read(_CHUNK):
                    packed.write(data)
                    yield sink.take()
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "pages.csv"
            write_pages_table(pages, table)
            archive.write(table, "pages.csv", zipfile.ZIP_DEFLATED)
    yield sink.take()


class _Sink:
    """What was written and not yet taken."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        """Keep it."""
        self._data += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """All of it, once."""
        data = bytes(self._data)
        self._data.clear()
        return data


def write_pages_table(pages: Sequence[Page], file: Path) -> None:
    """All that is known of pages as CSV, JSON or Parquet, a row each, with a column for each name in the metadata."""
    names = sorted({name for page in pages for name in page.metadata})
    columns = [*_FIELDS, *(f"metadata.{name}" for name in names)]
    write_table((describe_page(page) for page in pages), file, columns=columns)


def describe_page(page: Page) -> dict[str, object]:
    """A page as a row."""
    row: dict[str, object] = {name: getattr(page, name) for name in _FIELDS}
    row["folders"], row["flags"] = "/".join(page.folders), " ".join(page.flags)
    row["rescanned_for"] = " ".join(page.rescanned_for)
    return row | {f"metadata.{name}": value for name, value in page.metadata.items()}


def write_vectors(library: Library, file: Path, *, where: PageFilter) -> int:
    """See `Library.export_vectors`. Block by block: memory stays flat."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("page", *library.manifest.views)
    count = 0
    file.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(file) as draft, ExitStack() as stack:
        writer = None
        for batch in library.collection.scroll(
            where=where, fields=("path", "page_number"), vectors=names, batch_size=_BLOCK
        ):
            columns = {
                "page_id": pa.array(batch.ids),
                "path": pa.array([str(payload["path"]) for payload in batch.payloads]),
                "page_number": pa.array([payload["page_number"] for payload in batch.payloads]),
                **{n: pa.FixedSizeListArray.from_arrays(m.ravel(), m.shape[1]) for n, m in batch.vectors.items()},
            }
            part = pa.table(columns)
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(draft, part.schema))
            writer.write_table(part)
            count += len(batch)
        if writer is None:
            pq.write_table(pa.table({"page_id": pa.array([], pa.string())}), draft)
    return count


def write_texts(library: Library, file: Path, *, where: PageFilter) -> int:
    """See `Words.export_texts`. Block by block: memory stays flat."""
    count = 0
    file.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(file) as draft, draft.open("w", encoding="utf-8") as lines:
        for batch in library.collection.scroll(where=where, fields=_TEXT_COLUMNS, batch_size=_BLOCK):
            for page_id, payload in zip(batch.ids, batch.payloads, strict=True):
                if payload.get(TEXT):
                    row = {"page_id": page_id, **{name: payload.get(name) for name in _TEXT_COLUMNS}}
                    lines.write(json.dumps(row, ensure_ascii=False) + "\n")
                    count += 1
    return count


def walk_pages(library: Listed, where: PageFilter) -> Iterator[Page]:
    """All pages that pass, in shelf order."""
    cursor = None
    while True:
        listed = library.pages(where=where, limit=_AT_ONCE, cursor=cursor)
        yield from listed.pages
        cursor = listed.next_cursor
        if cursor is None:
            return


def _hand_over(
    page: Page, roots: Mapping[str, Path], target: Path, how: FileHow, *, several: bool, dry_run: bool, done: _Files
) -> Skip | None:
    """One file to its place, or why not."""
    source = _find_source(page, roots)
    if source is None:
        return Skip(page.root, page.path, "vanished", "the file is not in its root any more; index again")
    place = target / page.root / page.path if several else target / page.path
    if place.exists() and not _is_same(source, place):
        return Skip(page.root, page.path, "exists", f"{place} is there already with another content; move it away")
    done.count += 1
    done.bytes += source.stat().st_size
    if dry_run or place.exists():
        return None
    place.parent.mkdir(parents=True, exist_ok=True)
    if how == "link":
        _link(source, place)
    else:
        draft = place.with_name(f".{place.name}.{os.getpid()}.new")
        shutil.copy2(source, draft)
        draft.replace(place)
    return None


def _find_source(page: Page, roots: Mapping[str, Path]) -> Path | None:
    """The page's file; None where it is gone, or leads out of its root."""
    root = roots.get(page.root)
    source = (root / page.path).resolve() if root else None
    if root is None or source is None or not source.is_relative_to(root.resolve()) or not source.is_file():
        return None
    return source


def _link(source: Path, place: Path) -> None:
    try:
        place.hardlink_to(source)
    except OSError as exc:
        if exc.errno in (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP):
            raise UsageError(
                f"{place} can't be a hard link to {source}: they lie on different disks. Export copies instead."
            ) from exc
        raise


def _is_same(source: Path, place: Path) -> bool:
    """Whether the file was handed over before: the very same, or a copy of the same size and time."""
    here, there = source.stat(), place.stat()
    return here.st_ino == there.st_ino or (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns)
