"""The one call: a stream and what is decided of it, to its documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.analysis.documents.learned import BreakClassifier, Reviewed, learn_breaks
from indexer.analysis.documents.looks import find_blank_pages
from indexer.analysis.documents.mixture import estimate_breaks
from indexer.analysis.documents.pairs import Evidence, compare_stream
from indexer.analysis.documents.segmentation import LengthPrior, choose_breaks, find_marginals
from indexer.analysis.documents.special import PageMask, SpecialRule, find_compared, rule_specials
from indexer.analysis.documents.streams import BREAK, UNDECIDED, Decisions, Proposal, StreamPages, build_proposal
from indexer.errors import UsageError

_MOST_LOG_ODDS = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """A stream made ready: keep it between corrections, for a proposal from it takes milliseconds.

    `compared` are the pages in `evidence`; the others hang on the page before. `settled` int8 [N − 1] is what rules decide.
    """

    evidence: Evidence
    compared: np.ndarray[tuple[int], np.dtype[np.intp]]
    settled: Decisions

    def __len__(self) -> int:
        return len(self.settled) + 1

    def review(self, decisions: Decisions | None = None) -> Reviewed:
        """The stream with a person's decisions laid over the rules, over the pages compared."""
        return _reduce(self, self.lay_over(decisions), None)

    def lay_over(self, decisions: Decisions | None) -> Decisions:
        """All that is decided, int8 [N − 1]: the rules, and over them the person.

        Raises:
            UsageError: decisions for another number of breaks.
        """
        if decisions is None:
            return self.settled
        if decisions.shape != self.settled.shape:
            raise UsageError(
                f"A stream of {len(self)} pages has {len(self.settled)} breaks to decide, not {decisions.shape}."
            )
        return np.where(decisions == UNDECIDED, self.settled, decisions).astype(np.int8)


def prepare_stream(
    pages: StreamPages,
    *,
    blanks: SpecialRule = SpecialRule.COMPARE,
    separators: PageMask | None = None,
    separator_rule: SpecialRule = SpecialRule.BREAK_AROUND,
    seed: int = 0,
) -> Stream:
    """The stream of N ≥ 1 pages with its neighbours compared; about 1 s for 10,000 pages.

    `blanks` says what blank pages do, found by their looks; `separators` bool [N] marks separator sheets and targets, and
    `separator_rule` what they do. Where both apply to a page, the separator wins.

    Raises:
        UsageError: an empty stream, or marks for another number of pages.
    """
    count = len(pages)
    marked = np.zeros(count, dtype=np.bool_) if separators is None else separators
    if not count or len(marked) != count:
        raise UsageError(
            f"A stream needs at least one page and one mark for each; this one has {count} pages and {len(marked)} marks."
        )
    blank = find_blank_pages(pages.looks) & ~marked if pages.looks is not None else np.zeros(count, dtype=np.bool_)
    settled = rule_specials(blank, blanks)
    ruled = rule_specials(marked, separator_rule)
    settled = np.where(ruled == UNDECIDED, settled, ruled).astype(np.int8)
    kept = np.zeros(count, dtype=np.bool_)
    kept[np.intersect1d(find_compared(blank, blanks), find_compared(marked, separator_rule))] = True
    compared = np.flatnonzero(kept)
    evidence = compare_stream(pages if len(compared) == count else pages.select(compared), seed=seed)
    return Stream(evidence, compared, settled)


def propose_documents(
    stream: Stream,
    *,
    decisions: Decisions | None = None,
    known_count: int | None = None,
    others: Sequence[Reviewed] = (),
    classifier: BreakClassifier | None = None,
) -> Proposal:
    """The documents of a stream: a break wherever one is likelier than not, given all evidence, the lengths, and what is decided.

    `decisions` int8 [N − 1]: 1 a break, −1 none, 0 open; they are honoured without exception. `known_count` is the number of
    documents, all told. `others` are reviewed streams of the same library to learn from besides; `classifier` is used instead
    of learning one. With too few corrections to learn from, the unsupervised belief stands.

    Raises:
        UsageError: decisions of another length, or a count that pages and decisions leave no way to reach.
    """
    decided = stream.lay_over(decisions)
    if known_count is not None and not 1 <= known_count <= len(stream):
        raise UsageError(
            f"A stream of {len(stream)} pages holds 1 to {len(stream)} documents, not {known_count}. Correct the number."
        )
    hung = _count_hung_breaks(stream, decided)
    inner_count = None if known_count is None else max(known_count - hung, 1)
    reviewed = _reduce(stream, decided, inner_count)
    learned = classifier or learn_breaks([reviewed, *others])
    log_ratio, rate = reviewed.belief.log_ratio, reviewed.belief.rate
    if learned is not None:
        log_odds = np.clip(learned.find_log_odds(reviewed), -_MOST_LOG_ODDS, _MOST_LOG_ODDS)
        if inner_count is None:
            rate = _find_rate(log_odds, reviewed.decided)
        log_ratio = log_odds - np.log(rate / (1.0 - rate))
    chances = find_marginals(log_ratio, LengthPrior.from_rate(rate), decided=reviewed.decided, count=inner_count)
    breaks = choose_breaks(chances, decided=reviewed.decided, count=inner_count)
    places = stream.compared[1:] - 1
    all_breaks, all_chances = decided == BREAK, (decided == BREAK).astype(np.float64)
    all_breaks[places], all_chances[places] = breaks, chances
    return build_proposal(all_breaks, all_chances, decided)


def _reduce(stream: Stream, decided: Decisions, known_count: int | None) -> Reviewed:
    """Over the pages compared; a break lies just before the later of two pages, after any that hang on the earlier."""
    inner = decided[stream.compared[1:] - 1]
    return Reviewed(stream.evidence, estimate_breaks(stream.evidence, decided=inner, known_count=known_count), inner)


def _count_hung_breaks(stream: Stream, decided: Decisions) -> int:
    """Breaks that a person put before pages that otherwise hang on the page before."""
    hung = np.ones(len(decided), dtype=np.bool_)
    hung[stream.compared[1:] - 1] = False
    return int(np.count_nonzero(hung & (decided == BREAK)))


def _find_rate(log_odds: np.ndarray[tuple[int], np.dtype[np.float64]], decided: Decisions) -> float:
    chance = np.where(decided == UNDECIDED, 1.0 / (1.0 + np.exp(-log_odds)), decided == BREAK)
    return float(np.clip((chance.sum() + 0.5) / (len(chance) + 1.0), 1e-3, 1.0 - 1e-3))
