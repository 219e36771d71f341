"""One ranked list from several, by the places that each gives: reciprocal rank fusion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

SMOOTHING = 60
"""How little the first places stand out; the value of the paper, which found no other much better."""


def fuse_rankings(rankings: Sequence[Sequence[str]]) -> list[tuple[str, float]]:
    """All that is in any of the rankings, best first, each with the sum of 1 / (60 + place) over the rankings it is in, places from 1.

    Scores of different kinds (a cosine, BM25) can't be added; places can. Ties go to the one that stands higher in the first ranking.
    Source: Cormack, Clarke & Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009.
    """
    scores: dict[str, float] = defaultdict(float)
    for ranking in rankings:
        for place, one in enumerate(ranking, 1):
            scores[one] += 1 / (SMOOTHING + place)
    return sorted(scores.items(), key=lambda item: -item[1])
