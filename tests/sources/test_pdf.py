"""PDF pages are drawn upright, at the size needed."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pikepdf
import pytest
from PIL import Image
from support.scans import BLUE, RED, encrypted_pdf, four_corners, is_near, pdf, pdf_of_size, shows_four_corners

from indexer.errors import PictureError
from indexer.sources import DecodeLimits, decode_bytes
from indexer.sources.pdf import FULL_DPI


def test_every_page_of_a_pdf_is_a_page() -> None:
    """In order, with the right colours."""
    pages = decode_bytes(pdf([four_corners(), four_corners(64, 48)]), name="letter.pdf", max_side_px=32)
    pictures = [page.picture for page in pages if page.picture is not None]
    assert [picture.pixels.shape for picture in pictures] == [(32, 24, 3), (24, 32, 3)]
    assert [picture.page_number for picture in pictures] == [1, 2]
    assert all(shows_four_corners(picture.pixels, tolerance=24) for picture in pictures)


def test_the_full_size_of_a_pdf_page_is_that_at_200_dpi() -> None:
    """An A4 page; it is never drawn larger."""
    [page] = decode_bytes(pdf_of_size(595.28, 841.89), name="a4.pdf", max_side_px=10_000)
    assert page.picture is not None
    assert (page.picture.width_px, page.picture.height_px) == (1654, 2339)
    assert page.picture.pixels.shape == (2339, 1654, 3)
    assert FULL_DPI == 200


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_pdf_page_is_upright(degrees: int) -> None:
    """By its /Rotate, as readers show it."""
    stored = four_corners().rotate(degrees, expand=True)
    stream = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf([stored]))) as document:
        document.pages[0].rotate(degrees, relative=False)
        document.save(stream)
    [page] = decode_bytes(stream.getvalue(), name="turned.pdf", max_side_px=32)
    assert page.picture is not None
    assert page.picture.pixels.shape == (32, 24, 3)
    assert shows_four_corners(page.picture.pixels, tolerance=24)


def test_an_enormous_page_is_drawn_small() -> None:
    """A page of 200 × 200 inches is 1.6 gigapixels at 200 dpi, and none of them are made."""
    [page] = decode_bytes(pdf_of_size(14_400, 14_400), name="poster.pdf", max_side_px=64)
    assert page.picture is not None
    assert page.picture.pixels.shape == (64, 64, 3)
    assert page.picture.width_px == 40_000


def test_a_picture_inside_a_pdf_is_held_to_the_pixel_limit() -> None:
    """A small page may hold a picture that fills the memory; the other pages are drawn."""
    data = pdf([four_corners(), Image.new("RGB", (300, 300), RED)])
    pages = decode_bytes(data, name="bomb.pdf", max_side_px=16, limits=DecodeLimits(max_pixels=50_000))
    assert [page.skip_code for page in pages] == ["", "too-large"]
    assert "300 × 300" in pages[1].skip_reason


def test_a_pdf_that_only_forbids_printing_is_read() -> None:
    """An owner's password without a user's does not keep anyone from looking."""
    [page] = decode_bytes(encrypted_pdf(four_corners(), user=""), name="owner.pdf", max_side_px=32)
    assert page.picture is not None
    assert shows_four_corners(page.picture.pixels, tolerance=24)


def test_a_pdf_behind_other_bytes_is_found() -> None:
    """Mail programs and old scanners put lines before the header."""
    [page] = decode_bytes(b"garbage before\n" + pdf([four_corners()]), name="p.pdf", max_side_px=32)
    assert page.picture is not None


@pytest.mark.parametrize("data", [b"%PDF-1.4\nno objects\n%%EOF\n", b"%PDF-1.7\n"])
def test_a_pdf_without_pages_is_an_error(data: bytes) -> None:
    """With a reason, not an empty list."""
    with pytest.raises(PictureError, match=r"bad\.pdf: the PDF"):
        decode_bytes(data, name="bad.pdf", max_side_px=32)


def test_pdfs_are_drawn_from_many_threads() -> None:
    """PDFium may be entered by one at a time; nobody notices."""
    red, blue = (pdf([Image.new("RGB", (40, 40), colour)] * 3) for colour in (RED, BLUE))

    def colours(data: bytes) -> list[tuple[int, ...]]:
        pages = decode_bytes(data, name="p.pdf", max_side_px=20)
        return [tuple(np.asarray(page.picture.pixels)[10, 10]) for page in pages if page.picture is not None]

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(colours, [red, blue] * 12))
    for index, found in enumerate(results):
        assert len(found) == 3
        assert all(is_near(colour, BLUE if index % 2 else RED) for colour in found)
