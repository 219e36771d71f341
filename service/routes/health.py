"""`/healthz`, `/readyz`, `/metrics`: for those who watch over the service."""

from __future__ import annotations

import logging

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from indexer.errors import QuireError
from service.errors import HttpProblem
from service.openapi import problems
from service.schemas import HealthView, JobState, ReadyView
from service.state import State

_log = logging.getLogger("quire.service")

router = APIRouter(tags=["service"])


@router.get("/healthz", operation_id="get_health")
async def get_health() -> HealthView:
    """The process is alive; says nothing of the library, and needs no thread, which all may be busy."""
    return HealthView()


@router.get("/readyz", operation_id="get_readiness", responses=problems(503))
async def get_readiness(state: State) -> ReadyView:
    """The library is open, its store answers, the model works or was not needed yet, and nobody has asked the service to end."""
    if state.draining.is_set():
        raise HttpProblem("not-ready", "The service is shutting down.")
    if state.batcher.failure is not None or not state.batcher.is_running:
        raise HttpProblem("not-ready", "The model failed when it was last needed. The log says why.")
    try:
        await state.ready.check()
    except QuireError as exc:
        _log.error("not ready: %s", exc)
        raise HttpProblem("not-ready", "The store does not answer. The log says why.") from exc
    return ReadyView(model="loaded" if state.batcher.has_embedded else "not yet needed")


@router.get(
    "/metrics",
    operation_id="get_metrics",
    response_class=PlainTextResponse,
    responses={
        200: {
            "description": "Figures in Prometheus' text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
async def get_metrics(state: State) -> PlainTextResponse:
    """Figures for Prometheus: requests, stages, queues, jobs, the size of the library; a store that does not answer is one of them."""
    try:
        size = await state.size.check()
    except QuireError as exc:
        _log.warning("the library does not tell its size: %s", exc)
        size = None
    jobs = state.jobs.count()
    waiting = {
        "decode": state.decoders.statistics().tasks_waiting,
        "search": state.searchers.statistics().tasks_waiting,
        "thread": to_thread.current_default_thread_limiter().statistics().tasks_waiting,
        "model": state.batcher.waiting,
        "job": jobs.get(JobState.QUEUED, 0),
    }
    text = state.metrics.render(size, jobs=jobs, waiting=waiting, streams=state.streams)
    return PlainTextResponse(text, media_type=CONTENT_TYPE_LATEST)
