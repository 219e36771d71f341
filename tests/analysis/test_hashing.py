"""The second opinion: hashes that survive edits, and pictures compared on top of each other."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from indexer.analysis.hashing import SAME_PICTURE, hash_distance, hash_picture, same_picture
from indexer.values import Pixels


def _drawing(seed: int) -> Image.Image:
    """Curves and blots on paper, the same for the same seed."""
    rng = np.random.default_rng(seed)
    page = Image.new("RGB", (420, 560), (238, 234, 224))
    pen = ImageDraw.Draw(page)
    for _ in range(45):
        x, y = rng.integers(20, 380), rng.integers(20, 520)
        w, h = rng.integers(15, 120, 2)
        pen.arc(
            (x, y, x + w, y + h), int(rng.integers(0, 180)), int(rng.integers(200, 360)), fill=(40, 40, 50), width=3
        )
    for _ in range(8):
        x, y, r = rng.integers(30, 360), rng.integers(30, 500), rng.integers(6, 30)
        pen.ellipse((x, y, x + r, y + r), fill=tuple(int(c) for c in rng.integers(30, 200, 3)))
    return page


def _saved(page: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    page.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


_EDITS = {
    "turned": lambda page: page.rotate(2, Image.Resampling.BICUBIC, fillcolor=(238, 234, 224)),
    "cropped": lambda page: page.crop((12, 0, 420, 545)),
    "scaled": lambda page: page.resize((230, 300)),
    "recompressed": lambda page: _saved(page, 30),
    "darker": lambda page: ImageEnhance.Brightness(page).enhance(0.75),
    "all of it": lambda page: _saved(
        page.rotate(-1.5, fillcolor=(238, 234, 224)).crop((8, 8, 415, 550)).resize((300, 410)), 50
    ),
}


@pytest.mark.parametrize("edit", _EDITS)
def test_copies_of_a_picture_are_the_same_picture(edit: str) -> None:
    """Turned, cropped, scaled, recompressed, darker, or all of these: one picture, whichever is given first."""
    page = _drawing(1)
    copy = np.asarray(_EDITS[edit](page))
    assert same_picture(np.asarray(page), copy) > SAME_PICTURE
    assert same_picture(copy, np.asarray(page)) > SAME_PICTURE


def test_other_pictures_are_not() -> None:
    """Drawings by the same hand on the same paper do not agree."""
    assert same_picture(np.asarray(_drawing(1)), np.asarray(_drawing(2))) < 0.5 * SAME_PICTURE


def test_a_form_filled_in_otherwise_is_another_page() -> None:
    """Half of what is on the pages is equal, and still they are two."""
    one, other = _drawing(1), _drawing(2)
    other.paste(one.crop((0, 0, 420, 280)), (0, 0))
    assert same_picture(np.asarray(one), np.asarray(other)) < SAME_PICTURE


def test_blank_pages_are_no_copies_of_each_other() -> None:
    """Without detail there is nothing to agree on; shapes of one pixel break nothing."""
    blank: Pixels = np.full((300, 200, 3), 240, dtype=np.uint8)
    assert same_picture(blank, blank) == 0
    assert same_picture(blank[:1, :1], np.asarray(_drawing(1))) == 0


def test_hashes_of_copies_are_close_and_of_others_far() -> None:
    """Scaling and recompression turn few of the 64 bits, another drawing many."""
    page = _drawing(1)
    own = hash_picture(np.asarray(page))
    assert 0 <= own < 2**64
    for edit in ("scaled", "recompressed", "darker"):
        assert hash_distance(own, hash_picture(np.asarray(_EDITS[edit](page)))) <= 6
    assert hash_distance(own, hash_picture(np.asarray(_drawing(2)))) >= 16


def test_the_hash_is_that_of_the_lowest_frequencies() -> None:
    """A picture that brightens to the right has all its energy in the first row of frequencies."""
    ramp = np.repeat(np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))[:, :, None], 3, axis=2)
    first_row = hash_picture(ramp) >> 56
    assert first_row & 0b10000000
    assert hash_distance(hash_picture(ramp), hash_picture(ramp.swapaxes(0, 1))) > 0
