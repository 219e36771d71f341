"""What was learned from labels, as files: a folder of `models/` each, which appears whole or not at all.

    models/NAME/model.json      what it is, as `LearnedModel` tells it, and the spec of the vectors that it takes
    models/NAME/head.npz        the linear classifier, each label's centroid, and how alike its pages are to it
    models/NAME/split.json      which pages were learned from, chosen by, judged by, and which belong together
    models/NAME/report.json     how good it is

A fine-tuned model has its weights and pictures beside these.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from indexer.analysis.classify import Spread
from indexer.analysis.labels import LinearClassifier
from indexer.errors import LearnedMissingError, LibraryDamagedError, StoreError, UsageError
from indexer.library.learning_results import FinetuneReport, LearnedModel, ProbeReport
from indexer.output.files import written_whole
from indexer.values import Labels, Matrix, ModelSpec

MODEL_FILE, HEAD_FILE, SPLIT_FILE, REPORT_FILE = "model.json", "head.npz", "split.json", "report.json"
TRAINING_FILE = "training.json"
"""What a training was asked for; it is there before there is a model."""
RESERVED = ("centroid", "neighbours")
"""Methods that need no learning; nothing learned may be called so."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A learned model at work: what it is, whose vectors it takes, and how it tells one of L labels.

    `centroids` float32 [L, D] and `spread` are those of the pages it was fitted on: a page far from its label's is unknown.
    """

    model: LearnedModel
    spec: ModelSpec
    classifier: LinearClassifier
    centroids: Matrix
    spread: Spread


@dataclass(frozen=True, slots=True, eq=False)
class KeptSplit:
    """The split that a model was learned with, by page: `parts` int8 [N] and `groups` int32 [N]."""

    ids: list[str]
    parts: NDArray[np.int8]
    groups: Labels
    by: str
    seed: int


class LearnedFolder:
    """The learned models in `models/` of one library's directory; safe in many threads."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._guard = threading.Lock()
        self._heads: dict[str, tuple[int, Head]] = {}

    def place(self, name: str) -> Path:
        """The folder of that name, whether it is there or not; UsageError for a name that can't be one."""
        if not _NAME.fullmatch(name) or name in RESERVED:
            raise UsageError(
                f"{name!r} can't be the name of a model: letters, digits, dots, - and _, up to 100, and not {' or '.join(RESERVED)}."
            )
        return self.directory / name

    def names(self) -> list[str]:
        """What was learned, the newest first."""
        files = list(self.directory.glob(f"*/{MODEL_FILE}"))
        return [file.parent.name for file in sorted(files, key=lambda one: (-one.stat().st_mtime_ns, one.parent.name))]

    def load(self, name: str) -> Head:
        """The learned model of that name, from memory where its files are as they were.

        Raises:
            LearnedMissingError: there is none.
            LibraryDamagedError: its files can't be read.
        """
        folder = self.place(name)
        try:
            stamp = (folder / MODEL_FILE).stat().st_mtime_ns
        except OSError:
            known = ", ".join(self.names()) or "none yet"
            raise LearnedMissingError(
                f"Nothing called {name} was learned from labels; there is {known}. `quire finetune --probe` learns in seconds."
            ) from None
        with self._guard:
            if name not in self._heads or self._heads[name][0] != stamp:
                self._heads[name] = stamp, _load_head(folder)
            return self._heads[name][1]

    def load_report(self, name: str) -> ProbeReport | FinetuneReport:
        """What its learning came to. Raises as `load` does."""
        kind: type[ProbeReport] | type[FinetuneReport] = (
            ProbeReport if self.load(name).model.kind == "probe" else FinetuneReport
        )
        file = self.place(name) / REPORT_FILE
        try:
            return TypeAdapter[ProbeReport | FinetuneReport](kind).validate_python(dict(_load_json(file)))
        except ValueError as exc:
            raise _damaged(file, exc) from exc

    def unfinished(self) -> list[str]:
        """Names of trainings that were begun and have not come to their end, sorted."""
        begun = (file.parent for file in self.directory.glob(f"*/{TRAINING_FILE}"))
        return sorted(folder.name for folder in begun if not (folder / MODEL_FILE).exists())

    def load_split(self, name: str) -> KeptSplit:
        """The split that it was learned with. Raises as `load` does."""
        document = _load_json(self.place(name) / SPLIT_FILE)
        try:
            return KeptSplit(
                ids=cast("list[str]", document["ids"]),
                parts=np.asarray(document["parts"], dtype=np.int8),
                groups=np.asarray(document["groups"], dtype=np.int32),
                by=str(document["by"]),
                seed=int(cast(int, document["seed"])),
            )
        except (KeyError, TypeError, ValueError) as exc:
            raise _damaged(self.place(name) / SPLIT_FILE, exc) from exc

    def save(self, head: Head, split: KeptSplit, report: object, *, more: Callable[[Path], None] | None = None) -> None:
        """Put a learned model into its place, over one of the same name; `more` adds files to its folder first.

        Raises:
            StoreError: the disk is full, or can't be written; what was there stays.
        """
        folder = self.place(head.model.name)
        draft = self.directory / f".{uuid.uuid4().hex[:12]}.draft"
        try:
            draft.mkdir(parents=True)
            write_head(draft, head)
            save_json(draft / SPLIT_FILE, split_to_document(split))
            save_json(draft / REPORT_FILE, asdict(report))  # type: ignore[call-overload]
            if more is not None:
                more(draft)
            self._replace(draft, folder)
        except OSError as exc:
            raise StoreError(f"{folder} can't be written: {exc.strerror or exc}. What was there is as it was.") from exc
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def remove(self, name: str) -> None:
        """Remove a learned model with all its files."""
        folder = self.place(name)
        away = self.directory / f".{uuid.uuid4().hex[:12]}.draft"
        folder.replace(away)
        shutil.rmtree(away, ignore_errors=True)

    def _replace(self, draft: Path, folder: Path) -> None:
        """A folder that is not empty can't be renamed over: the old one is moved aside first, and back if the new one can't come."""
        aside = self.directory / f".{uuid.uuid4().hex[:12]}.draft"
        had_one = folder.exists()
        if had_one:
            folder.replace(aside)
        try:
            draft.replace(folder)
        except OSError:
            if had_one:
                aside.replace(folder)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def write_head(folder: Path, head: Head) -> None:
    """`head.npz` and `model.json` of a learned model."""
    with written_whole(folder / HEAD_FILE) as part, part.open("wb") as out:
        np.savez(
            out,
            weights=head.classifier.weights,
            bias=head.classifier.bias,
            centroids=head.centroids,
            quantiles=head.spread.quantiles,
        )
    save_json(folder / MODEL_FILE, {"model": asdict(head.model), "spec": asdict(head.spec)})


