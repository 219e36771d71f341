"""How well, and how fast, the text of pages is read: both engines on typed pages of 1938-45 at 300 dpi, against their editors' transcripts.

The character error rate is the Levenshtein distance of what was read to the transcript, by the transcript's length, both with single
spaces between words. It counts letterheads, stamps and notes in handwriting as errors where the editors left them out or put them in.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import find_data, list_scans, print_machine, print_result, print_table, read_cpu_s
from indexer.reading import READING_SIDE_PX, TextReader, create_reader
from indexer.sources import decode_bytes
from indexer.values import Pixels

LANGUAGES = {"_DE": "deu", "CZ_": "ces", "-CZ": "ces", "_SK": "slk", "JMP": "ces"}
"""What a page's name has in it, and the language it is written in: a person who knows the box can tell Tesseract."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it; `--small` reads the head of one page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args(arguments).small
    machine = print_machine()
    scans = list_scans()[: 1 if small else None]
    names = ["rapidocr"] + (["tesseract"] if shutil.which("tesseract") and not small else [])
    rows, figures = [], {}
    for name in names:
        pages = [_measure(name, scan, share=0.15 if small else 1.0) for scan in scans]
        figures[name] = {
            "error_rate_mean": statistics.mean(page.error_rate for page in pages),
            "error_rate_median": statistics.median(page.error_rate for page in pages),
            "words_found": statistics.mean(page.words_found for page in pages),
            "s_a_page": statistics.median(page.seconds for page in pages),
            "cpu_s_a_page": statistics.median(page.cpu_s for page in pages),
        }
        rows.append((name, *figures[name].values()))
        for scan, page in zip(scans, pages, strict=True):
            print(f"{name}: {scan.stem}: error rate {page.error_rate:.3f}, words {page.words_found:.3f}", flush=True)
    print_table(
        ("engine", "error rate, mean", "median", "words found whole", "s a page, median", "s of cores a page"), rows
    )
    print_result("ocr", machine, pages=len(scans), engines=figures)


@dataclass(frozen=True, slots=True)
class Read:
    """How one page was read."""

    error_rate: float
    words_found: float
    seconds: float
    cpu_s: float


def _measure(engine: str, scan: Path, *, share: float) -> Read:
    """Read the upper `share` of a scan, by an engine that has read something before where it loads its networks with the first page."""
    pixels = _decode(scan)
    pixels = pixels[: round(len(pixels) * share)]
    reader = _reader(engine, next((to for part, to in LANGUAGES.items() if part in scan.stem), None))
    began_s, began_cpu_s = time.perf_counter(), read_cpu_s()
    text = reader.read_text(pixels)
    seconds, cpu_s = time.perf_counter() - began_s, read_cpu_s() - began_cpu_s
    whole = " ".join((find_data() / "transcripts" / f"{scan.stem}.txt").read_text(encoding="utf-8").split())
    read = " ".join(text.split())
    true = whole[: round(len(whole) * share)]
    wanted, found = Counter(true.split()), Counter(read.split())
    return Read(edit_distance(true, read) / len(true), (wanted & found).total() / wanted.total(), seconds, cpu_s)


@cache
def _reader(engine: str, language: str | None) -> TextReader:
    reader = create_reader(engine, languages=language if engine == "tesseract" else None)
    reader.read_text(np.full((64, 256, 3), 255, dtype=np.uint8))
    return reader


def _decode(scan: Path) -> Pixels:
    picture = decode_bytes(scan.read_bytes(), name=scan.name, max_side_px=READING_SIDE_PX)[0].picture
    assert picture is not None
    return picture.pixels


def edit_distance(one: str, other: str) -> int:
    """Levenshtein's: how many letters must be put in, taken out or replaced to make `other` of `one`."""
    letters: NDArray[np.int64] = np.asarray([ord(letter) for letter in other], dtype=np.int64)
    steps = np.arange(len(other) + 1)
    row = steps.copy()
    for letter in one:
        best = np.concatenate([row[:1] + 1, np.minimum(row[1:] + 1, row[:-1] + (letters != ord(letter)))])
        row = np.minimum.accumulate(best - steps) + steps
    return int(row[-1])


if __name__ == "__main__":
    main()
