"""The command as such: quick help, nothing heavy before it is needed, JSON for programs, errors on stderr with their status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from support.command import Quire, Ran, environment
from support.library import draw_pages, settings_in

from indexer.cli import main
from indexer.cli.app import app
from indexer.cli.exits import EXIT_STATUSES
from indexer.library import Library

COMMANDS = sorted(typer.main.get_group(app).commands)
HEAVY = (
    "torch",
    "numpy",
    "qdrant_client",
    "qdrant_edge",
    "fastapi",
    "sklearn",
    "skimage",
    "scipy",
    "PIL",
    "open_clip",
)
BESIDE_TYPER = 0.25
"""The share of modules that help may load beyond what typer does for a command with nothing to it. Seconds would differ by machine."""

_BARE = """
import typer
main = typer.Typer()
main.command()(lambda: None)
"""
_OURS = "from indexer.cli import main"
_LIST_MODULES = """
import json, sys
sys.argv = ["quire", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


class Inside:
    """`quire` in this process: the same entry point, without the seconds that a new process takes."""

    def __init__(self, library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        for name in [name for name in os.environ if name.startswith("QUIRE_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("QUIRE_LIBRARY", str(library))
        monkeypatch.setenv("QUIRE_USER", "tester")

    def __call__(self, *arguments: object) -> Ran:
        """What it left behind."""
        self._monkeypatch.setattr(sys, "argv", ["quire", *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        shown = self._capsys.readouterr()
        status = left.value.code
        return Ran(status if isinstance(status, int) else 0 if status is None else 1, shown.out, shown.err)

    def json(self, *arguments: object) -> Any:
        """What it prints with `--json`."""
        ran = self(*arguments, "--json")
        assert ran.status == 0, ran.err
        return ran.json


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of twelve pages of four kinds in four clusters, one of them named."""
    place = tmp_path_factory.mktemp("cli")
    with Library.open(settings_in(place / "library"), create=True) as library:
        library.index([draw_pages(place / "scans", each=3)], model="pixels:8")
        library.cluster(4)
        library.name_clusters([0], "halves")
    return place / "library"


@pytest.fixture
def quire(filled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    """The command on that library."""
    return Inside(filled, monkeypatch, capsys)


def _loaded(tmp_path: Path, code: str, arguments: list[str]) -> list[str]:
    """The modules that a command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{_LIST_MODULES}", json.dumps(arguments)],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    loaded: list[str] = json.loads(done.stderr)
    return loaded


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["index", "--help"], ["similar", "--help"]], ids=" ".join
)
def test_help_imports_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    """Models, stores and web frameworks are loaded by the commands that need them, not before."""
    loaded = _loaded(tmp_path, _OURS, arguments)
    assert {name.partition(".")[0] for name in loaded} & set(HEAVY) == set()


def test_help_loads_little_beside_typer(tmp_path: Path) -> None:
    """`quire --help` answers at once: what it loads is nearly all typer's own."""
    bare = _loaded(tmp_path, _BARE, ["--help"])
    assert len(_loaded(tmp_path, _OURS, ["--help"])) < (1 + BESIDE_TYPER) * len(bare)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(quire: Inside, command: str) -> None:
    """`quire COMMAND --help` says how it is used."""
    ran = quire(command, "--help")
    assert ran.status == 0
    assert f"quire {command}" in " ".join(ran.out.split())
    assert ran.err == ""


def test_answers_are_json_where_asked_for(quire: Inside, tmp_path: Path) -> None:
    """Every answering command prints one JSON value on stdout with `--json`, and notes go elsewhere."""
    scan = draw_pages(tmp_path, each=1, kinds=("left",)) / "left" / "p1.png"
    status = quire.json("status")
    assert (status["pages"], status["clusters"], status["labels"]["left"]) == (12, 4, 3)
    assert [one["size"] for one in quire.json("clusters")] == [3, 3, 3, 3]
    assert quire.json("pages", "--limit", "5")["total"] == 12
    assert quire.json("history")[0]["kind"] == "name"
    picture = tmp_path / "ks.png"
    assert [one["k"] for one in quire.json("cluster", "-k", "2,3", "--picture", picture)] == [2, 3]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert quire.json("classify", scan)["pages"][0]["similarity"] > 0.99
    found = quire.json("similar", scan, "--limit", "2", "--filter", "label=left")
    assert [one["page"]["label"] for one in found["pages"][0]["pages"]] == ["left", "left"]
    assert quire.json("index")["unchanged"] == 12
    assert quire.json("name", "1", "others")["clusters"] == [1]
    assert quire.json("undo")["undone"] is True
    page = quire.json("pages", "--limit", "1")["pages"][0]["page_id"]
    assert quire.json("move", page, "--to", "others")["pages"] == 1
    assert quire.json("undo")["kind"] == "move"


def test_results_are_lines_for_other_programs(quire: Inside) -> None:
    """Without a terminal, rows are separated by tabs, one line each, and nothing else is on stdout."""
    lines = quire("pages", "--limit", "3").out.splitlines()
    assert len(lines) == 3
    assert {line.count("\t") for line in lines} == {6}


def test_an_id_is_never_broken_on_a_terminal(quire: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's id stands in one line, to be copied, or in a narrow terminal not at all; and where there is no mark, there is nothing."""
    known = {page["page_id"] for page in quire.json("pages")["pages"]}
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda stream: True)
    assert {word for word in quire("pages").out.split() if word in known} == known
    monkeypatch.setenv("COLUMNS", "80")
    narrow = quire("pages").out
    assert "page_id" not in narrow
    assert "left/p1.png" in narrow
    monkeypatch.setenv("TERM", "dumb")
    rows = [line.split() for line in quire("cluster", "-k", "2,4").out.splitlines()]
    assert rows[0] == ["k", "silhouette", "inertia", "stability", "agreement"]
    assert "–" not in rows[1] + rows[2]


@pytest.mark.parametrize(
    ("code", "arguments", "words"),
    [
        ("usage", ["name", "3"], "quire name 3 7 12 drawings"),
        ("usage", ["cluster", "-k", "few"], "'few'"),
        ("usage", ["cluster", "-k", "2", "--picture", "ks.png"], "--picture compares several"),
        ("usage", ["move", "00000000-0000-5000-8000-000000000000"], "--to GROUP"),
        ("usage", ["classify", "no-such-scan.jpg"], "no-such-scan.jpg"),
        ("filter", ["pages", "--filter", "colour=red"], "colour"),
        ("unknown-model", ["reindex", "--model", "nobody:knows"], "nobody:knows"),
        ("root-missing", ["index", "/no/such/folder"], "/no/such/folder"),
        ("page-missing", ["move", "00000000-0000-5000-8000-000000000000", "--to", "x"], "00000000-0000"),
        ("cluster-missing", ["name", "99", "x"], "99"),
        ("model-mismatch", ["index", "--model", "classic"], "classic"),
    ],
)
def test_errors_are_one_message_on_stderr_with_the_documented_status(
    quire: Inside, code: str, arguments: list[str], words: str
) -> None:
    """Nothing on stdout, no traceback; the message names the thing, and the status is that of the error's code."""
    ran = quire(*arguments)
    assert ran.status == EXIT_STATUSES[code]
    assert ran.out == ""
    last = ran.err.splitlines()[-1]
    assert last.startswith("quire: ")
    assert words in last
    assert "Traceback" not in ran.err


def test_a_library_that_is_not_there_is_not_made_by_asking(tmp_path: Path) -> None:
    """Only `index` makes a library; all else says where none is, and leaves nothing behind."""
    ran = Quire(tmp_path / "nowhere")("status")
    assert ran.status == EXIT_STATUSES["library-missing"]
    assert str(tmp_path / "nowhere") in ran.err
    assert not (tmp_path / "nowhere").exists()


def test_a_wrong_setting_is_named(quire: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value in the environment that does not fit is an error of usage that names the setting."""
    monkeypatch.setenv("QUIRE_WORKERS", "many")
    ran = quire("status")
    assert ran.status == EXIT_STATUSES["usage"]
    assert "workers" in ran.err


def test_what_is_left_out_is_told_line_by_line_in_shelf_order(quire: Inside, tmp_path: Path) -> None:
    """Piped, each file stands on one line with its whole reason, `p9` before `p10`, and each stage ends with one line."""
    scans = draw_pages(tmp_path / "scans", each=1)
    for number in (10, 9, 2):
        (scans / f"p{number} of a box whose folder has a long name.jpg").write_text("no picture at all")
    table = tmp_path / "table.csv"
    table.write_text("path,year\nelsewhere.jpg,1990\n")
    ran = quire("index", scans, "--library", tmp_path / "other", "--model", "pixels:8", "--metadata", table)
    assert ran.status == 3
    lines = ran.err.splitlines()
    told = [line.strip() for line in lines if line.strip().startswith("p")]
    assert [line.split()[0] for line in told] == ["p2", "p9", "p10"]
    assert all(line.endswith("replace it by the scan, or remove it") for line in told)
    assert "Rows of the metadata table that match no page: elsewhere.jpg" in lines
    stages = [line.partition(":")[0] for line in lines if " of " in line.partition(":")[2] and "/s" in line]
    assert stages == list(dict.fromkeys(stages))


def test_a_scan_that_is_none_is_named_once(quire: Inside, tmp_path: Path) -> None:
    """The file's name, what is wrong with it and what to do, on one line."""
    bad = tmp_path / "letter.png"
    bad.write_text("no picture at all")
    ran = quire("classify", bad)
    assert ran.status == 3
    assert ran.err.splitlines() == [
        f"{bad}: not what its name says: it holds text; replace it by the scan, or remove it"
    ]
