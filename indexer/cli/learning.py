"""Commands that learn from labels: finetune, evaluate, models."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from indexer.cli.opening import opened, settings_for
from indexer.cli.options import CheckpointOption, DeviceOption, JsonOption, LibraryOption, QdrantOption

if TYPE_CHECKING:
    from indexer.cli.remote import RemoteLibrary
    from indexer.library import Library
    from indexer.library.learning_results import Evaluation, FinetuneReport, LabelQuality, ProbeReport, SplitSummary
    from indexer.training.values import Epoch

models_app = typer.Typer(
    help="What was learned from labels.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class KeepTogether(StrEnum):
    """What `--keep-together` takes."""

    auto = "auto"
    notebook = "notebook"
    folder = "folder"
    document = "document"
    series = "series"
    file = "file"


class Weights(StrEnum):
    """What `--class-weights` takes."""

    balanced = "balanced"
    none = "none"


PrecisionOption = Annotated[
    Optional[str],  # noqa: UP045 - typer reads it at run time, in this form on all versions
    typer.Option("--precision", metavar="TYPE", help="auto, float32, bfloat16 or float16 (mixed precision)."),
]
LabelOption = Annotated[
    str, typer.Option("--label", metavar="FIELD", help="What to learn: label, group or a column of the metadata table.")
]
KeepTogetherOption = Annotated[
    KeepTogether,
    typer.Option(
        "--keep-together",
        help="Pages held out as one: by notebook (first folder), folder, document, series of file names.",
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed holds out the same pages.")]


def finetune(
    label: LabelOption = "label",
    probe: Annotated[
        bool, typer.Option("--probe", help="Logistic regression on the stored embeddings: seconds instead of hours.")
    ] = False,
    base: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--base", metavar="MODEL", help="The network to begin with, timm:… or open_clip:…; default: the library's."
        ),
    ] = None,
    checkpoint: CheckpointOption = None,
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--name", metavar="NAME", help="What to call it; default: the field, or probe."),
    ] = None,
    sizes: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--sizes", metavar="PX[,PX…]", help="Sides of the input, one after the other; default: the base's."
        ),
    ] = None,
    head_epochs: Annotated[int, typer.Option("--head-epochs", min=0, help="Epochs with the base frozen.")] = 3,
    epochs: Annotated[int, typer.Option("--epochs", min=0, help="Epochs of all layers, for each size.")] = 12,
    batch: Annotated[int, typer.Option("--batch", min=2, help="Pages at once, an even number.")] = 32,
    rate: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--rate", help="The highest learning rate of the last layers; default: found by a range test."),
    ] = None,
    depth_ratio: Annotated[
        float, typer.Option("--depth-ratio", help="How much more slowly the first layers learn than the last.")
    ] = 10.0,
    weight_decay: Annotated[float, typer.Option("--weight-decay", help="Of AdamW.")] = 0.05,
    mixup: Annotated[float, typer.Option("--mixup", help="Alpha by which pages are mixed in pairs; 0: not.")] = 0.2,
    smoothing: Annotated[float, typer.Option("--smoothing", help="Label smoothing.")] = 0.1,
    class_weights: Annotated[
        Weights, typer.Option("--class-weights", help="Whether labels weigh the same, or pages do.")
    ] = Weights.balanced,
    patience: Annotated[
        int, typer.Option("--patience", min=1, help="Epochs without a better validation loss before a size ends.")
    ] = 5,
    augment: Annotated[
        bool,
        typer.Option("--augment/--no-augment", help="Turn, shift, scale and tone pages a little; never mirror them."),
    ] = True,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Begin with random weights instead of the base's.")
    ] = False,
    keep_together: KeepTogetherOption = KeepTogether.auto,
    seed: SeedOption = 0,
    precision: PrecisionOption = None,
    device: DeviceOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn from labels: train a network further, or fit a probe; and say how well on pages held out. Stopped, the same command goes on."""
    from indexer.cli.clusters import parse_numbers
    from indexer.cli.showing import print_json, progress_bar
    from indexer.errors import UsageError
    from indexer.library.learning_results import ProbeReport
    from indexer.training.recipe import Recipe

    recipe = Recipe(
        sizes=tuple(parse_numbers(sizes)) if sizes else (),
        head_epochs=head_epochs,
        epochs=epochs,
        batch=batch,
        rate=rate,
        depth_ratio=depth_ratio,
        weight_decay=weight_decay,
        mixup=mixup,
        smoothing=smoothing,
        class_weights=class_weights.value,
        patience=patience,
        augment=augment,
        from_scratch=from_scratch,
        seed=seed,
    )
    if probe and (base or checkpoint or recipe != Recipe(seed=seed)):
        raise UsageError("--probe takes the stored embeddings as they are; leave away what is only for training.")
    settings = settings_for(library, qdrant, device=device, precision=precision)
    report: ProbeReport | FinetuneReport
    with opened(settings) as lib, progress_bar() as progress:
        if probe:
            report = lib.learning.fit_probe(
                label=label, name=name, keep_together=keep_together.value, seed=seed, progress=progress
            )
        else:
            report = lib.learning.finetune(
                label=label,
                base=base,
                checkpoint=checkpoint,
                name=name,
                keep_together=keep_together.value,
                recipe=recipe,
                progress=progress,
            )
    if as_json:
        print_json(report)
    elif isinstance(report, ProbeReport):
        _print_probe(report)
    else:
        _print_finetuned(report)


