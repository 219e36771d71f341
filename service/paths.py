"""Which folders and files of this machine a client may name in a job."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from indexer.errors import UsageError
from indexer.settings import Settings
from service.auth import Principal
from service.errors import HttpProblem
from service.schemas import BackupJob, Body, FinetuneJob, IndexJob, MeaningJob, ReindexJob

_SAFE_MODEL = re.compile(r"[A-Za-z0-9][\w.\-]*(:[A-Za-z0-9][\w.\-]*([/:@][A-Za-z0-9][\w.\-]*)*)?", re.ASCII)


def check_job_paths(request: Body, principal: Principal, *, settings: Settings, known_roots: Iterable[str]) -> None:
    """Pass, unless the job names a relative path, or a path or model where its sender has no business.

    Raises:
        UsageError: a path is relative; the service and its client need not be in the same folder.
        HttpProblem: a path is not allowed. Whether the path exists is not told.
    """
    match request:
        case BackupJob():
            if not principal.is_near:
                raise HttpProblem("path-not-allowed", "A backup is written on the service's machine; ask for it there.")
            _check_absolute([request.file])
        case IndexJob():
            wanted = [*request.roots, request.metadata, request.checkpoint]
            check_paths(wanted, principal, settings=settings, known_roots=known_roots)
            _check_model(request.model, principal)
        case ReindexJob():
            check_paths([request.checkpoint], principal, settings=settings, known_roots=known_roots)
            _check_model(request.model, principal)
        case FinetuneJob():
            check_paths([request.checkpoint], principal, settings=settings, known_roots=known_roots)
            _check_model(request.base, principal)
        case MeaningJob():
            check_paths([request.word_vectors], principal, settings=settings, known_roots=known_roots)


def check_paths(
    paths: Iterable[str | None], principal: Principal, *, settings: Settings, known_roots: Iterable[str]
) -> None:
    """Pass, unless one of the paths is relative, or its sender has no business there; None is no path.

    Someone on this very machine, at a service that listens nowhere else, may name any folder, as on the command line. All
    others only what lies in a root of the library or in a folder of `QUIRE_ALLOWED_ROOTS`, links resolved. Raises as
    `check_job_paths` does.
    """
    wanted = [path for path in paths if path is not None]
    _check_absolute(wanted)
    if principal.is_near:
        return
    allowed = [Path(root).resolve() for root in (*known_roots, *_configured(settings))] if wanted else []
    for path in wanted:
        if not any(_resolve(path).is_relative_to(root) for root in allowed):
            raise HttpProblem(
                "path-not-allowed",
                f"{path!r} lies in no folder that this library knows. Index it once on the service's own machine, or add its "
                "folder to QUIRE_ALLOWED_ROOTS there.",
            )


def _check_absolute(paths: Iterable[str]) -> None:
    if relative := [path for path in paths if not Path(path).is_absolute()]:
        raise UsageError(
            f"{relative[0]!r} is a relative path, and the service is not where you are. Write it from the root: /…"
        )


def _check_model(model: str | None, principal: Principal) -> None:
    if model is not None and not principal.is_near and not _SAFE_MODEL.fullmatch(model):
        raise HttpProblem("path-not-allowed", f"The model {model!r} names a place on this machine. Use a model's name.")


def _configured(settings: Settings) -> list[str]:
    return [root.strip() for root in (settings.allowed_roots or "").split(",") if root.strip()]


def _resolve(path: str) -> Path:
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError, ValueError):
        raise HttpProblem("path-not-allowed", f"{path!r} can't be followed on this machine.") from None
