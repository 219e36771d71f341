"""Files are found in a person's order, and what is left out is said."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scans import write

from indexer.errors import RootMissingError, UsageError
from indexer.sources import is_candidate, natural_key, scan_files
from indexer.values import ScannedFile, Skip

NOBODY = 65534


def walked(root: Path, under: str = "") -> tuple[list[str], dict[str, str]]:
    """The paths found, and the codes of the skips by path."""
    found = list(scan_files(root, root_name="scans", under=under))
    skips = {item.path: item.code for item in found if isinstance(item, Skip)}
    return [item.path for item in found if isinstance(item, ScannedFile)], skips


def make(root: Path, *paths: str) -> None:
    """Files of one byte at these paths."""
    for path in paths:
        write(root / path, b"x")


def test_numbers_in_names_count_as_numbers(tmp_path: Path) -> None:
    """p9 comes before p10, and 2.jpg before 10.jpg."""
    make(tmp_path, "p10.jpg", "p9.jpg", "P1.jpg", "2.jpg", "10.jpg")
    assert walked(tmp_path)[0] == ["2.jpg", "10.jpg", "P1.jpg", "p9.jpg", "p10.jpg"]


def test_names_that_are_alike_are_ordered_by_their_exact_text(tmp_path: Path) -> None:
    """Case and leading zeros break ties, always in the same way."""
    make(tmp_path, "a1.jpg", "A1.jpg", "a01.jpg")
    assert walked(tmp_path)[0] == ["A1.jpg", "a01.jpg", "a1.jpg"]


def test_files_of_a_folder_stay_together_and_come_before_its_folders(tmp_path: Path) -> None:
    """A sub-folder does not come between two pages of the folder above."""
    make(tmp_path, "b10/1.tif", "b9/inner/1.tif", "b9/2.tif", "z.tif", "a.tif")
    assert walked(tmp_path)[0] == ["a.tif", "z.tif", "b9/2.tif", "b9/inner/1.tif", "b10/1.tif"]


NAMES = st.text(alphabet="ab19Zé0", min_size=1, max_size=5)


@given(st.sets(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=12))
def test_the_walk_is_the_sort_by_natural_key(paths: set[str]) -> None:
    """Whoever sorts paths by `natural_key` gets the order of the walk."""
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{path}.jpg" for path in paths]
        make(Path(folder), *files)
        assert walked(Path(folder))[0] == sorted(files, key=natural_key)


@given(st.lists(st.integers(0, 10**6), unique=True, max_size=10))
def test_numbered_pages_sort_by_their_number(numbers: list[int]) -> None:
    """Whatever the numbers and however long."""
    names = [f"box/p{number}.jpg" for number in numbers]
    assert sorted(names, key=natural_key) == [f"box/p{number}.jpg" for number in sorted(numbers)]


@pytest.mark.parametrize(
    "name", ["a.jpg", "a.JPEG", "a.b.Tif", "a.tiff", "a.PDF", "a.heic", "a.jp2", "a.webp", "a.gif"]
)
def test_suffixes_in_any_case_are_candidates(name: str) -> None:
    """The case of the suffix does not matter."""
    assert is_candidate(name)


@pytest.mark.parametrize("name", ["a.txt", ".jpg", ".a.jpg", "._a.jpg", "jpg", "a.jpg.part", "Thumbs.db", ""])
def test_other_names_are_no_candidates(name: str) -> None:
    """Other suffixes, hidden files and names without a suffix."""
    assert not is_candidate(name)


def test_hidden_and_system_files_are_passed_over_in_silence(tmp_path: Path) -> None:
    """No skip is listed for what nobody means as a page."""
    make(tmp_path, ".hidden/a.jpg", "__MACOSX/a.jpg", "@eaDir/a.jpg", "Thumbs.db", "notes.txt", "._p1.jpg", "p1.jpg")
    assert walked(tmp_path) == (["p1.jpg"], {})


def test_each_file_comes_with_its_size_and_time(tmp_path: Path) -> None:
    """A later run tells by these whether the file has changed."""
    file = write(tmp_path / "a" / "p.jpg", b"12345")
    [found] = scan_files(tmp_path, root_name="scans")
    assert found == ScannedFile("scans", "a/p.jpg", file, 5, file.stat().st_mtime_ns)


def test_empty_files_and_pipes_are_skipped(tmp_path: Path) -> None:
    """And the pipe is not waited for."""
    write(tmp_path / "empty.jpg", b"")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert walked(tmp_path) == ([], {"empty.jpg": "empty", "pipe.jpg": "not-a-file"})


def test_names_that_cannot_be_written_down_are_skipped_with_an_escaped_name(tmp_path: Path) -> None:
    """Bytes that are not UTF-8, and control characters, in names of files and folders."""
    make(tmp_path, *(os.fsdecode(name) for name in (b"bad\xff.jpg", b"line\nbreak.jpg", b"folder\xfe/p.jpg")))
    pages, skips = walked(tmp_path)
    assert pages == []
    assert skips == {r"bad\xff.jpg": "name", r"line\nbreak.jpg": "name", r"folder\xfe": "name"}
    assert all(path.encode("utf-8") for path in skips)


def test_links_that_lead_out_or_nowhere_or_to_pages_are_skipped(tmp_path: Path) -> None:
    """Each is listed, and no page is found twice."""
    root = tmp_path / "root"
    make(root, "p1.jpg")
    write(tmp_path / "outside.jpg", b"x")
    (root / "out.jpg").symlink_to(tmp_path / "outside.jpg")
    (root / "gone.jpg").symlink_to(root / "nothing.jpg")
    (root / "twin.jpg").symlink_to(root / "p1.jpg")
    pages, skips = walked(root)
    assert pages == ["p1.jpg"]
    assert skips == {"out.jpg": "link", "gone.jpg": "link", "twin.jpg": "link"}


def test_a_linked_folder_is_not_walked_so_a_circle_ends(tmp_path: Path) -> None:
    """A link to a folder above is listed once."""
    make(tmp_path, "a/p1.jpg")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert walked(tmp_path) == (["a/p1.jpg"], {"a/loop": "link"})


def test_a_link_into_a_hidden_folder_of_the_root_is_a_page(tmp_path: Path) -> None:
    """As git-annex keeps its files; they are met under no other name."""
    make(tmp_path, ".git/annex/objects/x1.jpg")
    (tmp_path / "p1.jpg").symlink_to(tmp_path / ".git/annex/objects/x1.jpg")
    assert walked(tmp_path) == (["p1.jpg"], {})


def test_a_root_that_is_itself_a_link_is_walked(tmp_path: Path) -> None:
    """Links inside are judged by where the root really is."""
    make(tmp_path / "real", "p1.jpg")
    (tmp_path / "alias").symlink_to(tmp_path / "real", target_is_directory=True)
    assert walked(tmp_path / "alias") == (["p1.jpg"], {})


def test_under_limits_the_walk_and_keeps_paths_relative_to_the_root(tmp_path: Path) -> None:
    """So that ids stay the same."""
    make(tmp_path, "a/b/p1.jpg", "a/p2.jpg", "c/p3.jpg")
    assert walked(tmp_path, under="a/b")[0] == ["a/b/p1.jpg"]
    assert walked(tmp_path, under="./a/")[0] == ["a/p2.jpg", "a/b/p1.jpg"]


@pytest.mark.parametrize("under", ["../x", "a/../../x", "/etc"])
def test_under_must_stay_inside_the_root(tmp_path: Path, under: str) -> None:
    """Neither by dots nor by an absolute path."""
    with pytest.raises(UsageError, match="inside the root"):
        scan_files(tmp_path, root_name="scans", under=under)


def test_a_missing_root_or_sub_folder_is_an_error_at_once(tmp_path: Path) -> None:
    """Not an empty library."""
    with pytest.raises(RootMissingError, match="no folder of scans"):
        scan_files(tmp_path / "gone", root_name="scans")
    with pytest.raises(RootMissingError, match="'box9' in 'scans'"):
        scan_files(tmp_path, root_name="scans", under="box9")


def test_files_and_folders_without_permission_are_skipped() -> None:
    """The walk goes on behind them."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root, "a/p1.jpg", "p2.jpg", "p3.jpg")
        root.chmod(0o755)
        (root / "a").chmod(0)
        (root / "p2.jpg").chmod(0)
        with without_privileges():
            found = walked(root)
        (root / "a").chmod(0o755)
    assert found == (["p3.jpg"], {"p2.jpg": "permission", "a": "permission"})


def test_folders_deeper_than_pythons_recursion_limit_are_walked(tmp_path: Path) -> None:
    """1,100 folders, one in the other."""
    deep = "/".join(["d"] * 1100)
    for level in range(1, 1101):
        (tmp_path / "/".join(["d"] * level)).mkdir()
    make(tmp_path, f"{deep}/p1.jpg")
    try:
        assert walked(tmp_path)[0] == [f"{deep}/p1.jpg"]
    finally:
        _remove_chain(tmp_path, 1100)


def _remove_chain(root: Path, depth: int) -> None:
    """pytest's own cleaning recurses."""
    for level in range(depth, 0, -1):
        folder = root / "/".join(["d"] * level)
        for file in folder.glob("*.jpg"):
            file.unlink()
        folder.rmdir()


@contextmanager
def without_privileges() -> Iterator[None]:
    """The superuser may read everything: step down for the while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
