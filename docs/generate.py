"""Writes the tables of docs/cli.md, docs/settings.md and docs/errors.md from the code: `python -m docs.generate`.

What only a person can write stands here too: the notes on commands, and what to do about each error. tests/docs fails when a page is
stale, and when a command, an option, a setting or an error is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from indexer.cli.app import app
from indexer.cli.exits import DONE, DONE_WITH_SKIPS, EXIT_STATUSES, INTERRUPTED, UNEXPECTED, USAGE
from indexer.errors import QuireError
from indexer.settings import Settings
from service.errors import PROBLEMS, STATUS

HERE = Path(__file__).resolve().parent

WHAT_TO_DO = {
    "error": "The base of all others; never raised itself.",
    "usage": "Read the message: it says which argument or setting does not fit, and what would.",
    "filter": "Write `FIELD=VALUE`; the message lists the fields. `quire pages --help` shows examples.",
    "unknown-model": "See [models](models.md) for the names there are.",
    "not-found": "The base of those below.",
    "library-missing": "Make a library with `quire index FOLDER`, or say where it is: `--library` or `QUIRE_LIBRARY`.",
    "page-missing": "The page was pruned, or the id is of another library. `quire pages` lists the ids.",
    "cluster-missing": "`quire clusters` lists those there are; `quire cluster -k 16` makes some. Numbers change with each run.",
    "root-missing": "The folder of scans is not there: check the name, or mount the disk.",
    "map-missing": "Make the map first: `quire map`.",
    "learned-missing": "Learn it first: `quire finetune --probe`. `quire models` lists what was learned.",
    "job-missing": "The service remembers its last jobs only, and forgets them when it ends; `GET /v1/jobs` lists them.",
    "picture": "The file is no page that can be read. When indexing it is listed as left out, and the run goes on.",
    "picture-too-large": "Raise `QUIRE_MAX_PIXELS`, `QUIRE_MAX_FILE_BYTES` or `QUIRE_MAX_UPLOAD_BYTES`, or make the scan smaller.",
    "model": "The model could not be made or run; the message has its cause.",
    "weights-missing": "Fetch the file that the message names and give it with `--checkpoint FILE`, or use `--model classic`.",
    "model-mismatch": "Leave `--model` away, or change the library's model with `quire reindex --model …`.",
    "no-text-tower": "The library's model knows no words: `quire reindex --model open_clip:…` changes it; see [text](text.md).",
    "reader-missing": "`pip install 'quire[ocr]'`, or install the program Tesseract and say `--engine tesseract`; see [text](text.md).",
    "decoder": "Free some memory, or raise the limits on memory and processes that the system sets; then try again.",
    "workers": "Start the Ray cluster, or read what its log says of the workers; what was written is kept.",
    "store": "Qdrant's own message follows: a full disk, a wrong key, a version too old.",
    "store-unreachable": "Start the Qdrant server, or correct `QUIRE_QDRANT_URL`; it is safe to do the same again.",
    "collection-missing": "Somebody removed a collection. Restore it from a backup, or index anew into a new library.",
    "library-busy": "Another command holds the library: wait. If a service holds it and does not answer, stop that.",
    "library-damaged": "The message names the file: restore it from a backup. Never edit a library in use.",
    "service": "The running service failed at the job; its log has the cause.",
    "conflict": "What you ask for contradicts what the library holds; the message says what does.",
}
PROBLEM_WHEN = {
    "bad-request": "The request is not HTTP that can be read.",
    "bad-multipart": "An upload that is no `multipart/form-data`, or has no `file`.",
    "key-missing": "The service wants a key, and none or a wrong one came.",
    "key-read-only": "The key may read, and this changes something.",
    "cross-origin": "A browser sent this for another site's page.",
    "exposed": "The service has no keys and answers its own machine only.",
    "path-not-allowed": "A job for a folder outside the known roots and `QUIRE_ALLOWED_ROOTS`.",
    "no-such-address": "Nothing is at this address; `/openapi.json` lists what is.",
    "method-not-allowed": "The address does not know that method.",
    "body-too-slow": "The body did not arrive within `QUIRE_BODY_TIMEOUT_S`.",
    "body-too-large": "The body is larger than `QUIRE_MAX_UPLOAD_BYTES`.",
    "too-many-files": "More files than `QUIRE_MAX_UPLOAD_FILES`.",
    "media-type": "JSON was wanted, or an upload.",
    "wrong-host": "A name that the service does not go by; see `QUIRE_HOSTS`.",
    "validation": "The request does not fit; `errors` says where.",
    "too-many-wrong-keys": "Too many wrong keys from this address; wait a minute.",
    "too-many-requests": "A key, or an address without one, asked more often than QUIRE_MAX_REQUESTS_PER_MINUTE lets it.",
    "overloaded": "Too much is waiting; come again after `Retry-After`.",
    "not-ready": "The service has not finished starting.",
    "internal": "A fault of Quire. The log has it, under the answer's `request_id`.",
}
COMMAND_NOTES = {
    "index": "Safe to stop and to do again. Leaves with 3 when something could not be read.",
    "cluster": "With one k, a new run: names are carried over by the pages that clusters share with the run before, and doubts "
    "are asked about. With several, nothing is written. `--by meaning` goes by the names of pages: see [text](text.md).",
    "read-text": "Safe to stop and to do again. Leaves with 3 when something could not be read. See [text](text.md).",
    "name": "`quire name 3 7 12 drawings` · `quire name 3,7,12 drawings` · `quire name --clear 3 7`.",
    "classify": "Several files at once; pages of multi-page files are answered one by one.",
    "finetune": "`quire finetune --probe` · `quire finetune --base timm:resnet50 --sizes 256,512`. See [labels](labels.md).",
    "evaluate": "Compares ways of telling labels on pages that none has seen. See [labels](labels.md).",
    "similar": "`quire similar new/p072.jpg --filter label=art --filter 'metadata.year>=1988' --limit 12`.",
    "search": '`quire search "a bird with open wings" --filter label=art` · `quire search "Sonderzug nach Prag" --in text`. '
    "The library's model must know words, or text must have been read: see [text](text.md).",
    "reindex": "The old vectors serve until the new ones are complete. Interrupted, the same command goes on.",
    "serve": "While it runs on an embedded library, the other commands hand their work to it. See [HTTP](http.md).",
}


def render_cli() -> str:
    """docs/cli.md."""
    group = typer.main.get_group(app)
    parts = [
        "# The command\n",
        "*Made from the code by `python -m docs.generate`.*\n",
        "Results go to stdout, everything else to stderr. On a terminal, results are tables; piped, rows with tabs between them;\n"
        "with `--json`, JSON. Settings come from flags, `QUIRE_…` variables or `quire.toml`: see [settings](settings.md).\n",
        "## Exit statuses\n",
        "| status | means |\n|---|---|",
        f"| {DONE} | done |",
        f"| {UNEXPECTED} | a fault of Quire |",
        f"| {USAGE} | the request is wrong |",
        f"| {DONE_WITH_SKIPS} | done, but something could not be read; it is listed |",
        *(f"| {status} | {codes} |" for status, codes in _by_status()),
        f"| {INTERRUPTED} | stopped with Ctrl-C; what was done is kept |\n",
        "The [errors](errors.md) say what to do about each.\n",
        "## `quire`\n",
        _table(group.params),
    ]
    for name, command in walk_commands():
        arguments = " ".join(str(p.metavar) for p in command.params if isinstance(p, TyperArgument))
        parts += [f"## `quire {name}{f' {arguments}' if arguments else ''}`\n", f"{command.help}\n"]
        parts += [f"{COMMAND_NOTES[name]}\n"] if name in COMMAND_NOTES else []
        parts += [_table(command.params)] if command.params else []
    return "\n".join(parts).rstrip() + "\n"


def render_settings() -> str:
    """docs/settings.md."""
    rows = [
        f"| `{name}` | `QUIRE_{name.upper()}` | {_default(name)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return (
        "\n".join(
            [
                "# Settings\n",
                "*Made from the code by `python -m docs.generate`.*\n",
                "Each comes from the first place that has it: a flag of the command, the environment, the table `[settings]`\n"
                "of the library's `quire.toml`, its default. A name that is no setting is refused in `quire.toml`. An empty\n"
                "variable counts as not set.\n",
                "| setting | variable | default | meaning |\n|---|---|---|---|",
                *rows,
                "\nIn `quire.toml` (all but `library`, which says where that file is):\n",
                "    [settings]\n    unknown_share = 0.05\n    workers = 4\n",
                "`QUIRE_API_KEYS` and `QUIRE_QDRANT_API_KEY` are secrets: keep them in the environment rather than in a file others read.",
                "Weights of models are looked for where the hub's client looks (`HF_HOME`), or in `cache_dir`; see [models](models.md).",
            ]
        )
        + "\n"
    )


def render_errors() -> str:
    """docs/errors.md."""
    lines = [
        "# Errors\n",
        "*Made from the code by `python -m docs.generate`.*\n",
        "Every error has a code that stays, a message that names the thing, its cause and the next step, an exit status for the command\n"
        "line and an HTTP status for the service (`application/problem+json`; the code is in `code`). A page that can't be read is no\n"
        "error when indexing or uploading: it is left out, listed with its reason, and the command leaves with 3.\n",
        "| error | code | exit | HTTP | what to do |\n|---|---|---:|---:|---|",
    ]
    lines += [
        f"| {'&nbsp;' * 4 * depth}{kind.__name__} | `{kind.code}` | {EXIT_STATUSES[kind.code]} | {STATUS[kind.code]} | "
        f"{WHAT_TO_DO[kind.code]} |"
        for depth, kind in walk_errors()
    ]
    lines += ["\n## What only the service can say\n", "| code | HTTP | when |\n|---|---:|---|"]
    lines += [f"| `{code}` | {status} | {PROBLEM_WHEN[code]} |" for code, status in PROBLEMS.items()]
    return "\n".join(lines) + "\n"


def walk_commands(group: TyperGroup | None = None, before: str = "") -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Every command by its words, such as `documents accept`, groups before what is in them."""
    commands = (group or typer.main.get_group(app)).commands
    for name, command in commands.items():
        yield f"{before}{name}", command
        if isinstance(command, TyperGroup):
            yield from walk_commands(command, f"{before}{name} ")


