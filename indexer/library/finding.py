"""Pages found by words: which way is taken, and how the answers of two ways become one list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from indexer.analysis.fusing import fuse_rankings
from indexer.analysis.snippets import cut_snippet
from indexer.errors import ConflictError
from indexer.library.page_payload import TEXT, page_from_payload
from indexer.library.results import FoundPage, SearchBy, SnippetPart
from indexer.store.port import Hit

if TYPE_CHECKING:
    from indexer.library.core import Library

FUSED_DEPTH = 100
"""How far down both lists are read before they are fused; further down a place adds hardly anything."""
NO_TEXT = "No text of this library's pages was read yet. Read it with `quire read-text`, which takes seconds a page."


def choose_way(by: SearchBy | None, modes: Sequence[str], library: Library) -> tuple[SearchBy, str | None]:
    """How to search where `by` is wished and `modes` can be had, and a word on it where that is less than was wished.

    Raises:
        ConflictError: text is asked for, and none was read yet. Where looks can't be had, it is their embedder that says so.
    """
    if by == "text" and "text" not in modes:
        raise ConflictError(NO_TEXT)
    if by in ("looks", "text"):
        return by, None
    if "both" in modes:
        return "both", None
    if "text" in modes:
        model = library.manifest.model
        name = model.name if model else "none"
        return "text", f"Found by the text on the pages alone: the library's model {name} knows no words."
    return "looks", f"Found by looks alone. {NO_TEXT}" if by == "both" else None


def merge_hits(query: str, looks: Sequence[Hit] | None, words: Sequence[Hit] | None, *, limit: int) -> list[FoundPage]:
    """The first `limit` pages of one ranking as it is, or of two, fused by their places; None: that way was not asked."""
    by_looks = {hit.id: hit for hit in looks or ()}
    by_words = {hit.id: hit for hit in words or ()}
    both = looks is not None and words is not None
    order = fuse_rankings([list(by_looks), list(by_words)])[:limit]
    return [_found(query, one, by_looks.get(one), by_words.get(one), score if both else None) for one, score in order]


def _found(query: str, page_id: str, looks: Hit | None, words: Hit | None, fused: float | None) -> FoundPage:
    hit = looks or words
    assert hit is not None
    text = hit.payload.get(TEXT)
    return FoundPage(
        similarity=looks.similarity if looks else None,
        page=page_from_payload(page_id, hit.payload),
        words=words.similarity if words else None,
        fused=fused,
        snippet=[SnippetPart(*part) for part in cut_snippet(text, query)] if words and isinstance(text, str) else [],
    )
