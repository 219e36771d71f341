"""Colour against content: weighed in when asking, joined by blur levels when embedding, and on the map."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.library import settings_in

from indexer.errors import ConflictError, UsageError
from indexer.filters import parse_filter
from indexer.library import Library, Upload
from indexer.library.weighing import find_weighed

INKS = {"red": (190, 40, 40), "blue": (40, 60, 190), "green": (30, 140, 60), "brown": (110, 80, 50)}
SHAPES = {"left": np.s_[:, :40], "top": np.s_[:40, :], "corner": np.s_[60:, 60:], "band": np.s_[35:65, :]}


def draw(shape: str, ink: str, seed: int = 0) -> Image.Image:
    """A shape in an ink on paper, with a little speckle."""
    rng = np.random.default_rng([list(SHAPES).index(shape), list(INKS).index(ink), seed])
    paper = np.full((100, 100, 3), 235.0) + rng.normal(0, 4, (100, 100, 3))
    paper[SHAPES[shape]] = INKS[ink]
    return Image.fromarray(np.clip(paper, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every shape in every ink, three times."""
    root = tmp_path_factory.mktemp("colours") / "scans"
    for shape, ink, number in product(SHAPES, INKS, range(3)):
        (root / shape).mkdir(parents=True, exist_ok=True)
        draw(shape, ink, number).save(root / shape / f"{ink}-{number}.png")
    return root


@pytest.fixture
def library(scans: Path, tmp_path: Path) -> Iterator[Library]:
    """Compared by strokes and layout, with colour vectors beside."""
    with Library.open(settings_in(tmp_path / "library", model="classic"), create=True) as opened:
        opened.index([scans], views=["colour"])
        yield opened


def upload(shape: str, ink: str) -> Upload:
    """A page never seen before."""
    buffer = io.BytesIO()
    draw(shape, ink, 99).save(buffer, "PNG")
    return Upload("new.png", buffer.getvalue())


def alike(library: Library, colour: float, limit: int = 3) -> list[str]:
    """Paths of the pages most alike to a new red band."""
    found = library.similar([upload("band", "red")], limit=limit, colour=colour).pages[0].pages
    return [one.page.path for one in found]


def test_the_more_colour_counts_the_more_pages_of_that_colour_come(library: Library) -> None:
    """Among twelve, more are red the more colours count; a similarity is the weighed mean of both cosines."""
    assert all(path.startswith("band/red") for path in alike(library, 0.5))
    reds = [sum("/red" in path for path in alike(library, share, limit=12)) for share in (0, 0.5, 1)]
    assert reds == sorted(reds)
    assert reds[0] < 6 < reds[2]
    plain = {one.page.path: one.similarity for one in library.similar([upload("band", "red")], limit=48).pages[0].pages}
    colours = {
        one.page.path: one.similarity
        for one in library.similar([upload("band", "red")], limit=48, colour=1).pages[0].pages
    }
    for one in library.similar([upload("band", "red")], limit=5, colour=0.3).pages[0].pages:
        assert one.similarity == pytest.approx(0.7 * plain[one.page.path] + 0.3 * colours[one.page.path], abs=1e-4)


def test_the_answer_is_that_of_comparing_every_page(library: Library) -> None:
    """Going down two lists until nothing further can come before what was found, with and without a filter."""
    every = library.collection.retrieve(library.shelf().ids, vectors=("page", "colour"))
    rng = np.random.default_rng(0)
    for share, where in product((0.1, 0.5, 0.9), (parse_filter([]), parse_filter(["label=top,left"]))):
        page, colour = (every.vectors[name][rng.integers(len(every))] for name in ("page", "colour"))
        both = (1 - share) * every.vectors["page"] @ page + share * every.vectors["colour"] @ colour
        passing = [i for i, payload in enumerate(every.payloads) if not where or payload["label"] in ("top", "left")]
        best = sorted(passing, key=lambda i: (-both[i], every.ids[i]))[:4]
        hits = find_weighed(library.collection, page, colour, share=share, limit=4, where=where)
        assert [hit.similarity for hit in hits] == pytest.approx([both[i] for i in best], abs=1e-4)


