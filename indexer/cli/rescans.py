"""Commands about scans that should be made again: `quire rescan-list`, and below it add, fine, clear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from indexer.cli.choosing import PAGES_HELP, find_pages
from indexer.cli.opening import opened, settings_for
from indexer.cli.options import FilterOption, JsonOption, LibraryOption, QdrantOption, WhoOption

if TYPE_CHECKING:
    from indexer.cli.remote import RemoteLibrary
    from indexer.library import Library
    from indexer.library.results import RescanLine
    from indexer.values import PageFilter

app = typer.Typer(
    help="List pages that should be scanned again.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_AT_A_TIME = 200
PageIds = Annotated[list[str], typer.Argument(metavar="PAGE…", help=PAGES_HELP)]


@app.callback()
def rescan_list(
    context: typer.Context,
    flags: Annotated[
        Optional[str],  # noqa: UP045 - typer reads it at run time, in this form on all versions
        typer.Option(
            "--flags",
            metavar="FLAG[,FLAG…]",
            help="Reasons to scan again; default: blurred, cut-edge, dark, skewed, upside-down.",
        ),
    ] = None,
    filters: FilterOption = None,
    only_open: Annotated[bool, typer.Option("--open", help="Without lines that are ticked or fine.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="A file instead: .csv, .json or .parquet.")
    ] = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the rescan list as CSV in shelf order; a line is ticked when a new scan came under the same path."""
    if context.invoked_subcommand is not None:
        return
    from indexer.cli.showing import err, print_json
    from indexer.filters import parse_filter
    from indexer.library.rescans import RESCAN_COLUMNS, rescan_row
    from indexer.output.tables import write_table

    wanted = flags.split(",") if flags else None
    with opened(settings_for(library, qdrant)) as lib:
        lines = list(_walk(lib, wanted, parse_filter(filters or []), only_open=only_open))
    if out is not None:
        write_table(map(rescan_row, lines), out, columns=RESCAN_COLUMNS)
    elif as_json:
        print_json(lines)
    else:
        _print_csv(lines)
    done = sum(line.state == "done" for line in lines)
    opens = sum(line.state in ("open", "again") for line in lines)
    where = f" in {out}" if out else ""
    err().print(f"{opens} pages to scan again, {done} rescanned{where}.", markup=False)


@app.command("add")
def add(
    page_ids: PageIds,
    note: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--note", metavar="TEXT", help="What is wrong, for the one at the scanner."),
    ] = None,
    who: WhoOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put pages on the list by hand, whatever their flags; undone by `quire undo`."""
    _say(page_ids, True, note=note, who=who, library=library, qdrant=qdrant, as_json=as_json)


@app.command("fine")
def fine(
    page_ids: PageIds,
    note: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--note", metavar="TEXT", help="Why."),
    ] = None,
    who: WhoOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that pages are fine as scanned, whatever their flags; it counts until another scan of them comes."""
    _say(page_ids, False, note=note, who=who, library=library, qdrant=qdrant, as_json=as_json)


@app.command("clear")
def clear(
    page_ids: PageIds,
    who: WhoOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the flags of pages decide again."""
    _say(page_ids, None, note=None, who=who, library=library, qdrant=qdrant, as_json=as_json)


def _say(
    page_ids: Sequence[str],
    wanted: bool | None,
    *,
    note: str | None,
    who: str | None,
    library: Path | None,
    qdrant: str | None,
    as_json: bool,
) -> None:
    from indexer.cli.showing import print_json

    with opened(settings_for(library, qdrant)) as lib:
        report = lib.rescans.say(find_pages(lib, page_ids), wanted, note=note, who=who)
    if as_json:
        print_json(report)
        return
    said = {True: "are on the rescan list", False: "are fine as scanned", None: "are judged by their flags again"}[
        wanted
    ]
    print(f"{len(report.page_ids)} pages {said} (decision {report.entry}).")


def _walk(
    lib: Library | RemoteLibrary, flags: Sequence[str] | None, where: PageFilter, *, only_open: bool
) -> Iterator[RescanLine]:
    cursor: str | None = None
    while True:
        found = lib.rescans.list(flags=flags, where=where, only_open=only_open, limit=_AT_A_TIME, cursor=cursor)
        yield from found.lines
        cursor = found.next_cursor
        if cursor is None:
            return


def _print_csv(lines: Sequence[RescanLine]) -> None:
    import sys

    from indexer.library.rescans import RESCAN_COLUMNS, rescan_row
    from indexer.output.tables import render_csv

    sys.stdout.write(render_csv(map(rescan_row, lines), columns=RESCAN_COLUMNS, line_end="\n"))
