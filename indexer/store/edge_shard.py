"""Directories of Edge shards: made whole or not at all, loaded by one process, optimized in another.

`EdgeShard.optimize` keeps Python's global lock until it is done (22 s for 100,000 pages, minutes for 900,000), and a
service would stand still for as long. So a large shard is optimized as a copy, by a child process, and the copy takes
its place.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from indexer.errors import FilterError, LibraryBusyError, LibraryDamagedError, StoreError
from indexer.store.port import CollectionSpec, FieldKind, Quantization, VectorSpec
from indexer.store.ranking import scanned_kib

CONFIG_NAME = "edge_config.json"
ROOM_BYTES = 128 * 2**20
"""What must be free for Edge to write. Its files are written through mapped memory and have holes: where the disk has no room for one,
the system ends the process (SIGBUS). With 64 MiB free, all that was tried on small libraries went well; with 32, not all."""
LOADED = (
    "wal/*",
    "segments/*/id_tracker.*",
    "segments/*/vector_index-*/*",
    "segments/*/vector_storage-*/quantized.*",
    "segments/*/payload_index/*/*",
)
"""What loading a shard reads from beginning to end, and the indexes that every filter reads; not the vectors and payloads themselves."""
_WORTH_READING_BYTES = 2**20
_HALF_MADE, _COPY, _BEFORE = ".new", ".optimizing", ".before"
_INDEX_PARAMS: Mapping[FieldKind, Callable[..., Any]] = {
    "keyword": edge.KeywordIndexParams,
    "integer": edge.IntegerIndexParams,
    "float": edge.FloatIndexParams,
    "bool": edge.BoolIndexParams,
    "text": edge.TextIndexParams,
}
_CHILD = """
import ctypes, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: die with the parent
import qdrant_edge
shard = qdrant_edge.EdgeShard.load(sys.argv[1])
changed = shard.optimize()
shard.flush()
shard.close()
print("changed" if changed else "same")
"""
_PROBE = """
import sys, qdrant_edge
shard = qdrant_edge.EdgeShard.load(sys.argv[1])
offset, seen = None, 0
while True:
    request = qdrant_edge.ScrollRequest(offset=offset, limit=1000, with_payload=True, with_vector=True)
    records, offset = shard.scroll(request)
    seen += len(records)
    if offset is None:
        break