def split_to_document(split: KeptSplit) -> dict[str, object]:
    """What `LearnedFolder.load_split` reads back."""
    return {
        "by": split.by,
        "seed": split.seed,
        "ids": split.ids,
        "parts": split.parts.tolist(),
        "groups": split.groups.tolist(),
    }


def save_json(file: Path, document: object) -> None:
    """A JSON file, whole or not at all."""
    with written_whole(file) as draft:
        draft.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _load_head(folder: Path) -> Head:
    document = _load_json(folder / MODEL_FILE)
    try:
        model = cast("dict[str, object]", document["model"])
        interval = cast("list[float]", model["accuracy_interval"])
        spec = cast("dict[str, object]", document["spec"])
        with np.load(folder / HEAD_FILE, allow_pickle=False) as stored:
            weights, bias, centroids, quantiles = (
                np.asarray(stored[name], dtype=np.float32) for name in ("weights", "bias", "centroids", "quantiles")
            )
        return Head(
            LearnedModel(**{**model, "accuracy_interval": (interval[0], interval[1])}),  # type: ignore[arg-type]
            ModelSpec(**spec),  # type: ignore[arg-type]
            LinearClassifier(weights, bias),
            centroids,
            Spread(quantiles),
        )
    except (OSError, KeyError, TypeError, ValueError, IndexError) as exc:
        raise _damaged(folder, exc) from exc


def _load_json(file: Path) -> Mapping[str, object]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise _damaged(file, exc) from exc
    if not isinstance(document, dict):
        raise _damaged(file, "it does not hold one JSON object")
    return document


def _damaged(file: Path, cause: object) -> LibraryDamagedError:
    return LibraryDamagedError(
        f"{file} can't be read: {cause}. Take it from a backup, or remove its folder and learn it anew with `quire finetune`."
    )
