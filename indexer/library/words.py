"""Words and pages: pages found by a description of what they show, clusters by the meaning of names, names suggested for clusters."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.meaning import check_names, check_threshold, group_names
from indexer.embedding import (
    DEFAULT_MODEL,
    BlurMix,
    TextEmbedder,
    can_embed_texts,
    create_text_embedder,
    parse_blur_mix,
    widen_query,
)
from indexer.errors import ModelMismatchError, NoTextTowerError, UsageError
from indexer.library.answering import check_limit
from indexer.library.clustering import Recipe, cluster, load_centroids, require_clusters
from indexer.library.decisions import Meaning
from indexer.library.exporting import write_texts
from indexer.library.finding import FUSED_DEPTH, choose_way, merge_hits
from indexer.library.meaning import check_names_field, count_names, embed_names
from indexer.library.page_payload import TEXT
from indexer.library.reading_text import read_text
from indexer.library.results import ClusterReport, ClusterWords, ReadReport, SearchAnswer, SearchBy, ThresholdChoice
from indexer.library.suggesting import built_in_words, check_words, embed_words, rank_words
from indexer.progress import ProgressSink, ignore_progress
from indexer.reading import create_reader
from indexer.store.port import Hit
from indexer.values import Matrix, ModelSpec, PageFilter

if TYPE_CHECKING:
    from indexer.library.core import Library

EVERY_PAGE = PageFilter()
DISTANCE_THRESHOLD = 0.43
"""What the experiment with word vectors of 250 names of sketches settled on."""
MOST_SUGGESTED = 20
"""Words suggested for one cluster at most."""
LONGEST_QUERY = 2_000
"""Characters; a model reads some 300 of them."""


class Words:
    """What words can do in one library, `library.words`; safe in many threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._making = threading.Lock()
        self._made: tuple[ModelSpec, TextEmbedder] | None = None
        self._suggested: tuple[TextEmbedder, tuple[str, ...], Matrix] | None = None

    def search(
        self, text: str, *, where: PageFilter = EVERY_PAGE, limit: int = 12, by: SearchBy | None = None
    ) -> SearchAnswer:
        """The pages that look like what `text` describes, that have its words on them, or both in one ranked list; best first.

        `by` is `looks`, `text` or `both`; where it is `both` or nothing is said, what this library can do of the two.

        Raises:
            UsageError: no text, one of more than 2,000 characters, or a limit out of range.
            NoTextTowerError: looks are asked for, and the library's model knows no words.
            ConflictError: text alone is asked for, and none was read yet.
            PageMissingError: the library is empty.
        """
        check_limit(limit)
        query = clean_query(text)
        chosen, note = choose_way(by, self.search_modes, self._library)
        depth = limit if chosen != "both" else max(limit, FUSED_DEPTH)
        pages = self._library.collection
        looks = self._find_by_looks(query, where, depth) if chosen != "text" else None
        words = pages.find_words(query, using=TEXT, limit=depth, where=where) if chosen != "looks" else None
        return SearchAnswer(query, merge_hits(query, looks, words, limit=limit), chosen, note)

    def _find_by_looks(self, query: str, where: PageFilter, limit: int) -> list[Hit]:
        vectors = widen_query(self.embedder().embed_texts([query]), self._blur_mix)
        return self._library.collection.find_similar(vectors, using="page", limit=limit, where=where)[0]

    def read_text(
        self,
        *,
        engine: str | None = None,
        languages: str | None = None,
        where: PageFilter = EVERY_PAGE,
        limit: int | None = None,
        again: bool = False,
        progress: ProgressSink = ignore_progress,
    ) -> ReadReport:
        """Read what stands on the pages that were not read yet, so that `search` finds them by their words.

        `engine` is `rapidocr` or `tesseract`; `languages` is for Tesseract, such as `deu+ces`. `again` reads all that pass, `limit` at
        most so many. A page that can't be read is listed, and tried again the next time; interrupted, the next run goes on.

        Raises:
            UsageError: no such engine or language, or a limit below 1.
            ReaderMissingError: the engine is not installed.
            PageMissingError: the library is empty.
        """
        reader = create_reader(engine, languages=languages)
        return read_text(self._library, reader, where=where, limit=limit, again=again, progress=progress)

    def export_texts(self, file: Path, *, where: PageFilter = EVERY_PAGE) -> int:
        """What was read on the pages that pass, as JSON Lines in UTF-8: page_id, root, path, page_number, text_engine, text; pages without
        text are left out. Returns how many there are.
        """
        return write_texts(self._library, file, where=where)

    def cluster_by_meaning(
        self,
        *,
        distance_threshold: float = DISTANCE_THRESHOLD,
        names: str = "label",
        word_vectors: Path | None = None,
        progress: ProgressSink = ignore_progress,
    ) -> ClusterReport:
        """Clusters of pages whose names mean much the same, as a run like any other: groups are carried over, doubts become questions.

        Names are those that pages have in `names`: `label`, or `metadata.NAME`. Their vectors come from a text file of word2vec or
        GloVe, several words averaged; without one from the text side of the library's model. Names are put together by
        agglomerative clustering, average linkage, as long as their mean cosine distance is below `distance_threshold`. A page
        without a name is in no cluster; a name of which no word is known is a cluster of its own. Pages that come later go where
        their name does.

        Raises:
            UsageError: no page has a name, too many have different ones, or the file can't be used.
            NoTextTowerError: no file was given, and the library's model knows no words.
        """
        check_threshold(distance_threshold)
        library = self._library
        with library.write():
            found, vectors, known, unnamed = self._embed_names(names, word_vectors)
            groups = group_names(vectors, known, distance_threshold=distance_threshold)
            cluster_of = dict(zip(found, groups.tolist(), strict=True))
            meaning = Meaning(names, distance_threshold, cluster_of)
            report = cluster(library, Recipe(meaning=meaning), progress=progress)
        strangers = [name for name, is_known in zip(found, known, strict=True) if not is_known]
        return replace(report, unknown_names=strangers, unnamed=unnamed)

    def choose_threshold(
        self, thresholds: Sequence[float], *, names: str = "label", word_vectors: Path | None = None
    ) -> list[ThresholdChoice]:
        """How many clusters each distance threshold would give; nothing is written. Raises as `cluster_by_meaning` does."""
        for threshold in thresholds:
            check_threshold(threshold)
        _, vectors, known, _ = self._embed_names(names, word_vectors)
        choices = []
        for threshold in thresholds:
            sizes = np.bincount(group_names(vectors, known, distance_threshold=threshold))
            choices.append(ThresholdChoice(threshold, len(sizes), int(sizes.max())))
        return choices

    def suggest(self, words: Sequence[str] | None = None, *, top: int = 3) -> list[ClusterWords]:
        """The `top` words that each cluster looks like, by its centroid; nothing is named. None: the kinds of pages that Quire knows.

        Raises:
            UsageError: no word, more than 2,000, or too long a one; `top` out of range.
            ClusterMissingError: there are no clusters.
            NoTextTowerError: the library's model knows no words.
        """
        if not 1 <= top <= MOST_SUGGESTED:
            raise UsageError(f"top is {top}; it must be 1 to {MOST_SUGGESTED}.")
        chosen = built_in_words() if words is None else check_words(words)
        require_clusters(self._library)
        embedder = self.embedder()
        with self._making:
            if self._suggested is None or self._suggested[:2] != (embedder, chosen):
                self._suggested = embedder, chosen, embed_words(chosen, embedder)
            vectors = self._suggested[2]
        return rank_words(load_centroids(self._library).vectors, chosen, vectors, top=top)

    @property
    def search_modes(self) -> list[str]:
        """How `search` can find pages of this library: `looks`, `text`, `both`."""
        library = self._library
        has_text = library.is_filled and TEXT in library.collection.worded
        modes = [*(["looks"] if self.can_search_looks else []), *(["text"] if has_text else [])]
        return [*modes, "both"] if len(modes) == 2 else modes

    @property
    def can_search_looks(self) -> bool:
        """Whether the library's model can compare words with pages; nothing is loaded."""
        model = self._library.manifest.model
        return model is not None and can_embed_texts(model.name)

    @property
    def _blur_mix(self) -> BlurMix | None:
        model = self._library.manifest.model
        return parse_blur_mix(model.blur_mix) if model else None

    def embedder(self) -> TextEmbedder:
        """The text side of the library's model, loaded when first needed; its vectors fit those stored.

        Raises:
            NoTextTowerError: the library's model knows no words.
            WeightsMissingError: its weights or its tokenizer can't be had.
            ModelMismatchError: the weights are not those that the library was made with.
        """
        library = self._library
        spec, checkpoint = library.manifest.model, library.manifest.checkpoint
        assert spec is not None  # a library with pages has a model
        if not can_embed_texts(spec.name):
            raise NoTextTowerError(
                f"The library's model {spec.name} only looks at pages and knows no words, so a description can't be compared with them. "
                f"A model that can: `quire reindex --model {DEFAULT_MODEL}`. To find pages by what is written on them instead: "
                "`quire read-text`."
            )
        with self._making:
            if self._made is None or self._made[0] != spec:
                made = create_text_embedder(
                    spec.name,
                    checkpoint=Path(checkpoint) if checkpoint else None,
                    device=library.settings.device,
                    cache_dir=library.settings.cache_dir,
                )
                _check_fits(spec, made, self._blur_mix)
                self._made = spec, made
            return self._made[1]

    def _embed_names(self, field: str, word_vectors: Path | None) -> tuple[list[str], Matrix, NDArray[np.bool_], int]:
        """The names of pages, sorted, their vectors [N, D], which of them mean anything [N], and how many pages have no name."""
        pages = self._library.collection
        counts = count_names(pages, check_names_field(field))
        found = sorted(counts)
        check_names(len(found))
        if word_vectors is None and not self.can_search_looks:
            raise NoTextTowerError(
                "The library's model knows no words, so names can't be compared by it. Give vectors of words with --word-vectors FILE "
                f"(word2vec or GloVe, as text), or change the model: `quire reindex --model {DEFAULT_MODEL}`."
            )
        vectors, known = embed_names(found, word_vectors=word_vectors, embedder=self.embedder)
        return found, vectors, known, pages.count() - counts.total()


def clean_query(text: str) -> str:
    """The text with single spaces; UsageError for one that is empty or too long."""
    query = " ".join(text.split())
    if not query:
        raise UsageError(
            'There is nothing to search for. Describe a page, as in quire search "a bird with open wings".'
        )
    if len(query) > LONGEST_QUERY:
        raise UsageError(f"The text to search for has {len(query):,} characters; give at most {LONGEST_QUERY:,}.")
    return query


def _check_fits(spec: ModelSpec, made: TextEmbedder, mix: BlurMix | None) -> None:
    levels = 1 if mix is None else len(mix.radii)
    if (made.weights_sha256, made.dimensions * levels) != (spec.weights_sha256, spec.dimensions):
        raise ModelMismatchError(
            f"The weights of {spec.name} are not those that the library's vectors were made with ({made.weights_sha256[:12]} here, "
            f"{spec.weights_sha256[:12]} there). Bring those back, or embed all pages anew by `quire reindex`."
        )
