"""A PDF made of scanned pages, none of them any worse for it.

JPEG files go in byte for byte; pages of PDF files as they are; black and white as CCITT Group 4 (ITU T.6) and all else without loss, but
for pictures that were stored with loss in a way that PDF does not know, which become JPEG. Pages stand upright as EXIF says.
"""

from __future__ import annotations

import io
import warnings
import zlib
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from PIL import Image

from indexer.output.files import written_whole
from indexer.output.jpeg import read_jpeg_header
from indexer.output.pictures import encode_picture
from indexer.values import Pixels

if TYPE_CHECKING:
    import pikepdf

_POINTS_PER_INCH = 72.0
_A4_LONG_PT = 841.89
_PLAUSIBLE_DPI = (50.0, 2400.0)
_MOST_POINTS = 14_400.0  # PDF 2.0, annex C: no side of a page may be longer
_QUALITY = 92  # JPEG, where a picture with loss has to be stored anew
_LOSSLESS = frozenset({"PNG", "TIFF", "BMP", "GIF", "PPM", "TGA", "PCX", "SGI"})
_LOSSY_TIFF = frozenset({"jpeg", "tiff_jpeg", "webp"})
# From the unit square to the page that a viewer who heeds EXIF shows; TIFF 6.0's tag 274
_TURNS = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}


@dataclass(frozen=True, slots=True, eq=False)
class FilePage:
    """A page of a file that PDF can hold as it is: a JPEG, or page `page_number` (from 1) of a PDF file."""

    file: Path
    page_number: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class PixelPage:
    """A page as upright pixels. `dpi` where it is known; `lossless` unless the picture was stored with loss before."""

    pixels: Pixels
    dpi: float | None = None
    lossless: bool = True


def can_hold(file: Path) -> bool:
    """Whether PDF can hold the pages of this file as they are: a JPEG of a usual kind, or a PDF that opens without a password."""
    import pikepdf

    try:
        with file.open("rb") as opened:
            start = opened.read(1024)
        if start[:2] == b"\xff\xd8":
            return read_jpeg_header(file.read_bytes()) is not None
        if b"%PDF-" not in start:
            return False
        with pikepdf.open(file) as source:
            return len(source.pages) > 0
    except (OSError, pikepdf.PdfError):
        return False


def read_scan_details(file: Path) -> tuple[float | None, bool]:
    """The resolution in dpi, where a picture file says one, and whether it was stored without loss."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file) as image:
                dpi = float(image.info.get("dpi", (0.0, 0.0))[0]) or None
                is_lossless = image.format in _LOSSLESS and image.info.get("compression") not in _LOSSY_TIFF
    except (OSError, ValueError, SyntaxError, TypeError, ZeroDivisionError):
        return None, False
    return dpi, is_lossless


def write_pdf(pages: Iterable[FilePage | PixelPage], target: Path | BinaryIO, *, title: str = "") -> int:
    """Write a PDF of these pages, in order, and return their number; a file appears whole or not at all.

    A page is as large as its resolution says, or as long as A4 where it says nothing.
    """
    if isinstance(target, Path):
        with written_whole(target) as draft, draft.open("wb") as file:
            return _write(pages, file, title)
    return _write(pages, target, title)


def _write(pages: Iterable[FilePage | PixelPage], file: BinaryIO, title: str) -> int:
    import pikepdf

    with ExitStack() as stack:
        book = stack.enter_context(pikepdf.new())
        sources: dict[Path, pikepdf.Pdf] = {}
        for page in pages:
            if isinstance(page, PixelPage):
                _add_pixels(book, page)
            elif not _add_jpeg(book, page.file):
                if page.file not in sources:
                    sources[page.file] = stack.enter_context(pikepdf.open(page.file))
                book.pages.append(sources[page.file].pages[page.page_number - 1])
        if title:
            book.docinfo["/Title"] = title
        book.docinfo["/Producer"] = "Quire"
        book.docinfo["/CreationDate"] = datetime.now(UTC).strftime("D:%Y%m%d%H%M%SZ")
        book.save(file)
        return len(book.pages)


def _add_jpeg(book: pikepdf.Pdf, file: Path) -> bool:
    """Add a JPEG as it is; False where the file is none."""
    import pikepdf

    data = file.read_bytes()
    header = read_jpeg_header(data)
    if header is None:
        return False
    dpi, turn, profile = _read_details(data)
    space: Any = {1: pikepdf.Name.DeviceGray, 3: pikepdf.Name.DeviceRGB, 4: pikepdf.Name.DeviceCMYK}[header.channels]
    if profile:
        space = pikepdf.Array(
            [pikepdf.Name.ICCBased, book.make_stream(profile, {"/N": header.channels, "/Alternate": space})]
        )
    picture = pikepdf.Stream(
        book,
        data,
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Image,
        Width=header.width_px,
        Height=header.height_px,
        ColorSpace=space,
        BitsPerComponent=8,
        Filter=pikepdf.Name.DCTDecode,
    )
    if header.channels == 4 and header.is_adobe:
        picture.Decode = pikepdf.Array([1, 0] * 4)
    _add_page(book, picture, header.width_px, header.height_px, dpi=dpi, turn=turn)
    return True


def _read_details(data: bytes) -> tuple[float | None, int, bytes | None]:
    """Resolution, EXIF orientation and colour profile of a JPEG; what can't be read counts as not said."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                turn = image.getexif().get(0x0112, 1)
                dpi = float(image.info.get("dpi", (0.0, 0.0))[0])
                profile = image.info.get("icc_profile")
    except (OSError, ValueError, SyntaxError, TypeError, ZeroDivisionError):
        return None, 1, None
    fits = profile is not None and profile[16:20] in {"L": (b"GRAY",), "CMYK": (b"CMYK",)}.get(image.mode, (b"RGB ",))
    return dpi, turn if turn in _TURNS else 1, profile if fits else None


