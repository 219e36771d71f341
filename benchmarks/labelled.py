"""Libraries of the labelled pages of QUIRE_TEST_DATA, for benchmarks and experiments that learn."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.models import MOBILENET, find_mobilenet
from benchmarks.report import find_data
from indexer.library import Library
from indexer.settings import load_settings


def base_of(side_px: int) -> str:
    """The real MobileNetV2 for pages of that size."""
    return MOBILENET.replace("input_px=224", f"input_px={side_px}")


def copy_sketchbooks(folder: Path, *, most: int | None = None) -> Path:
    """`categories/` and the watercolours of `similarity/usda/`, each label a folder; at most `most` pages of each."""
    data = find_data()
    kinds = [*sorted((data / "categories").iterdir()), *sorted((data / "similarity" / "usda").iterdir())]
    for kind in kinds:
        (folder / kind.name).mkdir(parents=True)
        for file in sorted(kind.iterdir())[:most]:
            shutil.copyfile(file, folder / kind.name / file.name)
    return folder


def read_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """MNIST's 10,000 test images uint8 [N, 28, 28], ink light on dark, and their digits."""
    folder = find_data() / "digits"
    with gzip.open(folder / "mnist-t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), dtype=np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(folder / "mnist-t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), dtype=np.uint8, offset=8).astype(np.int64)
    return images, labels


def write_digits(folder: Path, count: int) -> Path:
    """The first `count` digits as pages, dark ink on white, each digit a folder."""
    images, labels = read_digits()
    for number, (image, label) in enumerate(zip(images[:count], labels[:count], strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - image).save(place / f"d{number:05}.png")
    return folder


def open_library(folder: Path, roots: Sequence[Path], *, model: str, checkpoint: Path | None = None) -> Library:
    """A new library of those roots, to be closed by the caller."""
    library = Library.open(load_settings(library=folder), create=True)
    library.index(roots, model=model, checkpoint=checkpoint)
    return library


def open_sketchbooks(folder: Path, *, side_px: int, most: int | None = None) -> Library:
    """A library of the sketchbook-like pages by the real MobileNetV2."""
    pages = copy_sketchbooks(folder / "pages", most=most)
    return open_library(folder / "library", [pages], model=base_of(side_px), checkpoint=find_mobilenet())
