"""The path of a page into the library: walked, read, decoded, embedded, written.

Worker threads read, decode and embed, whatever is needed next (`pipeline`); this thread writes what they made. A page is written
only after its thumbnail, and a file counts as known only when all of its pages are; so a run that died at any moment is taken up by
the next one where it was.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from indexer.cores import count_cores
from indexer.embedding.hardware import limit_threads_here
from indexer.errors import PictureError, RootMissingError
from indexer.library.manifest import Root
from indexer.library.observing import Observed, Observer
from indexer.library.page_files import limits_of
from indexer.library.page_payload import TEXT_FIELDS, page_from_payload, page_to_payload
from indexer.library.pipeline import Embedded, Plan, flow
from indexer.library.rescans import note_rescan
from indexer.library.sharing import Share
from indexer.progress import Meter, ProgressSink
from indexer.sources import (
    DecodeLimits,
    Decoders,
    MetadataTable,
    every_page,
    folders_of,
    label_from,
    page_id,
    scan_files,
)
from indexer.store.port import Collection, PointBatch
from indexer.values import Matrix, Page, Payload, ScannedFile, Skip

if TYPE_CHECKING:
    from indexer.library.core import Library

_FILE_FIELDS = ("root", "path", "page_number", "bytes", "modified_ns", "pages_in_file")


@dataclass(frozen=True, slots=True)
class Part:
    """What to walk: a root, or a folder below it."""

    root: Root
    under: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPage:
    """A page on its way to the model."""

    page: Page
    seen: Observed


@dataclass(frozen=True, slots=True)
class RememberedSkip:
    """A skip, and the file's size and time when it was tried; both None for what was never a file to open."""

    skip: Skip
    bytes: int | None = None
    modified_ns: int | None = None


@dataclass(frozen=True, slots=True)
class FileRead:
    """All pages of a file have come by."""

    file: ScannedFile
    pages_in_file: int


@dataclass(slots=True)
class KnownFile:
    """What the library holds of a file. `numbers` is a set of page numbers as bits, bit 0 for page 1: a million files stay small."""

    bytes: int
    modified_ns: int
    pages_in_file: int
    numbers: int = 0
    found: bool = False
    """Whether the file was met on disk in this run."""

    def has(self, number: int) -> bool:
        """Whether page `number`, from 1, is in the library."""
        return bool(self.numbers >> (number - 1) & 1)

    def is_current(self, file: ScannedFile, *, skipped: int) -> bool:
        """Whether `file` on disk is what was read then and all of its pages are here; pages that can't be read count as seen."""
        same = self.bytes == file.bytes and self.modified_ns == file.modified_ns
        return same and self.numbers.bit_count() + skipped >= self.pages_in_file


KnownFiles = dict[tuple[str, str], KnownFile]
"""By root and path."""


