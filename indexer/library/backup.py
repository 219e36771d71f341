"""A whole library in one tar file, and back. The file does not depend on Qdrant's own file formats, nor on where the vectors were.

quire-backup.json                 what this is, and the manifest
settings.toml                     quire.toml as it was
decisions.jsonl                   the journal
documents/NAME.json               what else was kept beside it
collections/NAME/spec.json        the named vectors
collections/NAME/000000.npz       points: `ids`, `payloads` (JSON), one matrix for each named vector
thumbnails/…  models/…            files as they were
checksums.json                    SHA-256 of each of the above; last, so that a file cut short is known by its absence
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from indexer.errors import ConflictError, LibraryDamagedError, StoreError, UsageError
from indexer.library.manifest import Manifest, manifest_to_document
from indexer.library.results import BackupReport
from indexer.output.files import written_whole
from indexer.progress import Meter, ProgressSink
from indexer.store.port import Collection, PointBatch
from indexer.values import Payload

if TYPE_CHECKING:
    from indexer.library.core import Library

FORMAT = 1
HEAD, SUMS, JOURNAL, SETTINGS = "quire-backup.json", "checksums.json", "decisions.jsonl", "settings.toml"
FOLDERS = ("thumbnails", "models")
_BLOCK = 2_000
_PIECE = 2**20


def back_up(library: Library, file: Path, *, progress: ProgressSink) -> BackupReport:
    """See `Library.backup`."""
    began_s = time.monotonic()
    if file.suffix != ".tar":
        raise UsageError(f"{file} must end in .tar, so that everybody sees what it is.")
    if file.exists():
        raise ConflictError(f"{file} exists already; backups are never written over. Give another name.")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"There is no folder {file.absolute().parent} to put the backup in.")
    if not library.is_filled:
        raise ConflictError("The library holds no pages yet; there is nothing to back up.")
    try:
        with written_whole(file) as draft:
            with draft.open("wb") as stream, tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                writer = _Writer(tar)
                _write_all(library, writer, progress)
                writer.add(SUMS, _json(writer.sums))
            for _ in read_members(draft):
                pass
    except OSError as exc:
        raise StoreError(
            f"The backup {file} can't be written: {exc.strerror or exc}. Nothing of it was left behind."
        ) from exc
    return BackupReport(
        file=str(file),
        library=str(library.directory),
        pages=writer.points.get(library.manifest.pages_collection, 0),
        decisions=writer.decisions,
        thumbnails=writer.thumbnails,
        bytes=file.stat().st_size,
        seconds=time.monotonic() - began_s,
    )


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a backup, while the reading is there."""

    name: str
    size: int
    stream: IO[bytes]

    def load(self) -> bytes:
        """All of it."""
        return self.stream.read()


def read_members(file: Path) -> Iterator[Member]:
    """The members of a backup in their order, each checked by its sum once it was read, and all of them at the end.

    Raises:
        LibraryDamagedError: it is no backup, was cut short, or was changed.
    """
    sums: dict[str, str] = {}
    listed: Mapping[str, str] | None = None
    try:
        with tarfile.open(file, "r|") as tar:
            for info in tar:
                safe = tarfile.data_filter(info, str(file.absolute().parent))
                source = tar.extractfile(info)
                if safe is None or not info.isreg() or source is None or info.name in sums or listed is not None:
                    raise _damaged(file, f"it holds {info.name!r}, which does not belong there")
                hashing = _Hashing(source)
                if info.name == SUMS:
                    listed = cast("dict[str, str]", json.loads(hashing.read()))
                    continue
                yield Member(info.name, info.size, cast("IO[bytes]", hashing))
                hashing.drain()
                sums[info.name] = hashing.digest
    except (tarfile.TarError, ValueError, EOFError) as exc:
        raise _damaged(file, exc) from exc
    except OSError as exc:
        raise LibraryDamagedError(f"The backup {file} can't be read: {exc.strerror or exc}.") from exc
    if listed is None:
        raise _damaged(file, "its end is missing")
    if listed != sums:
        wrong = sorted(name for name in listed.keys() | sums.keys() if listed.get(name) != sums.get(name))
        raise _damaged(file, f"{wrong[0]} is not what was written" if wrong else "its list does not fit")


