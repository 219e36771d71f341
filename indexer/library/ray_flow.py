"""The flow of pages on a Ray cluster, by Ray Data: each worker reads and embeds a handful of files at a time, and this process writes.

A worker is what one machine's pipeline is (`pipeline.flow`): threads that decode, and one model, on a GPU where the cluster has some. All
workers must see the scans under the same paths, and the model's weights. The library itself is only ever written here.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from indexer.cores import count_cores
from indexer.embedding import check_same, create_embedder, parse_blur_mix
from indexer.embedding.hardware import limit_threads_here
from indexer.errors import QuireError, UsageError, WorkersError
from indexer.library.indexing import FileRead, PageReader, PreparedPage
from indexer.library.manifest import Root
from indexer.library.observing import Observer
from indexer.library.pipeline import Embedded, Plan, flow
from indexer.sources import DecodeLimits, Decoders, MetadataTable
from indexer.values import Matrix, ModelSpec, ScannedFile, Skip

LOCAL = "local"
"""The address that means: Ray on this machine alone, for as long as the run lasts."""
_FILES_AT_ONCE = 256
"""What a worker is handed at a time: some seconds of work, and what is lost where its machine fails."""
_KNOCK_S = 10.0

Item = Embedded[PreparedPage, dict[str, Matrix]] | Skip | FileRead


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a worker needs to see pages as this process would."""

    model: ModelSpec
    checkpoint: Path | None
    views: tuple[str, ...]
    roots: dict[str, Root]
    tables: dict[str, MetadataTable]
    limits: DecodeLimits
    precision: Literal["auto", "float32", "bfloat16", "float16"]
    device: str
    cache_dir: Path | None
    models_dir: Path
    decode_timeout_s: float
    max_decode_bytes: int
    threads: int


@dataclass(frozen=True, slots=True)
class _Fleet:
    """How many workers, and what each may use."""

    workers: int
    cores: int
    gpus: int


def flow_on_ray(files: Sequence[ScannedFile], recipe: Recipe, address: str) -> Generator[Item]:
    """What `flow` yields for these files, made by the cluster at `address`: `local`, `auto`, or `ray://host:10001`.

    Raises:
        UsageError: Ray is not installed.
        WorkersError: no cluster answers, or its workers fail again and again.
    """
    ray = _import_ray(address)
    with _connected(ray, address):
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False  # the caller shows its own
        fleet = _measure_fleet(ray.nodes())
        threads = recipe.threads or fleet.cores
        rows = [{"file": file} for file in files]
        made = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // _FILES_AT_ONCE)).map_batches(
            _Worker,
            fn_constructor_args=(replace(recipe, threads=threads),),
            batch_size=_FILES_AT_ONCE,
            num_cpus=fleet.cores,
            num_gpus=fleet.gpus,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=fleet.workers),
        )
        try:
            for row in made.iter_rows():
                yield row["item"]
        except ray.exceptions.RayError as exc:
            raise _told(exc) from exc


class _Worker:
    """A model and its threads, for as long as the run lasts; called by Ray with some files at a time."""

    def __init__(self, recipe: Recipe) -> None:
        embedder = create_embedder(
            recipe.model.name,
            checkpoint=recipe.checkpoint,
            precision=recipe.precision,
            device=recipe.device,
            cache_dir=recipe.cache_dir,
            models_dir=recipe.models_dir,
            blur_mix=parse_blur_mix(recipe.model.blur_mix),
        )
        check_same(recipe.model, embedder.spec)
        self._observer = Observer(embedder, recipe.views)
        self._decoders = Decoders(timeout_s=recipe.decode_timeout_s, max_bytes=recipe.max_decode_bytes)
        self._reader = PageReader(self._observer, recipe.roots, recipe.tables, recipe.limits, self._decoders)
        self._threads = recipe.threads

    def __call__(self, batch: dict[str, Sequence[ScannedFile]]) -> dict[str, Any]:
        plan: Plan[ScannedFile, PreparedPage, Skip | FileRead, dict[str, Matrix]] = Plan(
            read=self._reader.read,
            embed=lambda pages: self._observer.embed([page.seen for page in pages]),
            page_type=PreparedPage,
            batch_size=self._observer.batch_size,
            workers=self._threads,
            embed_in_parallel=self._observer.embeds_in_parallel,
            begin_worker=lambda: limit_threads_here(max(1, count_cores() // self._threads)),
        )
        items = [_lighter(item) for item in flow(list(batch["file"]), plan)]
        column = np.empty(len(items), dtype=object)
        column[:] = items
        return {"item": column}


def _lighter(item: Item) -> Item:
    """Without the pictures that only the model needed."""
    if not isinstance(item, Embedded):
        return item
    none = np.empty((0, 0, 3), dtype=np.uint8)
    pages = [replace(page, seen=replace(page.seen, prepared=none, views={})) for page in item.pages]
    return Embedded(pages, item.vectors)


def _measure_fleet(nodes: Sequence[dict[str, Any]]) -> _Fleet:
    """A worker for each GPU, with its share of that machine's cores; without GPUs, one for each machine, with all of them."""
    alive = [node["Resources"] for node in nodes if node.get("Alive", node.get("alive"))]
    with_gpu = [resources for resources in alive if resources.get("GPU", 0) >= 1]
    if with_gpu:
        cores = min(int(resources.get("CPU", 1) // resources["GPU"]) for resources in with_gpu)
        return _Fleet(sum(int(resources["GPU"]) for resources in with_gpu), max(1, cores), 1)
    with_cores = [int(resources["CPU"]) for resources in alive if resources.get("CPU", 0) >= 1] or [1]
    cores = min(with_cores)
    return _Fleet(sum(count // cores for count in with_cores), cores, 0)


@contextlib.contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    if ray.is_initialized():  # the caller's own program has a cluster
        yield
        return
    try:
        _knock(address)
        ray.init(address=address, include_dashboard=False if address == LOCAL else None, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError, OSError) as exc:
        raise WorkersError(
            f"No Ray cluster answers at {address} ({exc}). Start one with `ray start --head`, or say --ray {LOCAL} for this machine alone."
        ) from exc
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """OSError where nobody listens at `host:port`; Ray itself would try for minutes, and then end the process."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()


def _import_ray(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == LOCAL:
        # On this machine alone Ray need not be reached from others; the variable that says so is named for where that is its default.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as exc:
        raise UsageError("Ray is not installed. Install it with: pip install 'quire[ray]'.") from exc
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


def _told(exc: BaseException) -> QuireError:
    """What a worker met, as if it had been met here; or that workers fail."""
    met: BaseException | None = exc
    while met is not None:
        if isinstance(met, QuireError):
            return met
        met = getattr(met, "cause", None) or met.__cause__
    last = str(exc).strip().splitlines()[-1:]
    return WorkersError(
        f"Workers on the Ray cluster failed: {' '.join(last)}. Pages written so far are kept; see Ray's log, then do it again."
    )