def test_lists_are_gone_down_as_far_as_it_takes(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begun with two pages of each list, the answer is still the right one."""
    monkeypatch.setattr("indexer.library.weighing._FIRST", 2)
    every = library.collection.retrieve(library.shelf().ids, vectors=("page", "colour"))
    page, colour = every.vectors["page"][0], every.vectors["colour"][40]
    both = 0.5 * every.vectors["page"] @ page + 0.5 * every.vectors["colour"] @ colour
    hits = find_weighed(library.collection, page, colour, share=0.5, limit=1, where=parse_filter([]))
    assert hits[0].similarity == pytest.approx(both.max(), abs=1e-4)


def test_a_page_of_the_library_is_asked_about_the_same_way(library: Library) -> None:
    """Without itself."""
    page = library.pages(where=parse_filter(["path=band/red-0.png"])).pages[0]
    found = library.similar_to_page(page.page_id, limit=8, colour=1).pages
    assert sum("/red" in one.page.path for one in found) > 4
    assert page.page_id not in {one.page.page_id for one in found}


def test_without_colour_vectors_the_library_says_how_to_make_them(scans: Path, tmp_path: Path) -> None:
    """And a weight out of range is refused."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([scans], views=["head"], limit=4)
        with pytest.raises(ConflictError, match="--views head,colour"):
            library.similar([upload("band", "red")], colour=0.3)
        with pytest.raises(ConflictError, match="no colour vectors"):
            library.maps.make_map(method="pca", colour=0.3)
        with pytest.raises(UsageError, match="0 \\(content alone\\)"):
            library.similar([upload("band", "red")], colour=1.5)
        library.reindex(views=["colour"])
        assert library.status().views == ["colour"]
        assert library.similar([upload("band", "red")], colour=0.3).pages[0].pages


def test_colours_count_on_the_map(library: Library) -> None:
    """By colour alone, pages of one ink lie together whatever their shape; new pages are placed by the same measure."""
    library.maps.make_map(method="pca", colour=1)
    data = library.maps.read_map()
    assert data.info.colour == 1
    inks = np.array([library.page(page_id).path.split("/")[1][:3] for page_id in data.ids])
    apart = np.linalg.norm(data.xyz[:, None] - data.xyz[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert np.mean(inks[apart.argmin(axis=1)] == inks) > 0.95


def test_a_blur_mix_is_recorded_kept_and_changed(scans: Path, tmp_path: Path) -> None:
    """Made with the library, known at the next run, kept when the model changes, left off by 0; another one is refused."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([scans], blur_mix=[0, 8], weights=[1, 3], limit=10)
        recorded = library.manifest.model
        assert recorded is not None
        assert recorded.blur_mix == "0:0.25,8:0.75"
        with pytest.raises(ConflictError, match="blur mix"):
            library.index(blur_mix=[0, 4])
        assert library.index(blur_mix=[0, 8], weights=[1, 3]).added == 38
        settings = library.settings
    with Library.open(settings) as again:
        assert again.index().unchanged == 48
        assert again.similar([upload("band", "red")], limit=1).pages[0].pages[0].page.path.startswith("band/")
        again.reindex("pixels:20")
        assert again.manifest.model is not None
        assert (again.manifest.model.name, again.manifest.model.blur_mix) == ("pixels:20", "0:0.25,8:0.75")
        again.reindex(weights=[1, 1])
        assert again.manifest.model.blur_mix == "0:0.5,8:0.5"
        again.reindex(blur_mix=[0])
        assert again.manifest.model.blur_mix == ""
        with pytest.raises(UsageError, match="which"):
            again.reindex(weights=[1, 1])


def test_a_blur_mix_brings_pages_of_one_colour_closer(scans: Path, tmp_path: Path) -> None:
    """With blurred levels, pages of one ink gain on pages of one shape."""
    gains = []
    for number, mix in enumerate(([0], [0, 40])):
        with Library.open(settings_in(tmp_path / str(number), model="classic"), create=True) as library:
            library.index([scans], blur_mix=mix, weights=[1] if len(mix) == 1 else [1, 4])
            pages = library.collection.retrieve(library.shelf().ids, vectors=("page",))
            paths = [str(payload["path"]) for payload in pages.payloads]
            vectors = pages.vectors["page"]
            (here,) = (i for i, path in enumerate(paths) if path == "band/red-0.png")
            same_ink = [i for i, path in enumerate(paths) if "/red" in path and not path.startswith("band")]
            same_shape = [i for i, path in enumerate(paths) if path.startswith("band") and "/red" not in path]
            gains.append(
                float(np.mean(vectors[same_ink] @ vectors[here]) - np.mean(vectors[same_shape] @ vectors[here]))
            )
    assert gains[1] > gains[0]
