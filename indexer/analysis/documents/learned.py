"""A break classifier that starts from the unsupervised belief and moves away from it as far as corrections ask.

Logistic regression with a normal prior on each coefficient (Gelman et al. 2008, doi:10.1214/08-AOAS191), whose mean is "trust the belief
as it stands": with no corrections it answers the belief, with few it stays near. Scikit-learn's penalty draws to 0 only, hence the twenty
lines of Newton steps. Besides the belief it sees each channel by itself, the looks of the page before and the page after, and,
what carries most, how much like the *known* first and last pages of this stream the two pages are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents.looks import LOOKS_COLUMNS
from indexer.analysis.documents.mixture import BreakBelief
from indexer.analysis.documents.pairs import CHANNELS, Evidence, centre_vectors, scale_looks
from indexer.analysis.documents.streams import BREAK, JOIN, UNDECIDED, Decisions, LogOdds
from indexer.values import Matrix

LEAST_CORRECTIONS = 8
"""Below this many decided breaks, or when all say the same, the belief is used as it is."""

_Float = NDArray[np.float64]

_BELIEF_DEVIATION = 0.5
_BASE_DEVIATION = 1.0
_CHANNEL_DEVIATION = 0.2
_LOOKS_DEVIATION = 0.1
_KIND_MEAN, _KIND_DEVIATION = 0.25, 0.3
_KIND_PAGES = 3.0  # pages of each kind that count as no evidence yet
_KIND_UNIT = 0.1  # differences of mean cosines of this size are worth a deviation
_MOST_LOG_RATIO = 6.0
_TEMPERATURES = np.linspace(1.0, 4.0, 31)


@dataclass(frozen=True, slots=True, eq=False)
class Reviewed:
    """A stream with what has been decided of it: what a classifier learns from."""

    evidence: Evidence
    belief: BreakBelief
    decided: Decisions


@dataclass(frozen=True, slots=True, eq=False)
class BreakClassifier:
    """Coefficients over the columns of `_describe_breaks`; `corrections` is how many decided breaks they were learned from.

    Log-odds are divided by `temperature` (1 or more), which makes them as sure as they prove on corrections left out.
    """

    coefficients: _Float
    temperature: float
    corrections: int

    def find_log_odds(self, stream: Reviewed) -> LogOdds:
        """The log-odds of a break at each of the N − 1 places; decided ones are described, not overruled."""
        columns, offset = _describe_breaks(stream)
        return (offset + columns @ self.coefficients) / self.temperature


def learn_breaks(streams: Sequence[Reviewed]) -> BreakClassifier | None:
    """The classifier that the decided breaks of these streams teach; None when they are too few or all alike.

    The most probable coefficients given prior and decisions; deterministic.
    """
    kept = [(stream, np.flatnonzero(stream.decided != UNDECIDED)) for stream in streams]
    answers = np.concatenate([stream.decided[rows] == BREAK for stream, rows in kept] or [np.zeros(0, dtype=np.bool_)])
    if len(answers) < LEAST_CORRECTIONS or answers.all() or not answers.any():
        return None
    parts = []
    for stream, rows in kept:
        columns, offset = _describe_breaks(stream)
        parts.append((columns[rows], offset[rows]))
    columns = np.concatenate([part[0] for part in parts])
    offset = np.concatenate([part[1] for part in parts])
    truth = answers.astype(np.float64)
    coefficients = _fit(columns, offset, truth)
    return BreakClassifier(coefficients, _find_temperature(columns, offset, truth, coefficients), len(answers))


def _describe_breaks(stream: Reviewed) -> tuple[_Float, _Float]:
    """Columns [N − 1, F] and the offset [N − 1]: the belief, at which a classifier without corrections stays."""
    evidence, belief = stream.evidence, stream.belief
    log_ratio = np.clip(belief.log_ratio, -_MOST_LOG_RATIO, _MOST_LOG_RATIO)
    offset = log_ratio + np.log(belief.rate / (1.0 - belief.rate))
    known = [log_ratio[:, None], np.ones((len(log_ratio), 1)), np.clip(evidence.scores, -3.0, 3.0)]
    looks = evidence.pages.looks
    if looks is None:
        before_after = np.zeros((len(log_ratio), 2 * _LOOKS))
    else:
        scaled = np.nan_to_num(scale_looks(looks))
        before_after = np.concatenate([scaled[:-1], scaled[1:]], axis=1)
    return np.concatenate([*known, before_after, _describe_kinds(stream)], axis=1).astype(np.float64), offset


def _describe_kinds(stream: Reviewed) -> _Float:
    """[N − 1, 8]: for page, head, foot and looks, how the page after resembles first pages and the page before last ones."""
    pages, decided = stream.evidence.pages, stream.decided
    first = np.concatenate([[BREAK], decided]).astype(np.int8)  # nothing comes before the first page of a stream
    last = np.concatenate([decided, [BREAK]]).astype(np.int8)
    parts = [None if part is None else centre_vectors(part) for part in (pages.page, pages.head, pages.foot)]
    parts.append(None if pages.looks is None else _unit(scale_looks(pages.looks)))
    columns: list[_Float] = []
    for part in parts:
        if part is None:
            columns += [np.zeros(len(decided))] * 2
            continue
        values = np.nan_to_num(part)
        columns += [_resemble_kind(values, first)[1:], _resemble_kind(values, last)[:-1]]
    return np.stack(columns, axis=1)


def _resemble_kind(vectors: Matrix, kinds: Decisions) -> _Float:
    """Mean cosine with the known pages of the kind less that with the known others, each page left out of its own means."""
    means = []
    for kind in (BREAK, JOIN):
        member = kinds == kind
        total = vectors[member].sum(axis=0)
        own = np.where(member, np.einsum("nd,nd->n", vectors, vectors), 0.0)
        means.append((vectors @ total - own) / (float(member.sum()) - member + _KIND_PAGES))
    return np.asarray(np.clip((means[0] - means[1]) / _KIND_UNIT, -3.0, 3.0), dtype=np.float64)


def _unit(values: Matrix) -> Matrix:
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(norms > 0, norms, 1.0), dtype=np.float32)


def _fit(columns: _Float, offset: _Float, answers: _Float) -> _Float:
    """The mode of the posterior, by Newton's method with step halving; the problem is strictly convex."""
    means, precisions = _PRIOR_MEANS, 1.0 / _PRIOR_DEVIATIONS**2
    weights = means.copy()

    def lose(candidate: _Float) -> float:
        odds = offset + columns @ candidate
        return float(np.logaddexp(0.0, odds).sum() - answers @ odds + 0.5 * precisions @ (candidate - means) ** 2)

    loss = lose(weights)
    for _ in range(50):
        chance = 1.0 / (1.0 + np.exp(-np.clip(offset + columns @ weights, -50.0, 50.0)))
        slope = columns.T @ (chance - answers) + precisions * (weights - means)
        bend = (columns.T * (chance * (1.0 - chance))) @ columns + np.diag(precisions)
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while lose(weights - size * step) > loss and size > 1e-6:
            size /= 2.0
        weights = weights - size * step
        previous, loss = loss, lose(weights)
        if previous - loss < 1e-8:
            break
    return weights


