"""Is a page of a kind never seen called unknown, and a page of a known kind not?

    python -m benchmarks.unknown [--small]

Each of the categories of the real pages, and watercolours of fruit as one more, is left out once. Of the pages of all others seven tenths
are clustered; the rest, and the pages left out, are classified against the centroids. Three draws each (one with --small, which takes
every third page and no network). Prints a table, and as its last line one JSON object.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.real_vectors import INPUT_PX, embed_pictures, list_pages
from benchmarks.report import print_machine, print_result, print_table
from indexer.analysis.classify import classify_vectors, measure_spread
from indexer.analysis.kmeans import cluster_vectors
from indexer.embedding import create_embedder
from indexer.values import Matrix, Pixels

_SHARES = (0.02, 0.05, 0.1)
_CLUSTERS = (8, 16, 24)
_LEARNED = 0.7
_FRUIT_STEP = 8  # of 609 watercolours every eighth, as many as a category has
_KEPT_PX = 512


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="every third page, one draw, no network")
    small = parser.parse_args(arguments).small
    machine = print_machine()
    vectors, kinds = embed_kinds(small=small)
    rows, figures = [], {}
    for model, matrix in vectors.items():
        for k in _CLUSTERS[:1] if small else _CLUSTERS:
            called = _leave_each_out(matrix, kinds, k, draws=1 if small else 3)
            for share, (known, stranger) in zip(_SHARES, called, strict=True):
                rows.append((model, k, share, f"{known:.3f}", f"{stranger:.2f}"))
                figures[f"{model} k={k} share={share}"] = {"known": round(known, 4), "left_out": round(stranger, 4)}
    print_table(
        ["model", "clusters", "unknown_share", "known kinds called unknown", "left-out kinds called unknown"], rows
    )
    print_result("unknown", machine, pages=len(kinds), figures=figures)


def embed_kinds(*, small: bool) -> tuple[dict[str, Matrix], NDArray[np.str_]]:
    """Vectors of the pages by model, and what kind each page is; --small: every third page, and no network."""
    pictures, kinds = _load_kinds(3 if small else 1)
    vectors = {"classic": _embed_classic(pictures)}
    if not small:
        vectors["MobileNetV2"] = embed_pictures((_squash(picture) for picture in pictures), len(pictures))
    return vectors, kinds


def _load_kinds(step: int) -> tuple[list[Pixels], NDArray[np.str_]]:
    """Every `step`-th page of the categories, and as many watercolours, with what kind each is."""
    pages = [
        (path, path.parts[path.parts.index("categories") + 1]) for path, _ in list_pages() if "categories" in path.parts
    ]
    pages += [(path, "watercolour") for path, _ in list_pages() if "usda" in path.parts][::_FRUIT_STEP]
    pictures = []
    for path, _ in pages[::step]:
        with Image.open(path) as opened:
            opened.draft("RGB", (_KEPT_PX, _KEPT_PX))
            picture = opened.convert("RGB")
        picture.thumbnail((_KEPT_PX, _KEPT_PX))
        pictures.append(np.asarray(picture))
    return pictures, np.array([kind for _, kind in pages[::step]])


def _embed_classic(pictures: Sequence[Pixels]) -> Matrix:
    """float32 [N, D], unit rows, of any pictures."""
    embedder = create_embedder("classic")
    return embedder.embed([embedder.prepare(picture) for picture in pictures])


def _squash(picture: Pixels) -> Pixels:
    """The picture as MobileNetV2 wants it, a square."""
    return np.asarray(Image.fromarray(picture).resize((INPUT_PX, INPUT_PX), Image.Resampling.BICUBIC))


def _leave_each_out(vectors: Matrix, kinds: NDArray[np.str_], k: int, *, draws: int) -> list[tuple[float, float]]:
    """For each share: how many pages of known kinds, and of kinds left out, are called unknown, in the mean over kinds and draws."""
    called: list[list[tuple[float, float]]] = []
    for kind in sorted(set(kinds.tolist())):
        for seed in range(draws):
            known = np.random.default_rng(seed).permutation(np.flatnonzero(kinds != kind))
            learned, new = np.split(known, [int(_LEARNED * len(known))])
            called.append(_call(vectors, learned, (new, np.flatnonzero(kinds == kind)), k, seed))
    means = np.array(called).mean(axis=0)
    return [(float(known), float(stranger)) for known, stranger in means]


def _call(
    vectors: Matrix, learned: NDArray[np.intp], asked: tuple[NDArray[np.intp], NDArray[np.intp]], k: int, seed: int
) -> list[tuple[float, float]]:
    made = cluster_vectors(vectors[learned], k=k, seed=seed)
    sums = np.zeros_like(made.centroids)
    np.add.at(sums, made.labels, vectors[learned])
    spread = measure_spread(made.similarities, made.labels, np.linalg.norm(sums, axis=1))
    shares = []
    for share in _SHARES:
        known, stranger = (
            float(
                np.mean(
                    [
                        one.unknown
                        for one in classify_vectors(vectors[rows], made.centroids, spread, unknown_share=share)
                    ]
                )
            )
            for rows in asked
        )
        shares.append((known, stranger))
    return shares


if __name__ == "__main__":
    main()
