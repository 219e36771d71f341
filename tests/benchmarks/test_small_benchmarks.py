"""Every benchmark runs small, so that it still runs when its figures are wanted."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("QUIRE_TEST_DATA") or REPOSITORY.parent / "shared" / "data")

FIGURES = {
    "indexing": ("times_obvious", "share_of_bound", "cpu_ms_a_page"),
    "fidelity": ("models",),
    "queries": ("median_ms",),
    "concurrency": ("ratios",),
    "rerun": ("ratio", "opened"),
    "store": ("insert_ratio", "query_ratio"),
    "scale": ("figures",),
    "kills": ("equal", "libraries"),
    "soak": ("errors", "memory_mib", "overload"),
    "reindex_latency": ("p95_ratio",),
    "finetune": ("sketchbooks", "digits", "leaks"),
    "colour": ("pages", "ways"),
    "quality": ("called", "found", "ms_a_page"),
    "unknown": ("pages", "figures"),
    "carry": ("pages", "figures"),
    "ocr": ("pages", "engines"),
    "text_search": ("pages", "queries", "figures"),
}
"""Of each benchmark that is kept alive here; the others have tests of their own."""
FORKING = ("indexing", "kills")
"""These fork, which a process full of other tests' threads must not."""


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pages, and the repository as the place to import from."""
    monkeypatch.setenv("QUIRE_TEST_DATA", str(DATA))
    # last, so that `indexer` stays the one that is installed
    monkeypatch.setattr(sys, "path", [*sys.path, str(REPOSITORY)])


def figures_of(output: str) -> dict[str, object]:
    """The JSON object of the last line."""
    figures = json.loads(output.strip().splitlines()[-1])
    assert isinstance(figures, dict)
    return figures


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in FORKING])
def test_it_prints_a_table_and_its_figures(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In this process, on few pages, with where it ran."""
    importlib.import_module(f"benchmarks.{name}").main(["--small"])
    output = capsys.readouterr().out
    check(name, output)


@pytest.mark.parametrize("name", FORKING)
def test_it_does_so_from_the_command_line(name: str) -> None:
    """`python -m benchmarks NAME --small`, as a person calls it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, "--small"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    check(name, done.stdout)


def check(name: str, output: str) -> None:
    """A Markdown table, and the figures that docs/performance.md tells of, with the machine they were measured on."""
    assert "|---" in output
    figures = figures_of(output)
    assert figures["benchmark"] == name
    assert set(FIGURES[name]) <= figures.keys()
    assert {"cpu", "cores", "torch"} <= figures["machine"].keys()  # type: ignore[attr-defined]
    if name == "kills":
        assert figures["equal"] == figures["libraries"] != 0
    if name == "soak":
        assert figures["errors"] == 0
        assert figures["is_ready_after"]
    if name == "finetune":
        assert figures["leaks"] == 0
    if name == "carry":
        for fate in figures["figures"].values():  # type: ignore[attr-defined]
            assert fate["silent"] == 0
            assert fate["least_kept_or_asked"] >= 0.95
    if name == "rerun":
        assert figures["opened"] == 0


def test_every_benchmark_can_be_named() -> None:
    """Each name is a module with a `main`, and there is no module with one that has no name."""
    names = importlib.import_module("benchmarks.__main__").NAMES
    modules = {path.stem for path in (REPOSITORY / "benchmarks").glob("*.py") if "\ndef main(" in path.read_text()}
    assert modules - {"__main__"} == set(names)


def test_an_unknown_name_is_refused() -> None:
    """And the names that there are, are told."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "nothing"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "indexing" in done.stderr
