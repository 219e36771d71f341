"""MobileNetV2 embeddings of the real pages of QUIRE_TEST_DATA, and of slightly changed copies of them, for benchmarks.

Vectors are kept in a file under the system's temporary folder, so that the benchmarks of one day share them.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from indexer.values import Matrix, Pixels

if TYPE_CHECKING:
    import torch

INPUT_PX = 224
"""What the model was trained for."""
_FOLDERS = ("streams", "categories", "similarity")
_KEPT_PX = 256
_WINDOW_PX = 128
"""A third of the work of 224 px; the vectors are only compared among themselves."""


def data_root() -> Path:
    """Where the real pages are: QUIRE_TEST_DATA, or `../shared/data` beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("QUIRE_TEST_DATA", default))


def list_pages() -> list[tuple[Path, str]]:
    """(file, label) of every page in streams, categories and similarity, in the order of the manifest."""
    root = data_root()
    with (root / "MANIFEST.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    pages = [row for row in rows if row["path"].startswith(_FOLDERS) and row["path"].endswith((".jpg", ".png"))]
    return [(root / row["path"], row["label_or_group"]) for row in pages]


def embed_pictures(pictures: Iterator[Pixels], total: int) -> Matrix:
    """Float32 [total, 1280], unit rows, of square pictures of one size, by the MobileNetV2 weights of QUIRE_TEST_DATA."""
    import torch

    torch.set_num_threads(2)
    model = load_mobilenet()
    vectors = np.empty((total, 1280), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, total, 64):
            batch = np.stack([next(pictures) for _ in range(min(64, total - start))])
            pixels = torch.from_numpy(batch).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
            found = model(pixels.contiguous(memory_format=torch.channels_last))
            vectors[start : start + len(batch)] = found.numpy()
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def load_mobilenet() -> torch.nn.Module:
    """The network of QUIRE_TEST_DATA's weights without its classifier: float32 [B, 3, side, side] in -1 … 1 to [B, 1280]."""
    import timm
    import torch

    weights = next((data_root() / "weights").glob("mobilenetv2*.pt"))
    state = torch.load(weights, map_location="cpu", weights_only=True)
    model = timm.create_model("mobilenetv2_100", pad_type="same", num_classes=0)
    model.load_state_dict({name: value.float() for name, value in state.items()}, strict=False)
    network: torch.nn.Module = model.eval().to(memory_format=torch.channels_last)
    return network


def real_vectors(count: int) -> tuple[Matrix, list[str]]:
    """(vectors [count, 1280], labels): the real pages first, then windows of 80 to 97 % of each in turn, some mirrored."""
    pages = list_pages()
    kept = Path(tempfile.gettempdir()) / f"quire-bench-{count}.npy"
    labels = [pages[number % len(pages)][1] for number in range(count)]
    if not kept.exists():
        vectors = embed_pictures(_windows([path for path, _ in pages], count), count)
        partial = kept.with_suffix(f".{os.getpid()}.npy")
        np.save(partial, vectors)
        partial.replace(kept)
    loaded: Matrix = np.load(kept)
    return loaded, labels


def _windows(paths: Sequence[Path], count: int) -> Iterator[Pixels]:
    rng = np.random.default_rng(0)
    pictures: list[Image.Image] = []
    for number in range(count):
        if number < len(paths):
            opened = Image.open(paths[number])
            opened.draft("RGB", (_KEPT_PX, _KEPT_PX))
            pictures.append(opened.convert("RGB").resize((_KEPT_PX, _KEPT_PX), Image.Resampling.BILINEAR))
        picture = pictures[number % len(pictures)]
        side = float(rng.uniform(0.8, 0.97)) * _KEPT_PX if number >= len(paths) else float(_KEPT_PX)
        left, top = rng.uniform(0, _KEPT_PX - side + 1e-9, 2)
        box = (left, top, min(left + side, _KEPT_PX), min(top + side, _KEPT_PX))
        window = picture.resize((_WINDOW_PX, _WINDOW_PX), Image.Resampling.BILINEAR, box=box)
        mirrored = number >= len(paths) and rng.random() < 0.3
        yield np.asarray(window.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else window)
