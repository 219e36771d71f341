"""The probe: logistic regression on stored embeddings, and how good it is on pages that it has not seen."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import numpy as np

from indexer.analysis.labels import (
    TEST,
    TRAIN,
    VALIDATION,
    Chances,
    GroupRule,
    LabelFigures,
    LinearClassifier,
    Split,
    choose_strength,
    fit_linear,
    label_centroids,
    label_spread,
    measure_labels,
    split_pages,
)
from indexer.errors import PageMissingError
from indexer.library.learning_pages import LabelledPages, group_labelled, load_vectors, read_labelled, summarize_split
from indexer.library.learning_results import ConfidenceBin, LabelQuality, LabelScore, LearnedModel, ProbeReport
from indexer.library.learning_store import Head, KeptSplit, LearnedFolder
from indexer.progress import Meter, ProgressSink
from indexer.values import Labels, Matrix, ModelSpec

if TYPE_CHECKING:
    from indexer.library.core import Library

MOST_PAGES = 100_000
"""Pages that a probe is fitted on; of more, as many spread evenly over the shelf. With 512 dimensions their vectors take 200 MB."""


def fit_probe(
    library: Library,
    folder: LearnedFolder,
    label: str,
    name: str,
    keep_together: GroupRule,
    seed: int,
    progress: ProgressSink,
) -> ProbeReport:
    """See `Learning.fit_probe`."""
    began_s = time.monotonic()
    meter = Meter(progress, "fitting the probe", 4)
    pages = thin_out(read_labelled(library, label), MOST_PAGES)
    pages, grouping = group_labelled(pages, keep_together)
    split = split_pages(pages.labels, grouping.groups, seed=seed)
    meter.advance()
    vectors = load_vectors(library, pages.ids)
    meter.advance()
    classifier, strength = fit_on_split(vectors, pages.labels, split, len(pages.names))
    meter.advance()
    test = split.rows(TEST)
    quality = describe_quality(
        classifier.chances(vectors[test]), pages.labels[test], grouping.groups[test], pages.names
    )
    spec = recorded_spec(library)
    learned = ~np.isin(np.arange(len(pages)), test)
    model = LearnedModel(
        name=name,
        kind="probe",
        label=pages.field,
        labels=list(pages.names),
        embedder=spec.name,
        made=now(),
        train_pages=int(learned.sum()),
        test_pages=len(test),
        accuracy=quality.accuracy,
        accuracy_interval=quality.accuracy_interval,
        macro_f1=quality.macro_f1,
        fits=True,
    )
    head = make_head(model, spec, classifier, vectors[learned], pages.labels[learned])
    kept = KeptSplit(pages.ids, split.parts, grouping.groups, grouping.by, seed)
    report = ProbeReport(
        model=model,
        split=summarize_split(pages, grouping, split, seed=seed),
        quality=quality,
        strength=strength,
        seconds=time.monotonic() - began_s,
    )
    folder.save(head, kept, report)
    meter.advance()
    meter.finish()
    return report


def fit_on_training(vectors: Matrix, labels: Labels, split: Split, kinds: int) -> LinearClassifier:
    """A probe fitted on the training pages alone, as strict as suits the validation pages best, which it leaves to judge by."""
    train = split.rows(TRAIN)
    return fit_linear(vectors[train], labels[train], kinds, strength=_strength_on_split(vectors, labels, split, kinds))


def fit_on_split(vectors: Matrix, labels: Labels, split: Split, kinds: int) -> tuple[LinearClassifier, float]:
    """A probe as strict as suits the validation pages best, then fitted on them and the training pages together."""
    strength = _strength_on_split(vectors, labels, split, kinds)
    both = np.sort(np.concatenate([split.rows(TRAIN), split.rows(VALIDATION)]))
    return fit_linear(vectors[both], labels[both], kinds, strength=strength), strength


def _strength_on_split(vectors: Matrix, labels: Labels, split: Split, kinds: int) -> float:
    train, validation = split.rows(TRAIN), split.rows(VALIDATION)
    return choose_strength((vectors[train], labels[train]), (vectors[validation], labels[validation]), kinds)


def make_head(
    model: LearnedModel, spec: ModelSpec, classifier: LinearClassifier, vectors: Matrix, labels: Labels
) -> Head:
    """A head with the centroids of the pages it was fitted on."""
    centroids = label_centroids(vectors, labels, len(model.labels))
    return Head(model, spec, classifier, centroids, label_spread(vectors, labels, centroids))


def describe_quality(chances: Chances, labels: Labels, groups: Labels, names: tuple[str, ...]) -> LabelQuality:
    """The figures of judged pages, with the labels' names."""
    return to_quality(measure_labels(chances, labels, groups), names, pages=len(labels))


def to_quality(figures: LabelFigures, names: tuple[str, ...], *, pages: int) -> LabelQuality:
    """Figures as values for people and programs."""
    counts = figures.confusion.sum(axis=1)
    columns = zip(names, counts, figures.precision, figures.recall, figures.f1, strict=True)
    return LabelQuality(
        pages=pages,
        accuracy=figures.accuracy,
        accuracy_interval=figures.accuracy_interval,
        macro_f1=figures.macro_f1,
        macro_f1_interval=figures.macro_f1_interval,
        calibration_error=figures.calibration_error,
        labels=[LabelScore(name, int(n), float(p), float(r), float(f)) for name, n, p, r, f in columns],
        confusion=cast("list[list[int]]", figures.confusion.tolist()),
        bins=[ConfidenceBin(*one) for one in figures.bins],
    )


def thin_out(pages: LabelledPages, most: int) -> LabelledPages:
    """At most so many pages, spread evenly over the shelf; a note says so."""
    if len(pages) <= most:
        return pages
    rows = np.unique(np.linspace(0, len(pages) - 1, most).astype(np.int64))
    note = f"{most:,} of {len(pages):,} pages were taken, spread evenly over the shelf."
    return replace(pages.keep(rows), notes=[*pages.notes, note])


def recorded_spec(library: Library) -> ModelSpec:
    """The model whose vectors the library holds."""
    if library.manifest.model is None:
        raise PageMissingError(
            f"The library {library.directory} holds no pages yet. Fill it with `quire index FOLDER`."
        )
    return library.manifest.model


def now() -> str:
    """The time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
