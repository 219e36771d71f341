"""How sure each break is when all are considered together, and the cut that follows from it.

Each document draws its own rate of breaks from a spread of rates and ends with it after every page: lengths are a mixture of
geometric distributions, so short and long documents live side by side and there is no longest one. That makes the stream a
hidden Markov model with one state for each rate; dynamic programming (forward-backward, Rabiner 1989, doi:10.1109/5.18626) is exact
and linear in the number of pages. The cut breaks where a break is likelier than not, which makes the fewest wrong breaks in
expectation; the single most probable path (`cut_along_path`, Viterbi 1967, doi:10.1109/TIT.1967.1054010) is kept to compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents.streams import BREAK, JOIN, UNDECIDED, Breaks, Decisions, LogOdds
from indexer.errors import UsageError

_RATE_SPREAD = 0.4  # deviation of ln(rate) between documents: the longest sort is about 2.5 times the shortest
_RATE_STEPS = np.array([-1.15, -0.32, 0.32, 1.15])  # means of the quarters of a normal distribution, nearly
_RATE_LIMITS = (1e-4, 0.98)
_CERTAIN = 30.0  # log-odds beyond this are as good as certain, and keep exp() in range
_TILT_STEPS = 40

_Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LengthPrior:
    """The rates at which documents end after each page, all equally likely: float64 [J], with mean length 1 / `rate`."""

    rates: _Float

    @classmethod
    def from_rate(cls, rate: float) -> LengthPrior:
        """The prior whose documents have 1 / rate pages in the mean."""
        shape = np.exp(_RATE_SPREAD * _RATE_STEPS)
        return cls(np.clip(rate * shape * float((1.0 / shape).mean()), *_RATE_LIMITS))

    def find_log_share(self) -> float:
        """Log of what each document weighs for choosing its rate: minus the log of the summed chances of all lengths."""
        rates = np.unique(self.rates)[::-1]
        bounds = np.log(rates[:-1] / rates[1:]) / np.log((1.0 - rates[1:]) / (1.0 - rates[:-1]))
        edges = np.concatenate(
            [[0.0], np.floor(bounds) + 1.0, [np.inf]]
        )  # lengths − 1 from which each rate is the likeliest
        return -float(np.log(((1.0 - rates) ** edges[:-1] - (1.0 - rates) ** edges[1:]).sum()))


def choose_breaks(chances: _Float, *, decided: Decisions, count: int | None = None) -> Breaks:
    """The breaks that are likelier than not; with a known number of documents, the `count` − 1 likeliest. bool [N − 1].

    Decided breaks are honoured; of equally likely ones those earlier on the shelf are taken.

    Raises:
        UsageError: the stream has too few pages, or what is decided leaves no way to reach the count.
    """
    if count is None:
        return np.where(decided == UNDECIDED, chances > 0.5, decided == BREAK)
    least, most = int(np.count_nonzero(decided == BREAK)) + 1, len(decided) + 1 - int(np.count_nonzero(decided == JOIN))
    if not least <= count <= most:
        raise UsageError(
            f"This stream of {len(decided) + 1} pages can't be cut into {count} documents: with what is decided there are "
            f"at least {least} and at most {most}. Correct the number, or take decisions back."
        )
    ranked = np.where(decided == UNDECIDED, chances, decided * 2.0)
    breaks = np.zeros(len(decided), dtype=np.bool_)
    breaks[np.argsort(-ranked, kind="stable")[: count - 1]] = True
    return breaks


def cut_along_path(log_ratio: LogOdds, prior: LengthPrior, *, decided: Decisions) -> Breaks:
    """The most probable documents as a whole, bool [N − 1]; decided breaks are honoured, and of equals the fewer breaks win.

    Each document takes its likeliest rate, and the chances of lengths are scaled to sum to one again: otherwise every document
    would pay for choosing, and documents would be merged.
    """
    breaking, joining = _weigh_steps(log_ratio, decided)
    ends, stays, starts = np.log(prior.rates), np.log1p(-prior.rates), prior.find_log_share()
    steps = len(breaking)
    broke = np.zeros((steps, len(prior.rates)), dtype=np.bool_)
    came_from = np.zeros(steps, dtype=np.int8)
    best = np.full(len(prior.rates), starts)
    for step, (weight_break, weight_join) in enumerate(zip(breaking.tolist(), joining.tolist(), strict=True)):
        ended = best + ends
        origin = int(ended.argmax())
        fresh = ended[origin] + starts + weight_break
        best = best + stays + weight_join
        broke[step] = best < fresh
        came_from[step] = origin
        np.maximum(best, fresh, out=best)
    breaks = np.zeros(steps, dtype=np.bool_)
    state = int((best + ends).argmax())
    for step in range(steps - 1, -1, -1):
        if broke[step, state]:
            breaks[step] = True
            state = int(came_from[step])
    return breaks


def find_marginals(log_ratio: LogOdds, prior: LengthPrior, *, decided: Decisions, count: int | None = None) -> _Float:
    """The probability of each break given all evidence at once, float64 [N − 1]; 1 or 0 where decided.

    With a known number of documents a toll on every break is set so that the expected number agrees.
    """
    breaking, joining = _weigh_steps(log_ratio, decided)
    if count is None:
        return _run_forward_backward(breaking, joining, prior)
    open_breaks = np.flatnonzero(decided == UNDECIDED)
    wanted = count - 1 - int(np.count_nonzero(decided == BREAK))
    if wanted <= 0 or wanted >= len(open_breaks):
        settled = np.where(decided == BREAK, 1.0, 0.0)
        settled[open_breaks] = float(wanted > 0)
        return settled
    toll = _search_toll(lambda t: float(_run_forward_backward(breaking - t, joining, prior).sum()), count - 1)
    return _run_forward_backward(breaking - toll, joining, prior)


def _weigh_steps(log_ratio: LogOdds, decided: Decisions) -> tuple[_Float, _Float]:
    """Log-weights of breaking and of joining at each place; what is decided against weighs minus infinity."""
    breaking = np.where(decided == JOIN, -np.inf, np.clip(log_ratio, -_CERTAIN, _CERTAIN))
    joining = np.where(decided == BREAK, -np.inf, 0.0)
    return breaking, joining


def _run_forward_backward(breaking: _Float, joining: _Float, prior: LengthPrior) -> _Float:
    steps, rates = len(breaking), prior.rates
    top = np.maximum(breaking, joining)
    break_weights, join_weights = np.exp(breaking - top).tolist(), np.exp(joining - top).tolist()
    stays, states = 1.0 - rates, len(rates)
    forward = np.empty((steps + 1, states))
    forward[0] = current = np.full(states, 1.0 / states)
    for step in range(steps):
        current = current * stays * join_weights[step] + float(current @ rates) * break_weights[step] / states
        current = current / current.sum()
        forward[step + 1] = current
    chances = np.empty(steps)
    behind = rates.copy()
    for step in range(steps - 1, -1, -1):
        before = forward[step]
        fresh = break_weights[step] * float(behind.sum()) / states
        onward = stays * join_weights[step] * behind
        broken = float(before @ rates) * fresh
        chances[step] = broken / (broken + float(before @ onward))
        behind = onward + rates * fresh
        behind = behind / behind.sum()
    return chances


def _search_toll(count_breaks: Callable[[float], float], wanted: float) -> float:
    """The toll on every break at which their number comes closest to what is wanted, by bisection."""
    low, high = -2.0 * _CERTAIN, 2.0 * _CERTAIN
    for _ in range(_TILT_STEPS):
        middle = (low + high) / 2.0
        number = count_breaks(middle)
        if abs(number - wanted) < 1e-3:
            return middle
        low, high = (middle, high) if number > wanted else (low, middle)
    return (low + high) / 2.0
