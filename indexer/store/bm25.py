"""Words as sparse vectors, the same for both adapters: Qdrant's own BM25, computed by the engine in this process.

Robertson & Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009. The weight of a word in a text (how often, how
long the text) is in the text's vector; how rare the word is in the collection, Qdrant adds when it searches (modifier IDF).
"""

from __future__ import annotations

import unicodedata
from functools import cache

import qdrant_edge as edge

SparseRow = tuple[list[int], list[float]]
"""Indices and values of a sparse vector; words are numbered by their hash, so two collections agree."""

AVERAGE_WORDS = 256
"""Words of a page as BM25 expects them; a typed page of A4 has 250 to 400. How far off it is matters little."""


def text_vector(text: object) -> SparseRow | None:
    """The vector of a text that is stored; None where there is no word in it."""
    found = _model().embed_document(_composed(text)) if isinstance(text, str) and text else None
    return (found.indices, found.values) if found is not None and found.indices else None


def query_vector(text: str) -> SparseRow | None:
    """The vector of a text that is looked for; None where there is no word in it."""
    found = _model().embed_query(_composed(text))
    return (found.indices, found.values) if found.indices else None


def _composed(text: str) -> str:
    """Letters with their accents as one sign, as nearly all texts have them; others would be cut in two at the accent."""
    return unicodedata.normalize("NFC", text)


@cache
def _model() -> edge.Bm25:
    """No stemming and no stop words: pages are in any language, several to a library, and rare words weigh more anyhow."""
    return edge.Bm25(
        edge.Bm25Config(
            avg_len=AVERAGE_WORDS,
            # Splits languages that write no spaces, too.
            tokenizer=edge.TokenizerType.Multilingual,
            lowercase=True,
            # An accent that OCR misses, or that a query leaves away, must not hide a word.
            ascii_folding=True,
            stopwords=edge.StopwordsSet(languages=set(), custom=set()),
            stemmer=edge.DisabledStemmer(),
        )
    )