count = shard.count(qdrant_edge.CountRequest(exact=True))
shard.close()
assert seen == count, f"{seen} of {count} points can be read"
"""


@contextmanager
def converting(what: str, place: Path) -> Iterator[None]:
    """Turns what Edge raises into a StoreError that names the collection's directory.

    Edge raises bare `Exception`, and ValueError or TypeError for values that it can't take.
    """
    try:
        yield
    except (StoreError, FilterError):
        raise
    except Exception as exc:
        raise StoreError(f"Qdrant Edge could not {what} in {place}: {exc}. Nothing else was changed.") from exc


def check_room(place: Path, what: str, *, more_bytes: int = 0) -> None:
    """Nothing, if the disk of `place` has room for what Edge may write without asking, and `more_bytes`.

    Raises:
        StoreError: it has not; on a full disk Edge would end the process.
    """
    try:
        found = os.statvfs(next(folder for folder in (place, *place.parents) if folder.exists()))
    except OSError as exc:
        raise StoreError(f"The disk of {place} can't be asked for its free space: {exc}.") from exc
    free, needed = found.f_bavail * found.f_frsize, ROOM_BYTES + more_bytes
    if free < needed:
        raise StoreError(
            f"The disk is nearly full: {free >> 20} MiB are free at {place}, and to {what} at least {needed >> 20} MiB must be. "
            "Nothing was written to it; free some space, then try again."
        )


def create_shard(place: Path, spec: CollectionSpec) -> None:
    """Make an empty shard at `place`, which appears complete or not at all."""
    half_made = place.with_name(place.name + _HALF_MADE)
    with converting("create a collection", place):
        check_room(place, "make a collection")
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.mkdir(parents=True)
        try:
            shard = edge.EdgeShard.create(str(half_made), _config(spec))
            memory = edge.Memory.Cold if spec.indexes_on_disk else None
            for name, kind in spec.indexes.items():
                shard.update(edge.UpdateOperation.create_field_index(name, _INDEX_PARAMS[kind](memory=memory)))
            shard.flush()
            shard.close()
            half_made.replace(place)
            _sync_directory(place.parent)
        except BaseException:
            shutil.rmtree(half_made, ignore_errors=True)
            raise


def load_shard(place: Path) -> edge.EdgeShard:
    """The shard at `place`, held by this process from now on.

    Raises:
        LibraryBusyError: another process (or another store in this one) holds it.
        LibraryDamagedError: its files can't be read.
    """
    check_room(place, "open the collection")
    recover(place)
    _read_ahead(place)
    try:
        shard = edge.EdgeShard.load(str(place))
    except Exception as exc:
        if "WouldBlock" in str(exc):
            raise LibraryBusyError(
                f"The collection in {place} is open in another process, and only one may hold it. "
                "Let that one finish, stop it, or ask the running service (quire serve) to do this."
            ) from exc
        raise LibraryDamagedError(
            f"The collection in {place} can't be loaded: {exc}. "
            "Restore that directory from a backup, or remove it and index anew."
        ) from exc
    for leftover in (_COPY, _BEFORE):
        shutil.rmtree(place.with_name(place.name + leftover), ignore_errors=True)
    return shard


def _read_ahead(place: Path) -> None:
    """Bring into the system's cache what loading needs, in long reads one after the other.

    Edge maps these files as if they were read here and there, so that each 4 KiB that are not cached are waited for alone: 25,000 times
    with 200,000 pages, which took 1.9 s instead of 0.5 from an idle disk. Closing a shard empties the cache of them.
    """
    buffer = bytearray(4 * 2**20)
    for pattern in LOADED:
        for file in place.glob(pattern):
            try:
                if file.stat().st_size < _WORTH_READING_BYTES:
                    continue
                with file.open("rb", buffering=0) as source:
                    while source.readinto(buffer):
                        pass
            except OSError:
                continue  # loading meets the same, and tells it


def probe_shard(place: Path) -> str | None:
    """Why the shard at `place` can't be read from its first point to its last, or None if it can; nobody may have it open.

    A child process tries: files that are damaged in the right place make Edge panic or crash, and that must not be us.
    """
    recover(place)
    if not (place / CONFIG_NAME).is_file():
        return f"{CONFIG_NAME} is missing" if place.exists() else "it is not there"
    tried = subprocess.run(
        [sys.executable, "-P", "-c", _PROBE, str(place)], capture_output=True, text=True, check=False
    )
    if tried.returncode == 0:
        return None
    said = tried.stderr.strip().splitlines()
    return said[-1][:300] if said else f"reading it ended the process with status {tried.returncode}"


def is_complete(place: Path) -> bool:
    """Whether a whole collection lies at `place`."""
    return (place / CONFIG_NAME).is_file() or (place.with_name(place.name + _BEFORE) / CONFIG_NAME).is_file()


def collection_names(directory: Path) -> list[str]:
    """Names of the complete collections in `directory`, sorted."""
    found = {entry.name.removesuffix(_BEFORE) for entry in directory.iterdir()} if directory.is_dir() else set()
    return sorted(name for name in found if "." not in name and is_complete(directory / name))


def remove_shard(place: Path) -> None:
    """Remove the collection at `place` and all that was left beside it; a killed removal leaves no half of one."""
    going = place.with_name(place.name + _HALF_MADE)
    try:
        for leftover in (_HALF_MADE, _COPY, _BEFORE):
            shutil.rmtree(place.with_name(place.name + leftover), ignore_errors=True)
        if place.exists():
            place.replace(going)
            shutil.rmtree(going)
    except OSError as exc:
        raise StoreError(
            f"The collection in {place} can't be removed: {exc}. Check the permissions of that directory."
        ) from exc


def dimensions_by_name(place: Path) -> dict[str, int]:
    """The length of each named vector, as the shard itself records it."""
    config = json.loads((place / CONFIG_NAME).read_text(encoding="utf-8"))
    return {name: int(vector["size"]) for name, vector in config["vectors"].items()}


def worded_fields(place: Path) -> tuple[str, ...]:
    """The sparse vectors, as the shard itself records them, sorted."""
    config = json.loads((place / CONFIG_NAME).read_text(encoding="utf-8"))
    return tuple(sorted(config.get("sparse_vectors") or {}))


def vectors_by_name(place: Path) -> dict[str, VectorSpec]:
    """The named vectors, as the shard itself records them."""
    config = json.loads((place / CONFIG_NAME).read_text(encoding="utf-8"))
    return {
        name: VectorSpec(
            int(vector["size"]),
            datatype="float16" if vector.get("datatype") == "float16" else "float32",
            on_disk=vector.get("memory") == "cold",
            quantization=_quantization_of(vector.get("quantization_config") or {}),
            graph_on_disk=(vector.get("hnsw_config") or {}).get("memory") == "cold",
        )
        for name, vector in sorted(config["vectors"].items())
    }


def bytes_on_disk(place: Path) -> int:
    """What the files take on the disk; their holes are not counted."""
    total = 0
    for path in place.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue  # segments come and go while we look
    return total


def optimize_copy(place: Path) -> Path | None:
    """Where an optimized copy of the flushed shard at `place` lies, or None if nothing was to be done.

    Raises:
        StoreError: the child failed; the shard itself is as it was.
    """
    copy = place.with_name(place.name + _COPY)
    shutil.rmtree(copy, ignore_errors=True)
    try:
        shutil.copytree(place, copy)
        done = subprocess.run(
            [sys.executable, "-P", "-c", _CHILD, str(copy)], capture_output=True, text=True, check=True
        )
    except BaseException as exc:
        shutil.rmtree(copy, ignore_errors=True)
        if isinstance(exc, OSError | subprocess.CalledProcessError):
            detail = (getattr(exc, "stderr", None) or str(exc)).strip().splitlines()[-1:]
            raise StoreError(
                f"The collection in {place} could not be optimized: {' '.join(detail)}. "
                "It is as it was and can be searched, only slower; check free disk space and memory, then try again."
            ) from exc
        raise
    if done.stdout.split() == ["changed"]:
        return copy
    shutil.rmtree(copy, ignore_errors=True)
    return None


def has_room_for_copy(place: Path) -> bool:
    """Whether the disk can take a copy and what optimizing adds to it."""
    apparent = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    return shutil.disk_usage(place).free > 3 * apparent


def swap_in(copy: Path, place: Path) -> None:
    """Put the copy in the closed shard's place; killed between the two renames, `recover` undoes the first."""
    before = place.with_name(place.name + _BEFORE)
    place.replace(before)
    copy.replace(place)
    _sync_directory(place.parent)


