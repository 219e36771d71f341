"""Commands that keep a library: check, backup, restore, and moving it to another store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.exits import DONE, FINDINGS
from indexer.cli.opening import opened, settings_for
from indexer.cli.options import JsonOption, LibraryOption, QdrantOption

if TYPE_CHECKING:
    from indexer.library.results import BackupReport, CheckReport


def check(
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended from the scans and the decisions.")
    ] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Open every thumbnail, not a sample of them.")] = False,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the whole library and say what is not as it should be. Ends with 0 where it is sound, with 12 where damage is left."""
    from indexer.cli.showing import print_json, progress_bar
    from indexer.errors import LibraryBusyError
    from indexer.library.examining import check_library

    settings = settings_for(library, qdrant)
    with progress_bar() as progress:
        try:
            report = check_library(settings, repair=repair, deep=deep, progress=progress)
        except LibraryBusyError:
            # The service that holds the library looks at it from inside; only one who holds it alone may mend its files.
            if repair:
                raise
            with opened(settings) as lib:
                report = lib.check(deep=deep, progress=progress)
    if as_json:
        print_json(report)
    else:
        _print_check(report)
    raise typer.Exit(DONE if report.is_clean else FINDINGS)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar", help="The file to write; it must not exist yet.")],
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the whole library but the scans into one file, while it may be in use; names and moves wait until it is done."""
    from indexer.cli.showing import print_json, progress_bar

    with opened(settings_for(library, qdrant)) as lib, progress_bar() as progress:
        report = lib.backup(file.expanduser().resolve(), progress=progress)
    if as_json:
        print_json(report)
    else:
        _print_backup(report, f"backed up to {report.file}")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar", help="A file that `quire backup` wrote.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup into an empty place, --library, where it becomes an embedded library."""
    from indexer.cli.opening import said_before
    from indexer.cli.showing import print_json, progress_bar
    from indexer.errors import UsageError
    from indexer.library.restoring import restore_library

    directory = library or said_before.get().library
    if directory is None:
        raise UsageError(
            "Say where the library goes: quire restore FILE.tar --library DIR, an empty directory or none yet."
        )
    with progress_bar() as progress:
        report = restore_library(file.expanduser(), directory, progress=progress)
    if as_json:
        print_json(report)
    else:
        _print_backup(report, f"restored to {report.library}")


def move_library(
    to: str, *, name: str | None, copy: bool, library: Path | None, qdrant: str | None, as_json: bool
) -> None:
    """What `quire move` without pages does: the library itself goes to another store."""
    from indexer.cli.showing import duration, err, out, print_json, progress_bar
    from indexer.errors import UsageError

    if "://" not in to and "/" not in to and not to.startswith((".", "~")):
        raise UsageError(
            f"No page was given to move to {to!r}. To move the library itself, give a Qdrant server (http://qdrant:6333) or a "
            f"directory (./{to})."
        )
    with opened(settings_for(library, qdrant)) as lib, progress_bar() as progress:
        report = lib.relocate(to, name=name, switch=not copy, progress=progress)
    if as_json:
        print_json(report)
        return
    out().print(
        f"{report.points} points and {report.decisions} decisions are equal in {report.source} and {report.target}; {report.copied} "
        f"points were written, {report.removed} removed. Took {duration(report.seconds)}.",
        markup=False,
    )
    if report.note:
        err().print(report.note, markup=False)


def _print_check(report: CheckReport) -> None:
    from indexer.cli.showing import duration, out

    console = out()
    for found in report.findings:
        word = "mended" if found.is_repaired else "DAMAGE" if found.is_damage else "note"
        console.print(f"{word:>7}  {found.text}  [{found.code}]", markup=False)
        shown = ", ".join(found.examples) + (" …" if found.count > len(found.examples) else "")
        console.print(f"{'':>7}  {shown}", markup=False)
        if not found.is_repaired:
            console.print(f"{'':>7}  {found.next_step}", markup=False)
    looked = f"{report.pages} pages and {report.thumbnails_opened} thumbnails looked at in {duration(report.seconds)}"
    left = sum(found.is_damage and not found.is_repaired for found in report.findings)
    console.print(f"{looked}: {'no damage' if report.is_clean else f'{left} kinds of damage'}.", markup=False)


def _print_backup(report: BackupReport, what: str) -> None:
    from indexer.cli.showing import duration, out, size

    out().print(
        f"{report.pages} pages, {report.decisions} decisions and {report.thumbnails} thumbnails {what} "
        f"({size(report.bytes)}). Took {duration(report.seconds)}.",
        markup=False,
    )
