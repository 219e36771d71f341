"""What `Library.learning` does, done by the service that holds the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import httpx
from pydantic import TypeAdapter

from indexer.analysis.labels import GroupRule
from indexer.cli.remote_maps import RunJob
from indexer.library.answering import Upload
from indexer.library.learning import SUSPECTS
from indexer.library.learning_results import (
    Evaluation,
    FinetuneReport,
    LabelAnswer,
    LearnedModels,
    ProbeReport,
    RemovedModel,
)
from indexer.progress import ProgressSink, ignore_progress
from indexer.training.recipe import DEFAULT_RECIPE, Recipe

Files = list[tuple[str, tuple[str, bytes, str]]]


class RemoteLearning:
    """Learning from the labels of a library that a service holds."""

    def __init__(
        self, request: Callable[..., httpx.Response], run_job: RunJob, as_files: Callable[[Sequence[Upload]], Files]
    ) -> None:
        self._request = request
        self._run_job = run_job
        self._as_files = as_files

    def fit_probe(
        self,
        *,
        label: str = "label",
        name: str | None = None,
        keep_together: GroupRule = "auto",
        seed: int = 0,
        progress: ProgressSink = ignore_progress,
    ) -> ProbeReport:
        """See `Learning.fit_probe`."""
        wish = {"kind": "probe", "label": label, "name": name, "keep_together": keep_together, "seed": seed}
        return self._run_job(wish, ProbeReport, progress)

    def finetune(
        self,
        *,
        label: str = "label",
        base: str | None = None,
        checkpoint: Path | None = None,
        name: str | None = None,
        keep_together: GroupRule = "auto",
        recipe: Recipe = DEFAULT_RECIPE,
        progress: ProgressSink = ignore_progress,
    ) -> FinetuneReport:
        """See `Learning.finetune`; it runs on the device and in the precision of the service."""
        wish = {
            **asdict(recipe),
            "kind": "finetune",
            "label": label,
            "base": base,
            "checkpoint": str(checkpoint.resolve()) if checkpoint else None,
            "name": name,
            "keep_together": keep_together,
        }
        return self._run_job(wish, FinetuneReport, progress)

    def models(self) -> LearnedModels:
        """See `Learning.models`."""
        return TypeAdapter(LearnedModels).validate_python(self._request("GET", "/v1/models").json())

    def remove(self, name: str) -> RemovedModel:
        """See `Learning.remove`."""
        return TypeAdapter(RemovedModel).validate_python(self._request("DELETE", f"/v1/models/{name}").json())

    def classify(
        self,
        uploads: Sequence[Upload],
        *,
        method: str | None = None,
        label: str | None = None,
        unknown_share: float | None = None,
    ) -> LabelAnswer:
        """See `Learning.classify`."""
        asked = {"with": method, "label": label, "unknown_share": unknown_share}
        params = {"by": "label", **{name: value for name, value in asked.items() if value is not None}}
        answer = self._request("POST", "/v1/classify", params=params, files=self._as_files(uploads))
        return TypeAdapter(LabelAnswer).validate_python(answer.json())

    def evaluate(
        self,
        *,
        label: str = "label",
        model: str | None = None,
        suspects: int = SUSPECTS,
        keep_together: GroupRule = "auto",
        seed: int = 0,
        progress: ProgressSink = ignore_progress,
    ) -> Evaluation:
        """See `Learning.evaluate`."""
        wish = {
            "kind": "evaluate",
            "label": label,
            "model": model,
            "suspects": suspects,
            "keep_together": keep_together,
            "seed": seed,
        }
        return self._run_job(wish, Evaluation, progress)
