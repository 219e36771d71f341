"""Which learning rate to train with: the rate grows from step to step, and the loss tells (Smith, WACV 2017, arXiv:1506.01186)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from indexer.training.values import RangeTest

STEPS = 60
LOWEST, HIGHEST = 1e-6, 1.0
_SMOOTHING = 0.85
_GIVE_UP = 3.0
"""The loss may grow to so many times its lowest before the test ends."""
_CLEAR_FALL = 0.9
"""The loss falls clearly if it comes to so many times what it was at first."""
_CALM = 1.05
"""Above so many times what it was at first, it is no longer calm."""
_BACK = 5.0
"""So many times lower than the rate at which the loss is lowest, or grows: the average over steps sees that late."""


def run_range_test(step: Callable[[int, float], float], *, steps: int = STEPS) -> RangeTest:
    """Train `steps` steps, each with a higher rate, by `step(number, rate)`, which returns its loss; ends early where the loss runs away.

    See `choose_rate` for what is chosen.
    """
    rates: list[float] = []
    smoothed: list[float] = []
    average = 0.0
    for number in range(steps):
        rate = LOWEST * (HIGHEST / LOWEST) ** (number / (steps - 1))
        loss = step(number, rate)
        if not math.isfinite(loss):
            break
        average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
        rates.append(rate)
        smoothed.append(average / (1 - _SMOOTHING ** (number + 1)))
        if number > steps // 4 and smoothed[-1] > _GIVE_UP * min(smoothed):
            break
    return RangeTest(rates, smoothed, choose_rate(rates, smoothed))


def choose_rate(rates: list[float], losses: list[float]) -> float:
    """The rate of steepest descent, but no higher than a fifth of that at which the loss is lowest.

    Where the loss never falls clearly (a network that is nearly right already), a fifth of the rate from which on it is never calm again:
    batches differ, and a few hard ones at a low rate say nothing of it. A middling rate where too little was tried to say.
    """
    if len(rates) < 8:
        return math.sqrt(LOWEST * HIGHEST)
    values = np.asarray(losses)
    begun = len(values) // 4
    first, lowest = float(np.median(values[:begun])), int(values.argmin())
    if lowest > begun and values[lowest] < _CLEAR_FALL * first:
        slopes = np.gradient(values, np.log(rates))[begun : lowest + 1]
        return min(rates[begun + int(slopes.argmin())], rates[lowest] / _BACK)
    calm = np.flatnonzero(values <= _CALM * first)
    return rates[int(calm[-1])] / _BACK
