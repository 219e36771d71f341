"""How good a grouping is, the field's way.

- Page-break precision, recall and F1: of the breaks between pages; the start of a stream is given and not counted.
- Panoptic quality PQ (Kirillov et al., CVPR 2019, arXiv:1801.00868), as used for page streams by OpenPSS (van Heusden et al., TPDL 2022 and
  2024): true and proposed documents match when they overlap by more than half (IoU > 0.5, so each matches at most one);
  PQ = Σ IoU of matches / (½ true + ½ proposed documents). OpenPSS calls this "weighted PQ", and the count of matches in place of
  their IoU "unweighted"; the latter is `document_f1` here.
- PQ weighted by document length: every document counts as many times as it has pages: Σ IoU · ½ (true + proposed length) / pages.
- STP: the share of streams without any error.
- MNDD (Mungmeeprued et al., "Tab this folder of documents", DocEng 2022, doi:10.1145/3558100.3563852): the fewest drags-and-drops of
  single pages that turn the proposed documents into the true ones, documents being unordered: pages less the largest total overlap
  of a one-to-one matching.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents.streams import Breaks
from indexer.errors import UsageError


@dataclass(frozen=True, slots=True)
class GroupingQuality:
    """The figures of one stream, or of several together. All but `mndd`, `pages` and the counts lie in 0 to 1, 1 being without error."""

    precision: float
    recall: float
    page_f1: float
    document_f1: float
    pq: float
    weighted_pq: float
    stp: float
    mndd: int
    pages: int
    true_documents: int
    proposed_documents: int


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of a figure: the central 95 % of its bootstrap distribution."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Tally:
    """Sums that add up over streams."""

    hits: int
    true_breaks: int
    proposed_breaks: int
    matches: int
    overlap: float
    weighted_overlap: float
    true_documents: int
    proposed_documents: int
    pages: int
    right: int
    streams: int
    drags: int


def measure_grouping(true: Breaks, proposed: Breaks) -> GroupingQuality:
    """The figures of one stream of N pages from its true and proposed breaks, each bool [N − 1].

    Where neither has a break, precision, recall and page F1 are 1.

    Raises:
        UsageError: the two differ in length.
    """
    return _summarize([_tally_stream(true, proposed)])


def measure_groupings(streams: Sequence[tuple[Breaks, Breaks]]) -> GroupingQuality:
    """The figures of several streams (true, proposed) together: documents and breaks are pooled, MNDD added, STP counted.

    Raises:
        UsageError: no stream at all, or two lengths differ.
    """
    if not streams:
        raise UsageError("No stream to measure: give at least one pair of true and proposed breaks.")
    return _summarize([_tally_stream(true, proposed) for true, proposed in streams])


def find_intervals(
    streams: Sequence[tuple[Breaks, Breaks]], *, draws: int = 1000, seed: int = 0
) -> dict[str, Interval]:
    """95 % bootstrap intervals of page F1, document F1, PQ and weighted PQ, by figure name.

    Streams are cut wherever a true and a proposed break agree, since no document crosses there; these independent runs of
    documents are drawn with replacement. A single run gives an interval of no width: too little to say.
    """
    tallies = [tally for true, proposed in streams for tally in _tally_runs(true, proposed)]
    rng = np.random.default_rng(seed)
    names = ("page_f1", "document_f1", "pq", "weighted_pq")
    drawn = np.empty((draws, len(names)))
    for draw in range(draws):
        chosen = rng.integers(len(tallies), size=len(tallies))
        quality = _summarize([tallies[index] for index in chosen])
        drawn[draw] = [getattr(quality, name) for name in names]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return {name: Interval(float(low[i]), float(high[i])) for i, name in enumerate(names)}


def count_drags(true: Breaks, proposed: Breaks) -> int:
    """MNDD: the fewest single pages to move so that the proposed documents become the true ones.

    Overlapping documents of two cuts of one line follow each other like stairs, so the best matching is found in one pass.
    """
    pairs, overlaps, _, _ = _overlap_documents(true, proposed)
    best_before = [0]  # the best matching among the first k overlaps
    first_with_true: dict[int, int] = {}
    first_with_proposed: dict[int, int] = {}
    for index, ((left, right), overlap) in enumerate(zip(pairs.tolist(), overlaps.tolist(), strict=True)):
        earlier = min(first_with_true.setdefault(left, index), first_with_proposed.setdefault(right, index))
        best_before.append(max(best_before[-1], best_before[earlier] + overlap))
    return len(true) + 1 - best_before[-1]


def _overlap_documents(
    true: Breaks, proposed: Breaks
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Pairs [P, 2] of overlapping documents in shelf order, pages they share [P], and the lengths of all documents of each side."""
    if true.shape != proposed.shape:
        raise UsageError(
            f"The true stream has {len(true) + 1} pages, the proposed one {len(proposed) + 1}: compare the same pages."
        )
    left = np.concatenate([[0], np.cumsum(true)])
    right = np.concatenate([[0], np.cumsum(proposed)])
    starts = np.flatnonzero(np.concatenate([[True], true | proposed]))
    overlaps = np.diff(np.append(starts, len(left)))
    return np.stack([left[starts], right[starts]], axis=1), overlaps, np.bincount(left), np.bincount(right)


