"""One process at a time holds an embedded library; the others learn from `service.json` whom to ask."""

from __future__ import annotations

import json
import os
from pathlib import Path

from filelock import FileLock, Timeout

from indexer.errors import LibraryBusyError


class LibraryLock:
    """The lock of one library directory; the system lets go of it when the process ends, however it ends."""

    def __init__(self, directory: Path) -> None:
        self._lock = FileLock(directory / "lock", thread_local=False)
        self._announcement = directory / "service.json"
        self._directory = directory

    def acquire(self) -> None:
        """Take the lock or raise LibraryBusyError."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            address = find_service(self._directory)
            who = f"the service at {address}" if address else "another process"
            raise LibraryBusyError(
                f"The library {self._directory} is in use by {who}. Wait until it is done, or stop it, and try again."
            ) from None
        self._announcement.unlink(missing_ok=True)

    def announce(self, address: str) -> None:
        """Tell other processes where the service that holds this library listens."""
        draft = self._announcement.with_suffix(".new")
        draft.write_text(json.dumps({"pid": os.getpid(), "address": address}), encoding="utf-8")
        draft.replace(self._announcement)

    def release(self) -> None:
        """Let go; safe to call twice."""
        if self._lock.is_locked:
            self._announcement.unlink(missing_ok=True)
            self._lock.release()


def find_service(directory: Path) -> str | None:
    """The address that a service announced for the library in `directory`; it may be gone by now."""
    try:
        return str(json.loads((directory / "service.json").read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
