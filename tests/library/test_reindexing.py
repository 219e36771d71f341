"""A new model: beside the old one, then switched at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.library import KINDS, draw_pages, settings_in

from indexer.errors import ConflictError
from indexer.filters import parse_filter
from indexer.library import Library
from indexer.progress import Progress


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Twenty-four named pages of four kinds."""
    scans = draw_pages(tmp_path / "scans", each=6)
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([scans])
        library.cluster(4)
        for kind in KINDS:
            number = int(next(iter(library.facet("cluster", where=parse_filter([f"label={kind}"])))))
            library.name_clusters([number], f"the {kind}")
        yield library


def groups(library: Library) -> dict[str, str | None]:
    """The group of every page, by path."""
    return {page.path: page.group for page in library.pages(limit=1000).pages}


def reopened(library: Library) -> Library:
    """The same library in its next process, whose settings name no model."""
    settings = settings_in(library.directory, model=None)
    library.close()
    return Library.open(settings)


def test_a_new_model_takes_over_with_all_names(library: Library) -> None:
    """Other vectors, the same pages and groups, and the old generation is gone after the next opening."""
    before = groups(library)
    report = library.reindex("pixels:16")
    assert (report.generation, report.pages) == (2, 24)
    assert report.model is not None
    assert report.model.name == "pixels:16"
    assert groups(library) == before
    with reopened(library) as again:
        assert groups(again) == before
        assert again.store.names() == ["centroids-0002", "pages-0002"]
        page = again.pages().pages[0]
        assert again.similar_to_page(page.page_id, limit=3).pages[0].page.label == page.label


def test_the_same_model_can_be_run_again(library: Library) -> None:
    """Without a name, reindex keeps the model."""
    before = groups(library)
    assert library.reindex().model == library.manifest.model
    assert groups(library) == before


def test_an_interrupted_reindex_leaves_the_old_and_goes_on(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the switch everything is as it was; the next attempt reads only what is missing."""
    before = groups(library)
    monkeypatch.setattr("indexer.library.filling.clustering.recluster_beside", lambda *_a, **_k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        library.reindex("pixels:16")
    monkeypatch.undo()
    assert library.manifest.generation == 1
    assert groups(library) == before
    with reopened(library) as again:
        assert groups(again) == before
        indexed: list[Progress] = []
        report = again.reindex("pixels:16", progress=lambda e: indexed.append(e) if e.stage == "indexing" else None)
        assert (report.added, report.unchanged, report.generation) == (0, 24, 2)
        assert groups(again) == before


def test_another_model_begins_anew_after_an_interruption(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a generation of one model is not finished with another."""
    monkeypatch.setattr("indexer.library.filling.clustering.recluster_beside", lambda *_a, **_k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        library.reindex("pixels:16")
    monkeypatch.undo()
    report = library.reindex("pixels:8")
    assert (report.added, report.pages) == (24, 24)


def test_pages_whose_file_is_gone_are_kept_by_their_thumbnail(library: Library, tmp_path: Path) -> None:
    """A reindex loses no page; one with neither file nor thumbnail stops it before anything is switched."""
    pages = library.pages().pages
    (tmp_path / "scans" / pages[0].path).unlink()
    report = library.reindex("pixels:16")
    assert (report.from_thumbnails, report.pages) == (1, 24)
    (tmp_path / "scans" / pages[1].path).unlink()
    library.thumbnails.delete(pages[1].page_id)
    with pytest.raises(ConflictError, match="--prune"):
        library.reindex("pixels:8")
    assert library.manifest.generation == 2
    assert library.status().pages == 24
