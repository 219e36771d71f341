"""Ways of telling labels, compared on pages that none of them has seen; and pages whose own label is probably wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from indexer.analysis.labels import (
    FOLDS,
    TEST,
    Chances,
    GroupRule,
    centroid_chances,
    choose_strength,
    compare_accuracy,
    find_suspects,
    fit_linear,
    label_centroids,
    make_folds,
    measure_labels,
    neighbour_chances,
)
from indexer.embedding import Embedder
from indexer.errors import LearnedMissingError, UsageError
from indexer.library.learning_answers import fits
from indexer.library.learning_pages import LabelledPages, check_label_field, group_labelled, load_vectors, read_labelled
from indexer.library.learning_pictures import embed_pages, load_pages
from indexer.library.learning_probe import MOST_PAGES, now, recorded_spec, thin_out, to_quality
from indexer.library.learning_results import Evaluation, MethodQuality, SplitSummary, Suspect
from indexer.library.learning_store import Head, LearnedFolder
from indexer.progress import Meter, ProgressSink
from indexer.values import Labels, Matrix, Payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.library.core import Library

DOCUMENT = "evaluation"
MOST_SUSPECTS = 1_000
PROBE, CENTROID, NEIGHBOURS = "probe", "nearest centroid", "nearest pages"


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """N pages with their vectors [N, D], groups [N] and folds int8 [N]; `tests` are the folds that are judged."""

    pages: LabelledPages
    vectors: Matrix
    groups: Labels
    by: str
    seed: int
    folds: NDArray[np.int8]
    tests: Sequence[int]

    @property
    def judged(self) -> NDArray[np.int64]:
        """Positions of the pages that are judged, ascending."""
        return np.flatnonzero(np.isin(self.folds, self.tests))

    def rounds(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """For each fold that is judged: the pages to learn from, and those to judge."""
        for fold in self.tests:
            yield np.flatnonzero(self.folds != fold), np.flatnonzero(self.folds == fold)


def evaluate(
    library: Library,
    folder: LearnedFolder,
    *,
    label: str,
    model: str | None,
    suspects: int,
    keep_together: GroupRule,
    seed: int,
    embedder_of: Callable[[Head], Embedder],
    progress: ProgressSink,
) -> Evaluation:
    """See `Learning.evaluate`."""
    if not 0 <= suspects <= MOST_SUSPECTS:
        raise UsageError(f"{suspects} suspects were asked for; 0 to {MOST_SUSPECTS} can be listed.")
    began_s = time.monotonic()
    heads, notes = _choose_heads(library, folder, label, model)
    pages = thin_out(read_labelled(library, label), MOST_PAGES) if not heads else read_labelled(library, label)
    case = (
        _case_of_split(library, folder, heads[0], pages)
        if heads
        else _case_of_folds(library, pages, keep_together, seed)
    )
    meter = Meter(progress, "comparing ways", 3 + FOLDS)
    chances: dict[str, Chances] = {}
    for name, way in _ways(case).items():
        chances[name] = _in_rounds(case, way)
        meter.advance()
    methods = _measure(case, chances, embedder=recorded_spec(library).name)
    for head in heads:
        told = _by_head(library, head, case, embedder_of, progress)
        methods.append(_beside_probe(case, head.model.name, head.spec.name, told, chances[PROBE]))
    found, count = _find_suspects(library, case, suspects, meter)
    meter.finish()
    parts = np.bincount(case.folds, minlength=3) if heads else np.zeros(3, dtype=np.int64)
    spec = recorded_spec(library)
    if spec.name.startswith("finetuned:"):
        notes.append(
            f"The library's vectors were learned from labels ({spec.name}), so wrong labels among the pages it learned from hardly show."
        )
    evaluation = Evaluation(
        label=case.pages.field,
        labels=list(case.pages.names),
        held_out="test" if heads else "cross-validation",
        pages=len(case.judged),
        split=SplitSummary(
            by=case.by,
            seed=case.seed,
            groups=len(np.unique(case.groups)),
            train=int(parts[0]) if heads else len(case.pages),
            validation=int(parts[1]),
            test=len(case.judged),
            left_out=case.pages.left_out,
            notes=case.pages.notes,
        ),
        methods=sorted(methods, key=lambda one: -one.quality.accuracy),
        suspects=found,
        suspects_in_all=count,
        made=now(),
        seconds=time.monotonic() - began_s,
        notes=notes,
    )
    library.records.save(DOCUMENT, asdict(evaluation))
    return evaluation


def load_evaluation(document: Payload | None) -> Evaluation | None:
    """The evaluation made last, from its document."""
    return None if document is None else TypeAdapter(Evaluation).validate_python(dict(document))


def _choose_heads(
    library: Library, folder: LearnedFolder, label: str, model: str | None
) -> tuple[list[Head], list[str]]:
    """Fine-tuned models of this field that were learned with one split, the one named or newest first; what is left out, as notes."""
    field = check_label_field(library, label)
    every = [head for name in folder.names() if (head := folder.load(name)).model.kind == "finetuned"]
    heads = [head for head in every if head.model.label == field]
    if model is not None:
        lead = folder.load(model)
        if lead not in heads:
            raise LearnedMissingError(
                f"{model} is no fine-tuned model of {field}, so there is no split of its to judge by."
            )
        heads = [lead, *(head for head in heads if head is not lead)]
    if not heads:
        return [], []
    split = folder.load_split(heads[0].model.name)
    held_out = {page_id for page_id, part in zip(split.ids, split.parts.tolist(), strict=True) if part == TEST}
    kept, notes = [heads[0]], []
    for head in heads[1:]:
        other = folder.load_split(head.model.name)
        seen = {page_id for page_id, part in zip(other.ids, other.parts.tolist(), strict=True) if part != TEST}
        if held_out & seen or head.model.labels != heads[0].model.labels:
            notes.append(f"{head.model.name} was learned with another split, so its figures can't stand beside these.")
        else:
            kept.append(head)
    return kept, notes


def _case_of_split(library: Library, folder: LearnedFolder, head: Head, pages: LabelledPages) -> _Case:
    """The pages of a fine-tuned model's split as they are labelled now; the labels are numbered as the model does."""
    split = folder.load_split(head.model.name)
    place = {page_id: row for row, page_id in enumerate(split.ids)}
    number = {name: row for row, name in enumerate(head.model.labels)}
    rows = [
        row for row, page_id in enumerate(pages.ids) if page_id in place and pages.names[pages.labels[row]] in number
    ]
    kept = [place[pages.ids[row]] for row in rows]
    labels = np.array([number[pages.names[pages.labels[row]]] for row in rows], dtype=np.int32)
    if not len(rows) or len(np.unique(labels)) < 2:
        raise UsageError(
            f"Of the pages that {head.model.name} was learned from, none are left in the library; learn it anew."
        )
    notes = (
        [f"{len(pages) - len(rows)} labelled pages are not part of the model's split."]
        if len(rows) < len(pages)
        else []
    )
    chosen = replace(
        pages,
        names=tuple(head.model.labels),
        ids=[pages.ids[row] for row in rows],
        labels=labels,
        places=[pages.places[row] for row in rows],
        copies=[],
        notes=notes,
    )
    vectors = load_vectors(library, chosen.ids)
    return _Case(chosen, vectors, split.groups[kept], split.by, split.seed, split.parts[kept], (TEST,))


