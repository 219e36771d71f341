"""The map as a picture: every page is a dot in its colour, and the legend says what it means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import UsageError
from indexer.output.map_png import HEIGHT_PX, WIDTH_PX, draw_map, flatten, save_map_png

RED, BLUE, GREY = (200, 20, 20), (20, 20, 200), (176, 172, 163)


def draw(points: list[list[float]], values: list[int], **others: object) -> np.ndarray:
    """The picture of a few points of two names, as pixels."""
    picture = draw_map(
        np.array(points, dtype=np.float32),
        np.array(values, dtype=np.uint16),
        ["drawings", "letters"],
        [values.count(0), values.count(1)],
        [RED, BLUE],
        title="A title",
        **others,  # type: ignore[arg-type]
    )
    return np.asarray(picture)


def centre_of(pixels: np.ndarray, colour: tuple[int, int, int], *, right: int = WIDTH_PX - 720) -> tuple[float, float]:
    """Where the dots of a colour are on the plot, which the legend is not part of: x, y in pixels."""
    rows, columns = np.nonzero((np.abs(pixels[:, :right].astype(int) - colour) < 8).all(axis=2))
    assert len(rows), f"nothing is drawn in {colour}"
    return float(columns.mean()), float(rows.mean())


def test_pages_are_where_the_map_has_them() -> None:
    """x to the right, y upwards, both axes to one scale; a page without a name is grey."""
    pixels = draw([[0, 0], [2, 0], [0, 1]], [0, 1, 65_535])
    assert pixels.shape == (HEIGHT_PX, WIDTH_PX, 3)
    red, blue, grey = centre_of(pixels, RED), centre_of(pixels, BLUE), centre_of(pixels, GREY)
    assert blue[0] - red[0] == pytest.approx(2 * (red[1] - grey[1]), rel=0.01)
    assert red[1] == pytest.approx(blue[1], abs=2)
    assert grey[0] == pytest.approx(red[0], abs=2)
    assert grey[1] < red[1]


def test_the_legend_has_each_name_in_its_colour() -> None:
    """Right of the plot, a mark of each colour, one below the other; grey only where a page has no name."""
    pixels = draw([[0, 0], [1, 1]], [0, 1], legend="group")[:, WIDTH_PX - 700 :]
    tops = [np.nonzero((pixels == colour).all(axis=2))[0].min() for colour in (RED, BLUE)]
    assert tops[0] < tops[1]
    assert not (pixels == GREY).all(axis=2).any()


def test_more_names_than_rows_end_in_a_count() -> None:
    """Two hundred names stay on the picture."""
    names = [f"name {number}" for number in range(200)]
    values = np.arange(200, dtype=np.uint16)
    points = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    picture = draw_map(points, values, names, [1] * 200, [RED] * 200, title="A" * 500, subtitle="b" * 500)
    assert picture.size == (WIDTH_PX, HEIGHT_PX)
    assert (np.asarray(picture)[-60:] == 255).all()


def test_pages_without_a_place_are_left_out() -> None:
    """NaN is drawn nowhere; a map of nothing else is refused."""
    pixels = draw([[0, 0], [np.nan, np.nan]], [0, 1])
    assert centre_of(pixels, RED)
    with pytest.raises(AssertionError, match="nothing is drawn"):
        centre_of(pixels, BLUE)
    with pytest.raises(UsageError, match="quire map"):
        draw([[np.nan, np.nan]], [0])


def test_no_name_hides_another() -> None:
    """Of two names all over the same place, both can be seen, whichever comes first."""
    points = np.random.default_rng(0).normal(size=(6000, 2)).tolist()
    pixels = draw(points, [0] * 3000 + [1] * 3000)[:, : WIDTH_PX - 720].astype(int)
    red, blue = ((np.abs(pixels - colour) < 60).all(axis=2).sum() for colour in (RED, BLUE))
    assert 0.8 < red / blue < 1.25


def test_depth_is_seen_from_the_side_that_shows_most() -> None:
    """Points in an upright plane keep their distances when they are laid flat."""
    rng = np.random.default_rng(1)
    points = np.zeros((50, 3), dtype=np.float32)
    points[:, 1:] = rng.normal(size=(50, 2)) * [3, 1]
    flat = flatten(points)
    assert flat.shape == (50, 2)
    assert np.linalg.norm(flat[1:] - flat[:-1], axis=1) == pytest.approx(
        np.linalg.norm(points[1:] - points[:-1], axis=1), rel=1e-4
    )
    assert flatten(flat) is flat


def test_it_is_written_for_print(tmp_path: Path) -> None:
    """PNG with 300 dots per inch; another suffix is refused."""
    picture = Image.new("RGB", (10, 10))
    save_map_png(picture, tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as again:
        assert again.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    with pytest.raises(UsageError, match=r"\.png"):
        save_map_png(picture, tmp_path / "map.gif")
