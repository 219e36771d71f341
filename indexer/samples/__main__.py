"""`python -m indexer.samples DIRECTORY` draws the sample sketchbooks there."""

from __future__ import annotations

import sys
from pathlib import Path

from indexer.samples import draw_sketchbooks


def main(arguments: list[str]) -> int:
    """Draws into the directory named; 0 when done, 2 when none was named."""
    if len(arguments) != 1:
        print("Usage: python -m indexer.samples DIRECTORY", file=sys.stderr)
        return 2
    pages = draw_sketchbooks(Path(arguments[0]), progress=_show, workers=2)
    print(f"\n{pages} pages in {arguments[0]}", file=sys.stderr)
    return 0


def _show(done: int, total: int) -> None:
    print(f"\r{done} of {total} files", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
