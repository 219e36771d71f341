"""Learning from labels: probes and fine-tuned models, what they say of new pages, and how far that can be trusted."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.analysis.labels import GroupRule
from indexer.embedding import Embedder, check_same
from indexer.errors import ConflictError, LearnedMissingError
from indexer.library import answering, learning_answers, learning_evaluate, learning_probe
from indexer.library.answering import ReadPage, Upload
from indexer.library.learning_answers import LabelTable, Teller
from indexer.library.learning_pages import check_label_field
from indexer.library.learning_report import PictureName
from indexer.library.learning_results import (
    Evaluation,
    FinetuneReport,
    LabelAnswer,
    LabelledPage,
    LearnedModel,
    LearnedModels,
    ProbeReport,
    RemovedModel,
)
from indexer.library.learning_runs import FinetuneOptions
from indexer.library.learning_store import Head, LearnedFolder
from indexer.library.results import LabelGuess
from indexer.progress import ProgressSink, ignore_progress
from indexer.training.recipe import DEFAULT_RECIPE, Recipe
from indexer.values import Matrix

if TYPE_CHECKING:
    from indexer.library.core import Library

SUSPECTS = 50
"""How many probably mislabelled pages an evaluation lists unless told otherwise."""


class Learning:
    """What one library learned from labels, `library.learning`; reading is safe in many threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._folder = LearnedFolder(library.directory / "models")
        self._guard = threading.Lock()
        self._training = threading.Lock()
        self._table: tuple[tuple[object, str], LabelTable] | None = None
        self._embedder: tuple[str, Embedder] | None = None

    # ---- to learn ----

    def fit_probe(
        self,
        *,
        label: str = "label",
        name: str | None = None,
        keep_together: GroupRule = "auto",
        seed: int = 0,
        progress: ProgressSink = ignore_progress,
    ) -> ProbeReport:
        """A probe: logistic regression on the stored embeddings, learned from the field `label`; a probe of the same name is replaced.

        Judged on a fifth of the pages that it never saw; `keep_together` says which pages are held out as one.

        Raises:
            UsageError: no such field, or too few labels to tell apart.
            ConflictError: a fine-tuned model has that name.
        """
        field = check_label_field(self._library, label)
        name = name or ("probe" if field == "label" else f"probe-{field.rpartition('.')[2]}")
        self._folder.place(name)
        if name in self._folder.names() and self._folder.load(name).model.kind != "probe":
            raise ConflictError(f"{name} is a fine-tuned model, which a probe does not replace. Give another --name.")
        return learning_probe.fit_probe(self._library, self._folder, label, name, keep_together, seed, progress)

    def finetune(
        self,
        *,
        label: str = "label",
        base: str | None = None,
        checkpoint: Path | None = None,
        name: str | None = None,
        keep_together: GroupRule = "auto",
        recipe: Recipe = DEFAULT_RECIPE,
        progress: ProgressSink = ignore_progress,
    ) -> FinetuneReport:
        """Train `base` (the library's own model where it is a network, else `timm:…` or `open_clip:…`) further on the field `label`.

        It leaves an embedder, `finetuned:NAME`, which `reindex` takes, a head that tells labels from its vectors, and a report with
        pictures in `models/NAME/`. Interrupted, the same call goes on, and ends in the same result. Meanwhile, all else goes on too.

        Raises:
            UsageError: a base that can't be trained, labels that can't be learned, or a choice in the recipe that is out of range.
            WeightsMissingError: the base's weights can't be had.
            ConflictError: the name is taken, or was begun with other options.
            ModelError: the loss is no number any more.
        """
        from indexer.library import learning_finetune

        options = FinetuneOptions(label, base, checkpoint, name, keep_together, recipe)
        with self._training:
            return learning_finetune.finetune(self._library, self._folder, options, progress)

    # ---- to read ----

    def models(self) -> LearnedModels:
        """What was learned, the newest first, and trainings that were not finished."""
        found = [self._describe(self._folder.load(name)) for name in self._folder.names()]
        return LearnedModels(found, self._folder.unfinished())

    def report(self, name: str) -> ProbeReport | FinetuneReport:
        """How good the learned model of that name is; LearnedMissingError where there is none."""
        return self._folder.load_report(name)

    def picture(self, name: str, picture: PictureName) -> bytes:
        """A picture of a fine-tuned model's report, as PNG.

        Raises:
            LearnedMissingError: there is no such model, or no such picture of it.
        """
        self._folder.load(name)
        file = self._folder.place(name) / f"{picture}.png"
        try:
            return file.read_bytes()
        except FileNotFoundError:
            raise LearnedMissingError(
                f"{name} has no picture of {picture}; only fine-tuned models have pictures."
            ) from None

    def remove(self, name: str) -> RemovedModel:
        """Remove what was learned under that name, or a training that was not finished.

        Raises:
            LearnedMissingError: there is no such model.
            ConflictError: the library's vectors are its own.
        """
        if name in self._folder.unfinished():
            self._folder.remove(name)
            return RemovedModel(name, was_finished=False)
        head = self._folder.load(name)
        model = self._library.manifest.model
        if head.model.kind == "finetuned" and model is not None and model.name == head.spec.name:
            raise ConflictError(
                f"The library's vectors were made by {model.name}. Give it another model first: `quire reindex --model …`."
            )
        self._folder.remove(name)
        return RemovedModel(name, was_finished=True)

    def classify(
        self,
        uploads: Sequence[Upload],
        *,
        method: str | None = None,
        label: str | None = None,
        unknown_share: float | None = None,
    ) -> LabelAnswer:
        """The label of every page of the uploads.

        `method` is the name of a learned model, `centroid` (the nearest label) or `neighbours` (the labels of the nearest pages); None:
        the newest model that learned the field `label`, or any field.

        Raises:
            LearnedMissingError: nothing of that name was learned, or nothing at all.
            ModelMismatchError: a probe that was fitted on the vectors of another model.
        """
        return self.classify_with(self.teller(method, label=label), uploads, unknown_share=unknown_share)

    def classify_with(
        self, teller: Teller, uploads: Sequence[Upload], *, unknown_share: float | None = None
    ) -> LabelAnswer:
        """The same with a teller at hand."""
        library = self._library
        read = answering.read_uploads(library, uploads, embedder=teller.embedder)
        prepared = [page.prepared for page in read.pages]
        vectors = library.embed_prepared(prepared) if teller.embedder is None else teller.embedder.embed(prepared)
        pages = self.tell(teller, read.pages, vectors, unknown_share=unknown_share)
        return LabelAnswer(teller.label, teller.method, pages, read.unreadable)

    def tell(
        self, teller: Teller, pages: Sequence[ReadPage], vectors: Matrix, *, unknown_share: float | None = None
    ) -> list[LabelledPage]:
        """The second half of it, for callers who gather forward passes."""
        guesses = teller.tell(vectors, unknown_share=self._share(unknown_share))
        return [LabelledPage(page.name, page.page_number, guess) for page, guess in zip(pages, guesses, strict=True)]

    def teller(self, method: str | None = None, *, label: str | None = None) -> Teller:
        """A way of telling labels, for callers who gather forward passes; see `classify`."""
        if method in ("centroid", "neighbours"):
            table = self._label_table(label or "label")
            if method == "centroid":
                return learning_answers.teller_by_centroid(table)
            return learning_answers.teller_by_neighbours(self._library, table)
        head = learning_answers.choose_head(self._library, self._folder, method, label)
        spec = self._library.manifest.model
        if learning_answers.fits(head, spec):
            return learning_answers.teller_of_head(head, embedder=None)
        if head.model.kind == "probe":
            raise learning_answers.explain_misfit(head.model, spec)
        return learning_answers.teller_of_head(head, embedder=self._own_embedder(head))

    def guess(self, vectors: Matrix, *, unknown_share: float | None = None) -> list[LabelGuess] | None:
        """The labels of N pages by the newest learned model that takes the library's own vectors; None where there is none."""
        for name in self._folder.names():
            head = self._folder.load(name)
            if learning_answers.fits(head, self._library.manifest.model):
                teller = learning_answers.teller_of_head(head, embedder=None)
                return teller.tell(vectors, unknown_share=self._share(unknown_share))
        return None

    # ---- to judge ----

    def evaluate(
        self,
        *,
        label: str = "label",
        model: str | None = None,
        suspects: int = SUSPECTS,
        keep_together: GroupRule = "auto",
        seed: int = 0,
        progress: ProgressSink = ignore_progress,
    ) -> Evaluation:
        """Nearest centroid, nearest pages, probe and fine-tuned models compared on pages that none of them has seen.

        Judged on the test pages of the fine-tuned model called `model`, or the newest of this field; where there is none, by
        cross-validation. Lists as many as `suspects` pages whose label is probably wrong. Kept, for `evaluation`.
        """
        return learning_evaluate.evaluate(
            self._library,
            self._folder,
            label=label,
            model=model,
            suspects=suspects,
            keep_together=keep_together,
            seed=seed,
            embedder_of=self._own_embedder,
            progress=progress,
        )

    def evaluation(self) -> Evaluation | None:
        """What `evaluate` found last; None before the first time."""
        return learning_evaluate.load_evaluation(self._library.records.load(learning_evaluate.DOCUMENT))

    # ---- how ----

    def _describe(self, head: Head) -> LearnedModel:
        return replace(head.model, fits=learning_answers.fits(head, self._library.manifest.model))

    def _share(self, unknown_share: float | None) -> float:
        share = self._library.settings.unknown_share if unknown_share is None else unknown_share
        return learning_answers.check_share(share)

    def _label_table(self, label: str) -> LabelTable:
        """Centroids of all labels of a field, kept until something is written."""
        key = (self._library.shelf_cache.changes, check_label_field(self._library, label))
        with self._guard:
            known = self._table
        if known is None or known[0] != key:
            known = key, learning_answers.read_label_table(self._library, label)
            with self._guard:
                self._table = known
        return known[1]

    def _own_embedder(self, head: Head) -> Embedder:
        """The embedder that a fine-tuned model brings with it; the last one is kept."""
        with self._guard:
            if self._embedder is None or self._embedder[0] != head.spec.weights_sha256:
                embedder = self._library.make_embedder(head.spec.name, None)
                check_same(head.spec, embedder.spec)
                self._embedder = head.spec.weights_sha256, embedder
            return self._embedder[1]