def _case_of_folds(library: Library, pages: LabelledPages, keep_together: GroupRule, seed: int) -> _Case:
    pages, grouping = group_labelled(pages, keep_together)
    folds = make_folds(pages.labels, grouping.groups, seed=seed)
    return _Case(pages, load_vectors(library, pages.ids), grouping.groups, grouping.by, seed, folds, range(FOLDS))


def _ways(case: _Case) -> dict[str, Callable[[NDArray[np.int64], NDArray[np.int64]], Chances]]:
    """Chances of the judged pages, given positions of the pages learned from and of those judged."""
    vectors, labels, kinds = case.vectors, case.pages.labels, len(case.pages.names)
    strength = _choose_strength(case)
    return {
        CENTROID: lambda known, asked: centroid_chances(
            vectors[asked], label_centroids(vectors[known], labels[known], kinds)
        ),
        NEIGHBOURS: lambda known, asked: neighbour_chances(vectors[asked], vectors[known], labels[known], kinds),
        PROBE: lambda known, asked: fit_linear(vectors[known], labels[known], kinds, strength=strength).chances(
            vectors[asked]
        ),
    }


def _choose_strength(case: _Case) -> float:
    """By the fold before the first that is judged: in a split its validation pages, so that the judged have no say there."""
    judged = case.tests[0]
    chosen_by = (judged - 1) % (int(case.folds.max()) + 1)
    train = np.flatnonzero((case.folds != judged) & (case.folds != chosen_by))
    validation = np.flatnonzero(case.folds == chosen_by)
    vectors, labels = case.vectors, case.pages.labels
    return choose_strength(
        (vectors[train], labels[train]), (vectors[validation], labels[validation]), len(case.pages.names)
    )


