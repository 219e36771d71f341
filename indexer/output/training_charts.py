"""How training went, as pictures: loss and accuracy by epoch, the tests of learning rates, what was told of which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.output.charts import (
    FAINT,
    INK,
    RIM,
    Measured,
    draw_calibration,
    draw_confusion,
    draw_intervals,
    new_figure,
    render,
)
from indexer.output.palette import colour_of, hex_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRAIN, _VALIDATION, _BEST = (hex_of(colour_of(number)) for number in (1, 0, 5))

_ROOM_FOR_A_NAME = 0.35
"""The share of all epochs that a stage's name is as wide as."""


@dataclass(frozen=True, slots=True)
class EpochPoint:
    """One epoch to draw; `stage` is what it belongs to, such as "head, 224 px"."""

    stage: str
    train_loss: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True, slots=True)
class RateTest:
    """A learning-rate range test to draw."""

    name: str
    rates: Sequence[float]
    losses: Sequence[float]
    chosen: float


def draw_training(
    epochs: Sequence[EpochPoint], best: int, tests: Sequence[RateTest], *, title: str, subtitle: str = ""
) -> bytes:
    """PNG: losses and accuracy over all `epochs` from 0, which is before any; the one kept; and each range test with the rate chosen."""
    figure = new_figure(15, 5.4, title, subtitle)
    columns = figure.subplots(1, 3 if tests else 2, width_ratios=(1.2, 1.2, 1.2) if tests else None)
    number = np.arange(len(epochs))
    columns[0].plot(number, [one.train_loss for one in epochs], color=_TRAIN, linewidth=2, label="training")
    columns[0].plot(number, [one.validation_loss for one in epochs], color=_VALIDATION, linewidth=2, label="validation")
    columns[0].set_ylabel("loss")
    columns[0].legend(frameon=False, labelcolor=INK)
    columns[1].plot(number, [one.validation_accuracy for one in epochs], color=_VALIDATION, linewidth=2)
    columns[1].set_ylabel("accuracy on the validation pages")
    for axes, value in ((columns[0], epochs[best].validation_loss), (columns[1], epochs[best].validation_accuracy)):
        axes.plot(best, value, "o", color=_BEST, markersize=9)
        axes.annotate("kept", (best, value), textcoords="offset points", xytext=(8, 8), color=_BEST, fontsize=10)
        axes.set_xlabel("epoch")
        axes.grid(color=RIM)
        _mark_stages(axes, [one.stage for one in epochs])
    if tests:
        _draw_tests(columns[2], tests)
    return render(figure)


def draw_quality(
    ways: Sequence[Measured],
    labels: Sequence[str],
    confusion: NDArray[np.int64],
    bins: Sequence[tuple[float, float, int]],
    *,
    title: str,
    subtitle: str = "",
) -> bytes:
    """PNG: the model beside its baseline, confusion [L, L], and calibration, all on the test pages."""
    figure = new_figure(15, 7.2, title, subtitle)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.0, 1.5, 1.0))
    draw_intervals(left, ways, label="accuracy on the test pages, with 95 % interval")
    draw_confusion(middle, labels, confusion, heading="what was told of which")
    draw_calibration(right, bins, heading="how sure, and how often right")
    return render(figure)


def _draw_tests(axes: Axes, tests: Sequence[RateTest]) -> None:
    for number, test in enumerate(tests):
        colour = hex_of(colour_of(number + 3))
        axes.plot(test.rates, test.losses, color=colour, linewidth=2, label=f"{test.name}: {test.chosen:.1e}")
        axes.axvline(test.chosen, color=colour, linewidth=1, linestyle=(0, (4, 4)))
    axes.set_xscale("log")
    highest = max(test.losses[0] for test in tests if test.losses)
    lowest = min(min(test.losses) for test in tests if test.losses)
    axes.set_ylim(lowest - 0.1 * (highest - lowest), highest + 0.6 * max(highest - lowest, 0.1))
    axes.set_xlabel("learning rate, tried from low to high")
    axes.set_ylabel("loss, smoothed")
    axes.grid(color=RIM)
    axes.legend(frameon=False, labelcolor=INK)


def _mark_stages(axes: Axes, stages: Sequence[str]) -> None:
    """A line where a stage begins, and its name at the top; a name after a short stage stands a line higher, clear of the one before."""
    before, is_raised = 0, False
    for place, stage in _beginnings(stages).items():
        if place:
            axes.axvline(place - 0.5, color=FAINT, linewidth=1, linestyle=(0, (2, 3)))
            is_raised = not is_raised and place - before < _ROOM_FOR_A_NAME * len(stages)
        axes.annotate(
            stage,
            (place - 0.4 if place else 0, 1.0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            xytext=(2, 15 if is_raised else 4),
            color=FAINT,
            fontsize=9,
        )
        before = place
    axes.locator_params(axis="x", integer=True)


def _beginnings(stages: Sequence[str]) -> Mapping[int, str]:
    return {place: stage for place, stage in enumerate(stages) if place == 0 or stages[place - 1] != stage}
