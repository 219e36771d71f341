"""`quire sheet`: by cluster, group, filter or likeness, alone and through a service."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from support.command import Quire, serving
from support.library import draw_page, draw_pages


def test_sheets_of_everything_that_can_be_asked_for(tmp_path: Path) -> None:
    """A cluster as PNG, a group as PDF, a filter as HTML, pages like a scan and like a page; the same through a service."""
    quire = Quire(tmp_path / "library", QUIRE_USER="tester")
    quire.ok("index", draw_pages(tmp_path / "scans", each=5), "--model", "pixels")
    quire.ok("cluster", "-k", "4")
    quire.ok("name", "0", "one")
    out = tmp_path / "sheets"
    quire.ok("sheet", out / "a.png", "--cluster", "0")
    quire.ok("sheet", out / "b.pdf", "--group", "one")
    quire.ok("sheet", out / "c.html", "--filter", "label=left", "--order", "shelf", "--title", "Left ones")
    draw_page("top", 77).save(tmp_path / "new.png")
    quire.ok("sheet", out / "d.html", "--like", tmp_path / "new.png", "--limit", "3")
    quire.ok("sheet", out / "e.html", "--like", "left/p1.png", "--limit", "3")
    with Image.open(out / "a.png") as picture:
        assert picture.format == "PNG"
    assert (out / "b.pdf").read_bytes().startswith(b"%PDF")
    left = (out / "c.html").read_text(encoding="utf-8")
    assert "Left ones" in left
    assert left.index("left/p1.png") < left.index("left/p5.png")
    assert "Pages like new.png" in (out / "d.html").read_text(encoding="utf-8")
    assert (out / "e.html").read_text(encoding="utf-8").count("left/p") >= 3
    assert "end its name in" in quire.ok("sheet", out / "f.gif", status=2).err
    assert "nothing for a sheet" in quire.ok("sheet", out / "g.png", "--group", "none", status=4).err
    quire.ok("clusters", "--sheets", out / "clusters", "--sheet-format", "html")
    assert len(list((out / "clusters").glob("cluster-*.html"))) == 4
    with serving(quire):
        quire.ok("sheet", out / "c2.html", "--filter", "label=left", "--order", "shelf", "--title", "Left ones")
        quire.ok("sheet", out / "d2.html", "--like", tmp_path / "new.png", "--limit", "3")
        quire.ok("sheet", out / "e2.html", "--like", "left/p1.png", "--limit", "3")
    for name in ("c", "d", "e"):
        assert (out / f"{name}2.html").read_bytes() == (out / f"{name}.html").read_bytes()
