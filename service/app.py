"""The app: `create_app` puts it together, its lifespan owns what it works with.

uvicorn starts it by the import string `service.app:create_app` with `factory=True`; the settings then come from the environment.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from types import FrameType
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from starlette.middleware import Middleware

from indexer.settings import Settings, load_settings
from service.access import AccessLayer
from service.auth import check_exposure, is_loopback
from service.batching import MAX_BATCH_PAGES, Batcher
from service.errors import add_error_handlers
from service.gate import Gate
from service.jobs import JobBoard, run_job
from service.limits import BodyLimit, UploadLimit
from service.memory import limit_arenas
from service.metrics import LibrarySize, Metrics
from service.openapi import install_openapi
from service.readiness import Probe
from service.routes import (
    balance,
    clusters,
    documents,
    duplicates,
    exporting,
    health,
    jobs,
    learning,
    maps,
    pages,
    rescans,
    search,
    sheets,
    words,
)
from service.routes.site import create_site_router
from service.state import LifespanState, ServiceState
from service.tracing import Tracing, create_provider
from service.turns import Turns

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from indexer.library import Library

_log = logging.getLogger("quire.service")

_SEARCHERS = 32
"""Questions to the store at once: an embedded one has no more to do than cores, a server may make each wait."""
_WRITERS = 4
"""Short changes under way at once; more wait, without a thread."""


def create_app(
    settings: Settings | None = None, *, library: Library | None = None, tracer_provider: TracerProvider | None = None
) -> FastAPI:
    """The service over the library that the settings name, or over one that is open already, which stays the caller's to close.

    Spans go to the collector that the settings name, or to a provider of the caller's, which ends with the app.

    Raises:
        UsageError: it would be open to other machines without keys, the keys can't be read, or there is no package to trace with.
    """
    limit_arenas()
    settings = settings or load_settings()
    check_exposure(settings)
    metrics = Metrics(Tracing(tracer_provider or create_provider(settings)))
    app = FastAPI(
        title="Quire",
        version=_version(),
        docs_url=None,
        redoc_url=None,
        lifespan=partial(_live, settings=settings, library=library, metrics=metrics),
        middleware=[
            Middleware(AccessLayer, metrics=metrics),
            Middleware(Gate, settings=settings),
            Middleware(Turns, settings=settings, metrics=metrics),
            Middleware(UploadLimit, settings=settings, metrics=metrics),
            Middleware(BodyLimit, settings=settings),
        ],
    )
    for router in (
        search.router,
        words.router,
        pages.router,
        clusters.router,
        documents.router,
        duplicates.router,
        rescans.router,
        balance.router,
        exporting.router,
        learning.router,
        sheets.router,
        jobs.router,
        maps.router,
        maps.files,
        health.router,
        create_site_router(),
    ):
        app.include_router(router)
    add_error_handlers(app)
    install_openapi(app)
    return app


@asynccontextmanager
async def _live(
    _app: FastAPI, *, settings: Settings, library: Library | None, metrics: Metrics
) -> AsyncIterator[LifespanState]:
    own = await to_thread.run_sync(_open_library, settings) if library is None else None
    in_use = library or own
    assert in_use is not None
    state = _create_state(settings, in_use, metrics)
    try:
        with _on_terminate(state.draining.set):
            yield LifespanState(service=state)
    finally:
        state.draining.set()
        await to_thread.run_sync(_close, state, own)
        await to_thread.run_sync(metrics.tracing.close)


def _open_library(settings: Settings) -> Library:
    """The library, held for as long as the app lives, and announced so that commands find the service."""
    from indexer.library import Library

    library = Library.open(settings)
    if settings.port:
        host = settings.host if is_loopback(settings.host) else "127.0.0.1"
        library.announce(f"http://{f'[{host}]' if ':' in host else host}:{settings.port}")
    return library


def _create_state(settings: Settings, library: Library, metrics: Metrics) -> ServiceState:
    batcher = Batcher(
        library.embed_prepared,
        metrics=metrics,
        wait_s=settings.batch_wait_ms / 1000 if settings.batching else 0.0,
        max_pages=MAX_BATCH_PAGES if settings.batching else 1,
        max_wait_s=settings.max_wait_s,
    )
    return ServiceState(
        settings=settings,
        library=library,
        batcher=batcher,
        jobs=JobBoard(partial(run_job, library)),
        metrics=metrics,
        decoders=CapacityLimiter(settings.workers or os.cpu_count() or 1),
        searchers=CapacityLimiter(_SEARCHERS),
        ready=Probe(lambda: library.pages(limit=1)),
        size=Probe(lambda: LibrarySize(library.pages(limit=1).total, len(library.clusters()), library.skip_counts())),
        writers=CapacityLimiter(_WRITERS),
        choosers=CapacityLimiter(1),
    )


def _close(state: ServiceState, own: Library | None) -> None:
    """Finish what was promised, then let go. A job that does not stop keeps the library; the system lets go of it with the process."""
    state.batcher.close()
    if not state.jobs.close():
        _log.warning("a job did not stop in time; the next start picks up where it was interrupted")
        return
    if own is not None:
        own.close()


@contextmanager
def _on_terminate(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` on SIGTERM and SIGINT, before whoever handled them so far: event streams must end for uvicorn to drain."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in signals}

    def handle(number: int, frame: FrameType | None) -> None:
        tell()
        earlier = before[signal.Signals(number)]
        if callable(earlier):
            earlier(number, frame)

    for number in signals:
        if callable(before[number]):
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, earlier in before.items():
            if callable(earlier):
                signal.signal(number, earlier)


def _version() -> str:
    try:
        return version("quire")
    except PackageNotFoundError:
        return "0"
