"""Concurrent uploads share forward passes.

One thread runs the model. While it is busy, prepared pages pile up, and the next pass takes them together. It waits for more
only while other uploads are known to be on their way (being decoded), and then only a few milliseconds: a lone upload never waits.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indexer.values import Matrix, Pixels
from service.errors import HttpProblem
from service.metrics import Metrics

if TYPE_CHECKING:
    from opentelemetry.trace import Link

_log = logging.getLogger("quire.service")

MAX_BATCH_PAGES = 32
"""More pages in one pass gain nothing on a CPU, and make all of them wait for the last."""

MAX_WAITING_PAGES = 512
"""Prepared pages that may wait for a pass: at some 150 KB each, that is what they may take of the memory."""


@dataclass(slots=True, eq=False)
class _Wish:
    prepared: Sequence[Pixels]
    future: Future[Matrix] = field(default_factory=Future)
    made_s: float = field(default_factory=time.perf_counter)
    link: Link | None = None
    """To the span of the request that wishes it."""


class Batcher:
    """Embeds pages for many callers with one thread. `close` it: it finishes what was handed in, and takes nothing more."""

    def __init__(
        self,
        embed: Callable[[Sequence[Pixels]], Matrix],
        *,
        metrics: Metrics,
        wait_s: float,
        max_pages: int = MAX_BATCH_PAGES,
        max_wait_s: float | None = None,
    ) -> None:
        self._embed = embed
        self._metrics = metrics
        self._wait_s = wait_s
        self._max_pages = max_pages
        self._max_wait_s = max_wait_s
        self._wishes: deque[_Wish] = deque()
        self._coming = 0
        self._closing = False
        self._changed = threading.Condition()
        self.has_embedded = False
        self.failure: Exception | None = None
        """What the model failed with when last needed; None when it worked, or was not needed yet."""
        self._thread = threading.Thread(target=self._run, name="quire-batcher", daemon=True)
        self._thread.start()

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Say that an upload is being decoded, and may be worth a short wait."""
        with self._changed:
            self._coming += 1
        try:
            yield
        finally:
            with self._changed:
                self._coming -= 1
                self._changed.notify_all()

    def submit(self, prepared: Sequence[Pixels]) -> Future[Matrix]:
        """The embeddings [N, D] of N ≥ 1 prepared pages, to come, in their order.

        Raises:
            HttpProblem: too many pages wait already, or the service is shutting down.
        """
        wish = _Wish(prepared, link=self._metrics.tracing.here())
        with self._changed:
            if self._closing:
                raise HttpProblem("overloaded", "The service is shutting down. Ask again when it is back.")
            if self._wishes and self._count_waiting() + len(prepared) > MAX_WAITING_PAGES:
                raise HttpProblem(
                    "overloaded", "Too many pages wait for the model already. Send them again in a moment."
                )
            self._wishes.append(wish)
            self._changed.notify_all()
        return wish.future

    async def embed(self, prepared: Sequence[Pixels]) -> Matrix:
        """The same for callers on the event loop; an error is the caller's own, not that of its neighbours in the batch.

        Raises:
            HttpProblem: as `submit`; or its turn did not come in time, and its pages are not embedded.
        """
        future = self.submit(prepared)
        waiting = asyncio.wrap_future(future)
        await asyncio.wait({waiting}, timeout=self._max_wait_s)
        if not waiting.done() and future.cancel():
            raise HttpProblem(
                "overloaded", "The model has more to do than it can keep up with. Send it again in a moment."
            )
        return await waiting

    @property
    def waiting(self) -> int:
        """Pages that wait for a pass."""
        with self._changed:
            return self._count_waiting()

    @property
    def is_running(self) -> bool:
        """Whether there is somebody to do the passes."""
        return self._thread.is_alive()

    def note_failure(self, exc: Exception) -> None:
        """The model failed outside of a pass: it could not be had at all."""
        self.failure = exc

    def close(self, *, timeout_s: float = 30.0) -> None:
        """Finish what was handed in, then stop; safe to call twice."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _count_waiting(self) -> int:
        return sum(len(wish.prepared) for wish in self._wishes)

    def _run(self) -> None:
        while wishes := self._gather():
            running = [wish for wish in wishes if wish.future.set_running_or_notify_cancel()]
            now_s = time.perf_counter()
            for wish in running:
                self._metrics.observe_stage("batch_wait", now_s - wish.made_s)
            if running:
                self._answer(running)

    def _gather(self) -> list[_Wish]:
        """The wishes of the next pass; none when all is done and the batcher closes."""
        with self._changed:
            self._changed.wait_for(lambda: self._wishes or self._closing)
            gathered: list[_Wish] = []
            until_s = time.perf_counter() + self._wait_s
            while True:
                is_full = self._take_what_fits(gathered)
                left_s = until_s - time.perf_counter()
                if is_full or self._closing or not self._coming or left_s <= 0:
                    return gathered
                self._changed.wait(left_s)

    def _take_what_fits(self, gathered: list[_Wish]) -> bool:
        """Move wishes over, the oldest first, until one would be too many; a large one goes alone. True when full."""
        pages = sum(len(wish.prepared) for wish in gathered)
        while self._wishes:
            pages += len(self._wishes[0].prepared)
            if gathered and pages > self._max_pages:
                return True
            gathered.append(self._wishes.popleft())
        return pages >= self._max_pages

    def _answer(self, wishes: Sequence[_Wish]) -> None:
        """One pass for all; where it fails, one for each, so that a bad page spoils only its own request."""
        try:
            vectors = self._forward(
                [pixels for wish in wishes for pixels in wish.prepared],
                links=[wish.link for wish in wishes if wish.link is not None],
            )
        except Exception as exc:
            if len(wishes) == 1:
                wishes[0].future.set_exception(exc)
                return
            _log.warning(
                "a forward pass of %d uploads failed, so each gets its own: %s", len(wishes), type(exc).__name__
            )
            for wish in wishes:
                self._answer([wish])
            return
        start = 0
        for wish in wishes:
            end = start + len(wish.prepared)
            wish.future.set_result(vectors[start:end])
            start = end

    def _forward(self, prepared: Sequence[Pixels], *, links: Sequence[Link]) -> Matrix:
        try:
            with self._metrics.stage("forward", links=links):
                vectors = self._embed(prepared)
        except Exception as exc:
            self.failure = exc
            raise
        self.failure = None
        self.has_embedded = True
        self._metrics.observe_batch(len(prepared))
        return vectors
