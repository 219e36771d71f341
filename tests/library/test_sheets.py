"""Contact sheets: exemplars first, outliers last, of whatever passes; as a picture, A4 pages or one file."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from support.library import draw_pages, settings_in

from indexer.errors import ClusterMissingError, PageMissingError, UsageError
from indexer.filters import parse_filter
from indexer.library import Library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Forty pages of four kinds in four clusters; two of them are one group."""
    place = tmp_path_factory.mktemp("sheets")
    with Library.open(settings_in(place / "library"), create=True) as opened:
        opened.index([draw_pages(place / "scans", each=10)])
        opened.cluster(4)
        opened.name_clusters([0, 1], "two")
        yield opened


def test_a_cluster_goes_from_its_exemplars_to_its_outliers(library: Library) -> None:
    """All of its pages, by their cosine with the centroid."""
    sheet = library.sheet_pages(where=parse_filter(["cluster=0"]))
    wanted = [one.page.page_id for one in library.cluster_pages(0, limit=50).pages]
    assert [one.page.page_id for one in sheet.pages] == wanted
    assert (sheet.title, sheet.total, sheet.outliers) == ("Cluster 0: two", 10, 0)


def test_where_not_all_have_room_both_ends_are_shown(library: Library) -> None:
    """The nearest to the middle, then the farthest, the very farthest last."""
    where = parse_filter(["group=two"])
    every, few = library.sheet_pages(where=where), library.sheet_pages(where=where, limit=7)
    ids = [one.page.page_id for one in every.pages]
    assert [one.page.page_id for one in few.pages] == [*ids[:6], ids[-1]]
    assert (few.title, few.total, few.outliers) == ("Group: two", 20, 1)
    similarities = [one.similarity or 0 for one in few.pages]
    assert similarities == sorted(similarities, reverse=True)


def test_the_middle_is_the_mean_of_the_pages_that_pass(library: Library) -> None:
    """For a filter that is no cluster, the order is that of the cosines with the mean direction."""
    where = parse_filter(["label=left,top"])
    sheet = library.sheet_pages(where=where, limit=50)
    batch = library.collection.retrieve([one.page.page_id for one in sheet.pages], vectors=("page",))
    middle = batch.vectors["page"].mean(axis=0)
    cosines = batch.vectors["page"] @ (middle / np.linalg.norm(middle))
    assert [one.similarity for one in sheet.pages] == pytest.approx(cosines.tolist(), abs=1e-5)
    assert len(sheet.pages) == sheet.total == 20


def test_shelf_order_and_pages_like_one(library: Library) -> None:
    """As they stand on the shelf; or by likeness, within the filter."""
    shelf = library.sheet_pages(where=parse_filter(["label=left"]), order="shelf", limit=4)
    assert [one.page.path for one in shelf.pages] == ["left/p1.png", "left/p2.png", "left/p3.png", "left/p4.png"]
    assert shelf.pages[0].similarity is None
    like = library.sheet_pages(like=shelf.pages[0].page.page_id, where=parse_filter(["label=left"]), limit=3)
    assert {one.page.label for one in like.pages} == {"left"}
    assert like.title == "Pages like left/p1.png"


def test_sheets_are_pictures_a4_pages_and_single_files(library: Library) -> None:
    """A PNG that opens; a PDF of A4 landscape pages that hold all tiles; HTML with every thumbnail and no address outside."""
    where = parse_filter([])
    with Image.open(io.BytesIO(library.contact_sheet("png", where=where, tile_px=60))) as picture:
        assert picture.width > 300
    with pypdfium2.PdfDocument(library.contact_sheet("pdf", where=where, columns=5)) as document:
        assert len(document) == 4
        assert document[0].get_size() == pytest.approx((842, 595), abs=2)
    html = library.contact_sheet("html", where=where, title="A <sheet>").decode()
    assert html.count("data:image/webp") == 40
    assert "A &lt;sheet&gt;" in html
    assert "http" not in html.replace("http-equiv", "")


def test_chosen_pages_come_in_the_order_given(library: Library) -> None:
    """With their similarities where there are some."""
    ids = [page.page_id for page in library.pages(limit=3).pages][::-1]
    html = library.contact_sheet("html", page_ids=ids, similarities=[0.9, 0.8, 0.7]).decode()
    paths = [library.page(page_id).path for page_id in ids]
    assert sorted(paths, key=html.index) == paths
    assert "0.900" in html


def test_what_cannot_be_a_sheet_is_refused(library: Library) -> None:
    """Another kind, too many for a picture, no page that passes, a page or cluster that is not there."""
    with pytest.raises(UsageError, match="'gif'"):
        library.contact_sheet("gif")
    with pytest.raises(UsageError, match="1 to 400"):
        library.contact_sheet("png", limit=401)
    with pytest.raises(PageMissingError, match="nothing for a sheet"):
        library.contact_sheet(where=parse_filter(["label=nothing"]))
    with pytest.raises(PageMissingError):
        library.contact_sheet(page_ids=["0b5f3a4e-7d3c-5a52-9c1e-6d1f2b8f9a10"])
    with pytest.raises((ClusterMissingError, PageMissingError)):
        library.contact_sheet(where=parse_filter(["cluster=99"]))
