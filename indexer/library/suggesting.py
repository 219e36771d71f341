"""Names suggested for clusters: the words whose vectors are nearest to the centroid. They are offered, never given.

Zero-shot classification as in Radford et al., "Learning transferable visual models from natural language supervision", ICML 2021:
each word is put into a few phrases, and the mean of their vectors stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from indexer.embedding import TextEmbedder
from indexer.errors import UsageError
from indexer.library.results import ClusterWords, WordSuggestion
from indexer.values import Matrix

MOST_WORDS = 2_000
"""Words that may be suggested; more take a model on a CPU minutes."""
LONGEST_WORD = 200
PHRASES = ("{}", "a scan of {}", "a page that shows {}")


@cache
def built_in_words() -> tuple[str, ...]:
    """Kinds of pages, as they are suggested where no list of one's own is given."""
    text = files("indexer.library").joinpath("kinds_of_pages.txt").read_text(encoding="utf-8")
    return check_words(text.splitlines())


def read_words(file: Path) -> tuple[str, ...]:
    """The words of a list, one a line.

    Raises:
        UsageError: the file can't be read, or the words can't be used.
    """
    try:
        text = file.expanduser().read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as exc:
        cause = getattr(exc, "strerror", None) or "it is no text in UTF-8"
        raise UsageError(
            f"The list of words {file} can't be read: {cause}. Give a text file with one word or phrase a line."
        ) from exc
    return check_words(text.splitlines())


def check_words(lines: Iterable[str]) -> tuple[str, ...]:
    """The words, each once and with single spaces; empty lines and those that begin with # are passed over.

    Raises:
        UsageError: there is none, or too many, or too long a one.
    """
    words = tuple(
        dict.fromkeys(word for line in lines if (word := " ".join(line.split())) and not word.startswith("#"))
    )
    if not words:
        raise UsageError("The list of words is empty; give one word or phrase a line.")
    if len(words) > MOST_WORDS:
        raise UsageError(f"The list has {len(words):,} words; at most {MOST_WORDS:,} can be suggested.")
    if too_long := next((word for word in words if len(word) > LONGEST_WORD), None):
        raise UsageError(f"{too_long[:40]!r}… has {len(too_long)} characters; give words of at most {LONGEST_WORD}.")
    return words


def embed_words(words: Sequence[str], embedder: TextEmbedder) -> Matrix:
    """The unit vector of each word, float32 [W, D]: the mean of its phrases'."""
    vectors = embedder.embed_texts([phrase.format(word) for word in words for phrase in PHRASES])
    means = vectors.reshape(len(words), len(PHRASES), -1).mean(axis=1)
    unit: Matrix = (means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return unit


def rank_words(centroids: Matrix, words: Sequence[str], vectors: Matrix, *, top: int) -> list[ClusterWords]:
    """The `top` words nearest to each of K centroids, most alike first, ties in the order of the list."""
    alike = centroids @ vectors.T
    best = np.argsort(-alike, axis=1, kind="stable")[:, :top]
    return [
        ClusterWords(cluster, [WordSuggestion(words[word], round(float(alike[cluster, word]), 4)) for word in row])
        for cluster, row in enumerate(best.tolist())
    ]
