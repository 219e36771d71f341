"""Pages that are no text: blank versos, separator sheets, targets. They hang on the page before, or mark a certain break."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents.streams import BREAK, JOIN, UNDECIDED, Decisions

PageMask = NDArray[np.bool_]
"""bool [N], True for the pages meant."""


class SpecialRule(StrEnum):
    """What a special page does to the documents around it."""

    COMPARE = "compare"
    """It is compared like any page."""
    JOIN_BEFORE = "join"
    """It belongs to the page before; whether a document begins after it is told from the pages around it."""
    BREAK_AROUND = "break"
    """It stands alone: a document ends before it and another begins after it."""


def rule_specials(marked: PageMask, rule: SpecialRule) -> Decisions:
    """The breaks that a rule settles: int8 [N − 1]. A person's decisions are laid over these, never under."""
    settled = np.full(max(len(marked) - 1, 0), UNDECIDED, dtype=np.int8)
    if rule is SpecialRule.JOIN_BEFORE:
        settled[marked[1:]] = JOIN
    elif rule is SpecialRule.BREAK_AROUND:
        settled[marked[1:] | marked[:-1]] = BREAK
    return settled


def find_compared(marked: PageMask, rule: SpecialRule) -> NDArray[np.intp]:
    """The pages that are compared with each other, in shelf order: all, or all but those joined to the page before.

    The first page of a stream is always among them, since nothing comes before it.
    """
    if rule is not SpecialRule.JOIN_BEFORE:
        return np.arange(len(marked))
    kept = ~marked
    kept[:1] = True
    return np.flatnonzero(kept)
