"""Is the library what it should be? Everything is read, in blocks; `repairing` mends what is found.

Shards are tried in a child process first: a damaged one makes Qdrant Edge panic, and now and then crash.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from indexer.analysis.kmeans import nearest_centroids
from indexer.errors import LibraryDamagedError, PictureError, QuireError, StoreError
from indexer.library.clustering import CentroidTable, load_centroids
from indexer.library.findings import Survey, compare
from indexer.library.manifest import Manifest, centroids_collection, pages_collection
from indexer.library.meaning import assign_by_name
from indexer.library.page_payload import page_from_payload
from indexer.library.results import CheckReport
from indexer.progress import Meter, ProgressSink
from indexer.sources import decode_bytes, page_id
from indexer.store.port import Collection, PointBatch
from indexer.values import Condition, Matrix, PageFilter, Payload

if TYPE_CHECKING:
    from indexer.library.core import Library

SAMPLE = 200
"""Thumbnails opened where `deep` does not ask for all."""
LENGTH_TOLERANCE = 5e-3
"""How far from 1 the length of a stored vector may be; float16 keeps three digits."""
TIE_TOLERANCE = 1e-4
"""Two centroids this close to a page are equally near, as far as float16 can tell."""
_BLOCK = 2_000
_REQUIRED: dict[str, type] = {
    "root": str,
    "path": str,
    "page_number": int,
    "sha256": str,
    "bytes": int,
    "modified_ns": int,
    "width_px": int,
    "height_px": int,
    "pages_in_file": int,
}


def check(library: Library, *, repair: bool, deep: bool, progress: ProgressSink) -> CheckReport:
    """See `Library.check`."""
    from indexer.library.repairing import repair_library

    began_s = time.monotonic()
    survey = survey_library(library, deep=deep, progress=progress)
    found = survey.findings()
    if repair and found:
        names = repair_library(library, survey, progress=progress)
        survey = survey_library(library, deep=deep, progress=progress)
        for name in names:
            survey.add("names-lost", name)
        found = compare(found, survey.findings(after_repair=True))
    return CheckReport(survey.pages, survey.thumbnails_opened, deep, time.monotonic() - began_s, found)


def survey_library(library: Library, *, deep: bool, progress: ProgressSink) -> Survey:
    """Look at everything that the library's own calls can reach."""
    survey = Survey()
    _look_for_leftovers(library, survey)
    if not library.is_filled:
        return survey
    centroids = _check_centroids(library, survey)
    pages = open_collection(library, library.manifest.pages_collection, survey)
    if pages is None:
        return survey
    try:
        _check_pages(library, pages, centroids, survey, deep=deep, progress=progress)
    except StoreError as exc:
        survey.add("collection-damaged", pages.name, reason=str(exc))
    return survey


def open_collection(library: Library, name: str, survey: Survey) -> Collection | None:
    """The collection, or None and a finding."""
    if name not in library.store.names():
        survey.add("collection-missing", name)
        return None
    try:
        return library.store.open(name)
    except (LibraryDamagedError, StoreError) as exc:
        survey.add("collection-damaged", name, reason=str(exc))
        return None


def expected_collections(manifest: Manifest) -> set[str]:
    """Names of all collections that the manifest knows of."""
    names = {manifest.pages_collection, manifest.centroids_collection}
    if manifest.filling is not None:
        names |= {pages_collection(manifest.filling.generation), centroids_collection(manifest.filling.generation)}
    return names


def _look_for_leftovers(library: Library, survey: Survey) -> None:
    manifest = library.manifest
    if manifest.filling is not None:
        survey.add("unfinished-reindex", pages_collection(manifest.filling.generation))
    for name in sorted(set(library.store.names()) - expected_collections(manifest)):
        survey.add("leftover", f"collection {name}")
    for path in find_drafts(library.directory):
        survey.add("leftover", str(path.relative_to(library.directory)))


def find_drafts(directory: Path) -> list[Path]:
    """Files and folders that a killed process was writing and that never came to be."""
    patterns = (
        ".quire.toml.*",
        ".*.json.*",
        "service.new",
        "thumbnails/*/.*.part",
        "models/.*.draft",
        "models/*/.*.part",
        "store/*.new",
        "store/*.optimizing",
    )
    return sorted(path for pattern in patterns for path in directory.glob(pattern))


