"""Pages of picture files, by Pillow (and pillow_heif for HEIC)."""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
from PIL import ExifTags, Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from indexer.errors import PictureError
from indexer.sources.colour import shrink, shrink_by, to_srgb
from indexer.sources.jpeg_scans import keep_coarse_scans
from indexer.sources.limits import DecodeLimits, check_pages, check_pixels, fit, quote
from indexer.values import Picture

# all formats registered here, and not when a thread first meets one: Pillow's lazy registration is not locked
Image.init()
# Pillow's own guard knows one limit for the whole process, warns through the process-wide warning filters, and refuses
# above 179 million pixels, which an atlas page has. `check_pixels` does its work here, per call and before decoding.
Image.MAX_IMAGE_PIXELS = None
# Odd metadata is no news to who indexes 900,000 pages; what cannot be read is reported as a skip.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

DRAFT_MARGIN = 2.0
"""How many times larger than wanted a picture that is shrunk further leaves the scaled decoding of its format, at least."""

_COARSE_FROM = 3.9
"""Shrinking by a quarter (the sides are rounded up) from which a progressive JPEG is decoded without its finest scans."""

FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
    RuntimeError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
    Warning,
)
"""What Pillow's decoders are known to raise on damaged files (they do not promise a single type)."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SUBFILE_TYPE, _TILE_WIDTH, _TILE_HEIGHT = 254, 322, 323
# TIFF 6.0, NewSubfileType: bit 0 a reduced copy of another page, bit 2 a transparency mask; neither is a page
_NO_PAGE = 0b101


class PictureFile:
    """The pages of one picture file; `stream` stays the caller's to close. For one thread at a time.

    TIFF gives each of its pages, without the reduced copies and masks that it may hold. Of GIF, WebP, AVIF and HEIC
    only the first (or primary) picture is a page: their further ones are movement, bursts and depth maps, not leaves.

    Raises:
        PictureError: nothing in it can be read.
    """

    def __init__(self, stream: IO[bytes], *, kind: str, limits: DecodeLimits) -> None:
        self._stream = stream
        self._kind = kind
        self._limits = limits
        self._tiff: TiffImagePlugin.TiffImageFile | None = None
        self._frames = [0]
        with _faults_named(kind):
            image = self._open()
            check_pixels(*image.size, limits=limits)
            if isinstance(image, TiffImagePlugin.TiffImageFile):
                # kept open: to find the n-th page anew, all before it would be walked through
                self._tiff = image
                self._frames = _page_frames(image, limits)

    @property
    def page_count(self) -> int:
        """How many pages there are, good and bad."""
        return len(self._frames)

    def page(self, page_number: int, *, max_side_px: int, enough_px: int | None = None) -> Picture:
        """One page, upright, at most `max_side_px` long; where `enough_px` is given, as small as is cheapest from there on.

        A JPEG of 3,500 px then comes at 875, straight from its coarser coefficients, and anything else averaged by whole blocks,
        so always shorter than twice `enough_px`. On the 11 pages of scans_300dpi, milliseconds of a core with `enough_px` 512:
        14; shrunk to 512 px from there 22, from twice that size 40, from all pixels 88.

        Raises:
            PictureError: this page cannot be read; others may.
        """
        with _faults_named(self._kind):
            return self._decode(self._frames[page_number - 1], page_number, max_side_px, enough_px)

    def close(self) -> None:
        """Let go of decoded pixels."""
        self._tiff = None

    def _open(self) -> ImageFile.ImageFile:
        self._stream.seek(0)
        if self._kind == "HEIF":
            # only HEIC needs it; and by its class, so that Pillow's table of formats stays as it is
            from pillow_heif import HeifImageFile

            heif: ImageFile.ImageFile = HeifImageFile(self._stream)
            return heif
        if self._kind == "WEBP":
            self._check_webp_canvas()
        return Image.open(self._stream, formats=[self._kind])

    def _check_webp_canvas(self) -> None:
        """Pillow gives a WebP its whole canvas, twice, when it opens it, before its size can be asked. RFC 9649, 2.5 to 2.7."""
        head = self._stream.read(30)
        self._stream.seek(0)
        if len(head) < 30:
            return
        match head[12:16]:
            case b"VP8X":
                width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
            case b"VP8L":
                bits = int.from_bytes(head[21:25], "little")
                width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
            case b"VP8 ":
                width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
            case _:
                return
        check_pixels(width, height, limits=self._limits)

    def _decode(self, frame: int, page_number: int, max_side_px: int, enough_px: int | None) -> Picture:
        image: ImageFile.ImageFile
        if self._tiff is not None:
            image = self._tiff
            image.seek(frame)
        else:
            image = self._open()
        full = image.size
        check_pixels(*full, limits=self._limits)
        if self._tiff is not None:
            check_pixels(
                self._tiff.tag_v2.get(_TILE_WIDTH, 1), self._tiff.tag_v2.get(_TILE_HEIGHT, 1), limits=self._limits
            )
        profile = image.info.get("icc_profile")
        side_px, margin = (max_side_px, DRAFT_MARGIN) if enough_px is None else (enough_px, 1.0)
        image = self._load_small(image, side_px, margin)
        # Pillow turns TIFFs upright itself as it loads them, pillow_heif HEICs as it opens them; both clear the tag
        if self._tiff is not None:
            full = image.size
        blocks = 1 if enough_px is None else max(image.size) // enough_px
        if blocks > 1:
            small = to_srgb(shrink_by(image, blocks), profile)
        elif enough_px is not None and max(image.size) <= max_side_px:
            small = to_srgb(shrink(image, image.size), profile)
        else:
            small = to_srgb(shrink(image, fit(*full, max_side_px=max_side_px)), profile)
        turn = _UPRIGHT.get(_orientation(image))
        if turn is not None:
            small = small.transpose(turn)
            full = full[::-1] if turn in _SIDEWAYS else full
        return Picture(
            pixels=np.array(small, dtype=np.uint8), width_px=full[0], height_px=full[1], page_number=page_number
        )

    def _load_small(self, image: ImageFile.ImageFile, max_side_px: int, margin: float) -> ImageFile.ImageFile:
        """Load the pixels, at a fraction of the size where the format can be decoded so."""
        width, height = fit(*image.size, max_side_px=max_side_px)
        if self._kind == "JPEG":
            wanted = (math.ceil(width * margin), math.ceil(height * margin))
            full = max(image.size)
            image.draft(None, wanted)
            if image.info.get("progressive") and full >= _COARSE_FROM * max(image.size):
                image = self._without_fine_scans(image)
                image.draft(None, wanted)
        if self._kind == "JPEG2000":
            halvings = int(math.log2(max(1.0, max(image.size) / (max(width, height) * margin))))
            return self._load_jpeg2000(image, halvings)
        image.load()
        return image

    def _without_fine_scans(self, image: ImageFile.ImageFile) -> ImageFile.ImageFile:
        if not isinstance(self._stream, io.BytesIO):
            return image
        data = self._stream.getvalue()
        coarse = keep_coarse_scans(data)
        return image if coarse is data else Image.open(io.BytesIO(coarse), formats=[self._kind])

    def _load_jpeg2000(self, image: ImageFile.ImageFile, halvings: int) -> ImageFile.ImageFile:
        if halvings:
            image.reduce = halvings  # type: ignore[method-assign, assignment]  # the plugin makes it a property
            try:
                image.load()
            except OSError:
                # the file may hold fewer resolutions than that: then all of it is decoded
                image = self._open()
        image.load()
        return image


_SIDEWAYS = frozenset({_UPRIGHT[5], _UPRIGHT[6], _UPRIGHT[7], _UPRIGHT[8]})


def _page_frames(image: TiffImagePlugin.TiffImageFile, limits: DecodeLimits) -> list[int]:
    frames: list[int] = []
    frame = 0
    while True:
        try:
            image.seek(frame)
            is_page = not int(image.tag_v2.get(_SUBFILE_TYPE, 0)) & _NO_PAGE
        except EOFError:
            break
        except FAULTS:
            # its own turn will say what is wrong with it; behind a broken chain of directories there is nothing to find
            is_page = True
            if image.tell() != frame:
                break
        if is_page:
            frames.append(frame)
            check_pages(len(frames), limits=limits)
        frame += 1
    return frames or [0]


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except FAULTS:
        return 1  # unreadable EXIF says nothing about the page


@contextmanager
def _faults_named(kind: str) -> Iterator[None]:
    name = {"JPEG2000": "JPEG 2000", "HEIF": "HEIC", "WEBP": "WebP"}.get(kind, kind)
    try:
        yield
    except PictureError:
        raise
    except MemoryError as exc:
        raise PictureError(
            f"decoding this {name} needs more memory than is free; lower --max-pixels to skip such pages sooner",
            skip_code="memory",
        ) from exc
    except FAULTS as exc:
        text = quote(exc)
        if isinstance(exc, EOFError | UnidentifiedImageError) or "truncated" in text.lower():
            reason = f"the {name} is cut off or damaged; copy or scan it again"
            raise PictureError(reason, skip_code="truncated") from exc
        detail = f" ({text})" if text else ""
        raise PictureError(f"the {name} cannot be decoded{detail}; copy, convert or scan it again") from exc
