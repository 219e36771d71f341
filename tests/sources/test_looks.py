"""Blank and dark pages are flagged, and sparse ones are not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from indexer.sources import find_flags
from indexer.values import Pixels


def paper(level: int = 225, *, grain: float = 3.0, shading: float = 30.0) -> Image.Image:
    """A bare sheet: grain, and a shadow towards one side, as of a curled page."""
    chance = np.random.default_rng(5)
    ramp = np.linspace(0, shading, 360)[None, :, None]
    pixels = level - ramp + chance.normal(0, grain, (512, 360, 1)) + np.array([0, -6, -20])
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def flags(image: Image.Image) -> tuple[str, ...]:
    """The flags of a picture as it is."""
    pixels: Pixels = np.array(image.convert("RGB"), dtype=np.uint8)
    return find_flags(pixels)


@pytest.mark.parametrize("sheet", [paper(), paper(255, grain=0.5, shading=0), paper(180, shading=60), paper(130)])
def test_bare_paper_is_blank(sheet: Image.Image) -> None:
    """White or brown, with grain and shading."""
    assert flags(sheet) == ("blank",)


def test_the_shadow_of_the_scanners_lid_does_not_make_a_page_unblank() -> None:
    """Black at the very edge."""
    sheet = paper()
    ImageDraw.Draw(sheet).rectangle((0, 0, 8, 511), fill=(20, 20, 20))
    assert flags(sheet) == ("blank",)


@pytest.mark.parametrize("colour", [(40, 40, 60), (120, 120, 120), (235, 215, 90)], ids=["ink", "pencil", "crayon"])
def test_one_line_of_writing_is_enough_not_to_be_blank(colour: tuple[int, int, int]) -> None:
    """Ink, pencil, or a yellow crayon that is hardly darker than the paper."""
    sheet = paper(240, shading=0)
    draw = ImageDraw.Draw(sheet)
    for x in range(80, 240, 8):
        draw.line((x, 250, x + 4, 260), fill=colour, width=2)
    assert flags(sheet.filter(ImageFilter.GaussianBlur(0.5))) == ()


def test_an_underexposed_page_is_dark_and_not_blank() -> None:
    """Its writing is still there."""
    sheet = paper(90, shading=0)
    draw = ImageDraw.Draw(sheet)
    for y in range(60, 440, 20):
        draw.line((60, y, 300, y), fill=(20, 20, 20), width=4)
    assert flags(sheet) == ("dark",)


def test_a_black_page_is_blank_and_dark() -> None:
    """Both, in alphabetical order."""
    assert flags(Image.new("RGB", (360, 512))) == ("blank", "dark")


def test_a_picture_on_dark_ground_is_not_dark() -> None:
    """A white chalk drawing needs its light parts only."""
    sheet = Image.new("RGB", (360, 512), (30, 30, 30))
    ImageDraw.Draw(sheet).ellipse((80, 120, 280, 380), fill=(230, 230, 220))
    assert flags(sheet) == ()


def test_flags_do_not_depend_on_the_size_of_the_picture() -> None:
    """The same page at three times the size."""
    sheet = paper()
    assert flags(sheet.resize((1080, 1536), Image.Resampling.BICUBIC)) == flags(sheet)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (40, 2)])
def test_tiny_pictures_are_judged_too(size: tuple[int, int]) -> None:
    """Nothing is divided by nothing."""
    assert flags(Image.new("RGB", size, "white")) == ("blank",)
