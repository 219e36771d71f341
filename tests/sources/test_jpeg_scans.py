"""Progressive JPEGs are read without what only a large picture needs, and come out as they would with it."""

from __future__ import annotations

import io
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.scans import encoded, four_corners

from indexer.errors import PictureError
from indexer.sources import decode_bytes
from indexer.sources.jpeg_scans import keep_coarse_scans


def drawing(side: int = 640) -> Image.Image:
    """Ramps, strokes and a little noise: something in every coefficient."""
    y, x = np.mgrid[0:side, 0:side]
    noise = np.random.default_rng(3).normal(0, 6, (side, side, 3))
    strokes = 90 * ((x + y) % 41 < 4)[..., None]
    ramps = np.stack([x, y, (x + y) / 2], axis=-1) * 160 / side + 60
    return Image.fromarray(np.clip(ramps - strokes + noise, 0, 255).astype(np.uint8))


def at_a_quarter(data: bytes) -> np.ndarray:
    """Decoded by Pillow at a quarter of the size."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (image.width // 4, image.height // 4))
        return np.asarray(image.convert("RGB"), dtype=np.float64)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_quarter_of_the_bytes_show_the_same_small_picture(mode: str, subsampling: str) -> None:
    """Less than half of the file is kept, and the picture at a quarter of its size is the same to within a few levels."""
    options = {} if mode == "L" else {"subsampling": subsampling}
    data = encoded(drawing().convert(mode), "JPEG", progressive=True, quality=92, **options)
    coarse = keep_coarse_scans(data)
    assert len(coarse) < len(data) / 2
    apart = np.abs(at_a_quarter(coarse) - at_a_quarter(data))
    assert apart.mean() < 2
    assert np.percentile(apart, 99) < 12


def test_with_restart_markers_too() -> None:
    """Markers within a scan do not end it."""
    data = encoded(drawing(), "JPEG", progressive=True, quality=92, restart_marker_rows=2)
    coarse = keep_coarse_scans(data)
    assert len(coarse) < len(data) / 2
    assert np.abs(at_a_quarter(coarse) - at_a_quarter(data)).mean() < 2


def test_other_files_stay_as_they_are() -> None:
    """A baseline JPEG, one that is cut off, and no JPEG at all: the decoder is to see, and judge, all of it."""
    progressive = encoded(drawing(), "JPEG", progressive=True)
    for data in (
        encoded(drawing(), "JPEG"),
        progressive[: len(progressive) // 2],
        progressive[:-2],
        b"",
        b"no picture",
    ):
        assert keep_coarse_scans(data) is data


def test_a_page_that_was_cut_off_is_still_found_out() -> None:
    """What is left out must not hide that the end is missing."""
    data = encoded(drawing(), "JPEG", progressive=True)
    [page] = decode_bytes(data[: -len(data) // 3], name="upload", max_side_px=400, enough_px=160)
    assert page.skip_code == "truncated"
    [whole] = decode_bytes(data, name="upload", max_side_px=400, enough_px=160)
    assert whole.picture is not None
    assert whole.picture.width_px == 640


def test_small_pictures_keep_every_detail() -> None:
    """A page that is wanted at more than a quarter of its size is decoded from all scans."""
    data = encoded(four_corners(), "JPEG", progressive=True, quality=95)
    baseline = encoded(four_corners(), "JPEG", quality=95)
    pages = [decode_bytes(one, name="upload", max_side_px=64)[0].picture for one in (data, baseline)]
    assert pages[0] is not None
    assert pages[1] is not None
    assert np.array_equal(pages[0].pixels, pages[1].pixels)


_WHOLE = encoded(drawing(96), "JPEG", progressive=True)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(2, len(_WHOLE) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(_WHOLE))
)
def test_damage_anywhere_raises_nothing(changes: list[tuple[int, int]], end: int) -> None:
    """Whatever bytes come, either they are handed on as they are or they are fewer, and decoding names a fault if there is one."""
    data = bytearray(_WHOLE[:end])
    for place, value in changes:
        if place < len(data):
            data[place] = value
    coarse = keep_coarse_scans(bytes(data))
    assert len(coarse) <= len(data)
    with suppress(PictureError):
        decode_bytes(bytes(data), name="upload", max_side_px=16)
