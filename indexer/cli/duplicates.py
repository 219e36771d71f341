"""Commands about near-duplicates: `quire duplicates` looks for them, and below it list and apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from indexer.cli.choosing import PAGES_HELP, find_pages
from indexer.cli.opening import opened, settings_for
from indexer.cli.options import JsonOption, LibraryOption, QdrantOption, WhoOption

if TYPE_CHECKING:
    from indexer.library.results import DuplicateList

app = typer.Typer(
    help="Find pages that were scanned twice.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

TableOption = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads it at run time, in this form on all versions
    typer.Option("--table", metavar="FILE.csv", help="Write all sets there, one line a page."),
]
_COLUMNS = ("set", "page_id", "root", "path", "page_number", "similarity", "exact", "width_px", "height_px", "bytes")


@app.callback()
def duplicates(
    context: typer.Context,
    min_similarity: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--min-similarity", help="Compare the pictures of pages from this cosine on [default: 0.6]."),
    ] = None,
    min_agreement: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--min-agreement", help="How well pictures agree that are one, 0 to 1 [default: 0.64]."),
    ] = None,
    table: TableOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for near-duplicates among all pages and list them; without a command below, this is what is done."""
    if context.invoked_subcommand is not None:
        return
    from indexer.analysis.hashing import SAME_PICTURE
    from indexer.cli.showing import duration, err, progress_bar
    from indexer.library.duplicates import MIN_SIMILARITY

    with opened(settings_for(library, qdrant)) as lib, progress_bar() as progress:
        report = lib.duplicates.find(
            min_similarity=MIN_SIMILARITY if min_similarity is None else min_similarity,
            min_agreement=SAME_PICTURE if min_agreement is None else min_agreement,
            progress=progress,
        )
        found = lib.duplicates.list()
    _show(found, table=table, as_json=as_json)
    err().print(f"{report.compared} pairs of pictures compared ({duration(report.seconds)}).", markup=False)


@app.command("list")
def list_duplicates(
    table: TableOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """The sets as they were found last, less what was decided since."""
    with opened(settings_for(library, qdrant)) as lib:
        found = lib.duplicates.list()
    _show(found, table=table, as_json=as_json)


@app.command("apart")
def apart(
    page_ids: Annotated[list[str], typer.Argument(metavar="PAGE…", help=f"Two or more. {PAGES_HELP}")],
    who: WhoOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that no two of these pages are duplicates; remembered, and undone by `quire undo`."""
    from indexer.cli.showing import print_json

    with opened(settings_for(library, qdrant)) as lib:
        report = lib.duplicates.apart(find_pages(lib, page_ids), who=who)
    if as_json:
        print_json(report)
    else:
        print(f"{len(report.page_ids)} pages are no duplicates of each other (decision {report.entry}).")


def _show(found: DuplicateList, *, table: Path | None, as_json: bool) -> None:
    from indexer.cli.showing import err, print_json, print_table

    rows = _rows(found)
    if table is not None:
        _write(rows, table)
        err().print(f"{found.total} sets in {table}", markup=False)
    if as_json:
        print_json(found)
        return
    if found.made is None:
        err().print("Nothing was looked for yet: `quire duplicates` does.", markup=False)
    else:
        shown = [(row[0], row[5], "exact" if row[6] == "yes" else None, row[3], row[4], row[1]) for row in rows]
        if shown:
            print_table(("set", "similarity", "copy", "file", "page", "id"), shown)
        err().print(f"{found.total} sets of {found.pages} pages.", markup=False)


def _rows(found: DuplicateList) -> list[tuple[object, ...]]:
    return [
        (
            number,
            one.page.page_id,
            one.page.root,
            one.page.path,
            one.page.page_number,
            one.similarity,
            "yes" if a_set.is_exact else "no",
            one.page.width_px,
            one.page.height_px,
            one.page.bytes,
        )
        for number, a_set in enumerate(found.sets, start=1)
        for one in a_set.pages
    ]


def _write(rows: list[tuple[object, ...]], file: Path) -> None:
    import csv
    import io

    from indexer.output.files import written_whole

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(rows)
    with written_whole(file) as draft:
        draft.write_text(text.getvalue(), encoding="utf-8")
