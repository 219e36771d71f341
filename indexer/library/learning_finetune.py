"""Fine-tuning: a base is trained on the library's labels, judged on pages it never saw, and kept as an embedder with a head."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.analysis.balance import measure_agreement
from indexer.analysis.classify import Spread, measure_spread
from indexer.analysis.kmeans import cluster_vectors
from indexer.analysis.labels import (
    TEST,
    TRAIN,
    VALIDATION,
    Chances,
    LinearClassifier,
    compare_accuracy,
    fit_linear,
    fit_temperature,
    label_centroids,
)
from indexer.cores import count_cores
from indexer.embedding import check_same
from indexer.embedding.hardware import choose_device, choose_precision, cpu_has_bfloat16
from indexer.errors import ModelMismatchError
from indexer.library.learning_pages import load_vectors
from indexer.library.learning_pictures import embed_pages, load_pages, load_pixels
from indexer.library.learning_probe import describe_quality, fit_on_split, fit_on_training, now
from indexer.library.learning_report import write_report
from indexer.library.learning_results import FinetuneReport, LearnedModel, Mistake
from indexer.library.learning_runs import BASE_FILE, STATE_FILE, FinetuneOptions, FinetuneRun, open_run
from indexer.library.learning_store import Head, LearnedFolder, write_head
from indexer.output.files import written_whole
from indexer.progress import ProgressSink
from indexer.values import Labels, Matrix, ModelSpec

if TYPE_CHECKING:
    from indexer.library.core import Library
    from indexer.training.fitting import Trained

MISTAKES = 24
"""The worst mistakes that a report shows."""
_KMEANS_SEEDS = 5
_HEAD_SEED = 0x5EED


@dataclass(frozen=True, slots=True, eq=False)
class _Baseline:
    """The pages as the base sees them, float32 [N, D], and the embedder that this is."""

    vectors: Matrix
    embedder: str


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """How training went, and on what."""

    trained: Trained
    device: str
    precision: str


def finetune(
    library: Library, folder: LearnedFolder, options: FinetuneOptions, progress: ProgressSink
) -> FinetuneReport:
    """See `Learning.finetune`."""
    began_s = time.monotonic()
    run = open_run(library, folder, options, progress=progress)
    baseline = _read_baseline(library, run, progress)
    fitted = _train(library, run, baseline, progress)
    report = _judge(library, run, baseline, fitted, began_s=began_s, progress=progress)
    (run.place / STATE_FILE).unlink(missing_ok=True)
    (run.place / BASE_FILE).unlink(missing_ok=True)
    return report


def _read_baseline(library: Library, run: FinetuneRun, progress: ProgressSink) -> _Baseline:
    """The vectors of the base as it is: those stored, where the library was made with it; kept, in case of an interruption."""
    file = run.place / BASE_FILE
    if file.exists():
        with np.load(file, allow_pickle=False) as stored:
            return _Baseline(np.asarray(stored["vectors"], dtype=np.float32), str(stored["embedder"]))
    recorded = library.manifest.model
    if run.recipe.from_scratch and recorded is not None:
        made = _Baseline(load_vectors(library, run.kept.ids), recorded.name)
    else:
        embedder = library.make_embedder(run.base, run.checkpoint)
        if _is_same(recorded, embedder.spec):
            vectors = load_vectors(library, run.kept.ids)
        else:
            vectors = embed_pages(library, run.kept.ids, embedder, stage=f"embedding by {run.base}", progress=progress)
        made = _Baseline(vectors, run.base)
    with written_whole(file) as draft, draft.open("wb") as out:
        np.savez(out, vectors=made.vectors, embedder=made.embedder)
    return made


def _train(library: Library, run: FinetuneRun, baseline: _Baseline, progress: ProgressSink) -> _Fitted:
    """Train to the end, and write the weights."""
    import torch

    from indexer.embedding.finetuned import save_finetuned
    from indexer.embedding.registry import load_backbone
    from indexer.training.feeding import Feeder
    from indexer.training.fitting import Trainer
    from indexer.training.network import LabelNetwork, count_dimensions

    settings = library.settings
    device = choose_device(settings.device)
    precision = _choose_precision(settings.precision, device)
    pages = load_pages(library, run.kept.ids)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.recipe.seed + _HEAD_SEED)
        backbone = load_backbone(
            run.base, checkpoint=run.checkpoint, cache_dir=settings.cache_dir, from_scratch=run.recipe.from_scratch
        )
        begin = None
        if not run.recipe.from_scratch:
            begin = fit_on_training(baseline.vectors, run.labels, run.split, len(run.names))
        network = LabelNetwork(backbone, count_dimensions(backbone), len(run.names), begin=begin)
    trained = Trainer(
        network,
        backbone,
        Feeder(
            lambda row, enough_px: load_pixels(library, pages[row], enough_px=enough_px),
            workers=settings.workers or count_cores(),
        ),
        run.labels,
        run.split,
        run.recipe,
        device=device,
        precision=precision,
        threads=count_cores(),
        state_file=run.place / STATE_FILE,
        progress=progress,
    ).run()
    save_finetuned(run.place, backbone, trained.recipe)
    return _Fitted(trained, device, precision)


def _judge(
    library: Library,
    run: FinetuneRun,
    baseline: _Baseline,
    fitted: _Fitted,
    *,
    began_s: float,
    progress: ProgressSink,
) -> FinetuneReport:
    """Judge the model as it will be used: by the embedder that its files make, not by the network that was trained.

    Its head is a probe on the new vectors, fitted as the baseline's is: on the validation pages too, which training may not learn from.
    """
    name = f"finetuned:{run.name}"
    embedder = library.make_embedder(name, None)
    vectors = embed_pages(library, run.kept.ids, embedder, stage=f"embedding by {name}", progress=progress)
    classifier, temperature = _fit_head(vectors, run)
    train, test = run.split.rows(TRAIN), run.split.rows(TEST)
    labels, groups = run.labels[test], run.kept.groups[test]
    chances = classifier.chances(vectors[test])
    quality = describe_quality(chances, labels, groups, run.names)
    probe, _ = fit_on_split(baseline.vectors, run.labels, run.split, len(run.names))
    probe_chances = probe.chances(baseline.vectors[test])
    told, told_by_probe = (one.argmax(axis=1).astype(np.int32) for one in (chances, probe_chances))
    gain, gain_interval = compare_accuracy(told, told_by_probe, labels, groups)
    model = LearnedModel(
        name=run.name,
        kind="finetuned",
        label=run.field,
        labels=list(run.names),
        embedder=name,
        made=now(),
        train_pages=len(train),
        test_pages=len(test),
        accuracy=quality.accuracy,
        accuracy_interval=quality.accuracy_interval,
        macro_f1=quality.macro_f1,
        fits=False,
    )
    mistakes, count = _find_mistakes(library, run, chances)
    report = FinetuneReport(
        model=model,
        base=run.base,
        split=run.summary,
        quality=quality,
        probe=describe_quality(probe_chances, labels, groups, run.names),
        probe_embedder=baseline.embedder,
        gain=gain,
        gain_interval=gain_interval,
        nmi=measure_nmi(vectors[test], labels, len(run.names)),
        base_nmi=measure_nmi(baseline.vectors[test], labels, len(run.names)),
        temperature=temperature,
        recipe=run.recipe,
        history=fitted.trained.history,
        best=fitted.trained.history.index(fitted.trained.best),
        range_tests=fitted.trained.range_tests,
        mistakes=mistakes,
        mistakes_in_all=count,
        device=fitted.device,
        precision=fitted.precision,
        seconds=time.monotonic() - began_s,
    )
    write_report(library, run.place, report)
    centroids = label_centroids(vectors[train], run.labels[train], len(run.names))
    held_out = np.flatnonzero(run.kept.parts != TRAIN)
    spread = _held_out_spread(vectors[held_out], run.labels[held_out], centroids)
    write_head(run.place, Head(model, embedder.spec, classifier, centroids, spread))
    return report


def _fit_head(vectors: Matrix, run: FinetuneRun) -> tuple[LinearClassifier, float]:
    """A probe, as sure as one of the training pages alone should have been of the validation pages; and its temperature."""
    train, validation = run.split.rows(TRAIN), run.split.rows(VALIDATION)
    whole, strength = fit_on_split(vectors, run.labels, run.split, len(run.names))
    alone = fit_linear(vectors[train], run.labels[train], len(run.names), strength=strength)
    temperature = fit_temperature(alone.logits(vectors[validation]), run.labels[validation])
    return LinearClassifier(whole.weights / temperature, whole.bias / temperature), temperature


def measure_nmi(vectors: Matrix, labels: Labels, kinds: int) -> float:
    """How k-means clusters of these pages, as many as there are labels, agree with the labels: the mean NMI of five seeds."""
    if len(vectors) < kinds:
        return 0.0
    runs = (cluster_vectors(vectors, k=kinds, seed=seed) for seed in range(_KMEANS_SEEDS))
    return float(np.mean([measure_agreement(labels, made.labels).nmi for made in runs]))


def _held_out_spread(vectors: Matrix, labels: Labels, centroids: Matrix) -> Spread:
    """How alike held-out pages are to their label's centroid; pages that were learned from are more so than any new one will be.

    They have no part in the centroids, so nothing has to be left out: sums without end say so to `measure_spread`.
    """
    own = np.einsum("nd,nd->n", vectors, centroids[labels]).astype(np.float32)
    return measure_spread(own, labels, np.full(len(centroids), 1e9))


def _find_mistakes(library: Library, run: FinetuneRun, chances: Chances) -> tuple[list[Mistake], int]:
    """Test pages that are told wrongly, those it is most sure of first; as many as a report shows, and how many there are."""
    test = run.split.rows(TEST)
    told = chances.argmax(axis=1)
    wrong = np.flatnonzero(told != run.labels[test])
    worst = wrong[np.argsort(-chances[wrong, told[wrong]], kind="stable")][:MISTAKES]
    pages = load_pages(library, [run.kept.ids[test[row]] for row in worst])
    return [
        Mistake(page, run.names[run.labels[test[row]]], run.names[told[row]], float(chances[row, told[row]]))
        for page, row in zip(pages, worst.tolist(), strict=True)
    ], len(wrong)


def _choose_precision(asked: str, device: str) -> str:
    """Mixed precision where the device gains by it. A CPU does not: autocast to bfloat16 was slower than float32 even with AMX (DESIGN)."""
    if asked == "auto" and device == "cpu" and cpu_has_bfloat16():
        return "float32"
    return choose_precision(asked, device)


def _is_same(recorded: ModelSpec | None, spec: ModelSpec) -> bool:
    try:
        if recorded is not None:
            check_same(recorded, spec)
    except ModelMismatchError:
        return False
    return recorded is not None
