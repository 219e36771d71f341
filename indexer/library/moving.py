"""A library from one store to another, Edge or server, either way: copied, compared point by point, and only then switched to.

What is equal already is left alone, so that a copy that was interrupted goes on where it was, and repeating one is cheap.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tomlkit

from indexer.errors import ConflictError, StoreError, UsageError
from indexer.library.lock import LibraryLock
from indexer.library.manifest import Manifest, manifest_from_document, manifest_to_document
from indexer.library.page_payload import BY_SIZE, Storage, centroids_spec, page_indexes, storage_from
from indexer.library.results import RelocateReport
from indexer.output.files import written_whole
from indexer.progress import Meter, ProgressSink
from indexer.store import open_store
from indexer.store.port import Collection, CollectionSpec, PointBatch, Store
from indexer.store.records import Records
from indexer.values import Matrix

if TYPE_CHECKING:
    from indexer.library.core import Library

TOLERANCE = 1e-6
"""How far apart the numbers of a vector may be in two stores: each puts them to unit length itself, in float32."""
HALF_TOLERANCE = 1e-3
"""The same where one of them keeps float16."""
_BLOCK = 1_000


@dataclass(slots=True)
class Tally:
    """Points compared, written and removed so far."""

    points: int = 0
    copied: int = 0
    removed: int = 0
    decisions: int = 0


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a copy."""

    store: Store
    records: Records


def relocate(library: Library, to: str, *, name: str | None, switch: bool, progress: ProgressSink) -> RelocateReport:
    """See `Library.relocate`."""
    began_s = time.monotonic()
    settings = library.settings
    source = settings.qdrant_url or str(library.directory.resolve())
    on_server = to.startswith(("http://", "https://"))
    directory = library.directory if on_server else Path(to).expanduser().resolve()
    at_home = directory == library.directory.resolve()
    name = name or settings.library_name
    _check_target(library, to, name, on_server=on_server, at_home=at_home)
    lock = None
    if not on_server:
        directory.mkdir(parents=True, exist_ok=True)
        lock = LibraryLock(directory)
        lock.acquire()
    key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
    try:
        store, records = open_store(
            directory=directory,
            qdrant_url=to if on_server else None,
            api_key=key,
            name=name,
            shards=settings.qdrant_shards,
            replicas=settings.qdrant_replicas,
            write_consistency=settings.qdrant_write_consistency,
        )
        try:
            ours, theirs = Side(library.store, library.records), Side(store, records)
            tally = copy_library(ours, theirs, library.manifest, progress, storage=storage_from(settings))
        finally:
            store.close()
            records.close()
        if not on_server and not at_home:
            _copy_files(library, directory, progress)
        if switch:
            _write_settings(library.directory, directory, url=to if on_server else None, name=name)
    finally:
        if lock is not None:
            lock.release()
    return RelocateReport(
        source=source,
        target=to,
        points=tally.points,
        copied=tally.copied,
        removed=tally.removed,
        decisions=tally.decisions,
        seconds=time.monotonic() - began_s,
        note=_note(library, directory, on_server=on_server, at_home=at_home, switch=switch),
    )


def copy_library(
    source: Side, target: Side, manifest: Manifest, progress: ProgressSink, *, storage: Storage = BY_SIZE
) -> Tally:
    """Make `target` hold the generation in use with all decisions and documents; its manifest comes last, when all is verified.

    Raises:
        ConflictError: the target holds another library.
        StoreError: a point reads back otherwise than it was written, or the source changed meanwhile.
    """
    if manifest.generation == 0:
        raise ConflictError("The library holds no pages yet; there is nothing to move.")
    tally = Tally()
    ours = source.records.entries()
    _check_same_origin(ours, target.records, manifest)
    names = [manifest.pages_collection] + ([manifest.centroids_collection] if manifest.run else [])
    for collection in names:
        _copy_collection(
            source.store.open(collection), _open_or_create(source, target, collection, storage), tally, progress
        )
    tally.decisions = len(ours)
    for _, entry in ours[len(target.records.entries()) :]:
        target.records.append(entry)
    documents = [name for name in source.records.names() if name != "manifest"]
    for document in documents:
        target.records.save(document, source.records.load(document) or {})
    for collection in names:
        _verify_collection(source.store.open(collection), target.store.open(collection), tally, progress)
    _verify_records(source.records, target.records, documents, ours)
    # A generation that a reindex is filling is not moved; the next reindex begins it anew.
    target.records.save("manifest", manifest_to_document(replace(manifest, filling=None)))
    for collection in set(target.store.names()) - set(names):
        target.store.drop(collection)
    return tally


