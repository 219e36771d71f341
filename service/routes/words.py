"""Words and pages: `POST /v1/search`, names suggested for clusters, and what names mean."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter

from indexer.filters import parse_filter
from indexer.library.results import ClusterWords, SearchAnswer, ThresholdChoice
from service.openapi import problems
from service.paths import check_paths
from service.schemas import ChooseThresholdBody, SearchBody, SuggestBody
from service.state import State, Who

router = APIRouter(prefix="/v1")


@router.post("/search", operation_id="search", tags=["search"], responses=problems(400, 404, 409))
async def search(state: State, body: SearchBody) -> SearchAnswer:
    """The pages that look like what a text describes, where the library's model knows words, that have its words on them, where text
    was read, or both in one list; best first.
    """
    where = parse_filter(body.filter)
    return await state.search(lambda: state.library.words.search(body.text, where=where, limit=body.limit, by=body.by))


@router.post("/suggest-names", operation_id="suggest_names", tags=["clusters"], responses=problems(400, 404, 409))
async def suggest_names(state: State, body: SuggestBody) -> list[ClusterWords]:
    """Words that each cluster looks like, most alike first, where the library's model knows words; nothing is named."""
    return await state.search(lambda: state.library.words.suggest(body.words, top=body.top))


@router.post("/choose-threshold", operation_id="choose_threshold", tags=["clusters"], responses=problems(400, 404, 409))
async def choose_threshold(state: State, who: Who, body: ChooseThresholdBody) -> list[ThresholdChoice]:
    """How many clusters each distance threshold would give, by the meaning of names; nothing is changed."""
    known = [root.directory for root in state.library.status().roots]
    check_paths([body.word_vectors], who, settings=state.settings, known_roots=known)
    file = Path(body.word_vectors) if body.word_vectors else None
    return await state.choose(
        lambda: state.library.words.choose_threshold(body.thresholds, names=body.names, word_vectors=file)
    )
