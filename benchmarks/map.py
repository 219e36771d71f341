"""The map of real pages: time beside openTSNE and umap-learn called directly, and how true the map is.

    python -m benchmarks.map [--small] [--only tsne|umap] [--rounds N]

On 20,000 MobileNetV2 embeddings (1,200 with --small). Each round runs everything once, so that what is compared alternates, and medians
are told. Prints a table, and one JSON object as its last line. Seconds of cores, unlike those of the clock, are hardly lengthened
by what else runs on the machine.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable

import numpy as np

from benchmarks.real_vectors import real_vectors
from indexer.analysis.layout import PERPLEXITY, REDUCED_DIMENSIONS, UMAP_NEIGHBOURS, fit_reduction, lay_out
from indexer.analysis.placing import choose_sample, place_by_neighbours
from indexer.values import Matrix

_THREADS = 2
_PROBES = 2000


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="1,200 pages instead of 20,000")
    parser.add_argument("--only", choices=("tsne", "umap"), help="one method and its library, beside each other")
    parser.add_argument("--rounds", type=int, default=None, help="default 3, 1 with --small")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.small else 3)
    pages = 1200 if options.small else 20_000
    vectors, labels = real_vectors(pages)
    _warm_up(vectors)
    runs: dict[str, Callable[[], Matrix]] = {
        "tsne": lambda: lay_out(vectors, method="tsne", threads=_THREADS),
        "openTSNE directly": lambda: _direct_tsne(vectors),
        "umap": lambda: lay_out(vectors, method="umap"),
        "umap-learn directly": lambda: _direct_umap(vectors),
        "pca": lambda: lay_out(vectors, method="pca"),
        "tsne of a quarter, others placed": lambda: _placed(vectors),
    }
    results: dict[str, dict[str, float]] = {}
    head = f"{'map of ' + str(pages):34} {'seconds':>8} {'of cores':>9} {'trustworthiness':>16} {'label agreement':>16}"
    print(head, flush=True)
    pairs = {"tsne": "openTSNE directly", "umap": "umap-learn directly"}
    if options.only:
        pairs = {options.only: pairs[options.only]}
        runs = {name: runs[name] for pair in pairs.items() for name in pair}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    points: dict[str, Matrix] = {}
    for _ in range(rounds):
        for name, run in runs.items():
            began_s, began_core_s = time.perf_counter(), time.process_time()
            points[name] = run()
            seconds[name].append((time.perf_counter() - began_s, time.process_time() - began_core_s))
    for name, found in points.items():
        took_s, core_s = np.median(seconds[name], axis=0).tolist()
        trust, agreement = _trustworthiness(vectors, found), _label_agreement(found, labels)
        results[name] = {
            "seconds": round(took_s, 2),
            "core_seconds": round(core_s, 2),
            "trustworthiness": round(trust, 4),
            "labels": round(agreement, 4),
        }
        print(f"{name:34} {took_s:8.1f} {core_s:9.1f} {trust:16.4f} {agreement:16.4f}", flush=True)
    ratios = {
        f"{ours}_{kind}_ratio": results[ours][field] / results[direct][field]
        for ours, direct in pairs.items()
        for kind, field in (("time", "seconds"), ("core_time", "core_seconds"))
    }
    kept = {name: round(value, 3) for name, value in ratios.items()}
    print(
        json.dumps(
            {
                "benchmark": "map",
                "pages": pages,
                "rounds": rounds,
                **kept,
                "label_agreement_in_full": _in_full(vectors, labels),
                "runs": results,
            }
        )
    )


def _warm_up(vectors: Matrix) -> None:
    """Both libraries compile at first use; nobody's time should hold that. UMAP seeks neighbours another way from 4,096 pages on."""
    lay_out(vectors[:5000], method="umap")
    lay_out(vectors[:100], method="tsne", threads=_THREADS)


def _direct_tsne(vectors: Matrix) -> Matrix:
    """As its documentation shows, on the same 50 components that scikit-learn finds."""
    from openTSNE import TSNE
    from sklearn.decomposition import PCA

    reduced = PCA(REDUCED_DIMENSIONS, random_state=0).fit_transform(vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        found = TSNE(perplexity=PERPLEXITY, n_jobs=_THREADS, random_state=0).fit(reduced)
    return np.array(found, dtype=np.float32)


def _direct_umap(vectors: Matrix) -> Matrix:
    from sklearn.decomposition import PCA
    from umap import UMAP

    reduced = PCA(REDUCED_DIMENSIONS, random_state=0).fit_transform(vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = UMAP(n_neighbors=UMAP_NEIGHBOURS, random_state=0, n_jobs=1).fit_transform(reduced)
    return np.asarray(found, dtype=np.float32)


def _placed(vectors: Matrix) -> Matrix:
    chosen = choose_sample(len(vectors), size=len(vectors) // 4)
    reduction = fit_reduction(vectors[chosen], REDUCED_DIMENSIONS)
    positions = lay_out(vectors[chosen], threads=_THREADS)
    blocks = (reduction.apply(vectors[start : start + 4096]) for start in range(0, len(vectors), 4096))
    return place_by_neighbours(blocks, reduction.apply(vectors[chosen]), positions)


def _trustworthiness(vectors: Matrix, points: Matrix, k: int = 15) -> float:
    """How few strangers are among the k nearest on the map (Venna & Kaski, 2001), over pages drawn evenly."""
    pages = len(vectors)
    penalty, probes = 0.0, np.linspace(0, pages - 1, min(_PROBES, pages)).astype(np.int64)
    for start in range(0, len(probes), 250):
        rows = probes[start : start + 250]
        order = np.argsort(np.argsort(-(vectors[rows] @ vectors.T), axis=1), axis=1)
        apart = ((points[rows, None, :] - points[None]) ** 2).sum(axis=2)
        apart[np.arange(len(rows)), rows] = np.inf
        near = np.argpartition(apart, k, axis=1)[:, :k]
        penalty += float(np.maximum(np.take_along_axis(order, near, axis=1) - k, 0).sum())
    return 1 - 2 * penalty / (len(probes) * k * (2 * pages - 3 * k - 1))


def _label_agreement(points: Matrix, labels: list[str], k: int = 10) -> float:
    from scipy.spatial import cKDTree

    _, near = cKDTree(points).query(points, k=k + 1)
    return _share_of_same(near[:, 1:], labels, np.arange(len(points)))


def _in_full(vectors: Matrix, labels: list[str], k: int = 10) -> float:
    """The same among the nearest by cosine: what a map could keep at best."""
    probes = np.linspace(0, len(vectors) - 1, min(_PROBES, len(vectors))).astype(np.int64)
    alike = vectors[probes] @ vectors.T
    alike[np.arange(len(probes)), probes] = -1
    return round(_share_of_same(np.argpartition(-alike, k, axis=1)[:, :k], labels, probes), 4)


def _share_of_same(near: np.ndarray, labels: list[str], rows: np.ndarray) -> float:
    numbers = np.unique(labels, return_inverse=True)[1]
    return float((numbers[near] == numbers[rows, None]).mean())


if __name__ == "__main__":
    main()
