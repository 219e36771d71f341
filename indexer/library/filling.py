"""Filling a generation: `index` keeps the one in use up to date, `reindex` fills the next beside it and switches."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from indexer.embedding import DEFAULT_MODEL, BlurMix, Embedder, check_same, make_blur_mix, parse_blur_mix
from indexer.errors import (
    ConflictError,
    ModelMismatchError,
    PageMissingError,
    RootMissingError,
    StoreError,
    UsageError,
)
from indexer.library import clustering, deciding, listing
from indexer.library.indexing import IndexRun, Part, Tally
from indexer.library.manifest import Filling, Manifest, Root, centroids_collection, pages_collection
from indexer.library.observing import Observer, check_views, view_dimensions
from indexer.library.page_payload import LARGE_FROM, page_from_payload, pages_spec, storage_from
from indexer.library.results import IndexReport
from indexer.library.sharing import parse_share
from indexer.progress import Meter, ProgressSink
from indexer.sources import MetadataTable, decode_bytes, folders_of, label_from, load_metadata, scan_files
from indexer.store.port import Collection, CollectionSpec, PointBatch
from indexer.values import JsonScalar, ModelSpec, Page, Picture

if TYPE_CHECKING:
    from indexer.library.core import Library

_BLOCK = 2_000


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """What `Library.index` was asked for; its docstring says what each means."""

    label_from: str | None = None
    metadata: Path | None = None
    model: str | None = None
    checkpoint: Path | None = None
    limit: int | None = None
    dry_run: bool = False
    prune: bool = False
    retry_skipped: bool = False
    views: Sequence[str] | None = None
    part: str | None = None
    blur_mix: Sequence[float] | None = None
    weights: Sequence[float] | None = None
    ray: str | None = None


def index(library: Library, roots: Sequence[Path], options: IndexOptions, progress: ProgressSink) -> IndexReport:
    """See `Library.index`."""
    began_s = time.monotonic()
    check_model(library, options.model)
    _check_views(library, options.views)
    _check_blur_mix(library, options)
    share = parse_share(options.part)
    parts = choose_parts(library.manifest.roots, roots, options)
    tables = load_tables(parts)
    if options.dry_run:
        return _report(library, _plan_only(library, parts, tables, options, progress), tables, began_s)
    collection = _open_or_create(library, options, parts)
    if any(part.root not in library.manifest.roots for part in parts):
        parts = _take_in_roots(library, roots, options)
        tables = load_tables(parts)
    run = IndexRun(library, parts, collection, tables, collection, options.retry_skipped, progress, share)
    run.ray, run.checkpoint = options.ray, _recorded_checkpoint(library.manifest)
    waiting = run.plan(limit=options.limit)
    decided = library.decisions.entry
    tally = run.execute(waiting, lambda: Observer(library.embedder(), library.manifest.views)) if waiting else run.tally
    listing.save_skips(library, parts, tally.skips, share=share)
    if options.label_from is not None or options.metadata is not None:
        _relabel(collection, parts, tables, progress)
        if library.decisions.meaning is not None:
            # Other names may mean other clusters.
            with library.deciding():
                clustering.apply_run(library, progress=progress)
    if options.prune and tally.gone:
        _prune(library, collection, tally)
    if library.decisions.entry != decided:
        # A page on its way while its cluster was being named may have been written with the group of before.
        with library.deciding():
            deciding.apply_groups(library)
    if tally.added or tally.changed:
        collection.optimize()
    collection.flush()
    return _report(library, tally, tables, began_s)


def reindex(
    library: Library,
    model: str | None,
    *,
    checkpoint: Path | None,
    k: int | None,
    views: Sequence[str] | None,
    blur_mix: Sequence[float] | None,
    weights: Sequence[float] | None,
    progress: ProgressSink,
    ray: str | None = None,
) -> IndexReport:
    """See `Library.reindex`."""
    began_s = time.monotonic()
    before = library.collection
    old = library.manifest
    parts = [Part(root) for root in old.roots]
    tables = load_tables(parts)
    name = model or (old.model.name if old.model else DEFAULT_MODEL)
    if checkpoint is None and old.model is not None and name == old.model.name:
        checkpoint = Path(old.checkpoint) if old.checkpoint else None
    kept = parse_blur_mix(old.model.blur_mix) if old.model else None
    embedder = library.make_embedder(name, checkpoint, _wanted_mix(blur_mix, weights, kept))
    views = old.views if views is None else check_views(views)
    beside = _begin_filling(library, embedder, checkpoint, views)
    run = IndexRun(library, parts, beside, tables, before, False, progress, ray=ray, checkpoint=checkpoint)
    observer = Observer(embedder, views)
    tally = run.execute(run.plan(), lambda: observer)
    rescued = _fill_from_thumbnails(library, before, beside, observer, progress)
    with library.deciding():
        _switch(library, beside, embedder, checkpoint, views, k=k, progress=progress)
    library.retire(old.pages_collection, old.centroids_collection)
    listing.save_skips(library, parts, tally.skips)
    return replace(_report(library, tally, tables, began_s), from_thumbnails=rescued)


def _switch(
    library: Library,
    beside: Collection,
    embedder: Embedder,
    checkpoint: Path | None,
    views: tuple[str, ...],
    *,
    k: int | None,
    progress: ProgressSink,
) -> None:
    """Cluster the filled generation, make it quick to search, and make it the one in use. Nobody decides anything meanwhile."""
    old = library.manifest
    switched = replace(
        old,
        generation=cast(Filling, old.filling).generation,
        model=embedder.spec,
        checkpoint=str(checkpoint.resolve()) if checkpoint else None,
        views=views,
        filling=None,
    )
    if old.run:
        switched = clustering.recluster_beside(library, beside, switched, k=k, progress=progress)
    # After the clusters are written: a payload that changes leaves the part of a shard that has its graph.
    beside.optimize()
    beside.flush()
    library.save_manifest(switched)
    library.set_embedder(embedder)
    library.refresh_decisions()


def make_recorded_embedder(library: Library) -> Embedder:
    """The embedder that the manifest records, checked against what it recorded."""
    manifest = library.manifest
    if manifest.model is None:
        raise PageMissingError(
            f"The library {library.directory} holds no pages yet. Fill it with `quire index FOLDER`."
        )
    embedder = library.make_embedder(
        manifest.model.name, _recorded_checkpoint(manifest), parse_blur_mix(manifest.model.blur_mix)
    )
    check_same(manifest.model, embedder.spec)
    return embedder


def _recorded_checkpoint(manifest: Manifest) -> Path | None:
    return Path(manifest.checkpoint) if manifest.checkpoint else None


def choose_parts(known: Sequence[Root], roots: Sequence[Path], options: IndexOptions) -> list[Part]:
    """What to walk: all known roots, or the folders named; a folder inside a known root is a part of it.

    Raises:
        RootMissingError: a folder is not there, or none is known yet.
        ConflictError: a folder lies around a known root.
    """
    if not roots:
        if not known:
            raise RootMissingError("The library knows no folder of scans yet. Say which: `quire index FOLDER`.")
        return [Part(_with_options(root, options)) for root in known]
    parts: list[Part] = []
    for folder in roots:
        part = _choose_part(folder, known, options)
        parts.append(part)
        known = [root for root in known if root.name != part.root.name] + [part.root]
    return parts


def _take_in_roots(library: Library, roots: Sequence[Path], options: IndexOptions) -> list[Part]:
    """The parts, chosen anew among the roots that there are by now (another indexer may have been quicker), with their roots taken in."""
    parts: list[Part] = []

    def take_in(now: Manifest) -> Manifest:
        parts[:] = choose_parts(now.roots, roots, options)
        for part in parts:
            now = now.with_root(part.root)
        return now

    library.alter_manifest(take_in)
    return parts


def load_tables(parts: Sequence[Part]) -> dict[str, MetadataTable]:
    """The metadata tables of the roots that have one, by root."""
    return {part.root.name: load_metadata(Path(part.root.metadata)) for part in parts if part.root.metadata}


def _choose_part(folder: Path, known: Sequence[Root], options: IndexOptions) -> Part:
    directory = folder.expanduser().resolve()
    if not directory.is_dir():
        raise RootMissingError(f"There is no folder {folder}. Name a folder that holds scans.")
    for root in known:
        place = Path(root.directory)
        if directory.is_relative_to(place):
            under = directory.relative_to(place).as_posix()
            return Part(_with_options(root, options), "" if under == "." else under)
        if place.is_relative_to(directory):
            raise ConflictError(
                f"{folder} lies around {root.directory}, whose pages are in the library already. "
                f"Index its other folders one by one, or begin a new library with --library."
            )
    names = {root.name for root in known}
    name, number = directory.name or "root", 2
    while name in names:
        name, number = f"{directory.name}-{number}", number + 1
    # NUL can be in no file name: pages of one root can't take the ids of another's.
    prefix = f"{name}\0" if known else ""
    return Part(_with_options(Root(name, str(directory), prefix), options))


def _with_options(root: Root, options: IndexOptions) -> Root:
    how = options.label_from if options.label_from is not None else root.label_from
    label_from((), how)
    table = str(options.metadata.expanduser().resolve()) if options.metadata is not None else root.metadata
    return replace(root, label_from=how, metadata=table)


def check_model(library: Library, model: str | None) -> None:
    """See `Library.check_model`; the settings' model counts where none is given."""
    recorded = library.manifest.model
    wanted = model or library.settings.model
    if recorded is None or wanted is None or wanted == recorded.name:
        return
    raise ModelMismatchError(
        f"The library {library.directory} was made with {recorded.name}, and {wanted} was asked for; vectors of two models can't be "
        f"compared. Leave --model away, or move the whole library with `quire reindex --model {wanted}`."
    )


