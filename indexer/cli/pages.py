"""Commands about pages: index, reindex, pages, status, samples."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from indexer.cli.exits import DONE, DONE_WITH_SKIPS
from indexer.cli.opening import opened, settings_for
from indexer.cli.options import (
    BlurMixOption,
    CheckpointOption,
    DeviceOption,
    FilterOption,
    JsonOption,
    LibraryOption,
    ModelOption,
    QdrantOption,
    RayOption,
    ViewsOption,
    WeightsOption,
    parse_floats,
)
from indexer.cli.questions import print_questions


def index(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER]…", help="Folders of scans; none: all known ones.")
    ] = None,
    label_from: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--label-from",
            metavar="parent|none|1|2|…",
            help="Which folder of its path labels a page: its own, or the 1st, 2nd, … below the root.",
        ),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option("--metadata", metavar="FILE", help="A CSV, JSON or Parquet table with a `path` column."),
    ] = None,
    model: ModelOption = None,
    checkpoint: CheckpointOption = None,
    limit: Annotated[Optional[int], typer.Option("--limit", min=0, help="Read at most so many files.")] = None,  # noqa: UP045
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be read; read and write nothing.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Remove pages whose file is gone.")] = False,
    retry_skipped: Annotated[
        bool, typer.Option("--retry-skipped", help="Open files again that could not be read before.")
    ] = False,
    views: ViewsOption = None,
    part: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--part", metavar="N/COUNT", help="Only this part of the files, such as 3/16; others do the rest."
        ),
    ] = None,
    blur_mix: BlurMixOption = None,
    weights: WeightsOption = None,
    ray: RayOption = None,
    device: DeviceOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Walk folders of scans, embed their pages, store them; again later: only what is new or changed."""
    from indexer.cli.showing import print_json, print_skips, progress_bar

    settings = settings_for(library, qdrant, device=device)
    with opened(settings, create=True) as lib, progress_bar() as progress:
        report = lib.index(
            [folder.expanduser().resolve() for folder in folders or []],
            label_from=label_from,
            metadata=metadata,
            model=model,
            checkpoint=checkpoint,
            limit=limit,
            dry_run=dry_run,
            prune=prune,
            retry_skipped=retry_skipped,
            views=views.split(",") if views else None,
            part=part,
            blur_mix=parse_floats(blur_mix),
            weights=parse_floats(weights),
            ray=ray,
            progress=progress,
        )
    if as_json:
        print_json(report)
    else:
        _print_report(report, dry_run=dry_run)
    print_skips(report.skipped)
    raise typer.Exit(DONE_WITH_SKIPS if report.skipped else DONE)


