"""Three sketchbooks on disk: every page of the plan drawn, scanned and written, and a table that tells the truth of each."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from indexer.samples.page import draw_page
from indexer.samples.plan import FilePlan, plan_sketchbooks

TABLE_NAME = "sketchbooks.csv"
TABLE_COLUMNS = ("path", "year", "book", "medium")
_JPEG_QUALITY = 84
_PDF_DATE = time.struct_time((1990, 1, 1, 0, 0, 0, 0, 1, 0))  # the same bytes whenever it is drawn


def draw_sketchbooks(
    directory: Path,
    *,
    seed: int = 7,
    progress: Callable[[int, int], None] | None = None,
    scale: float = 1.0,
    pages: int | None = None,
    workers: int = 0,
) -> int:
    """Draws three scanned sketchbooks into `directory`; the number of pages that are there now (150 for a whole set of seed 7).

    The same seed gives the same bytes. Files that are there already are kept, whatever they hold, so an interrupted run goes
    on where it stopped; each file appears whole or not at all. `sketchbooks.csv` beside the books has one row for each file:
    its path, year, book and medium (the truth, for evaluation). `progress` is called with files done and files in all.
    `scale` 1.0 makes pages of about 1,050 px; `pages` draws only so many files, spread evenly; `workers` above 0 draws in as
    many processes, with the same result.
    """
    files = plan_sketchbooks(seed=seed)
    if pages is not None and pages < len(files):
        files = [files[round(index * (len(files) - 1) / max(1, pages - 1))] for index in range(pages)]
    directory.mkdir(parents=True, exist_ok=True)
    missing = [file for file in files if not (directory / file.path).exists()]
    done = len(files) - len(missing)
    if progress is not None:
        progress(done, len(files))
    for _ in _draw_all(directory, missing, seed=seed, scale=scale, workers=workers):
        done += 1
        if progress is not None:
            progress(done, len(files))
    _write_table(directory / TABLE_NAME, files)
    return sum(len(file.pages) for file in files)


def _draw_all(directory: Path, files: Sequence[FilePlan], *, seed: int, scale: float, workers: int) -> Iterator[None]:
    if workers <= 0:
        for file in files:
            _draw_file(directory, file, seed, scale)
            yield
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_draw_file, directory, file, seed, scale) for file in files]
        for future in as_completed(futures):
            future.result()
            yield


def _draw_file(directory: Path, file: FilePlan, seed: int, scale: float) -> None:
    pictures = [draw_page(page, seed=seed, scale=scale) for page in file.pages]
    _write_whole(directory / file.path, _encode(pictures, Path(file.path).suffix))


def _encode(pictures: Sequence[Image.Image], suffix: str) -> bytes:
    buffer, first, rest = io.BytesIO(), pictures[0], list(pictures[1:])
    if suffix == ".tif":
        first.save(buffer, "TIFF", save_all=True, append_images=rest, compression="jpeg", quality=_JPEG_QUALITY)
    elif suffix == ".pdf":
        first.save(
            buffer, "PDF", save_all=True, append_images=rest, resolution=120, creationDate=_PDF_DATE, modDate=_PDF_DATE
        )
    elif suffix == ".png":
        first.save(buffer, "PNG")
    else:
        first.save(buffer, "JPEG", quality=_JPEG_QUALITY, dpi=(120, 120))
    return buffer.getvalue()


def _write_table(path: Path, files: Sequence[FilePlan]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(TABLE_COLUMNS)
    table.writerows((file.path, file.pages[0].year, file.pages[0].book, file.pages[0].medium) for file in files)
    _write_whole(path, text.getvalue().encode())


def _write_whole(path: Path, data: bytes) -> None:
    """Writes a file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
