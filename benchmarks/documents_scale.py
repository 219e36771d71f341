"""How long 900,000 pages take, with synthetic vectors and the page counts of real documents."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents import LOOKS_COLUMNS, StreamPages, prepare_stream, propose_documents

_DIMENSIONS = 512
_BANK = 20_000
_MEDIAN_STREAM, _STREAM_SPREAD, _LONGEST_STREAM = 200, 1.0, 10_000


@dataclass(frozen=True, slots=True)
class ScaleFigures:
    """Seconds are those of the slower worker, comparing and proposing only, by the clock and of its core; memory is the larger peak."""

    pages: int
    streams: int
    documents: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    vectors_mib: float


def measure_scale(pages: int, lengths: NDArray[np.int64], *, workers: int = 2) -> ScaleFigures:
    """Propose the documents of `pages` pages in streams of 20 to 10,000, each worker one stream at a time.

    `lengths` are the page counts of real documents. Vectors (page, head, foot: 512-d float16; looks) are made stream by stream,
    outside the clock, as they would be read from the store.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        jobs = [(pages // workers, lengths, seed) for seed in range(workers)]
        parts = pool.starmap(_run_worker, jobs)
    return ScaleFigures(
        pages=sum(part.pages for part in parts),
        streams=sum(part.streams for part in parts),
        documents=sum(part.documents for part in parts),
        seconds=max(part.seconds for part in parts),
        cpu_seconds=max(part.cpu_seconds for part in parts),
        peak_mib=max(part.peak_mib for part in parts),
        vectors_mib=pages * 3 * _DIMENSIONS * 2 / 2**20,
    )


def _run_worker(pages: int, lengths: NDArray[np.int64], seed: int) -> ScaleFigures:
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(seed)
    bank = (rng.standard_normal((_BANK, _DIMENSIONS)) / np.sqrt(_DIMENSIONS)).astype(np.float32)
    done = streams = documents = 0
    seconds = cpu_seconds = 0.0
    with threadpool_limits(1):
        while done < pages:
            size = int(np.clip(rng.lognormal(np.log(_MEDIAN_STREAM), _STREAM_SPREAD), 20, _LONGEST_STREAM))
            stream_pages = _make_stream(min(size, max(pages - done, 20)), lengths, bank, rng)
            started, cpu_started = time.perf_counter(), time.process_time()
            proposal = propose_documents(prepare_stream(stream_pages))
            seconds += time.perf_counter() - started
            cpu_seconds += time.process_time() - cpu_started
            done, streams, documents = done + len(stream_pages), streams + 1, documents + len(proposal.documents)
    return ScaleFigures(done, streams, documents, seconds, cpu_seconds, _read_peak_mib(), 0.0)


def _read_peak_mib() -> float:
    """This process's own peak; `ru_maxrss` would hand down that of the parent across the spawn."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _make_stream(
    size: int, lengths: NDArray[np.int64], bank: NDArray[np.float32], rng: np.random.Generator
) -> StreamPages:
    """Pages scattered around the centre of their document."""
    drawn = rng.choice(lengths, size=size)
    document = np.repeat(np.arange(size), drawn)[:size]
    parts = []
    for _ in range(3):
        centres = rng.integers(_BANK, size=size)
        noise = rng.integers(_BANK, size=size)
        values = bank[centres[document]] + bank[noise]
        parts.append((values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16))
    looks = rng.standard_normal((size, len(LOOKS_COLUMNS)))[document] + rng.standard_normal((size, len(LOOKS_COLUMNS)))
    return StreamPages(parts[0], parts[1], parts[2], looks.astype(np.float32))
