"""Commands about words: search, and reading the text on pages."""

from __future__ import annotations

from typing import Annotated, Literal, Optional

import typer

from indexer.cli.exits import DONE, DONE_WITH_SKIPS
from indexer.cli.opening import opened, settings_for
from indexer.cli.options import DeviceOption, FilterOption, JsonOption, LibraryOption, QdrantOption


def search(
    text: Annotated[list[str], typer.Argument(metavar="TEXT…", help="What to look for, in words.")],
    filters: FilterOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many pages.")] = 12,
    by: Annotated[
        Optional[Literal["looks", "text", "both"]],  # noqa: UP045
        typer.Option(
            "--in", help="What the pages show, the text on them, or both in one list [default: what the library has]."
        ),
    ] = None,
    device: DeviceOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find pages by a description of what they show, by the text on them, or by both."""
    from indexer.cli.showing import err, print_json, print_table
    from indexer.filters import parse_filter

    where = parse_filter(filters or [])
    with opened(settings_for(library, qdrant, device=device)) as lib:
        found = lib.words.search(" ".join(text), where=where, limit=limit, by=by)
    if as_json:
        print_json(found)
        return
    if found.note:
        err().print(found.note, markup=False)
    if found.by == "looks":
        rows = [
            (p.similarity, p.page.path, p.page.page_number, p.page.label, p.page.group, p.page.cluster)
            for p in found.pages
        ]
        print_table(("similarity", "path", "page", "label", "group", "cluster"), rows)
        return
    columns = ("similarity", "words") if found.by == "both" else ("words",)
    print_table(
        (*columns, "path", "page", "label", "group", "text"),
        [
            (
                *(getattr(p, column) for column in columns),
                p.page.path,
                p.page.page_number,
                p.page.label,
                p.page.group,
                "".join(f"[{part.text}]" if part.is_match else part.text for part in p.snippet),
            )
            for p in found.pages
        ],
    )


def read_text(
    engine: Annotated[
        Optional[Literal["rapidocr", "tesseract"]],  # noqa: UP045
        typer.Option("--engine", help="What reads: RapidOCR, or the program Tesseract [default: rapidocr]."),
    ] = None,
    languages: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--languages", metavar="deu+ces", help="For Tesseract [default: all that are installed]."),
    ] = None,
    filters: FilterOption = None,
    limit: Annotated[Optional[int], typer.Option("--limit", min=1, help="Read at most so many pages.")] = None,  # noqa: UP045
    again: Annotated[bool, typer.Option("--again", help="Read pages anew that were read before.")] = False,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the text on pages (OCR), so that `search` finds them by it; again later: only what is new or changed."""
    from indexer.cli.showing import duration, out, print_json, print_skips, progress_bar
    from indexer.filters import parse_filter

    where = parse_filter(filters or [])
    with opened(settings_for(library, qdrant)) as lib, progress_bar() as progress:
        report = lib.words.read_text(
            engine=engine, languages=languages, where=where, limit=limit, again=again, progress=progress
        )
    if as_json:
        print_json(report)
    else:
        out().print(
            f"{report.read} pages read by {report.engine}, {report.with_text} of them with text; {report.waiting} are still to be read. "
            f"Took {duration(report.seconds)}.",
            markup=False,
        )
    print_skips(report.skipped)
    raise typer.Exit(DONE_WITH_SKIPS if report.skipped else DONE)
