"""A library in memory with the façade's methods, and clients for the service around it."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient
from support.balance import FakeBalance
from support.documents import FakeDocuments
from support.duplicates import FakeDuplicates
from support.learning import FakeLearning
from support.maps import FakeMaps
from support.rescans import FakeRescans
from support.words import FakeWords

from indexer.errors import (
    ClusterMissingError,
    ConflictError,
    FilterError,
    NotFoundError,
    PageMissingError,
    QuireError,
    UsageError,
)
from indexer.filters import FILTER_FIELDS
from indexer.library import ReadPage, ReadUploads, Upload
from indexer.library.manifest import Manifest
from indexer.library.results import (
    Candidate,
    Classification,
    Cluster,
    ClusterReport,
    HistoryEntry,
    IndexReport,
    KChoice,
    NameReport,
    PageList,
    Question,
    RootStatus,
    SheetPage,
    SheetPages,
    SimilarAnswer,
    SimilarPage,
    Status,
    Unreadable,
)
from indexer.progress import Progress, ProgressSink
from indexer.settings import Settings
from indexer.values import Matrix, ModelSpec, Page, PageFilter, Pixels
from service.app import create_app

EVERY_PAGE = PageFilter()
MODEL = ModelSpec(name="fake", dimensions=3, preprocessing="mean colour")
RW_KEY = "writing-key-0123456789"
RO_KEY = "reading-key-0123456789"
KEYS = f"ann:rw:{RW_KEY},bob:ro:{RO_KEY}"


def page_id_of(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"page {number}"))


def make_page(number: int, *, group: str | None = None) -> Page:
    return Page(
        page_id=page_id_of(number),
        root="scans",
        path=f"p{number}.jpg",
        page_number=1,
        sha256="0" * 64,
        bytes=1000,
        modified_ns=1,
        width_px=100,
        height_px=200,
        label="art" if number % 2 else "notes",
        cluster=number % 3,
        group=group,
    )


class FakeLibrary:
    """Twelve pages in three clusters. What the service asks of it is in `calls`; faults and delays can be set."""

    def __init__(self, root: Path = Path("/scans")) -> None:
        self.root = root
        self.list_of_pages = [make_page(number) for number in range(12)]
        self.groups: dict[int, str | None] = {0: None, 1: None, 2: None}
        self.decisions: list[HistoryEntry] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.batches: list[int] = []
        self.faults: dict[str, Exception] = {}
        self.on_embed: Callable[[Sequence[Pixels]], None] = lambda prepared: None
        self.steps = 3
        self.step_s = 0.0
        self.release: threading.Event | None = None
        self.is_closed = False
        self.maps = FakeMaps(self.list_of_pages, self._note, self._work)
        self.documents = FakeDocuments(self.list_of_pages, self._note)
        self.duplicates = FakeDuplicates(self, self._note, self._work)
        self.rescans = FakeRescans(self, self._note)
        self.balance = FakeBalance(self, self._note)
        self.words = FakeWords(self, self._note, self._work)
        self.learning = FakeLearning(self, self._note, self._work)
        self.manifest = Manifest(name="fake")

    def close(self) -> None:
        self.is_closed = True

    def _note(self, method: str, **arguments: Any) -> None:
        self.calls.append((method, arguments))
        if fault := self.faults.get(method):
            raise fault

    # ---- long work ----

    def _work(self, progress: ProgressSink) -> None:
        for step in range(self.steps):
            progress(Progress("embed", step, self.steps))
            time.sleep(self.step_s)
        while self.release is not None and not self.release.wait(0.01):
            progress(Progress("embed", self.steps, self.steps))

    def index(self, roots: Sequence[Path] = (), *, progress: ProgressSink, **options: Any) -> IndexReport:
        self._note("index", roots=list(roots), **options)
        self._work(progress)
        return IndexReport(1, 0, 11, 0, 0, [], [], 12, 0.1, 1, MODEL)

    def reindex(self, model: str | None = None, *, progress: ProgressSink, **options: Any) -> IndexReport:
        self._note("reindex", model=model, **options)
        self._work(progress)
        return IndexReport(12, 0, 0, 0, 0, [], [], 12, 0.1, 2, MODEL)

    def cluster(self, k: int, *, seed: int = 0, progress: ProgressSink) -> ClusterReport:
        self._note("cluster", k=k, seed=seed)
        self._work(progress)
        return ClusterReport(1, k, seed, 12, 1.0, 0.1, self.clusters(), self.questions())

    def choose_k(self, ks: Sequence[int], *, seed: int = 0) -> list[KChoice]:
        self._note("choose_k", ks=list(ks), seed=seed)
        return [KChoice(k, 0.5, 1.0 / k) for k in ks]

    # ---- clusters and decisions ----

    def clusters(self) -> list[Cluster]:
        self._note("clusters")
        return [Cluster(n, 4, group, 0.5, [page_id_of(n)], 0.9, 0.7) for n, group in self.groups.items()]

    def questions(self) -> list[Question]:
        return [
            Question("split", 1, "Is cluster 1 'art' too?", [Candidate("art", 3, 0.75)], 1, "art", 4),
            Question("lost", -1, "Which cluster is 'notes' now?", [Candidate("notes", 2, 1.0)], 2, None, 2),
        ]

    def answer(
        self,
        question: int,
        *,
        group: str | None = None,
        cluster: int | None = None,
        keep: bool = False,
        who: str | None = None,
    ) -> NameReport:
        self._note("answer", question=question, group=group, cluster=cluster, keep=keep, who=who)
        if question > 2:
            raise NotFoundError(f"There is no open question {question}.")
        return NameReport(group, [] if keep else [cluster or 1], 4, self._decide("settle" if keep else "name", who))

    def cluster_pages(self, cluster: int, *, limit: int, offset: int, order: str) -> SimilarAnswer:
        self._note("cluster_pages", cluster=cluster, limit=limit, offset=offset, order=order)
        self._check_clusters([cluster])
        members = [page for page in self.list_of_pages if page.cluster == cluster]
        return SimilarAnswer(
            f"cluster {cluster}", 1, [SimilarPage(0.9, page) for page in members[offset : offset + limit]]
        )

    def name_clusters(self, clusters: Sequence[int], group: str | None, *, who: str | None = None) -> NameReport:
        self._note("name_clusters", clusters=list(clusters), group=group, who=who)
        self._check_clusters(clusters)
        for cluster in clusters:
            self.groups[cluster] = group
        return NameReport(group, list(clusters), 4 * len(clusters), self._decide("name", who))

    def move_pages(self, page_ids: Sequence[str], group: str | None, *, who: str | None = None) -> NameReport:
        self._note("move_pages", page_ids=list(page_ids), group=group, who=who)
        for page_id in page_ids:
            self.page(page_id)
        return NameReport(group, [], len(page_ids), self._decide("move", who))

    def history(self, *, limit: int = 100) -> list[HistoryEntry]:
        return self.decisions[::-1][:limit]

    def undo(self, entry: int | None = None, *, who: str | None = None) -> HistoryEntry:
        self._note("undo", entry=entry, who=who)
        if not self.decisions:
            raise ConflictError("There is nothing to undo.")
        return self.decisions[-1]

    def _decide(self, kind: str, who: str | None) -> int:
        self.decisions.append(
            HistoryEntry(len(self.decisions) + 1, kind, who or "?", "2026-01-01T00:00:00Z", f"{kind} by {who}")
        )
        return len(self.decisions)

    def _check_clusters(self, clusters: Sequence[int]) -> None:
        if missing := [n for n in clusters if n not in self.groups]:
            raise ClusterMissingError(f"There is no cluster {missing[0]}; there are 0 to 2.")

    # ---- pages ----

    def pages(self, *, where: PageFilter = EVERY_PAGE, limit: int = 50, cursor: str | None = None) -> PageList:
        self._note("pages", where=where, limit=limit, cursor=cursor)
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal()):
            raise UsageError(f"The cursor {cursor!r} is none that this library gave.")
        found = self._filtered(where)
        start = int(cursor[:9] or 0) if cursor else 0
        end = start + limit
        return PageList(found[start:end], len(found), str(end) if end < len(found) else None)

    def page(self, page_id: str) -> Page:
        self._note("page", page_id=page_id)
        for page in self.list_of_pages:
            if page.page_id == page_id:
                return page
        raise PageMissingError(f"There is no page {page_id}.")

    def page_image(self, page_id: str, *, side_px: int = 2048) -> bytes:
        self._note("page_image", page_id=page_id, side_px=side_px)
        self.page(page_id)
        return b"\xff\xd8 an image"

    def page_thumbnail(self, page_id: str) -> bytes:
        self.page(page_id)
        return b"RIFF a thumbnail"

    def sheet_pages(self, *, where: PageFilter, limit: int, **options: Any) -> SheetPages:
        self._note("sheet_pages", where=where, limit=limit, **options)
        found = self._filtered(where)
        pages = [SheetPage(0.9 - 0.1 * number, page) for number, page in enumerate(found[:limit])]
        return SheetPages("fake", pages, len(found), 0)

    def contact_sheet(self, kind: str = "png", **options: Any) -> bytes:
        self._note("contact_sheet", kind=kind, **options)
        return b"a sheet"

    def facet(self, field: str, *, where: PageFilter = EVERY_PAGE) -> dict[str, int]:
        if field not in FILTER_FIELDS and not field.startswith("metadata."):
            raise FilterError(f"No page has the field {field}.")
        return {"art": 6, "notes": 6}

    def status(self) -> Status:
        self._note("status")
        roots = [RootStatus("scans", str(self.root), "parent")]
        return Status("fake", "/library", "memory", 12, 3, {}, {"art": 6}, 1, 1, MODEL, roots, [], 1000, 1)

    def skip_counts(self) -> dict[str, int]:
        return {"picture": 2}

    def _filtered(self, where: PageFilter) -> list[Page]:
        kept = self.list_of_pages
        for condition in where.conditions:
            kept = [
                page
                for page in kept
                if (getattr(page, condition.field, None) in condition.values) == (condition.op == "=")
            ]
        return kept

    # ---- uploads: the first three bytes are the colour; `bad` is no picture ----

    def read_uploads(self, uploads: Sequence[Upload]) -> ReadUploads:
        self._note("read_uploads", names=[upload.name for upload in uploads])
        good = [upload for upload in uploads if not upload.data.startswith(b"bad")]
        bad = [Unreadable(upload.name, "It is no picture.") for upload in uploads if upload.data.startswith(b"bad")]
        return ReadUploads([ReadPage(upload.name, 1, _prepare(upload.data)) for upload in good], bad)

    def embed_prepared(self, prepared: Sequence[Pixels]) -> Matrix:
        self.batches.append(len(prepared))
        self.on_embed(prepared)
        vectors = np.stack([pixels.reshape(-1, 3).mean(axis=0) + 1 for pixels in prepared]).astype(np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    def similar_to_vectors(
        self, pages: Sequence[ReadPage], vectors: Matrix, *, where: PageFilter, limit: int, colour: float = 0.0
    ) -> list[SimilarAnswer]:
        self._note("similar_to_vectors", vectors=vectors, where=where, limit=limit, colour=colour)
        found = self._filtered(where)[:limit]
        return [
            SimilarAnswer(page.name, page.page_number, [SimilarPage(float(vector[0]), one) for one in found])
            for page, vector in zip(pages, vectors, strict=True)
        ]

    def classify_vectors(
        self, pages: Sequence[ReadPage], vectors: Matrix, *, unknown_share: float | None = None
    ) -> list[Classification]:
        self._note("classify_vectors", vectors=vectors, unknown_share=unknown_share)
        return [
            Classification(page.name, page.page_number, 0, self.groups[0], float(vector[0]), 1, None, 0.1, 0.5, False)
            for page, vector in zip(pages, vectors, strict=True)
        ]

    def similar_to_page(self, page_id: str, *, where: PageFilter, limit: int, colour: float = 0.0) -> SimilarAnswer:
        self._note("similar_to_page", page_id=page_id, colour=colour)
        page = self.page(page_id)
        return SimilarAnswer(
            page.path, 1, [SimilarPage(0.9, one) for one in self._filtered(where) if one != page][:limit]
        )


@contextmanager
def open_client(
    library: FakeLibrary | None = None,
    *,
    base_url: str = "http://127.0.0.1:8765",
    client: str = "127.0.0.1",
    **settings: Any,
) -> Iterator[TestClient]:
    """A client of a running app over a fake library; keyword arguments are settings."""
    app = create_app(make_settings(**settings), library=library or FakeLibrary())  # type: ignore[arg-type]
    with TestClient(app, base_url=base_url, client=(client, 50_000), raise_server_exceptions=False) as made:
        yield made


def make_settings(**settings: Any) -> Settings:
    """Settings of a test: nothing of this machine's environment matters to it."""
    return Settings(**{"library": Path("/nowhere"), "user": "tester", **settings})


def scan(name: str = "scan.png", data: bytes = b"\x10\x20\x30") -> tuple[str, tuple[str, bytes, str]]:
    """One part of a multipart body."""
    return ("file", (name, data, "application/octet-stream"))


def wait_for(condition: Callable[[], bool], *, timeout_s: float = 30.0) -> None:
    """Return once the condition holds; fail where it does not in time."""
    until_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.005)


def all_error_kinds(kind: type[QuireError] = QuireError) -> list[type[QuireError]]:
    """The class and all below it."""
    return [kind, *(below for direct in kind.__subclasses__() for below in all_error_kinds(direct))]


def _prepare(data: bytes) -> Pixels:
    padded = (data + b"\0\0\0")[:3]
    return np.frombuffer(padded, dtype=np.uint8).reshape(1, 1, 3).copy()
