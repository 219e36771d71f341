"""Pages alike to a query in what they show and in their colours, weighed against each other when the question is asked.

A page's similarity is then (1 − share) × the cosine of the embeddings + share × the cosine of the colours. Each is searched on
its own, and the lists are gone down together until no page further down can come before those found (Fagin, Lotem & Naor,
"Optimal aggregation algorithms for middleware", 2003: the threshold algorithm), so that the answer is the same as if every page
had been compared, but for what the index itself may miss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import ConflictError, UsageError
from indexer.store.port import Collection, Hit
from indexer.values import Matrix, PageFilter, Vector

if TYPE_CHECKING:
    from indexer.library.core import Library

_FIRST = 64
_DEEPEST = 4_096
"""Below this no list is gone: where colours and content have nothing to do with each other, what lies deeper is close to a draw."""


def check_colour(library: Library, share: float) -> float:
    """The share, if the library can answer with it.

    Raises:
        UsageError: it is not 0 to 1.
        ConflictError: the library has no colour vectors.
    """
    if not 0 <= share <= 1:
        raise UsageError(f"colour is {share}; it must be 0 (content alone) to 1 (colour alone).")
    views = library.manifest.views
    if share > 0 and "colour" not in views:
        raise ConflictError(
            f"The library {library.directory} has no colour vectors to weigh in. Make them with "
            f"`quire reindex --views {','.join([*views, 'colour'])}`."
        )
    return share


def find_weighed(
    pages: Collection, page: Vector, colour: Vector, *, share: float, limit: int, where: PageFilter
) -> list[Hit]:
    """The pages most alike to one query [D] with these colours [C], `limit` of them, most alike first; ties by id."""
    if share in (0, 1):
        query, using = (page, "page") if share == 0 else (colour, "colour")
        return pages.find_similar(query, using=using, limit=limit, where=where)[0]
    depth = max(_FIRST, 4 * limit)
    while True:
        by_page = pages.find_similar(page, using="page", limit=depth, where=where)[0]
        by_colour = pages.find_similar(colour, using="colour", limit=depth, where=where)[0]
        hits = _weigh(pages, {hit.id: hit for hit in (*by_page, *by_colour)}, page, colour, share)[:limit]
        if len(by_page) < depth or depth >= _DEEPEST:
            return hits
        # A page in neither list is at most as alike as the last of both.
        bound = (1 - share) * by_page[-1].similarity + share * by_colour[-1].similarity
        if len(hits) == limit and hits[-1].similarity >= bound:
            return hits
        depth = min(4 * depth, _DEEPEST)


def mix_vectors(vectors: dict[str, Matrix], share: float) -> Matrix:
    """Float32 [N, D] or [N, D + C], unit rows: `page`, joined with `colour` so that cosines are those of `find_weighed`."""
    if share == 0:
        return vectors["page"]
    weighed = (vectors["page"] * np.float32((1 - share) ** 0.5), vectors["colour"] * np.float32(share**0.5))
    return np.asarray(np.concatenate(weighed, axis=1), dtype=np.float32)


def _weigh(pages: Collection, found: dict[str, Hit], page: Vector, colour: Vector, share: float) -> list[Hit]:
    batch = pages.retrieve(list(found), vectors=("page", "colour"))
    both = (1 - share) * (batch.vectors["page"] @ page) + share * (batch.vectors["colour"] @ colour)
    weighed = zip(batch.ids, np.nan_to_num(both, nan=-1.0).tolist(), strict=True)
    hits = [Hit(page_id, similarity, found[page_id].payload) for page_id, similarity in weighed]
    return sorted(hits, key=lambda hit: (-hit.similarity, hit.id))
