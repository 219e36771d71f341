"""`quire rescan-list`: CSV in shelf order, the table, the words of a person."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from support.command import Quire, serving
from support.rescans import draw_box, draw_text


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_list_is_csv_and_a_rescan_ticks_its_line(tmp_path: Path) -> None:
    """Piped into a file it is a table for the one at the scanner; after the next index run the line has its x."""
    quire = Quire(tmp_path / "library", QUIRE_USER="tester")
    scans = draw_box(tmp_path / "scans")
    quire.ok("index", scans, "--model", "pixels")
    listed = quire.ok("rescan-list")
    rows = _rows(listed.out)
    assert [(row["path"], row["reasons"], row["done"]) for row in rows] == [
        ("box/p2.png", "skewed", ""),
        ("box/p3.png", "blurred", ""),
        ("box/p10.png", "dark", ""),
    ]
    assert "3 pages to scan again, 0 rescanned" in listed.err
    draw_text(2).save(scans / "box/p2.png")
    quire.ok("index")
    quire.ok("rescan-list", "fine", rows[1]["page_id"], "--note", "soft pencil", "--who", "ann")
    quire.ok("rescan-list", "--out", tmp_path / "list.csv")
    ticked = _rows((tmp_path / "list.csv").read_text(encoding="utf-8-sig"))
    assert [(row["path"], row["done"], row["state"]) for row in ticked] == [
        ("box/p2.png", "x", "done"),
        ("box/p3.png", "", "fine"),
        ("box/p10.png", "", "open"),
    ]
    assert [line["page"]["path"] for line in quire.json("rescan-list", "--open")] == ["box/p10.png"]
    assert "'crooked'" in quire.ok("rescan-list", "--flags", "crooked", status=2).err


def test_it_works_through_a_running_service(tmp_path: Path) -> None:
    """The same lines, and the same decisions, with the service holding the library."""
    quire = Quire(tmp_path / "library", QUIRE_USER="tester")
    quire.ok("index", draw_box(tmp_path / "scans"), "--model", "pixels")
    alone = quire.ok("rescan-list", "--flags", "dark,skewed").out
    with serving(quire):
        assert quire.ok("rescan-list", "--flags", "dark,skewed").out == alone
        added = quire.json("pages", "--filter", "path=box/p1.png")["pages"][0]["page_id"]
        assert "1 pages are on the rescan list" in quire.ok("rescan-list", "add", added).out
        quire.ok("rescan-list", "clear", added)
        assert quire.ok("rescan-list", "--flags", "dark,skewed").out == alone
