"""How long work tells how far it is: one event type for the terminal, the service and tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage is.

    `total` is None while it is not known; `rate_per_s` counts since the stage began; `eta_s` is None without either.
    """

    stage: str
    done: int
    total: int | None = None
    skipped: int = 0
    rate_per_s: float = 0.0
    eta_s: float | None = None


ProgressSink = Callable[[Progress], None]
"""Receives events from the one thread that does the work; may raise to stop it."""


def ignore_progress(_event: Progress) -> None:
    """The sink for callers who do not care."""


class Meter:
    """Counts one stage and tells the sink at most ten times a second, and always at the end."""

    _INTERVAL_S = 0.1

    def __init__(self, sink: ProgressSink, stage: str, total: int | None = None) -> None:
        self._sink = sink
        self._stage = stage
        self._total = total
        self._began_s = time.monotonic()
        self._told_s = float("-inf")
        self.done = 0
        self.skipped = 0
        self.tell()

    def advance(self, pages: int = 1, *, skipped: int = 0) -> None:
        """Count pages done (skipped ones are done too) and tell, if it is time."""
        self.done += pages
        self.skipped += skipped
        if time.monotonic() - self._told_s >= self._INTERVAL_S:
            self.tell()

    def expect(self, total: int) -> None:
        """The total has become known, or has changed."""
        self._total = total

    def finish(self) -> None:
        """Tell the last state; what was done is then the total."""
        self._total = self.done
        self.tell()

    def tell(self) -> None:
        """Tell now."""
        now_s = time.monotonic()
        self._told_s = now_s
        rate = self.done / max(now_s - self._began_s, 1e-6)
        eta_s = None if self._total is None or not self.done else max(self._total - self.done, 0) / rate
        self._sink(Progress(self._stage, self.done, self._total, self.skipped, rate, eta_s))
