"""What learning from labels answers: plain values, the same from a library in the process, over HTTP and in `--json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from indexer.library.results import LabelGuess, Unreadable
from indexer.training.recipe import Recipe
from indexer.training.values import Epoch, RangeTest
from indexer.values import Page

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class LabelScore:
    """One label among the judged pages; `precision` and `recall` are 0 where nothing can be said."""

    label: str
    pages: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class ConfidenceBin:
    """Pages of about the same confidence: its mean, and the share of them that was right."""

    confidence: float
    accuracy: float
    pages: int


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """How well labels are told on pages that were held out. Intervals hold 95 % of bootstrap draws of whole groups.

    `confusion[i][j]` counts pages of label i that were called j, both in the order of `labels`.
    """

    pages: int
    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval
    calibration_error: float
    labels: list[LabelScore]
    confusion: list[list[int]]
    bins: list[ConfidenceBin]


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """How pages were held out: `by` is what kept them together (`notebook`, `folder`, `series`, …), the rest are pages.

    `left_out` are labels in too few groups to be split, with their pages.
    """

    by: str
    seed: int
    groups: int
    train: int
    validation: int
    test: int
    left_out: dict[str, int]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """Something learned from labels: a probe on stored embeddings, or a fine-tuned network with its head.

    `label` is the field learned, `embedder` the model whose vectors it tells labels from. `accuracy` is that on its test pages.
    `fits`: the library's own vectors are of that embedder, so that no page need be embedded once more.
    """

    name: str
    kind: Literal["probe", "finetuned"]
    label: str
    labels: list[str]
    embedder: str
    made: str
    train_pages: int
    test_pages: int
    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    fits: bool


@dataclass(frozen=True, slots=True)
class LearnedModels:
    """What was learned, the newest first, and the names of trainings that were begun and not finished: the same call goes on with them."""

    models: list[LearnedModel]
    unfinished: list[str]


@dataclass(frozen=True, slots=True)
class RemovedModel:
    """What was removed; `was_finished` is off for a training that never came to its end."""

    name: str
    was_finished: bool


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What fitting a probe came to. `strength` is scikit-learn's C, chosen on the validation pages."""

    model: LearnedModel
    split: SplitSummary
    quality: LabelQuality
    strength: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A test page that was told wrongly, and how sure the model was of it."""

    page: Page
    label: str
    told: str
    probability: float


@dataclass(frozen=True, slots=True)
class FinetuneReport:
    """What fine-tuning came to, on test pages that training never saw.

    `probe` is the baseline on the same pages: logistic regression on the vectors of `probe_embedder` (the base as it was; from
    scratch: the library's). `gain` is the accuracy above it. `nmi` is how k-means clusters of the test pages agree with their labels
    (mean of five seeds, k the number of labels), `base_nmi` the same with the baseline's vectors. `best` is the place in `history` of
    the epoch that was kept. The head is a probe on the new vectors; its logits were divided by `temperature`, found on the
    validation pages. `seconds` are those since the last interruption.
    """

    model: LearnedModel
    base: str
    split: SplitSummary
    quality: LabelQuality
    probe: LabelQuality
    probe_embedder: str
    gain: float
    gain_interval: Interval
    nmi: float
    base_nmi: float
    temperature: float
    recipe: Recipe
    history: list[Epoch]
    best: int
    range_tests: dict[str, RangeTest]
    mistakes: list[Mistake]
    mistakes_in_all: int
    device: str
    precision: str
    seconds: float


@dataclass(frozen=True, slots=True)
class LabelledPage:
    """One uploaded page and the label told of it."""

    name: str
    page_number: int
    guess: LabelGuess


@dataclass(frozen=True, slots=True)
class LabelAnswer:
    """Labels of all pages of all files given, in order. `method` is a learned model's name, `centroid` or `neighbours`."""

    label: str
    method: str
    pages: list[LabelledPage]
    unreadable: list[Unreadable] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MethodQuality:
    """One way of telling labels. `gain` is by how much its accuracy is above the probe's on the same pages; None for the probe itself."""

    method: str
    embedder: str
    quality: LabelQuality
    gain: float | None = None
    gain_interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """A page whose label is probably wrong, as a probe says that has not seen it: the chances of its own label and of the one suggested."""

    page: Page
    label: str
    suggested: str
    chance: float
    suggested_chance: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Ways of telling labels compared on pages that none of them has seen, and pages that are probably mislabelled.

    `held_out` says how: the `test` pages of a fine-tuned model's split, or `cross-validation` in five folds.
    """

    label: str
    labels: list[str]
    held_out: Literal["test", "cross-validation"]
    pages: int
    split: SplitSummary
    methods: list[MethodQuality]
    suspects: list[Suspect]
    suspects_in_all: int
    made: str
    seconds: float
    notes: list[str] = field(default_factory=list)
