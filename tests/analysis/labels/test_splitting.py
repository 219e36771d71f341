"""Who stays together, folds and splits: nothing leaks, every label is everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.analysis.labels import (
    FOLDS,
    TEST,
    TRAIN,
    VALIDATION,
    PagePlace,
    count_groups,
    find_rare,
    group_pages,
    make_folds,
    split_pages,
)
from indexer.analysis.labels.grouping import series_of
from indexer.errors import UsageError
from indexer.values import Labels


def _labels(*values: int) -> Labels:
    return np.array(values, dtype=np.int32)


def _place(path: str, document: str | None = None) -> PagePlace:
    *folders, name = path.split("/")
    return PagePlace("scans", tuple(folders), name, document)


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("letter_p003.jpg", "letter_p"),
        ("dr-cham-3.jpg", "dr-cham-"),
        ("tree.jpg", "tree"),
        ("0007.tif", ""),
        ("a12b.png", "a"),
    ],
)
def test_a_series_is_the_name_without_its_last_number(name: str, series: str) -> None:
    """And without what follows that number."""
    assert series_of(name) == series


def test_notebooks_are_kept_whole_where_there_are_enough() -> None:
    """Six notebooks with art and notes in each: the notebook decides, and both of its labels lie in one group."""
    places = [_place(f"sb{book}/{kind}/p{n}.jpg") for book in range(6) for kind in ("art", "notes") for n in range(3)]
    labels = np.array([kind for _ in range(6) for kind in (0, 1) for _ in range(3)], dtype=np.int32)
    found = group_pages(places, labels)
    assert (found.by, found.count) == ("notebook", 6)
    assert found.groups.tolist() == np.repeat(np.arange(6), 6).tolist()


def test_folders_are_kept_whole_where_the_first_folder_is_the_label() -> None:
    """`art/sb1`, `art/sb2` …: the first folder would put a whole label on one side, so the next finer rule is taken."""
    places = [_place(f"{kind}/sb{book}/p{n}.jpg") for kind in ("art", "notes") for book in range(5) for n in range(2)]
    labels = np.repeat([0, 1], 10).astype(np.int32)
    found = group_pages(places, labels)
    assert (found.by, found.count) == ("folder", 10)


def test_one_long_series_is_cut_into_runs_of_neighbours() -> None:
    """Twenty pages in one folder become ten runs of two that follow each other; a multi-page file is never cut."""
    places = [_place(f"art/p{n}.jpg") for n in range(20)] + [_place(f"notes/p{n}.jpg") for n in range(20)]
    found = group_pages(places, np.repeat([0, 1], 20).astype(np.int32))
    assert found.by == "series"
    assert found.groups.tolist() == np.repeat(np.arange(20), 2).tolist()
    one_file = [_place("art/all.pdf")] * 20
    assert group_pages(one_file, np.zeros(20, dtype=np.int32), by="series").count == 1


def test_near_copies_pages_of_a_file_and_of_a_document_stay_together() -> None:
    """Whatever the rule: joined pairs chain, and a document holds its pages where documents are asked for."""
    places = [_place("a/1.jpg", "d"), _place("a/2.jpg", "d"), _place("a/3.jpg"), _place("b/4.pdf"), _place("b/4.pdf")]
    labels = _labels(0, 0, 0, 1, 1)
    assert group_pages(places, labels, by="file").groups.tolist() == [0, 1, 2, 3, 3]
    assert group_pages(places, labels, by="document").groups.tolist() == [0, 0, 1, 2, 2]
    assert group_pages(places, labels, by="file", joined=[(0, 2), (2, 4)]).groups.tolist() == [0, 1, 0, 0, 0]


@st.composite
def _labelled_groups(draw: st.DrawFn) -> tuple[Labels, Labels]:
    """Pages of two to four labels in groups of all sizes, some with several labels."""
    kinds = draw(st.integers(2, 4))
    groups = draw(st.integers(3 * kinds, 40))
    size = st.integers(1, 6)
    rows = [(group, group % kinds) for group in range(groups) for _ in range(draw(size))]
    rows += draw(st.lists(st.tuples(st.integers(0, groups - 1), st.integers(0, kinds - 1)), max_size=20))
    return _labels(*(label for _, label in rows)), _labels(*(group for group, _ in rows))


@settings(deadline=None, max_examples=60)
@given(_labelled_groups(), st.integers(0, 3))
def test_no_group_is_on_two_sides(case: tuple[Labels, Labels], seed: int) -> None:
    """Neither of folds nor of a split; every page is somewhere; the same seed gives the same."""
    labels, groups = case
    folds = make_folds(labels, groups, seed=seed)
    parts = split_pages(labels, groups, seed=seed).parts
    for sides in (folds, parts):
        pairs = {(int(group), int(side)) for group, side in zip(groups, sides, strict=True)}
        assert len(pairs) == len(np.unique(groups))
    assert set(folds.tolist()) <= set(range(FOLDS))
    assert set(parts.tolist()) <= {TRAIN, VALIDATION, TEST}
    assert np.array_equal(parts, split_pages(labels, groups, seed=seed).parts)


def test_every_label_is_in_every_part_though_it_is_rare() -> None:
    """100 pages of one label, 60 of another, three single pages of a third: one of these in each part, and fifths of the others."""
    labels = np.repeat([0, 1, 2], [100, 60, 3]).astype(np.int32)
    groups = np.arange(len(labels), dtype=np.int32)
    split = split_pages(labels, groups)
    table = np.array([[np.sum(labels[split.rows(part)] == label) for label in range(3)] for part in range(3)])
    assert (table[:, 2] >= 1).all()
    assert (np.abs(table[:, 0] - [60, 20, 20]) <= 2).all()
    assert (np.abs(table[:, 1] - [36, 12, 12]) <= 2).all()


def test_labels_in_too_few_groups_are_found_and_refused() -> None:
    """Five pages in two groups can't be in three parts; one label alone is nothing to tell apart."""
    labels, groups = _labels(0, 0, 0, 0, 1, 1, 1, 1, 1), _labels(0, 1, 2, 3, 4, 4, 4, 5, 5)
    assert count_groups(groups, labels, 2).tolist() == [4, 2]
    assert find_rare(labels, groups, 2).tolist() == [1]
    with pytest.raises(UsageError, match="fewer than 3 groups"):
        make_folds(labels, groups)
    with pytest.raises(UsageError, match="one label only"):
        make_folds(_labels(0, 0, 0), _labels(0, 1, 2))
