"""The port of the reading room: a decoded page in, its text out."""

from __future__ import annotations

from typing import Protocol

from indexer.values import Pixels


class TextReader(Protocol):
    """One way to read what is printed or typed on a page (OCR). Safe in many threads."""

    @property
    def name(self) -> str:
        """What is noted beside each text, so that one can tell later which engine read it."""

    @property
    def pages_at_once(self) -> int:
        """How many threads may read to advantage; the others wait."""

    def read_text(self, pixels: Pixels) -> str:
        """The lines of a page, top to bottom, with \\n between them; empty where nothing stands on it.

        Raises:
            PictureError: the engine can't make anything of this page.
            ReaderMissingError: the engine has gone since it was made.
        """
