"""`quire check`, `backup`, `restore` and `move` as a person runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import Quire, serving
from support.copying import copy_tree
from support.library import draw_pages


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pages in two clusters, one of them named; never changed."""
    place = tmp_path_factory.mktemp("made")
    draw_pages(place / "scans", each=4, kinds=("left", "top"))
    quire = Quire(place / "library")
    quire.ok("index", place / "scans", "--model", "pixels")
    quire.ok("cluster", "-k", "2")
    quire.ok("name", "0", "first")
    return place


@pytest.fixture
def quire(made: Path, tmp_path: Path) -> Quire:
    """A copy of it to work on."""
    return Quire(copy_tree(made / "library", tmp_path / "library"))


def test_damage_has_its_own_status_until_it_is_mended(quire: Quire) -> None:
    """12 with what is wrong and what to do; after the repair 0."""
    assert "no damage" in quire.ok("check").out
    thumbnail = next((quire.library / "thumbnails").rglob("*.webp"))
    thumbnail.unlink()
    ran = quire.ok("check", status=12)
    assert "[thumbnail-missing]" in ran.out
    assert "quire check --repair" in ran.out
    report = quire.json("check", "--repair", "--deep")
    assert [(found["code"], found["is_repaired"]) for found in report["findings"]] == [("thumbnail-missing", True)]
    assert thumbnail.exists()
    assert quire.json("check")["findings"] == []


def test_a_backup_comes_back_elsewhere(quire: Quire, tmp_path: Path) -> None:
    """Written, restored, and the same pages and names there."""
    assert "8 pages" in quire.ok("backup", tmp_path / "b.tar").out
    quire.ok("restore", tmp_path / "b.tar", "--library", tmp_path / "back")
    there = Quire(tmp_path / "back")
    assert there.json("pages")["pages"] == quire.json("pages")["pages"]
    assert "--library" in quire.ok("restore", tmp_path / "b.tar", status=2).err
    assert quire.ok("restore", tmp_path / "b.tar", "--library", tmp_path / "back", status=11).err


def test_while_a_service_holds_the_library(quire: Quire, tmp_path: Path) -> None:
    """The service checks and backs up itself; what takes the library for itself alone is refused with what to do."""
    with serving(quire):
        assert quire.json("check", "--deep")["thumbnails_opened"] == 8
        assert quire.json("backup", tmp_path / "b.tar")["pages"] == 8
        assert "Stop it" in quire.ok("move", "--to", tmp_path / "there", status=8).err
        assert quire.ok("check", "--repair", status=8).err
        assert len(quire.json("pages", "--limit", "1000")["pages"]) == 8
        assert quire.json("export", tmp_path / "out")["pages"] == 8
        assert quire.json("import", tmp_path / "out" / "pages.csv")["moved"] == {}
    quire.ok("restore", tmp_path / "b.tar", "--library", tmp_path / "back")
    assert Quire(tmp_path / "back").json("status")["groups"] == quire.json("status")["groups"]


def test_the_library_moves_only_where_it_is_told_to(quire: Quire, tmp_path: Path) -> None:
    """To a directory with its thumbnails; a word that could be a group's name is no place."""
    assert "./drawings" in quire.ok("move", "--to", "drawings", status=2).err
    assert quire.ok("move", status=2).err
    report = quire.json("move", "--to", tmp_path / "there", "--copy")
    assert (report["points"], report["copied"], report["decisions"]) == (10, 10, 2)
    there = Quire(tmp_path / "there")
    assert there.json("pages")["pages"] == quire.json("pages")["pages"]
    assert there.json("check", "--deep")["findings"] == []


def test_parts_are_chosen_on_the_command_line(quire: Quire) -> None:
    """Three parts see all pages once."""
    assert sum(quire.json("index", "--part", f"{n}/3")["unchanged"] for n in (1, 2, 3)) == 8
    assert "3/16" in quire.ok("index", "--part", "4/3", status=2).err
