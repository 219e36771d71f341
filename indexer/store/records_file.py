"""A library's documents and journal as files in its directory.

`manifest` is the `[library]` table of `quire.toml`; all else in that file, comments and `[settings]` too, is a person's and
stays as it is. Other documents are `<name>.json`, the journal is `decisions.jsonl`, one entry to a line.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from indexer.errors import LibraryDamagedError, StoreError
from indexer.values import Payload

MANIFEST = "manifest"
MANIFEST_FILE = "quire.toml"
JOURNAL_FILE = "decisions.jsonl"
_TABLE = "library"
_FOREIGN = frozenset({"service"})
"""`service.json` says where a service listens; it is no document of the library."""
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]*$")
_HEADER = "Quire writes the [library] table. The rest is yours: settings go under [settings], and comments stay."


class FileRecords:
    """Records in `directory`, which is made when something is first saved. Safe from several threads, for one process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.RLock()
        self._last: int | None = None

    def load(self, name: str) -> Payload | None:
        """The document of that name, or None.

        Raises:
            LibraryDamagedError: its file is there and can't be read.
        """
        path = self._path(name)
        text = _read(path)
        if text is None:
            return None
        if name == MANIFEST:
            table = _parse_toml(path, text).get(_TABLE)
            return None if table is None else dict(table.unwrap())
        try:
            document = json.loads(text)
        except ValueError as exc:
            raise _damaged(path, exc) from exc
        if not isinstance(document, dict):
            raise _damaged(path, "it does not hold one JSON object")
        return document

    def save(self, name: str, document: Payload) -> None:
        """Replace the document of that name, wholly or not at all; in the manifest, keys that are None are left out.

        Raises:
            StoreError: the disk is full or can't be written, or the document is not JSON; the old one is as it was.
        """
        path = self._path(name)
        with self._lock:
            try:
                text = self._manifest_text(path, document) if name == MANIFEST else _json(document, indent=2) + "\n"
            except (TypeError, ValueError, TOMLKitError) as exc:
                raise StoreError(f"{path} was not changed: {exc}. Only JSON values can be saved.") from exc
            _replace(path, text)

    def change(self, name: str, change: Callable[[Payload | None], Payload]) -> Payload:
        """Replace the document by what `change` makes of it, and return that; other threads wait."""
        with self._lock:
            before = self.load(name)
            after = change(before)
            if after != before:
                self.save(name, after)
            return after

    def names(self) -> list[str]:
        """Names of all documents, sorted. Whatever else lies in the directory as `<name>.json` counts too, but for the
        announcement of a service."""
        found = {path.stem for path in self._directory.glob("*.json") if _NAME.match(path.stem)} - _FOREIGN
        return sorted(found | ({MANIFEST} if self.load(MANIFEST) is not None else set()))

    def append(self, entry: Payload) -> int:
        """Add an entry to the journal and return its number, from 1; a line torn by a crash is cut off first.

        Raises:
            StoreError: the disk is full or can't be written; the journal is as it was.
        """
        path = self._directory / JOURNAL_FILE
        with self._lock:
            try:
                line = _json(entry).encode()
            except (TypeError, ValueError) as exc:
                raise StoreError(f"Nothing was added to {path}: {exc}. Only JSON values can be saved.") from exc
            if self._last is None:
                self._last = self._mend(path)
            try:
                _append_line(path, line)
            except OSError as exc:
                self._last = None
                raise _unwritable(path, exc) from exc
            self._last += 1
            return self._last

    def entries(self, *, after: int = 0) -> list[tuple[int, Payload]]:
        """Journal entries with their numbers, oldest first; a line torn by a crash was never acknowledged and is not one.

        Raises:
            LibraryDamagedError: a line is not what was written.
        """
        path = self._directory / JOURNAL_FILE
        with self._lock:
            lines = _journal_lines(path)
        return [(number, _entry(path, number, line)) for number, line in enumerate(lines, start=1) if number > after]

    def close(self) -> None:
        """Nothing is held open."""

    def _path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise StoreError(f"{name!r} can't name a document; use small letters, digits, - and _.")
        return self._directory / (MANIFEST_FILE if name == MANIFEST else f"{name}.json")

    def _manifest_text(self, path: Path, document: Payload) -> str:
        text = _read(path)
        whole = tomlkit.document() if text is None else _parse_toml(path, text)
        if text is None:
            whole.add(tomlkit.comment(_HEADER))
        if not isinstance(whole.get(_TABLE), Mapping):
            whole[_TABLE] = tomlkit.table()
        _merge(whole[_TABLE], json.loads(_json(_without_none(document))))
        return tomlkit.dumps(whole)

    def _mend(self, path: Path) -> int:
        """Number of entries, after cutting off what a crash tore."""
        whole = b"".join(line + b"\n" for line in _journal_lines(path))
        try:
            if path.exists() and path.read_bytes() != whole:
                with path.open("r+b") as file:
                    _rewrite_tail(file, whole)
        except OSError as exc:
            raise _unwritable(path, exc) from exc
        return whole.count(b"\n")


def _merge(table: Any, document: Mapping[str, Any]) -> None:
    """Make the table say what the document says, touching only what differs, so that comments beside the rest stay."""
    for key in [key for key in table if key not in document]:
        del table[key]
    for key, value in document.items():
        old = table.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            _merge(old, value)
        else:
            # tomlkit hands out true and false as plain values, everything else in a wrapper of its own.
            bare = old.unwrap() if hasattr(old, "unwrap") else old
            if old is None or bare != value or type(bare) is not type(value):
                table[key] = value


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value if item is not None]
    return value


def _json(document: Payload, *, indent: int | None = None) -> str:
    return json.dumps(dict(document), ensure_ascii=False, allow_nan=False, indent=indent)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise _damaged(path, exc) from exc


def _parse_toml(path: Path, text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as exc:
        raise _damaged(path, exc) from exc


def _replace(path: Path, text: str) -> None:
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(made)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), path.stat().st_mode & 0o777 if path.exists() else 0o644)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as exc:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise _unwritable(path, exc) from exc


def _append_line(path: Path, line: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("ab", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            if file.write(line + b"\n") != len(line) + 1:
                raise OSError("only part of the line could be written")
            os.fsync(file.fileno())
        except OSError:
            file.truncate(size)
            raise
    if new:
        _sync_directory(path.parent)


def _journal_lines(path: Path) -> list[bytes]:
    """All entries; a last line without its newline counts only if it is whole."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as exc:
        raise _damaged(path, exc) from exc
    *lines, last = data.split(b"\n")
    return [*lines, last] if last and _is_whole(last) else lines


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _rewrite_tail(file: Any, whole: bytes) -> None:
    """Cut off a torn line, or end a whole one; what lies before is not written again."""
    file.seek(0, os.SEEK_END)
    if file.tell() < len(whole):
        file.write(b"\n")
    else:
        file.truncate(len(whole))
    file.flush()
    os.fsync(file.fileno())


def _entry(path: Path, number: int, line: bytes) -> Payload:
    try:
        entry = json.loads(line)
    except ValueError as exc:
        raise _damaged(path, f"line {number} is not JSON ({exc})") from exc
    if not isinstance(entry, dict):
        raise _damaged(path, f"line {number} is not a JSON object")
    return entry


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(path: Path, cause: object) -> LibraryDamagedError:
    return LibraryDamagedError(f"{path} can't be read: {cause}. Mend it, or restore it from a backup.")


def _unwritable(path: Path, exc: OSError) -> StoreError:
    return StoreError(
        f"{path} can't be written: {exc.strerror or exc}. What it held is as it was; "
        "free disk space or check permissions, then try again."
    )
