"""Clusters by the meaning of names: right, kept, and treated like any other run."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering
from support.library import draw_page, draw_pages, settings_in
from support.meaning import draw_named_pages, make_names, make_words, save_word_vectors
from support.words import CAPTIONS

from indexer.errors import NoTextTowerError, UsageError
from indexer.library import Library
from indexer.library.manifest import Manifest
from indexer.library.restoring import restore_library

WORDS = make_words()
NAMES = make_names(list(WORDS))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """250 names of sketches, 275 pages, a file of word vectors; clustered by nothing yet, closed."""
    place = tmp_path_factory.mktemp("sketches")
    save_word_vectors(place / "words.txt", WORDS)
    draw_named_pages(place / "scans", NAMES)
    with Library.open(settings_in(place / "library"), create=True) as library:
        library.index([place / "scans"])
    return place


@pytest.fixture
def words_file(made: Path) -> Path:
    """The file of word vectors."""
    return made / "words.txt"


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Iterator[Library]:
    """A copy of it, open."""
    shutil.copytree(made / "library", tmp_path / "library")
    with Library.open(settings_in(tmp_path / "library")) as library:
        yield library


def clusters_of_names(library: Library) -> dict[str, set[int | None]]:
    """The clusters in which the pages of each name are."""
    found: dict[str, set[int | None]] = {}
    for batch in library.collection.scroll(fields=("label", "cluster")):
        for payload in batch.payloads:
            found.setdefault(str(payload["label"]), set()).add(payload.get("cluster"))  # type: ignore[arg-type]
    return found


def test_250_names_are_clustered_as_by_scikit_learn_called_by_hand(library: Library, words_file: Path) -> None:
    """Pages are together where their names are, by averaged word vectors; clusters are largest first and tell their names."""
    report = library.words.cluster_by_meaning(distance_threshold=0.43, word_vectors=words_file)
    rows = np.array([np.mean([WORDS[word] for word in name.split()], axis=0) for name in NAMES])
    expected = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=0.43
    ).fit_predict(rows)
    by_hand = {frozenset(NAMES[i] for i in np.flatnonzero(expected == label)) for label in np.unique(expected)}
    assert 30 < len(by_hand) < 150
    assert {frozenset(found.names) for found in report.clusters} == by_hand
    clusters = clusters_of_names(library)
    assert all(clusters[name] == {found.cluster} for found in report.clusters for name in found.names)
    assert len(clusters) == 250
    sizes = [found.size for found in report.clusters]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == report.pages == 275
    assert report.k == len(by_hand)
    assert library.check().findings == []


def test_a_centroid_is_the_mean_of_its_pages_and_exemplars_are_its_own(library: Library, words_file: Path) -> None:
    """Classifying, sheets and outliers work on them as on any other."""
    report = library.words.cluster_by_meaning(distance_threshold=0.43, word_vectors=words_file)
    first = report.clusters[0]
    answer = library.cluster_pages(0, limit=100)
    assert {one.page.label for one in answer.pages} == set(first.names)
    assert len(answer.pages) == first.size
    assert set(first.exemplars) <= {one.page.page_id for one in answer.pages}
    vectors = library.collection.retrieve([one.page.page_id for one in answer.pages], vectors=("page",)).vectors["page"]
    mean = vectors.mean(axis=0) / np.linalg.norm(vectors.mean(axis=0))
    np.testing.assert_allclose([one.similarity for one in answer.pages], vectors @ mean, atol=1e-5)
    assert np.isclose(first.inertia, np.sum(2 - 2 * vectors @ mean), atol=1e-3)


def test_thresholds_are_compared_and_nothing_is_written(library: Library, words_file: Path) -> None:
    """A higher threshold never gives more clusters; 0.43 gives as many as clustering does."""
    choices = library.words.choose_threshold([0.2, 0.43, 1.2], word_vectors=words_file)
    assert library.clusters() == []
    assert [choice.distance_threshold for choice in choices] == [0.2, 0.43, 1.2]
    assert choices[0].clusters > choices[1].clusters > choices[2].clusters
    assert choices[0].largest <= choices[1].largest <= choices[2].largest
    report = library.words.cluster_by_meaning(distance_threshold=0.43, word_vectors=words_file)
    assert report.k == choices[1].clusters


def test_groups_are_carried_over_between_looks_and_meaning(library: Library, words_file: Path) -> None:
    """A name given to a cluster of names survives another threshold, or is asked about; k-means after it knows nothing of names."""
    library.words.cluster_by_meaning(distance_threshold=0.43, word_vectors=words_file)
    library.name_clusters([0], "the largest")
    before = library.facet("group")
    library.words.cluster_by_meaning(distance_threshold=0.43, word_vectors=words_file)
    assert library.facet("group") == before
    assert library.clusters()[0].group == "the largest"
    library.words.cluster_by_meaning(distance_threshold=1.2, word_vectors=words_file)
    assert library.facet("group") == before
    assert any("the largest" in question.text for question in library.questions())
    told = library.history(limit=1)[0].text
    assert "by the meaning of label, distance below 1.2" in told
    library.cluster(5)
    assert all(found.names == [] for found in library.clusters())
    assert library.check().findings == []


def test_pages_that_come_later_go_where_their_name_does(library: Library, words_file: Path, tmp_path: Path) -> None:
    """A new page of a known name joins its cluster; one of a name that nobody knew then is in none until the next run."""
    library.words.cluster_by_meaning(word_vectors=words_file)
    scans = tmp_path / "more"
    for name in (NAMES[3], "mangelwurzel"):
        (scans / name).mkdir(parents=True)
        draw_page("left", 1).save(scans / name / "new.png")
    library.index([scans])
    new = {page.label: page for page in library.pages(limit=1000).pages if page.path.endswith("new.png")}
    assert {new[NAMES[3]].cluster} == clusters_of_names(library)[NAMES[3]]
    assert new["mangelwurzel"].cluster is None
    assert library.check().findings == []
    report = library.words.cluster_by_meaning(word_vectors=words_file)
    assert report.unknown_names == ["mangelwurzel"]
    assert [found.names for found in report.clusters if "mangelwurzel" in found.names] == [["mangelwurzel"]]


def test_pages_without_a_name_are_in_no_cluster(made: Path, library: Library, words_file: Path) -> None:
    """They are counted; a table of other names moves pages to the clusters of these."""
    library.words.cluster_by_meaning(word_vectors=words_file)
    target = clusters_of_names(library)[NAMES[0]]
    table = made / "table.csv"
    table.write_text(f"path,label\n{NAMES[5]}/p0.png,{NAMES[0]}\n", encoding="utf-8")
    library.index(label_from="none", metadata=table)
    clusters = Counter(page.cluster for page in library.pages(limit=1000).pages)
    assert clusters[None] == 274
    assert {cluster for cluster in clusters if cluster is not None} == target
    assert library.check().findings == []
    report = library.words.cluster_by_meaning(word_vectors=words_file)
    assert (report.unnamed, report.pages, report.k) == (274, 1, 1)
    assert clusters_of_names_none(library) == 274


def clusters_of_names_none(library: Library) -> int:
    """Pages in no cluster."""
    return sum(page.cluster is None for page in library.pages(limit=1000).pages)


def test_names_may_stand_in_the_metadata(made: Path, library: Library, words_file: Path) -> None:
    """A column of a table names pages as well as folders do."""
    words = list(WORDS)
    table = made / "meanings.csv"
    rows = [f"{name}/p0.png,{words[number % 4]}" for number, name in enumerate(NAMES)]
    table.write_text("path,shows\n" + "\n".join(rows) + "\n", encoding="utf-8")
    library.index(metadata=table)
    report = library.words.cluster_by_meaning(names="metadata.shows", word_vectors=words_file, distance_threshold=0.01)
    assert sorted(found.names for found in report.clusters) == [[word] for word in sorted(words[:4])]
    assert report.unnamed == 25
    assert library.check().findings == []


def test_another_model_keeps_the_clusters_of_names(library: Library, words_file: Path) -> None:
    """Reindexing makes the same groups of names with new centroids, word vectors or not; another k means by looks."""
    library.words.cluster_by_meaning(word_vectors=words_file)
    library.name_clusters([0], "the largest")
    before = [(found.names, found.size, found.group) for found in library.clusters()]
    library.reindex("pixels:8")
    assert [(found.names, found.size, found.group) for found in library.clusters()] == before
    assert library.check().findings == []
    library.reindex("pixels:12", k=4)
    assert [found.names for found in library.clusters()] == [[]] * 4


def test_a_run_that_was_interrupted_is_finished_by_the_next_to_open(
    library: Library, words_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before pages were written, the clusters are those of the run all the same."""
    from indexer.library import clustering

    settings = library.settings
    with monkeypatch.context() as patch:
        patch.setattr(clustering, "apply_run", lambda library, **_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            library.words.cluster_by_meaning(word_vectors=words_file)
    library.close()
    with Library.open(settings) as again:
        assert all(None not in clusters for clusters in clusters_of_names(again).values())
        assert again.check().findings == []


def test_lost_centroids_are_made_again_from_the_names(library: Library, words_file: Path) -> None:
    """The journal knows which names belong together, so a repair needs no word vectors."""
    library.words.cluster_by_meaning(word_vectors=words_file)
    library.name_clusters([0], "the largest")
    before = {tuple(found.names): found.group for found in library.clusters()}
    library.store.drop(library.manifest.centroids_collection)
    assert not library.check().is_clean
    assert library.check(repair=True).is_clean
    assert {tuple(found.names): found.group for found in library.clusters()} == before


def test_a_backup_has_them_and_the_map_shows_them(library: Library, words_file: Path, tmp_path: Path) -> None:
    """Restored, clusters tell their names; the map colours by cluster, with pages in none."""
    library.words.cluster_by_meaning(word_vectors=words_file)
    before = library.clusters()
    library.maps.make_map(method="pca")
    colours = library.maps.colours("cluster")
    assert len(colours.names) == len(before)
    library.backup(tmp_path / "copy.tar")
    restore_library(tmp_path / "copy.tar", tmp_path / "restored")
    with Library.open(settings_in(tmp_path / "restored")) as restored:
        assert restored.clusters() == before


def test_the_text_side_of_the_model_does_without_a_file(tmp_path: Path, words_model: str) -> None:
    """Names are embedded as texts: the two at the sides are nearer to each other than to the others only if the model says so."""
    renamed = {kind: CAPTIONS[kind] for kind in CAPTIONS}
    with Library.open(settings_in(tmp_path / "library", model=words_model), create=True) as library:
        scans = draw_pages(tmp_path / "scans", each=2)
        for kind, caption in renamed.items():
            (scans / kind).rename(scans / caption)
        library.index([scans])
        vectors = library.words.embedder().embed_texts(sorted(renamed.values()))
        expected = AgglomerativeClustering(
            n_clusters=None, metric="cosine", linkage="average", distance_threshold=1.2
        ).fit_predict(vectors)
        report = library.words.cluster_by_meaning(distance_threshold=1.2)
        assert report.k == expected.max() + 1
        assert report.unknown_names == []


def test_what_cannot_be_done_is_told_and_leaves_everything_as_it_was(
    library: Library, words_file: Path, tmp_path: Path
) -> None:
    """No text side and no file, no such field, names that nothing is known of."""
    manifest: Manifest = library.manifest
    with pytest.raises(NoTextTowerError, match="--word-vectors"):
        library.words.cluster_by_meaning()
    with pytest.raises(UsageError, match=r"metadata\.NAME"):
        library.words.cluster_by_meaning(names="group", word_vectors=words_file)
    with pytest.raises(UsageError, match=r"No page has a name in metadata\.shows"):
        library.words.cluster_by_meaning(names="metadata.shows", word_vectors=words_file)
    strange = save_word_vectors(tmp_path / "strange.txt", {"xyzzy": np.ones(20)})
    with pytest.raises(UsageError, match="none of the words"):
        library.words.cluster_by_meaning(word_vectors=strange)
    with pytest.raises(UsageError, match="0 to 2"):
        library.words.choose_threshold([3], word_vectors=words_file)
    assert library.manifest == manifest
