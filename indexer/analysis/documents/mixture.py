"""From evidence to log-odds: two kinds of pairs, told apart without a single label.

Neighbours alone can't tell a box of single pages from a box of long letters where all pages look somewhat alike. Pages two, three and
four apart can: in long documents they are as alike as neighbours, among single pages neighbours are no more alike than they. So the share
of breaks is read from how likeness falls with distance, as the range is from a variogram (Matheron 1963, doi:10.2113/gsecongeo.58.8.1246).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents.pairs import Evidence
from indexer.analysis.documents.streams import BREAK, UNDECIDED, Decisions, LogOdds

_MEAN_LENGTHS = np.geomspace(1.02, 60.0, 24)  # pages of a document: what the share of breaks is sought among
_USUAL_LENGTH, _LENGTH_SPREAD = 3.0, 1.5  # median, and deviation of the logarithm, before the stream is looked at
_USUAL_RATE = 1.0 / _USUAL_LENGTH
_FURTHER_WEIGHT = 0.5  # pairs further apart share their pages with each other, so they count for less
_ANCHOR_PAIRS = 10.0  # pairs of belief that breaks look like strangers: mean 0, deviation 1 by construction
_JOIN_PAIRS = 5.0
_USUAL_GAP, _LEAST_GAP = 2.0, 0.5  # deviations by which pages of one document are more alike than strangers
_MOST_BREAKS_AT = 0.5
_BIN = 0.05  # pairs whose unlikeness is this near count as one: then fitting takes the same time however long the stream is
_EMPTY_SHIFT = 0.8  # last pages are emptier than others by this many deviations, before the stream is looked at
_EMPTY_PAGES = 10.0
_MOST_EMPTY_SHIFT = 1.5
_FEW_STRANGERS = 10.0
_STEPS = 60

_Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BreakBelief:
    """What the mixture makes of a stream.

    `log_ratio` float64 [N − 1]: log of how much likelier the evidence is at a break than within a document. `rate`: the share of breaks.
    """

    log_ratio: LogOdds
    rate: float


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of pages up to a few apart, those of a kind gathered: M kinds, each array [M].

    `lag` is how many pages apart less one, `values` the unlikeness, `open` how many undecided places lie between (inf where a decided
    break does), `weights` how many pairs they are.
    """

    lag: NDArray[np.intp]
    values: _Float
    open: _Float
    weights: _Float


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """The mixture for each of R rates: where breaks lie [R], where joins of each of L lags do [R, L], their variance, how likely it is."""

    breaks_at: _Float
    joins_at: _Float
    variance: _Float
    log_likelihood: _Float


def estimate_breaks(evidence: Evidence, *, decided: Decisions, known_count: int | None = None) -> BreakBelief:
    """The log-likelihood ratios of all N − 1 breaks, from the likeliest of a range of break rates.

    For each rate pairs are a mixture, fitted by expectation–maximization with weak priors: of pages of two documents, which are about as
    unlike as strangers, and of one, which are less so; both normal with one deviation, so that the ratio rises with unlikeness
    everywhere. The page before a break tends to be emptier. Decided breaks enter as what they are; a known number of documents fixes
    the rate.
    """
    values, empty = evidence.unlikeness, evidence.emptiness[:-1]
    if not len(values):
        return BreakBelief(np.zeros(0), _USUAL_RATE)
    rates = 1.0 / _MEAN_LENGTHS
    if known_count is not None:
        rates = np.clip([(known_count - 1) / len(values)], 0.5 / len(values), 1 - 0.5 / len(values))
    trust = evidence.strangers / (evidence.strangers + _FEW_STRANGERS)
    fit = _fit_rates(_gather_pairs([values, *evidence.further], decided), rates)
    breaking = float(np.count_nonzero(decided == BREAK))
    joining = float(np.count_nonzero(decided != UNDECIDED)) - breaking
    prior = -0.5 * ((np.log(1.0 / rates) - np.log(_USUAL_LENGTH)) / _LENGTH_SPREAD) ** 2
    seen = breaking * np.log(rates) + joining * np.log1p(-rates)
    best = int(np.argmax(trust * fit.log_likelihood + prior + seen))
    rate, variance = float(rates[best]), float(fit.variance[best])
    log_ratio = ((values - fit.joins_at[best, 0]) ** 2 - (values - fit.breaks_at[best]) ** 2) / (2.0 * variance)
    chance = 1.0 / (1.0 + np.exp(-np.clip(trust * log_ratio + np.log(rate / (1.0 - rate)), -50.0, 50.0)))
    shift = _find_shift(empty, np.where(decided == UNDECIDED, chance, decided == BREAK))
    return BreakBelief(trust * (log_ratio + shift * (empty - shift * (0.5 - rate))), rate)


