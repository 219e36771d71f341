"""Commands about what clustering anew left open: questions, answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from indexer.cli.opening import opened, settings_for
from indexer.cli.options import JsonOption, LibraryOption, QdrantOption, WhoOption

if TYPE_CHECKING:
    from indexer.library.results import Question


def questions(library: LibraryOption = None, qdrant: QdrantOption = None, as_json: JsonOption = False) -> None:
    """List what the last clustering could not decide about names, with the evidence."""
    from indexer.cli.showing import err, print_json, print_table

    with opened(settings_for(library, qdrant)) as lib:
        listed = lib.questions()
    if as_json:
        print_json(listed)
        return
    rows = [(q.number, q.kind, q.cluster if q.cluster >= 0 else None, q.pages, q.suggestion, q.text) for q in listed]
    print_table(("number", "kind", "cluster", "pages", "likely", "question"), rows)
    err().print(_how(listed))


def answer(
    question: Annotated[int, typer.Argument(metavar="NUMBER", help="Which, as `quire questions` numbers them.")],
    group: Annotated[
        Optional[str],  # noqa: UP045 - typer reads it at run time, in this form on all versions
        typer.Argument(metavar="[GROUP]", help="What its cluster is called; none: as it suggests."),
    ] = None,
    cluster: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--cluster", min=0, help="Another cluster than the one it is about."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Its pages keep the group that they have.")] = False,
    who: WhoOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question about names: `quire answer 2 drawings`, or `quire answer 2 --keep`."""
    from indexer.cli.showing import print_json

    with opened(settings_for(library, qdrant)) as lib:
        report = lib.answer(question, group=group, cluster=cluster, keep=keep, who=who)
    if as_json:
        print_json(report)
    elif keep:
        print(f"{report.pages} pages keep the group they have (decision {report.entry}).")
    else:
        numbers = ", ".join(map(str, report.clusters))
        print(f"Cluster {numbers}: {report.pages} pages are now in the group {report.group} (decision {report.entry}).")


def print_questions(listed: Sequence[Question]) -> None:
    """What only a person can decide, on stderr."""
    from indexer.cli.showing import err

    for question in listed:
        err().print(f"? {question.number}: {question.text}", markup=False)
    if listed:
        err().print(_how(listed))


def _how(listed: Sequence[Question]) -> str:
    if not listed:
        return "No question is open."
    return "Answer with `quire answer NUMBER GROUP` or `--keep`; until then these pages keep the group they had."
