"""Commands that hand pages over and take decisions in: export, import."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from indexer.cli.exits import DONE, DONE_WITH_SKIPS
from indexer.cli.opening import opened, settings_for
from indexer.cli.options import FilterOption, JsonOption, LibraryOption, QdrantOption, WhoOption


class FileHow(StrEnum):
    """How files are handed over."""

    COPY = "copy"
    LINK = "link"
    NONE = "none"


def export(
    directory: Annotated[Path, typer.Argument(metavar="OUT", help="A folder outside the scans.")],
    group: Annotated[
        str | None, typer.Option("--group", help="Only pages of this group; short for --filter group=….")
    ] = None,
    filters: FilterOption = None,
    files: Annotated[FileHow, typer.Option("--files", help="Copies, hard links, or only the table.")] = FileHow.COPY,
    table: Annotated[
        str, typer.Option("--table", metavar="NAME", help="The table's name: .csv, .json or .parquet.")
    ] = "pages.csv",
    vectors: Annotated[bool, typer.Option("--vectors", help="The embeddings too, as vectors.parquet.")] = False,
    texts: Annotated[bool, typer.Option("--texts", help="What was read on the pages too, as texts.jsonl.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be handed over; write nothing.")] = False,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hand pages over: their files with their folders, and a table of all that is known of them."""
    from dataclasses import replace

    from indexer.cli.showing import out, print_json, print_skips, progress_bar, size
    from indexer.filters import parse_filter
    from indexer.library.exporting import export_pages
    from indexer.values import Condition, PageFilter

    where = parse_filter(filters or [])
    if group is not None:
        where = replace(where, conditions=(*where.conditions, Condition("group", "=", (group,))))
    with opened(settings_for(library, qdrant)) as lib, progress_bar() as progress:
        report = export_pages(
            lib,
            directory,
            where=PageFilter(where.conditions),
            files=files.value,
            table=table,
            dry_run=dry_run,
            progress=progress,
        )
        if vectors and not dry_run:
            lib.export_vectors(directory / "vectors.parquet", where=where)
        if texts and not dry_run:
            lib.words.export_texts(directory / "texts.jsonl", where=where)
    if as_json:
        print_json(report)
    else:
        verb = "Would hand over" if dry_run else "Handed over"
        out().print(
            f"{verb} {report.pages} pages in {report.files} files ({size(report.bytes)}) to {report.directory}.",
            markup=False,
        )
    print_skips(report.left_out)
    raise typer.Exit(DONE_WITH_SKIPS if report.left_out else DONE)


def import_decisions(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV, JSON or Parquet: page_id or path, and group.")],
    documents: Annotated[
        bool, typer.Option("--documents", help="The column document too: pages are cut where it differs, else joined.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be moved; decide nothing.")] = False,
    who: WhoOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take decisions in from a table, as `quire export` writes it: pages whose group differs are moved."""
    from indexer.cli.showing import out, print_json, progress_bar
    from indexer.library.importing import import_groups, read_rows

    rows = read_rows(table)
    with opened(settings_for(library, qdrant)) as lib, progress_bar() as progress:
        desk = lib.documents if documents else None
        report = import_groups(lib, rows, documents=desk, who=who, dry_run=dry_run, progress=progress)
    if as_json:
        print_json(report)
        return
    moved = ", ".join(f"{count} to {group or 'their cluster'}" for group, count in report.moved.items()) or "none"
    out().print(f"{report.rows} rows read; pages {'to move' if dry_run else 'moved'}: {moved}.", markup=False)
    if documents:
        out().print(f"{report.breaks} places between pages {'to cut or join' if dry_run else 'cut or joined'}.")
