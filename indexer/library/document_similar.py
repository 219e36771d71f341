"""Documents like one document: compared page by page, both ways."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

import numpy as np

from indexer.errors import PageMissingError, UsageError
from indexer.library.answering import check_limit
from indexer.library.page_payload import page_from_payload
from indexer.library.results import SimilarDocument
from indexer.values import Condition, Matrix, PageFilter

if TYPE_CHECKING:
    from indexer.library.core import Library

_MOST_QUERIES = 16
"""Pages of a long document that stand for it, evenly spaced."""
_HITS_EACH = 64
_CANDIDATES = 3
"""Documents compared in full, as a multiple of those asked for."""


def find_similar_documents(library: Library, page_id: str, *, limit: int) -> list[SimilarDocument]:
    """See `Documents.similar_documents`. Similarity is the mean over all pages of both of the best cosine in the other."""
    check_limit(limit)
    own = library.page(page_id).document
    if own is None:
        raise UsageError("Documents were not looked for here yet; `quire documents` does.")
    mine = _read_documents(library, [own]).get(own)
    if mine is None:
        raise PageMissingError(f"There is no document {own} any more; `quire documents` looks for them anew.")
    chosen = np.unique(np.linspace(0, len(mine) - 1, min(len(mine), _MOST_QUERIES)).round().astype(np.intp))
    others = PageFilter((Condition("document", "!=", (own,)),))
    answers = library.collection.find_similar(mine[chosen], using="page", limit=_HITS_EACH, where=others)
    best: Counter[str] = Counter()
    for hits in answers:
        nearest: dict[str, float] = {}
        for hit in hits:
            document = cast("str | None", hit.payload.get("document"))
            if document is not None:
                nearest.setdefault(document, hit.similarity)
        best.update(nearest)
    candidates = [document for document, _ in best.most_common(_CANDIDATES * limit)]
    found = _read_documents(library, candidates)
    similarities = {document: _compare(mine, found[document]) for document in candidates if document in found}
    ranked = sorted(similarities, key=lambda document: (-similarities[document], document))[:limit]
    first = library.collection.retrieve(ranked)
    pages = {i: page_from_payload(i, payload) for i, payload in zip(first.ids, first.payloads, strict=True)}
    return [
        SimilarDocument(round(similarities[one], 6), one, len(found[one]), pages[one]) for one in ranked if one in pages
    ]


def _read_documents(library: Library, documents: list[str]) -> dict[str, Matrix]:
    """The embeddings of whole documents by id, pages in no certain order."""
    if not documents:
        return {}
    where = PageFilter((Condition("document", "=", tuple(documents)),))
    rows: dict[str, list[Matrix]] = {}
    for batch in library.collection.scroll(where=where, fields=("document",), vectors=("page",)):
        for payload, vector in zip(batch.payloads, batch.vectors["page"], strict=True):
            rows.setdefault(str(payload["document"]), []).append(vector)
    return {document: np.stack(vectors) for document, vectors in rows.items()}


def _compare(left: Matrix, right: Matrix) -> float:
    cosines = left @ right.T
    return float((cosines.max(axis=1).mean() + cosines.max(axis=0).mean()) / 2)
