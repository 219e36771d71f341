"""All commands, in the order that a person meets them. Nothing heavy is imported here: `quire --help` answers at once."""

from __future__ import annotations

from typing import Annotated

import typer

from indexer.cli import (
    answers,
    balance,
    clusters,
    documents,
    duplicates,
    exporting,
    keeping,
    learning,
    maps,
    pages,
    questions,
    rescans,
    serving,
    sheets,
    words,
)
from indexer.cli.exits import exit_border
from indexer.cli.opening import Place, said_before
from indexer.cli.options import LibraryOption, QdrantOption

app = typer.Typer(
    name="quire",
    help="Find, sort and gather scanned pages.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run `quire`; errors leave as a message and an exit status."""
    with exit_border():
        app()


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"quire {version('quire')}")
        raise typer.Exit


@app.callback()
def _before(
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    said_before.set(Place(library, qdrant))


app.command("index")(pages.index)
app.command("cluster")(clusters.cluster)
app.command("clusters")(clusters.clusters)
app.command("sheet")(sheets.sheet)
app.command("name")(clusters.name)
app.command("questions")(questions.questions)
app.command("answer")(questions.answer)
app.command("classify")(answers.classify)
app.command("similar")(answers.similar)
app.command("search")(words.search)
app.command("read-text")(words.read_text)
app.command("pages")(pages.pages)
app.add_typer(documents.app, name="documents")
app.add_typer(duplicates.app, name="duplicates")
app.add_typer(rescans.app, name="rescan-list")
app.command("finetune")(learning.finetune)
app.command("evaluate")(learning.evaluate)
app.add_typer(learning.models_app, name="models")
app.command("move")(clusters.move)
app.command("map")(maps.make_map)
app.command("wall")(maps.make_wall)
app.command("balance")(balance.balance)
app.command("history")(clusters.history)
app.command("undo")(clusters.undo)
app.command("export")(exporting.export)
app.command("import")(exporting.import_decisions)
app.command("reindex")(pages.reindex)
app.command("check")(keeping.check)
app.command("backup")(keeping.backup)
app.command("restore")(keeping.restore)
app.command("serve")(serving.serve)
app.command("status")(pages.status)
app.command("samples")(pages.samples)