def _find_temperature(columns: _Float, offset: _Float, answers: _Float, coefficients: _Float) -> float:
    """The temperature at which the corrections are likeliest, each judged without itself.

    Leaving one out is worked out to first order instead of fitted anew (Rahnama Rad and Maleki 2020, arXiv:1801.10243).
    """
    odds = offset + columns @ coefficients
    chance = 1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0)))
    weight = chance * (1.0 - chance)
    bend = (columns.T * weight) @ columns + np.diag(1.0 / _PRIOR_DEVIATIONS**2)
    spread = np.einsum("nf,fn->n", columns, np.linalg.solve(bend, columns.T))
    left_out = odds - spread / (1.0 - np.minimum(weight * spread, 0.99)) * (answers - chance)
    cooled = left_out[:, None] / _TEMPERATURES
    losses = (np.logaddexp(0.0, cooled) - answers[:, None] * cooled).sum(axis=0)
    return float(_TEMPERATURES[int(losses.argmin())])


_LOOKS = len(LOOKS_COLUMNS)
_KINDS = 8
_PRIOR_MEANS = np.concatenate([np.zeros(2 + len(CHANNELS) + 2 * _LOOKS), np.full(_KINDS, _KIND_MEAN)])
_PRIOR_DEVIATIONS = np.concatenate(
    [
        [_BELIEF_DEVIATION, _BASE_DEVIATION],
        np.full(len(CHANNELS), _CHANNEL_DEVIATION),
        np.full(2 * _LOOKS, _LOOKS_DEVIATION),
        np.full(_KINDS, _KIND_DEVIATION),
    ]
)