def _tally_stream(true: Breaks, proposed: Breaks) -> _Tally:
    pairs, overlaps, true_lengths, proposed_lengths = _overlap_documents(true, proposed)
    lengths = np.stack([true_lengths[pairs[:, 0]], proposed_lengths[pairs[:, 1]]], axis=1)
    union = lengths.sum(axis=1) - overlaps
    matched = 2 * overlaps > union
    quality = overlaps[matched] / union[matched]
    return _Tally(
        hits=int(np.count_nonzero(true & proposed)),
        true_breaks=int(np.count_nonzero(true)),
        proposed_breaks=int(np.count_nonzero(proposed)),
        matches=int(np.count_nonzero(matched)),
        overlap=float(quality.sum()),
        weighted_overlap=float(quality @ lengths[matched].mean(axis=1)),
        true_documents=len(true_lengths),
        proposed_documents=len(proposed_lengths),
        pages=len(true) + 1,
        right=int(np.array_equal(true, proposed)),
        streams=1,
        drags=count_drags(true, proposed),
    )


def _tally_runs(true: Breaks, proposed: Breaks) -> list[_Tally]:
    """The tallies of the stretches between breaks on which both agree; each agreed break goes with the stretch before it."""
    agreed = np.flatnonzero(true & proposed)
    bounds = [0, *(agreed + 1).tolist(), len(true) + 1]
    tallies = []
    for start, end in pairwise(bounds):
        inside = _tally_stream(true[start : end - 1], proposed[start : end - 1])
        closing = int(end <= len(true))
        tallies.append(
            replace(
                inside,
                hits=inside.hits + closing,
                true_breaks=inside.true_breaks + closing,
                proposed_breaks=inside.proposed_breaks + closing,
            )
        )
    return tallies


def _summarize(tallies: Sequence[_Tally]) -> GroupingQuality:
    def total(read: Callable[[_Tally], float]) -> float:
        return sum(read(tally) for tally in tallies)

    hits, true_breaks, proposed_breaks = (
        total(lambda t: t.hits),
        total(lambda t: t.true_breaks),
        total(lambda t: t.proposed_breaks),
    )
    documents = (total(lambda t: t.true_documents) + total(lambda t: t.proposed_documents)) / 2.0
    pages = total(lambda t: t.pages)
    nothing = not true_breaks and not proposed_breaks
    return GroupingQuality(
        precision=hits / proposed_breaks if proposed_breaks else float(nothing),
        recall=hits / true_breaks if true_breaks else float(nothing),
        page_f1=2.0 * hits / (true_breaks + proposed_breaks) if not nothing else 1.0,
        document_f1=total(lambda t: t.matches) / documents,
        pq=total(lambda t: t.overlap) / documents,
        weighted_pq=total(lambda t: t.weighted_overlap) / pages,
        stp=total(lambda t: t.right) / total(lambda t: t.streams),
        mndd=int(total(lambda t: t.drags)),
        pages=int(pages),
        true_documents=int(total(lambda t: t.true_documents)),
        proposed_documents=int(total(lambda t: t.proposed_documents)),
    )
