"""What training tells of itself; nothing here needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PhaseKind = Literal["head", "all"]


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training with one schedule: the `head` alone, or `all` layers, on pages of one size."""

    kind: PhaseKind
    side_px: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch came to, from 1 within its phase; 0 is what training began with, and its `train_loss` that of pages as they are.

    `validation_loss` is at the temperature that suits the validation pages best, and lets every label weigh the same.
    """

    phase: int
    kind: PhaseKind
    side_px: int
    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    highest_rate: float


@dataclass(frozen=True, slots=True)
class RangeTest:
    """A learning-rate range test: the rates tried, the loss at each, smoothed, and the rate chosen."""

    rates: list[float]
    losses: list[float]
    chosen: float