def recover(place: Path) -> None:
    """Undo a swap that was killed halfway: the shard from before it is back in its place."""
    before = place.with_name(place.name + _BEFORE)
    if not place.exists() and before.exists():
        before.replace(place)


def _config(spec: CollectionSpec) -> edge.EdgeConfig:
    memory = edge.Memory.Cold if spec.indexes_on_disk else None
    words = edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf, memory=memory)
    return edge.EdgeConfig(
        vectors={name: _vector_params(vector) for name, vector in spec.vectors.items()},
        sparse_vectors=dict.fromkeys(spec.worded, words),
        id_tracker_memory=memory,
    )


def _vector_params(vector: VectorSpec) -> edge.EdgeVectorParams:
    half = vector.datatype == "float16"
    return edge.EdgeVectorParams(
        size=vector.dimensions,
        distance=edge.Distance.Cosine,
        datatype=edge.VectorStorageDatatype.Float16 if half else edge.VectorStorageDatatype.Float32,
        memory=edge.Memory.Cold if vector.on_disk else edge.Memory.Cached,
        quantization_config=_quantization(vector.quantization),
        hnsw_config=_graph(vector),
    )


def _quantization(kind: Quantization) -> Any:
    # Mapped, and read in when the shard is loaded: as quick as pinned memory (200,000 points: 1.9 ms), and the system may have it back.
    memory = edge.Memory.Cached
    match kind:
        case "none":
            return None
        case "int8":
            return edge.ScalarQuantizationConfig(type=edge.ScalarType.Int8, quantile=0.99, memory=memory)
        case "turbo4":
            return edge.TurboQuantQuantizationConfig(bits=edge.TurboQuantBitSize.Bits4, memory=memory)
        case "binary":
            return edge.BinaryQuantizationConfig(memory=memory)


def _quantization_of(config: Mapping[str, object]) -> Quantization:
    kinds: dict[str, Quantization] = {"scalar": "int8", "turbo": "turbo4", "binary": "binary"}
    return next((kind for key, kind in kinds.items() if key in config), "none")


def _graph(vector: VectorSpec) -> edge.HnswIndexConfig:
    # Edge takes a graph's settings as a whole; m and ef_construct are Qdrant's own defaults.
    memory = edge.Memory.Cold if vector.graph_on_disk else None
    return edge.HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=scanned_kib(vector), memory=memory)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
