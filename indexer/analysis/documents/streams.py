"""The values that document grouping takes and gives: a stream of pages, a person's decisions, a proposal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents.looks import LOOKS_COLUMNS
from indexer.errors import UsageError
from indexer.values import Matrix

Breaks = NDArray[np.bool_]
"""bool [N − 1]: whether a new document begins between page i and page i + 1."""
Decisions = NDArray[np.int8]
"""int8 [N − 1]: what a person (or a certain rule) decided of each break: 1 a break, −1 no break, 0 not decided."""
LogOdds = NDArray[np.float64]
"""float64 [N − 1]: natural log of the odds that there is a break, or of a likelihood ratio where so said."""

BREAK, JOIN, UNDECIDED = 1, -1, 0


@dataclass(frozen=True, slots=True, eq=False)
class StreamPages:
    """The pages of one stream in shelf order.

    `page`, `head`, `foot`: embeddings [N, D] of the whole page and its top and bottom fifth (float16 or float32; D may differ between
    them); `looks` [N, len(LOOKS_COLUMNS)]. What is not there is None; a row that is not there is NaN, which counts neither way.

    Raises:
        UsageError: nothing at all is given, or the parts differ in their number of pages.
    """

    page: Matrix | None
    head: Matrix | None = None
    foot: Matrix | None = None
    looks: Matrix | None = None

    def __post_init__(self) -> None:
        sizes = {len(part) for part in (self.page, self.head, self.foot, self.looks) if part is not None}
        if len(sizes) != 1:
            raise UsageError(
                f"A stream needs vectors or looks, one row for each page in every part; the parts have {sorted(sizes)} rows."
            )
        if self.looks is not None and self.looks.shape[1] != len(LOOKS_COLUMNS):
            raise UsageError(f"Looks have {len(LOOKS_COLUMNS)} columns, not {self.looks.shape[1]}: measure them again.")

    def __len__(self) -> int:
        return next(len(part) for part in (self.page, self.head, self.foot, self.looks) if part is not None)

    def select(self, kept: NDArray[np.intp]) -> StreamPages:
        """The stream of these pages only, in the order given."""
        parts = (None if part is None else part[kept] for part in (self.page, self.head, self.foot, self.looks))
        return StreamPages(*parts)


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """The documents proposed for one stream.

    `breaks` bool [N − 1]. `probabilities` float32 [N − 1] that there is a break (1 or 0 where decided). `decided` int8 [N − 1].
    `review_order` the undecided breaks, least certain first, ties in shelf order. `doubtful` how many of them have a
    probability between `DOUBT` and 1 − `DOUBT`. `documents` first and last page of each, counted from 0, in shelf order.
    `confidences` float32, for each document: the chance that its least certain break, at its ends or within, is right.
    """

    breaks: Breaks
    probabilities: NDArray[np.float32]
    decided: Decisions
    review_order: NDArray[np.intp]
    doubtful: int
    documents: tuple[tuple[int, int], ...]
    confidences: NDArray[np.float32]


DOUBT = 0.1  # a break is doubtful while the chance that the proposal is wrong there is above one in ten


def build_proposal(breaks: Breaks, probabilities: NDArray[np.float64], decided: Decisions) -> Proposal:
    """The proposal with its review order and confidences worked out; decided breaks are laid over both arrays."""
    breaks = np.where(decided == UNDECIDED, breaks, decided == BREAK)
    probabilities = np.where(decided == UNDECIDED, probabilities, decided == BREAK)
    open_breaks = np.flatnonzero(decided == UNDECIDED)
    order = open_breaks[np.argsort(np.abs(probabilities[open_breaks] - 0.5), kind="stable")]
    right = np.where(breaks, probabilities, 1.0 - probabilities)
    documents = list_documents(breaks)
    lowest = [float(min(right[max(first - 1, 0) : last + 1], default=1.0)) for first, last in documents]
    doubtful = int(np.count_nonzero(np.abs(probabilities[open_breaks] - 0.5) < 0.5 - DOUBT))
    return Proposal(
        breaks=breaks,
        probabilities=probabilities.astype(np.float32),
        decided=decided,
        review_order=order,
        doubtful=doubtful,
        documents=documents,
        confidences=np.array(lowest, dtype=np.float32),
    )


def list_documents(breaks: Breaks) -> tuple[tuple[int, int], ...]:
    """First and last page of each document, counted from 0, in shelf order."""
    ends = [*np.flatnonzero(breaks).tolist(), len(breaks)]
    starts = [0, *(end + 1 for end in ends[:-1])]
    return tuple(zip(starts, ends, strict=True))


def find_breaks(documents: NDArray[np.generic]) -> Breaks:
    """The breaks of a stream whose pages carry the names or numbers of their documents: [N] -> bool [N − 1]."""
    return np.asarray(documents[1:] != documents[:-1], dtype=np.bool_)
