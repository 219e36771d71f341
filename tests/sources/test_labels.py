"""Folders give labels, and paths give ids."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import UsageError
from indexer.sources import folders_of, label_from, page_id

FOLDERS = st.lists(st.text(alphabet="abc1 ", min_size=1), max_size=5)


def test_folders_are_named_from_the_outside_in() -> None:
    """The file itself is none."""
    assert folders_of("sb48/art/p072.jpg") == ("sb48", "art")
    assert folders_of("p072.jpg") == ()


@given(FOLDERS)
def test_a_number_counts_folders_from_the_root_and_parent_is_the_last(folders: list[str]) -> None:
    """Deeper than the page lies, there is no label."""
    for depth in range(1, 7):
        assert label_from(folders, str(depth)) == (folders[depth - 1] if depth <= len(folders) else None)
    assert label_from(folders, "parent") == (folders[-1] if folders else None)
    assert label_from(folders, "none") is None


def test_labels_are_composed_unicode() -> None:
    """So that what a person types is found."""
    assert label_from(["e\u0301tudes"], "parent") == "\u00e9tudes"


@pytest.mark.parametrize("how", ["0", "-1", "", "first", "1.5", "²", "9" * 5000, "Parent"])
def test_any_other_way_to_label_is_refused(how: str) -> None:
    """With the ways that there are."""
    with pytest.raises(UsageError, match="'parent'"):
        label_from(["a"], how)


def test_page_ids_never_change() -> None:
    """This value is in libraries: whoever changes it orphans their names and decisions."""
    assert page_id("box1/0001.tif", 1) == "7bf345a4-1667-5515-9450-1fd00d7ce0a4"
    assert UUID(page_id("box1/0001.tif", 1)).version == 5


def test_equal_names_in_two_folders_pages_or_roots_are_different_pages() -> None:
    """Path, page number and prefix all count."""
    ids = {
        page_id("box1/0001.tif", 1),
        page_id("box2/0001.tif", 1),
        page_id("box1/0001.tif", 2),
        page_id("box1/0001.tif", 1, prefix="loft:"),
    }
    assert len(ids) == 4