def evaluate(
    label: LabelOption = "label",
    model: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--model", "-m", metavar="NAME", help="Judge on the test pages of this fine-tuned model."),
    ] = None,
    suspects: Annotated[
        int, typer.Option("--suspects", min=0, max=1000, help="The most probably mislabelled pages to list.")
    ] = 50,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE.png", help="Draw the comparison there.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet", metavar="FILE", help="A contact sheet of the suspects, as PNG, PDF or HTML by its suffix."
        ),
    ] = None,
    keep_together: KeepTogetherOption = KeepTogether.auto,
    seed: SeedOption = 0,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare ways of telling labels on pages that none has seen, and list pages that are probably mislabelled."""
    from indexer.cli.showing import err, print_json, progress_bar
    from indexer.output.charts import check_chart_name

    if picture is not None:
        check_chart_name(picture)
    with opened(settings_for(library, qdrant)) as lib, progress_bar() as progress:
        found = lib.learning.evaluate(
            label=label, model=model, suspects=suspects, keep_together=keep_together.value, seed=seed, progress=progress
        )
        if picture is not None:
            _draw(found, picture, name=lib.status().name)
        if sheet is not None:
            _write_sheet(lib, found, sheet)
    if as_json:
        print_json(found)
    else:
        _print_evaluation(found)
    for file in filter(None, (picture, sheet)):
        err().print(f"Written: {file}", markup=False)


@models_app.callback()
def models(
    context: typer.Context,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was learned from labels, the newest first."""
    if context.invoked_subcommand is not None:
        return
    from indexer.cli.showing import err, print_json, print_table

    with opened(settings_for(library, qdrant)) as lib:
        found = lib.learning.models()
    if as_json:
        print_json(found)
        return
    if not found.models:
        err().print("Nothing was learned yet: `quire finetune --probe` does.", markup=False)
    else:
        rows = [
            (m.name, m.kind, m.label, len(m.labels), m.accuracy, m.test_pages, "yes" if m.fits else "no", m.embedder)
            for m in found.models
        ]
        columns = ("name", "kind", "field", "labels", "accuracy", "of pages", "fits", "vectors of")
        print_table(columns, rows)
    for name in found.unfinished:
        err().print(f"{name} is not finished; the same `quire finetune` goes on with it.", markup=False)


