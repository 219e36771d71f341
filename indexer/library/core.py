"""The library: the one object that ties the rooms together. What it can do is here to read; how is in the modules beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from indexer.embedding import BlurMix, Embedder, create_embedder
from indexer.errors import ClusterMissingError, LibraryMissingError, PageMissingError
from indexer.library import (
    answering,
    backup,
    checking,
    choosing_k,
    clustering,
    deciding,
    exporting,
    filling,
    listing,
    moving,
    sheets,
)
from indexer.library.answering import ReadPage, ReadUploads, Upload
from indexer.library.balance import Balance
from indexer.library.decisions import Decisions, tell_decisions
from indexer.library.documents import Documents
from indexer.library.duplicates import Duplicates
from indexer.library.indexing import RememberedSkip
from indexer.library.learning import Learning
from indexer.library.lock import LibraryLock
from indexer.library.manifest import Manifest, find_outlived, manifest_from_document, manifest_to_document
from indexer.library.maps import Maps
from indexer.library.migrations import SCHEMA_VERSION, new_identity
from indexer.library.page_payload import page_from_payload
from indexer.library.rescans import Rescans
from indexer.library.results import (
    BackupReport,
    CheckReport,
    Classification,
    ClassifyAnswer,
    Cluster,
    ClusterReport,
    HistoryEntry,
    IndexReport,
    KChoice,
    NameReport,
    PageList,
    Question,
    RelocateReport,
    SheetPages,
    SimilarAnswer,
    SimilarAnswers,
    Status,
)
from indexer.library.sheets import SheetOrder
from indexer.library.words import Words
from indexer.output.thumbnails import ThumbnailFolder
from indexer.progress import ProgressSink, ignore_progress
from indexer.settings import Settings
from indexer.sources import Decoders
from indexer.store import open_store
from indexer.store.port import Collection
from indexer.values import Matrix, Page, PageFilter, Payload, Pixels

EVERY_PAGE = PageFilter()
_HEAR_EVERY_S = 1.0
"""How often a library on a server looks whether others have written; one small request each time."""


class Library:
    """All pages of one or more roots with all that is known of them. Open it with `Library.open`, and close it, or use `with`.

    Calls that read may come from many threads; calls that write pages wait for each other, and reading goes on meanwhile, as does
    deciding while pages are indexed.
    """

    def __init__(self, settings: Settings, manifest: Manifest, *, lock: LibraryLock | None) -> None:
        self.settings = settings
        self.directory = settings.library
        self.thumbnails = ThumbnailFolder(self.directory / "thumbnails")
        self.decoders = Decoders(timeout_s=settings.decode_timeout_s, max_bytes=settings.max_decode_bytes)
        self._lock = lock
        self._writing = threading.RLock()
        self._deciding = threading.RLock()
        self._switching = threading.RLock()
        self._making_embedder = threading.Lock()
        self._embedding = threading.Lock()
        self._embedder: Embedder | None = None
        self._retired: list[str] = []
        self._heard_s = float("-inf")
        self.shelf_cache = listing.ShelfCache()
        self.documents = Documents(self)
        key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
        self.store, self.records = open_store(
            directory=self.directory,
            qdrant_url=settings.qdrant_url,
            api_key=key,
            name=settings.library_name,
            shards=settings.qdrant_shards,
            replicas=settings.qdrant_replicas,
            write_consistency=settings.qdrant_write_consistency,
        )
        document = self.records.load("manifest")
        self.manifest = manifest if document is None else manifest_from_document(document, place=self.directory)
        if document is not None and document["schema_version"] != SCHEMA_VERSION:
            # Written by an earlier Quire: from now on it is in its present form, the same for everyone who opens it.
            self.alter_manifest(lambda now: now)
        self.centroid_cache: tuple[tuple[int, int], clustering.CentroidTable] | None = None
        self.decisions = Decisions()
        self.refresh_decisions()

    @classmethod
    def open(cls, settings: Settings, *, create: bool = False) -> Self:
        """The library that the settings name; with `create`, a new one where there is none.

        Raises:
            LibraryMissingError: there is none, and `create` is off.
            LibraryBusyError: another process holds it.
            LibraryDamagedError: its files can't be read.
            StoreUnreachableError: its Qdrant server does not answer.
        """
        directory = settings.library
        if not create and not (directory / "quire.toml").exists() and settings.qdrant_url is None:
            raise LibraryMissingError(
                f"There is no library at {directory}. Make one with `quire index FOLDER`, or say where it is with --library."
            )
        directory.mkdir(parents=True, exist_ok=True)
        lock = None
        if settings.qdrant_url is None:
            lock = LibraryLock(directory)
            lock.acquire()
        try:
            library = cls(settings, Manifest(settings.library_name, new_identity()), lock=lock)
            library.finish_interrupted()
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        return library

    def close(self) -> None:
        """Let go of everything; safe to call twice."""
        with self._writing:
            self.drop_retired()
            self.decoders.close()
            self.store.close()
            self.records.close()
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def announce(self, address: str) -> None:
        """Tell other processes that a service at `address` holds this library."""
        if self._lock is not None:
            self._lock.announce(address)

    # ---- pages in ----

    def index(
        self,
        roots: Sequence[Path] = (),
        *,
        label_from: str | None = None,
        metadata: Path | None = None,
        model: str | None = None,
        checkpoint: Path | None = None,
        limit: int | None = None,
        dry_run: bool = False,
        prune: bool = False,
        retry_skipped: bool = False,
        views: Sequence[str] | None = None,
        part: str | None = None,
        blur_mix: Sequence[float] | None = None,
        weights: Sequence[float] | None = None,
        ray: str | None = None,
        progress: ProgressSink = ignore_progress,
    ) -> IndexReport:
        """Bring the library up to what the roots hold now: only what is new or changed is read. No roots means all known ones.

        `label_from` (`parent`, `none`, `1`, `2`, …) and `metadata` (a table with a `path` column) are kept with the root. `limit`
        reads at most so many files. `dry_run` reads none. `prune` removes pages whose file is gone. `retry_skipped` opens
        again what could not be read before. `views` (of `head`, `foot`, `colour`) are further vectors of a new library's pages.
        `part` (`3/16`) leaves all files but those of that part to other indexers. `blur_mix` (radii in pixels, such as 0, 4, 16)
        makes a new library's vectors of its pages at several blur levels, joined by `weights`.
        `ray` (`local`, `auto` or an address) has the files read and embedded by a Ray cluster; this process writes.

        Raises:
            WorkersError: the cluster is not there, or fails.
            RootMissingError: a root is no folder.
            ModelMismatchError: `model` is not the one the library was made with.
            WeightsMissingError: the model's weights can't be had.
        """
        options = filling.IndexOptions(
            label_from,
            metadata,
            model,
            checkpoint,
            limit,
            dry_run,
            prune,
            retry_skipped,
            views,
            part,
            blur_mix,
            weights,
            ray,
        )
        with self.write(letting_decide=True):
            return filling.index(self, roots, options, progress)

    def reindex(
        self,
        model: str | None = None,
        *,
        checkpoint: Path | None = None,
        k: int | None = None,
        views: Sequence[str] | None = None,
        blur_mix: Sequence[float] | None = None,
        weights: Sequence[float] | None = None,
        ray: str | None = None,
        progress: ProgressSink = ignore_progress,
    ) -> IndexReport:
        """All pages embedded anew into a generation beside the one in use, then switched to at once; `ray` as in `index`.

        Groups are carried over. Interrupted, the next `reindex` with the same model goes on; until the switch, everything is as it was.
        Views and blur levels stay those of before unless given; `blur_mix` 0 is the sharp page alone.
        """
        with self.write(letting_decide=True):
            return filling.reindex(
                self,
                model,
                checkpoint=checkpoint,
                k=k,
                views=views,
                blur_mix=blur_mix,
                weights=weights,
                ray=ray,
                progress=progress,
            )

    # ---- clusters and names ----

    def cluster(self, k: int, *, seed: int = 0, progress: ProgressSink = ignore_progress) -> ClusterReport:
        """K clusters by spherical k-means; groups are carried over by their members, and doubts become questions."""
        with self.write():
            return clustering.cluster(self, clustering.Recipe(k, seed), progress=progress)

    def choose_k(self, ks: Sequence[int], *, seed: int = 0, progress: ProgressSink = ignore_progress) -> list[KChoice]:
        """How well each k would fit, in ascending order; above 20,000 pages by as many spread evenly. Nothing is written."""
        return choosing_k.choose_k(self, ks, seed=seed, progress=progress)

    def clusters(self) -> list[Cluster]:
        """The clusters of the current run, largest first; none before the first run."""
        return clustering.list_clusters(self)

    def questions(self) -> list[Question]:
        """What the current run could not decide about groups, as long as no decision has answered it."""
        return clustering.list_questions(self)

    def answer(
        self,
        question: int,
        *,
        group: str | None = None,
        cluster: int | None = None,
        keep: bool = False,
        who: str | None = None,
    ) -> NameReport:
        """Answer a question by its number: its cluster (or `cluster`) is called `group`; or, with `keep`, all stays as it is.

        Without a group the question's own suggestion is taken. Naming a cluster otherwise answers the questions about it too.

        Raises:
            NotFoundError: there is no such open question.
            UsageError: the answer lacks a group, or a cluster, or is two answers.
        """
        with self.deciding():
            return deciding.answer_question(self, question, group=group, cluster=cluster, keep=keep, who=who)

    def cluster_pages(
        self, cluster: int, *, limit: int = 50, offset: int = 0, order: Literal["exemplars", "outliers"] = "exemplars"
    ) -> SimilarAnswer:
        """Pages of a cluster by similarity to its centroid: nearest first, or farthest first."""
        return clustering.cluster_pages(self, cluster, limit=limit, offset=offset, order=order)

    def name_clusters(self, clusters: Sequence[int], group: str | None, *, who: str | None = None) -> NameReport:
        """Give clusters a group name; None takes it away."""
        with self.deciding():
            return deciding.name_clusters(self, clusters, group, who=who)

    def move_pages(self, page_ids: Sequence[str], group: str | None, *, who: str | None = None) -> NameReport:
        """Put pages into a group by hand, which outranks their cluster; None lets them follow their cluster again."""
        with self.deciding():
            return deciding.move_pages(self, page_ids, group, who=who)

    def history(self, *, limit: int = 100) -> list[HistoryEntry]:
        """Decisions, newest first."""
        return deciding.list_history(self, limit=limit)

    def undo(self, entry: int | None = None, *, who: str | None = None) -> HistoryEntry:
        """Take back a decision: the one of that number, or the newest."""
        with self.deciding():
            return deciding.undo(self, entry, who=who)

    # ---- answers ----

    def classify(self, uploads: Sequence[Upload], *, unknown_share: float | None = None) -> ClassifyAnswer:
        """The cluster and group of every page of the uploads."""
        read = self.read_uploads(uploads)
        vectors = self.embed_prepared([page.prepared for page in read.pages])
        return ClassifyAnswer(self.classify_vectors(read.pages, vectors, unknown_share=unknown_share), read.unreadable)

    def similar(
        self, uploads: Sequence[Upload], *, where: PageFilter = EVERY_PAGE, limit: int = 12, colour: float = 0.0
    ) -> SimilarAnswers:
        """The pages most alike to every page of the uploads; `colour`, 0 to 1, is how much their colours count beside their content.

        Raises:
            ConflictError: colours are to count, and the library has no colour vectors.
        """
        read = self.read_uploads(uploads)
        vectors = self.embed_prepared([page.prepared for page in read.pages])
        found = self.similar_to_vectors(read.pages, vectors, where=where, limit=limit, colour=colour)
        return SimilarAnswers(found, read.unreadable)

    def similar_to_page(
        self, page_id: str, *, where: PageFilter = EVERY_PAGE, limit: int = 12, colour: float = 0.0
    ) -> SimilarAnswer:
        """The pages most alike to one of the library, without itself; `colour` as for `similar`."""
        return answering.similar_to_page(self, page_id, where=where, limit=limit, colour=colour)

    def read_uploads(self, uploads: Sequence[Upload]) -> ReadUploads:
        """Decode uploads and make the model's inputs; safe in many threads."""
        return answering.read_uploads(self, uploads)

    def embed_prepared(self, prepared: Sequence[Pixels]) -> Matrix:
        """Embeddings [N, D] of inputs that `read_uploads` made."""
        embedder = self.embedder()
        with self._embedding:
            return embedder.embed(prepared)

    def classify_vectors(
        self, pages: Sequence[ReadPage], vectors: Matrix, *, unknown_share: float | None = None
    ) -> list[Classification]:
        """The second half of `classify`, for callers who gather forward passes."""
        return answering.classify_vectors(self, pages, vectors, unknown_share=unknown_share)

    def similar_to_vectors(
        self,
        pages: Sequence[ReadPage],
        vectors: Matrix,
        *,
        where: PageFilter = EVERY_PAGE,
        limit: int = 12,
        colour: float = 0.0,
    ) -> list[SimilarAnswer]:
        """The second half of `similar`."""
        return answering.similar_to_vectors(self, pages, vectors, where=where, limit=limit, colour=colour)

    def pages(self, *, where: PageFilter = EVERY_PAGE, limit: int = 50, cursor: str | None = None) -> PageList:
        """Pages in shelf order, as many as `limit`, from `cursor` on."""
        return listing.list_pages(self, where=where, limit=limit, cursor=cursor)

    def page(self, page_id: str) -> Page:
        """All that is known of a page, or PageMissingError."""
        found = self.collection.retrieve([page_id]) if listing.is_page_id(page_id) else None
        if not found:
            raise PageMissingError(f"There is no page {page_id} in the library; `quire status` says what is.")
        return page_from_payload(page_id, found.payloads[0])

    def page_image(self, page_id: str, *, side_px: int = 2048) -> bytes:
        """A page to look at: JPEG, longest side at most `side_px`, from its file, or its thumbnail where the file is gone."""
        return listing.page_image(self, page_id, side_px=side_px)

    def page_thumbnail(self, page_id: str) -> bytes:
        """The page small: WebP, longest side at most 320 pixels."""
        return listing.page_thumbnail(self, page_id)

    def sheet_pages(
        self,
        *,
        where: PageFilter = EVERY_PAGE,
        order: SheetOrder = "typical",
        like: str | None = None,
        limit: int = 60,
    ) -> SheetPages:
        """The pages of a contact sheet: the most typical of all that pass first, the outliers last; or in shelf order.

        Typical is a high cosine with the middle of all pages that pass (of a cluster: its centroid). Where there are more than `limit`,
        a sixth of the places is for the outliers. `like` is a page instead, to which those most alike are shown.
        """
        return sheets.choose_sheet(self, where, limit=limit, order=order, like=like)

    def contact_sheet(
        self,
        kind: str = "png",
        *,
        where: PageFilter = EVERY_PAGE,
        order: SheetOrder = "typical",
        like: str | None = None,
        page_ids: Sequence[str] | None = None,
        similarities: Sequence[float] | None = None,
        limit: int = 60,
        columns: int = 0,
        tile_px: int = 220,
        title: str | None = None,
    ) -> bytes:
        """A contact sheet as `png` (at most 400 pages), `pdf` (A4) or `html` (one file): see `sheet_pages`, or of just these `page_ids`.

        Raises:
            UsageError: another kind, too many pages, or a size that can't be drawn.
            PageMissingError: no page passes, or one of `page_ids` is not there.
        """
        wanted = sheets.check_sheet(kind, len(page_ids) if page_ids is not None else limit)
        if page_ids is not None:
            chosen = sheets.pages_by_id(self, page_ids, similarities)
        else:
            chosen = sheets.choose_sheet(self, where, limit=limit, order=order, like=like)
        return sheets.draw_sheet(self, chosen, kind=wanted, title=title, columns=columns, tile_px=tile_px)

    def facet(self, field: str, *, where: PageFilter = EVERY_PAGE) -> dict[str, int]:
        """How many pages have each value of a field."""
        return (
            {str(value): count for value, count in self.collection.facet(field, where=where).items()}
            if self.is_filled
            else {}
        )

    def status(self) -> Status:
        """What is in the library."""
        return listing.describe_status(self)

    # ---- keeping ----

    def check(
        self, *, repair: bool = False, deep: bool = False, progress: ProgressSink = ignore_progress
    ) -> CheckReport:
        """Read everything and say what is not as it should be; with `repair`, mend what can be mended. `deep` opens every thumbnail.

        A library that can't even be opened is for `indexer.library.examining.check_library`.
        """
        with self.write():
            return checking.check(self, repair=repair, deep=deep, progress=progress)

    def export_vectors(self, file: Path, *, where: PageFilter = EVERY_PAGE) -> int:
        """Write the embeddings of the pages that pass to a Parquet file, `page_id` and one column a view; returns how many."""
        return exporting.write_vectors(self, file, where=where)

    def backup(self, file: Path, *, progress: ProgressSink = ignore_progress) -> BackupReport:
        """Write the whole library into one tar file, as it is at one moment; reading goes on meanwhile, writing waits.

        Raises:
            ConflictError: the file exists already, or the library is empty.
        """
        with self.write():
            return backup.back_up(self, file, progress=progress)

    def relocate(
        self, to: str, *, name: str | None = None, switch: bool = True, progress: ProgressSink = ignore_progress
    ) -> RelocateReport:
        """Copy everything to a Qdrant server (`http://…`) or a directory, compare point by point, and then switch to it.

        Interrupted, it goes on when called again. With `switch` off, the copy is made and this library stays in use.

        Raises:
            ConflictError: another library is there.
            StoreError: what was written reads back otherwise; nothing was switched.
        """
        with self.write():
            return moving.relocate(self, to, name=name, switch=switch, progress=progress)

    def check_model(self, model: str | None) -> None:
        """Raise ModelMismatchError unless `model` is the one that made the library's vectors; None always passes."""
        filling.check_model(self, model)

    @cached_property
    def maps(self) -> Maps:
        """The map and the wall: pages laid out by what they look like."""
        return Maps(self)

    @cached_property
    def duplicates(self) -> Duplicates:
        """Near-duplicates: pages scanned twice, and what people said of them."""
        return Duplicates(self)

    @cached_property
    def balance(self) -> Balance:
        """How many pages labels and groups have, how they agree, and which pages sit among the wrong neighbours."""
        return Balance(self)

    @cached_property
    def rescans(self) -> Rescans:
        """Pages whose scan should be made again, and those that were."""
        return Rescans(self)

    @cached_property
    def words(self) -> Words:
        """Pages found by a description of what they show."""
        return Words(self)

    @cached_property
    def learning(self) -> Learning:
        """What was learned from labels: probes, fine-tuned models, and how good they are."""
        return Learning(self)

    # ---- what the modules beside this one share ----

    @property
    def is_filled(self) -> bool:
        """Whether anything was ever indexed."""
        self._hear_others()
        return self.manifest.generation > 0

    @property
    def collection(self) -> Collection:
        """The pages in use; PageMissingError while there are none."""
        if not self.is_filled:
            raise PageMissingError(
                f"The library {self.directory} holds no pages yet. Fill it with `quire index FOLDER`."
            )
        return self.store.open(self.manifest.pages_collection)

    @property
    def centroids(self) -> Collection:
        """The centroids in use; ClusterMissingError before the first run."""
        if self.manifest.run == 0:
            raise ClusterMissingError("The library has no clusters yet. Make them with `quire cluster -k 16`.")
        return self.store.open(self.manifest.centroids_collection)

    def embedder(self) -> Embedder:
        """The embedder of this library, made when first needed; its vectors fit those stored, or ModelMismatchError."""
        with self._making_embedder:
            if self._embedder is None:
                self._embedder = filling.make_recorded_embedder(self)
            return self._embedder

    def set_embedder(self, embedder: Embedder) -> None:
        """Use this embedder from now on."""
        with self._making_embedder:
            self._embedder = embedder

    def make_embedder(self, model: str, checkpoint: Path | None, blur_mix: BlurMix | None = None) -> Embedder:
        """An embedder by name, on the device and in the precision of the settings."""
        settings = self.settings
        return create_embedder(
            model,
            checkpoint=checkpoint,
            precision=settings.precision,
            device=settings.device,
            cache_dir=settings.cache_dir,
            models_dir=self.directory / "models",
            blur_mix=blur_mix,
        )

    def _hear_others(self) -> None:
        """On a server others write too; what they switched or decided is known here a second later at the latest."""
        now_s = time.monotonic()
        if self._lock is not None or now_s - self._heard_s < _HEAR_EVERY_S:
            return
        self._heard_s = now_s
        document = self.records.load("manifest")
        manifest = self.manifest if document is None else manifest_from_document(document, place=self.directory)
        if manifest != self.manifest:
            if manifest.model != self.manifest.model:
                self._embedder = None
            self.manifest = manifest
            self.shelf_cache.forget()
        if self.records.entries(after=self.decisions.entry):
            self.refresh_decisions()

    def save_manifest(self, manifest: Manifest) -> None:
        """Make `manifest` true, but for roots that others have added meanwhile; the one switch of generations and runs."""
        self.alter_manifest(lambda now: replace(manifest, roots=now.roots))

    def change_manifest(self, **changes: object) -> None:
        """Change some of the manifest, leaving the rest as it is by now."""
        self.alter_manifest(lambda now: replace(now, **changes))  # type: ignore[arg-type]

    def alter_manifest(self, alter: Callable[[Manifest], Manifest]) -> None:
        """Make of the manifest what `alter` makes of it; asked again where another process was quicker."""

        def renew(document: Payload | None) -> Payload:
            now = self.manifest if document is None else manifest_from_document(document, place=self.directory)
            return manifest_to_document(alter(now))

        with self._switching:
            self.manifest = manifest_from_document(self.records.change("manifest", renew), place=self.directory)
            self.shelf_cache.forget()

    def decide(self, entry: Payload) -> int:
        """Put an entry into the journal and take it in; returns its number."""
        number = self.records.append(entry)
        self.refresh_decisions()
        return number

    def refresh_decisions(self) -> None:
        """Tell the decisions anew from the journal."""
        self.decisions = tell_decisions(self.records.entries(), run=self.manifest.run)

    @contextmanager
    def write(self, *, letting_decide: bool = False) -> Iterator[None]:
        """One writer of pages at a time; what earlier ones left behind is dropped first.

        With `letting_decide`, people may go on naming and moving meanwhile, and the writer takes `deciding` itself where it must
        not be disturbed: an index run can last for hours.
        """
        with self._writing:
            self.drop_retired()
            try:
                with nullcontext() if letting_decide else self.deciding():
                    yield
            finally:
                self.shelf_cache.forget()

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """One decision at a time, on clusters that stay what they are. None is begun that could not be written out to the pages."""
        with self._deciding:
            self.store.check_room()
            yield

    def retire(self, *names: str) -> None:
        """Collections that nothing uses from now on; dropped by the next writer, when no reader can be in them any more."""
        self._retired.extend(names)

    def drop_retired(self) -> None:
        """Drop what was retired."""
        while self._retired:
            self.store.drop(self._retired.pop())

    def shelf(self) -> listing.Shelf:
        """All pages in shelf order."""
        return self.shelf_cache.get(self)

    def skip_counts(self) -> dict[str, int]:
        """How many files and pages are left out, by the code of the reason."""
        return listing.count_skips(self)

    def remembered_skips(self) -> dict[tuple[str, str, int, int], list[RememberedSkip]]:
        """What could not be read, by root, path, size and time of the file."""
        return listing.load_skips(self)

    def place_pages(self, pages: list[Page], vectors: Matrix) -> list[Page]:
        """New pages with the cluster and group that they belong to now."""
        return clustering.place_pages(self, pages, vectors)

    def finish_interrupted(self) -> None:
        """Bring copies up to the truth where a process died in between."""
        if self._lock is not None:  # on a server, another process may still read there
            self.retire(*find_outlived(self.manifest, self.store.names()))
        if self.manifest.applying:
            self.refresh_decisions()
            clustering.apply_run(self)
            self.change_manifest(applying=False, applied_entry=self.decisions.entry)
        elif self.is_filled and self.manifest.applied_entry < self.decisions.groups_entry:
            deciding.apply_groups(self)
        self.documents.finish_interrupted()
        self.maps.finish_interrupted()