def _check_target(library: Library, to: str, name: str, *, on_server: bool, at_home: bool) -> None:
    url = library.settings.qdrant_url
    if (on_server and url == to and name == library.settings.library_name) or (
        at_home and not on_server and url is None
    ):
        raise UsageError(f"The library is at {to} already.")
    if "://" in to and not on_server:
        raise UsageError(f"{to!r} is no address of a Qdrant server; write it like http://qdrant:6333.")


def _check_same_origin(ours: Sequence[tuple[int, object]], target: Records, manifest: Manifest) -> None:
    """An empty target will do, and so will an earlier copy of this library: of the same
    roots, and with a journal that is the beginning of ours."""
    theirs = target.entries()
    document = target.load("manifest")
    before = manifest_from_document(document, place="the target") if document else None
    known = {root.directory for root in manifest.roots}
    stranger = before is not None and not {root.directory for root in before.roots} <= known
    # Copies made before version 2 have no identity to compare.
    stranger = stranger or (document or {}).get("identity", manifest.identity) != manifest.identity
    if theirs != list(ours[: len(theirs)]) or stranger or (before and before.generation > manifest.generation):
        raise ConflictError(
            "The target holds another library, or one on which people have decided since it was copied. "
            "Give the copy another name with --name, or another directory."
        )


def _open_or_create(source: Side, target: Side, name: str, storage: Storage) -> Collection:
    ours = source.store.open(name)
    if name in target.store.names():
        theirs = target.store.open(name)
        if {n: v.dimensions for n, v in theirs.vectors.items()} == {n: v.dimensions for n, v in ours.vectors.items()}:
            for field in ours.worded:
                theirs.add_worded(field)
            return theirs
        target.store.drop(name)
    dimensions = next(iter(ours.vectors.values())).dimensions
    if not name.startswith("pages"):
        return target.store.create(name, CollectionSpec(ours.vectors, centroids_spec(dimensions).indexes))
    vectors = {key: storage.apply(vector) for key, vector in ours.vectors.items()}
    return target.store.create(name, CollectionSpec(vectors, page_indexes(ours.worded), ours.worded))


def _copy_collection(source: Collection, target: Collection, tally: Tally, progress: ProgressSink) -> None:
    names = tuple(source.vectors)
    meter = Meter(progress, f"copying {source.name}", source.count())
    for batch in source.scroll(vectors=names, batch_size=_BLOCK):
        there = target.retrieve(batch.ids, vectors=names)
        wrong = _differing(batch, there, _tolerance(source, target))
        if wrong:
            rows = [batch.ids.index(one) for one in wrong]
            vectors = {name: matrix[rows] for name, matrix in batch.vectors.items()}
            target.upsert(PointBatch(wrong, [batch.payloads[row] for row in rows], vectors))
            tally.copied += len(wrong)
        meter.advance(len(batch))
    for batch in target.scroll(fields=(), batch_size=_BLOCK):
        known = set(source.retrieve(batch.ids).ids)
        foreign = [one for one in batch.ids if one not in known]
        target.delete(foreign)
        tally.removed += len(foreign)
    target.optimize()
    target.flush()
    meter.finish()


def _verify_collection(source: Collection, target: Collection, tally: Tally, progress: ProgressSink) -> None:
    names = tuple(source.vectors)
    meter = Meter(progress, f"comparing {source.name}", source.count())
    for batch in source.scroll(vectors=names, batch_size=_BLOCK):
        wrong = _differing(batch, target.retrieve(batch.ids, vectors=names), _tolerance(source, target))
        if wrong:
            raise StoreError(
                f"The point {wrong[0]} of {source.name} (and {len(wrong) - 1} more) reads back otherwise than it was written. "
                "Nothing was switched; do it again, and look at the server's log if this repeats."
            )
        tally.points += len(batch)
        meter.advance(len(batch))
    meter.finish()
    if source.count() != target.count():
        raise StoreError(
            f"{source.name} has {source.count()} points here and {target.count()} at the target: somebody is writing to one of them. "
            "Nothing was switched; stop all others, and do it again."
        )


