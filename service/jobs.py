"""Long work asked for over HTTP: one job at a time, in the order they came, with progress that can be watched and stopped."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import JobMissingError
from indexer.filters import parse_filter
from indexer.progress import Progress, ProgressSink
from service.errors import HttpProblem, find_trouble
from service.logs import log_context
from service.schemas import (
    BackupJob,
    CheckJob,
    ClusterJob,
    DocumentsJob,
    DuplicatesJob,
    EvaluateJob,
    FinetuneJob,
    IndexJob,
    JobRequest,
    JobState,
    JobView,
    MapJob,
    MeaningJob,
    ProbeJob,
    Problem,
    ReadTextJob,
    ReindexJob,
    Report,
)

if TYPE_CHECKING:
    from indexer.library import Library

_log = logging.getLogger("quire.service")

MAX_QUEUED = 16
MAX_REMEMBERED = 100
"""Jobs that are over and still told of."""

Work = Callable[[JobRequest, ProgressSink], Report]


class _StoppedError(Exception):
    """Raised through the library's progress when a job is to end early; never leaves this module."""


@dataclass(slots=True, eq=False)
class _Job:
    id: str
    request: JobRequest
    who: str
    created: str
    state: JobState = JobState.QUEUED
    started: str | None = None
    finished: str | None = None
    progress: Progress | None = None
    report: Report | None = None
    error: Problem | None = None
    is_stopping: bool = False
    version: int = 0
    context: Context = field(default_factory=copy_context)
    """That of the request that asked for it, so that the log tells which."""


def run_job(library: Library, request: JobRequest, progress: ProgressSink) -> Report:
    """Do what the request asks, with its options as the library knows them."""
    match request:
        case IndexJob():
            return library.index(
                [Path(root) for root in request.roots],
                label_from=request.label_from,
                metadata=Path(request.metadata) if request.metadata else None,
                model=request.model,
                checkpoint=Path(request.checkpoint) if request.checkpoint else None,
                limit=request.limit,
                dry_run=request.dry_run,
                prune=request.prune,
                retry_skipped=request.retry_skipped,
                views=request.views,
                part=request.part,
                blur_mix=request.blur_mix,
                weights=request.weights,
                progress=progress,
            )
        case ReindexJob():
            checkpoint = Path(request.checkpoint) if request.checkpoint else None
            return library.reindex(
                request.model,
                checkpoint=checkpoint,
                k=request.k,
                views=request.views,
                blur_mix=request.blur_mix,
                weights=request.weights,
                progress=progress,
            )
        case MapJob():
            if request.new_only:
                return library.maps.place_new_pages(progress=progress)
            return library.maps.make_map(
                method=request.method,
                dims=request.dims,
                seed=request.seed,
                sample=request.sample,
                colour=request.colour,
                progress=progress,
            )
        case DuplicatesJob():
            return library.duplicates.find(
                min_similarity=request.min_similarity, min_agreement=request.min_agreement, progress=progress
            )
        case ProbeJob():
            return library.learning.fit_probe(
                label=request.label,
                name=request.name,
                keep_together=request.keep_together,
                seed=request.seed,
                progress=progress,
            )
        case FinetuneJob():
            return library.learning.finetune(
                label=request.label,
                base=request.base,
                checkpoint=Path(request.checkpoint) if request.checkpoint else None,
                name=request.name,
                keep_together=request.keep_together,
                recipe=request.to_recipe(),
                progress=progress,
            )
        case EvaluateJob():
            return library.learning.evaluate(
                label=request.label,
                model=request.model,
                suspects=request.suspects,
                keep_together=request.keep_together,
                seed=request.seed,
                progress=progress,
            )
        case CheckJob():
            return library.check(deep=request.deep, progress=progress)
        case BackupJob():
            return library.backup(Path(request.file), progress=progress)
        case ClusterJob():
            return library.cluster(request.k, seed=request.seed, progress=progress)
        case MeaningJob():
            return library.words.cluster_by_meaning(
                distance_threshold=request.distance_threshold,
                names=request.names,
                word_vectors=Path(request.word_vectors) if request.word_vectors else None,
                progress=progress,
            )
        case ReadTextJob():
            return library.words.read_text(
                engine=request.engine,
                languages=request.languages,
                where=parse_filter(request.filter),
                limit=request.limit,
                again=request.again,
                progress=progress,
            )
        case DocumentsJob():
            return library.documents.propose_all(
                stream=request.stream,
                by=request.by,
                blanks=request.blanks,
                separators=request.separators,
                separator_rule=request.separator_rule,
                progress=progress,
            )


