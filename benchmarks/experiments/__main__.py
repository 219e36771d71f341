"""Run one experiment, or all: `python -m benchmarks.experiments NAME [--small] [--out DIR]`."""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.experiments.common import Outcome, print_outcome
from benchmarks.report import print_machine, scratch

NAMES = ("sketchbooks", "sketches", "digits", "archive", "wall")
"""Each is a module with `run(folder, out, small=…)`, which returns its rows beside the original's, and what differs."""


def run(name: str, out: Path, *, small: bool) -> Outcome:
    """One experiment; its pictures and `NAME.json` go to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with scratch() as folder:
        outcome: Outcome = importlib.import_module(f"benchmarks.experiments.{name}").run(folder, out, small=small)
    (out / f"{name}.json").write_text(json.dumps({"rows": outcome.rows, "differs": outcome.differs}, indent=2))
    return outcome


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all"])
    parser.add_argument("--small", action="store_true", help="few pages: only shows that it works")
    parser.add_argument("--out", type=Path, default=Path("experiments"), help="where pictures and figures go")
    options = parser.parse_args(arguments)
    print_machine()
    for name in NAMES if options.name == "all" else [options.name]:
        print_outcome(run(name, options.out, small=options.small))


if __name__ == "__main__":
    main()
