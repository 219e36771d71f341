"""Pages found by what they show, and clusters told in words, with a model that has learnt four kinds of pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.library import KINDS, draw_pages, settings_in
from support.words import CAPTIONS

from indexer.errors import ClusterMissingError, ModelMismatchError, NoTextTowerError, PageMissingError, UsageError
from indexer.filters import parse_filter
from indexer.library import Library
from indexer.library.clustering import centroid_id
from indexer.library.suggesting import PHRASES, built_in_words, read_words


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, words_model: str) -> Path:
    """A library of five pages of each kind, closed."""
    place = tmp_path_factory.mktemp("made")
    with Library.open(settings_in(place / "library", model=words_model), create=True) as library:
        library.index([draw_pages(place / "scans")])
    return place / "library"


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Iterator[Library]:
    """A copy of it, open."""
    shutil.copytree(made, tmp_path / "library")
    with Library.open(settings_in(tmp_path / "library", model=None)) as library:
        yield library


@pytest.mark.parametrize("kind", KINDS)
def test_a_description_finds_the_pages_that_show_it(library: Library, kind: str) -> None:
    """The five pages of that kind come first, most alike first; the text is told as it was asked, with single spaces."""
    answer = library.words.search(f"  {CAPTIONS[kind]} ".replace(" ink ", "\n ink  "), limit=8)
    assert answer.text == CAPTIONS[kind]
    assert [found.page.label for found in answer.pages[:5]] == [kind] * 5
    similarities = [found.similarity for found in answer.pages]
    assert similarities == sorted(similarities, reverse=True)
    assert len(similarities) == 8


def test_only_pages_that_pass_the_filter_are_found(library: Library) -> None:
    """A filter holds as it does for similar pages."""
    answer = library.words.search(CAPTIONS["left"], where=parse_filter(["label=top,right"]), limit=20)
    assert {found.page.label for found in answer.pages} == {"top", "right"}
    assert len(answer.pages) == 10


@pytest.mark.parametrize("text", ["", " \n\t", "a" * 2001])
def test_texts_that_cannot_be_asked_for_are_refused(library: Library, text: str) -> None:
    """Nothing, or far too much, is told before anything is loaded."""
    with pytest.raises(UsageError, match="to search for"):
        library.words.search(text)


def test_a_model_without_words_says_what_to_do(tmp_path: Path) -> None:
    """The error names the library's model and the command that changes it; the status says beforehand what can be asked."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        with pytest.raises(PageMissingError, match="no pages yet"):
            library.words.search("a bird")
        assert library.status().search_modes == []
        library.index([draw_pages(tmp_path / "scans", each=1)])
        assert library.status().search_modes == []
        with pytest.raises(NoTextTowerError, match=r"model pixels only looks.*quire reindex --model open_clip:"):
            library.words.search("a bird")


def test_after_a_reindex_the_new_model_is_asked(library: Library) -> None:
    """The text side changes with the library's model, and words go where the model knows none."""
    assert library.status().search_modes == ["looks"]
    library.words.search("a bird")
    library.reindex("pixels")
    with pytest.raises(NoTextTowerError):
        library.words.search("a bird")
    assert library.status().search_modes == []


def test_weights_that_were_changed_are_not_compared_with_the_old_vectors(tmp_path: Path, words_model: str) -> None:
    """The same name with other weights is a mismatch, not a wrong answer."""
    kind, _, folder = words_model.rpartition(":")
    shutil.copytree(folder, tmp_path / "model")
    model = f"{kind}:{tmp_path / 'model'}"
    with Library.open(settings_in(tmp_path / "library", model=model), create=True) as library:
        library.index([draw_pages(tmp_path / "scans", each=1)])
    _change_weights(tmp_path / "model" / "open_clip_pytorch_model.bin")
    with (
        Library.open(settings_in(tmp_path / "library", model=None)) as library,
        pytest.raises(ModelMismatchError, match="quire reindex"),
    ):
        library.words.search(CAPTIONS["left"])


def _change_weights(file: Path) -> None:
    import torch

    state = torch.load(file, weights_only=True)
    state["logit_scale"] += 1
    torch.save(state, file)


def test_clusters_are_told_in_words_and_not_named(library: Library) -> None:
    """Each kind's caption is what its cluster looks like most; cosines are those of centroid and word; nothing is decided."""
    library.cluster(4)
    words = list(CAPTIONS.values())
    told = library.words.suggest(words, top=2)
    labels = [{one.page.label for one in library.cluster_pages(n).pages} for n in range(4)]
    assert [{found.words[0].word} for found in told] == [{CAPTIONS[str(label)]} for (label,) in labels]
    assert [found.cluster for found in told] == [0, 1, 2, 3]
    assert all(len(found.words) == 2 and found.words[0].similarity > found.words[1].similarity for found in told)
    vectors = library.words.embedder().embed_texts([phrase.format(told[0].words[0].word) for phrase in PHRASES])
    mean = vectors.mean(axis=0) / np.linalg.norm(vectors.mean(axis=0))
    centroid = library.centroids.retrieve([centroid_id(library.manifest.run, 0)], vectors=("page",)).vectors["page"][0]
    assert np.isclose(told[0].words[0].similarity, centroid @ mean, atol=1e-4)
    assert all(cluster.group is None and cluster.looks_like == [] for cluster in library.clusters())
    assert [entry.kind for entry in library.history()] == ["cluster"]


def test_kinds_of_pages_are_built_in(library: Library) -> None:
    """Without a list there are many different ones, none twice, and the best few are told."""
    library.cluster(2)
    known = built_in_words()
    assert len(known) > 100
    assert {"watercolour", "line drawing", "typed letter"} <= set(known)
    assert not any(word.startswith("#") for word in known)
    assert all(one.word in known for found in library.words.suggest(top=5) for one in found.words)


def test_lists_that_cannot_be_used_are_refused(library: Library, tmp_path: Path) -> None:
    """Each with its cause; blank lines, remarks and repetitions in a list do no harm."""
    file = tmp_path / "words.txt"
    file.write_text("\ufeff# mine\n\n map \nsea  chart\nmap\n", encoding="utf-8")
    assert read_words(file) == ("map", "sea chart")
    with pytest.raises(UsageError, match=r"absent\.txt can't be read"):
        read_words(tmp_path / "absent.txt")
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="no text in UTF-8"):
        read_words(file)
    with pytest.raises(ClusterMissingError, match="quire cluster"):
        library.words.suggest(["map"])
    library.cluster(2)
    for words, told in (([], "empty"), (["a" * 201], "at most 200"), ([str(n) for n in range(2001)], "2,001 words")):
        with pytest.raises(UsageError, match=told):
            library.words.suggest(words)
    with pytest.raises(UsageError, match="top is 0"):
        library.words.suggest(["map"], top=0)
    library.reindex("pixels", k=2)
    with pytest.raises(NoTextTowerError):
        library.words.suggest(["map"])
