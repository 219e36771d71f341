"""What `Library.duplicates` does, done by the service that holds the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import httpx
from pydantic import TypeAdapter

from indexer.analysis.hashing import SAME_PICTURE
from indexer.cli.remote_maps import RunJob
from indexer.library.duplicates import MIN_SIMILARITY
from indexer.library.results import ApartReport, DuplicateList, DuplicateReport
from indexer.progress import ProgressSink, ignore_progress

_SETS_AT_A_TIME = 200


class RemoteDuplicates:
    """The near-duplicates of a library that a service holds."""

    def __init__(self, request: Callable[..., httpx.Response], run_job: RunJob) -> None:
        self._request = request
        self._run_job = run_job

    def find(
        self,
        *,
        min_similarity: float = MIN_SIMILARITY,
        min_agreement: float = SAME_PICTURE,
        progress: ProgressSink = ignore_progress,
    ) -> DuplicateReport:
        """See `Duplicates.find`."""
        wish = {"kind": "duplicates", "min_similarity": min_similarity, "min_agreement": min_agreement}
        return self._run_job(wish, DuplicateReport, progress)

    def list(self, *, limit: int | None = None, offset: int = 0) -> DuplicateList:
        """See `Duplicates.list`; as many calls as it takes."""
        wanted = _SETS_AT_A_TIME if limit is None else min(limit, _SETS_AT_A_TIME)
        found = self._list(wanted, offset)
        sets, left = found.sets, None if limit is None else limit - wanted
        while offset + len(sets) < found.total and left != 0:
            wanted = _SETS_AT_A_TIME if left is None else min(left, _SETS_AT_A_TIME)
            more = self._list(wanted, offset + len(sets)).sets
            if not more:
                break
            sets += more
            left = None if left is None else left - wanted
        return found

    def apart(self, page_ids: Sequence[str], *, who: str | None = None) -> ApartReport:
        """See `Duplicates.apart`; the service notes who asked by its key."""
        answer = self._request("POST", "/v1/duplicates/apart", json={"page_ids": [*page_ids]})
        return TypeAdapter(ApartReport).validate_python(answer.json())

    def _list(self, limit: int, offset: int) -> DuplicateList:
        answer = self._request("GET", "/v1/duplicates", params={"limit": limit, "offset": offset})
        return TypeAdapter(DuplicateList).validate_python(answer.json())
