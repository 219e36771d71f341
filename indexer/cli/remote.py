"""The library behind a running service: the same calls, carried over HTTP, with the same values and errors coming back.

An embedded library has one writer. While a service holds it, commands ask the service, and show its progress as their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import httpx
from pydantic import TypeAdapter

from indexer import errors
from indexer.cli.remote_balance import RemoteBalance
from indexer.cli.remote_documents import RemoteDocuments
from indexer.cli.remote_duplicates import RemoteDuplicates
from indexer.cli.remote_learning import RemoteLearning
from indexer.cli.remote_maps import RemoteMaps
from indexer.cli.remote_rescans import RemoteRescans
from indexer.cli.remote_words import RemoteWords
from indexer.errors import LibraryBusyError, ModelMismatchError, QuireError, ServiceError
from indexer.filters import format_filter
from indexer.library.answering import Upload
from indexer.library.results import (
    BackupReport,
    CheckReport,
    ClassifyAnswer,
    Cluster,
    ClusterReport,
    HistoryEntry,
    IndexReport,
    KChoice,
    NameReport,
    PageList,
    Question,
    RelocateReport,
    SheetPages,
    SimilarAnswer,
    SimilarAnswers,
    Status,
)
from indexer.library.sheets import SheetOrder
from indexer.output.files import written_whole
from indexer.progress import Progress, ProgressSink, ignore_progress
from indexer.settings import Settings
from indexer.values import PageFilter

T = TypeVar("T")

_PATIENCE = httpx.Timeout(connect=5.0, read=600.0, write=600.0, pool=5.0)
"""A forward pass over many uploads may take minutes on a small machine; that nobody answers at all shows at once."""


class RemoteLibrary:
    """What `Library` does, done by the service that holds it."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    @classmethod
    def reach(cls, address: str, settings: Settings) -> Self | None:
        """The service at `address`, or None if nobody answers there."""
        keys = settings.api_keys.get_secret_value() if settings.api_keys else ""
        key = next(
            (entry.split(":", 2)[2] for entry in keys.split(",") if entry.count(":") >= 2 and ":rw:" in entry), None
        )
        headers = {"X-API-Key": key} if key else {}
        client = httpx.Client(base_url=address, timeout=_PATIENCE, headers=headers, trust_env=False)
        try:
            client.get("/healthz").raise_for_status()
        except httpx.HTTPError:
            client.close()
            return None
        return cls(client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._client.close()

    # ---- long work: a job each ----

    def index(
        self,
        roots: Sequence[Path] = (),
        *,
        label_from: str | None = None,
        metadata: Path | None = None,
        model: str | None = None,
        checkpoint: Path | None = None,
        limit: int | None = None,
        dry_run: bool = False,
        prune: bool = False,
        retry_skipped: bool = False,
        views: Sequence[str] | None = None,
        part: str | None = None,
        blur_mix: Sequence[float] | None = None,
        weights: Sequence[float] | None = None,
        ray: str | None = None,
        progress: ProgressSink = ignore_progress,
    ) -> IndexReport:
        """See `Library.index`; the service reads and embeds by itself."""
        _refuse_ray(ray)
        wish = {
            "kind": "index",
            "roots": [str(root) for root in roots],
            "label_from": label_from,
            "metadata": str(metadata.resolve()) if metadata else None,
            "model": model,
            "checkpoint": str(checkpoint.resolve()) if checkpoint else None,
            "limit": limit,
            "dry_run": dry_run,
            "prune": prune,
            "retry_skipped": retry_skipped,
            "part": part,
            "views": list(views) if views is not None else None,
            "blur_mix": _numbers(blur_mix),
            "weights": _numbers(weights),
        }
        return self._run_job(wish, IndexReport, progress)

    def reindex(
        self,
        model: str | None = None,
        *,
        checkpoint: Path | None = None,
        k: int | None = None,
        views: Sequence[str] | None = None,
        blur_mix: Sequence[float] | None = None,
        weights: Sequence[float] | None = None,
        ray: str | None = None,
        progress: ProgressSink = ignore_progress,
    ) -> IndexReport:
        """See `Library.reindex`; the service reads and embeds by itself."""
        _refuse_ray(ray)
        wish = {
            "kind": "reindex",
            "model": model,
            "checkpoint": str(checkpoint.resolve()) if checkpoint else None,
            "k": k,
            "views": list(views) if views else None,
            "blur_mix": _numbers(blur_mix),
            "weights": _numbers(weights),
        }
        return self._run_job(wish, IndexReport, progress)

    def cluster(self, k: int, *, seed: int = 0, progress: ProgressSink = ignore_progress) -> ClusterReport:
        """See `Library.cluster`."""
        return self._run_job({"kind": "cluster", "k": k, "seed": seed}, ClusterReport, progress)

    def check(
        self, *, repair: bool = False, deep: bool = False, progress: ProgressSink = ignore_progress
    ) -> CheckReport:
        """See `Library.check`; the files are mended only by one who holds the library alone."""
        if repair:
            raise LibraryBusyError("A service has the library open. Stop it, repair the library, and start it again.")
        return self._run_job({"kind": "check", "deep": deep}, CheckReport, progress)

    def backup(self, file: Path, *, progress: ProgressSink = ignore_progress) -> BackupReport:
        """See `Library.backup`; the service writes the file, on its own machine."""
        return self._run_job({"kind": "backup", "file": str(file)}, BackupReport, progress)

    def relocate(
        self, to: str, *, name: str | None = None, switch: bool = True, progress: ProgressSink = ignore_progress
    ) -> RelocateReport:
        """Not while a service works on the library."""
        raise LibraryBusyError("A service has the library open. Stop it, move the library, and start it again.")

    # ---- everything else: one call each ----

    def choose_k(self, ks: Sequence[int], *, seed: int = 0, progress: ProgressSink = ignore_progress) -> list[KChoice]:
        """See `Library.choose_k`."""
        return self._send("POST", "/v1/choose-k", list[KChoice], json={"ks": list(ks), "seed": seed})

    def clusters(self) -> list[Cluster]:
        """See `Library.clusters`."""
        return self._send("GET", "/v1/clusters", list[Cluster])

    def questions(self) -> list[Question]:
        """See `Library.questions`."""
        return self._send("GET", "/v1/questions", list[Question])

    def answer(
        self,
        question: int,
        *,
        group: str | None = None,
        cluster: int | None = None,
        keep: bool = False,
        who: str | None = None,
    ) -> NameReport:
        """See `Library.answer`."""
        body = {"group": group, "cluster": cluster, "keep": keep}
        return self._send("POST", f"/v1/questions/{question}/answer", NameReport, json=body)

    def cluster_pages(
        self, cluster: int, *, limit: int = 50, offset: int = 0, order: Literal["exemplars", "outliers"] = "exemplars"
    ) -> SimilarAnswer:
        """See `Library.cluster_pages`."""
        params = {"limit": limit, "offset": offset, "order": order}
        return self._send("GET", f"/v1/clusters/{cluster}/pages", SimilarAnswer, params=params)

    def name_clusters(self, clusters: Sequence[int], group: str | None, *, who: str | None = None) -> NameReport:
        """See `Library.name_clusters`; the service notes who asked by its key."""
        return self._send("POST", "/v1/names", NameReport, json={"clusters": list(clusters), "group": group})

    def move_pages(self, page_ids: Sequence[str], group: str | None, *, who: str | None = None) -> NameReport:
        """See `Library.move_pages`."""
        return self._send("POST", "/v1/pages/move", NameReport, json={"page_ids": list(page_ids), "group": group})

    def history(self, *, limit: int = 100) -> list[HistoryEntry]:
        """See `Library.history`."""
        return self._send("GET", "/v1/history", list[HistoryEntry], params={"limit": limit})

    def undo(self, entry: int | None = None, *, who: str | None = None) -> HistoryEntry:
        """See `Library.undo`."""
        return self._send("POST", "/v1/undo", HistoryEntry, json={"entry": entry})

    def classify(self, uploads: Sequence[Upload], *, unknown_share: float | None = None) -> ClassifyAnswer:
        """See `Library.classify`."""
        params = {} if unknown_share is None else {"unknown_share": unknown_share}
        return self._send("POST", "/v1/classify", ClassifyAnswer, params=params, files=_files(uploads))

    def similar(
        self, uploads: Sequence[Upload], *, where: PageFilter = PageFilter(), limit: int = 12, colour: float = 0.0
    ) -> SimilarAnswers:
        """See `Library.similar`."""
        params = {"filter": format_filter(where), "limit": limit, "colour": colour}
        return self._send("POST", "/v1/similar", SimilarAnswers, params=params, files=_files(uploads))

    def pages(self, *, where: PageFilter = PageFilter(), limit: int = 50, cursor: str | None = None) -> PageList:
        """See `Library.pages`."""
        params = {"filter": format_filter(where), "limit": limit, **({"cursor": cursor} if cursor else {})}
        return self._send("GET", "/v1/pages", PageList, params=params)

    def page_thumbnail(self, page_id: str) -> bytes:
        """See `Library.page_thumbnail`."""
        return self._request("GET", f"/v1/pages/{page_id}/thumbnail").content

    def sheet_pages(
        self,
        *,
        where: PageFilter = PageFilter(),
        order: SheetOrder = "typical",
        like: str | None = None,
        limit: int = 60,
    ) -> SheetPages:
        """See `Library.sheet_pages`."""
        wish: dict[str, Any] = {"filter": format_filter(where), "order": order, "limit": limit}
        return self._send("GET", "/v1/sheet/pages", SheetPages, params=wish | ({"like": like} if like else {}))

    def contact_sheet(
        self,
        kind: str = "png",
        *,
        where: PageFilter = PageFilter(),
        order: SheetOrder = "typical",
        like: str | None = None,
        page_ids: Sequence[str] | None = None,
        similarities: Sequence[float] | None = None,
        limit: int = 60,
        columns: int = 0,
        tile_px: int = 220,
        title: str | None = None,
    ) -> bytes:
        """See `Library.contact_sheet`."""
        how: dict[str, Any] = {"format": kind, "columns": columns, "tile_px": tile_px}
        how |= {"title": title} if title else {}
        if page_ids is not None:
            body = {**how, "page_ids": list(page_ids), "similarities": _numbers(similarities)}
            return self._request("POST", "/v1/sheet", json=body).content
        wish = {**how, "filter": format_filter(where), "order": order, "limit": limit}
        return self._request("GET", "/v1/sheet", params=wish | ({"like": like} if like else {})).content

    def status(self) -> Status:
        """See `Library.status`."""
        return self._send("GET", "/v1/status", Status)

    def export_vectors(self, file: Path, *, where: PageFilter = PageFilter()) -> int:
        """See `Library.export_vectors`; the service sends them."""
        return self._export("vectors", file, where)

    def _export(self, kind: str, file: Path, where: PageFilter) -> int:
        """What the service exports, into a file as it comes: it may be as large as the library. Returns how many pages it is of."""
        wish = {"format": kind, "filter": format_filter(where)}
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._client.stream("GET", "/v1/export", params=wish) as response, written_whole(file) as draft:
                if response.is_error:
                    response.read()
                    raise _error_from(_problem(response))
                with draft.open("wb") as out:
                    for chunk in response.iter_bytes():
                        out.write(chunk)
                return int(response.headers["X-Quire-Pages"])
        except httpx.HTTPError as exc:
            raise ServiceError(f"The {kind} did not arrive whole: {exc}. Ask again.") from exc

    def check_model(self, model: str | None) -> None:
        """See `Library.check_model`."""
        recorded = self.status().model
        if model is not None and recorded is not None and recorded.name != model:
            raise ModelMismatchError(
                f"The library was made with {recorded.name}, and {model} was asked for; vectors of two models "
                "can't be compared. Leave --model away."
            )

    @property
    def maps(self) -> RemoteMaps:
        """See `Library.maps`."""
        return RemoteMaps(self._request, self._run_job)

    @property
    def documents(self) -> RemoteDocuments:
        """See `Library.documents`."""
        return RemoteDocuments(self._request, self._run_job, address=str(self._client.base_url))

    @property
    def duplicates(self) -> RemoteDuplicates:
        """See `Library.duplicates`."""
        return RemoteDuplicates(self._request, self._run_job)

    @property
    def balance(self) -> RemoteBalance:
        """See `Library.balance`."""
        return RemoteBalance(self._request)

    @property
    def rescans(self) -> RemoteRescans:
        """See `Library.rescans`."""
        return RemoteRescans(self._request)

    @property
    def words(self) -> RemoteWords:
        """See `Library.words`."""
        return RemoteWords(self._request, self._run_job, self._export)

    @property
    def learning(self) -> RemoteLearning:
        """See `Library.learning`."""
        return RemoteLearning(self._request, self._run_job, _files)

    # ---- how ----

    def _run_job(self, wish: Mapping[str, object], report: type[T], progress: ProgressSink) -> T:
        job = self._request("POST", "/v1/jobs", json=wish).json()
        path = f"/v1/jobs/{job['id']}"
        try:
            for event in self._events(f"{path}/events"):
                if event.get("progress"):
                    progress(TypeAdapter(Progress).validate_python(event["progress"]))
        except KeyboardInterrupt:
            self._client.delete(path)
            raise
        ended = self._request("GET", path).json()
        if ended["error"]:
            raise _error_from(ended["error"])
        if ended["report"] is None:
            raise ServiceError(
                f"The service ended the job {job['id']} as {ended['state']}; `quire status` says what is in the library."
            )
        return TypeAdapter(report).validate_python(ended["report"])

    def _events(self, path: str) -> Iterator[dict[str, Any]]:
        """What a stream of server-sent events tells, one JSON object each; ends with the job."""
        quiet = httpx.Timeout(5.0, read=None)
        with self._client.stream("GET", path, timeout=quiet) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    def _send(self, method: str, path: str, kind: type[T], **options: Any) -> T:
        return TypeAdapter(kind).validate_python(self._request(method, path, **options).json())

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, **options)
        except httpx.HTTPError as exc:
            raise LibraryBusyError(
                f"The service at {self._client.base_url} holds the library and does not answer ({exc}). Stop it, or try again."
            ) from exc
        if response.is_error:
            raise _error_from(_problem(response))
        return response


def _numbers(numbers: Sequence[float] | None) -> list[float] | None:
    return None if numbers is None else list(numbers)


def _refuse_ray(ray: str | None) -> None:
    if ray is not None:
        raise LibraryBusyError(
            "A service has the library open, and a Ray cluster is asked by the process that writes. Stop the service for as long as that "
            "takes, or keep the library on a Qdrant server, where both may write."
        )


def _files(uploads: Sequence[Upload]) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("file", (upload.name, upload.data, "application/octet-stream")) for upload in uploads]


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = response.json()
    except ValueError:
        found = None
    return (
        found
        if isinstance(found, dict)
        else {"detail": f"The service answered {response.status_code} without a reason."}
    )


def _error_from(problem: Mapping[str, Any]) -> QuireError:
    """The error that the service met, as if it had been met here."""
    kinds = {
        kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, QuireError)
    }
    kind = kinds.get(str(problem.get("code")), ServiceError)
    detail = str(problem.get("detail", "The service gave no reason."))
    misfits = [
        f"{one.get('where')}: {one.get('message')}" for one in problem.get("errors") or [] if isinstance(one, dict)
    ]
    return kind(" ".join([detail, *misfits]))
