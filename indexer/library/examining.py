"""`check` from outside: a library's files are looked at before anything is opened, since damaged ones keep it from opening."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

from indexer.errors import LibraryMissingError
from indexer.library.checking import check
from indexer.library.core import Library
from indexer.library.decisions import new_entry
from indexer.library.findings import Survey, compare
from indexer.library.lock import LibraryLock
from indexer.library.manifest import Manifest, manifest_from_document
from indexer.library.repairing import move_aside
from indexer.library.results import CheckReport
from indexer.output.files import written_whole
from indexer.progress import ProgressSink, ignore_progress
from indexer.settings import Settings
from indexer.store.edge_shard import probe_shard
from indexer.store.records_file import JOURNAL_FILE, FileRecords


def check_library(
    settings: Settings, *, repair: bool = False, deep: bool = False, progress: ProgressSink = ignore_progress
) -> CheckReport:
    """Check, and with `repair` mend, the library that the settings name, opening of it what can be opened.

    Raises:
        LibraryMissingError: there is none.
        LibraryBusyError: another process holds it.
        LibraryDamagedError: its manifest can't be read, without which nothing can be told.
    """
    if settings.qdrant_url is not None:
        with Library.open(settings) as library:
            return library.check(repair=repair, deep=deep, progress=progress)
    directory = settings.library
    document = FileRecords(directory).load("manifest") if (directory / "quire.toml").exists() else None
    if document is None:
        raise LibraryMissingError(f"There is no library at {directory}. Say where it is with --library.")
    manifest = manifest_from_document(document, place=directory)
    lock = LibraryLock(directory)
    lock.acquire()
    try:
        return _check_files(settings, manifest, lock, repair=repair, deep=deep, progress=progress)
    finally:
        lock.release()


def _check_files(
    settings: Settings, manifest: Manifest, lock: LibraryLock, *, repair: bool, deep: bool, progress: ProgressSink
) -> CheckReport:
    began_s = time.monotonic()
    survey = Survey()
    bad_lines = _check_journal(settings.library, survey)
    damaged = _probe_shards(settings.library, manifest, survey)
    outside = survey.findings()
    if repair:
        _mend_journal(settings.library, bad_lines)
        for place in damaged:
            move_aside(settings.library, place)
    elif bad_lines or damaged:
        return CheckReport(0, 0, deep, time.monotonic() - began_s, outside)
    library = Library(settings, Manifest(name=settings.library_name), lock=lock)
    try:
        if not damaged and set(_needed(library.manifest)) <= set(library.store.names()):
            library.finish_interrupted()
        with library.write():
            report = check(library, repair=repair, deep=deep, progress=progress)
    finally:
        library.close()
    # What was moved aside is found once more as missing, and mended as such.
    found = [one for one in report.findings if not (damaged and one.code == "collection-missing" and one.is_repaired)]
    left = compare(outside, found) if repair else [*outside, *found]
    return replace(report, findings=left, seconds=time.monotonic() - began_s)


def _needed(manifest: Manifest) -> list[str]:
    if manifest.generation == 0:
        return []
    return [manifest.pages_collection] + ([manifest.centroids_collection] if manifest.run else [])


def _probe_shards(directory: Path, manifest: Manifest, survey: Survey) -> list[Path]:
    damaged = []
    for name in _needed(manifest):
        place = directory / "store" / name
        if place.exists() and (reason := probe_shard(place)) is not None:
            survey.add("collection-damaged", name, reason=reason)
            damaged.append(place)
    return damaged


def _check_journal(directory: Path, survey: Survey) -> list[int]:
    """Numbers of the lines that can't be read, from 1; a last line torn by a crash is none of them."""
    try:
        *lines, last = (directory / JOURNAL_FILE).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    if last:
        survey.add("journal-torn", f"line {len(lines) + 1}")
    bad = [number for number, line in enumerate(lines, start=1) if not _is_entry(line)]
    for number in bad:
        survey.add("journal-damaged", f"line {number}")
    return bad


def _is_entry(line: bytes) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and isinstance(entry.get("kind"), str)


def _mend_journal(directory: Path, bad: list[int]) -> None:
    """Put an entry without effect in place of each bad line, so that the others keep their numbers; the old file is kept aside."""
    if not bad:
        return
    path = directory / JOURNAL_FILE
    lines = path.read_bytes().split(b"\n")
    lost = json.dumps(dict(new_entry("lost", who="quire check"))).encode()
    for number in bad:
        lines[number - 1] = lost
    copy = directory / f"{JOURNAL_FILE}.before"
    copy.write_bytes(path.read_bytes())
    move_aside(directory, copy)
    with written_whole(path) as draft:
        draft.write_bytes(b"\n".join(lines))