def _verify_records(
    source: Records, target: Records, documents: Sequence[str], ours: Sequence[tuple[int, object]]
) -> None:
    same = target.entries() == list(ours) and all(source.load(name) == target.load(name) for name in documents)
    if not same or len(source.entries()) != len(ours):
        raise StoreError(
            "Decisions or documents differ between here and the target: somebody is writing to one of them. "
            "Nothing was switched; stop all others, and do it again."
        )


def _differing(ours: PointBatch, theirs: PointBatch, tolerance: float) -> list[str]:
    """Ids of points that are missing there, or whose payload or vectors differ."""
    rows = {one: row for row, one in enumerate(theirs.ids)}
    found = np.asarray([rows.get(one, -1) for one in ours.ids])
    same = found >= 0
    for name, matrix in ours.vectors.items():
        same &= _close(matrix, theirs.vectors[name], found, tolerance)
    return [
        one
        for row, one in enumerate(ours.ids)
        if not same[row] or dict(ours.payloads[row]) != dict(theirs.payloads[found[row]])
    ]


def _close(ours: Matrix, theirs: Matrix, found: np.ndarray, tolerance: float) -> np.ndarray:
    if not len(theirs):
        return np.zeros(len(ours), dtype=bool)
    return np.asarray(np.isclose(ours, theirs[found], rtol=0, atol=tolerance, equal_nan=True).all(axis=1))


def _tolerance(source: Collection, target: Collection) -> float:
    kinds = [vector.datatype for side in (source, target) for vector in side.vectors.values()]
    return HALF_TOLERANCE if "float16" in kinds else TOLERANCE


def _copy_files(library: Library, directory: Path, progress: ProgressSink) -> None:
    """Thumbnails and fine-tuned models, which lie in the library's directory whatever the store is."""
    meter = Meter(progress, "copying thumbnails")
    for folder in ("thumbnails", "models"):
        for path in sorted((library.directory / folder).rglob("*")):
            target = directory / path.relative_to(library.directory)
            if not path.is_file() or path.name.startswith(".") or _is_same(path, target):
                continue
            with written_whole(target) as draft:
                shutil.copy2(path, draft)
            meter.advance()
    meter.finish()


def _is_same(path: Path, target: Path) -> bool:
    try:
        here, there = path.stat(), target.stat()
    except FileNotFoundError:
        return False
    return (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns)


def _write_settings(source: Path, target: Path, *, url: str | None, name: str) -> None:
    """The switch: `[settings]` in the target directory's quire.toml says where the library is from now on."""
    try:
        whole = tomlkit.parse((target / "quire.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        whole = tomlkit.document()
    settings = whole.get("settings") or tomlkit.table()
    if source.resolve() != target.resolve() and (source / "quire.toml").exists():
        before = tomlkit.parse((source / "quire.toml").read_text(encoding="utf-8")).get("settings") or {}
        for key, value in before.items():
            settings.setdefault(key, value)
    settings.pop("qdrant_url", None)
    if url is not None:
        settings["qdrant_url"] = url
        settings["name"] = name
    if settings:
        whole["settings"] = settings
    else:
        whole.pop("settings", None)
    with written_whole(target / "quire.toml") as draft:
        draft.write_text(tomlkit.dumps(whole), encoding="utf-8")


def _note(library: Library, directory: Path, *, on_server: bool, at_home: bool, switch: bool) -> str:
    if not switch:
        return "Nothing was switched: this library is in use as before, and the target is a copy."
    if on_server:
        return (
            f"{directory / 'quire.toml'} says from now on that the library is on the server; thumbnails stay here. What lies in "
            f"{directory / 'store'} is no longer used: remove it when you are content."
        )
    here = f"The library is in {directory} from now on" + ("" if at_home else "; open it with --library")
    return (
        f"{here}. Unset QUIRE_QDRANT_URL where it is set. What is on the server is no longer used."
        if library.settings.qdrant_url
        else f"{here}."
    )
