"""Which engines there are, and which is asked where nobody says: measured by `benchmarks/ocr.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from indexer.errors import UsageError
from indexer.reading.port import TextReader

READING_SIDE_PX = 3600
"""Pages are read at this size at most: an A4 page at 300 dpi is 3,508 pixels high, and engines gain nothing from more."""


class _Maker(Protocol):
    def __call__(self, *, languages: str | None) -> TextReader: ...


def _make_rapidocr(*, languages: str | None) -> TextReader:
    from indexer.reading.rapidocr_adapter import RapidReader

    if languages is not None:
        raise UsageError(
            "RapidOCR reads all languages of Latin letters with one model, and Chinese and Japanese. Leave --languages away, or use "
            "--engine tesseract."
        )
    return RapidReader()


def _make_tesseract(*, languages: str | None) -> TextReader:
    from indexer.reading.tesseract_adapter import TesseractReader

    return TesseractReader(languages=languages)


ENGINES: Mapping[str, _Maker] = {"rapidocr": _make_rapidocr, "tesseract": _make_tesseract}
"""Each is made in well under a second, or loads what it needs with its first page."""
DEFAULT_ENGINE = "rapidocr"


def create_reader(engine: str | None = None, *, languages: str | None = None) -> TextReader:
    """The engine of that name; `languages` as Tesseract knows them (`deu+ces`).

    Raises:
        UsageError: no engine is called so, or it can't have those languages.
        ReaderMissingError: it is not installed.
    """
    name = engine or DEFAULT_ENGINE
    if name not in ENGINES:
        raise UsageError(f"There is no engine {name!r} to read text with; there are: {', '.join(ENGINES)}.")
    return ENGINES[name](languages=languages)
