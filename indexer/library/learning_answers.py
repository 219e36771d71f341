"""Telling the labels of new pages: by something learned, by the nearest centroid of a label, or by the nearest pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from indexer.analysis.classify import Spread
from indexer.analysis.labels import NEIGHBOURS, Chances, centroid_chances, label_centroids, label_spread, vote
from indexer.embedding import Embedder, check_same
from indexer.errors import LearnedMissingError, ModelMismatchError, UsageError
from indexer.library.learning_pages import LabelledPages, check_label_field, load_vectors, read_labelled
from indexer.library.learning_results import LearnedModel
from indexer.library.learning_store import Head, LearnedFolder
from indexer.library.results import LabelGuess
from indexer.values import Condition, Labels, Matrix, ModelSpec, PageFilter, Payload

if TYPE_CHECKING:
    from indexer.library.core import Library


@dataclass(frozen=True, slots=True, eq=False)
class Teller:
    """A way of telling labels, ready to be asked. `embedder` makes the vectors it takes; None: they are those of the library."""

    label: str
    method: str
    names: Sequence[str]
    centroids: Matrix
    spread: Spread
    chances: Callable[[Matrix], Chances]
    embedder: Embedder | None = None

    def tell(self, vectors: Matrix, *, unknown_share: float) -> list[LabelGuess]:
        """The likeliest label of each of N pages; ties go to the first by name."""
        thresholds = self.spread.threshold(unknown_share)
        chances = self.chances(vectors)
        order = np.argsort(-chances, axis=1, kind="stable")[:, :2]
        similarities = np.einsum("nd,nd->n", vectors, self.centroids[order[:, 0]])
        return [
            self._describe(row, best, float(similarity), thresholds)
            for row, best, similarity in zip(chances, order.tolist(), similarities, strict=True)
        ]

    def _describe(self, chances: Chances, best: list[int], similarity: float, thresholds: Matrix) -> LabelGuess:
        first = best[0]
        second = best[1] if len(best) > 1 else None
        return LabelGuess(
            label=self.names[first],
            probability=float(chances[first]),
            runner_up=None if second is None else self.names[second],
            runner_up_probability=None if second is None else float(chances[second]),
            similarity=float(np.clip(similarity, -1, 1)),
            threshold=float(thresholds[first]),
            unknown=bool(similarity < thresholds[first]),
            method=self.method,
        )


@dataclass(frozen=True, slots=True, eq=False)
class LabelTable:
    """The labels of the library's own pages: their centroids on the sphere, and how alike pages are to them."""

    field: str
    names: tuple[str, ...]
    centroids: Matrix
    spread: Spread


def teller_of_head(head: Head, *, embedder: Embedder | None) -> Teller:
    """A learned model as a teller."""
    model = head.model
    return Teller(model.label, model.name, model.labels, head.centroids, head.spread, head.classifier.chances, embedder)


def teller_by_centroid(table: LabelTable) -> Teller:
    """The nearest centroid of a label."""
    return Teller(
        table.field,
        "centroid",
        table.names,
        table.centroids,
        table.spread,
        lambda vectors: centroid_chances(vectors, table.centroids),
    )


def teller_by_neighbours(library: Library, table: LabelTable) -> Teller:
    """The votes of the nearest pages that have a label, by the store's own search."""
    number = {name: place for place, name in enumerate(table.names)}
    where = PageFilter((Condition(table.field, "=", table.names),)) if table.field == "label" else PageFilter()

    def chances(vectors: Matrix) -> Chances:
        found = library.collection.find_similar(vectors, using="page", limit=NEIGHBOURS, where=where)
        similarities = np.full((len(found), NEIGHBOURS), -1.0, dtype=np.float32)
        labels: Labels = np.full((len(found), NEIGHBOURS), -1, dtype=np.int32)
        for row, hits in enumerate(found):
            for place, hit in enumerate(hits):
                similarities[row, place] = hit.similarity
                labels[row, place] = number.get(_value(hit.payload, table.field), -1)
        return vote(similarities, labels, len(table.names))

    return Teller(table.field, "neighbours", table.names, table.centroids, table.spread, chances)


def read_label_table(library: Library, label: str) -> LabelTable:
    """The centroids of all labels of a field, from the stored embeddings."""
    pages = read_labelled(library, label)
    return make_label_table(pages, load_vectors(library, pages.ids))


def make_label_table(pages: LabelledPages, vectors: Matrix) -> LabelTable:
    """The same of these pages and their vectors [N, D]."""
    centroids = label_centroids(vectors, pages.labels, len(pages.names))
    return LabelTable(pages.field, pages.names, centroids, label_spread(vectors, pages.labels, centroids))


def choose_head(library: Library, folder: LearnedFolder, method: str | None, label: str | None) -> Head:
    """The learned model called `method`; without a name the newest that learned the field `label` (any, where None), those first that fit.

    Raises:
        LearnedMissingError: there is none.
    """
    if method is not None:
        return folder.load(method)
    field = None if label is None else check_label_field(library, label)
    heads = [head for name in folder.names() if field in (None, (head := folder.load(name)).model.label)]
    if not heads:
        what = "labels" if field is None else f"the field {field}"
        raise LearnedMissingError(
            f"Nothing was learned from {what} yet. Learn in seconds with `quire finetune --probe`, or ask --with neighbours or "
            "--with centroid, which need no learning."
        )
    return next((head for head in heads if fits(head, library.manifest.model)), heads[0])


def fits(head: Head, spec: ModelSpec | None) -> bool:
    """Whether vectors of an embedder of that spec are those that the head takes."""
    try:
        if spec is not None:
            check_same(spec, head.spec)
    except ModelMismatchError:
        return False
    return spec is not None


def explain_misfit(model: LearnedModel, spec: ModelSpec | None) -> ModelMismatchError:
    """The error for a probe on the vectors of a model that the library no longer has."""
    now = "none" if spec is None else spec.name
    return ModelMismatchError(
        f"{model.name} was fitted on vectors of {model.embedder}, and the library's are of {now} by now. Fit it anew: "
        f"`quire finetune --probe --label {model.label} --name {model.name}`."
    )


def check_share(share: float) -> float:
    """The share of a label's own pages that may count as unknown; UsageError unless 0 ≤ share < 1."""
    if not 0 <= share < 1:
        raise UsageError(f"unknown_share is {share}; it must be at least 0 and below 1.")
    return share


def _value(payload: Payload, field: str) -> str:
    name, _, inner = field.partition(".")
    value = payload.get(name)
    return str(cast("dict[str, object]", value or {}).get(inner) if inner else value)
