"""A disk that is full or read-only, and the installed command: it says so and what to do, ends by itself, and harms nothing.

Edge writes through mapped memory, and on a disk that is really full that ends the process; so the disk here is a real one, a small file
system in memory. Where none can be mounted (no root, or a container without that right), what the disk says of itself stands in for it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Quire
from support.library import draw_page, draw_pages, settings_in

from indexer.errors import StoreError
from indexer.library import Library
from indexer.store import edge_shard

_SIZE_MIB = 420


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 420 MiB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE_MIB}m,mode=755", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here; the tests below this one do without")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def made(disk: Path, tmp_path: Path) -> tuple[Quire, Path]:
    """A library on that disk: twelve pages in four clusters, one named; and its scans, which lie elsewhere."""
    scans = draw_pages(tmp_path / "scans", each=3)
    quire = Quire(disk / "library", bare=True)
    quire.ok("index", scans, "--model", "pixels")
    quire.ok("cluster", "-k", "4")
    quire.ok("name", "0", "drawings")
    return quire, scans


def everything(quire: Quire) -> tuple[object, object]:
    """What people see: pages with their groups, and the history."""
    pages = [(page["page_id"], page["group"], page["cluster"]) for page in quire.json("pages")["pages"]]
    return pages, quire.json("history")


def commands(quire: Quire, out: Path) -> dict[str, tuple[object, ...]]:
    """Everything that writes."""
    page = quire.json("pages")["pages"][0]["page_id"]
    return {
        "index": ("index",),
        "reindex": ("reindex", "--model", "pixels:8"),
        "cluster": ("cluster", "-k", "3"),
        "name": ("name", "1", "maps"),
        "move": ("move", page, "--to", "mine"),
        "undo": ("undo",),
        "map": ("map", "--method", "pca"),
        "duplicates": ("duplicates",),
        "documents": ("documents",),
        "backup": ("backup", out / "backup.tar"),
        "export": ("export", out / "out"),
    }


def test_a_full_disk_is_told_and_harms_nothing(made: tuple[Quire, Path], disk: Path) -> None:
    """Not one byte is free: every command that writes leaves with status 7 and names the disk; with room again, all is as it was."""
    quire, scans = made
    before = everything(quire)
    draw_page("left", 99).save(scans / "left/p99.png")
    tried = commands(quire, disk)
    filler = disk / "filler"
    _fill(filler, disk)
    for name, arguments in tried.items():
        ran = quire(*arguments)
        assert ran.status == 7, (name, ran.status, ran.out, ran.err)
        assert "disk" in ran.err, (name, ran.err)
        assert "Traceback" not in ran.err, (name, ran.err)
    filler.unlink()
    assert quire.json("check")["findings"] == []
    assert everything(quire) == before
    assert not (disk / "backup.tar").exists()
    assert quire.json("index")["added"] == 1


def test_a_read_only_disk_is_told_and_harms_nothing(made: tuple[Quire, Path], disk: Path, tmp_path: Path) -> None:
    """Nothing can be opened, as opening writes a lock; the message says that the file system is read-only."""
    quire, _ = made
    before = everything(quire)
    tried = commands(quire, tmp_path)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for name in ("index", "cluster", "name", "backup"):
        ran = quire(*tried[name])
        assert ran.status == 7, (name, ran.status, ran.out, ran.err)
        assert "Read-only file system" in ran.err, (name, ran.err)
        assert "Traceback" not in ran.err, (name, ran.err)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert everything(quire) == before
    assert quire.json("check")["findings"] == []


def test_room_is_asked_for_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills while the library is open: each change is refused with a reason, reading goes on, and nothing is half done."""
    scans = draw_pages(tmp_path / "scans", each=2)
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([scans])
        library.cluster(4)
        before = [(page.page_id, page.cluster) for page in library.pages().pages]
        draw_page("left", 99).save(scans / "left/p99.png")
        with monkeypatch.context() as patch:
            patch.setattr(edge_shard, "ROOM_BYTES", 2**60)
            for change in (
                library.index,
                lambda: library.cluster(3),
                lambda: library.reindex("pixels:8"),
                lambda: library.maps.make_map(method="pca"),
            ):
                with pytest.raises(StoreError, match="nearly full"):
                    change()
            assert [(page.page_id, page.cluster) for page in library.pages().pages] == before
            assert library.similar_to_page(before[0][0], limit=3).pages
        assert library.index().added == 1
    with Library.open(settings_in(tmp_path / "library", model=None)) as library:
        assert library.check().is_clean


def _fill(filler: Path, disk: Path) -> None:
    found = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize)
    assert os.statvfs(disk).f_bavail == 0