@dataclass(slots=True)
class Tally:
    """Counts of a run, and what was skipped: each skip with the size and time of its file, so that it isn't opened again in vain."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    waiting: int = 0
    skips: list[RememberedSkip] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """`page_id`s whose file was not met on disk."""
    paths: set[str] = field(default_factory=set)
    """Files met under roots with a metadata table."""


class PageReader:
    """Reads one file into prepared pages; called from many threads. Bad files and pages become skips."""

    def __init__(
        self,
        observer: Observer,
        roots: dict[str, Root],
        tables: dict[str, MetadataTable],
        limits: DecodeLimits,
        decoders: Decoders,
    ) -> None:
        self._observer = observer
        self._roots = roots
        self._tables = tables
        self._limits = limits
        self._decoders = decoders
        self._inside = {name: Path(root.directory).resolve() for name, root in roots.items()}

    def read(self, file: ScannedFile) -> Iterator[PreparedPage | Skip | FileRead]:
        """The pages of a file, then FileRead; or one Skip where nothing of it can be read."""
        try:
            inside = self._inside[file.root]
            with self._decoders.open_file(file.absolute, limits=self._limits, inside=inside) as opened:
                enough_px = self._observer.side_px
                for decoded in every_page(opened, max_side_px=2 * enough_px, enough_px=enough_px):
                    if decoded.picture is None:
                        yield Skip(file.root, file.path, decoded.skip_code, decoded.skip_reason, decoded.page_number)
                        continue
                    picture = decoded.picture
                    seen = self._observer.observe(picture)
                    page = self.describe(file, decoded.page_number, opened.page_count, opened.sha256)
                    page = replace(page, width_px=picture.width_px, height_px=picture.height_px, flags=seen.flags)
                    yield PreparedPage(page, seen)
                yield FileRead(file, opened.page_count)
        except PictureError as exc:
            yield Skip(file.root, file.path, exc.skip_code, str(exc))

    def describe(self, file: ScannedFile, number: int, pages_in_file: int, sha256: str) -> Page:
        """What folders and tables say of a page, before it is looked at."""
        root = self._roots[file.root]
        folders = folders_of(file.path)
        metadata = dict(self._tables[file.root].for_page(file.path, number)) if file.root in self._tables else {}
        label = metadata.pop("label", None)
        return Page(
            page_id=page_id(file.path, number, prefix=root.prefix),
            root=file.root,
            path=file.path,
            page_number=number,
            sha256=sha256,
            bytes=file.bytes,
            modified_ns=file.modified_ns,
            width_px=0,
            height_px=0,
            pages_in_file=pages_in_file,
            folders=folders,
            label=str(label) if label is not None else label_from(folders, root.label_from),
            metadata=metadata,
        )


class PageWriter:
    """Writes embedded batches: thumbnails first, so that a page in the library has one."""

    def __init__(self, library: Library, collection: Collection, *, keep_from: Collection | None) -> None:
        self._library = library
        self._collection = collection
        self._keep_from = keep_from
        """Where what is known of a page already stands: document, place on the map."""
        self.written = 0

    def write(self, batch: list[PreparedPage], vectors: dict[str, Matrix]) -> None:
        """Write a batch; `vectors` are float32 [N, D] by name, in the order of its pages."""
        for prepared in batch:
            self._library.thumbnails.save(prepared.page.page_id, prepared.seen.thumbnail)
        before = self._look_up([prepared.page.page_id for prepared in batch])
        pages = [self._keep_decided(prepared.page, before) for prepared in batch]
        if self._keep_from is self._collection:
            pages = self._library.place_pages(pages, vectors["page"])
        payloads: list[Payload] = [
            {**page_to_payload(page), **_text_still_true(page, before), "looks": prepared.seen.looks}
            for page, prepared in zip(pages, batch, strict=True)
        ]
        self._collection.upsert(PointBatch([page.page_id for page in pages], payloads, vectors))
        self.written += len(batch)

    def _look_up(self, page_ids: list[str]) -> dict[str, Payload]:
        """What stands of these pages already, by id."""
        if self._keep_from is None:
            return {}
        known = self._keep_from.retrieve(page_ids)
        return dict(zip(known.ids, known.payloads, strict=True))

    def _keep_decided(self, page: Page, before: Mapping[str, Payload]) -> Page:
        """The page with what computations and people said of it before; it may be a new scan."""
        if page.page_id not in before:
            return page
        old = page_from_payload(page.page_id, before[page.page_id])
        kept = replace(page, document=old.document, group=old.group, cluster=old.cluster, x=old.x, y=old.y)
        return note_rescan(kept, old, self._library.decisions.rescans.get(page.page_id))


def _text_still_true(page: Page, before: Mapping[str, Payload]) -> Payload:
    """What was read on the page, where its file is the same as then."""
    old = before.get(page.page_id, {})
    return {name: old[name] for name in TEXT_FIELDS if name in old} if old.get("sha256") == page.sha256 else {}


@dataclass(slots=True)
class IndexRun:
    """One run over `parts`: what it reads with, where it writes, and what it has counted so far."""

    library: Library
    parts: list[Part]
    collection: Collection | None
    """Where pages go; None for a library that has none yet, which can only be planned for."""
    tables: dict[str, MetadataTable]
    keep_from: Collection | None
    retry_skipped: bool
    progress: ProgressSink
    share: Share | None = None
    """Only the files of this part are looked at; None: all."""
    ray: str | None = None
    """The Ray cluster that reads and embeds; None: this process."""
    checkpoint: Path | None = None
    """The file of the model's weights, for those who make the model elsewhere."""
    tally: Tally = field(default_factory=Tally)
    known: KnownFiles = field(default_factory=dict)

    def plan(self, *, limit: int | None = None) -> list[ScannedFile]:
        """Files that are new or changed, in shelf order; the others are counted. No file is opened."""
        self.known = find_known(self.collection, self.share) if self.collection is not None else {}
        waiting = list(itertools.islice(self._find_changed(), limit))
        self.tally.waiting = len(waiting)
        if limit is None:
            self._find_gone()
        return waiting

    def execute(self, waiting: list[ScannedFile], make_observer: Callable[[], Observer]) -> Tally:
        """Read, embed and write the files planned; the model is loaded only now, as a run over unchanged files needs none."""
        assert self.collection is not None
        observer = make_observer()
        roots = {part.root.name: part.root for part in self.parts}
        by_key = {(file.root, file.path): file for file in waiting}
        meter = Meter(self.progress, "indexing", len(waiting))
        writer = PageWriter(self.library, self.collection, keep_from=self.keep_from)
        items = (
            self._flow_here(waiting, observer, roots) if self.ray is None else self._spread(waiting, observer, roots)
        )
        with closing(items):
            for item in items:
                match item:
                    case Embedded():
                        writer.write(item.pages, item.vectors)
                        self._count(item.pages)
                    case Skip():
                        file = by_key[item.root, item.path]
                        self.tally.skips.append(RememberedSkip(item, file.bytes, file.modified_ns))
                        meter.advance(1 if item.page_number is None else 0, skipped=1)
                    case FileRead():
                        self._remove_beyond(item, roots[item.file.root])
                        meter.advance()
        meter.finish()
        return self.tally

    def _flow_here(
        self, waiting: list[ScannedFile], observer: Observer, roots: dict[str, Root]
    ) -> Generator[Embedded[PreparedPage, dict[str, Matrix]] | Skip | FileRead]:
        self.library.decoders.start()
        settings = self.library.settings
        observer.prepare_for(len(waiting), compiling=settings.compiling)
        reader = PageReader(observer, roots, self.tables, limits_of(self.library), self.library.decoders)
        workers = settings.workers or count_cores()
        plan: Plan[ScannedFile, PreparedPage, Skip | FileRead, dict[str, Matrix]] = Plan(
            read=reader.read,
            embed=lambda pages: observer.embed([page.seen for page in pages]),
            page_type=PreparedPage,
            batch_size=observer.batch_size,
            workers=workers,
            embed_in_parallel=observer.embeds_in_parallel,
            begin_worker=lambda: limit_threads_here(max(1, count_cores() // workers)),
        )
        return flow(waiting, plan)

    def _spread(
        self, waiting: list[ScannedFile], observer: Observer, roots: dict[str, Root]
    ) -> Generator[Embedded[PreparedPage, dict[str, Matrix]] | Skip | FileRead]:
        from indexer.library.ray_flow import Recipe, flow_on_ray

        settings = self.library.settings
        recipe = Recipe(
            model=observer.model,
            checkpoint=self.checkpoint,
            views=observer.views,
            roots=roots,
            tables=self.tables,
            limits=limits_of(self.library),
            precision=settings.precision,
            device=settings.device,
            cache_dir=settings.cache_dir,
            models_dir=self.library.directory.resolve() / "models",
            decode_timeout_s=settings.decode_timeout_s,
            max_decode_bytes=settings.max_decode_bytes,
            threads=settings.workers,
        )
        assert self.ray is not None
        return flow_on_ray(waiting, recipe, self.ray)

    def _find_changed(self) -> Iterator[ScannedFile]:
        remembered = {} if self.retry_skipped else self.library.remembered_skips()
        meter = Meter(self.progress, "looking for pages")
        for found in self._walk():
            if isinstance(found, Skip):
                if self._is_mine(found):
                    self.tally.skips.append(RememberedSkip(found))
                continue
            meter.advance()
            if found.root in self.tables:
                self.tally.paths.add(found.path)
            if not self._is_mine(found):
                continue
            old = remembered.get((found.root, found.path, found.bytes, found.modified_ns), [])
            file = self.known.get((found.root, found.path))
            if file is not None:
                file.found = True
            if file is not None and file.is_current(found, skipped=len(old)):
                self.tally.unchanged += file.numbers.bit_count()
                self.tally.skips.extend(old)
            elif any(skip.skip.page_number is None for skip in old):
                self.tally.skips.extend(old)
            else:
                yield found
        meter.finish()

    def _is_mine(self, found: ScannedFile | Skip) -> bool:
        return self.share is None or self.share.has(found.root, found.path)

    def _walk(self) -> Iterator[ScannedFile | Skip]:
        for part in self.parts:
            try:
                yield from scan_files(Path(part.root.directory), root_name=part.root.name, under=part.under)
            except RootMissingError as exc:
                yield Skip(part.root.name, part.under, exc.code, str(exc))

    def _find_gone(self) -> None:
        # A root that could not be walked (a disk not mounted) says nothing about its files.
        unreached = {skip.skip.root for skip in self.tally.skips if skip.skip.code == RootMissingError.code}
        parts = [part for part in self.parts if part.root.name not in unreached]
        under = {part.root.name: (part.root, f"{part.under}/" if part.under else "") for part in parts}
        for (root_name, path), file in self.known.items():
            if file.found or root_name not in under or not path.startswith(under[root_name][1]):
                continue
            if self.share is not None and not self.share.has(root_name, path):
                continue
            prefix = under[root_name][0].prefix
            numbers = [n for n in range(1, file.numbers.bit_length() + 1) if file.has(n)]
            self.tally.gone.extend(page_id(path, number, prefix=prefix) for number in numbers)

    def _count(self, written: Sequence[PreparedPage]) -> None:
        for page in (prepared.page for prepared in written):
            before = self.known.get((page.root, page.path))
            if before is not None and before.has(page.page_number):
                self.tally.changed += 1
            else:
                self.tally.added += 1

    def _remove_beyond(self, read: FileRead, root: Root) -> None:
        """Remove pages that the file had when it was longer: no file holds them any more."""
        before = self.known.get((read.file.root, read.file.path))
        if before is None or before.numbers.bit_length() <= read.pages_in_file:
            return
        beyond = [n for n in range(read.pages_in_file + 1, before.numbers.bit_length() + 1) if before.has(n)]
        assert self.collection is not None
        self.collection.delete([page_id(read.file.path, n, prefix=root.prefix) for n in beyond])
        self.tally.removed += len(beyond)


def find_known(collection: Collection, share: Share | None = None) -> KnownFiles:
    """Every file that the collection holds pages of; only those of a part, where one of many indexers remembers but its own."""
    known: KnownFiles = {}
    for batch in collection.scroll(fields=_FILE_FIELDS, batch_size=10_000):
        for payload in batch.payloads:
            # One text for the root of a million files.
            key = (sys.intern(str(payload["root"])), str(payload["path"]))
            if share is not None and not share.has(*key):
                continue
            file = known.get(key)
            if file is None:
                stamp = (payload["bytes"], payload["modified_ns"], payload["pages_in_file"])
                file = known[key] = KnownFile(*cast("tuple[int, int, int]", stamp))
            elif file.modified_ns != payload["modified_ns"]:
                # Killed between two batches of a changed file: some pages are of the old file, some of the new.
                file.modified_ns = -1
            file.numbers |= 1 << (cast(int, payload["page_number"]) - 1)
    return known