def _gather_pairs(unlikeness: Sequence[_Float], decided: Decisions) -> _Pairs:
    """All pairs one, two, … pages apart, binned."""
    undecided = np.concatenate([[0], np.cumsum(decided == UNDECIDED)])
    broken = np.concatenate([[0], np.cumsum(decided == BREAK)])
    rows = []
    for lag, values in enumerate(unlikeness):
        between = slice(lag + 1, None), slice(None, len(values))
        apart = broken[between[0]] > broken[between[1]]
        places = np.where(apart, -1, undecided[between[0]] - undecided[between[1]])
        rows.append(np.stack([np.full(len(values), lag), places, np.round(values / _BIN)], axis=1).astype(np.int64))
    kinds, counts = np.unique(np.concatenate(rows), axis=0, return_counts=True)
    lags, places, bins = kinds.T.astype(np.float64)
    return _Pairs(
        lag=lags.astype(np.intp),
        values=np.asarray(bins * _BIN, dtype=np.float64),
        open=np.where(places < 0, np.inf, places),
        weights=np.asarray(counts * np.where(lags == 0, 1.0, _FURTHER_WEIGHT), dtype=np.float64),
    )


def _fit_rates(pairs: _Pairs, rates: _Float) -> _Fit:
    """The mixture fitted once for each rate, all at once."""
    lags = int(pairs.lag.max()) + 1
    members = [pairs.lag == lag for lag in range(lags)]
    with np.errstate(divide="ignore", invalid="ignore"):
        stay = np.where(pairs.open == 0, 0.0, pairs.open * np.log1p(-rates)[:, None])
        log_apart, log_joined = np.log(-np.expm1(stay)), stay
    shape = len(rates)
    breaks_at, variance = np.zeros(shape), np.ones(shape)
    first = pairs.values[members[0]]
    middle = float(np.median(np.repeat(first, pairs.weights[members[0]].astype(np.int64))))
    joins_at = np.full((shape, lags), min(middle, -_USUAL_GAP))
    total = _ANCHOR_PAIRS + float(pairs.weights.sum())
    likelihood = np.zeros(shape)
    for _ in range(_STEPS):
        before = breaks_at
        off_break, off_join = pairs.values - breaks_at[:, None], pairs.values - joins_at[:, pairs.lag]
        apart = log_apart - off_break**2 / (2.0 * variance[:, None])
        joined = log_joined - off_join**2 / (2.0 * variance[:, None])
        either = np.logaddexp(apart, joined)
        likelihood = either @ pairs.weights - 0.5 * float(pairs.weights.sum()) * np.log(variance)
        apart_weights = np.exp(apart - either) * pairs.weights
        join_weights = pairs.weights - apart_weights
        breaks_at = np.minimum(
            apart_weights @ pairs.values / (_ANCHOR_PAIRS + apart_weights.sum(axis=1)), _MOST_BREAKS_AT
        )
        expected = np.minimum(-_USUAL_GAP, breaks_at - _LEAST_GAP)
        joins_at = np.empty((shape, lags))
        for lag, member in enumerate(members):
            there = join_weights[:, member]
            mean = (_JOIN_PAIRS * expected + there @ pairs.values[member]) / (_JOIN_PAIRS + there.sum(axis=1))
            joins_at[:, lag] = expected = np.minimum(mean, breaks_at - _LEAST_GAP)
        squares = apart_weights * (pairs.values - breaks_at[:, None]) ** 2
        squares += join_weights * (pairs.values - joins_at[:, pairs.lag]) ** 2
        variance = (_ANCHOR_PAIRS + squares.sum(axis=1)) / total
        if np.abs(breaks_at - before).max() < 1e-4:
            break
    anchored = _ANCHOR_PAIRS * breaks_at**2 + _JOIN_PAIRS * (joins_at[:, 0] + _USUAL_GAP) ** 2 + _ANCHOR_PAIRS
    penalty = 0.5 * anchored / variance + 0.5 * _ANCHOR_PAIRS * np.log(variance)
    return _Fit(breaks_at, joins_at, variance, likelihood - penalty)


def _find_shift(empty: _Float, chance: _Float) -> float:
    """How much emptier pages before a break are, drawn towards the prior; between 0 and its largest."""
    there, rest = float(chance.sum()), float((1.0 - chance).sum())
    pages = there * rest / len(empty)
    if pages <= 0.0:
        return _EMPTY_SHIFT
    seen = float(chance @ empty) / there - float((1.0 - chance) @ empty) / rest
    return float(np.clip((_EMPTY_PAGES * _EMPTY_SHIFT + pages * seen) / (_EMPTY_PAGES + pages), 0.0, _MOST_EMPTY_SHIFT))
