"""A library from a backup: built beside its place, and put there only when the last checksum was right."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from indexer.errors import ConflictError, LibraryDamagedError, StoreError
from indexer.library.backup import FORMAT, HEAD, JOURNAL, SETTINGS, Member, load_points, read_members
from indexer.library.manifest import Manifest, manifest_from_document, manifest_to_document
from indexer.library.page_payload import PAGE_INDEXES, TEXT, TEXT_ENGINE, centroids_spec
from indexer.library.results import BackupReport
from indexer.progress import Meter, ProgressSink, ignore_progress
from indexer.store.edge import EdgeStore
from indexer.store.port import Collection, CollectionSpec, VectorSpec
from indexer.store.records_file import JOURNAL_FILE, FileRecords

_DOCUMENT = re.compile(r"documents/([a-z0-9][a-z0-9_-]*)\.json", re.ASCII)
_SPEC = re.compile(r"collections/([A-Za-z0-9][A-Za-z0-9_-]{0,99})/spec\.json", re.ASCII)
_POINTS = re.compile(r"collections/([A-Za-z0-9][A-Za-z0-9_-]{0,99})/[0-9]{6,}\.npz", re.ASCII)
_FILE = re.compile(r"thumbnails/[0-9a-f]{2}/[0-9a-f-]{36}\.webp|models(?:/[\w.\- ]+)+")
_MOST_BYTES = 2**30
"""A member that is taken into memory; Quire's own are a hundredth of that."""
_PIECE = 2**20


def restore_library(file: Path, directory: Path, *, progress: ProgressSink = ignore_progress) -> BackupReport:
    """The library in `file`, put into `directory`, which must be empty or not there. Its vectors are in Qdrant Edge then.

    Raises:
        ConflictError: something is in `directory` already.
        LibraryDamagedError: the file is no backup, was cut short, or was changed; `directory` is as it was.
        StoreError: the disk is full, or can't be written.
    """
    began_s = time.monotonic()
    directory = directory.expanduser().resolve()
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConflictError(
            f"{directory} is not empty; a backup is restored to an empty place only. Name another --library."
        )
    draft = directory.with_name(f".{directory.name}.{uuid.uuid4().hex[:12]}.restoring")
    try:
        draft.mkdir(parents=True)
        building = _Building(draft, file, progress)
        building.read()
        draft.replace(directory)
    except OSError as exc:
        raise StoreError(f"{directory} can't be written: {exc.strerror or exc}. Nothing was restored.") from exc
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return BackupReport(
        file=str(file),
        library=str(directory),
        pages=building.points.get(building.manifest.pages_collection, 0),
        decisions=building.decisions,
        thumbnails=building.thumbnails,
        bytes=file.stat().st_size,
        seconds=time.monotonic() - began_s,
    )


class _Building:
    """A library in the making."""

    def __init__(self, draft: Path, file: Path, progress: ProgressSink) -> None:
        self._draft = draft
        self._file = file
        self._meter = Meter(progress, "restoring")
        self._store = EdgeStore(draft / "store")
        self._records = FileRecords(draft)
        self._documents: dict[str, Mapping[str, object]] = {}
        self.manifest = Manifest(name="")
        self.points: dict[str, int] = {}
        self.decisions = 0
        self.thumbnails = 0

    def read(self) -> None:
        """All members of the backup, in their order."""
        try:
            for member in read_members(self._file):
                self._take(member)
            self._finish()
        # A member is read here, not where the tar is walked: where its end is missing shows here too.
        except (ValueError, KeyError, TypeError, AttributeError, EOFError, tarfile.TarError, TOMLKitError) as exc:
            raise LibraryDamagedError(
                f"{self._file} is no whole backup of a library: {exc}. Nothing was restored; take another one."
            ) from exc
        finally:
            self._store.close()

    def _take(self, member: Member) -> None:
        name = member.name
        if _FILE.fullmatch(name) and ".." not in name:
            self._save_file(member)
            return
        if member.size > _MOST_BYTES:
            raise ValueError(f"{name} is too large")
        if name == HEAD:
            self._take_head(member.load())
        elif name == SETTINGS:
            self._take_settings(member.load())
        elif name == JOURNAL:
            self._take_journal(member.load())
        elif match := _DOCUMENT.fullmatch(name):
            self._documents[match[1]] = dict(json.loads(member.load()))
        elif match := _SPEC.fullmatch(name):
            self._create(match[1], json.loads(member.load()))
        elif match := _POINTS.fullmatch(name):
            self._take_points(self._store.open(match[1]), member.load())
        else:
            raise ValueError(f"it holds {name!r}, which does not belong there")

    def _take_head(self, data: bytes) -> None:
        head = json.loads(data)
        if head["format"] != FORMAT:
            raise ValueError(f"it has format {head['format']!r}, and this Quire reads {FORMAT}")
        self.manifest = manifest_from_document(head["manifest"], place=self._file)

    def _take_settings(self, data: bytes) -> None:
        whole = tomlkit.parse(data.decode("utf-8"))
        if settings := whole.get("settings"):
            settings.pop("qdrant_url", None)
        (self._draft / "quire.toml").write_text(tomlkit.dumps(whole), encoding="utf-8")

    def _take_journal(self, data: bytes) -> None:
        entries: list[object] = [json.loads(line) for line in data.split(b"\n") if line]
        if not all(isinstance(entry, dict) for entry in entries):
            raise ValueError("its journal holds something that is no decision")
        self.decisions = len(entries)
        (self._draft / JOURNAL_FILE).write_bytes(data)

    def _create(self, name: str, vectors: dict[str, dict[str, object]]) -> None:
        specs = {key: vector_spec_from(spec) for key, spec in vectors.items()}
        dimensions = next(iter(specs.values())).dimensions
        indexes = PAGE_INDEXES if name.startswith("pages") else centroids_spec(dimensions).indexes
        self._store.create(name, CollectionSpec(vectors=specs, indexes=indexes))

    def _take_points(self, collection: Collection, data: bytes) -> None:
        batch = load_points(data)
        if any(TEXT_ENGINE in payload for payload in batch.payloads):
            collection.add_worded(TEXT)
        collection.upsert(batch)
        self.points[collection.name] = self.points.get(collection.name, 0) + len(batch)
        self._meter.advance(len(batch))

    def _save_file(self, member: Member) -> None:
        path = self._draft / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            while piece := member.stream.read(_PIECE):
                target.write(piece)
        self.thumbnails += member.name.startswith("thumbnails/")

    def _finish(self) -> None:
        if self.manifest.generation == 0 or self.manifest.pages_collection not in self._store.names():
            raise ValueError("it holds no pages")
        for name in self._store.names():
            collection = self._store.open(name)
            collection.optimize()
            collection.flush()
        for name, document in self._documents.items():
            self._records.save(name, document)
        self._records.save("manifest", manifest_to_document(self.manifest))
        self._meter.finish()


def vector_spec_from(told: dict[str, object]) -> VectorSpec:
    """The vector as a backup tells it; those from before there were several kinds say only whether there is an int8 copy."""
    values = dict(told)
    if "quantized" in values:
        values["quantization"] = "int8" if values.pop("quantized") else "none"
    return VectorSpec(**values)  # type: ignore[arg-type]
