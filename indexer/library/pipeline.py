"""Overlapping work: every thread does what is most needed next, reading a file or embedding a batch.

There is no thread for the model and none for decoding, so there is nothing to balance: as long as there is work, no core waits
for another, whatever a page costs in either. Pillow, the codecs and the models let go of the GIL, so threads are enough. All
queues are bounded, which keeps memory flat however fast the disk is.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

F = TypeVar("F")
P = TypeVar("P")
T = TypeVar("T")
V = TypeVar("V")

_UNUSED_BATCHES = 2
"""Embedded batches that may wait for the caller, beside one for each worker."""


@dataclass(frozen=True, slots=True)
class Embedded(Generic[P, V]):
    """A batch that came out of `embed`."""

    pages: list[P]
    vectors: V


@dataclass(frozen=True, slots=True)
class Plan(Generic[F, P, T, V]):
    """What flows and how. Of what `read` yields, instances of `page_type` are embedded, and the rest goes to the caller as it is."""

    read: Callable[[F], Iterable[P | T]]
    embed: Callable[[list[P]], V]
    page_type: type[P]
    batch_size: int
    workers: int
    """Threads; 0: the calling one does it all, the serial twin for tests and for a debugger."""
    embed_in_parallel: bool = False
    """Whether batches may be embedded by several workers at once."""
    begin_worker: Callable[[], None] = lambda: None
    """Called first in each thread."""


def flow(files: Iterable[F], plan: Plan[F, P, T, V]) -> Generator[T | Embedded[P, V]]:
    """Everything read from `files`, its pages embedded by batches; the last batches may be smaller.

    What one file yields comes in its order, but no order is promised between files, or between pages and the rest. An error in
    `read`, in `embed` or in walking `files` ends the iteration with that error. Closing the iterator stops the workers.
    """
    if plan.workers:
        yield from _Flow(files, plan)
    else:
        yield from _flow_here(files, plan)


def _flow_here(files: Iterable[F], plan: Plan[F, P, T, V]) -> Iterator[T | Embedded[P, V]]:
    pages: list[P] = []
    for file in files:
        for item in plan.read(file):
            if not isinstance(item, plan.page_type):
                yield item  # type: ignore[misc]  # P is what page_type says, so this is a T
                continue
            pages.append(item)
            if len(pages) == plan.batch_size:
                yield Embedded(pages, plan.embed(pages))
                pages = []
    if pages:
        yield Embedded(pages, plan.embed(pages))


class _Flow(Generic[F, P, T, V]):
    def __init__(self, files: Iterable[F], plan: Plan[F, P, T, V]) -> None:
        self._files = iter(files)
        self._plan = plan
        self._taking = threading.Lock()
        self._changed = threading.Condition()
        """Guards all below."""
        self._pages: deque[P] = deque()
        self._out: deque[T | Embedded[P, V]] = deque()
        self._unused = 0
        self._embedding = 0
        self._reading = plan.workers
        self._working = plan.workers
        self._error: BaseException | None = None
        self._stopped = False
        self._most_embedding = plan.workers if plan.embed_in_parallel else 1
        self._most_pages = (2 if plan.embed_in_parallel else 4) * plan.batch_size
        self._threads = [threading.Thread(target=self._run, name=f"flow-{n}", daemon=True) for n in range(plan.workers)]

    def __iter__(self) -> Iterator[T | Embedded[P, V]]:
        for thread in self._threads:
            thread.start()
        try:
            while (item := self._take_out()) is not None:
                yield item
                if isinstance(item, Embedded):
                    with self._changed:
                        self._unused -= 1
                        self._changed.notify_all()
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify_all()
            for thread in self._threads:
                thread.join()

    def _take_out(self) -> T | Embedded[P, V] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._out or self._error is not None or not self._working)
            if self._error is not None:
                raise self._error
            return self._out.popleft() if self._out else None

    # ---- in the workers ----

    def _run(self) -> None:
        try:
            self._plan.begin_worker()
            self._read_files()
            self._embed_the_rest()
        except BaseException as error:
            with self._changed:
                self._error = self._error or error
                self._stopped = True
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def _read_files(self) -> None:
        try:
            while not self._is_stopped():
                with self._taking:
                    file = next(self._files, None)
                if file is None:
                    return
                for item in self._plan.read(file):
                    self._hand_on(item)
                    if self._is_stopped():
                        return
        finally:
            with self._changed:
                self._reading -= 1
                self._changed.notify_all()

    def _hand_on(self, item: P | T) -> None:
        with self._changed:
            if not isinstance(item, self._plan.page_type):
                self._out.append(item)  # type: ignore[arg-type]  # P is what page_type says, so this is a T
                self._changed.notify_all()
                return
            self._pages.append(item)
            self._changed.notify_all()
        while batch := self._next_batch(lambda: len(self._pages) < self._most_pages):
            self._embed(batch)

    def _is_stopped(self) -> bool:
        return self._stopped

    def _embed_the_rest(self) -> None:
        while batch := self._next_batch(lambda: not self._reading and not self._pages):
            self._embed(batch)

    def _next_batch(self, nothing_to_wait_for: Callable[[], bool]) -> list[P] | None:
        """A batch that this worker is to embed, or None once there is nothing to wait for."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._may_embed() or nothing_to_wait_for())
            if self._stopped or not self._may_embed():
                return None
            size = self._plan.batch_size
            if not self._reading:
                # the end: no worker shall do a full batch while another has nothing left to do
                size = min(size, -(-len(self._pages) // self._most_embedding))
            self._embedding += 1
            return [self._pages.popleft() for _ in range(size)]

    def _may_embed(self) -> bool:
        enough = self._plan.batch_size if self._reading else 1
        return self._embedding < self._most_embedding and len(self._pages) >= enough

    def _embed(self, batch: list[P]) -> None:
        try:
            vectors = self._plan.embed(batch)
        finally:
            with self._changed:
                self._embedding -= 1
                self._changed.notify_all()
        with self._changed:
            most = _UNUSED_BATCHES + self._plan.workers
            self._changed.wait_for(lambda: self._stopped or self._unused < most)
            self._unused += 1
            self._out.append(Embedded(batch, vectors))
            self._changed.notify_all()