def reindex(
    model: ModelOption = None,
    checkpoint: CheckpointOption = None,
    k: Annotated[Optional[int], typer.Option("-k", "--k", min=1, help="Another number of clusters than now.")] = None,  # noqa: UP045
    views: ViewsOption = None,
    blur_mix: BlurMixOption = None,
    weights: WeightsOption = None,
    ray: RayOption = None,
    device: DeviceOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Embed all pages anew, with another model if you like: beside the old ones, then switched at once. Names are carried over."""
    from indexer.cli.showing import print_json, print_skips, progress_bar

    with opened(settings_for(library, qdrant, device=device)) as lib, progress_bar() as progress:
        report = lib.reindex(
            model,
            checkpoint=checkpoint,
            k=k,
            views=views.split(",") if views else None,
            blur_mix=parse_floats(blur_mix),
            weights=parse_floats(weights),
            ray=ray,
            progress=progress,
        )
        asked = [] if as_json else lib.questions()
    if as_json:
        print_json(report)
    else:
        _print_report(report, anew=True)
        print_questions(asked)
    print_skips(report.skipped)
    raise typer.Exit(DONE_WITH_SKIPS if report.skipped else DONE)


def pages(
    filters: FilterOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many.")] = 50,
    cursor: Annotated[Optional[str], typer.Option("--cursor", help="Where the list before left off.")] = None,  # noqa: UP045
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """List pages in shelf order."""
    from indexer.cli.showing import err, print_json, print_table
    from indexer.filters import parse_filter

    where = parse_filter(filters or [])
    with opened(settings_for(library, qdrant)) as lib:
        listed = lib.pages(where=where, limit=limit, cursor=cursor)
    if as_json:
        print_json(listed)
        return
    rows = [(p.path, p.page_number, p.label, p.cluster, p.group, ",".join(p.flags), p.page_id) for p in listed.pages]
    print_table(("path", "page", "label", "cluster", "group", "flags", "page_id"), rows)
    if listed.next_cursor:
        err().print(f"{len(listed.pages)} of {listed.total} pages; more with --cursor {listed.next_cursor}")


def status(library: LibraryOption = None, qdrant: QdrantOption = None, as_json: JsonOption = False) -> None:
    """What is in the library, with which model, how big, what was skipped."""
    from indexer.cli.showing import out, print_json, size

    with opened(settings_for(library, qdrant)) as lib:
        found = lib.status()
    if as_json:
        print_json(found)
        return
    console = out()
    model = found.model
    facts = [
        ("library", f"{found.name} in {found.place}"),
        ("vectors", found.store),
        ("pages", f"{found.pages} ({size(found.bytes_on_disk)} of vectors and payloads)"),
        ("model", f"{model.name}, {model.dimensions} dimensions, {model.precision}" if model else "none yet"),
        ("preprocessing", model.preprocessing if model else "–"),
        *([("blur mix", model.blur_mix)] if model and model.blur_mix else []),
        ("search", ", ".join(found.search_modes) or "by scans only: this model knows no words"),
        ("clusters", f"{found.clusters} of run {found.run}" if found.run else "none yet"),
        ("groups", ", ".join(f"{name} {count}" for name, count in found.groups.items()) or "none yet"),
        ("labels", ", ".join(f"{name} {count}" for name, count in found.labels.items()) or "none"),
        *(("root", f"{root.directory} (labels from: {root.label_from})") for root in found.roots),
        ("left out", str(len(found.skipped))),
    ]
    for fact, value in facts:
        console.print(f"{fact:>14}  {value}", markup=False)
    for skip in found.skipped:
        page = f", page {skip.page_number}" if skip.page_number else ""
        console.print(f"{'':>14}  {skip.path or skip.root}{page}: {skip.reason}", markup=False)


def samples(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the sketchbooks go.")],
    seed: Annotated[int, typer.Option("--seed", help="Other sketchbooks by another hand.")] = 7,
) -> None:
    """Draw three sample sketchbooks, about 150 scanned pages, to try everything on."""
    from indexer.cli.showing import progress_bar
    from indexer.progress import Meter
    from indexer.samples import draw_sketchbooks

    with progress_bar() as progress:
        meter = Meter(progress, "drawing")

        def tell(done: int, total: int) -> None:
            meter.expect(total)
            meter.advance(done - meter.done)

        count = draw_sketchbooks(directory, seed=seed, progress=tell, workers=min(4, os.cpu_count() or 1))
        meter.finish()
    print(f"{count} pages in {directory}")


def _print_report(report: object, *, dry_run: bool = False, anew: bool = False) -> None:
    from indexer.cli.showing import MOST_SKIPS, duration, err, out
    from indexer.library.results import IndexReport

    assert isinstance(report, IndexReport)
    if dry_run:
        out().print(
            f"Would read {report.added} new and {report.changed} changed files; {report.unchanged} pages are unchanged, {report.gone} gone."
        )
        return
    parts = [f"{report.added} pages added", f"{report.changed} changed", f"{report.unchanged} unchanged"]
    if anew:
        parts = [f"{report.added + report.changed + report.unchanged} pages embedded anew"]
    if report.removed:
        parts.append(f"{report.removed} removed")
    if report.from_thumbnails:
        parts.append(f"{report.from_thumbnails} embedded from their thumbnails, as their files are gone")
    model = report.model.name if report.model else "no model"
    out().print(
        f"{', '.join(parts)}; {report.pages} pages in the library, with {model}. Took {duration(report.seconds)}.",
        markup=False,
    )
    if report.gone:
        err().print(
            f"{report.gone} pages are in the library though their file is gone; `quire index --prune` removes them."
        )
    if report.unmatched_metadata:
        shown, rest = report.unmatched_metadata[:MOST_SKIPS], len(report.unmatched_metadata) - MOST_SKIPS
        more = f", … and {rest} more; `--json` lists them all" if rest > 0 else ""
        err().print(f"Rows of the metadata table that match no page: {', '.join(shown)}{more}", markup=False)
