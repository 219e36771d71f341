"""Commands about documents: `quire documents` proposes, and below it list, decide, accept, compare, export, similar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

from indexer.cli.opening import opened, settings_for
from indexer.cli.options import JsonOption, LibraryOption, QdrantOption, WhoOption

if TYPE_CHECKING:
    from indexer.library.results import Comparison, StreamComparison, StreamProposal, StreamSummary

app = typer.Typer(
    help="Put single pages back together into documents, stream by stream.",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_RULES = "join (to the page before), break (stand alone) or compare (like any page)"

StreamOption = Annotated[
    str,
    typer.Option("--stream", "-s", metavar="STREAM", help="The stream, as `quire documents` names it: root/folder."),
]
AnyStreamOption = Annotated[
    Optional[str],  # noqa: UP045 - typer reads it at run time, in this form on all versions
    typer.Option("--stream", "-s", metavar="STREAM", help="Only this stream, as `quire documents` names it."),
]


@app.callback()
def documents(
    context: typer.Context,
    stream: AnyStreamOption = None,
    by: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--by", metavar="folder|metadata.COLUMN", help="What makes pages a stream; kept for later."),
    ] = None,
    known_count: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--known-count", min=0, help="How many documents --stream holds; 0: nobody knows. Kept."),
    ] = None,
    blanks: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--blanks", metavar="RULE", help=f"What blank pages do: {_RULES}. Kept."),
    ] = None,
    separators: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--separators",
            metavar="FIELD=VALUE",
            help="Which pages are separator sheets or targets, as a filter. Kept.",
        ),
    ] = None,
    separator_rule: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--separator-rule", metavar="RULE", help="What separators do; break unless said otherwise. Kept."),
    ] = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose the documents of all streams, or of one; without a command below, this is what is done."""
    if context.invoked_subcommand is not None:
        return
    from indexer.cli.showing import err, print_json, progress_bar
    from indexer.errors import UsageError

    if known_count is not None and stream is None:
        raise UsageError("A known number of documents is that of one stream; say which with --stream.")
    with opened(settings_for(library, qdrant)) as lib, progress_bar() as progress:
        report = lib.documents.propose_all(
            stream=stream,
            by=by,
            blanks=blanks,
            separators=separators,
            separator_rule=separator_rule,
            progress=progress,
        )
        listed = report.streams
        if known_count is not None and stream is not None:
            lib.documents.set_known_count(stream, known_count or None)
            listed = [one for one in lib.documents.streams() if one.stream == stream]
    if as_json:
        print_json(listed)
        return
    _print_streams(listed)
    for note in report.notes:
        err().print(note, markup=False)


@app.command("list")
def list_documents(
    stream: StreamOption,
    breaks: Annotated[
        bool, typer.Option("--breaks", help="The breaks instead, least certain first, then those decided.")
    ] = False,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """The documents of a stream as they are now, or its breaks to review."""
    from indexer.cli.showing import err, print_json

    with opened(settings_for(library, qdrant)) as lib:
        proposal = lib.documents.propose(stream)
    if as_json:
        print_json(proposal)
        return
    _print_breaks(proposal) if breaks else _print_documents(proposal)
    for note in proposal.notes:
        err().print(note, markup=False)


@app.command("decide")
def decide(
    after: Annotated[list[str], typer.Option("--after", metavar="PAGE_ID", help="The page before; again for more.")],
    cut: Annotated[bool, typer.Option("--break", help="A document begins after that page.")] = False,
    join: Annotated[bool, typer.Option("--join", help="None does: the next page belongs to it.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Take back what was decided there.")] = False,
    who: WhoOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a document begins after a page; the rest of its stream is proposed anew."""
    from indexer.cli.showing import print_json
    from indexer.errors import UsageError
    from indexer.library.results import BreakDecision

    if cut + join + clear != 1:
        raise UsageError("Say one of --break, --join and --clear.")
    decision: Literal["break", "join"] | None = "break" if cut else "join" if join else None
    with opened(settings_for(library, qdrant)) as lib:
        desk = lib.documents
        proposal = desk.decide(desk.stream_of(after[0]), [BreakDecision(one, decision) for one in after], who=who)
    if as_json:
        print_json(proposal)
    else:
        _print_state(proposal)


@app.command("accept")
def accept(
    stream: StreamOption,
    who: WhoOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the proposal for a stream a decision, all of it."""
    from indexer.cli.showing import print_json

    with opened(settings_for(library, qdrant)) as lib:
        proposal = lib.documents.accept(stream, who=who)
    if as_json:
        print_json(proposal)
    else:
        _print_state(proposal)


@app.command("similar")
def similar(
    page_id: Annotated[str, typer.Argument(metavar="PAGE_ID", help="Any page of the document.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many documents.")] = 12,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """The documents most alike to one, by all of their pages."""
    from indexer.cli.showing import print_json, print_table

    with opened(settings_for(library, qdrant)) as lib:
        found = lib.documents.similar_documents(page_id, limit=limit)
    if as_json:
        print_json(found)
    else:
        rows = [(one.similarity, one.document, one.pages, one.first_page.path) for one in found]
        print_table(("similarity", "document", "pages", "first file"), rows)


@app.command("compare")
def compare(
    truth: Annotated[Path, typer.Argument(metavar="TRUTH.csv", help="A CSV with the columns path and document.")],
    stream_column: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--stream-column", metavar="COLUMN", help="The column that names streams; its order is theirs."),
    ] = None,
    setting: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--setting",
            help="threshold, proposed, known-count, decided, one-document, single-pages; again for more.",
        ),
    ] = None,
    spreadsheet: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--spreadsheet", metavar="FILE", help="Write all pages side by side there: .xlsx or .csv."),
    ] = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure several settings against true documents, the field's way, with 95 % intervals."""
    from indexer.cli.showing import err, print_json
    from indexer.library.document_compare import check_spreadsheet, read_truth, save_comparison

    if spreadsheet is not None:
        check_spreadsheet(spreadsheet)
    rows = read_truth(truth, stream_column=stream_column)
    with opened(settings_for(library, qdrant)) as lib:
        comparison = lib.documents.compare(rows, settings=setting or ())
    if spreadsheet is not None:
        save_comparison(comparison, spreadsheet)
        err().print(f"{len(comparison.pages)} pages side by side in {spreadsheet}", markup=False)
    if as_json:
        print_json(comparison)
    else:
        _print_comparison(comparison)


