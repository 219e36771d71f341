"""Run one benchmark, or all: each in a process of its own, so that memory and threads are its own too."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

NAMES = (
    "indexing",
    "fidelity",
    "queries",
    "concurrency",
    "rerun",
    "store",
    "scale",
    "kills",
    "soak",
    "reindex_latency",
    "documents",
    "map",
    "wall",
    "duplicates",
    "quality",
    "colour",
    "unknown",
    "carry",
    "finetune",
    "ocr",
    "text_search",
)
"""Each is a module of this package that prints its table and, as its last line, one JSON object."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is named; options after the name go to the benchmark. Returns how many failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all"])
    options, rest = parser.parse_known_args(arguments)
    failed = []
    for name in NAMES if options.name == "all" else [options.name]:
        print(f"\n# {name}\n", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *rest], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
