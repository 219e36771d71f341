"""`quire map` and `quire wall`, alone and through a running service."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from support.command import Quire, serving
from support.library import draw_page, draw_pages


@pytest.fixture(scope="module")
def quire(tmp_path_factory: pytest.TempPathFactory) -> Quire:
    """A library of sixteen pages of four kinds."""
    place = tmp_path_factory.mktemp("maps")
    quire = Quire(place / "library")
    quire.ok("index", draw_pages(place / "scans", each=4), "--model", "pixels")
    return quire


def test_map_and_wall_become_files(quire: Quire, tmp_path: Path) -> None:
    """A map is made, then drawn as it is; the wall hangs in one picture; what is missing or too large is said."""
    without = quire("wall", "--out", tmp_path / "wall.png")
    assert (without.status, "quire map" in without.err) == (4, True)
    made = quire.json("map", "--method", "pca", "--seed", "3")
    assert (made["method"], made["pages"], made["sampled"]) == ("pca", 16, 16)
    drawn = quire.ok("map", "--png", tmp_path / "map.png", "--html", tmp_path / "map.html", "--by", "label")
    assert "pages have a place" not in drawn.out
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.size == (2400, 1680)
    html = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert "left/p1.png" in html
    assert "seed 3" in html
    quire.ok("wall", "--out", tmp_path / "wall.png", "--by", "label", "--tile-px", "20", "--filter", "label=left,top")
    with Image.open(tmp_path / "wall.png") as picture:
        assert picture.width == 60
    large = quire("wall", "--out", tmp_path / "wall.jpg", "--tile-px", "9999")
    assert (large.status, "--tile-px" in large.err, (tmp_path / "wall.jpg").exists()) == (2, True, False)


def test_a_running_service_does_the_same(quire: Quire, tmp_path: Path) -> None:
    """The same commands while a service holds the library: new pages are placed, pictures are the same."""
    quire.ok("map", "--method", "pca")
    draw_page("left", 50).save(quire.library.parent / "scans" / "left" / "p50.png")
    quire.ok("index")
    quire.ok("wall", "--out", tmp_path / "alone.png", "--source", "shelf", "--by", "label", "--tile-px", "16")
    with serving(quire):
        placed = quire.json("map", "--new")
        assert placed["pages"] == 1
        quire.ok("wall", "--out", tmp_path / "served.png", "--source", "shelf", "--by", "label", "--tile-px", "16")
        quire.ok("map", "--png", tmp_path / "map.png", "--html", tmp_path / "map.html")
    assert (tmp_path / "served.png").read_bytes() == (tmp_path / "alone.png").read_bytes()
    assert "left/p50.png" in (tmp_path / "map.html").read_text(encoding="utf-8")