def _check_views(library: Library, views: Sequence[str] | None) -> None:
    if views is None or not library.is_filled or check_views(views) == library.manifest.views:
        return
    have = ", ".join(library.manifest.views) or "none"
    raise ConflictError(
        f"The library {library.directory} was made with the views {have}. Leave --views away, or see all pages anew with "
        f"`quire reindex --views {','.join(views)}`."
    )


def _check_blur_mix(library: Library, options: IndexOptions) -> None:
    recorded = library.manifest.model
    if recorded is None or (options.blur_mix is None and options.weights is None):
        return
    if str(_wanted_mix(options.blur_mix, options.weights, None) or "") != recorded.blur_mix:
        raise ConflictError(
            f"The library {library.directory} was made with the blur mix {recorded.blur_mix or 'none'}. Leave --blur-mix away, or see all "
            "pages anew with `quire reindex --blur-mix …`."
        )


def _wanted_mix(radii: Sequence[float] | None, weights: Sequence[float] | None, kept: BlurMix | None) -> BlurMix | None:
    """The mix asked for; where nothing is said, `kept`; with weights alone, the levels of `kept` in other shares."""
    if radii is None and weights is None:
        return kept
    if radii is None:
        if kept is None:
            raise UsageError("Weights are those of blur levels: say which, such as --blur-mix 0,4,16 --weights 2,1,1.")
        radii = kept.radii
    return make_blur_mix(radii, weights)


