"""Class balance: pages by label, group and notebook, agreement, and pages among the wrong neighbours."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from support.library import draw_page, draw_pages, settings_in

from indexer.errors import UsageError
from indexer.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Four kinds of ten pages in four clusters; one page of the kind `left` was filed under `top`."""
    scans = draw_pages(tmp_path / "scans", each=10)
    draw_page("left", 500).save(scans / "top" / "stray.png")
    with Library.open(settings_in(tmp_path / "library"), create=True) as opened:
        opened.index([scans])
        opened.cluster(4)
        yield opened


def test_pages_are_counted_by_label_group_and_notebook(library: Library) -> None:
    """Most first, ties by name, pages without a value last; the notebook is the first folder."""
    library.name_clusters([0], "drawings")
    report = library.balance.report()
    assert [(one.value, one.pages) for one in report.shares["label"]] == [
        ("top", 11),
        ("bottom", 10),
        ("left", 10),
        ("right", 10),
    ]
    size = library.clusters()[0].size
    assert [(one.value, one.pages) for one in report.shares["group"]] == [("drawings", size), (None, 41 - size)]
    assert [one.value for one in report.shares["notebook"]] == [one.value for one in report.shares["label"]]
    assert sum(one.share for one in report.shares["label"]) == pytest.approx(1)


def test_labels_and_clusters_agree_but_for_one_page(library: Library) -> None:
    """The table has every page once; the stray is the one beside the diagonal."""
    table = library.balance.report().table
    assert (table.by, table.against, table.pages) == ("label", "cluster", 41)
    assert sum(map(sum, table.counts)) == 41
    assert sorted(count for row in table.counts for count in row if count) == [1, 10, 10, 10, 10]
    assert table.purity == pytest.approx(40 / 41)
    assert 0.9 < table.ari < 1
    library.name_clusters([0, 1], "two")
    against = library.balance.report(by="group", against="notebook").table
    assert against.rows == ["two"]
    assert against.pages == sum(one.size for one in library.clusters()[:2])


def test_a_page_among_the_wrong_neighbours_is_listed(library: Library) -> None:
    """With its label and theirs; nothing when all must agree on more than they do, and by group as well."""
    found = library.balance.misplaced()
    assert [(one.page.path, one.value, one.around, one.share) for one in found.pages] == [
        ("top/stray.png", "top", "left", 1.0)
    ]
    assert (found.total, found.examined) == (1, 41)
    assert library.balance.misplaced(offset=1).pages == []
    library.move_pages([found.pages[0].page.page_id], "mine")
    library.name_clusters([0, 1, 2, 3], "others")
    by_group = library.balance.misplaced(by="group")
    assert [(one.value, one.around) for one in by_group.pages] == [("mine", "others")]


def test_large_libraries_are_looked_at_in_part(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the store is asked about pages evenly along the shelf; what it finds is the same."""
    monkeypatch.setattr("indexer.library.balance.EXAMINED_MOST", 40)
    found = library.balance.misplaced()
    assert found.examined == 40
    assert [one.page.path for one in found.pages] == ["top/stray.png"]


def test_it_is_drawn(library: Library) -> None:
    """A picture that opens."""
    with Image.open(io.BytesIO(library.balance.picture())) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000


def test_what_cannot_be_compared_is_refused(library: Library) -> None:
    """A field that no page is coloured by, the same twice, numbers out of range."""
    with pytest.raises(UsageError, match="'colour'"):
        library.balance.report(by="colour")
    with pytest.raises(UsageError, match="itself"):
        library.balance.report(by="label", against="label")
    with pytest.raises(UsageError, match="min_share"):
        library.balance.misplaced(min_share=0.5)


def test_an_empty_library_has_no_balance(tmp_path: Path) -> None:
    """And says so with empty tables."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        assert library.balance.report().table.pages == 0
        assert library.balance.misplaced().pages == []
