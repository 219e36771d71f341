"""Figures 1 and 2: indexing A4 pages at 300 dpi, beside the obvious way and beside what decoding and the model take alone.

    python -m benchmarks.indexing [--small] [--pages N] [--rounds N]

The obvious way: every JPEG decoded whole by Pillow, open_clip's own preprocessing and float32 model, batches of 32 from a torch
DataLoader with 2 workers, upserted into qdrant-client's local mode. The bound: decoding and forward passes share all cores, so the
least time is the sum of both, each measured alone with every core. Loading the model is outside the clock everywhere.
Quire decodes in processes of their own, so that a file that crashes a decoder harms nothing; beside it stands what that costs.
Milliseconds of a core say what the work costs however busy the machine is with other things.
"""

from __future__ import annotations

import argparse
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.models import save_random_clip
from benchmarks.report import (
    interleave,
    list_scans,
    median_ratio,
    medians,
    print_machine,
    print_result,
    print_table,
    read_cpu_s,
    scratch,
)
from indexer.cores import count_cores
from indexer.embedding import Embedder
from indexer.embedding.hardware import limit_threads_here
from indexer.library import Library
from indexer.library.indexing import PageReader, PreparedPage
from indexer.library.manifest import Root
from indexer.library.observing import Observer
from indexer.settings import load_settings
from indexer.sources import DecodeLimits, Decoders, scan_files
from indexer.values import ScannedFile


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Indexing speed.")
    parser.add_argument("--small", action="store_true", help="8 pages, one round, a tiny model")
    parser.add_argument("--pages", type=int, default=None, help="pages of a round; default 96")
    parser.add_argument("--rounds", type=int, default=None, help="default 3")
    options = parser.parse_args(arguments)
    pages = options.pages or (8 if options.small else 96)
    machine = print_machine()
    with scratch() as folder:
        model, checkpoint = save_random_clip(folder, small=options.small)
        bench = _Bench(folder, model, checkpoint, pages)
        cpu_s: dict[str, list[float]] = {}
        measured: dict[str, Callable[[], _Clock]] = {
            "quire index": bench.index,
            "quire index, decoding in its own threads": partial(bench.index, guarded=False),
            "the obvious way": bench.do_the_obvious,
            "decoding alone": bench.decode_only,
            "model alone": bench.embed_only,
        }
        runs = {name: _note_cpu(run, cpu_s.setdefault(name, [])) for name, run in measured.items()}
        found = interleave(runs, rounds=options.rounds or (1 if options.small else 3))
    cpu_s["bound"] = [a + b for a, b in zip(cpu_s["decoding alone"], cpu_s["model alone"], strict=True)]
    found["bound"] = [a + b for a, b in zip(found["decoding alone"], found["model alone"], strict=True)]
    middle, middle_cpu = medians(found), medians(cpu_s)
    print_table(
        ["", "seconds", "pages/s", "milliseconds of a core used, a page"],
        [[name, s, pages / s, 1000 * middle_cpu[name] / pages] for name, s in middle.items()],
    )
    print_result(
        "indexing",
        machine,
        pages=pages,
        pages_per_s=pages / middle["quire index"],
        obvious_pages_per_s=pages / middle["the obvious way"],
        times_obvious=median_ratio(found, "the obvious way", "quire index"),
        share_of_bound=median_ratio(found, "bound", "quire index"),
        times_obvious_by_cpu=median_ratio(cpu_s, "the obvious way", "quire index"),
        share_of_unguarded=median_ratio(found, "quire index, decoding in its own threads", "quire index"),
        share_of_unguarded_by_cpu=median_ratio(cpu_s, "quire index, decoding in its own threads", "quire index"),
        share_of_bound_by_cpu=median_ratio(cpu_s, "bound", "quire index"),
        cpu_ms_a_page={name: 1000 * value / pages for name, value in middle_cpu.items()},
        precision=bench.embedder.spec.precision,
        seconds=found,
    )


class _Clock:
    """Seconds by the clock and of cores between `with` and its end."""

    wall_s = cpu_s = 0.0

    def __enter__(self) -> _Clock:
        self.wall_s, self.cpu_s = time.perf_counter(), read_cpu_s()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.wall_s, self.cpu_s = time.perf_counter() - self.wall_s, read_cpu_s() - self.cpu_s


def _note_cpu(run: Callable[[], _Clock], noted: list[float]) -> Callable[[], float]:
    def noting() -> float:
        clock = run()
        noted.append(clock.cpu_s)
        return clock.wall_s

    return noting