class JobBoard:
    """All jobs of one app. `close` it: what waits is cancelled, what runs is stopped at its next sign of progress."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._queue: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="quire-jobs", daemon=True)
        self._thread.start()

    def submit(self, request: JobRequest, *, who: str) -> JobView:
        """Queue a job.

        Raises:
            HttpProblem: too many wait already, or the service is shutting down.
        """
        job = _Job(id=uuid.uuid4().hex, request=request, who=who, created=_now())
        with self._changed:
            if self._closing:
                raise HttpProblem("overloaded", "The service is shutting down. Ask again when it is back.")
            if len(self._queue) >= MAX_QUEUED:
                raise HttpProblem(
                    "overloaded",
                    f"{MAX_QUEUED} jobs wait already. Ask again when some are done; GET /v1/jobs lists them.",
                )
            self._jobs[job.id] = job
            self._queue.append(job)
            self._forget_oldest()
            self._changed.notify_all()
            return _view(job)

    def find(self, job_id: str) -> JobView:
        """A job as it is now, or JobMissingError."""
        return self.watch(job_id)[1]

    def watch(self, job_id: str) -> tuple[int, JobView]:
        """A job as it is now with a number that grows with each change, or JobMissingError."""
        with self._changed:
            job = self._get(job_id)
            return job.version, _view(job)

    def list(self) -> list[JobView]:
        """All jobs still remembered, newest first."""
        with self._changed:
            return [_view(job) for job in reversed(self._jobs.values())]

    def count(self) -> dict[JobState, int]:
        """How many jobs are in each state."""
        with self._changed:
            return dict(Counter(job.state for job in self._jobs.values()))

    @property
    def running(self) -> JobView | None:
        """The job that runs now."""
        with self._changed:
            return next((_view(job) for job in self._jobs.values() if job.state is JobState.RUNNING), None)

    def cancel(self, job_id: str) -> JobView:
        """Stop a job: at once where it waits, at its next sign of progress where it runs; one that is over stays as it is."""
        with self._changed:
            job = self._get(job_id)
            self._stop(job)
            return _view(job)

    def close(self, *, timeout_s: float = 30.0) -> bool:
        """Stop all jobs and take no more; safe to call twice. False where one still runs after the time-out."""
        with self._changed:
            self._closing = True
            for job in self._jobs.values():
                self._stop(job)
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _get(self, job_id: str) -> _Job:
        try:
            return self._jobs[job_id]
        except KeyError:
            raise JobMissingError(
                "There is no such job; those that were over long ago are forgotten. GET /v1/jobs lists the ones there are."
            ) from None

    def _stop(self, job: _Job) -> None:
        if job.state is JobState.QUEUED:
            self._queue.remove(job)
            self._end(job, JobState.CANCELLED)
        job.is_stopping = True

    def _forget_oldest(self) -> None:
        over = [job.id for job in self._jobs.values() if job.state.is_over]
        for job_id in over[: max(len(over) - MAX_REMEMBERED, 0)]:
            del self._jobs[job_id]

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing)
                if not self._queue:
                    return
                job = self._queue.popleft()
                job.state, job.started = JobState.RUNNING, _now()
                job.version += 1
            job.context.run(self._do, job)

    def _do(self, job: _Job) -> None:
        def tell(event: Progress) -> None:
            if job.is_stopping:
                raise _StoppedError
            with self._changed:
                job.progress = event
                job.version += 1

        with log_context(job_id=job.id):
            try:
                report = self._work(job.request, tell)
            except Exception as exc:
                self._fail(job, exc)
                return
        with self._changed:
            job.report = report
            self._end(job, JobState.DONE)

    def _fail(self, job: _Job, exc: Exception) -> None:
        if _was_stopped(exc):
            with self._changed:
                self._end(job, JobState.CANCELLED)
            return
        _log.error("job %s (%s) failed", job.id, job.request.kind, exc_info=exc)
        with self._changed:
            job.error = find_trouble(exc).problem
            self._end(job, JobState.FAILED)

    def _end(self, job: _Job, state: JobState) -> None:
        job.state, job.finished = state, _now()
        job.version += 1


def _was_stopped(exc: BaseException | None) -> bool:
    """Whether our own stop is what went through the library, perhaps wrapped on the way."""
    while exc is not None:
        if isinstance(exc, _StoppedError):
            return True
        if isinstance(exc, BaseExceptionGroup) and any(_was_stopped(part) for part in exc.exceptions):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _view(job: _Job) -> JobView:
    return JobView(
        id=job.id,
        kind=job.request.kind,
        state=job.state,
        who=job.who,
        request=job.request,
        created=job.created,
        started=job.started,
        finished=job.finished,
        progress=job.progress,
        report=job.report,
        error=job.error,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
