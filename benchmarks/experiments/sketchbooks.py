"""Sketchbooks: a model is fine-tuned on its folder labels, pages are clustered by it, and the drawings are told from the watercolours."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

from benchmarks.experiments.common import Outcome, draw_library_map
from benchmarks.finetune import tune
from benchmarks.labelled import open_sketchbooks
from indexer.library import Library
from indexer.training.recipe import Recipe

DRAWINGS = ("comic", "diagram", "sketchnote")
SIDE_PX = 128
"""Side of the pages in training: at 224 px it takes three times as long."""


def run(folder: Path, out: Path, *, small: bool) -> Outcome:
    """Clusters named by what most of their pages are; how pure the group of drawings is, before and after fine-tuning."""
    side_px = 32 if small else SIDE_PX
    recipe = (
        Recipe(head_epochs=1, epochs=1, batch=8, rate=1e-3) if small else Recipe(head_epochs=0, epochs=8, rate=5e-4)
    )
    k = 4 if small else 16
    with open_sketchbooks(folder, side_px=side_px, most=6 if small else None) as library:
        before = _group(library, k)
        report = tune(library, "sketchbooks", recipe, side_px=side_px)
        shutil.copyfile(library.directory / "models" / "sketchbooks" / "quality.png", out / "sketchbooks-quality.png")
        shutil.copyfile(library.directory / "models" / "sketchbooks" / "training.png", out / "sketchbooks-training.png")
        library.reindex("finetuned:sketchbooks")
        after = _group(library, k)
        library.maps.make_map(method="tsne")
        draw_library_map(library, "label", out / "sketchbooks-map.png", title="Sketchbook-like pages, fine-tuned")
    low, high = report.quality.accuracy_interval
    return Outcome(
        "Sketchbooks: fine-tuned on folder labels, clustered, grouped",
        [
            ("pages, labels", f"{before[2]}, {len(report.model.labels)}", "70 sketchbooks, art and notes"),
            ("test accuracy, fine-tuned", f"{report.quality.accuracy:.3f} ({low:.3f} to {high:.3f})", "–"),
            ("test accuracy, probe on the base", f"{report.probe.accuracy:.3f}", "–"),
            ("NMI of k-means with labels, test pages", f"{report.base_nmi:.3f} → {report.nmi:.3f}", "–"),
            (f"group of drawings, k = {k}: precision, base → fine-tuned", f"{before[0]:.3f} → {after[0]:.3f}", "–"),
            (f"group of drawings, k = {k}: recall, base → fine-tuned", f"{before[1]:.3f} → {after[1]:.3f}", "–"),
        ],
        [
            "the artist's sketchbooks can't be had here: comics, diagrams and sketchnotes beside watercolours of fruit stand for them",
            "MobileNetV2 instead of CLIP, whose weights can't be had here",
            "groups and accuracies are counted, where the original looked",
        ],
        ["sketchbooks-quality.png", "sketchbooks-training.png", "sketchbooks-map.png"],
    )


def _group(library: Library, k: int) -> tuple[float, float, int]:
    """Clusters most of whose pages are drawings make the group; its precision and recall, and the number of pages."""
    library.cluster(k)
    pages = library.pages(limit=1000).pages
    drawn = [(page.cluster, page.label in DRAWINGS) for page in pages]
    sizes = Counter(cluster for cluster, _ in drawn)
    hits = Counter(cluster for cluster, is_drawing in drawn if is_drawing)
    group = {cluster for cluster in sizes if hits[cluster] * 2 > sizes[cluster]}
    inside = sum(sizes[cluster] for cluster in group)
    found = sum(hits[cluster] for cluster in group)
    return found / max(inside, 1), found / max(sum(hits.values()), 1), len(pages)
