"""What all benchmarks share: where they ran, interleaved runs and their medians, a table, one JSON object."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("torch", "open_clip_torch", "pillow", "numpy", "scikit-learn", "qdrant-edge-py", "qdrant-client")


def find_data() -> Path:
    """The real pages: QUIRE_TEST_DATA, or `../shared/data` beside the repository."""
    place = Path(os.environ.get("QUIRE_TEST_DATA") or Path(__file__).parents[1].parent / "shared" / "data")
    if not place.is_dir():
        raise SystemExit(f"There are no real pages at {place}; set QUIRE_TEST_DATA to the folder that holds them.")
    return place


def list_scans() -> list[Path]:
    """The pages as scanned, A4 at about 300 dpi, sorted."""
    return sorted((find_data() / "scans_300dpi").glob("*.jpg"))


def describe_machine() -> dict[str, str]:
    """The hardware, how busy it is with other things, and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    flags = next((line.split(":")[1].split() for line in lines if line.startswith("flags")), [])
    fast = [flag for flag in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if flag in flags]
    return {
        "cpu": f"{cpu} ({', '.join(fast)})",
        "cores": str(len(os.sched_getaffinity(0))),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def print_machine() -> dict[str, str]:
    """Say where this runs, in one line; also returns it."""
    machine = describe_machine()
    print("; ".join(f"{name} {value}" for name, value in machine.items()), "\n", flush=True)
    return machine


Step = Callable[..., dict[str, float]]


def in_own_process(*, small: bool) -> Callable[[Step, tuple[object, ...]], dict[str, float]]:
    """How to call a step: in a fresh process, so that its memory is its own; in a small run right here, which is quicker."""
    if small:
        return lambda step, arguments: step(*arguments)

    def call(step: Step, arguments: tuple[object, ...]) -> dict[str, float]:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(step, arguments)

    return call


def read_cpu_s() -> float:
    """Seconds of cores that this process and all of its children have used; unlike the clock, not lengthened by what else runs."""
    here = psutil.Process()
    # of each living process its own and those of the children that it has seen end
    return sum(sum(process.cpu_times()[:4]) for process in [here, *here.children(recursive=True)])


def run_together(works: Sequence[Callable[[], object]]) -> None:
    """Each in a thread of its own, until all are done; then the first error, if there was one, is raised."""
    with ThreadPoolExecutor(max(1, len(works))) as pool:
        futures = [pool.submit(work) for work in works]
    for future in futures:
        future.result()


def interleave(runs: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, list[float]]:
    """What each run returned, in every round; one after the other within a round, so that noise meets all alike."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
    return found


def medians(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each."""
    return {name: statistics.median(values) for name, values in found.items()}


def median_ratio(found: Mapping[str, Sequence[float]], one: str, other: str) -> float:
    """The median over rounds of `one` by `other`."""
    return statistics.median(a / b for a, b in zip(found[one], found[other], strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A Markdown table."""
    print("| " + " | ".join(headers) + " |\n" + "|---" * len(headers) + "|")
    for row in rows:
        print("| " + " | ".join(f"{cell:,.4g}" if isinstance(cell, float) else str(cell) for cell in row) + " |")
    print(flush=True)


def print_result(name: str, machine: Mapping[str, str], **figures: object) -> None:
    """The last line: one JSON object."""
    print(json.dumps({"benchmark": name, **figures, "machine": dict(machine)}, default=_rounded), flush=True)


def read_memory_mib(field: str = "VmRSS") -> float:
    """This process's memory from /proc/self/status: `VmRSS` now, `VmHWM` at most, `RssAnon` without mapped files."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards; under TMPDIR."""
    with tempfile.TemporaryDirectory(prefix="quire-bench-") as folder:
        yield Path(folder)


def _rounded(value: object) -> object:
    return round(float(value), 6) if hasattr(value, "__float__") else str(value)
