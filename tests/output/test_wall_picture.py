"""The wall as one picture: pages row by row, colours explained, and never larger than it can be drawn."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import UsageError
from indexer.output.wall_picture import MOST_PIXELS, Legend, check_wall_size, draw_wall, save_wall

COLOURS = [(200, 30, 30), (30, 160, 60), (30, 30, 200)]


def thumbnail(place: int) -> bytes | None:
    """A square page of its own colour; the fourth has none, the fifth a broken one."""
    if place >= 3:
        return None if place == 3 else b"no picture"
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), COLOURS[place]).save(buffer, "PNG")
    return buffer.getvalue()


def test_pages_hang_row_by_row() -> None:
    """Five pages, two to a row; one without a thumbnail and one that can't be read leave a mount."""
    told: list[int] = []
    wall = draw_wall(5, thumbnail, columns=2, tile_px=40, progress=told.append)
    assert (wall.size, told) == ((80, 120), [1, 2, 3, 4, 5])
    assert [wall.getpixel((x, y)) for x, y in ((20, 20), (60, 20), (20, 60))] == COLOURS
    mounts = {wall.getpixel((60, 60)), wall.getpixel((20, 100))}
    assert len(mounts) == 1
    assert wall.getpixel((60, 100)) not in mounts


def test_strips_have_the_colours_of_the_legend() -> None:
    """Each page's strip is under it, and the line below says what it means, in as many lines as it needs."""
    legend = Legend("group", [f"a rather long name {n}" for n in range(6)], [(9, 9, 9 + n) for n in range(6)])
    wall = draw_wall(2, thumbnail, columns=2, tile_px=110, colours=[(1, 2, 3), (4, 5, 6)], legend=legend)
    assert [wall.getpixel((x, 108)) for x in (5, 215)] == [(1, 2, 3), (4, 5, 6)]
    below = np.asarray(wall)[110:]
    tops = [np.nonzero((below == (9, 9, 9 + n)).all(axis=2))[0].min() for n in range(6)]
    assert tops == sorted(tops)
    assert tops[0] < tops[5] < len(below) - 10


@pytest.mark.parametrize(
    ("columns", "rows", "tile_px", "name", "said"),
    [
        (1000, 900, 64, "w.png", "--tile-px 14 or less"),
        (1000, 10, 100, "w.jpg", "--tile-px 65 or less"),
        (10_000, 9_000, 8, "w.png", "fewer pages"),
        (3, 3, 2, "w.png", "4 to 1024"),
        (3, 3, 64, "w.gif", ".png or .jpg"),
    ],
)
def test_what_can_not_be_drawn_is_refused_with_what_can(
    columns: int, rows: int, tile_px: int, name: str, said: str
) -> None:
    """Too many pixels, too long for JPEG, too small to see, no such format: each says what would do."""
    with pytest.raises(UsageError, match=said):
        check_wall_size(columns, rows, tile_px=tile_px, path=Path(name))


def test_the_size_that_is_proposed_can_be_drawn() -> None:
    """The advice is within the bounds, and one pixel more is not."""
    check_wall_size(1000, 900, tile_px=14, path=Path("w.png"))
    assert MOST_PIXELS < 1000 * 900 * 15**2


@pytest.mark.parametrize("name", ["wall.png", "wall.JPG"])
def test_it_is_written_as_its_name_says(tmp_path: Path, name: str) -> None:
    """Either format opens again at its size."""
    save_wall(draw_wall(3, thumbnail, columns=3, tile_px=20), tmp_path / name)
    with Image.open(tmp_path / name) as again:
        assert (again.size, again.format) == ((60, 20), "PNG" if name == "wall.png" else "JPEG")
