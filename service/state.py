"""What one running app owns, and how routes get at it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, TypedDict, TypeVar

from anyio import CapacityLimiter, fail_after, to_thread
from fastapi import Depends, Request

from indexer.settings import Settings
from service.auth import Principal
from service.batching import Batcher
from service.errors import HttpProblem
from service.jobs import JobBoard
from service.metrics import LibrarySize, Metrics
from service.readiness import Probe

if TYPE_CHECKING:
    from indexer.library import Library

T = TypeVar("T")

MAX_STREAMS = 64
"""Event streams open at once; each holds a connection for as long as its job runs."""
MOST_WAITING_CHANGES = 60
"""Changes that wait for those under way, which take some tens of milliseconds each; more are refused at once."""
MAX_EXPORTS = 4
"""Exports under way at once: each may be as large as the library, and lies in a temporary file until the last byte is sent."""


@dataclass(slots=True)
class ServiceState:
    """The library and what works on it. `draining` is set when the process was asked to end."""

    settings: Settings
    library: Library
    batcher: Batcher
    jobs: JobBoard
    metrics: Metrics
    decoders: CapacityLimiter
    """Bounds the memory that pictures take: as many are decoded at once as there are tokens."""
    searchers: CapacityLimiter
    ready: Probe[object]
    size: Probe[LibrarySize]
    writers: CapacityLimiter
    choosers: CapacityLimiter
    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(math.inf))
    """For work that has its turn already."""
    draining: threading.Event = field(default_factory=threading.Event)
    streams: int = 0
    exports: int = 0

    async def decode(self, stage: str, work: Callable[[], T]) -> T:
        """Do work that decodes pictures, off the event loop; `stage` is what the metrics call it.

        Raises:
            HttpProblem: its turn did not come in time.
        """

        def timed() -> T:
            with self.metrics.stage(stage):
                return work()

        return await self._in_turn(self.decoders, timed)

    async def search(self, work: Callable[[], T]) -> T:
        """Do work that asks the store, off the event loop.

        Raises:
            HttpProblem: its turn did not come in time.
        """

        def timed() -> T:
            with self.metrics.stage("search"):
                return work()

        return await self._in_turn(self.searchers, timed)

    async def write(self, work: Callable[[], T]) -> T:
        """Do short work that decides. While clusters are being made, it is refused rather than kept waiting.

        Raises:
            HttpProblem: pages are being clustered, too many changes wait already, or its turn did not come in time.
        """
        if (job := self.jobs.running) and job.kind in ("cluster", "meaning"):
            raise HttpProblem(
                "overloaded",
                f"Pages are being clustered by the job {job.id}. Ask again when it is over, or cancel it.",
            )
        if self.writers.statistics().tasks_waiting >= MOST_WAITING_CHANGES:
            raise HttpProblem("overloaded", "Too many changes wait already. Ask again in a moment.")
        return await self._in_turn(self.writers, work)

    async def choose(self, work: Callable[[], T]) -> T:
        """Do long work that only reads, one at a time.

        Raises:
            HttpProblem: another one is under way.
        """
        if self.choosers.available_tokens < 1:
            raise HttpProblem("overloaded", "Another comparison is under way. Ask again when it is done.")
        return await to_thread.run_sync(work, limiter=self.choosers)

    @contextmanager
    def exporting(self) -> Iterator[None]:
        """Count one export.

        Raises:
            HttpProblem: as many as allowed are under way.
        """
        if self.exports >= MAX_EXPORTS:
            raise HttpProblem("overloaded", f"{MAX_EXPORTS} exports are under way already. Ask again in a moment.")
        self.exports += 1
        try:
            yield
        finally:
            self.exports -= 1

    async def _in_turn(self, limiter: CapacityLimiter, work: Callable[[], T]) -> T:
        """Do work in a thread once `limiter` lets it; only the waiting has a limit, what has begun is finished."""
        borrower = object()
        try:
            with fail_after(self.settings.max_wait_s):
                await limiter.acquire_on_behalf_of(borrower)
        except TimeoutError:
            raise HttpProblem(
                "overloaded", "The service has more to do than it can keep up with. Ask again in a moment."
            ) from None
        try:
            return await to_thread.run_sync(work, limiter=self.threads)
        finally:
            limiter.release_on_behalf_of(borrower)


class LifespanState(TypedDict):
    """What the lifespan hands to every request."""

    service: ServiceState


def get_state(request: Request) -> ServiceState:
    """The state of the app that answers this request."""
    state: ServiceState = request.state.service
    return state


def get_principal(request: Request) -> Principal:
    """Who asks; the gate has let them in."""
    principal: Principal = request.scope["quire.principal"]
    return principal


State = Annotated[ServiceState, Depends(get_state)]
Who = Annotated[Principal, Depends(get_principal)]
