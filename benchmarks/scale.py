"""Figure 8: a library of 900,000 pages on one small machine.

    python -m benchmarks.scale [--small] [--pages N] [-k K] [--no-clusters]

Made-up 512-d vectors with the payload of real pages, bulk-loaded and then optimized; opened by a fresh process, whose memory is
taken after its queries; clustered by another, and beside it scikit-learn's MiniBatchKMeans on the whole array, on one core as well.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.report import in_own_process, print_machine, print_result, print_table, read_memory_mib, scratch
from benchmarks.store import ask
from benchmarks.synthetic import BLOCK, create_library, make_vectors
from indexer.analysis.kmeans import one_thread
from indexer.library import Library
from indexer.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="A very large library.")
    parser.add_argument("--small", action="store_true", help="3,000 pages, 8 clusters")
    parser.add_argument("--pages", type=int, default=None, help="default 900,000")
    parser.add_argument("-k", type=int, default=None, help="clusters; default 64")
    parser.add_argument("--no-clusters", action="store_true", help="only load, open and search")
    options = parser.parse_args(arguments)
    pages = options.pages or (3_000 if options.small else 900_000)
    k = options.k or (8 if options.small else 64)
    machine = print_machine()
    call = in_own_process(small=options.small)
    with scratch() as folder:
        place = folder / "library"
        figures: dict[str, float] = {}
        steps: list[tuple[Callable[..., dict[str, float]], tuple[object, ...]]] = [
            (_fill, (place, pages, folder)),
            (_serve, (place,)),
        ]
        if not options.no_clusters:
            steps += [(_cluster, (place, k)), (_serve_again, (place,)), (_cluster_directly, (pages, k))]
        for step, arguments_of_step in steps:
            figures |= call(step, arguments_of_step)
            print(f"{step.__name__.strip('_')} done", flush=True)
    print(f"\n{pages:,} pages\n")
    print_table(["", "figure"], list(figures.items()))
    print_result("scale", machine, pages=pages, k=k, figures=figures)


def _fill(place: Path, pages: int, folder: Path) -> dict[str, float]:
    began_s = time.perf_counter()
    create_library(place, pages, root=folder, optimize=False)
    loaded_s = time.perf_counter() - began_s
    with Library.open(load_settings(library=place)) as library:
        began_s = time.perf_counter()
        library.collection.optimize()
        optimize_s = time.perf_counter() - began_s
    disk = sum(file.stat().st_blocks * 512 for file in place.rglob("*") if file.is_file())
    return {"load s": loaded_s, "optimize s": optimize_s, "MiB on disk": disk / 2**20}


def _serve(place: Path) -> dict[str, float]:
    before_mib = read_memory_mib()
    began_s = time.perf_counter()
    library = Library.open(load_settings(library=place))
    count = library.collection.count()
    open_s = time.perf_counter() - began_s
    queries = make_vectors(100, block=10_000_000)
    memory: dict[str, float] = {"RSS before opening MiB": before_mib}

    def note_memory() -> None:
        memory["RSS serving MiB"] = read_memory_mib()
        memory["of it not files MiB"] = read_memory_mib("RssAnon")

    asked = ask(library.collection, queries, after_queries=note_memory)
    figures = {"open s": open_s, "pages": float(count), **asked, **memory}
    library.close()
    return figures


def _serve_again(place: Path) -> dict[str, float]:
    """After clustering, which moves every page out of the optimized segments."""
    return {f"{name} (after cluster)": value for name, value in _serve(place).items() if name.endswith("ms")}


def _cluster(place: Path, k: int) -> dict[str, float]:
    with Library.open(load_settings(library=place)) as library:
        began_s = time.perf_counter()
        with _watch_memory() as peak:
            report = library.cluster(k)
        took_s = time.perf_counter() - began_s
    return {
        "cluster s": took_s,
        "cluster peak MiB": read_memory_mib("VmHWM"),
        "of it not files, peak MiB": peak[0],
        "cluster inertia": report.inertia,
    }


@contextmanager
def _watch_memory() -> Iterator[list[float]]:
    """The most memory that is no mapped file, looked at ten times a second."""
    peak = [0.0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            peak[0] = max(peak[0], read_memory_mib("RssAnon"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _cluster_directly(pages: int, k: int) -> dict[str, float]:
    from sklearn.cluster import MiniBatchKMeans

    blocks = [make_vectors(min(BLOCK, pages - begin), block=n) for n, begin in enumerate(range(0, pages, BLOCK))]
    whole = np.concatenate(blocks)
    del blocks
    began_s = time.perf_counter()
    with one_thread():
        model = MiniBatchKMeans(n_clusters=k, random_state=0, n_init=1, batch_size=16_384).fit(whole)
    took_s = time.perf_counter() - began_s
    centroids = model.cluster_centers_ / np.linalg.norm(model.cluster_centers_, axis=1, keepdims=True)
    inertia = 0.0
    for begin in range(0, pages, BLOCK):
        inertia += float((2 - 2 * (whole[begin : begin + BLOCK] @ centroids.T).max(axis=1)).sum())
    return {
        "scikit-learn s": took_s,
        "scikit-learn peak MiB": read_memory_mib("VmHWM"),
        "scikit-learn inertia": inertia,
    }


if __name__ == "__main__":
    main()
