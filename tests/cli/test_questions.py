"""`quire questions` and `quire answer`: what clustering anew left open; and pages named by their path."""

from __future__ import annotations

from pathlib import Path

from support.command import Quire, serving
from support.library import draw_pages


def _library_with_questions(tmp_path: Path) -> Quire:
    quire = Quire(tmp_path / "library", QUIRE_USER="tester")
    quire.ok("index", draw_pages(tmp_path / "scans", each=5), "--model", "pixels")
    quire.ok("cluster", "-k", "4")
    for cluster in range(4):
        quire.ok("name", cluster, f"group {cluster}")
    asked = quire.ok("cluster", "-k", "2")
    assert "? 1: In cluster 0 meet" in asked.err
    assert "quire answer NUMBER GROUP" in asked.err
    return quire


def test_questions_are_listed_and_answered(tmp_path: Path) -> None:
    """By a name, by keeping things, and undone; an unknown number says where they are listed."""
    quire = _library_with_questions(tmp_path)
    listed = quire.json("questions")
    first = next(one for one in listed if one["kind"] == "merge")
    assert "10 pages are now in the group halves" in quire.ok("answer", first["number"], "halves").out
    assert first not in quire.json("questions")
    quire.ok("undo")
    assert first in quire.json("questions")
    assert "10 pages keep the group they have" in quire.ok("answer", first["number"], "--keep").out
    assert first not in quire.json("questions")
    assert "quire questions" in quire.ok("answer", 99, "x", status=4).err
    anew = quire.ok("reindex", "--model", "pixels:12")
    assert anew.out.startswith("20 pages embedded anew; 20 pages in the library, with pixels:12.")
    assert [line[:2] for line in anew.err.splitlines() if line.startswith("?")] == ["? "] * len(quire.json("questions"))


def test_they_are_answered_through_a_running_service(tmp_path: Path) -> None:
    """The same list and the same answer."""
    quire = _library_with_questions(tmp_path)
    alone = quire.ok("questions").out
    with serving(quire):
        assert quire.ok("questions").out == alone
        lost = next(one for one in quire.json("questions") if one["kind"] == "lost")
        quire.ok("answer", lost["number"], "--cluster", 1)
        assert quire.json("clusters")[1]["group"] == lost["candidates"][0]["group"]


def test_pages_are_named_by_their_path(tmp_path: Path) -> None:
    """As people know them; a path that no page has is refused."""
    quire = Quire(tmp_path / "library", QUIRE_USER="tester")
    quire.ok("index", draw_pages(tmp_path / "scans", each=2), "--model", "pixels")
    assert "2 pages moved" in quire.ok("move", "left/p1.png", "top/p2.png", "--to", "mine").out
    moved = quire.json("pages", "--filter", "group=mine")["pages"]
    assert [page["path"] for page in moved] == ["left/p1.png", "top/p2.png"]
    assert "There is no page left/p9.png" in quire.ok("move", "left/p9.png", "--to", "mine", status=4).err
