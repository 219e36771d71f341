"""The command about class balance: balance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from indexer.cli.opening import opened, settings_for
from indexer.cli.options import JsonOption, LibraryOption, QdrantOption

if TYPE_CHECKING:
    from indexer.library.results import BalanceReport, MisplacedList

_FIELDS = "label, cluster, group, document, notebook (first folder), flags, root, metadata.NAME"
_COLUMNS_SHOWN = 16


def balance(
    by: Annotated[str, typer.Option("--by", metavar="FIELD", help=f"What is looked at: {_FIELDS}.")] = "label",
    against: Annotated[str, typer.Option("--against", metavar="FIELD", help="What it is compared with.")] = "cluster",
    misplaced: Annotated[
        int, typer.Option("--misplaced", min=0, max=1000, help="List so many pages among the wrong neighbours.")
    ] = 10,
    neighbours: Annotated[
        int, typer.Option("--neighbours", min=1, max=100, help="How many neighbours are asked.")
    ] = 10,
    min_share: Annotated[
        Optional[float],  # noqa: UP045 - typer reads it at run time, in this form on all versions
        typer.Option("--min-share", help="How many of them must agree on another value, above 0.5 [default: 0.6]."),
    ] = None,
    png: Annotated[Path | None, typer.Option("--png", metavar="FILE", help="Draw bars and table as a picture.")] = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count pages by label, group and notebook; show how labels and clusters agree, and pages among the wrong neighbours."""
    from indexer.cli.showing import err, print_json
    from indexer.library.balance import MIN_SHARE
    from indexer.output.files import written_whole

    share = MIN_SHARE if min_share is None else min_share
    found: MisplacedList | None = None
    with opened(settings_for(library, qdrant)) as lib:
        report = lib.balance.report(by=by, against=against)
        if misplaced:
            found = lib.balance.misplaced(by=by, neighbours=neighbours, min_share=share, limit=misplaced)
        picture = lib.balance.picture(by=by, against=against) if png is not None else b""
    if png is not None:
        with written_whole(png) as draft:
            draft.write_bytes(picture)
        err().print(f"Written: {png}", markup=False)
    if as_json:
        print_json({"report": report, "misplaced": found})
        return
    _print_report(report)
    if found is not None:
        _print_misplaced(found)


def _print_report(report: BalanceReport) -> None:
    from indexer.cli.showing import err, print_table

    for field, shares in report.shares.items():
        rows = [(share.value or "(none)", share.pages, f"{share.share:.1%}") for share in shares]
        if rows:
            print_table((field, "pages", "share"), rows)
    table = report.table
    if not table.pages:
        err().print(f"No page has both a {table.by} and a {table.against}.", markup=False)
        return
    columns: Sequence[str] = table.columns[:_COLUMNS_SHOWN]
    cells = [(name, *counts[:_COLUMNS_SHOWN]) for name, counts in zip(table.rows, table.counts, strict=True)]
    print_table((f"{table.by} / {table.against}", *columns), cells)
    hidden = len(table.columns) - len(columns)
    more = f" ({hidden} more columns with --json)" if hidden else ""
    err().print(
        f"{table.pages} pages: purity {table.purity:.3f}, NMI {table.nmi:.3f}, ARI {table.ari:.3f}{more}.", markup=False
    )


def _print_misplaced(found: MisplacedList) -> None:
    from indexer.cli.showing import err, print_table

    rows = [(p.value, p.around, p.share, p.page.path, p.page.page_number, p.page.page_id) for p in found.pages]
    if rows:
        print_table((found.by, "around it", "share", "path", "page", "page_id"), rows)
    err().print(f"{found.total} of {found.examined} pages looked at sit among the wrong neighbours.", markup=False)