def load_points(data: bytes) -> PointBatch:
    """The points of one member. No code is run and nothing is unpacked beyond its own size."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
            raise ValueError("points are never compressed")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        payloads = cast("list[Payload]", json.loads(arrays["payloads"].tobytes()))
        vectors = {
            name.removeprefix("vector."): np.asarray(arrays[name], dtype=np.float32)
            for name in arrays.files
            if name.startswith("vector.")
        }
        return PointBatch([str(one) for one in arrays["ids"]], payloads, vectors)


def _write_all(library: Library, writer: _Writer, progress: ProgressSink) -> None:
    manifest = library.manifest
    entries = library.records.entries()
    head = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "manifest": manifest_to_document(replace(manifest, filling=None)),
    }
    writer.add(HEAD, _json(head))
    settings = library.directory / "quire.toml"
    if settings.exists():
        writer.add(SETTINGS, settings.read_bytes())
    writer.add(JOURNAL, b"".join(_json(entry) + b"\n" for _, entry in entries))
    writer.decisions = len(entries)
    for name in library.records.names():
        if name != "manifest":
            writer.add(f"documents/{name}.json", _json(library.records.load(name) or {}))
    for name in collections_of(manifest):
        _write_collection(library.store.open(name), writer, progress)
    for folder in FOLDERS:
        _write_folder(library.directory, folder, writer, progress)
    # On a server others may write at the same time; here the write lock keeps them out.
    document = library.records.load("manifest")
    if len(library.records.entries()) != len(entries) or document != manifest_to_document(manifest):
        raise ConflictError("The library was changed by somebody else while it was being backed up. Do it again.")


def collections_of(manifest: Manifest) -> list[str]:
    """The collections in use."""
    return [manifest.pages_collection] + ([manifest.centroids_collection] if manifest.run else [])


def _write_collection(collection: Collection, writer: _Writer, progress: ProgressSink) -> None:
    count = collection.count()
    vectors = collection.vectors
    meter = Meter(progress, f"backing up {collection.name}", count)
    writer.add(
        f"collections/{collection.name}/spec.json", _json({name: asdict(spec) for name, spec in vectors.items()})
    )
    written = 0
    for number, batch in enumerate(collection.scroll(vectors=tuple(vectors), batch_size=_BLOCK)):
        arrays: dict[str, np.ndarray] = {f"vector.{name}": matrix for name, matrix in batch.vectors.items()}
        arrays["ids"] = np.asarray(batch.ids)
        arrays["payloads"] = np.frombuffer(_json([dict(payload) for payload in batch.payloads]), dtype=np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        writer.add(f"collections/{collection.name}/{number:06d}.npz", buffer.getvalue())
        written += len(batch)
        meter.advance(len(batch))
    writer.points[collection.name] = written
    if written != count:
        raise ConflictError("The library was changed by somebody else while it was being backed up. Do it again.")
    meter.finish()


def _write_folder(directory: Path, folder: str, writer: _Writer, progress: ProgressSink) -> None:
    meter = Meter(progress, f"backing up {folder}")
    for path in sorted((directory / folder).rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            with path.open("rb") as source:
                writer.add_stream(path.relative_to(directory).as_posix(), source, path.stat().st_size)
            writer.thumbnails += folder == "thumbnails"
            meter.advance()
    meter.finish()


@dataclass(slots=True)
class _Writer:
    """A tar file as it grows, with the sums of what is in it."""

    tar: tarfile.TarFile
    sums: dict[str, str] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    decisions: int = 0
    thumbnails: int = 0

    def add(self, name: str, data: bytes) -> None:
        """A member from memory."""
        self.add_stream(name, io.BytesIO(data), len(data))

    def add_stream(self, name: str, source: IO[bytes], size: int) -> None:
        """A member read piece by piece."""
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, int(time.time()), 0o644
        hashing = _Hashing(source)
        self.tar.addfile(info, cast("IO[bytes]", hashing))
        self.sums[name] = hashing.digest


class _Hashing:
    """A stream that knows the SHA-256 of what was read from it."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._source.read(size)
        self._sum.update(data)
        return data

    def drain(self) -> None:
        """Read what nobody asked for."""
        while self.read(_PIECE):
            pass

    @property
    def digest(self) -> str:
        """In hexadecimal, as far as was read."""
        return self._sum.hexdigest()


def _json(value: object) -> bytes:
    value = dict(value) if isinstance(value, Mapping) else value
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _damaged(file: Path, cause: object) -> LibraryDamagedError:
    return LibraryDamagedError(
        f"{file} is no whole backup of a library: {cause}. Nothing was restored; take another one."
    )
