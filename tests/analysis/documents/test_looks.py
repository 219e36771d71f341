"""Looks of drawn pages whose measures are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.analysis.documents import LOOKS_COLUMNS, find_blank_pages, measure_looks
from indexer.errors import PictureError
from indexer.values import Pixels


def _draw_page(*, paper: tuple[int, int, int] = (240, 235, 220), height: int = 640, width: int = 450) -> Pixels:
    return np.full((height, width, 3), paper, dtype=np.uint8)


def _write_lines(pixels: Pixels, *, top: int, bottom: int, left: int, right: int, pitch: int) -> Pixels:
    for row in range(top, bottom, pitch):
        pixels[row : row + pitch // 2, left:right:2] = 20
    return pixels


def _read(pixels: Pixels, column: str) -> float:
    return float(measure_looks(pixels, pixels.shape[1], pixels.shape[0])[LOOKS_COLUMNS.index(column)])


def test_blank_page_is_blank_and_a_written_one_is_not() -> None:
    """An empty sheet has no ink at all; a written one is not taken for a verso."""
    blank = _draw_page()
    written = _write_lines(_draw_page(), top=100, bottom=500, left=60, right=400, pitch=16)
    looks = np.stack([measure_looks(page, 450, 640) for page in (blank, written)])
    assert find_blank_pages(looks).tolist() == [True, False]
    assert _read(blank, "ink") == 0.0
    assert _read(blank, "blankness") == 1.0


def test_paper_colour_is_told_apart_from_ink() -> None:
    """Yellow paper is yellow in Lab whether or not there is black writing on it."""
    bare = _draw_page(paper=(240, 220, 150))
    written = _write_lines(bare.copy(), top=50, bottom=600, left=40, right=420, pitch=12)
    for column in ("paper_lightness", "paper_a", "paper_b"):
        assert _read(written, column) == pytest.approx(_read(bare, column), abs=0.5)
    assert _read(bare, "paper_b") > 20
    assert _read(_draw_page(paper=(255, 255, 255)), "paper_lightness") == pytest.approx(100, abs=0.1)


def test_margins_and_fifths_follow_the_writing() -> None:
    """Writing from a quarter of the height to the half, with a wide left margin, is found there."""
    page = _write_lines(_draw_page(), top=160, bottom=320, left=150, right=430, pitch=8)
    assert _read(page, "margin_top") == pytest.approx(0.25, abs=0.03)
    assert _read(page, "margin_bottom") == pytest.approx(0.5, abs=0.03)
    assert _read(page, "margin_left") == pytest.approx(1 / 3, abs=0.03)
    assert _read(page, "margin_right") < 0.06
    assert _read(page, "ink_fifth_3") > 10 * _read(page, "ink_fifth_5")


def test_line_pitch_is_the_distance_of_lines() -> None:
    """Lines 20 px apart on 640 px repeat every 1/32 of the height; a blank page has none."""
    page = _write_lines(_draw_page(), top=60, bottom=600, left=60, right=400, pitch=20)
    assert _read(page, "line_pitch") == pytest.approx(20 / 640, rel=0.1)
    assert _read(page, "line_regularity") > 0.5
    assert _read(_draw_page(), "line_pitch") == 0.0


def test_shape_is_that_of_the_whole_page() -> None:
    """Aspect and size come from the page, not from the small picture."""
    looks = measure_looks(_draw_page(height=64, width=64), 3000, 2000)
    assert looks[LOOKS_COLUMNS.index("log_aspect")] == pytest.approx(np.log(1.5))
    assert looks[LOOKS_COLUMNS.index("log_size")] == pytest.approx(np.log(3000))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 255), st.integers(0, 2**31))
def test_any_picture_has_finite_looks(height: int, width: int, level: int, seed: int) -> None:
    """Tiny, black, white or noisy: every column is a number."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    flat = np.full((height, width, 3), level)
    for pixels in (noise, flat):
        looks = measure_looks(pixels.astype(np.uint8), width, height)
        assert looks.dtype == np.float32
        assert np.isfinite(looks).all()


def test_no_picture_has_no_looks() -> None:
    """Grey pixels and an empty picture are refused with their shape."""
    with pytest.raises(PictureError, match=r"\(5, 5\)"):
        measure_looks(np.zeros((5, 5), dtype=np.uint8), 5, 5)
    with pytest.raises(PictureError, match="can't be measured"):
        measure_looks(np.zeros((0, 5, 3), dtype=np.uint8), 5, 5)