def _add_pixels(book: pikepdf.Pdf, page: PixelPage) -> None:
    import pikepdf

    pixels = page.pixels
    height, width = pixels.shape[:2]
    is_gray = bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all())
    common: dict[str, Any] = {
        "Type": pikepdf.Name.XObject,
        "Subtype": pikepdf.Name.Image,
        "Width": width,
        "Height": height,
        "ColorSpace": pikepdf.Name.DeviceGray if is_gray else pikepdf.Name.DeviceRGB,
    }
    if is_gray and _is_two_tone(pixels[..., 0]):
        coding = pikepdf.Dictionary(K=-1, Columns=width, Rows=height, BlackIs1=False)
        data = _encode_group4(pixels[..., 0])
        picture = pikepdf.Stream(
            book, data, **common, BitsPerComponent=1, Filter=pikepdf.Name.CCITTFaxDecode, DecodeParms=coding
        )
    elif page.lossless:
        plane = pixels[..., :1] if is_gray else pixels
        coding = pikepdf.Dictionary(Predictor=15, Colors=plane.shape[2], BitsPerComponent=8, Columns=width)
        picture = pikepdf.Stream(
            book,
            _deflate_rows(plane),
            **common,
            BitsPerComponent=8,
            Filter=pikepdf.Name.FlateDecode,
            DecodeParms=coding,
        )
    else:
        common["ColorSpace"] = pikepdf.Name.DeviceRGB
        data = encode_picture(pixels, kind="jpeg", quality=_QUALITY)
        picture = pikepdf.Stream(book, data, **common, BitsPerComponent=8, Filter=pikepdf.Name.DCTDecode)
    _add_page(book, picture, width, height, dpi=page.dpi, turn=1)


def _is_two_tone(gray: np.ndarray[Any, np.dtype[np.uint8]]) -> bool:
    return bool(((gray == 0) | (gray == 255)).all())


def _encode_group4(gray: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """The rows as one Group 4 strip, black where the pixels are 0."""
    buffer = io.BytesIO()
    height, width = gray.shape
    rows_per_strip, photometric, offsets, counts = 278, 262, 273, 279
    # Pillow's libtiff cuts strips by size unless the tag says otherwise.
    Image.fromarray(gray == 255).convert("1").save(
        buffer, "TIFF", compression="group4", tiffinfo={rows_per_strip: height, photometric: 0}
    )
    data = buffer.getvalue()
    with Image.open(io.BytesIO(data)) as written:
        tags = cast(Any, written).tag_v2
        if len(tags[offsets]) != 1:
            raise RuntimeError(f"Pillow wrote {len(tags[offsets])} strips of a picture of {width} × {height} pixels")
        begin, length = tags[offsets][0], tags[counts][0]
    return data[begin : begin + length]


def _deflate_rows(plane: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """Rows with PNG's predictor 2 (the row above), deflated."""
    height = len(plane)
    rows = np.empty((height, 1 + plane[0].size), dtype=np.uint8)
    flat = plane.reshape(height, -1)
    rows[:, 0] = 2
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    return zlib.compress(rows.tobytes(), 6)


def _add_page(
    book: pikepdf.Pdf, picture: pikepdf.Stream, width_px: int, height_px: int, *, dpi: float | None, turn: int
) -> None:
    import pikepdf

    if turn >= 5:
        width_px, height_px = height_px, width_px
    width, height = _page_size(width_px, height_px, dpi)
    a, b, c, d, e, f = _TURNS[turn]
    matrix = (a * width, b * height, c * width, d * height, e * width, f * height)
    numbers = " ".join(f"{number:.4f}" for number in matrix)
    content = book.make_stream(f"q {numbers} cm /Scan Do Q".encode())
    page = pikepdf.Dictionary(
        Type=pikepdf.Name.Page,
        MediaBox=[0, 0, round(width, 4), round(height, 4)],
        Resources=pikepdf.Dictionary(XObject=pikepdf.Dictionary(Scan=book.make_indirect(picture))),
        Contents=content,
    )
    book.pages.append(pikepdf.Page(book.make_indirect(page)))


def _page_size(width_px: int, height_px: int, dpi: float | None) -> tuple[float, float]:
    """In points, upright."""
    longest = max(width_px, height_px)
    is_plausible = dpi is not None and _PLAUSIBLE_DPI[0] <= dpi <= _PLAUSIBLE_DPI[1]
    per_pixel = _POINTS_PER_INCH / dpi if dpi is not None and is_plausible else _A4_LONG_PT / longest
    per_pixel = min(per_pixel, _MOST_POINTS / longest)
    return max(width_px * per_pixel, 3.0), max(height_px * per_pixel, 3.0)
