"""Figure 9: an index run killed at random moments ends in the same library as one that was left alone.

    python -m benchmarks.kills [--small] [--kills N] [--pages N]

Processes that index small pages are killed by SIGKILL after a random time; the next one goes on. A library that is finished before
the kills are used up is compared with the uninterrupted one, point by point, and a new one is begun.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.report import print_machine, print_result, print_table, scratch
from indexer.library import Library
from indexer.settings import load_settings

_CONTEXT = multiprocessing.get_context(
    "fork"
)  # without the seconds that imports take, kills spread over the work itself

Points = dict[str, tuple[dict[str, object], bytes]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Index runs that are killed.")
    parser.add_argument("--small", action="store_true", help="3 kills, 120 pages")
    parser.add_argument("--kills", type=int, default=None, help="default 30")
    parser.add_argument("--pages", type=int, default=None, help="default 3000")
    options = parser.parse_args(arguments)
    kills = options.kills or (3 if options.small else 30)
    pages = options.pages or (120 if options.small else 3000)
    machine = print_machine()
    with scratch() as folder:
        scans = _draw_pages(folder / "scans", pages)
        began_s = time.perf_counter()
        assert _run(folder / "whole", scans, kill_after_s=None)
        whole_s = time.perf_counter() - began_s
        outcome = _kill_and_go_on(folder, scans, kills=kills, whole_s=whole_s)
        expected = _read_elsewhere(folder / "whole")
        finished = [_read_elsewhere(place) for place in outcome.libraries]
        equal = sum(points == expected for points in finished)
    print_table(
        ["kills", "amid the work", "libraries finished", "equal, point by point", "pages", "seconds uninterrupted"],
        [[kills, outcome.amid, len(finished), equal, len(expected), whole_s]],
    )
    print_result(
        "kills", machine, kills=kills, amid_work=outcome.amid, libraries=len(finished), equal=equal, pages=len(expected)
    )
    if equal != len(finished):
        raise SystemExit("A library that was killed differs from the one that was not.")


class _Outcome:
    def __init__(self) -> None:
        self.amid = 0
        """Kills that met a library with some of its pages."""
        self.libraries: list[Path] = []


def _kill_and_go_on(folder: Path, scans: Path, *, kills: int, whole_s: float) -> _Outcome:
    dice = random.Random(0)
    outcome = _Outcome()
    done, finished = 0, False
    while done < kills or not finished:
        place = folder / f"killed-{len(outcome.libraries)}"
        wait_s = dice.uniform(0.05, max(0.1, whole_s / 2)) if done < kills else None
        if finished := _run(place, scans, kill_after_s=wait_s):
            outcome.libraries.append(place)
            continue
        done += 1
        outcome.amid += (place / "store").is_dir()
    return outcome


def _run(place: Path, scans: Path, *, kill_after_s: float | None) -> bool:
    """Whether the run ended by itself."""
    process = _CONTEXT.Process(target=_index, args=(place, scans))
    process.start()
    process.join(kill_after_s)
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    if process.exitcode not in (0, -signal.SIGKILL):
        raise SystemExit(f"An index run failed with {process.exitcode}.")
    return process.exitcode == 0


def _index(place: Path, scans: Path) -> None:
    with Library.open(load_settings(library=place, model="pixels"), create=True) as library:
        library.index([scans])


def _read_elsewhere(place: Path) -> Points:
    """All points, read from a copy in another process, so that this one never starts Qdrant's threads before it forks."""
    with _CONTEXT.Pool(1) as pool:
        return pool.apply(_read, (place,))


def _read(place: Path) -> Points:
    copy = place.with_name(f"{place.name}-read")
    shutil.copytree(place, copy)
    with Library.open(load_settings(library=copy)) as library:
        points = {
            page_id: (dict(payload), vector.tobytes())
            for batch in library.collection.scroll(vectors=("page",))
            for page_id, payload, vector in zip(batch.ids, batch.payloads, batch.vectors["page"], strict=True)
        }
        assert all((library.thumbnails.load(page_id) or b"").startswith(b"RIFF") for page_id in points)
    shutil.rmtree(copy)
    return points


def _draw_pages(scans: Path, count: int) -> Path:
    random_ = np.random.default_rng(0)
    for number in range(count):
        file = scans / f"box{number % 7}" / f"p{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random_.integers(0, 255, (40, 30, 3), dtype=np.uint8)).save(file, compress_level=1)
    return scans


if __name__ == "__main__":
    main()
