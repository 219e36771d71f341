"""Pictures and thumbnails: formats, sizes, and a folder that no page id can lead out of."""

from __future__ import annotations

import io
import uuid
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from indexer.errors import UsageError
from indexer.output.pictures import encode_picture, fit_pixels, make_thumbnail
from indexer.output.thumbnails import ThumbnailFolder


def gradient(height: int = 90, width: int = 160) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A picture with every brightness in it."""
    ramp = np.linspace(0, 255, height * width).reshape(height, width).astype(np.uint8)
    return np.stack([ramp, ramp[::-1], np.full_like(ramp, 128)], axis=2)


@pytest.mark.parametrize("kind", ["jpeg", "webp", "png"])
def test_each_kind_opens_as_what_it_is(kind: Literal["jpeg", "webp", "png"]) -> None:
    """The bytes are a file of that format showing the same picture."""
    with Image.open(io.BytesIO(encode_picture(gradient(), kind=kind))) as opened:
        assert opened.format == kind.upper()
        assert np.abs(np.asarray(opened.convert("RGB"), np.int16) - gradient()).mean() < 6


def test_png_loses_nothing() -> None:
    """A PNG gives the very same pixels back."""
    with Image.open(io.BytesIO(encode_picture(gradient(), kind="png"))) as opened:
        np.testing.assert_array_equal(np.asarray(opened), gradient())


def test_pixels_that_lie_strided_are_encoded_too() -> None:
    """A view into a larger array is as good as an array of its own."""
    view = gradient()[::2, ::-2]
    with Image.open(io.BytesIO(encode_picture(view, kind="png"))) as opened:
        np.testing.assert_array_equal(np.asarray(opened), view)


def test_thumbnail_is_small_and_whole() -> None:
    """The longest side is the one asked for and the shape is kept."""
    with Image.open(io.BytesIO(make_thumbnail(gradient(900, 1600), side_px=64))) as opened:
        assert (opened.format, opened.size) == ("WEBP", (64, 36))


def test_small_pictures_are_not_enlarged() -> None:
    """A picture below the size asked for stays as it is, and a thin strip keeps a pixel."""
    assert fit_pixels(gradient(9, 16), side_px=320).shape == (9, 16, 3)
    assert fit_pixels(gradient(2, 1000), side_px=100).shape == (1, 100, 3)


def test_thumbnails_come_back_and_go(tmp_path: Path) -> None:
    """Saved, loaded, replaced, deleted; what is missing is None and deleting it again is fine."""
    folder, page_id = ThumbnailFolder(tmp_path), str(uuid.uuid5(uuid.NAMESPACE_URL, "p"))
    assert folder.load(page_id) is None
    folder.save(page_id, b"one")
    folder.save(page_id, b"two")
    assert folder.load(page_id) == b"two"
    assert folder.path(page_id) == tmp_path / page_id[:2] / f"{page_id}.webp"
    assert [path.name for path in folder.path(page_id).parent.iterdir()] == [f"{page_id}.webp"]
    folder.delete(page_id)
    folder.delete(page_id)
    assert folder.load(page_id) is None


@pytest.mark.parametrize("page_id", ["../../etc/passwd", "", "x" * 36, "/", "00/11", "\x00"])
def test_what_is_no_uuid_leads_nowhere(tmp_path: Path, page_id: str) -> None:
    """No path can be made of anything but a UUID."""
    with pytest.raises(UsageError, match="UUID"):
        ThumbnailFolder(tmp_path).load(page_id)


def test_other_spellings_of_one_id_are_one_file(tmp_path: Path) -> None:
    """Upper case and braces lead to the same thumbnail."""
    page_id = str(uuid.uuid4())
    folder = ThumbnailFolder(tmp_path)
    assert folder.path("{" + page_id.upper() + "}") == folder.path(page_id)
