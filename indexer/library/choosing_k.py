"""Numbers of clusters compared, with what speaks for each; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from indexer.analysis.balance import measure_agreement
from indexer.analysis.choosing import find_knee, measure_stability
from indexer.analysis.kmeans import check_k, cluster_vectors, measure_silhouette
from indexer.errors import UsageError
from indexer.library.results import KChoice
from indexer.output.choice_chart import ChoicePoint, draw_choices
from indexer.progress import Meter, ProgressSink
from indexer.store.port import Collection
from indexer.values import Labels, Matrix

if TYPE_CHECKING:
    from indexer.library.core import Library

MOST_PAGES = 20_000
"""Pages that are judged; of more, as many spread evenly."""
_BLOCK = 8_192


def choose_k(library: Library, ks: Sequence[int], *, seed: int, progress: ProgressSink) -> list[KChoice]:
    """See `Library.choose_k`."""
    if not ks:
        raise UsageError("Name at least one number of clusters, such as 8,16,32.")
    pages = library.collection
    count = pages.count()
    wanted = sorted(set(ks))
    for k in wanted:
        check_k(k, count)
    vectors, labels = _load_sample(pages, count)
    meter = Meter(progress, "trying numbers of clusters", len(wanted))
    choices = []
    for k in wanted:
        choices.append(_judge(vectors, labels, k, seed))
        meter.advance()
    meter.finish()
    knee = find_knee(wanted, [choice.inertia for choice in choices])
    return [_marked(choice, is_knee=number == knee) for number, choice in enumerate(choices)]


def draw_choice(choices: Sequence[KChoice], *, name: str) -> bytes:
    """The comparison as a PNG picture."""
    points = [
        ChoicePoint(
            choice.k,
            choice.silhouette,
            choice.inertia,
            choice.stability,
            choice.stability_range,
            choice.agreement,
            choice.is_knee,
        )
        for choice in choices
    ]
    return draw_choices(points, title=f"How many clusters? {name}")


def _judge(vectors: Matrix, labels: Labels, k: int, seed: int) -> KChoice:
    made = cluster_vectors(vectors, k=min(k, len(vectors)), seed=seed)
    silhouette = measure_silhouette(vectors, made.labels, seed=seed)
    stable = measure_stability(vectors, made, k=k, seed=seed) if len(vectors) > k > 1 else []
    is_labelled = int(labels.max(initial=-1)) > 0
    return KChoice(
        k=k,
        silhouette=None if np.isnan(silhouette) else silhouette,
        inertia=float(made.inertia.sum()),
        stability=float(np.mean(stable)) if stable else None,
        stability_range=(min(stable), max(stable)) if stable else None,
        agreement=measure_agreement(labels, made.labels).nmi if is_labelled else None,
    )


def _marked(choice: KChoice, *, is_knee: bool) -> KChoice:
    return KChoice(
        choice.k,
        choice.silhouette,
        choice.inertia,
        choice.stability,
        choice.stability_range,
        choice.agreement,
        is_knee,
    )


def _load_sample(pages: Collection, count: int) -> tuple[Matrix, Labels]:
    """Vectors float32 [N, D] of at most 20,000 pages, and their labels as numbers, -1 for none."""
    wanted = np.linspace(0, count - 1, min(count, MOST_PAGES)).astype(np.int64)
    numbers: dict[str, int] = {}
    vectors, labels, begin = [], [], 0
    for batch in pages.scroll(fields=("label",), vectors=("page",), batch_size=_BLOCK):
        inside = wanted[(wanted >= begin) & (wanted < begin + len(batch))] - begin
        vectors.append(batch.vectors["page"][inside])
        for row in inside.tolist():
            label = batch.payloads[row].get("label")
            labels.append(-1 if label is None else numbers.setdefault(str(label), len(numbers)))
        begin += len(batch)
    return np.concatenate(vectors), np.asarray(labels, dtype=np.int32)
