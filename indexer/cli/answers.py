"""Commands that answer about scans: classify, similar."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from indexer.cli.exits import DONE, DONE_WITH_SKIPS
from indexer.cli.opening import opened, settings_for
from indexer.cli.options import DeviceOption, FilterOption, JsonOption, LibraryOption, ModelOption, QdrantOption

if TYPE_CHECKING:
    from indexer.library import Upload
    from indexer.library.results import Unreadable
    from indexer.settings import Settings

_AT_ONCE = 64
"""Files read and embedded together: enough for full batches, few enough for memory."""


class ClassifyBy(StrEnum):
    """What `--by` takes."""

    cluster = "cluster"
    label = "label"


def classify(
    scans: Annotated[list[Path], typer.Argument(metavar="SCAN…", help="New scans.")],
    by: Annotated[
        ClassifyBy, typer.Option("--by", help="The cluster and group of a scan, or the label it probably has.")
    ] = ClassifyBy.cluster,
    method: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--with",
            metavar="NAME|centroid|neighbours",
            help="Labels by this learned model [default: the newest], by their nearest centroid or the nearest pages.",
        ),
    ] = None,
    label: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--label", metavar="FIELD", help="Labels of this field: label, group or a metadata column."),
    ] = None,
    unknown_share: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--unknown-share",
            min=0.0,
            max=0.99,
            help="Unknown: less alike than all but this share of a cluster's or label's own pages (0.05).",
        ),
    ] = None,
    model: ModelOption = None,
    device: DeviceOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which cluster and group new scans belong to, or their label, or that they are unknown."""
    from indexer.cli.showing import print_json, print_table
    from indexer.errors import UsageError
    from indexer.library.results import ClassifyAnswer

    if by is ClassifyBy.label:
        settings = settings_for(library, qdrant, device=device)
        _classify_by_label(
            scans, settings, model=model, method=method, label=label, unknown_share=unknown_share, as_json=as_json
        )
        return
    if method is not None or label is not None:
        raise UsageError("--with and --label say how labels are told: add --by label.")
    whole = ClassifyAnswer([], [])
    with opened(settings_for(library, qdrant, device=device)) as lib:
        lib.check_model(model)
        for begin in range(0, len(scans), _AT_ONCE):
            answer = lib.classify(read_scans(scans[begin : begin + _AT_ONCE]), unknown_share=unknown_share)
            whole.pages.extend(answer.pages)
            whole.unreadable.extend(answer.unreadable)
    if as_json:
        print_json(whole)
    else:
        rows = [
            (
                c.name,
                c.page_number,
                "unknown" if c.unknown else (c.group or f"cluster {c.cluster}"),
                c.cluster,
                c.similarity,
                c.margin,
                c.runner_up_group or c.runner_up,
            )
            for c in whole.pages
        ]
        print_table(("scan", "page", "group", "cluster", "similarity", "margin", "runner-up"), rows)
    _leave(whole.unreadable)


def _classify_by_label(
    scans: Sequence[Path],
    settings: Settings,
    *,
    model: str | None,
    method: str | None,
    label: str | None,
    unknown_share: float | None,
    as_json: bool,
) -> None:
    from indexer.cli.showing import err, print_json, print_table
    from indexer.library.learning_results import LabelAnswer

    whole: LabelAnswer | None = None
    with opened(settings) as lib:
        lib.check_model(model)
        for begin in range(0, len(scans), _AT_ONCE):
            uploads = read_scans(scans[begin : begin + _AT_ONCE])
            answer = lib.learning.classify(uploads, method=method, label=label, unknown_share=unknown_share)
            whole = whole or LabelAnswer(answer.label, answer.method, [], [])
            whole.pages.extend(answer.pages)
            whole.unreadable.extend(answer.unreadable)
    assert whole is not None
    if as_json:
        print_json(whole)
    else:
        rows = [
            (
                one.name,
                one.page_number,
                one.guess.label,
                "unknown" if one.guess.unknown else None,
                one.guess.probability,
                one.guess.similarity,
                one.guess.runner_up,
                one.guess.runner_up_probability,
            )
            for one in whole.pages
        ]
        columns = ("scan", "page", whole.label, "", "probability", "similarity", "runner-up", "its probability")
        print_table(columns, rows)
        err().print(f"Told by {whole.method}.", markup=False)
    _leave(whole.unreadable)


def similar(
    scans: Annotated[list[Path], typer.Argument(metavar="SCAN…", help="Scans to look for.")],
    filters: FilterOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many pages.")] = 12,
    colour: Annotated[
        float, typer.Option("--colour", min=0.0, max=1.0, help="How much colours count beside content, 0 to 1.")
    ] = 0.0,
    model: ModelOption = None,
    device: DeviceOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the pages that look most like a scan."""
    from indexer.cli.showing import print_json, print_table
    from indexer.filters import parse_filter
    from indexer.library.results import SimilarAnswers

    where = parse_filter(filters or [])
    whole = SimilarAnswers([], [])
    with opened(settings_for(library, qdrant, device=device)) as lib:
        lib.check_model(model)
        for begin in range(0, len(scans), _AT_ONCE):
            answer = lib.similar(read_scans(scans[begin : begin + _AT_ONCE]), where=where, limit=limit, colour=colour)
            whole.pages.extend(answer.pages)
            whole.unreadable.extend(answer.unreadable)
    if as_json:
        print_json(whole)
    else:
        for found in whole.pages:
            rows = [
                (p.similarity, p.page.path, p.page.page_number, p.page.label, p.page.group, p.page.cluster)
                for p in found.pages
            ]
            title = f"{found.name}, page {found.page_number}" if len(whole.pages) > 1 else None
            print_table(("similarity", "path", "page", "label", "group", "cluster"), rows, title=title)
    _leave(whole.unreadable)


def read_scans(scans: Sequence[Path]) -> list[Upload]:
    """The files as uploads; UsageError for one that can't be opened."""
    from indexer.errors import UsageError
    from indexer.library import Upload

    uploads = []
    for scan in scans:
        try:
            uploads.append(Upload(str(scan), scan.expanduser().read_bytes()))
        except OSError as exc:
            raise UsageError(
                f"{scan} can't be opened: {exc.strerror or exc}. Check the name and who may read it."
            ) from exc
    return uploads


def _leave(unreadable: Sequence[Unreadable]) -> None:
    from indexer.cli.showing import err

    for bad in unreadable:
        page = f", page {bad.page_number}" if bad.page_number else ""
        err().print(f"{bad.name}{page}: {bad.reason}", markup=False)
    raise typer.Exit(DONE_WITH_SKIPS if unreadable else DONE)