@models_app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A learned model, as `quire models` lists it.")],
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a learned model with its files, or a training that was not finished."""
    from indexer.cli.showing import print_json

    with opened(settings_for(library, qdrant)) as lib:
        removed = lib.learning.remove(name)
    if as_json:
        print_json(removed)
    else:
        print(f"{removed.name} is removed.")


def _print_probe(report: ProbeReport) -> None:
    from indexer.cli.showing import duration, err

    _print_quality(report.quality)
    model = report.model
    low, high = report.quality.accuracy_interval
    err().print(
        f"{model.name} tells {len(model.labels)} values of {model.label} with an accuracy of {report.quality.accuracy:.3f} "
        f"({low:.3f} to {high:.3f}) on {model.test_pages} pages it never saw. Took {duration(report.seconds)}.",
        markup=False,
    )
    _print_split(report.split)


def _print_finetuned(report: FinetuneReport) -> None:
    from indexer.cli.showing import duration, err, print_table

    _print_quality(report.quality)
    model, best = report.model, report.history[report.best]
    rows = [
        (
            model.embedder,
            report.quality.accuracy,
            _interval(report.quality.accuracy_interval),
            report.quality.macro_f1,
            report.nmi,
        ),
        (
            f"probe on {report.probe_embedder}",
            report.probe.accuracy,
            _interval(report.probe.accuracy_interval),
            report.probe.macro_f1,
            report.base_nmi,
        ),
    ]
    print_table(("on the test pages", "accuracy", "95 %", "macro F1", "NMI of clusters"), rows)
    low, high = report.gain_interval
    told = (
        f"Accuracy beside the probe: {report.gain:+.3f} ({low:+.3f} to {high:+.3f}) on {model.test_pages} pages.",
        f"Kept is {_kept(best)} at {best.side_px} px. Took {duration(report.seconds)} on {report.device} ({report.precision}).",
        f"The report is in models/{model.name}/report.html of the library. Use it for all pages: quire reindex --model {model.embedder}",
    )
    for line in told:
        err().print(line, markup=False)
    _print_split(report.split)


def _print_quality(quality: LabelQuality) -> None:
    from indexer.cli.showing import print_table

    rows = [(one.label, one.pages, one.precision, one.recall, one.f1) for one in quality.labels]
    print_table(("label", "pages", "precision", "recall", "f1"), rows)


def _print_split(split: SplitSummary) -> None:
    from indexer.cli.showing import err

    told = f"Held out by {split.by}: {split.groups} groups."
    err().print(told, markup=False)
    if split.left_out:
        rare = ", ".join(f"{label} ({pages})" for label, pages in split.left_out.items())
        err().print(f"Left out, as they are in fewer than three groups: {rare}.", markup=False)
    for note in split.notes:
        err().print(note, markup=False)


def _print_evaluation(found: Evaluation) -> None:
    from indexer.cli.showing import err, print_table

    rows = [
        (
            one.method,
            one.quality.accuracy,
            _interval(one.quality.accuracy_interval),
            one.quality.macro_f1,
            one.quality.calibration_error,
            None if one.gain is None else f"{one.gain:+.3f}",
            None if one.gain_interval is None else _interval(one.gain_interval, signed=True),
            one.embedder,
        )
        for one in found.methods
    ]
    columns = ("way", "accuracy", "95 %", "macro F1", "calibration error", "beside probe", "95 %", "vectors of")
    print_table(columns, rows)
    how = "the test pages of the split" if found.held_out == "test" else "cross-validation in five folds"
    err().print(f"{found.pages} pages judged, by {how}.", markup=False)
    _print_split(found.split)
    for note in found.notes:
        err().print(note, markup=False)
    if found.suspects:
        err().print(
            f"{found.suspects_in_all} pages are probably mislabelled; {len(found.suspects)} listed.", markup=False
        )
        listed = [
            (s.page.path, s.page.page_number, s.label, s.suggested, s.chance, s.suggested_chance)
            for s in found.suspects
        ]
        print_table(("path", "page", "label", "rather", "chance", "chance of that"), listed)
    else:
        err().print("No page seems to be mislabelled.", markup=False)


def _kept(best: Epoch) -> str:
    if not best.epoch:
        return "the network as it was before the first epoch, for none was better,"
    return f"epoch {best.epoch} of {'the head' if best.kind == 'head' else 'all layers'}"


def _interval(interval: tuple[float, float], *, signed: bool = False) -> str:
    low, high = interval
    return f"{low:+.3f} to {high:+.3f}" if signed else f"{low:.3f} to {high:.3f}"


def _draw(found: Evaluation, file: Path, *, name: str) -> None:
    from indexer.library.learning_drawing import draw_evaluation
    from indexer.output.charts import save_chart

    save_chart(draw_evaluation(found, name=name), file)


def _write_sheet(lib: Library | RemoteLibrary, found: Evaluation, file: Path) -> None:
    from indexer.errors import PageMissingError
    from indexer.output.contact_sheet import (
        Tile,
        draw_contact_sheets,
        render_contact_sheet_html,
        save_contact_sheet,
        save_contact_sheet_html,
    )
    from indexer.sources import decode_bytes

    tiles = []
    for suspect in found.suspects:
        try:
            data = lib.page_thumbnail(suspect.page.page_id)
            picture = decode_bytes(data, name=suspect.page.path, max_side_px=320)[0].picture
        except PageMissingError:
            picture = None
        note = f"{suspect.label} → {suspect.suggested} {suspect.suggested_chance:.2f}"
        tiles.append(Tile(picture.pixels if picture else None, suspect.page.path, note))
    title = "Probably mislabelled"
    subtitle = f"{len(tiles)} of {found.suspects_in_all} pages, most suspect first: its label → the one suggested"
    if file.suffix.lower() in (".html", ".htm"):
        save_contact_sheet_html(render_contact_sheet_html(tiles, title=title, subtitle=subtitle), file)
    else:
        save_contact_sheet(draw_contact_sheets(tiles, title=title, subtitle=subtitle), file)
