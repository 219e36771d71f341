"""Which library a command works on, and how: in this process, or through the service that holds it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.cli.remote import RemoteLibrary
    from indexer.library import Library
    from indexer.settings import Settings


@dataclass(frozen=True, slots=True)
class Place:
    """What was said before the command: `quire --library DIR status`."""

    library: Path | None = None
    qdrant: str | None = None


said_before: ContextVar[Place] = ContextVar("said_before", default=Place())  # noqa: B039 - a frozen value
"""What stood before the command; a context variable, because typer hands its own context to those who ask as a parameter only."""


def settings_for(library: Path | None, qdrant: str | None, **flags: object) -> Settings:
    """Settings with a command's flags; what stands before the command counts where the command itself says nothing."""
    from indexer.settings import load_settings

    place = said_before.get()
    return load_settings(library=library or place.library, qdrant_url=qdrant or place.qdrant, **flags)


@contextmanager
def opened(settings: Settings, *, create: bool = False) -> Iterator[Library | RemoteLibrary]:
    """The library, to work with. Where a running service holds it, the service does the work and answers the same.

    Raises:
        LibraryBusyError: another process holds it that is no service, or a service that does not answer.
    """
    # A library takes its place in the environment of hub clients before they are first imported.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from indexer.errors import LibraryBusyError
    from indexer.library import Library

    try:
        library = Library.open(settings, create=create)
    except LibraryBusyError:
        remote = _find_remote(settings)
        if remote is None:
            raise
        with remote:
            yield remote
        return
    with library:
        yield library


def _find_remote(settings: Settings) -> RemoteLibrary | None:
    from indexer.cli.remote import RemoteLibrary
    from indexer.library.lock import find_service

    address = find_service(settings.library)
    return None if address is None else RemoteLibrary.reach(address, settings)
