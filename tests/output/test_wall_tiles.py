"""Tiles of the wall: every page in every level, at the right place, and never more on disk than allowed."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.output.tiles import Icons, TileCache, TilePlan, count_levels, draw_tile, needs_pictures, plan_tile

RED, BLUE = (220, 20, 20), (20, 20, 220)


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (96, 128)) -> Image.Image:
    """A page of one colour."""
    return Image.new("RGB", size, colour)


def pixels_of(data: bytes) -> np.ndarray:
    """RGBA [256, 256, 4]."""
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.format == "WEBP"
        return np.asarray(opened.convert("RGBA"))


@pytest.mark.parametrize(
    ("columns", "rows", "levels"), [(1, 1, 1), (2, 2, 1), (3, 1, 2), (4, 4, 2), (5, 9, 4), (949, 949, 10)]
)
def test_levels_end_with_two_pages_to_a_side(columns: int, rows: int, levels: int) -> None:
    """The first level is one tile that holds all, and in the last each page has 128 pixels."""
    assert count_levels(columns, rows) == levels
    whole = plan_tile(columns, rows, level=0, column=0, row=0)
    assert whole is not None
    assert (whole.right, whole.bottom) == (columns, rows)
    last = plan_tile(columns, rows, level=levels - 1, column=0, row=0)
    assert last is not None
    assert (last.cell_px, last.step, last.right) == (128, 1, min(columns, 2))


@pytest.mark.parametrize(("columns", "rows"), [(7, 5), (100, 61)])
def test_the_tiles_of_a_level_show_every_cell_once(columns: int, rows: int) -> None:
    """Beside each other, without gaps or overlaps; outside of the wall there are none."""
    for level in range(count_levels(columns, rows)):
        seen = np.zeros((rows, columns), dtype=int)
        for column in range(2**level):
            for row in range(2**level):
                plan = plan_tile(columns, rows, level=level, column=column, row=row)
                if plan is not None:
                    seen[plan.top : plan.bottom, plan.left : plan.right] += 1
        assert (seen == 1).all()
        assert plan_tile(columns, rows, level=level, column=2**level, row=0) is None
    assert plan_tile(columns, rows, level=99, column=0, row=0) is None
    assert plan_tile(columns, rows, level=0, column=-1, row=0) is None


def test_small_pages_give_way_to_fewer_that_can_be_seen() -> None:
    """Below 8 pixels a square of 8 stands for several pages, so that no tile needs more than 1,024 pictures."""
    plan = plan_tile(949, 949, level=0, column=0, row=0)
    assert plan is not None
    assert (plan.cell_px, plan.step, plan.side_px) == (0.25, 32, 8)


def test_pages_hang_whole_in_their_cells() -> None:
    """An upright page is as high as its cell and narrower; around it the tile is transparent."""
    plan = TilePlan(left=2, top=4, right=4, bottom=6, cell_px=128, step=1)
    tile = pixels_of(draw_tile(plan, [(2, 4, picture(RED)), (3, 5, picture(BLUE))]))
    assert np.abs(tile[64, 64, :3].astype(int) - RED).max() < 12
    assert np.abs(tile[192, 192, :3].astype(int) - BLUE).max() < 12
    assert tile[64, 192, 3] == tile[192, 64, 3] == tile[64, 8, 3] == 0
    columns, rows = np.nonzero(tile[:128, :128, 3].any(axis=0))[0], np.nonzero(tile[:128, :128, 3].any(axis=1))[0]
    assert (columns.max() - columns.min() + 1, rows.max() - rows.min() + 1) == (90, 120)


def test_a_page_without_a_thumbnail_leaves_a_mount() -> None:
    """Grey and smaller: something hangs there."""
    plan = TilePlan(left=0, top=0, right=2, bottom=2, cell_px=128, step=1)
    tile = pixels_of(draw_tile(plan, [(0, 0, None)]))
    assert tile[64, 64, 3] == 255
    assert tile[4, 4, 3] == 0


def test_colours_are_strips_under_the_pages_and_whole_cells_where_those_are_small() -> None:
    """With pictures the strip is below; without, the cell is its colour, and cells smaller than a pixel are averaged."""
    colours = np.array([[(*RED, 255), (*BLUE, 255)]], dtype=np.uint8)
    plan = TilePlan(left=0, top=0, right=2, bottom=1, cell_px=128, step=1)
    tile = pixels_of(draw_tile(plan, [(0, 0, picture((255, 255, 255))), (1, 0, picture((255, 255, 255)))], colours))
    assert np.abs(tile[124, [10, 200], :3].astype(int) - [RED, BLUE]).max() < 40
    assert tile[60, 64, 0] > 240
    plan = TilePlan(left=0, top=0, right=2, bottom=1, cell_px=8, step=1)
    assert not needs_pictures(plan, is_coloured=True)
    tile = pixels_of(draw_tile(plan, [], colours))
    assert (tile[4, [4, 12], :3] == [RED, BLUE]).all()
    assert tile[4, 20, 3] == 0
    plan = TilePlan(left=0, top=0, right=2, bottom=1, cell_px=0.5, step=16)
    tile = pixels_of(draw_tile(plan, [], colours))
    assert np.abs(tile[0, 0].astype(int) - [120, 20, 120, 127]).max() < 3


def test_small_pictures_are_read_once() -> None:
    """Up to 32 pixels they stay in memory, as many as there is room for; a broken file is no picture."""
    loads: list[str] = []

    def load(name: str) -> bytes:
        loads.append(name)
        buffer = io.BytesIO()
        picture(RED, (320, 200)).save(buffer, "WEBP")
        return buffer.getvalue()

    icons = Icons(at_most=2)
    for name in ("a", "a", "b", "c", "a"):
        icon = icons.get(name, lambda n=name: load(n), side_px=16)  # type: ignore[misc]
        assert icon is not None
        assert icon.size == (32, 20)
    assert loads == ["a", "b", "c", "a"]
    large = icons.get("a", lambda: load("a"), side_px=128)
    assert large is not None
    assert large.width == 128
    assert icons.get("d", lambda: None, side_px=16) is None
    assert icons.get("e", lambda: b"RIFF no picture", side_px=128) is None


def test_the_cache_stays_within_its_bounds(tmp_path: Path) -> None:
    """What was used longest ago goes first; what is left can be loaded."""
    cache = TileCache(tmp_path / "tiles", max_bytes=1000)
    for number in range(10):
        cache.save(f"key {number}", bytes([number]) * 100)
    for at, file in enumerate(sorted((tmp_path / "tiles").glob("*/*.webp"), key=lambda f: f.read_bytes()[0])):
        os.utime(file, ns=(at, at))
    assert cache.load("key 0") == bytes([0]) * 100
    cache.save("key 10", b"x" * 100)
    kept = [number for number in range(11) if cache.load(f"key {number}") is not None]
    assert kept == [0, 4, 5, 6, 7, 8, 9, 10]
    assert sum(file.stat().st_size for file in (tmp_path / "tiles").glob("*/*.webp")) == 800


def test_no_key_leads_out_of_the_cache(tmp_path: Path) -> None:
    """A key is only hashed, never a path."""
    cache = TileCache(tmp_path / "tiles")
    cache.save("../../outside", b"data")
    assert cache.load("../../outside") == b"data"
    assert [path.parent.parent for path in tmp_path.rglob("*.webp")] == [tmp_path / "tiles"]


def test_a_cache_that_can_not_be_written_is_done_without(tmp_path: Path) -> None:
    """Where its folder should be lies a file: tiles are still drawn, only not kept."""
    (tmp_path / "tiles").write_text("in the way")
    cache = TileCache(tmp_path / "tiles")
    cache.save("key", b"data")
    assert cache.load("key") is None