def _open_or_create(library: Library, options: IndexOptions, parts: Sequence[Part]) -> Collection:
    if library.is_filled:
        return library.collection
    checkpoint = options.checkpoint or library.settings.checkpoint
    views = check_views(options.views or ())
    mix = _wanted_mix(options.blur_mix, options.weights, None)
    embedder = library.make_embedder(options.model or library.settings.model or DEFAULT_MODEL, checkpoint, mix)
    spec = pages_spec(
        view_dimensions(embedder, views),
        expected_pages=_count_files(parts, at_most=LARGE_FROM),
        storage=storage_from(library.settings),
    )
    _create_or_join(library, spec)
    place = str(checkpoint.expanduser().resolve()) if checkpoint else None

    def begin(now: Manifest) -> Manifest:
        made = replace(now, generation=1, model=embedder.spec, checkpoint=place, views=views)
        return now if now.generation else made

    library.alter_manifest(begin)
    check_same(cast(ModelSpec, library.manifest.model), embedder.spec)
    _check_views(library, views)
    library.set_embedder(embedder)
    return library.store.open(library.manifest.pages_collection)


def _create_or_join(library: Library, spec: CollectionSpec) -> None:
    """The first collection of pages; on a server, the one that another indexer is just beginning, or began and died."""
    name = pages_collection(1)
    if library.settings.qdrant_url is None:
        library.store.drop(name)
        library.store.create(name, spec)
        return
    try:
        library.store.create(name, spec)
    except StoreError:
        if name not in library.store.names():
            raise
        there = library.store.open(name).vectors
        if {key: vector.dimensions for key, vector in there.items()} != {
            key: vector.dimensions for key, vector in spec.vectors.items()
        }:
            raise ConflictError(
                f"Another indexer has begun a library {library.settings.library_name} on this server with another model or views, and "
                "has not finished its first step. Use the same, or give this library another name (QUIRE_NAME)."
            ) from None


def _count_files(parts: Sequence[Part], *, at_most: int) -> int:
    found = (
        file
        for part in parts
        for file in scan_files(Path(part.root.directory), root_name=part.root.name, under=part.under)
    )
    return sum(1 for _ in itertools.islice(found, at_most))


def _plan_only(
    library: Library, parts: list[Part], tables: dict[str, MetadataTable], options: IndexOptions, progress: ProgressSink
) -> Tally:
    collection = library.collection if library.is_filled else None
    share = parse_share(options.part)
    run = IndexRun(library, parts, collection, tables, None, options.retry_skipped, progress, share)
    for file in run.plan(limit=options.limit):
        if (file.root, file.path) in run.known:
            run.tally.changed += 1
        else:
            run.tally.added += 1
    return run.tally


