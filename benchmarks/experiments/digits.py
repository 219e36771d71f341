"""Digits: MNIST by the brightness of its pixels, laid out in three dimensions by t-SNE and UMAP; class distribution; similar images."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.experiments.common import Outcome, draw_library_map
from benchmarks.labelled import base_of, open_library, write_digits
from benchmarks.models import find_mobilenet
from indexer.analysis.layout import Method
from indexer.library import Library
from indexer.values import Labels, Matrix

_NAMES: dict[Method, str] = {"tsne": "t-SNE", "umap": "UMAP"}


def run(folder: Path, out: Path, *, small: bool) -> Outcome:
    """Both layouts timed on the same pages, and how often the ten nearest are the same digit, in space and on the maps."""
    count = 200 if small else 5_000
    pages = write_digits(folder / "digits", count)
    with open_library(folder / "library", [pages], model="pixels") as library:
        seconds: dict[str, tuple[float, float]] = {}
        agreement: dict[str, float] = {}
        library.maps.make_map(method="umap", dims=3)  # numba compiles at the first call; nobody is timed for that
        for method in _NAMES:
            began = _Stopwatch()
            library.maps.make_map(method=method, dims=3)
            seconds[method] = began.read()
            data = library.maps.read_map()
            agreement[method] = _agreement(data.xyz, _labels(library))
            draw_library_map(
                library, "label", out / f"digits-{method}.png", title=f"{count:,} digits, {_NAMES[method]} in 3-D"
            )
        pixels = _agreement(_vectors(library), _labels(library))
        began = _Stopwatch()
        agreement["there"] = _agreement(_lay_out_as_there(_vectors(library)), _labels(library))
        seconds["there"] = began.read()
        balance = library.facet("label")
        library.reindex(base_of(64), checkpoint=find_mobilenet())
        network = _agreement(_vectors(library), _labels(library))
    spread = f"{min(balance.values())} to {max(balance.values())}"
    return Outcome(
        "Digits: pixels, t-SNE and UMAP in three dimensions",
        [
            ("digits", f"{count:,}", "5,000"),
            ("t-SNE by openTSNE, core time (by the clock)", _tell(seconds["tsne"]), "–"),
            ("t-SNE by scikit-learn, all pixels", _tell(seconds["there"]), "–"),
            ("UMAP", _tell(seconds["umap"]), "–"),
            ("UMAP takes less core time than scikit-learn's t-SNE by", _ratio(seconds, "there"), "about 3 ×"),
            ("… than openTSNE's by", _ratio(seconds, "tsne"), "–"),
            ("ten nearest are the same digit: pixels", f"{pixels:.3f}", "–"),
            ("… on the 3-D map by t-SNE", f"{agreement['tsne']:.3f} (scikit-learn's {agreement['there']:.3f})", "–"),
            ("… on the 3-D map by UMAP", f"{agreement['umap']:.3f}", "–"),
            ("… by a network's embeddings", f"{network:.3f} (MobileNetV2, 64 px)", "CLIP, looked at"),
            ("pages of a class", spread, "a bar chart"),
        ],
        [
            "`quire map` has openTSNE (in three dimensions by Barnes-Hut), of 50 principal components; scikit-learn's is beside it",
            "maps are timed with reading and writing the library, after UMAP was compiled",
            "MNIST's test images; MobileNetV2 instead of CLIP, whose weights can't be had here",
        ],
        ["digits-tsne.png", "digits-umap.png"],
    )


class _Stopwatch:
    """Seconds of cores that this process has used, and by the clock, since it was made."""

    def __init__(self) -> None:
        self._core_s, self._clock_s = time.process_time(), time.monotonic()

    def read(self) -> tuple[float, float]:
        """Both."""
        return time.process_time() - self._core_s, time.monotonic() - self._clock_s


def _tell(seconds: tuple[float, float]) -> str:
    return f"{seconds[0]:.1f} s ({seconds[1]:.1f} s)"


def _ratio(seconds: dict[str, tuple[float, float]], method: str) -> str:
    return f"{seconds[method][0] / seconds['umap'][0]:.2f} ×"


def _lay_out_as_there(vectors: Matrix) -> Matrix:
    """Float32 [N, 3] by scikit-learn's t-SNE with its own settings."""
    from sklearn.manifold import TSNE

    return np.asarray(TSNE(n_components=3, random_state=0).fit_transform(vectors), dtype=np.float32)


def _vectors(library: Library) -> Matrix:
    """All embeddings in shelf order."""
    from indexer.library.learning_pages import load_vectors

    return load_vectors(library, library.shelf().ids)


def _labels(library: Library) -> Labels:
    """The digit of each page in shelf order."""
    colours = library.maps.colours("label")
    return np.array([int(colours.names[value]) for value in colours.values], dtype=np.int32)


def _agreement(points: Matrix, labels: Labels) -> float:
    """Share of the ten nearest that are the same digit; Euclidean on a map, and on unit vectors that is cosine."""
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=min(11, len(points))).fit(points).kneighbors(points, return_distance=False)
    return float((labels[near[:, 1:]] == labels[:, None]).mean())
