"""Commands about clusters, groups and decisions: cluster, clusters, name, move, history, undo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from indexer.cli.choosing import PAGES_HELP, find_pages
from indexer.cli.opening import opened, settings_for
from indexer.cli.options import JsonOption, LibraryOption, QdrantOption, WhoOption
from indexer.cli.questions import print_questions
from indexer.cli.sheets import SheetFormat

if TYPE_CHECKING:
    from indexer.cli.remote import RemoteLibrary
    from indexer.library import Library
    from indexer.library.results import Cluster
    from indexer.settings import Settings


def cluster(
    k: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("-k", "--k", metavar="K[,K…]", help="How many clusters; several, to see which fits."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same clusters.")] = 0,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="FILE.png", help="With several k: draw what speaks for each there."),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="looks|meaning", help="What pages must be alike in: how they look, or what they are called."
        ),
    ] = "looks",
    distance_threshold: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--distance-threshold",
            metavar="D[,D…]",
            help="By meaning: how far apart names in a cluster may be, as cosine distance [default: 0.43]; several, to compare.",
        ),
    ] = None,
    word_vectors: Annotated[
        Path | None,
        typer.Option(
            "--word-vectors",
            metavar="FILE",
            help="By meaning: vectors of words, as word2vec or GloVe text; none: the model's own.",
        ),
    ] = None,
    names: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--names", metavar="label|metadata.NAME", help="By meaning: where pages have their names [default: label]."
        ),
    ] = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put pages that look alike into clusters, or with --by meaning those whose names mean much the same. With several k, only compare."""
    from indexer.cli.meaning import cluster_by_meaning
    from indexer.cli.showing import print_json, progress_bar
    from indexer.errors import UsageError

    settings = settings_for(library, qdrant)
    if by == "meaning":
        if k is not None:
            raise UsageError("By meaning, the threshold decides how many clusters there are; leave -k away.")
        cluster_by_meaning(settings, distance_threshold, names, word_vectors, as_json=as_json)
        return
    if by != "looks" or distance_threshold or word_vectors or names:
        raise UsageError(
            "--distance-threshold, --word-vectors and --names are for --by meaning; the other way is --by looks."
        )
    if k is None:
        raise UsageError("Say how many clusters: -k 16; or several, to see which fits: -k 4,8,16.")
    numbers = parse_numbers(k)
    if len(numbers) > 1:
        _compare_ks(settings, numbers, seed=seed, picture=picture, as_json=as_json)
        return
    if picture is not None:
        raise UsageError("--picture compares several numbers of clusters: -k 4,8,16.")
    with opened(settings) as lib, progress_bar() as progress:
        report = lib.cluster(numbers[0], seed=seed, progress=progress)
    if as_json:
        print_json(report)
    else:
        print_clusters(report.clusters)
        print_questions(report.questions)