class _Bench:
    def __init__(self, folder: Path, model: str, checkpoint: Path, pages: int) -> None:
        self._folder, self._model, self._checkpoint, self._pages = folder, model, checkpoint, pages
        scans = list_scans()
        self._root = folder / "scans"
        self._root.mkdir()
        for number in range(pages):
            shutil.copyfile(scans[number % len(scans)], self._root / f"p{number:05}.jpg")
        self._files = [file for file in scan_files(self._root, root_name="scans") if isinstance(file, ScannedFile)]
        self.embedder = self._make_embedder()
        self._prepared = [self.embedder.prepare(picture.pixels) for picture in self._some_pictures()]

    def index(self, *, guarded: bool = True) -> _Clock:
        place = self._folder / f"library-{uuid.uuid4().hex}"
        with Library.open(
            load_settings(library=place, model=self._model, checkpoint=self._checkpoint), create=True
        ) as library:
            library.decoders = Decoders(guarded=guarded)
            library.index([self._root], limit=1)
            with _Clock() as clock:
                report = library.index([self._root])
            assert report.added == self._pages - 1
            library.decoders.close()
        shutil.rmtree(place)
        clock.wall_s, clock.cpu_s = (taken * self._pages / (self._pages - 1) for taken in (clock.wall_s, clock.cpu_s))
        return clock

    def do_the_obvious(self) -> _Clock:
        import open_clip
        import torch
        from qdrant_client import QdrantClient, models
        from torch.utils.data import DataLoader

        model = open_clip.create_model(self._model.partition(":")[2], pretrained=str(self._checkpoint)).eval()
        transform = open_clip.image_transform(model.visual.image_size, is_train=False)
        paths = [str(file.absolute) for file in self._files]
        place = self._folder / f"local-{uuid.uuid4().hex}"
        client = QdrantClient(path=str(place))
        size = self.embedder.spec.dimensions
        client.create_collection(
            "pages", vectors_config=models.VectorParams(size=size, distance=models.Distance.COSINE)
        )
        done = 0
        with torch.no_grad(), _Clock() as clock:
            pages: Any = _WholePages(paths, transform)
            for batch in DataLoader(pages, batch_size=32, num_workers=2):
                vectors = model.encode_image(batch, normalize=True)
                points = [
                    models.PointStruct(id=done + n, vector=vector, payload={"path": paths[done + n]})
                    for n, vector in enumerate(vectors.tolist())
                ]
                client.upsert("pages", points)
                done += len(points)
        client.close()
        shutil.rmtree(place)
        return clock

    def decode_only(self) -> _Clock:
        """Everything that is done to a page but the forward pass and writing, on all cores."""
        roots, decoders = {"scans": Root("scans", str(self._root))}, Decoders(guarded=False)
        reader = PageReader(self._observer(), roots, {}, DecodeLimits(), decoders)

        def read(files: Sequence[ScannedFile]) -> None:
            for file in files:
                assert any(isinstance(item, PreparedPage) for item in reader.read(file))

        cores = count_cores()
        return _time_threads([partial(read, self._files[n::cores]) for n in range(cores)])

    def embed_only(self) -> _Clock:
        """The forward passes of as many pages, on all cores."""
        cores, size = count_cores(), self.embedder.batch_size
        inputs = [self._prepared[n % len(self._prepared)] for n in range(self._pages)]

        def embed(part: Sequence[Any]) -> None:
            limit_threads_here(1)
            for begin in range(0, len(part), size):
                self.embedder.embed(part[begin : begin + size])

        return _time_threads([partial(embed, inputs[n::cores]) for n in range(cores)])

    def _observer(self) -> Observer:
        return Observer(self.embedder)

    def _make_embedder(self) -> Embedder:
        from indexer.embedding import create_embedder

        return create_embedder(self._model, checkpoint=self._checkpoint)

    def _some_pictures(self) -> list[Any]:
        from indexer.sources import open_file

        pictures = []
        for path in list_scans()[:3]:
            with open_file(path) as opened:
                pictures.append(opened.page(1, max_side_px=1024))
        return pictures


class _WholePages:
    """A torch dataset of pages, decoded whole."""

    def __init__(self, paths: Sequence[str], transform: Callable[[Image.Image], Any]) -> None:
        self._paths, self._transform = paths, transform

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> Any:
        with Image.open(self._paths[number]) as image:
            return self._transform(image.convert("RGB"))


def _time_threads(work: Sequence[Callable[[], None]]) -> _Clock:
    threads = [threading.Thread(target=one) for one in work]
    with _Clock() as clock:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return clock


if __name__ == "__main__":
    main()
