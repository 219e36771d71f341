"""Figure 6: a second run over files that have not changed, beside the first.

    python -m benchmarks.rerun [--small] [--files N]

The files are real scans, shrunk to 640 px and repeated under many names, and the embedder is `classic`, the quickest that looks at a
page: with scans of 300 dpi and a network the first run takes several times as long, and the second one the same.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from benchmarks.report import list_scans, print_machine, print_result, print_table, scratch
from indexer.library import Library
from indexer.settings import load_settings

_SIDE_PX = 640


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="A run over unchanged files.")
    parser.add_argument("--small", action="store_true", help="300 files")
    parser.add_argument("--files", type=int, default=None, help="default 100,000")
    options = parser.parse_args(arguments)
    files = options.files or (300 if options.small else 100_000)
    machine = print_machine()
    opened: list[str] = []
    with scratch() as folder:
        root = _write_files(folder / "scans", files)
        settings = load_settings(library=folder / "library", model="classic")
        with Library.open(settings, create=True) as library:
            began_s = time.perf_counter()
            first = library.index([root])
            first_s = time.perf_counter() - began_s
        _watch_opening(root, opened)
        opened.clear()
        began_s = time.perf_counter()
        with Library.open(settings) as library:
            second = library.index([root])
        second_s = time.perf_counter() - began_s
    assert first.added == second.unchanged == files, (first, second)
    print_table(
        ["files", "first run s", "second run s, with opening the library", "ratio", "files opened by the second"],
        [[files, first_s, second_s, first_s / second_s, len(opened)]],
    )
    print_result(
        "rerun",
        machine,
        files=files,
        first_s=first_s,
        second_s=second_s,
        ratio=first_s / second_s,
        opened=len(opened),
    )


def _write_files(root: Path, count: int) -> Path:
    """Names for `count` pages in boxes of 500; the pages themselves are few, and hard links to them take no room."""
    root.mkdir()
    pages = []
    for scan in list_scans():
        with Image.open(scan) as picture:
            picture.draft("RGB", (_SIDE_PX, _SIDE_PX))
            picture.thumbnail((_SIDE_PX, _SIDE_PX))
            picture.save(root.parent / scan.name, "JPEG", quality=85)
        pages.append(root.parent / scan.name)
    for number in range(count):
        file = root / f"box {number // 500:03}" / f"scan {number}.jpg"
        if number % 500 == 0:
            file.parent.mkdir()
        file.hardlink_to(pages[number % len(pages)])
    return root


def _watch_opening(root: Path, opened: list[str]) -> None:
    """From now on note every file under `root` that this process opens, by Python's own audit events."""
    prefix = str(root)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        # a hook can't be removed; when its folder is gone, nothing starts like that any more
        if event == "open" and str(arguments[0]).startswith(prefix):
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)


if __name__ == "__main__":
    main()