def _check_centroids(library: Library, survey: Survey) -> CentroidTable | None:
    manifest = library.manifest
    if manifest.run == 0:
        return None
    centroids = open_collection(library, manifest.centroids_collection, survey)
    if centroids is None:
        return None
    try:
        stale = [f"run {run}" for run in centroids.facet("run") if run != manifest.run]
        where = PageFilter((Condition("run", "=", (manifest.run,)),))
        batches = list(centroids.scroll(where=where, vectors=("page",)))
    except StoreError as exc:
        survey.add("collection-damaged", centroids.name, reason=str(exc))
        return None
    for name in stale:
        survey.add("leftover", f"centroids of {name}")
    missing = _find_missing(batches, _count_clusters(library))
    for number in missing:
        survey.add("centroids-incomplete", f"cluster {number}")
    if missing:
        return None
    for batch in batches:
        for payload in batch.payloads:
            number = cast(int, payload["cluster"])
            if payload.get("group") != library.decisions.cluster_groups.get(number):
                survey.add("centroid-group", f"cluster {number}")
    library.centroid_cache = None
    return load_centroids(library)


def _count_clusters(library: Library) -> int:
    """How many clusters the journal says the current run made; where it is from before that was noted, the k asked for."""
    for _, entry in reversed(library.records.entries()):
        if entry["kind"] == "cluster" and entry["run"] == library.manifest.run:
            return cast(int, entry.get("made", 0))
    return 0


def _find_missing(batches: Sequence[PointBatch], made: int) -> list[int]:
    """Numbers of clusters without a whole centroid, where `made` clusters were made (0: nobody knows)."""
    whole: set[int] = set()
    highest = made - 1
    for batch in batches:
        lengths = np.linalg.norm(batch.vectors["page"], axis=1)
        for payload, length in zip(batch.payloads, lengths, strict=True):
            number = payload.get("cluster")
            if not isinstance(number, int):
                continue
            highest = max(highest, number)
            if abs(length - 1) <= LENGTH_TOLERANCE and {"quantiles", "exemplars", "inertia"} <= payload.keys():
                whole.add(number)
    return [number for number in range(max(highest + 1, 1)) if number not in whole]


