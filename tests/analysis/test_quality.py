"""Quality flags: each fault is called on a page that has it, and none on the same page without."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from indexer.analysis.quality import QUALITY_FLAGS, estimate_skew, find_quality_flags
from indexer.values import Pixels

_PAPER = (236, 233, 225)


def _text_page(width: int = 380, height: int = 512, margin: int = 40) -> Image.Image:
    """Twenty-odd lines of words, flush on the left, ragged on the right; the last line of a paragraph is short."""
    rng = np.random.default_rng(3)
    pixels = np.full((height, width, 3), _PAPER, dtype=np.uint8)
    for number, top in enumerate(range(margin, height - margin, 14)):
        reach = width - margin - int(rng.integers(0, 60)) - (90 if number % 6 == 5 else 0)
        x = margin
        while x < reach - 8:
            word = int(rng.integers(8, 30))
            pixels[top + int(rng.integers(0, 2)) : top + 7, x : min(x + word, reach)] = 40
            x += word + 6
    return Image.fromarray(pixels)


def _flags(page: Image.Image) -> tuple[str, ...]:
    return find_quality_flags(np.asarray(page))


def test_a_good_page_has_no_flags() -> None:
    """An upright, sharp, whole page of text is left in peace."""
    assert _flags(_text_page()) == ()


@pytest.mark.parametrize("turn_deg", [-6.0, -2.6, 2.6, 6.0])
def test_a_turned_page_is_skewed_by_as_much(turn_deg: float) -> None:
    """The turn is found to a quarter of a degree, with its direction."""
    page = _text_page().rotate(turn_deg, Image.Resampling.BICUBIC, fillcolor=_PAPER)
    assert "skewed" in _flags(page)
    assert estimate_skew(np.asarray(page)).degrees == pytest.approx(turn_deg, abs=0.25)


def test_a_page_out_of_focus_is_blurred() -> None:
    """A blur of 2.5 px takes all sharp edges; one of 0.5 px does not."""
    assert "blurred" in _flags(_text_page().filter(ImageFilter.GaussianBlur(2.5)))
    assert "blurred" not in _flags(_text_page().filter(ImageFilter.GaussianBlur(0.5)))


def test_text_that_runs_out_of_one_edge_is_cut() -> None:
    """A scan that lost a third of its page on the left is called, and one that lost its empty margin is not."""
    page = _text_page()
    assert "cut-edge" in _flags(page.crop((130, 0, 380, 512)))
    assert "cut-edge" not in _flags(page.crop((30, 0, 380, 512)))


def test_lines_that_are_flush_on_the_right_only_are_upside_down() -> None:
    """Text turned by 180° begins ragged and ends flush."""
    assert "upside-down" in _flags(_text_page().rotate(180))


def _spread(*, shadow: bool) -> Image.Image:
    pair = Image.new("RGB", (640, 430), _PAPER)
    for left in (0, 320):
        pair.paste(_text_page(320, 430), (left, 0))
    pixels = np.asarray(pair).astype(np.float32)
    away = np.abs(np.arange(640) - 320)
    fade = 1 - 0.45 * np.exp(-((away / 12.0) ** 2)) if shadow else np.ones(640)
    return Image.fromarray((pixels * fade[None, :, None]).astype(np.uint8))


def test_a_fold_in_the_middle_makes_a_double_page() -> None:
    """Two pages with the shadow of a fold between them are called; two columns on flat paper are not."""
    assert "double-page" in _flags(_spread(shadow=True))
    assert "double-page" not in _flags(_spread(shadow=False))


def test_a_row_of_colour_patches_at_the_edge_is_a_target() -> None:
    """A strip of patches below the page is called, also on its side; a coloured drawing is not."""
    pixels = np.asarray(_text_page(380, 512, margin=70)).copy()
    strong = [(200, 30, 40), (230, 210, 30), (40, 160, 60), (30, 170, 200), (40, 50, 170), (190, 40, 160), (90, 90, 90)]
    for number, colour in enumerate(strong):
        pixels[470:500, 40 + 22 * number : 40 + 22 * (number + 1)] = colour
    assert "colour-target" in find_quality_flags(pixels)
    assert "colour-target" in find_quality_flags(np.ascontiguousarray(np.rot90(pixels)))
    drawing = np.asarray(_text_page()).copy()
    drawing[60:400, 60:200] = (200, 30, 40)
    drawing[100:480, 150:300] = (40, 50, 170)
    assert "colour-target" not in find_quality_flags(drawing)


@pytest.mark.parametrize("shape", [(1, 1), (95, 400), (96, 96), (512, 100), (512, 512)])
@pytest.mark.parametrize("level", [0, 255])
def test_bare_pictures_of_any_shape_have_no_such_flags(shape: tuple[int, int], level: int) -> None:
    """White and black pictures, and tiny ones, have nothing to be blurred, skewed or cut."""
    assert find_quality_flags(np.full((*shape, 3), level, dtype=np.uint8)) == ()


def test_noise_breaks_nothing() -> None:
    """Whatever the pixels, the flags are known ones in alphabetical order."""
    noise: Pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    found = find_quality_flags(noise)
    assert set(found) <= set(QUALITY_FLAGS)
    assert list(found) == sorted(found)