def _begin_filling(library: Library, embedder: Embedder, checkpoint: Path | None, views: tuple[str, ...]) -> Collection:
    """The collection beside the one in use: the one that an interrupted reindex with the same model left, or a new one."""
    manifest = library.manifest
    filling = manifest.filling
    if filling is not None and pages_collection(filling.generation) in library.store.names():
        if _fits(filling, embedder, views):
            return library.store.open(pages_collection(filling.generation))
        library.store.drop(pages_collection(filling.generation))
    generation = manifest.generation + 1
    for name in (pages_collection(generation), centroids_collection(generation)):
        library.store.drop(name)
    spec = pages_spec(
        view_dimensions(embedder, views),
        expected_pages=library.collection.count(),
        storage=storage_from(library.settings),
        worded=library.collection.worded,
    )
    beside = library.store.create(pages_collection(generation), spec)
    place = str(checkpoint.resolve()) if checkpoint else None
    library.change_manifest(filling=Filling(generation, embedder.spec, place, views))
    return beside


def _fits(filling: Filling, embedder: Embedder, views: tuple[str, ...]) -> bool:
    """Whether a generation begun earlier can be finished with this embedder."""
    try:
        check_same(filling.model, embedder.spec)
    except ModelMismatchError:
        return False
    return filling.views == views


def _fill_from_thumbnails(
    library: Library, before: Collection, beside: Collection, observer: Observer, progress: ProgressSink
) -> int:
    """Pages whose file is gone are embedded from their thumbnails: smaller than one would wish, but not lost."""
    have = {page_id for batch in beside.scroll(fields=(), batch_size=10_000) for page_id in batch.ids}
    missing = [
        page_id for batch in before.scroll(fields=(), batch_size=10_000) for page_id in batch.ids if page_id not in have
    ]
    if not missing:
        return 0
    meter = Meter(progress, "embedding thumbnails of pages whose file is gone", len(missing))
    for begin in range(0, len(missing), observer.batch_size):
        block = before.retrieve(missing[begin : begin + observer.batch_size])
        seen = [observer.observe(_thumbnail_picture(library, page_id)) for page_id in block.ids]
        beside.upsert(PointBatch(block.ids, block.payloads, observer.embed(seen)))
        meter.advance(len(block))
    meter.finish()
    return len(missing)


def _thumbnail_picture(library: Library, page_id: str) -> Picture:
    data = library.thumbnails.load(page_id)
    if data is not None:
        picture = decode_bytes(data, name=f"{page_id}.webp", max_side_px=512)[0].picture
        if picture is not None:
            return picture
    raise ConflictError(
        f"The page {page_id} can't be embedded anew: its file is gone and so is its thumbnail. Bring the file back, or take such pages "
        f"out with `quire index --prune`; until then everything stays as it is."
    )


def _relabel(
    collection: Collection, parts: Sequence[Part], tables: dict[str, MetadataTable], progress: ProgressSink
) -> None:
    """Pages that were not read again get the labels and metadata that the new rule or table gives them."""
    roots = {part.root.name: part.root for part in parts}
    meter = Meter(progress, "labelling")
    for batch in collection.scroll(batch_size=_BLOCK):
        changes: dict[str, dict[str, object]] = {}
        for page_id, payload in zip(batch.ids, batch.payloads, strict=True):
            page = page_from_payload(page_id, payload)
            if page.root in roots:
                label, metadata = say_of(page, roots[page.root], tables)
                if (label, metadata) != (page.label, dict(page.metadata)):
                    changes[page_id] = {"label": label, "metadata": metadata or None}
        collection.set_payload(list(changes), list(changes.values()))
        meter.advance(len(batch))
    meter.finish()


def say_of(page: Page, root: Root, tables: dict[str, MetadataTable]) -> tuple[str | None, dict[str, JsonScalar]]:
    """The label and metadata that a root's rule and table give a page."""
    metadata = dict(tables[root.name].for_page(page.path, page.page_number)) if root.name in tables else {}
    label = metadata.pop("label", None)
    return (str(label) if label is not None else label_from(folders_of(page.path), root.label_from)), metadata


def _prune(library: Library, collection: Collection, tally: Tally) -> None:
    for begin in range(0, len(tally.gone), _BLOCK):
        block = tally.gone[begin : begin + _BLOCK]
        collection.delete(block)
        for page_id in block:
            library.thumbnails.delete(page_id)
    tally.removed += len(tally.gone)
    tally.gone.clear()


def _unmatched(tally: Tally, tables: dict[str, MetadataTable]) -> Iterator[str]:
    for table in tables.values():
        yield from table.unmatched(tally.paths)


def _report(library: Library, tally: Tally, tables: dict[str, MetadataTable], began_s: float) -> IndexReport:
    return IndexReport(
        added=tally.added,
        changed=tally.changed,
        unchanged=tally.unchanged,
        gone=len(tally.gone),
        removed=tally.removed,
        skipped=listing.sort_skips(tally.skips),
        unmatched_metadata=list(_unmatched(tally, tables)),
        pages=library.collection.count() if library.is_filled else 0,
        seconds=time.monotonic() - began_s,
        generation=library.manifest.generation,
        model=library.manifest.model,
    )
