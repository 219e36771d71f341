"""Contact sheets: size, order, long and strange captions, missing pictures, formats."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from indexer.errors import UsageError
from indexer.output.contact_sheet import (
    Tile,
    draw_contact_sheet,
    draw_contact_sheets,
    render_contact_sheet_html,
    save_contact_sheet,
    save_contact_sheet_html,
    shortened,
)
from indexer.values import Pixels


def plain(colour: tuple[int, int, int], height: int = 60, width: int = 40) -> Pixels:
    """A picture of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


RED, GREEN = (200, 20, 20), (20, 180, 40)


def test_tiles_stand_in_the_order_given() -> None:
    """The first tile is at the left, the second to its right."""
    sheet = np.asarray(
        draw_contact_sheet([Tile(plain(RED), "a"), Tile(plain(GREEN), "b")], title="t", columns=2, tile_px=60)
    )
    red = np.argwhere((sheet == RED).all(axis=2)).mean(axis=0)
    green = np.argwhere((sheet == GREEN).all(axis=2)).mean(axis=0)
    assert red[0] == pytest.approx(green[0])
    assert red[1] < green[1]


def test_pictures_keep_their_shape_and_stay_whole() -> None:
    """A wide page is not cropped or squashed in its square tile."""
    sheet = np.asarray(draw_contact_sheet([Tile(plain(RED, height=100, width=300), "a")], title="t", tile_px=120))
    rows, columns = np.nonzero((sheet == RED).all(axis=2))
    assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == pytest.approx(3, rel=0.06)


def test_more_rows_make_a_higher_sheet_of_the_same_width() -> None:
    """Columns fix the width; tiles beyond them go to further rows."""
    three, four = (draw_contact_sheet([Tile(None, "x")] * count, title="t", columns=3, tile_px=40) for count in (3, 4))
    assert three.width == four.width
    assert four.height > three.height


@pytest.mark.parametrize(
    "caption", ["", "日本語のページ", "línea ñandú ﷽", "a\nb\tc\x00d", "sb48/art/p072.jpg" * 30, "\ud800"]
)
def test_any_caption_can_be_drawn(caption: str) -> None:
    """Captions of any script, length or with control characters never fail."""
    sheet = draw_contact_sheet([Tile(None, caption, caption)], title=caption, subtitle=caption, tile_px=48)
    assert sheet.size == draw_contact_sheet([Tile(None, "x")], title="x", subtitle="y", tile_px=48).size or not caption


def test_no_tiles_make_an_empty_sheet() -> None:
    """An empty cluster still has a sheet with its title."""
    assert draw_contact_sheet([], title="Cluster 3", tile_px=60).width > 60


def test_missing_picture_leaves_a_mount() -> None:
    """A page whose picture is gone is drawn as an empty frame and its caption."""
    empty = np.asarray(draw_contact_sheet([Tile(None, "gone.jpg")], title="t", tile_px=100))
    other = np.asarray(draw_contact_sheet([Tile(None, "")], title="t", tile_px=100))
    assert empty.shape == other.shape
    assert (empty != other).any()


def test_long_text_is_cut_to_the_room_it_has() -> None:
    """Text keeps its beginning, a path its end, with an ellipsis, and fits."""
    font = ImageFont.load_default(12)
    front, end = (
        shortened("sb48/art/p072-a-very-long-name.jpg", font, 90),
        shortened("sb48/art/p072-a-very-long-name.jpg", font, 90, keep_end=True),
    )
    assert front.startswith("sb48")
    assert front.endswith("…")
    assert end.startswith("…")
    assert end.endswith("name.jpg")
    assert max(font.getlength(front), font.getlength(end)) <= 90
    assert shortened("p1", font, 90) == "p1"


def test_a_sheet_is_bounded_and_many_pages_take_several() -> None:
    """401 pages are refused for one sheet and spread over two of the same width."""
    tiles = [Tile(None, "x")] * 401
    with pytest.raises(UsageError, match="400"):
        draw_contact_sheet(tiles, title="t", tile_px=24)
    sheets = draw_contact_sheets(tiles, title="t", tile_px=24)
    assert len(sheets) == 2
    assert sheets[0].width == sheets[1].width


def test_a_sheet_that_would_fill_the_memory_is_refused() -> None:
    """The largest tiles in the most columns are hundreds of millions of pixels; nothing is drawn of them."""
    with pytest.raises(UsageError, match="too large"):
        draw_contact_sheet([Tile(None, "x")] * 400, title="t", columns=60, tile_px=1024)


def test_impossible_tile_sizes_are_refused() -> None:
    """A size nobody can look at is an error with the limits in it."""
    with pytest.raises(UsageError, match="24 to 1024"):
        draw_contact_sheet([], title="t", tile_px=5)


@pytest.mark.parametrize(("suffix", "kind"), [(".png", "PNG"), (".jpg", "JPEG"), (".JPEG", "JPEG")])
def test_sheets_are_written_by_suffix(tmp_path: Path, suffix: str, kind: str) -> None:
    """A second sheet goes to a numbered file beside the first."""
    sheets = draw_contact_sheets([Tile(plain(RED), "x")] * 3, title="t", tile_px=30, per_sheet=2)
    paths = save_contact_sheet(sheets, tmp_path / f"sheet{suffix}")
    assert [path.name for path in paths] == [f"sheet{suffix}", f"sheet-2{suffix}"]
    for path in paths:
        with Image.open(path) as opened:
            assert opened.format == kind
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)


def test_pdf_holds_all_sheets(tmp_path: Path) -> None:
    """Several sheets are pages of one PDF."""
    sheets = draw_contact_sheets([Tile(plain(RED), "x")] * 5, title="t", tile_px=30, per_sheet=2)
    assert save_contact_sheet(sheets, tmp_path / "sheet.pdf") == [tmp_path / "sheet.pdf"]
    assert len(re.findall(rb"/Type /Page\n", (tmp_path / "sheet.pdf").read_bytes())) == 3


def test_other_suffixes_and_nothing_at_all_are_refused(tmp_path: Path) -> None:
    """The error names the file and what would do, and nothing is written."""
    with pytest.raises(UsageError, match=r"sheet\.bmp"):
        save_contact_sheet(draw_contact_sheet([], title="t"), tmp_path / "sheet.bmp")
    with pytest.raises(UsageError, match="no sheet"):
        save_contact_sheet([], tmp_path / "sheet.png")
    assert not list(tmp_path.iterdir())


def test_html_is_self_contained_and_escaped(tmp_path: Path) -> None:
    """Captions cannot smuggle markup in, and nothing is fetched from anywhere."""
    hostile = '"><script>alert(1)</script>'
    html = render_contact_sheet_html(
        [Tile(plain(RED), hostile, hostile), Tile(None, "gone")], title=hostile, subtitle=hostile
    )
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert html.count("data:image/webp;base64,") == 1
    assert "no picture" in html
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", html)
    assert "http:" not in html
    assert "https:" not in html
    save_contact_sheet_html(html, tmp_path / "deep" / "sheet.html")
    assert (tmp_path / "deep" / "sheet.html").read_text(encoding="utf-8") == html
