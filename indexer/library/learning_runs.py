"""A fine-tuning run before it is finished: its name, what it was asked for, the pages it was given; begun, or gone on with.

models/NAME/training.json   what was asked for, and the labels of the pages
models/NAME/split.json      which pages are learned from, chosen by, judged by
models/NAME/.state.pt       where training is; hidden, and gone when it is finished
models/NAME/.base.npz       the pages as the base sees them
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from indexer.analysis.labels import GroupRule, Split, split_pages
from indexer.errors import ConflictError, LibraryDamagedError, UsageError
from indexer.library.learning_pages import (
    check_label_field,
    group_labelled,
    pairs_of_sets,
    read_labelled,
    summarize_split,
)
from indexer.library.learning_results import SplitSummary
from indexer.library.learning_store import (
    MODEL_FILE,
    SPLIT_FILE,
    TRAINING_FILE,
    KeptSplit,
    LearnedFolder,
    save_json,
    split_to_document,
)
from indexer.progress import ProgressSink
from indexer.training.recipe import Recipe
from indexer.values import Labels

if TYPE_CHECKING:
    from indexer.library.core import Library

STATE_FILE, BASE_FILE = ".state.pt", ".base.npz"
NEAR_COPIES_FROM = 0.9
"""Cosine from which pages are compared as pictures, so that near-copies are held out together."""
_TRAINABLE = ("timm", "open_clip")


@dataclass(frozen=True, slots=True)
class FinetuneOptions:
    """What `Learning.finetune` was asked for."""

    label: str
    base: str | None
    checkpoint: Path | None
    name: str | None
    keep_together: GroupRule
    recipe: Recipe


@dataclass(frozen=True, slots=True, eq=False)
class FinetuneRun:
    """A run with everything that it depends on: N pages by id, their labels int32 [N] as places in `names`, and the split."""

    name: str
    place: Path
    field: str
    base: str
    checkpoint: Path | None
    recipe: Recipe
    names: tuple[str, ...]
    labels: Labels
    kept: KeptSplit
    summary: SplitSummary

    @property
    def split(self) -> Split:
        """Which pages are learned from, chosen by, judged by."""
        return Split(self.kept.parts)


def open_run(
    library: Library, folder: LearnedFolder, options: FinetuneOptions, *, progress: ProgressSink
) -> FinetuneRun:
    """The run of that name: a new one, or one that was interrupted and asked for the same.

    Raises:
        ConflictError: the name is taken, or was begun with other options.
        UsageError: the base can't be trained, or the labels can't be learned.
    """
    options.recipe.check()
    field = check_label_field(library, options.label)
    base, checkpoint = _choose_base(library, options)
    asked = _to_json(
        {
            "label": field,
            "base": base,
            "checkpoint": str(checkpoint) if checkpoint else None,
            "keep_together": options.keep_together,
            "recipe": asdict(options.recipe),
        }
    )
    name = _choose_name(folder, options.name, field)
    place = folder.place(name)
    if not (place / TRAINING_FILE).exists():
        _begin(library, options, place, asked, progress=progress)
    begun = _read(place / TRAINING_FILE)
    differing = sorted(key for key, value in asked.items() if begun.get(key) != value)
    if differing:
        raise ConflictError(
            f"{name} was begun with another {' and '.join(differing)}, and is not finished. Ask for the same again to go on with it, give "
            f"another --name, or remove it: `quire models remove {name}`."
        )
    return FinetuneRun(
        name=name,
        place=place,
        field=field,
        base=base,
        checkpoint=checkpoint,
        recipe=options.recipe,
        names=tuple(cast("list[str]", begun["names"])),
        labels=np.asarray(begun["labels"], dtype=np.int32),
        kept=folder.load_split(name),
        summary=SplitSummary(**cast("dict[str, object]", begun["split"])),  # type: ignore[arg-type]
    )


def _choose_base(library: Library, options: FinetuneOptions) -> tuple[str, Path | None]:
    """The base and its file: those named, or the library's own."""
    checkpoint = options.checkpoint.expanduser().resolve() if options.checkpoint else None
    recorded = library.manifest.model
    base = options.base
    if base is None and recorded is not None:
        base = recorded.name
        checkpoint = checkpoint or (Path(library.manifest.checkpoint) if library.manifest.checkpoint else None)
    if base is None or base.partition(":")[0] not in _TRAINABLE:
        raise UsageError(
            f"{base or 'Nothing'} can't be trained further. Name a network with --base timm:MODEL or --base open_clip:ARCH/PRETRAINED, "
            "and a local file of weights with --checkpoint FILE."
        )
    if options.recipe.from_scratch and checkpoint is not None and options.checkpoint is not None:
        raise UsageError(
            "--from-scratch begins with random weights, so --checkpoint has no use; leave one of them away."
        )
    return base, None if options.recipe.from_scratch else checkpoint


def _choose_name(folder: LearnedFolder, asked: str | None, field: str) -> str:
    """The name asked for, or the field's with a number; the first under which nothing is finished."""
    if asked is not None:
        if (folder.place(asked) / MODEL_FILE).exists():
            raise ConflictError(
                f"{asked} is there already. Give another --name, or remove it first: `quire models remove {asked}`."
            )
        return asked
    own = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in field.rpartition(".")[2])
    stem, number = own.strip("-") or "labels", 1
    while (folder.place(name := stem if number == 1 else f"{stem}-{number}") / MODEL_FILE).exists():
        number += 1
    return name


def _begin(
    library: Library, options: FinetuneOptions, place: Path, asked: Mapping[str, object], *, progress: ProgressSink
) -> None:
    """Choose and keep the pages and the split. `training.json` comes last: before it, nothing was begun."""
    pages = read_labelled(library, options.label)
    copies = library.duplicates.near_copies(min_similarity=NEAR_COPIES_FROM, progress=progress)
    found = pairs_of_sets(copies, pages.ids)
    notes = [f"{len(found)} pairs of near-copies are held out together."] if found else []
    pages = replace(pages, copies=[*pages.copies, *found], notes=notes)
    pages, grouping = group_labelled(pages, options.keep_together)
    split = split_pages(pages.labels, grouping.groups, seed=options.recipe.seed)
    place.mkdir(parents=True, exist_ok=True)
    kept = KeptSplit(pages.ids, split.parts, grouping.groups, grouping.by, options.recipe.seed)
    save_json(place / SPLIT_FILE, split_to_document(kept))
    summary = summarize_split(pages, grouping, split, seed=options.recipe.seed)
    begun = {**asked, "names": list(pages.names), "labels": pages.labels.tolist(), "split": asdict(summary)}
    save_json(place / TRAINING_FILE, begun)


def _to_json(values: Mapping[str, object]) -> Mapping[str, object]:
    """As they are once written and read back: tuples are lists then."""
    return cast("Mapping[str, object]", json.loads(json.dumps(values)))


def _read(file: Path) -> Mapping[str, object]:
    try:
        return cast("Mapping[str, object]", json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as exc:
        raise LibraryDamagedError(
            f"{file} can't be read: {exc}. Remove its folder, and the same `quire finetune` begins from the start."
        ) from exc
