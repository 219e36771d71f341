"""PDFs made of pages: nothing recompressed that need not be, and everything upright."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from PIL import Image
from support.scans import encoded, four_corners, pdf, shows_four_corners, with_orientation, write

from indexer.output.jpeg import read_jpeg_header
from indexer.output.pdf import FilePage, PixelPage, can_hold, write_pdf


def made(*pages: FilePage | PixelPage, title: str = "") -> bytes:
    """The PDF of some pages."""
    buffer = io.BytesIO()
    assert write_pdf(pages, buffer, title=title) == len(pages)
    return buffer.getvalue()


def picture_of(document: pikepdf.Pdf, number: int = 0) -> Any:
    """The picture on a page."""
    return document.pages[number].Resources.XObject.Scan


def rendered(data: bytes, number: int = 0, *, scale: float = 1.0) -> np.ndarray:
    """A page as a viewer draws it."""
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    try:
        return np.asarray(document[number].render(scale=scale).to_pil().convert("RGB"))
    finally:
        document.close()


def test_a_jpeg_goes_in_byte_for_byte(tmp_path: Path) -> None:
    """The DCT stream is the file: nothing was decoded on the way."""
    data = encoded(four_corners(), "JPEG", quality=60, progressive=True)
    file = write(tmp_path / "p.jpg", data)
    with pikepdf.open(io.BytesIO(made(FilePage(file)))) as document:
        picture = picture_of(document)
        assert picture.read_raw_bytes() == data
        assert (picture.Filter, picture.Width, picture.Height) == ("/DCTDecode", 48, 64)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_stands_as_exif_says(tmp_path: Path, orientation: int) -> None:
    """All eight ways to store a picture are shown the same, without touching it."""
    file = write(tmp_path / "p.jpg", with_orientation(four_corners(), "JPEG", orientation))
    drawn = rendered(made(FilePage(file)), scale=0.2)
    assert drawn.shape[0] > drawn.shape[1]
    assert shows_four_corners(drawn, tolerance=30)


def test_gray_and_cmyk_jpegs_keep_their_colours(tmp_path: Path) -> None:
    """Their colour space is said, and Adobe's inverted inks are turned round."""
    gray = write(tmp_path / "g.jpg", encoded(Image.new("L", (20, 30), 200), "JPEG"))
    cmyk = write(tmp_path / "c.jpg", encoded(Image.new("CMYK", (20, 30), (0, 0, 0, 0)), "JPEG"))
    data = made(FilePage(gray), FilePage(cmyk))
    with pikepdf.open(io.BytesIO(data)) as document:
        assert picture_of(document, 0).ColorSpace == "/DeviceGray"
        assert picture_of(document, 1).ColorSpace == "/DeviceCMYK"
    assert abs(int(rendered(data, 0, scale=0.1).mean()) - 200) < 4
    assert rendered(data, 1, scale=0.1).mean() > 245


def test_a_page_is_as_large_as_its_resolution_says(tmp_path: Path) -> None:
    """200 dpi give 0.36 points a pixel; a file that says nothing is as long as A4."""
    said = write(tmp_path / "a.jpg", encoded(Image.new("RGB", (1000, 1400)), "JPEG", dpi=(200, 200)))
    unsaid = write(tmp_path / "b.jpg", encoded(Image.new("RGB", (100, 200)), "JPEG"))
    with pikepdf.open(io.BytesIO(made(FilePage(said), FilePage(unsaid)))) as document:
        boxes = [[float(side) for side in page.MediaBox] for page in document.pages]
    assert boxes[0] == pytest.approx([0, 0, 360, 504])
    assert boxes[1] == pytest.approx([0, 0, 420.945, 841.89])


def test_pages_of_a_pdf_are_kept_as_they_are(tmp_path: Path) -> None:
    """The content of the chosen page is the source's own."""
    source = write(tmp_path / "s.pdf", pdf([Image.new("RGB", (40, 60), "red"), four_corners()]))
    data = made(FilePage(source, 2), FilePage(source, 1))
    assert shows_four_corners(rendered(data, 0))
    with pikepdf.open(io.BytesIO(data)) as document, pikepdf.open(source) as before:
        assert document.pages[0].Contents.read_bytes() == before.pages[1].Contents.read_bytes()


def test_black_and_white_becomes_group_4() -> None:
    """Two-tone pages are stored as fax, without loss and not inverted."""
    pixels = np.full((2000, 1500, 3), 255, dtype=np.uint8)
    pixels[100:400, 200:900] = 0
    data = made(PixelPage(pixels, dpi=72.0))
    with pikepdf.open(io.BytesIO(data)) as document:
        picture = picture_of(document)
        assert (picture.Filter, picture.BitsPerComponent) == ("/CCITTFaxDecode", 1)
        assert len(picture.read_raw_bytes()) < 2000
    assert np.array_equal(rendered(data), pixels)


@pytest.mark.parametrize("is_gray", [False, True])
def test_other_pixels_are_kept_without_loss(is_gray: bool) -> None:
    """What was stored without loss is drawn pixel by pixel as it was."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    if is_gray:
        pixels = np.repeat(pixels[..., :1], 3, axis=2)
    data = made(PixelPage(pixels, dpi=72.0))
    with pikepdf.open(io.BytesIO(data)) as document:
        assert picture_of(document).ColorSpace == ("/DeviceGray" if is_gray else "/DeviceRGB")
    assert np.array_equal(rendered(data), pixels)


def test_pictures_with_loss_become_jpeg() -> None:
    """A photograph from HEIC or WebP does not grow tenfold."""
    pixels = np.asarray(four_corners(200, 300))
    data = made(PixelPage(pixels, lossless=False))
    with pikepdf.open(io.BytesIO(data)) as document:
        assert picture_of(document).Filter == "/DCTDecode"
    assert shows_four_corners(rendered(data))


def test_the_title_is_said_and_files_appear_whole(tmp_path: Path) -> None:
    """The title is in the document's information; a page that fails leaves no file behind."""
    target = tmp_path / "made" / "d.pdf"
    write_pdf([PixelPage(np.zeros((9, 9, 3), np.uint8))], target, title="Brief an Olga")
    with pikepdf.open(target) as document:
        assert str(document.docinfo["/Title"]) == "Brief an Olga"
    with pytest.raises(FileNotFoundError):
        write_pdf([FilePage(tmp_path / "gone.jpg")], tmp_path / "made" / "e.pdf")
    assert [file.name for file in target.parent.iterdir()] == ["d.pdf"]


def test_what_pdf_can_hold(tmp_path: Path) -> None:
    """JPEG and PDF, told by what they hold; nothing broken, nothing else."""
    jpeg = encoded(four_corners(), "JPEG")
    assert can_hold(write(tmp_path / "a.bin", jpeg))
    assert can_hold(write(tmp_path / "b.pdf", pdf([four_corners()])))
    assert not can_hold(write(tmp_path / "c.png", encoded(four_corners(), "PNG")))
    assert not can_hold(write(tmp_path / "d.jpg", jpeg[:20]))
    assert not can_hold(write(tmp_path / "e.pdf", b"%PDF-1.7 nothing"))
    assert not can_hold(tmp_path / "gone")


def test_arithmetic_and_lossless_jpegs_are_not_taken() -> None:
    """PDF knows neither; their frames are marked C9 and C3."""
    data = bytearray(encoded(four_corners(), "JPEG"))
    place = data.index(b"\xff\xc0") + 1
    assert read_jpeg_header(bytes(data)) is not None
    for marker in (0xC3, 0xC9):
        data[place] = marker
        assert read_jpeg_header(bytes(data)) is None
