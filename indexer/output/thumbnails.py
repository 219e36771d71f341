"""Thumbnails on disk: one WebP file for each page, in 256 folders so that none grows too full."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path

from indexer.errors import StoreError, UsageError


class ThumbnailFolder:
    """The thumbnails of a library: `DIRECTORY/3f/3f2c….webp`, by the first two digits of the page's id."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, page_id: str) -> Path:
        """Where the thumbnail of a page lies or would lie.

        Raises: UsageError if `page_id` is no UUID, so that no path can be smuggled in.
        """
        try:
            name = str(uuid.UUID(page_id))
        except (ValueError, AttributeError, TypeError) as exc:
            raise UsageError(f"“{page_id}” is no page id: it must be a UUID, as `quire pages` lists them.") from exc
        return self._directory / name[:2] / f"{name}.webp"

    def save(self, page_id: str, data: bytes) -> None:
        """Keeps the thumbnail of a page; it takes the place of an older one at once.

        Not flushed to the platter: a thumbnail lost in a power cut is made again, and 100 flushes a second would cost more.

        Raises:
            StoreError: the disk is full or can't be written.
        """
        path = self.path(page_id)
        draft = path.with_name(f".{uuid.uuid4().hex[:12]}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(data)
            draft.replace(path)
        except OSError as exc:
            raise StoreError(
                f"{path} can't be written: {exc.strerror or exc}. Pages written so far are kept; free disk space or check permissions, "
                "then do it again."
            ) from exc
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()

    def load(self, page_id: str) -> bytes | None:
        """The thumbnail of a page, or None if there is none."""
        try:
            return self.path(page_id).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, page_id: str) -> None:
        """Forgets the thumbnail of a page; nothing happens if there is none."""
        with contextlib.suppress(FileNotFoundError):
            self.path(page_id).unlink()
