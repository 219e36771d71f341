"""The map and the wall: places that are kept, and pages that all hang."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.library import draw_page, draw_pages, settings_in

from indexer.errors import ConflictError, MapMissingError, NotFoundError, PageMissingError, UsageError
from indexer.filters import parse_filter
from indexer.library import Library
from indexer.library.maps import MapData
from indexer.output.tiles import count_levels


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library, closed: forty pages of four kinds, in four clusters, on a map of their principal components."""
    place = tmp_path_factory.mktemp("made")
    scans = draw_pages(place / "scans", each=10)
    with Library.open(settings_in(place / "library"), create=True) as library:
        library.index([scans])
        library.cluster(4)
        library.maps.make_map(method="pca")
    return place / "library"


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Iterator[Library]:
    """A copy of it, open."""
    shutil.copytree(made, tmp_path / "library")
    with Library.open(settings_in(tmp_path / "library")) as library:
        yield library


@pytest.fixture
def growing(made: Path, tmp_path: Path) -> Iterator[Library]:
    """Another with scans of its own in `tmp_path`, to which some may come."""
    scans = draw_pages(tmp_path / "scans", each=4)
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([scans])
        library.maps.make_map(method="pca")
        yield library


def kinds(library: Library, ids: list[str]) -> list[str | None]:
    """The label of each page."""
    labels = {page.page_id: page.label for page in library.pages(limit=1000).pages}
    return [labels[page_id] for page_id in ids]


