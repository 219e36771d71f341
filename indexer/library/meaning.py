"""Clusters by the meaning of names: the names of pages, their vectors, the groups of names, and each group's pages.

The groups of names are kept in the journal, with the run; so a page's cluster follows from its name alone, also for pages that come
later, and nothing of the word vectors is needed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.kmeans import Clustering, number_by_size, to_sphere
from indexer.analysis.meaning import average_words, split_words
from indexer.embedding import TextEmbedder
from indexer.embedding.word_vectors import read_word_vectors
from indexer.errors import UsageError
from indexer.library.decisions import Meaning
from indexer.store.port import Collection, PointBatch
from indexer.values import Labels, Matrix, Page, Payload

if TYPE_CHECKING:
    from collections.abc import Callable

NAME_FIELDS = ("label",)
"""Fields that can name pages, beside `metadata.NAME`."""
_BLOCK = 8_192


def check_names_field(field: str) -> str:
    """The field, if pages can have their names there; else UsageError."""
    if field in NAME_FIELDS or (field.startswith("metadata.") and len(field) > len("metadata.") and '"' not in field):
        return field
    raise UsageError(f"Pages have no names in {field!r}; take {', '.join(NAME_FIELDS)} or metadata.NAME.")


def name_in(payload: Payload, field: str) -> str | None:
    """The name that a payload has in `field`, or None."""
    prefix, dot, column = field.partition(".")
    value = payload.get(prefix)
    if dot:
        value = value.get(column) if isinstance(value, dict) else None
    return None if value is None or value == "" else str(value)


def name_of(page: Page, field: str) -> str | None:
    """The same of a page."""
    return name_in({"label": page.label, "metadata": dict(page.metadata)}, field)


def count_names(pages: Collection, field: str) -> Counter[str]:
    """How many pages have each name.

    Raises:
        UsageError: no page has one.
    """
    counts: Counter[str] = Counter()
    for batch in pages.scroll(fields=(field,), batch_size=_BLOCK):
        counts.update(name for payload in batch.payloads if (name := name_in(payload, field)) is not None)
    if not counts:
        raise UsageError(
            f"No page has a name in {field}, so there is no meaning to go by. `quire index --label-from parent` labels pages by their "
            "folder; --names says where else names are."
        )
    return counts


def embed_names(
    names: Sequence[str], *, word_vectors: Path | None, embedder: Callable[[], TextEmbedder]
) -> tuple[Matrix, NDArray[np.bool_]]:
    """Vectors of names, float32 [N, D], and which of them mean anything, bool [N].

    By a file of word vectors, several words averaged; without one by the text side of the library's model, each name as it is written.
    """
    if word_vectors is None:
        return embedder().embed_texts([" ".join(split_words(name)) or name for name in names]), np.ones(
            len(names), dtype=np.bool_
        )
    words = {word for name in names for word in split_words(name)}
    found = read_word_vectors(word_vectors, words)
    rows, known = average_words(names, found.vectors, dimensions=found.dimensions)
    if not known.any():
        raise UsageError(
            f"{word_vectors} has none of the words that pages are named by, such as {', '.join(sorted(words)[:3])}. "
            "Is it of another language?"
        )
    return rows, known


def assign_by_name(payloads: Sequence[Payload], meaning: Meaning) -> Labels:
    """The cluster of each payload's name, int32 [N]; -1 for those without a name, or with one that came after the run."""
    names = (name_in(payload, meaning.field) for payload in payloads)
    numbers = (-1 if name is None else meaning.cluster_of.get(name, -1) for name in names)
    return np.fromiter(numbers, dtype=np.int32, count=len(payloads))


def gather_by_name(pages: Collection, meaning: Meaning, tell: Callable[[int], None]) -> tuple[Clustering, Meaning]:
    """The clusters of pages that `meaning` gives, and `meaning` with the numbers they get; `tell` hears of pages as they pass.

    A centroid is the mean of its pages, as ever; a page may lie nearer to another.
    """
    groups = max(meaning.cluster_of.values()) + 1
    sums: np.ndarray | None = None
    parts: list[Labels] = []
    for batch, labels in _walk(pages, meaning):
        rows = batch.vectors["page"]
        sums = np.zeros((groups, rows.shape[1])) if sums is None else sums
        inside = labels >= 0
        np.add.at(sums, labels[inside], rows[inside])
        parts.append(labels)
        tell(len(batch))
    assert sums is not None  # there are pages, or nobody would be here
    centroids = to_sphere(sums)
    similarities = [
        np.where(labels >= 0, np.einsum("nd,nd->n", batch.vectors["page"], centroids[labels]), 0.0).astype(np.float32)
        for batch, labels in _walk(pages, meaning)
    ]
    labels = np.concatenate(parts)
    made = number_by_size(centroids, labels, np.concatenate(similarities))
    numbers = dict(zip(labels.tolist(), made.labels.tolist(), strict=True))
    renumbered = {name: numbers[group] for name, group in meaning.cluster_of.items() if group in numbers}
    return made, Meaning(meaning.field, meaning.distance_threshold, renumbered)


def _walk(pages: Collection, meaning: Meaning) -> Iterator[tuple[PointBatch, Labels]]:
    for batch in pages.scroll(fields=(meaning.field,), vectors=("page",), batch_size=_BLOCK):
        yield batch, assign_by_name(batch.payloads, meaning)
