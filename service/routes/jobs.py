"""`/v1/jobs`: long work, its progress as server-sent events, and stopping it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from service.errors import HttpProblem
from service.openapi import problems
from service.paths import check_job_paths
from service.routes.parameters import PathJobId
from service.schemas import FinetuneJob, IndexJob, JobBody, JobView, MeaningJob, ReindexJob
from service.state import MAX_STREAMS, ServiceState, State, Who

_POLL_S = 0.1
_ALIVE_S = 15.0
"""Proxies close connections that are silent for long."""
_LOCATION = {"Location": {"description": "The job's address.", "schema": {"type": "string"}}}

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.post(
    "",
    operation_id="create_job",
    status_code=202,
    responses={**problems(400, 404), 202: {"description": "The job is queued.", "headers": _LOCATION}},
)
def create_job(state: State, who: Who, body: JobBody, response: Response) -> JobView:
    """Index, reindex or cluster. The answer comes at once; `GET /v1/jobs/{job_id}/events` tells how it goes."""
    names_paths = isinstance(body, IndexJob | ReindexJob | MeaningJob | FinetuneJob)
    known = [root.directory for root in state.library.status().roots] if names_paths else []
    check_job_paths(body, who, settings=state.settings, known_roots=known)
    job = state.jobs.submit(body, who=who.name)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.get("", operation_id="list_jobs")
def list_jobs(state: State) -> list[JobView]:
    """The jobs of this service since it started, newest first; of those that are over, the last hundred."""
    return state.jobs.list()


@router.get("/{job_id}", operation_id="get_job", responses=problems(404))
def get_job(state: State, job_id: PathJobId) -> JobView:
    """One job as it is now."""
    return state.jobs.find(job_id)


@router.delete("/{job_id}", operation_id="cancel_job", responses=problems(404))
def cancel_job(state: State, job_id: PathJobId) -> JobView:
    """Stop a job: one that waits at once, one that runs at its next step. What it has done so far stays; asking twice is fine."""
    return state.jobs.cancel(job_id)


@router.get(
    "/{job_id}/events",
    operation_id="watch_job",
    response_class=StreamingResponse,
    responses={
        **problems(404),
        200: {
            "description": (
                "Each event carries the job as it is then, in the shape of `GET /v1/jobs/{job_id}`: `state` at the start and at each "
                "change of state, `progress`, and last `done`, `failed` or `cancelled`, with the report or error."
            ),
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    },
)
async def watch_job(state: State, job_id: PathJobId) -> StreamingResponse:
    """How a job goes, as server-sent events; the stream ends with the job."""
    state.jobs.find(job_id)
    if state.streams >= MAX_STREAMS:
        raise HttpProblem("overloaded", f"{MAX_STREAMS} streams are open already. Ask GET /v1/jobs/{{job_id}} instead.")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(state, job_id), media_type="text/event-stream", headers=headers)


async def _stream(state: ServiceState, job_id: str) -> AsyncIterator[str]:
    state.streams += 1
    try:
        async for event in _events(state, job_id):
            yield event
    finally:
        state.streams -= 1


async def _events(state: ServiceState, job_id: str) -> AsyncIterator[str]:
    seen, state_told = -1, None
    told_s = time.monotonic()
    while not state.draining.is_set():
        version, job = state.jobs.watch(job_id)
        if job.state.is_over:
            yield _event(job.state.value, job, version)
            return
        if version != seen:
            if job.state is not state_told:
                yield _event("state", job, version)
            if job.progress is not None:
                yield _event("progress", job, version)
            seen, state_told, told_s = version, job.state, time.monotonic()
        elif time.monotonic() - told_s > _ALIVE_S:
            yield ": still here\n\n"
            told_s = time.monotonic()
        await asyncio.sleep(_POLL_S)
    yield ": the service is shutting down\n\n"


def _event(name: str, job: JobView, version: int) -> str:
    return f"event: {name}\nid: {version}\ndata: {job.model_dump_json()}\n\n"