def count_kin(data: MapData, labels: list[str | None]) -> float:
    """How often the nearest page on the map is of the same kind."""
    apart = ((data.xyz[:, None] - data.xyz) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argmin(axis=1)
    return float(np.mean([labels[one] == labels[other] for one, other in enumerate(nearest)]))


def test_there_is_no_map_before_one_is_made(tmp_path: Path) -> None:
    """An empty library says so, and so does one without a map."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        with pytest.raises(MapMissingError, match="quire map"):
            library.maps.read_map()
        with pytest.raises(PageMissingError):
            library.maps.make_map(method="pca")
        library.index([draw_pages(tmp_path / "scans", each=1)])
        with pytest.raises(MapMissingError, match="quire map"):
            library.maps.make_wall()


def test_pages_that_look_alike_lie_side_by_side(library: Library) -> None:
    """The nearest page on the map is of the same kind, and places come in shelf order."""
    data = library.maps.read_map()
    assert data.ids == [page.page_id for page in library.pages(limit=1000).pages]
    assert data.xyz.dtype == np.float32
    assert np.isfinite(data.xyz).all()
    assert count_kin(data, kinds(library, data.ids)) == 1.0


def test_places_are_fields_of_the_pages(library: Library) -> None:
    """`x` and `y` can be filtered on and are what the map says."""
    data = library.maps.read_map()
    page = library.page(data.ids[7])
    assert (page.x, page.y) == pytest.approx(tuple(data.xyz[7].tolist()))  # Qdrant's JSON may cost the last digit
    beyond = library.pages(where=parse_filter(["x>=0"]), limit=1000)
    assert beyond.total == int((data.xyz[:, 0] >= 0).sum())


def test_the_same_seed_makes_the_same_map(library: Library) -> None:
    """t-SNE twice, with everything else made anew."""
    places = []
    for seed in (1, 1):
        report = library.maps.make_map(method="tsne", seed=seed)
        assert (report.pages, report.sampled, report.seed) == (40, 40, seed)
        places.append(library.maps.read_map().xyz)
    assert np.array_equal(places[0], places[1])


def test_a_map_outlives_clusters_names_and_the_process(library: Library, tmp_path: Path) -> None:
    """Nothing that clustering or naming writes moves a page."""
    before = library.maps.read_map()
    library.name_clusters([0], "drawings")
    library.cluster(3, seed=5)
    assert np.array_equal(library.maps.read_map().xyz, before.xyz)
    library.close()
    with Library.open(settings_in(tmp_path / "library")) as again:
        assert np.array_equal(again.maps.read_map().xyz, before.xyz)
        assert again.maps.describe() == before.info


def test_after_a_reindex_the_map_is_there_and_says_that_it_is_older(library: Library) -> None:
    """Places are kept; new pages can't be put among vectors that are gone; a new map is of the new model."""
    before = library.maps.read_map()
    library.reindex("classic")
    after = library.maps.read_map()
    assert np.array_equal(after.xyz, before.xyz)
    assert (before.info.is_older, after.info.is_older, after.info.model) == (False, True, "pixels")
    with pytest.raises(ConflictError, match="another model"):
        library.maps.place_new_pages()
    library.maps.make_map(method="pca")
    assert (library.maps.describe().is_older, library.maps.describe().model) == (False, "classic")


def test_new_pages_have_no_place_until_they_are_given_one(growing: Library, tmp_path: Path) -> None:
    """A page that came later is NaN on the map; placed, it lies among its kind, and all others stay."""
    library = growing
    draw_page("top", 77).save(tmp_path / "scans" / "top" / "p0.png")
    library.index()
    data = library.maps.read_map()
    new = np.flatnonzero(np.isnan(data.xyz).any(axis=1))
    assert (len(data.ids), len(new)) == (17, 1)
    assert library.maps.place_new_pages().pages == 1
    placed = library.maps.read_map()
    old = np.delete(np.arange(17), new)
    assert np.array_equal(placed.xyz[old], data.xyz[old])
    assert count_kin(placed, kinds(library, placed.ids)) == 1.0
    assert library.page(placed.ids[new[0]]).x == placed.xyz[new[0], 0]
    assert library.maps.place_new_pages().pages == 0


def test_three_dimensions_and_back(library: Library) -> None:
    """A map may have depth; the next one without leaves none behind."""
    library.maps.make_map(method="pca", dims=3)
    assert library.maps.read_map().xyz.shape == (40, 3)
    page_id = library.maps.read_map().ids[0]
    assert "z" in library.collection.retrieve([page_id]).payloads[0]
    assert library.maps.make_wall().info.pages == 40
    library.maps.make_map(method="pca", dims=2)
    assert library.maps.read_map().xyz.shape == (40, 2)
    assert "z" not in library.collection.retrieve([page_id]).payloads[0]


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_pages_outside_the_sample_are_placed_among_it(
    library: Library, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Of forty pages twenty-four are laid out; the others land beside pages of their kind."""
    monkeypatch.setattr("indexer.library.maps.SMALLEST_SAMPLE", 10)
    report = library.maps.make_map(method=method, sample=24)  # type: ignore[arg-type]
    assert (report.pages, report.sampled) == (40, 24)
    data = library.maps.read_map()
    assert np.isfinite(data.xyz).all()
    assert count_kin(data, kinds(library, data.ids)) == 1.0


def test_a_sample_that_is_too_small_is_refused(library: Library) -> None:
    """Nothing can be placed among a handful of pages; the map that is there stays."""
    before = library.maps.describe()
    with pytest.raises(UsageError, match="1000"):
        library.maps.make_map(sample=12)
    assert library.maps.describe() == before


def test_a_map_that_is_stopped_leaves_the_one_before(library: Library) -> None:
    """A sink that raises ends the work; the map, its file and the pages are as they were."""
    before = library.maps.read_map()

    def stop(event: object) -> None:
        if getattr(event, "stage", "") == "laying out":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.maps.make_map(method="pca", dims=3, progress=stop)
    after = library.maps.read_map()
    assert after.info == before.info
    assert np.array_equal(after.xyz, before.xyz)


def test_a_map_whose_writing_was_interrupted_is_finished_on_opening(library: Library, tmp_path: Path) -> None:
    """The map is true once its document is; what was left of the pages' copies is written when the library is opened."""

    def stop(event: object) -> None:
        if getattr(event, "stage", "") == "writing places":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.maps.make_map(method="pca", dims=3, progress=stop)
    made = library.maps.read_map()
    assert made.info.dims == 3
    assert "z" not in library.collection.retrieve([made.ids[0]]).payloads[0]
    library.close()
    with Library.open(settings_in(tmp_path / "library")) as again:
        assert again.collection.retrieve([made.ids[0]]).payloads[0]["z"] == made.xyz[0, 2]


def test_without_the_file_the_map_is_read_from_the_pages(library: Library, tmp_path: Path) -> None:
    """Another machine on the same Qdrant server has no file; it sees the same places."""
    before = library.maps.read_map()
    library.close()
    for file in (tmp_path / "library" / "maps").glob("*.npz"):
        file.unlink()
    with Library.open(settings_in(tmp_path / "library")) as again:
        assert np.array_equal(again.maps.read_map().xyz, before.xyz)


def test_colours_are_numbers_into_names(library: Library) -> None:
    """Every page's label and cluster can be read back; groups are those of now; none is none."""
    ids = library.maps.read_map().ids
    labels = library.maps.colours("label")
    assert [labels.names[value] for value in labels.values] == kinds(library, ids)
    assert labels.counts == [10] * 4
    assert len(set(labels.colours)) == 4
    assert library.maps.colours("cluster").names == ["0", "1", "2", "3"]
    assert set(library.maps.colours("group").values.tolist()) == {65_535}
    library.name_clusters([2], "drawings")
    groups = library.maps.colours("group")
    assert (groups.names, groups.counts) == (["drawings"], [10])
    for wrong in ("sha256", "metadata.", "metadata"):
        with pytest.raises(UsageError, match="coloured by"):
            library.maps.colours(wrong)


def test_metadata_colours_are_in_order_of_their_numbers(growing: Library, tmp_path: Path) -> None:
    """Years come as years do, whatever most pages have."""
    rows = ["left/p1.png,1936", "left/p2.png,1936", "left/p3.png,1999", "left/p4.png,208"]
    table = tmp_path / "years.csv"
    table.write_text("\n".join(["path,year", *rows]))
    growing.index([tmp_path / "scans"], metadata=table)
    years = growing.maps.colours("metadata.year")
    assert (years.names, years.counts) == (["208", "1936", "1999"], [1, 2, 1])


def test_every_page_hangs_once(library: Library) -> None:
    """On the wall of the map, kinds hang together; on that of the shelf, pages hang in its order."""
    wall = library.maps.make_wall()
    assert (wall.info.columns, wall.info.rows, wall.info.pages) == (8, 5, 40)
    assert sorted(wall.ids) == sorted(library.maps.read_map().ids)
    labels = np.array(kinds(library, wall.ids)).reshape(5, 8)
    assert (labels[:, 1:] == labels[:, :-1]).mean() + (labels[1:] == labels[:-1]).mean() > 1.4
    assert library.maps.make_wall(source="shelf").ids == library.maps.read_map().ids
    assert library.maps.make_wall(columns=100).info.columns == 40


def test_the_wall_is_the_same_way_up_as_the_map(library: Library) -> None:
    """What lies high on the map hangs high; what lies left hangs left."""
    data, wall = library.maps.read_map(), library.maps.make_wall()
    places = dict(zip(data.ids, data.xyz, strict=True))
    on_map = np.array([places[page_id] for page_id in wall.ids])
    cells = np.arange(40)
    assert np.corrcoef(on_map[:, 0], cells % 8)[0, 1] > 0.5
    assert np.corrcoef(on_map[:, 1], cells // 8)[0, 1] < -0.5


def test_pages_without_a_place_hang_at_the_end(growing: Library, tmp_path: Path) -> None:
    """The wall has every page, those that came after the map last."""
    for number in (98, 99):
        draw_page("top", number).save(tmp_path / "scans" / "top" / f"p{number}.png")
    growing.index()
    paths = [growing.page(page_id).path for page_id in growing.maps.make_wall().ids]
    assert (len(paths), paths[-2:]) == (18, ["top/p98.png", "top/p99.png"])


def test_a_wall_of_some_pages(library: Library) -> None:
    """A filter leaves the others away; where none passes, the wall is empty."""
    wall = library.maps.make_wall(where=parse_filter(["label=left"]), columns=3)
    assert (wall.info.rows, set(kinds(library, wall.ids))) == (4, {"left"})
    assert wall.page_at(0, 3) == wall.ids[9]
    assert wall.cells(0, 2, 2, 4) == [wall.ids[6], wall.ids[7], wall.ids[9], None]
    with pytest.raises(PageMissingError, match="3 × 4"):
        wall.page_at(1, 3)
    with pytest.raises(UsageError, match="10000"):
        wall.cells(0, 0, 200, 200)
    assert library.maps.make_wall(where=parse_filter(["label=nothing"])).info.pages == 0


def test_a_wall_of_a_group_follows_what_is_decided(library: Library) -> None:
    """The same filter again, after a name was given and taken back."""
    drawings = parse_filter(["group=drawings"])
    sizes = [library.maps.make_wall(where=drawings).info.pages]
    library.name_clusters([1], "drawings")
    sizes.append(library.maps.make_wall(where=drawings).info.pages)
    library.undo()
    sizes.append(library.maps.make_wall(where=drawings).info.pages)
    assert sizes == [0, 10, 0]


def test_tiles_show_the_pages_of_their_cells(library: Library) -> None:
    """In the deepest level the tile of the first cells is dark where their pages are."""
    walls, wall = library.maps.walls, library.maps.make_wall(source="shelf")
    deepest = count_levels(wall.info.columns, wall.info.rows) - 1
    spec = walls.plan(wall, level=deepest, column=0, row=0)
    tile = Image.open(io.BytesIO(walls.draw(spec)))
    assert (tile.format, tile.size) == ("WEBP", (256, 256))
    assert kinds(library, [wall.ids[0]]) == ["bottom"]
    bright, dark = np.asarray(tile.convert("L"))[[40, 88], 64]
    assert bright > 150 > 120 > dark
    with pytest.raises(NotFoundError, match="no tile"):
        walls.plan(wall, level=deepest, column=99, row=0)
    with pytest.raises(NotFoundError, match="no tile"):
        walls.plan(wall, level=deepest + 1, column=0, row=0)


def test_a_tile_is_drawn_anew_only_when_it_changed(library: Library) -> None:
    """A name given changes a tile coloured by group and no other; a new thumbnail changes the tile it is on."""
    walls, wall = library.maps.walls, library.maps.make_wall(source="shelf")
    plain = walls.plan(wall, level=0, column=0, row=0).key
    coloured = walls.plan(wall, level=0, column=0, row=0, by="group").key
    library.name_clusters([0], "drawings")
    assert library.maps.make_wall(source="shelf").info.version == wall.info.version
    assert walls.plan(wall, level=0, column=0, row=0).key == plain
    assert walls.plan(wall, level=0, column=0, row=0, by="group").key != coloured
    library.thumbnails.delete(wall.ids[0])
    assert walls.plan(wall, level=0, column=0, row=0).key != plain
    assert Image.open(io.BytesIO(walls.draw(walls.plan(wall, level=2, column=0, row=0)))).size == (256, 256)
