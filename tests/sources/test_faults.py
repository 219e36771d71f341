"""A file that cannot be read says why, and harms nothing else."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image
from support.scans import (
    bomb_png,
    bomb_webp,
    encoded,
    encrypted_pdf,
    four_corners,
    heic,
    pages_tiff,
    pdf,
    write,
)

from indexer.errors import PictureError, PictureTooLargeError
from indexer.sources import DecodeLimits, decode_bytes, decode_file, open_file, render_page


def noise(side: int = 96) -> Image.Image:
    """Pixels that do not compress away, so that a cut hits them."""
    return Image.frombytes("RGB", (side, side), random.Random(7).randbytes(side * side * 3))


def fault(data: bytes, limits: DecodeLimits | None = None) -> PictureError:
    """The error of a file of which nothing can be read, or of its only page."""
    try:
        pages = decode_bytes(data, name="upload", max_side_px=32, limits=limits or DecodeLimits())
    except PictureError as error:
        return error
    [page] = pages
    assert page.picture is None, "it was read"
    return PictureError(page.skip_reason, skip_code=page.skip_code)


WHOLE = {
    "jpeg": lambda: encoded(noise(), "JPEG"),
    "progressive jpeg": lambda: encoded(noise(), "JPEG", progressive=True),
    "png": lambda: encoded(noise(), "PNG"),
    "webp": lambda: encoded(noise(), "WEBP"),
    "gif": lambda: encoded(noise(), "GIF"),
    "bmp": lambda: encoded(noise(), "BMP"),
    "tiff": lambda: encoded(noise(), "TIFF"),
    "lzw tiff": lambda: encoded(noise(), "TIFF", compression="tiff_lzw"),
    "g4 tiff": lambda: encoded(noise().convert("1"), "TIFF", compression="group4"),
    "jpeg 2000": lambda: encoded(noise(), "JPEG2000"),
    "heic": lambda: heic(noise()),
    "pdf": lambda: pdf([noise()]),
}


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_cut_off_file_is_an_error_and_not_half_a_page(kind: str, part: float) -> None:
    """Wherever the copy was interrupted."""
    data = WHOLE[kind]()
    error = fault(data[: int(len(data) * part)])
    assert error.skip_code in ("truncated", "unreadable")


@pytest.mark.parametrize("kind", WHOLE)
def test_damage_anywhere_gives_a_picture_or_a_reason(kind: str) -> None:
    """Bytes turned over at random places raise nothing but PictureError."""
    whole, chance = WHOLE[kind](), random.Random(11)
    for _ in range(12):
        data = bytearray(whole)
        for _ in range(8):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with suppress(PictureError):
            pages = decode_bytes(bytes(data), name="upload", max_side_px=32, limits=DecodeLimits(max_pixels=10**6))
            assert all((page.picture is None) == bool(page.skip_reason) == bool(page.skip_code) for page in pages)


def test_an_empty_file_says_so() -> None:
    """0 bytes, as a failed copy leaves it."""
    error = fault(b"")
    assert error.skip_code == "empty"
    assert "empty" in str(error)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"Dear archivist,\nthe scans are on the other disk.", "holds text"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html>Sign in</html>", "web page"),
        (b"<svg xmlns='x'/>", "XML"),
        (b"PK\x03\x04" + bytes(60), "ZIP"),
        (bytes(500), "only zero bytes"),
        (b"\x01\x02\x03\x04" * 20, "no known kind"),
    ],
)
def test_what_is_no_picture_is_called_by_what_it_is(data: bytes, words: str) -> None:
    """A text that is called .jpg, a login page instead of a download."""
    error = fault(data)
    assert error.skip_code == "not-a-picture"
    assert words in str(error)


@pytest.mark.parametrize("data", [bomb_png(60_000, 60_000), bomb_webp(60_000, 60_000)], ids=["png", "webp"])
def test_a_header_that_promises_too_much_is_refused_before_decoding(data: bytes) -> None:
    """With the size, the limit and the way to raise it."""
    error = fault(data)
    assert isinstance(error, PictureTooLargeError)
    assert error.skip_code == "too-large"
    for words in ("60,000 × 60,000", "300,000,000", "--max-pixels", "QUIRE_MAX_PIXELS"):
        assert words in str(error)


def test_pages_beyond_pillows_own_limit_are_read_up_to_ours() -> None:
    """Pillow refuses 200 million pixels; this page has them, in a few kilobytes."""
    data = encoded(Image.new("1", (20_000, 10_000), 1), "TIFF", compression="group4")
    [page] = decode_bytes(data, name="upload", max_side_px=16)
    assert page.picture is not None
    assert page.picture.width_px == 20_000


def test_pixel_byte_and_page_limits_are_kept() -> None:
    """Each refuses with its own reason, and just at the limit lets pass."""
    data = encoded(four_corners(), "PNG")
    assert "48 × 64" in str(fault(data, DecodeLimits(max_pixels=48 * 64 - 1)))
    assert "MiB" in str(fault(data, DecodeLimits(max_bytes=len(data) - 1)))
    assert (
        decode_bytes(data, name="u", max_side_px=8, limits=DecodeLimits(48 * 64, len(data), 1))[0].picture is not None
    )
    for many in (pages_tiff([four_corners()] * 3), pdf([four_corners()] * 3)):
        assert "more pages than the limit of 2" in str(fault(many, DecodeLimits(max_pages_per_file=2)))
        assert len(decode_bytes(many, name="u", max_side_px=8, limits=DecodeLimits(max_pages_per_file=3))) == 3


def test_one_bad_page_does_not_stop_the_others() -> None:
    """The second page of three is damaged; the first and third are read."""
    data = bytearray(pages_tiff([noise()] * 3, compression="tiff_adobe_deflate"))
    spoilt = data.find(b"\x78", data.find(b"II*\0", 0) + len(data) // 3 + 100)
    data[spoilt + 200 : spoilt + 9000] = bytes(8800)
    pages = decode_bytes(bytes(data), name="upload", max_side_px=16)
    assert [page.picture is not None for page in pages] == [True, False, True]
    assert pages[1].page_number == 2
    assert "cannot be decoded" in pages[1].skip_reason or "cut off" in pages[1].skip_reason


def test_an_encrypted_pdf_says_that_it_needs_a_password() -> None:
    """Nobody can type it in the middle of a run."""
    error = fault(encrypted_pdf(four_corners(), user="secret"))
    assert error.skip_code == "encrypted"
    assert "password" in str(error)


def test_a_file_that_is_not_there_any_more_is_reported(tmp_path: Path) -> None:
    """It was deleted between the walk and the reading."""
    with pytest.raises(PictureError, match="not there any more") as caught:
        list(decode_file(tmp_path / "gone.jpg", max_side_px=8))
    assert caught.value.skip_code == "vanished"


def test_a_folder_or_pipe_in_a_files_place_is_reported(tmp_path: Path) -> None:
    """And the pipe is not waited for."""
    os.mkfifo(tmp_path / "pipe.jpg")
    for place in (tmp_path, tmp_path / "pipe.jpg"):
        with pytest.raises(PictureError, match="no file"):
            render_page(place, page_number=1, max_side_px=8)


def test_a_file_that_changes_while_it_is_read_is_reported(tmp_path: Path) -> None:
    """Its hash and its pixels would not belong together."""
    file = write(tmp_path / "p.png", encoded(four_corners(), "PNG"))
    with open_file(file) as opened:
        file.write_bytes(encoded(noise(), "PNG"))
        with pytest.raises(PictureError, match="changed while") as caught:
            opened.page(1, max_side_px=8)
    assert caught.value.skip_code == "changed"


@pytest.mark.parametrize("number", [0, 2, -1])
def test_a_page_that_the_file_does_not_have_is_reported(tmp_path: Path, number: int) -> None:
    """Pages count from 1."""
    file = write(tmp_path / "p.png", encoded(four_corners(), "PNG"))
    with pytest.raises(PictureError, match="the file has 1") as caught:
        render_page(file, page_number=number, max_side_px=8)
    assert caught.value.skip_code == "no-such-page"


def test_a_file_handle_is_not_left_open(tmp_path: Path) -> None:
    """Neither after success, nor after failure, nor when the reader stops in between."""
    good = write(tmp_path / "good.tif", pages_tiff([four_corners()] * 2))
    bad = write(tmp_path / "bad.tif", b"II*\0 no more")
    before = len(list(Path("/proc/self/fd").iterdir()))
    next(pages := decode_file(good, max_side_px=8))
    pages.close()  # type: ignore[attr-defined]
    list(decode_file(good, max_side_px=8))
    with pytest.raises(PictureError):
        list(decode_file(bad, max_side_px=8))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