@app.command("export")
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; made if it is not there.")],
    stream: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--stream", "-s", metavar="STREAM", help="Only this stream; again for more."),
    ] = None,
    pdf: Annotated[bool, typer.Option("--pdf/--no-pdf", help="A PDF of each document.")] = True,
    iiif: Annotated[bool, typer.Option("--iiif/--no-iiif", help="A IIIF manifest of each document.")] = True,
    base_url: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--base-url", metavar="URL", help="The service that will show the pages to IIIF viewers."),
    ] = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hand documents over: documents.csv, PDFs and IIIF Presentation 3 manifests."""
    from indexer.cli.showing import print_json, progress_bar

    with opened(settings_for(library, qdrant)) as lib, progress_bar() as progress:
        report = lib.documents.hand_over(
            directory, streams=stream or (), pdf=pdf, iiif=iiif, base_url=base_url, progress=progress
        )
    if as_json:
        print_json(report)
    else:
        print(
            f"{report.documents} documents of {report.pages} pages in {report.directory}: documents.csv, "
            f"{report.pdfs} PDFs, {report.manifests} IIIF manifests."
        )


def _print_streams(listed: Sequence[StreamSummary]) -> None:
    from indexer.cli.showing import print_table

    rows = [(one.stream, one.pages, one.documents, one.decided, one.doubtful) for one in listed]
    print_table(("stream", "pages", "documents", "decided", "doubtful"), rows)


def _print_documents(proposal: StreamProposal) -> None:
    from indexer.cli.showing import print_table
    from indexer.library.document_export import list_rows

    columns = ("document", "first_file", "last_file", "pages", "confidence", "decided", "who")
    rows = [[row[column] for column in columns] for row in list_rows(proposal)]
    print_table([column.replace("_", " ") for column in columns], rows)


def _print_breaks(proposal: StreamProposal) -> None:
    from indexer.cli.showing import print_table

    decided = [place for place, one in enumerate(proposal.breaks) if one.decided is not None]
    rows = []
    for place in [*proposal.review_order, *decided]:
        one, before, following = proposal.breaks[place], proposal.pages[place], proposal.pages[place + 1]
        said = f"{one.decided} ({one.who or 'rule'})" if one.decided else None
        rows.append(
            (one.after, before.path, following.path, "break" if one.is_break else "join", one.probability, said)
        )
    print_table(("after", "file", "next file", "proposed", "chance of a break", "decided"), rows)


def _print_state(proposal: StreamProposal) -> None:
    print(
        f"{proposal.stream}: {len(proposal.documents)} documents in {len(proposal.pages)} pages; "
        f"{proposal.doubtful} doubtful breaks remain."
    )


def _print_comparison(comparison: Comparison) -> None:
    from indexer.cli.showing import err, print_table

    rows = [row for table in [*comparison.streams, comparison.all] for row in _comparison_rows(table)]
    print_table(("stream", "setting", "PQ", "weighted PQ", "page F1", "STP", "MNDD", "documents"), rows)
    for note in comparison.notes:
        err().print(note, markup=False)
    if comparison.unmatched:
        count = len(comparison.unmatched)
        err().print(
            f"{count} paths of the truth are not in the library, such as {comparison.unmatched[0]}", markup=False
        )


def _comparison_rows(table: StreamComparison) -> list[tuple[object, ...]]:
    def with_interval(value: float, bounds: tuple[float, float]) -> str:
        return f"{value:.2f} ({bounds[0]:.2f}–{bounds[1]:.2f})"

    rows: list[tuple[object, ...]] = [
        (
            table.stream,
            one.setting,
            with_interval(one.pq, one.intervals["pq"]),
            with_interval(one.weighted_pq, one.intervals["weighted_pq"]),
            with_interval(one.page_f1, one.intervals["page_f1"]),
            f"{one.stp:.2f}",
            one.mndd,
            one.documents,
        )
        for one in table.settings
    ]
    return [*rows, (table.stream, "real", *["–"] * 5, table.documents)]
