"""What Prometheus may know: requests, the time of each stage of an answer, jobs, and the size of the library."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import Scope

from service.schemas import JobState
from service.tracing import Tracing

if TYPE_CHECKING:
    from opentelemetry.trace import Link

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_PAGES = (1, 2, 4, 8, 16, 32, 64)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})


def method_of(scope: Scope) -> str:
    """The method of a request; one that there is not is `other`, so that there are only so many."""
    method: str = scope["method"]
    return method if method in _METHODS else "other"


@dataclass(frozen=True, slots=True)
class LibrarySize:
    """What the library holds, and what of its roots it left out, by code."""

    pages: int
    clusters: int
    skips: Mapping[str, int]


class Metrics:
    """The figures of one app, in a registry of its own."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        self.tracing = tracing or Tracing()
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "quire_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._request_s = Histogram(
            "quire_request_seconds", "Time of a request.", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self._stage_s = Histogram(
            "quire_stage_seconds",
            "Time of one stage of an answer: decode, batch_wait, forward, search, payload; image, tile and so on.",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._batch = Histogram(
            "quire_batch_pages", "Pages in one forward pass.", buckets=_PAGES, registry=self.registry
        )
        self._unreadable = Counter(
            "quire_unreadable_pages", "Uploaded files or pages that could not be read.", registry=self.registry
        )
        self._jobs = Gauge(
            "quire_jobs", "Jobs by state, of those still remembered.", ("state",), registry=self.registry
        )
        self._uploads = Gauge(
            "quire_uploads_under_way", "Uploads being read, decoded or answered.", registry=self.registry
        )
        self._under_way = Gauge(
            "quire_requests_under_way",
            "Requests being answered, but for probes and event streams.",
            registry=self.registry,
        )
        self._waiting = Gauge(
            "quire_waiting",
            "What waits: requests for a decoder, for the store (search) or for a thread, pages for the model, jobs.",
            ("queue",),
            registry=self.registry,
        )
        self._streams = Gauge("quire_event_streams", "Event streams that are open.", registry=self.registry)
        self._up = Gauge("quire_library_up", "1 where the library answered just now, else 0.", registry=self.registry)
        self._skips = Gauge(
            "quire_library_skips", "Files and pages that are left out, by code.", ("code",), registry=self.registry
        )
        ProcessCollector(registry=self.registry)
        self._pages = Gauge("quire_library_pages", "Pages in the library.", registry=self.registry)
        self._clusters = Gauge("quire_library_clusters", "Clusters of the current run.", registry=self.registry)

    @contextmanager
    def stage(self, name: str, *, links: Sequence[Link] = ()) -> Iterator[None]:
        """Count the time inside as one stage, and trace it."""
        began_s = time.perf_counter()
        try:
            with self.tracing.stage(name, links=links):
                yield
        finally:
            self.observe_stage(name, time.perf_counter() - began_s)

    def observe_stage(self, name: str, seconds: float) -> None:
        """Count a stage that was timed elsewhere."""
        self._stage_s.labels(name).observe(seconds)

    def observe_batch(self, pages: int) -> None:
        """Count one forward pass."""
        self._batch.observe(pages)

    def observe_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. `route` is its template, so that there are only so many."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_s.labels(route).observe(seconds)

    def observe_unreadable(self, count: int) -> None:
        """Count what could not be read."""
        self._unreadable.inc(count)

    def set_uploads(self, count: int) -> None:
        """How many uploads are under way."""
        self._uploads.set(count)

    def set_requests(self, count: int) -> None:
        """How many requests are under way."""
        self._under_way.set(count)

    def render(
        self, library: LibrarySize | None, *, jobs: Mapping[JobState, int], waiting: Mapping[str, int], streams: int = 0
    ) -> bytes:
        """All figures in Prometheus' text format, with those of this moment; `library` is None where it does not answer."""
        self._up.set(library is not None)
        self._pages.set(library.pages if library else math.nan)
        self._clusters.set(library.clusters if library else math.nan)
        self._skips.clear()
        for code, count in (library.skips if library else {}).items():
            self._skips.labels(code).set(count)
        for state in JobState:
            self._jobs.labels(state.value).set(jobs.get(state, 0))
        for queue, count in waiting.items():
            self._waiting.labels(queue).set(count)
        self._streams.set(streams)
        return generate_latest(self.registry)
