"""Figure 3: how near the library's embeddings are to float32 ones of the wholly decoded page.

    python -m benchmarks.fidelity [--small]

Every page of `scans_300dpi/` and `categories/`, read and embedded as `quire index` does it, beside the same page decoded whole and
embedded in float32: the cosine of the two, and how many of the ten nearest neighbours among all these pages stay the same. By
the real MobileNetV2 and by a ViT-B/32 with random weights, whose pages all lie within a few hundredths of each other: the hardest
case for neighbours, and one that trained weights do not have.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.models import MOBILENET, find_mobilenet, save_random_clip
from benchmarks.report import find_data, list_scans, print_machine, print_result, print_table, scratch
from indexer.embedding import Embedder, create_embedder
from indexer.library.observing import Observer, small_side_px
from indexer.sources import open_file
from indexer.values import Matrix, Pixels

_NEIGHBOURS = 10


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Embeddings beside float32 ones of whole pages.")
    parser.add_argument("--small", action="store_true", help="24 pages, and a tiny tower instead of ViT-B/32")
    options = parser.parse_args(arguments)
    machine = print_machine()
    scans = list_scans()
    pictures = sorted(path for path in (find_data() / "categories").rglob("*") if path.suffix in (".jpg", ".png"))
    paths = scans + (pictures[:: len(pictures) // 13] if options.small else pictures)
    figures: dict[str, dict[str, float]] = {}
    with scratch() as folder:
        clip = save_random_clip(folder, small=options.small)
        for shown, (model, checkpoint) in {
            "MobileNetV2": (MOBILENET, find_mobilenet()),
            "random ViT-B/32": clip,
        }.items():
            whole = create_embedder(model, checkpoint=checkpoint, precision="float32")
            reference = _embed_whole(whole, paths)
            for precision in ("auto", "float32"):
                embedder = create_embedder(model, checkpoint=checkpoint, precision=precision)
                found = _embed_as_indexed(embedder, paths)
                name = f"{shown}, {embedder.spec.precision}" + (" (chosen)" if precision == "auto" else "")
                if name.removesuffix(" (chosen)") not in {done.removesuffix(" (chosen)") for done in figures}:
                    figures[name] = _compare(found, reference, len(scans))
    print(f"{len(paths)} pages, of which {len(scans)} at 300 dpi\n")
    columns = ["lowest cosine", "lowest, 300 dpi", "mean cosine", "top-10 overlap", "overlap, 300 dpi"]
    print_table(["", *columns], [[name, *row.values()] for name, row in figures.items()])
    print_result("fidelity", machine, pages=len(paths), models=figures)


def _embed_whole(embedder: Embedder, paths: Sequence[Path]) -> Matrix:
    def prepare(path: Path) -> Pixels:
        with Image.open(path) as image:
            return embedder.prepare(np.asarray(image.convert("RGB")))

    return embedder.embed([prepare(path) for path in paths])


def _embed_as_indexed(embedder: Embedder, paths: Sequence[Path]) -> Matrix:
    observer, enough_px = Observer(embedder), small_side_px(embedder)
    seen = []
    for path in paths:
        with open_file(path) as opened:
            seen.append(observer.observe(opened.page(1, max_side_px=2 * enough_px, enough_px=enough_px)))
    return observer.embed(seen)["page"]


def _compare(found: Matrix, reference: Matrix, scans: int) -> dict[str, float]:
    cosines = (found * reference).sum(axis=1)
    pairs = zip(_nearest(found), _nearest(reference), strict=True)
    shared = np.array([len(set(ours) & set(theirs)) / _NEIGHBOURS for ours, theirs in pairs])
    return {
        "cosine_min": float(cosines.min()),
        "cosine_min_300dpi": float(cosines[:scans].min()),
        "cosine_mean": float(cosines.mean()),
        "top10_overlap": float(shared.mean()),
        "top10_overlap_300dpi": float(shared[:scans].mean()),
    }


def _nearest(vectors: Matrix) -> list[list[int]]:
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    nearest: list[list[int]] = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEIGHBOURS].tolist()
    return nearest


if __name__ == "__main__":
    main()