def clusters(
    sheets: Annotated[
        Path | None, typer.Option("--sheets", metavar="DIR", help="Write a contact sheet of each cluster there.")
    ] = None,
    sheet_pages: Annotated[int, typer.Option("--sheet-pages", min=1, max=400, help="The most pages on a sheet.")] = 60,
    suggest: Annotated[
        bool,
        typer.Option(
            "--suggest", help="Say in words what each looks like; nothing is named. The model must know words."
        ),
    ] = False,
    words: Annotated[
        Path | None,
        typer.Option("--words", metavar="FILE", help="With --suggest: the words to choose from, one a line."),
    ] = None,
    sheet_format: Annotated[
        SheetFormat, typer.Option("--sheet-format", help="A picture, A4 pages, or one HTML file.")
    ] = SheetFormat.PNG,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """List clusters: sizes, names, exemplars, what they look like in words; and write contact sheets."""
    from dataclasses import replace

    from indexer.cli.showing import err, print_json
    from indexer.errors import UsageError
    from indexer.library.suggesting import read_words

    if words is not None and not suggest:
        raise UsageError("--words FILE is what --suggest chooses from; give both.")
    with opened(settings_for(library, qdrant)) as lib:
        listed = lib.clusters()
        if suggest:
            found = lib.words.suggest(read_words(words) if words is not None else None)
            like = {one.cluster: one.words for one in found}
            listed = [replace(one, looks_like=like.get(one.cluster, [])) for one in listed]
        questions = lib.questions()
        if sheets is not None:
            written = write_sheets(lib, listed, sheets, kind=sheet_format.value, pages=sheet_pages)
    if as_json:
        print_json(listed)
    else:
        print_clusters(listed)
        print_questions(questions)
    if sheets is not None:
        err().print(f"{written} contact sheets in {sheets}", markup=False)


def name(
    words: Annotated[
        list[str], typer.Argument(metavar="CLUSTER… GROUP", help="Cluster numbers, then the group's name.")
    ],
    clear: Annotated[bool, typer.Option("--clear", help="Take the names of these clusters away.")] = False,
    who: WhoOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give one name to several clusters: `quire name 3 7 12 drawings`."""
    from indexer.cli.showing import print_json
    from indexer.errors import UsageError

    numbers = words if clear else words[:-1]
    if not numbers:
        raise UsageError("Name clusters like this: quire name 3 7 12 drawings.")
    chosen = [n for word in numbers for n in parse_numbers(word)]
    with opened(settings_for(library, qdrant)) as lib:
        report = lib.name_clusters(chosen, None if clear else words[-1], who=who)
    if as_json:
        print_json(report)
    else:
        group = f"the group {report.group}" if report.group else "no group"
        named = ", ".join(map(str, report.clusters))
        several = "s" if len(report.clusters) > 1 else ""
        print(f"Cluster{several} {named}: {report.pages} pages are now in {group} (decision {report.entry}).")


def move(
    page_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[PAGE]…", help=f"{PAGES_HELP} None: the library itself.")
    ] = None,
    to: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--to", metavar="GROUP|URL|DIR", help="The group; for the library itself, a Qdrant server or a directory."
        ),
    ] = None,
    back: Annotated[bool, typer.Option("--back", help="Let the pages follow their cluster again.")] = False,
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--name", metavar="NAME", help="What the library is called on the server."),
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the library, and go on with this one.")] = False,
    who: WhoOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put pages into a group by hand, which outranks their cluster; or, without pages, move the library to another store."""
    from indexer.cli.keeping import move_library
    from indexer.cli.showing import print_json
    from indexer.errors import UsageError

    if not page_ids and to is not None:
        move_library(to, name=name, copy=copy, library=library, qdrant=qdrant, as_json=as_json)
        return
    if not page_ids or name is not None or copy:
        raise UsageError(
            "Say what to move: pages by page_id or path, or the library itself with --to http://qdrant:6333."
        )
    if (to is None) == (not back):
        raise UsageError("Say where the pages go: --to GROUP, or --back to let them follow their cluster.")
    with opened(settings_for(library, qdrant)) as lib:
        report = lib.move_pages(find_pages(lib, page_ids), to, who=who)
    if as_json:
        print_json(report)
    else:
        print(f"{report.pages} pages moved (decision {report.entry}).")


def history(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many, newest first.")] = 50,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Who decided what, and when."""
    from indexer.cli.showing import print_json, print_table

    with opened(settings_for(library, qdrant)) as lib:
        entries = lib.history(limit=limit)
    if as_json:
        print_json(entries)
    else:
        rows = [(e.entry, e.when, e.who, e.text + (" (undone)" if e.undone else "")) for e in entries]
        print_table(("entry", "when", "who", "what"), rows)


def undo(
    entry: Annotated[Optional[int], typer.Argument(metavar="[ENTRY]", help="Which decision; none: the newest.")] = None,  # noqa: UP045
    who: WhoOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back a decision."""
    from indexer.cli.showing import print_json

    with opened(settings_for(library, qdrant)) as lib:
        undone = lib.undo(entry, who=who)
    if as_json:
        print_json(undone)
    else:
        print(f"Taken back: {undone.text} (decision {undone.entry} by {undone.who}).")


def _compare_ks(settings: Settings, numbers: Sequence[int], *, seed: int, picture: Path | None, as_json: bool) -> None:
    """What speaks for each k, as a table and a picture."""
    from indexer.cli.showing import err, print_json, print_table, progress_bar
    from indexer.library.choosing_k import draw_choice
    from indexer.output.charts import check_chart_name, save_chart

    if picture is not None:
        check_chart_name(picture)
    with opened(settings) as lib, progress_bar() as progress:
        choices = lib.choose_k(numbers, seed=seed, progress=progress)
        if picture is not None:
            save_chart(draw_choice(choices, name=lib.status().name), picture)
    if as_json:
        print_json(choices)
    else:
        rows = [
            (c.k, c.silhouette, c.inertia, "knee" if c.is_knee else None, c.stability, c.agreement) for c in choices
        ]
        print_table(("k", "silhouette", "inertia", "", "stability", "agreement"), rows)
    if picture is not None:
        err().print(f"Written: {picture}", markup=False)


def parse_numbers(text: str) -> list[int]:
    """`4,8,16` as numbers; UsageError for anything else."""
    from indexer.errors import UsageError

    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise UsageError(f"{text!r} is no number, nor several with commas between them, such as 4,8,16.") from None


def print_clusters(listed: Sequence[Cluster]) -> None:
    """Clusters as a table."""
    from indexer.cli.showing import err, print_table

    if not listed:
        err().print("There are no clusters yet; make them with `quire cluster -k 16`.")
        return
    rows = [(c.cluster, c.size, c.group, c.similarity_median, c.inertia, tell_members(c)) for c in listed]
    members = "looks like" if listed[0].looks_like else "names" if listed[0].names else "exemplars"
    print_table(("cluster", "pages", "group", "median", "inertia", members), rows)


def tell_members(found: Cluster) -> str:
    """What is in a cluster: what it looks like where that was asked, its names where it has some, else its first exemplars."""
    if found.looks_like:
        return ", ".join(f"{one.word} {one.similarity:.2f}" for one in found.looks_like)
    return ", ".join(found.names or found.exemplar_paths[:2])


def write_sheets(
    library: Library | RemoteLibrary, listed: Sequence[Cluster], directory: Path, *, kind: str, pages: int
) -> int:
    """A contact sheet of each cluster: exemplars first, outliers last."""
    from indexer.output.files import written_whole
    from indexer.values import Condition, PageFilter

    directory.mkdir(parents=True, exist_ok=True)
    for found in listed:
        where = PageFilter((Condition("cluster", "=", (found.cluster,)),))
        if found.size:
            data = library.contact_sheet(kind, where=where, limit=pages)
            with written_whole(directory / f"cluster-{found.cluster:03d}.{kind}") as draft:
                draft.write_bytes(data)
    return len(listed)
