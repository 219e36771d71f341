"""What `Library.words` does, done by the service that holds the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
from pydantic import TypeAdapter

from indexer.cli.remote_maps import RunJob
from indexer.filters import format_filter
from indexer.library.results import ClusterReport, ClusterWords, ReadReport, SearchAnswer, SearchBy, ThresholdChoice
from indexer.library.words import DISTANCE_THRESHOLD, EVERY_PAGE
from indexer.progress import ProgressSink, ignore_progress
from indexer.values import PageFilter


class RemoteWords:
    """Words in a library that a service holds."""

    def __init__(
        self,
        request: Callable[..., httpx.Response],
        run_job: RunJob,
        export: Callable[[str, Path, PageFilter], int],
    ) -> None:
        self._request = request
        self._run_job = run_job
        self._export = export

    def search(
        self, text: str, *, where: PageFilter = EVERY_PAGE, limit: int = 12, by: SearchBy | None = None
    ) -> SearchAnswer:
        """See `Words.search`."""
        body = {"text": text, "filter": format_filter(where), "limit": limit, "in": by}
        return TypeAdapter(SearchAnswer).validate_python(self._request("POST", "/v1/search", json=body).json())

    def read_text(
        self,
        *,
        engine: str | None = None,
        languages: str | None = None,
        where: PageFilter = EVERY_PAGE,
        limit: int | None = None,
        again: bool = False,
        progress: ProgressSink = ignore_progress,
    ) -> ReadReport:
        """See `Words.read_text`; the service reads by itself."""
        wish = {
            "kind": "read-text",
            "engine": engine,
            "languages": languages,
            "filter": format_filter(where),
            "limit": limit,
            "again": again,
        }
        return self._run_job(wish, ReadReport, progress)

    def export_texts(self, file: Path, *, where: PageFilter = EVERY_PAGE) -> int:
        """See `Words.export_texts`; the service sends them."""
        return self._export("texts", file, where)

    def suggest(self, words: Sequence[str] | None = None, *, top: int = 3) -> list[ClusterWords]:
        """See `Words.suggest`."""
        body = {"words": None if words is None else list(words), "top": top}
        answer = self._request("POST", "/v1/suggest-names", json=body)
        return TypeAdapter(list[ClusterWords]).validate_python(answer.json())

    def cluster_by_meaning(
        self,
        *,
        distance_threshold: float = DISTANCE_THRESHOLD,
        names: str = "label",
        word_vectors: Path | None = None,
        progress: ProgressSink = ignore_progress,
    ) -> ClusterReport:
        """See `Words.cluster_by_meaning`; the service reads the file, on its own machine."""
        file = str(word_vectors) if word_vectors else None
        wish = {"kind": "meaning", "distance_threshold": distance_threshold, "names": names, "word_vectors": file}
        return self._run_job(wish, ClusterReport, progress)

    def choose_threshold(
        self, thresholds: Sequence[float], *, names: str = "label", word_vectors: Path | None = None
    ) -> list[ThresholdChoice]:
        """See `Words.choose_threshold`."""
        file = str(word_vectors) if word_vectors else None
        body = {"thresholds": list(thresholds), "names": names, "word_vectors": file}
        answer = self._request("POST", "/v1/choose-threshold", json=body)
        return TypeAdapter(list[ThresholdChoice]).validate_python(answer.json())