def walk_errors(kind: type[QuireError] = QuireError, depth: int = 0) -> Iterator[tuple[int, type[QuireError]]]:
    """Every error with its depth in the tree, parents first."""
    yield depth, kind
    for child in kind.__subclasses__():
        yield from walk_errors(child, depth + 1)


PAGES = {"cli.md": render_cli, "settings.md": render_settings, "errors.md": render_errors}


def main() -> None:
    """Write all pages."""
    for name, render in PAGES.items():
        (HERE / name).write_text(render(), encoding="utf-8")


def _by_status() -> list[tuple[int, str]]:
    statuses = sorted(set(EXIT_STATUSES.values()) - {DONE, UNEXPECTED, USAGE})
    return [(s, ", ".join(f"`{code}`" for code, status in EXIT_STATUSES.items() if status == s)) for s in statuses]


def _table(params: list[object]) -> str:
    rows = []
    for param in params:
        if isinstance(param, TyperArgument):
            rows.append(f"| `{param.metavar}` | {_cell(param.help)} |")
        elif isinstance(param, TyperOption):
            flags = ", ".join(f"`{flag}`" for flag in (*param.opts, *param.secondary_opts))
            value = f" `{param.metavar}`" if param.metavar else "" if param.is_flag else " `VALUE`"
            rows.append(f"| {flags}{_cell(value)} | {_cell(param.help)}{_option_default(param)} |")
    return "\n".join(["| | |\n|---|---|", *rows]) + "\n"


def _option_default(param: TyperOption) -> str:
    return f" Default: {param.default}." if not param.is_flag and param.default not in (None, "", ()) else ""


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def _default(name: str) -> str:
    if name == "library":
        return "`quire/library` in the user's data directory"
    value = Settings.model_fields[name].default
    return "–" if value is None else f"`{value}`"


if __name__ == "__main__":
    main()
