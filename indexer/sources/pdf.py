"""Pages of PDF files, rendered by PDFium."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from indexer.errors import PictureError
from indexer.sources.colour import shrink
from indexer.sources.limits import DecodeLimits, check_pages, check_pixels, fit, quote
from indexer.values import Picture

if TYPE_CHECKING:
    from indexer.values import Pixels

FULL_DPI = 200
"""The resolution at which a PDF page's `width_px` and `height_px` are given, and above which it is never rendered: a
PDF has none of its own, and 200 dpi is the least that archives scan text at."""

_RENDER_MARGIN = 2.0
"""PDFium thins out large bilevel scans instead of averaging them, so it draws larger and Pillow shrinks the rest."""

_TAIL_BYTES = 4096
_WRONG_PASSWORD, _UNKNOWN_SECURITY = 4, 5

# PDFium keeps global state and may be entered by one thread at a time. Reentrant: closing may also happen when Python
# collects an abandoned iterator, in a thread that is just rendering.
_pdfium = threading.RLock()


class PdfFile:
    """The pages of one PDF; `stream` stays the caller's to close.

    Raises:
        PictureError: it is encrypted, cut off or damaged.
    """

    def __init__(self, stream: IO[bytes], *, limits: DecodeLimits) -> None:
        import pypdfium2

        self._limits = limits
        _refuse_cut_off(stream)
        source = stream.getvalue() if isinstance(stream, io.BytesIO) else stream
        with _pdfium:
            try:
                self._document: Any = pypdfium2.PdfDocument(source)
            except pypdfium2.PdfiumError as exc:
                raise _opening_error(exc) from exc
            try:
                self.page_count: int = len(self._document)
                check_pages(self.page_count, limits=limits)
                if not self.page_count:
                    raise PictureError("the PDF has no pages")
                if self._document.get_formtype():
                    self._document.init_forms()  # else what people filled in is not drawn
            except BaseException:
                self._document.close()
                raise

    def page(self, page_number: int, *, max_side_px: int, enough_px: int | None = None) -> Picture:
        """One page, upright, at most `max_side_px` long, or `enough_px` where that is given: PDFs can be drawn at any size.

        Raises:
            PictureError: this page cannot be drawn; others may.
        """
        max_side_px = min(max_side_px, enough_px or max_side_px)
        with _pdfium, _faults_named(page_number):
            page = self._document[page_number - 1]
            try:
                full, drawn = self._draw(page, max_side_px)
            finally:
                page.close()
        small = shrink(Image.fromarray(drawn), fit(*full, max_side_px=max_side_px))
        return Picture(
            pixels=np.array(small, dtype=np.uint8), width_px=full[0], height_px=full[1], page_number=page_number
        )

    def close(self) -> None:
        """Let go of the document."""
        with _pdfium:
            self._document.close()

    def _draw(self, page: Any, max_side_px: int) -> tuple[tuple[int, int], Pixels]:
        sides = page.get_size()
        if not all(math.isfinite(side) and side > 0 for side in sides):
            raise PictureError("the PDF page has no size")
        self._check_pictures(page)
        full = (max(1, round(sides[0] * FULL_DPI / 72)), max(1, round(sides[1] * FULL_DPI / 72)))
        # an enormous page is no danger: it is drawn at the size that is asked for
        longest = min(max(full), max_side_px * _RENDER_MARGIN)
        scale = longest / max(sides)
        check_pixels(math.ceil(sides[0] * scale), math.ceil(sides[1] * scale), limits=self._limits)
        bitmap = page.render(scale=scale, rev_byteorder=True)
        try:
            return full, np.array(bitmap.to_numpy()[:, :, :3], dtype=np.uint8)
        finally:
            bitmap.close()

    def _check_pictures(self, page: Any) -> None:
        """A small page may hold a picture that fills the memory."""
        import pypdfium2
        import pypdfium2.raw

        for item in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]):
            try:
                size = item.get_px_size()
            except pypdfium2.PdfiumError:
                continue  # PDFium will not draw what it cannot measure
            check_pixels(*size, limits=self._limits)


def _refuse_cut_off(stream: IO[bytes]) -> None:
    """PDFium repairs what it can, and would hand over a cut-off file's pages as blank ones."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - _TAIL_BYTES))
    tail = stream.read()
    stream.seek(0)
    if b"%%EOF" not in tail:
        raise PictureError("the PDF is cut off: its end is missing; copy or scan it again", skip_code="truncated")


def _opening_error(exc: Exception) -> PictureError:
    if getattr(exc, "err_code", None) in (_WRONG_PASSWORD, _UNKNOWN_SECURITY):
        return PictureError(
            "the PDF is encrypted and opens only with a password; save it without one", skip_code="encrypted"
        )
    return PictureError(f"the PDF cannot be opened ({quote(exc)}); copy or save it again")


@contextmanager
def _faults_named(page_number: int) -> Iterator[None]:
    import pypdfium2

    try:
        yield
    except (pypdfium2.PdfiumError, ValueError, MemoryError, OSError) as exc:
        raise PictureError(f"page {page_number} of the PDF cannot be drawn ({quote(exc)})") from exc
