"""Mending what `check` found: from the scans, the thumbnails and the journal, in an order in which each step rests on the one before.

Interrupted, a repair leaves a library that the next check finds no worse, and the next repair goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import PictureError
from indexer.library import clustering, deciding, filling
from indexer.library.checking import expected_collections, find_drafts
from indexer.library.findings import Survey
from indexer.library.observing import SMALL_SIDE_PX, Observer, view_dimensions
from indexer.library.page_files import decode_page
from indexer.library.page_payload import page_from_payload, pages_spec, storage_from
from indexer.output.pictures import make_thumbnail
from indexer.progress import Meter, ProgressSink
from indexer.sources import decode_bytes
from indexer.values import Condition, Page, PageFilter

if TYPE_CHECKING:
    from indexer.library.core import Library

ASIDE = "damaged"
"""The folder in a library to which a repair moves what it can't read; nothing looks there again."""
_BLOCK = 500


def repair_library(library: Library, survey: Survey, *, progress: ProgressSink) -> list[str]:
    """Mend what can be mended; returns the names of groups that could not be carried over."""
    manifest = library.manifest
    _drop_leftovers(library)
    if not library.is_filled:
        return []
    missing = set(survey.ids("collection-missing"))
    lost_pages = manifest.pages_collection in missing
    lost_centroids = manifest.run > 0 and (
        manifest.centroids_collection in missing or bool(survey.ids("centroids-incomplete"))
    )
    if lost_pages:
        _refill(library, without_clusters=lost_centroids, progress=progress)
    elif manifest.pages_collection not in survey.ids("collection-damaged"):
        _mend_pages(library, survey, without_clusters=lost_centroids, progress=progress)
    names = sorted(set(library.decisions.cluster_groups.values())) if lost_pages and lost_centroids else []
    if lost_centroids and library.collection.count():
        clustering.cluster_again(library, progress=progress)
    elif lost_pages or survey.ids("page-cluster", "page-group", "centroid-group"):
        _place_again(library, progress)
    _make_thumbnails(library, survey.ids("thumbnail-missing", "thumbnail-damaged"), progress)
    library.collection.flush()
    return names


def move_aside(directory: Path, path: Path) -> Path:
    """Move a file or folder of the library into its folder `damaged`, under a name that tells the time."""
    aside = directory / ASIDE
    aside.mkdir(exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    return path.rename(aside / f"{path.name}-{stamp}")


def _drop_leftovers(library: Library) -> None:
    for name in sorted(set(library.store.names()) - expected_collections(library.manifest)):
        library.store.drop(name)
    for path in find_drafts(library.directory):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    manifest = library.manifest
    if manifest.run and manifest.centroids_collection in library.store.names():
        stale = PageFilter((Condition("run", "!=", (manifest.run,)),))
        ids = [i for batch in library.centroids.scroll(where=stale, fields=()) for i in batch.ids]
        library.centroids.delete(ids)


def _refill(library: Library, *, without_clusters: bool, progress: ProgressSink) -> None:
    """The pages collection from the scans; what the journal decided comes with each page."""
    manifest = library.manifest
    dimensions = view_dimensions(library.embedder(), manifest.views)
    spec = pages_spec(dimensions, storage=storage_from(library.settings))
    library.store.create(manifest.pages_collection, spec)
    _index(library, without_clusters=without_clusters, progress=progress)


def _index(library: Library, *, without_clusters: bool, progress: ProgressSink) -> None:
    """Bring the library up to its roots. Without centroids to place pages by, they wait for the clusters that are made next."""
    manifest = library.manifest
    if without_clusters:
        library.manifest = replace(manifest, run=0)
    try:
        filling.index(library, (), filling.IndexOptions(), progress)
    finally:
        library.manifest = replace(library.manifest, run=manifest.run)


def _mend_pages(library: Library, survey: Survey, *, without_clusters: bool, progress: ProgressSink) -> None:
    broken = survey.ids("page-payload", "page-id")
    _take_out(library, broken)
    again = [one for one in survey.ids("page-vector") if one not in set(broken)]
    from_files, from_thumbnails = _sort_by_file(library, again)
    # A page whose file seems to have changed is read again by any `index`, even if this repair dies here.
    library.collection.set_payload(from_files, [{"modified_ns": -1}] * len(from_files))
    _embed_thumbnails(library, from_thumbnails, progress)
    if broken or from_files:
        _index(library, without_clusters=without_clusters, progress=progress)


def _take_out(library: Library, ids: Sequence[str]) -> None:
    """Remove points that are no whole pages; what they held is kept aside."""
    if not ids:
        return
    found = library.collection.retrieve(ids)
    draft = library.directory / "points.jsonl"
    lines = [json.dumps({"page_id": i, **payload}) for i, payload in zip(found.ids, found.payloads, strict=True)]
    draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    move_aside(library.directory, draft)
    library.collection.delete(ids)


def _sort_by_file(library: Library, ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Pages whose file is there, and pages whose file is gone though its folder can be reached."""
    there: list[str] = []
    gone: list[str] = []
    for page in _pages(library, ids):
        root = library.manifest.root(page.root)
        if root is None or not Path(root.directory).is_dir():
            continue
        (there if (Path(root.directory) / page.path).is_file() else gone).append(page.page_id)
    return there, gone


def _embed_thumbnails(library: Library, ids: Sequence[str], progress: ProgressSink) -> None:
    if not ids:
        return
    observer = Observer(library.embedder(), library.manifest.views)
    meter = Meter(progress, "embedding thumbnails of pages whose file is gone", len(ids))
    for one in ids:
        data = library.thumbnails.load(one)
        try:
            picture = decode_bytes(data or b"", name=one, max_side_px=SMALL_SIDE_PX)[0].picture
        except PictureError:
            picture = None
        if picture is not None:
            library.collection.set_vectors([one], observer.embed([observer.observe(picture)]))
        meter.advance()
    meter.finish()


def _place_again(library: Library, progress: ProgressSink) -> None:
    library.refresh_decisions()
    if library.manifest.run:
        clustering.apply_run(library, progress=progress)
    deciding.apply_groups(library)
    library.change_manifest(applying=False, applied_entry=library.decisions.entry)


def _make_thumbnails(library: Library, ids: Sequence[str], progress: ProgressSink) -> None:
    if not ids:
        return
    meter = Meter(progress, "making thumbnails", len(ids))
    for page in _pages(library, ids):
        try:
            picture = decode_page(library, page, max_side_px=SMALL_SIDE_PX)
            library.thumbnails.save(page.page_id, make_thumbnail(picture.pixels))
        except PictureError:
            meter.advance(skipped=1)
            continue
        meter.advance()
    meter.finish()


def _pages(library: Library, ids: Sequence[str]) -> list[Page]:
    pages: list[Page] = []
    for begin in range(0, len(ids), _BLOCK):
        found = library.collection.retrieve(ids[begin : begin + _BLOCK])
        pages += [page_from_payload(i, payload) for i, payload in zip(found.ids, found.payloads, strict=True)]
    return pages