def _in_rounds(case: _Case, way: Callable[[NDArray[np.int64], NDArray[np.int64]], Chances]) -> Chances:
    """float32 [judged, L]: each page by a classifier that learned from the other folds."""
    whole = np.zeros((len(case.pages), len(case.pages.names)), dtype=np.float32)
    for known, asked in case.rounds():
        whole[asked] = way(known, asked)
    return whole[case.judged]


def _measure(case: _Case, chances: dict[str, Chances], *, embedder: str) -> list[MethodQuality]:
    return [
        _beside_probe(case, name, embedder, told, None if name == PROBE else chances[PROBE])
        for name, told in chances.items()
    ]


def _beside_probe(case: _Case, name: str, embedder: str, told: Chances, probe: Chances | None) -> MethodQuality:
    judged = case.judged
    labels, groups = case.pages.labels[judged], case.groups[judged]
    quality = to_quality(measure_labels(told, labels, groups), case.pages.names, pages=len(judged))
    if probe is None:
        return MethodQuality(name, embedder, quality)
    mine, other = (one.argmax(axis=1).astype(np.int32) for one in (told, probe))
    gain, interval = compare_accuracy(mine, other, labels, groups)
    return MethodQuality(name, embedder, quality, gain, interval)


def _by_head(
    library: Library,
    head: Head,
    case: _Case,
    embedder_of: Callable[[Head], Embedder],
    progress: ProgressSink,
) -> Chances:
    if fits(head, library.manifest.model):
        return head.classifier.chances(case.vectors[case.judged])
    ids = [case.pages.ids[row] for row in case.judged]
    stage = f"embedding by {head.model.name}"
    return head.classifier.chances(embed_pages(library, ids, embedder_of(head), stage=stage, progress=progress))


def _find_suspects(library: Library, case: _Case, most: int, meter: Meter) -> tuple[list[Suspect], int]:
    """Suspects among all pages, each judged by a probe that has not seen its group; as many as `most`, and how many there are."""
    pages = case.pages
    folds = case.folds if len(case.tests) > 1 else make_folds(pages.labels, case.groups, seed=case.seed)
    whole = replace(case, folds=folds, tests=range(FOLDS))
    strength = _choose_strength(whole)
    kinds = len(pages.names)

    def tell(known: NDArray[np.int64], asked: NDArray[np.int64]) -> Chances:
        classifier = fit_linear(case.vectors[known], pages.labels[known], kinds, strength=strength)
        meter.advance()
        return classifier.chances(case.vectors[asked])

    chances = _in_rounds(whole, tell)
    found = find_suspects(chances, pages.labels)
    rows, wanted = found.pages[:most].tolist(), found.suggested[:most].tolist()
    listed = load_pages(library, [pages.ids[row] for row in rows])
    return [
        Suspect(
            page=page,
            label=pages.names[pages.labels[row]],
            suggested=pages.names[label],
            chance=float(chances[row, pages.labels[row]]),
            suggested_chance=float(chances[row, label]),
        )
        for page, row, label in zip(listed, rows, wanted, strict=True)
    ], len(found.pages)
