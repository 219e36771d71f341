"""RapidOCR: the PaddleOCR networks by ONNX Runtime, whose weights lie in its wheel (https://github.com/RapidAI/RapidOCR)."""

from __future__ import annotations

import importlib.util
import threading
from typing import Any

from indexer.errors import PictureError, ReaderMissingError
from indexer.values import Pixels


class RapidReader:
    """The networks that come with RapidOCR; loaded with the first page."""

    name = "rapidocr"
    pages_at_once = 2
    """One page is in the networks, which use all cores, while the next is decoded."""

    def __init__(self) -> None:
        missing = [name for name in ("rapidocr", "onnxruntime") if importlib.util.find_spec(name) is None]
        if missing:
            raise ReaderMissingError(
                f"To read text, {' and '.join(missing)} must be installed: pip install 'quire[ocr]'. "
                "Or have Tesseract read: --engine tesseract."
            )
        self._turn = threading.Lock()
        self._engine: Any = None

    def read_text(self, pixels: Pixels) -> str:
        """The lines of a page, top to bottom; see `TextReader`."""
        with self._turn:
            engine = self._load()
            try:
                found = engine(pixels[:, :, ::-1])  # it takes BGR, as OpenCV has it
            except Exception as exc:  # what the networks, OpenCV and their glue raise is not told anywhere
                raise PictureError(f"RapidOCR can't read this page: {exc}.", skip_code="unreadable-text") from exc
        return "\n".join(found.txts or ())

    def _load(self) -> Any:
        if self._engine is None:
            try:
                from rapidocr import RapidOCR

                self._engine = RapidOCR(params={"Global.log_level": "critical"})
            except Exception as exc:
                raise ReaderMissingError(
                    f"RapidOCR can't be loaded: {exc}. Install it anew: pip install --force-reinstall 'quire[ocr]'."
                ) from exc
        return self._engine
