"""Colour against content on real pages: what blur levels and a weight at query time do to the ten nearest pages.

    python -m benchmarks.colour [--small]

Pages of `categories/` and `similarity/usda/` (every tenth with --small) by MobileNetV2, or by `classic` with --small. For each way of
asking: how many of the ten nearest pages bear the same label (content), and the mean cosine of their colour vectors with the
page's own (colour). Prints a table, and as its last line one JSON object.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.models import MOBILENET, find_mobilenet
from benchmarks.real_vectors import list_pages
from benchmarks.report import print_machine, print_result, print_table
from indexer.embedding import create_embedder, embed_colour, make_blur_mix
from indexer.sources import decode_bytes
from indexer.values import Matrix, Pixels

_NEAREST = 10
_SIDE_PX = 512
_MIXES: tuple[tuple[list[float], list[float]], ...] = (
    ([0, 4, 16], [4, 1, 1]),
    ([0, 4, 16], [1, 1, 1]),
    ([0, 4, 16], [1, 1, 4]),
    ([16], [1]),
)
_SHARES = (0.1, 0.3, 0.5, 0.7, 1.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="every tenth page, by `classic`")
    small = parser.parse_args(arguments).small
    machine = print_machine()
    listed = [(path, label) for path, label in list_pages() if "streams" not in path.parts][:: 10 if small else 1]
    pages = [_decode(path) for path, _ in listed]
    labels = np.unique([label for _, label in listed], return_inverse=True)[1]
    colours = embed_colour(pages)
    ways: dict[str, Matrix] = {"sharp page": _cosines(_embed(pages, None, small))}
    plain = ways["sharp page"]
    for radii, weights in _MIXES:
        name = f"--blur-mix {_written(radii)}" + (f" --weights {_written(weights)}" if len(radii) > 1 else "")
        ways[name] = _cosines(_embed(pages, (radii, weights), small))
    for share in _SHARES:
        ways[f"--colour {share:g}"] = np.asarray((1 - share) * plain + share * _cosines(colours), np.float32)
    figures = {name: _judge(alike, labels, colours) for name, alike in ways.items()}
    rows = [(name, *figures[name].values()) for name in ways]
    print_table([f"ten nearest of {len(pages)} pages", "same label", "colour"], rows)
    print_result("colour", machine, pages=len(pages), ways=figures)


def _embed(pages: Sequence[Pixels], mix: tuple[list[float], list[float]] | None, small: bool) -> Matrix:
    embedder = create_embedder(
        "classic" if small else MOBILENET,
        checkpoint=None if small else find_mobilenet(),
        precision="float32",
        blur_mix=make_blur_mix(*mix) if mix else None,
    )
    return embedder.embed([embedder.prepare(page) for page in pages])


def _cosines(vectors: Matrix) -> Matrix:
    return np.asarray(vectors @ vectors.T, dtype=np.float32)


def _decode(path: Path) -> Pixels:
    picture = decode_bytes(path.read_bytes(), name=path.name, max_side_px=2 * _SIDE_PX, enough_px=_SIDE_PX)[0].picture
    assert picture is not None
    return picture.pixels


def _judge(alike: Matrix, labels: np.ndarray, colours: Matrix) -> dict[str, float]:
    scores = alike.copy()
    np.fill_diagonal(scores, -np.inf)
    near = np.argpartition(-scores, _NEAREST, axis=1)[:, :_NEAREST]
    tones = np.einsum("nkc,nc->nk", colours[near], colours)
    return {"same_label": float((labels[near] == labels[:, None]).mean()), "colour": float(tones.mean())}


def _written(numbers: Sequence[float]) -> str:
    return ",".join(f"{number:g}" for number in numbers)


if __name__ == "__main__":
    main()
