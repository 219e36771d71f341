"""Does fine-tuning pay? The real MobileNetV2 on real pages beside a probe on its own vectors, and a small run on MNIST.

Sketchbooks: `categories/` with the watercolours of `similarity/usda/`, fifteen labels, one run for each split. Digits: MNIST's test images,
of which a part is learned from and a part judged; published errors are for the 60,000 training images.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.labelled import base_of, open_library, open_sketchbooks, write_digits
from benchmarks.models import find_mobilenet
from benchmarks.report import print_machine, print_result, print_table, scratch
from indexer.library import Library
from indexer.library.learning_results import FinetuneReport
from indexer.library.learning_store import LearnedFolder
from indexer.training.recipe import Recipe

LENET_ERROR = 0.0095
"""LeNet-5 on MNIST, 60,000 training images, no distortions: LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86 (1998), 0.95 %."""
DIGITS_MARGIN = 0.015
"""How far above it a run on a sixteenth of the pages may stay; a full run that stays further fails."""


def count_leaks(library: Library, name: str) -> int:
    """Groups, equal files and near-copies that lie on two sides of a model's split."""
    split = LearnedFolder(library.directory / "models").load_split(name)
    sides = dict(zip(split.ids, split.parts.tolist(), strict=True))
    torn = [group for group in np.unique(split.groups) if len(set(split.parts[split.groups == group])) > 1]
    pairs = library.duplicates.near_copies(min_similarity=0.9)
    known = [(one, other) for one, other in pairs if one in sides and other in sides]
    return len(torn) + len([pair for pair in known if sides[pair[0]] != sides[pair[1]]])


def tune(library: Library, name: str, recipe: Recipe, *, side_px: int) -> FinetuneReport:
    """One fine-tuning of the real MobileNetV2."""
    return library.learning.finetune(base=base_of(side_px), checkpoint=find_mobilenet(), name=name, recipe=recipe)


def run_sketchbooks(
    folder: Path, seeds: Sequence[int], recipe: Recipe, *, side_px: int, most: int | None
) -> list[dict[str, float]]:
    """A row of figures for each split."""
    rows = []
    with open_sketchbooks(folder, side_px=side_px, most=most) as library:
        for seed in seeds:
            chosen = Recipe(**{**{one: getattr(recipe, one) for one in recipe.__slots__}, "seed": seed})
            report = tune(library, f"seed{seed}", chosen, side_px=side_px)
            rows.append(
                {
                    "seed": seed,
                    "test pages": report.split.test,
                    "probe": report.probe.accuracy,
                    "fine-tuned": report.quality.accuracy,
                    "gain": report.gain,
                    "NMI before": report.base_nmi,
                    "NMI after": report.nmi,
                    "leaks": count_leaks(library, f"seed{seed}"),
                    "minutes": report.seconds / 60,
                }
            )
    return rows


def run_digits(folder: Path, count: int, recipe: Recipe, *, side_px: int) -> dict[str, float]:
    """The error on held-out digits, fine-tuned, and of a probe on the brightness of pixels."""
    pages = write_digits(folder / "digits", count)
    with open_library(folder / "digits-library", [pages], model="pixels") as library:
        probe = library.learning.fit_probe(keep_together="file")
        report = library.learning.finetune(
            base=base_of(side_px), checkpoint=find_mobilenet(), name="digits", keep_together="file", recipe=recipe
        )
    return {
        "learned from": report.split.train,
        "judged": report.split.test,
        "error of a probe on pixels": 1 - probe.quality.accuracy,
        "error": 1 - report.quality.accuracy,
        "error published": LENET_ERROR,
        "margin": DIGITS_MARGIN,
        "minutes": report.seconds / 60,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables and the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks finetune", description=__doc__)
    parser.add_argument("--small", action="store_true", help="few pages and small: only shows that it works")
    parser.add_argument("--seeds", type=int, default=3, help="how many splits; 0 leaves the sketchbooks out")
    parser.add_argument("--side", type=int, default=224, help="side of the pages in px")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--digits", type=int, default=6000, help="how many digits; 0 leaves them out")
    options = parser.parse_args(arguments)
    machine = print_machine()
    small = options.small
    recipe = Recipe(head_epochs=1, epochs=1, batch=8, rate=1e-3) if small else Recipe(epochs=options.epochs)
    with scratch() as folder:
        rows = []
        if options.seeds:
            rows = run_sketchbooks(
                folder,
                range(1 if small else options.seeds),
                recipe,
                side_px=32 if small else options.side,
                most=5 if small else None,
            )
        digits: dict[str, float] = {}
        if options.digits:
            quick = Recipe(head_epochs=1, epochs=1 if small else 4, rate=2e-3, mixup=0, batch=8 if small else 32)
            digits = run_digits(folder, 60 if small else options.digits, quick, side_px=32 if small else 64)
    mean: dict[str, float] = {}
    if rows:
        print_table([*rows[0]], [[*row.values()] for row in rows])
        mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    if digits:
        print_table([*digits], [[*digits.values()]])
    leaks = sum(int(row["leaks"]) for row in rows)
    print_result("finetune", machine, sketchbooks=rows, mean=mean, digits=digits, leaks=leaks)
    if digits and not small and digits["error"] > LENET_ERROR + DIGITS_MARGIN:
        raise SystemExit("Digits are told worse than the margin allows.")


if __name__ == "__main__":
    main()
