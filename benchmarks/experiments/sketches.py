"""Sketches: a pre-trained network learns who drew what, frozen and then unfrozen, in two sizes; names are clustered by their meaning."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from benchmarks.experiments.common import Outcome
from benchmarks.labelled import base_of, copy_sketchbooks, open_library
from benchmarks.models import find_mobilenet
from benchmarks.report import find_data
from indexer.training.recipe import Recipe

THRESHOLDS = (0.3, 0.43, 0.6)
_DIMENSIONS = 300


def run(folder: Path, out: Path, *, small: bool) -> Outcome:
    """Hand-drawn diagrams of ten exercises by many people; then the names of the sketchbooks' labels by words drawn at random."""
    sizes = (32, 40) if small else (224, 320)
    recipe = (
        Recipe(head_epochs=1, epochs=1, batch=8, rate=1e-3, sizes=sizes) if small else Recipe(epochs=12, sizes=sizes)
    )
    pages = _copy_diagrams(folder / "diagrams")
    with open_library(folder / "library", [pages], model=base_of(sizes[0]), checkpoint=find_mobilenet()) as library:
        report = library.learning.finetune(name="sketches", keep_together="file", recipe=recipe)
        shutil.copyfile(library.directory / "models" / "sketches" / "quality.png", out / "sketches-quality.png")
        shutil.copyfile(library.directory / "models" / "sketches" / "training.png", out / "sketches-training.png")
    clusters = _cluster_names(folder)
    low, high = report.quality.accuracy_interval
    best = {
        size: max((e.validation_accuracy for e in report.history if e.side_px == size), default=0.0) for size in sizes
    }
    return Outcome(
        "Sketches: a classifier, frozen then unfrozen, and names clustered by meaning",
        [
            (
                "sketches, classes",
                f"{len(list(pages.rglob('*.jpg')))}, {len(report.model.labels)}",
                "20,000, 250 (TU-Berlin)",
            ),
            ("network", "MobileNetV2, ImageNet", "ResNet-34, ImageNet"),
            ("sizes", f"{sizes[0]} px, then {sizes[1]} px", "256 px, then 512 px"),
            ("validation accuracy at each size", " → ".join(f"{best[size]:.3f}" for size in sizes), "–"),
            ("test accuracy", f"{report.quality.accuracy:.3f} ({low:.3f} to {high:.3f})", "0.789; people 0.731"),
            ("test accuracy of a probe", f"{report.probe.accuracy:.3f}", "–"),
            ("a guess", f"{1 / len(report.model.labels):.3f}", "0.004"),
            *(
                (f"clusters of 15 names at distance {threshold}", f"{count}", "85 of 250" if threshold == 0.43 else "–")
                for threshold, count in clusters.items()
            ),
        ],
        [
            "TU-Berlin's sketches can't be had here: 80 hand-drawn process diagrams of ten exercises (hdBPMN), 48 to learn from",
            "no trained word vectors can be had here: each word of a name gets one drawn at random, so names come together by shared words "
            "(Citrus …, Prunus …), not by meaning; tests/library/test_meaning.py has 250 names",
        ],
        ["sketches-quality.png", "sketches-training.png"],
    )


def _copy_diagrams(folder: Path) -> Path:
    """`ex03_writer0041.jpg` goes to the folder `ex03`."""
    for file in sorted((find_data() / "categories" / "diagram").glob("*.jpg")):
        place = folder / file.name.partition("_")[0]
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place / file.name)
    return folder


def _cluster_names(folder: Path) -> dict[float, int]:
    """How many clusters of the sketchbooks' label names each threshold gives."""
    pages = copy_sketchbooks(folder / "named", most=2)
    words = sorted({word for name in pages.iterdir() for word in name.name.lower().split("_")})
    rng = np.random.default_rng(0)
    lines = [" ".join([word, *(f"{value:.4f}" for value in rng.normal(size=_DIMENSIONS))]) for word in words]
    (folder / "words.txt").write_text("\n".join(lines))
    with open_library(folder / "names", [pages], model="pixels") as library:
        found = library.words.choose_threshold(THRESHOLDS, word_vectors=folder / "words.txt")
    return {choice.distance_threshold: choice.clusters for choice in found}