def _check_pages(
    library: Library,
    pages: Collection,
    centroids: CentroidTable | None,
    survey: Survey,
    *,
    deep: bool,
    progress: ProgressSink,
) -> None:
    count = pages.count()
    files = _FileLook(library, survey)
    thumbnails = _ThumbnailLook(library, survey, every=1 if deep else max(1, count // SAMPLE))
    meter = Meter(progress, "checking pages", count)
    names = tuple(pages.vectors)
    for batch in pages.scroll(vectors=names, batch_size=_BLOCK):
        fit = [_is_whole(payload) for payload in batch.payloads]
        lengths = np.stack([np.linalg.norm(batch.vectors[name], axis=1) for name in names])
        straight = np.all(np.abs(lengths - 1) <= LENGTH_TOLERANCE, axis=0)
        for row, (one, payload) in enumerate(zip(batch.ids, batch.payloads, strict=True)):
            shown = _show(one, payload)
            if not fit[row]:
                survey.add("page-payload", one, shown)
            elif not _is_its_id(library, one, payload):
                survey.add("page-id", one, shown)
            else:
                files.look(one, payload, shown)
            if not straight[row]:
                survey.add("page-vector", one, shown)
            thumbnails.look(one, shown)
        _check_places(library, batch, centroids, straight, survey)
        survey.pages += len(batch)
        meter.advance(len(batch))
    thumbnails.finish()
    meter.finish()


def _check_places(
    library: Library, batch: PointBatch, centroids: CentroidTable | None, straight: np.ndarray, survey: Survey
) -> None:
    """Cluster by nearest centroid or by name, and group by the decisions, against what the pages show."""
    meaning = library.decisions.meaning
    unknown = library.manifest.run > 0 and centroids is None
    nearest = None if centroids is None or meaning else _nearest(batch.vectors["page"], centroids.vectors)
    named = assign_by_name(batch.payloads, meaning) if meaning else None
    for row, (one, payload) in enumerate(zip(batch.ids, batch.payloads, strict=True)):
        shown = _show(one, payload)
        cluster = payload.get("cluster")
        if named is not None:
            if cluster != (named[row] if named[row] >= 0 else None):
                survey.add("page-cluster", one, shown)
        elif (
            not unknown
            and straight[row]
            and not _is_nearest(batch.vectors["page"][row], cluster, nearest, row, centroids)
        ):
            survey.add("page-cluster", one, shown)
        group = library.decisions.group_of(one, cluster if isinstance(cluster, int) else None)
        if payload.get("group") != group:
            survey.add("page-group", one, shown)


def _nearest(vectors: Matrix, centroids: Matrix) -> tuple[np.ndarray, np.ndarray]:
    return nearest_centroids(np.nan_to_num(vectors), centroids)


def _is_nearest(
    vector: np.ndarray,
    cluster: object,
    nearest: tuple[np.ndarray, np.ndarray] | None,
    row: int,
    centroids: CentroidTable | None,
) -> bool:
    if nearest is None or centroids is None:
        return cluster is None
    if not isinstance(cluster, int) or not 0 <= cluster < len(centroids.vectors):
        return False
    return (
        bool(cluster == nearest[0][row])
        or float(vector @ centroids.vectors[cluster]) >= float(nearest[1][row]) - TIE_TOLERANCE
    )


def _is_whole(payload: Payload) -> bool:
    if any(type(payload.get(name)) is not kind for name, kind in _REQUIRED.items()):
        return False
    try:
        page_from_payload("", payload)
    except (TypeError, ValueError):
        return False
    return True


def _is_its_id(library: Library, one: str, payload: Payload) -> bool:
    root = library.manifest.root(str(payload["root"]))
    return root is None or page_id(str(payload["path"]), cast(int, payload["page_number"]), prefix=root.prefix) == one


def _show(one: str, payload: Payload) -> str:
    path, number = payload.get("path"), payload.get("page_number")
    return f"{path}, page {number}" if path and number not in (None, 1) else str(path or one)


class _FileLook:
    """Whether the files of pages are there; a root that can't be reached is one finding, not one for each of its pages."""

    def __init__(self, library: Library, survey: Survey) -> None:
        self._places = {root.name: Path(root.directory) for root in library.manifest.roots}
        self._survey = survey
        self._reached = {name: place.is_dir() for name, place in self._places.items()}
        for name, reached in self._reached.items():
            if not reached:
                survey.add("root-missing", str(self._places[name]))

    def look(self, one: str, payload: Payload, shown: str) -> None:
        """Note the page if its file is gone."""
        root = str(payload["root"])
        if self._reached.get(root) and not (self._places[root] / str(payload["path"])).is_file():
            self._survey.add("file-gone", one, shown)


class _ThumbnailLook:
    """Thumbnails against pages, folder by folder: both come in the order of their ids."""

    def __init__(self, library: Library, survey: Survey, *, every: int) -> None:
        self._library = library
        self._survey = survey
        self._every = every
        self._folder = ""
        self._waiting: set[str] = set()
        self._seen = 0

    def look(self, one: str, shown: str) -> None:
        """The next page."""
        if one[:2] != self._folder:
            self._change_to(one[:2])
        if one in self._waiting:
            self._waiting.discard(one)
            if self._seen % self._every == 0:
                self._open(one, shown)
        else:
            self._survey.add("thumbnail-missing", one, shown)
        self._seen += 1

    def finish(self) -> None:
        """There are no more pages."""
        self._change_to("~")

    def _change_to(self, folder: str) -> None:
        for one in sorted(self._waiting):
            self._survey.add("thumbnail-orphan", one)
        between = (f"{n:02x}" for n in range(256) if self._folder < f"{n:02x}" < folder)
        for passed in between:
            for one in sorted(self._list(passed)):
                self._survey.add("thumbnail-orphan", one)
        self._folder = folder
        self._waiting = self._list(folder)

    def _list(self, folder: str) -> set[str]:
        place = self._library.directory / "thumbnails" / folder
        try:
            return {name.removesuffix(".webp") for name in os.listdir(place) if name.endswith(".webp")}  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return set()

    def _open(self, one: str, shown: str) -> None:
        self._survey.thumbnails_opened += 1
        try:
            data = self._library.thumbnails.load(one) or b""
            whole = decode_bytes(data, name=shown, max_side_px=64)[0].picture is not None
        except (PictureError, QuireError, OSError):
            whole = False
        if not whole:
            self._survey.add("thumbnail-damaged", one, shown)
