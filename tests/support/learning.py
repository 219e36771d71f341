"""Learning from labels in memory with the façade's methods, for the service around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexer.errors import LearnedMissingError
from indexer.library import ReadPage, Upload
from indexer.library.learning_results import (
    ConfidenceBin,
    Evaluation,
    FinetuneReport,
    LabelAnswer,
    LabelledPage,
    LabelQuality,
    LabelScore,
    LearnedModel,
    LearnedModels,
    MethodQuality,
    Mistake,
    ProbeReport,
    RemovedModel,
    SplitSummary,
    Suspect,
)
from indexer.library.results import LabelGuess
from indexer.progress import ProgressSink
from indexer.training.recipe import Recipe
from indexer.training.values import Epoch, RangeTest
from indexer.values import Matrix

if TYPE_CHECKING:
    from support.service import FakeLibrary

LABELS = ["art", "notes"]
MODEL = LearnedModel(
    "probe", "probe", "label", LABELS, "fake", "2026-01-01T00:00:00+00:00", 9, 3, 0.9, (0.8, 1.0), 0.9, True
)
SPLIT = SplitSummary("file", 0, 12, 6, 3, 3, {"rare": 1}, [])
QUALITY = LabelQuality(
    pages=12,
    accuracy=0.75,
    accuracy_interval=(0.5, 0.9),
    macro_f1=0.7,
    macro_f1_interval=(0.4, 0.9),
    calibration_error=0.1,
    labels=[LabelScore("art", 6, 0.8, 0.7, 0.75), LabelScore("notes", 6, 0.7, 0.8, 0.75)],
    confusion=[[4, 2], [1, 5]],
    bins=[ConfidenceBin(0.8, 0.75, 12)],
)


@dataclass(slots=True)
class FakeTeller:
    label: str
    method: str
    embedder: object | None = None


class FakeLearning:
    """One probe of two labels. `own_embedder` makes it one that brings its own network."""

    def __init__(self, library: FakeLibrary, note: Callable[..., None], work: Callable[[ProgressSink], None]) -> None:
        self._library = library
        self._note = note
        self._work = work
        self.own_embedder = False
        self.evaluated: Evaluation | None = None

    def fit_probe(self, *, progress: ProgressSink, **options: Any) -> ProbeReport:
        self._note("fit_probe", **options)
        self._work(progress)
        return ProbeReport(MODEL, SPLIT, QUALITY, 10.0, 0.1)

    def finetune(self, *, recipe: Recipe, progress: ProgressSink, **options: Any) -> FinetuneReport:
        self._note("finetune", recipe=recipe, **options)
        self._work(progress)
        return self._finetuned(recipe)

    def _finetuned(self, recipe: Recipe) -> FinetuneReport:
        return FinetuneReport(
            model=MODEL,
            base="timm:fake",
            split=SPLIT,
            quality=QUALITY,
            probe=QUALITY,
            probe_embedder="timm:fake",
            gain=0.1,
            gain_interval=(-0.1, 0.2),
            nmi=0.8,
            base_nmi=0.7,
            temperature=1.5,
            recipe=recipe,
            history=[Epoch(0, "head", 32, 1, 1.0, 0.9, 0.8, 0.01)],
            best=0,
            range_tests={"head": RangeTest([0.1, 0.2], [1.0, 0.9], 0.1)},
            mistakes=[Mistake(self._library.list_of_pages[0], "art", "notes", 0.9)],
            mistakes_in_all=1,
            device="cpu",
            precision="float32",
            seconds=1.0,
        )

    def evaluate(self, *, progress: ProgressSink, **options: Any) -> Evaluation:
        self._note("evaluate", **options)
        self._work(progress)
        page = self._library.list_of_pages[0]
        methods = [
            MethodQuality("probe", "fake", QUALITY),
            MethodQuality("nearest centroid", "fake", QUALITY, 0.0, (-0.1, 0.1)),
        ]
        suspects = [Suspect(page, "notes", "art", 0.1, 0.9)]
        self.evaluated = Evaluation(
            "label", LABELS, "cross-validation", 12, SPLIT, methods, suspects, 1, "2026-01-01T00:00:00+00:00", 0.1
        )
        return self.evaluated

    def evaluation(self) -> Evaluation | None:
        return self.evaluated

    def models(self) -> LearnedModels:
        self._note("models")
        return LearnedModels([MODEL], ["begun"])

    def report(self, name: str) -> ProbeReport | FinetuneReport:
        self._check(name)
        return self._finetuned(Recipe())

    def picture(self, name: str, picture: str) -> bytes:
        self._note("picture", name=name, picture=picture)
        self._check(name)
        return b"\x89PNG a picture"

    def remove(self, name: str) -> RemovedModel:
        self._note("remove", name=name)
        self._check(name)
        return RemovedModel(name, was_finished=True)

    def teller(self, method: str | None = None, *, label: str | None = None) -> FakeTeller:
        self._note("teller", asked=method, label=label)
        self._check(method or "probe")
        return FakeTeller(label or "label", method or "probe", object() if self.own_embedder else None)

    def tell(
        self, teller: FakeTeller, pages: Sequence[ReadPage], vectors: Matrix, *, unknown_share: float | None = None
    ) -> list[LabelledPage]:
        self._note("tell", vectors=vectors, unknown_share=unknown_share)
        return [LabelledPage(page.name, page.page_number, _guess(teller.method)) for page in pages]

    def classify_with(
        self, teller: FakeTeller, uploads: Sequence[Upload], *, unknown_share: float | None = None
    ) -> LabelAnswer:
        self._note("classify_with", names=[one.name for one in uploads], unknown_share=unknown_share)
        pages = [LabelledPage(one.name, 1, _guess(teller.method)) for one in uploads]
        return LabelAnswer(teller.label, teller.method, pages, [])

    def _check(self, name: str) -> None:
        if name not in ("probe", "centroid", "neighbours"):
            raise LearnedMissingError(f"Nothing called {name} was learned.")


def _guess(method: str) -> LabelGuess:
    return LabelGuess("art", 0.9, "notes", 0.1, 0.8, 0.5, False, method)
