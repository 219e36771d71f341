"""The page streams of the test data, embedded once and kept in a temporary folder."""

from __future__ import annotations

import csv
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents import LOOKS_COLUMNS, Breaks, StreamPages, find_breaks, list_documents, measure_looks
from indexer.embedding import create_embedder
from indexer.library.observing import Observer
from indexer.sources import decode_bytes
from indexer.values import Matrix

_INPUT_PX = 224
_BATCH = 16
_PARTS = ("page", "head", "foot", "looks")


@dataclass(frozen=True, slots=True, eq=False)
class TrueStream:
    """One stream laid flat in catalogue order, with its true breaks."""

    name: str
    pages: StreamPages
    breaks: Breaks


def find_data_root() -> Path:
    """Where the real pages are: QUIRE_TEST_DATA, or `../shared/data` beside the repository."""
    return Path(os.environ.get("QUIRE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


def load_streams(root: Path) -> list[TrueStream]:
    """The streams of `streams/truth.csv`, each in the order of that file."""
    rows = _read_truth(root)
    return _split(rows, _load_parts(root, [row["path"] for row in rows]))


def load_classic_streams(root: Path) -> list[TrueStream]:
    """The same as a library holds them that was made with `--model classic --views head,foot`."""
    rows, views = _read_truth(root), ("head", "foot")
    observer = Observer(create_embedder("classic"), views)
    seen = []
    for row in rows:
        side_px = observer.side_px
        data = (root / row["path"]).read_bytes()
        (page,) = decode_bytes(data, name=row["path"], max_side_px=2 * side_px, enough_px=side_px)
        assert page.picture is not None, f"{row['path']} can't be read"
        seen.append(observer.observe(page.picture))
    looks = np.array([one.looks for one in seen], dtype=np.float32)
    return _split(rows, {**observer.embed(seen), "looks": looks})


def _read_truth(root: Path) -> list[dict[str, str]]:
    with (root / "streams" / "truth.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _split(rows: list[dict[str, str]], parts: dict[str, Matrix]) -> list[TrueStream]:
    names = np.array([row["stream"] for row in rows])
    documents = np.array([row["document"] for row in rows])
    streams = []
    for name in dict.fromkeys(names.tolist()):
        mine = np.flatnonzero(names == name)
        streams.append(
            TrueStream(name, StreamPages(*(parts[part][mine] for part in _PARTS)), find_breaks(documents[mine]))
        )
    return streams


def compose_boxes(streams: list[TrueStream], *, seed: int = 0) -> list[TrueStream]:
    """Other boxes from the same pages, to see what a method takes for granted: single pages, short documents, all archives in one box."""
    rng = np.random.default_rng(seed)
    kept = {name: getattr(streams[0].pages, name) is not None for name in _PARTS}
    whole = StreamPages(
        *(np.concatenate([getattr(s.pages, name) for s in streams]) if kept[name] else None for name in _PARTS)
    )
    starts = np.cumsum([0] + [len(stream.pages) for stream in streams])
    documents = [
        [np.arange(first, last + 1) + start for first, last in list_documents(stream.breaks)]
        for stream, start in zip(streams, starts.tolist(), strict=False)
    ]
    mixed = [document for stream in documents for document in stream]
    shuffled = [mixed[index] for index in rng.permutation(len(mixed))]
    boxes = [
        ("all archives in one box, one after the other", mixed),
        ("all archives in one box, documents shuffled", shuffled),
        ("the same, only the first two pages of each", [document[:2] for document in shuffled]),
        ("the same, only the first page of each", [document[:1] for document in shuffled]),
    ]
    for stream, own in zip(streams, documents, strict=True):
        if len(own) > 10:
            boxes.append((f"{stream.name}, only the first page of each", [document[:1] for document in own]))
    return [
        TrueStream(
            name, whole.select(np.concatenate(box)), find_breaks(np.repeat(np.arange(len(box)), [len(d) for d in box]))
        )
        for name, box in boxes
    ]


def _load_parts(root: Path, paths: list[str]) -> dict[str, Matrix]:
    key = hashlib.sha256("\n".join([*paths, *LOOKS_COLUMNS]).encode()).hexdigest()[:16]
    code = hashlib.sha256(Path(measure_looks.__code__.co_filename).read_bytes()).hexdigest()[:8]
    cache = Path(tempfile.gettempdir()) / f"quire-benchmark-streams-{key}-{code}.npz"
    if not cache.exists():
        parts = _embed_pages(root, paths)
        unfinished = cache.with_suffix(f".{os.getpid()}.npz")
        np.savez(unfinished, **parts)  # type: ignore[arg-type]
        unfinished.replace(cache)
    with np.load(cache) as loaded:
        return {part: loaded[part] for part in _PARTS}


def _embed_pages(root: Path, paths: list[str]) -> dict[str, Matrix]:
    """MobileNetV2 vectors of whole pages, heads and feet (224 px squashed, mean = deviation = 0.5), and looks."""
    import timm
    import torch
    from PIL import Image

    torch.set_num_threads(2)
    model = timm.create_model("mobilenetv2_100", pad_type="same", num_classes=1000)
    (weights,) = (root / "weights").glob("*.pt")
    model.load_state_dict({name: value.float() for name, value in torch.load(weights, weights_only=True).items()})
    model.reset_classifier(0)
    model.eval()

    def embed(pictures: list[Image.Image]) -> Matrix:
        small = [
            np.asarray(p.resize((_INPUT_PX, _INPUT_PX), Image.Resampling.BICUBIC), dtype=np.float32) for p in pictures
        ]
        batch = torch.from_numpy(np.stack(small).transpose(0, 3, 1, 2) / 127.5 - 1.0)
        with torch.inference_mode():
            vectors: NDArray[np.float32] = model(batch).numpy()
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    parts: dict[str, list[Matrix]] = {part: [] for part in _PARTS}
    for start in range(0, len(paths), _BATCH):
        pictures = []
        for path in paths[start : start + _BATCH]:
            with Image.open(root / path) as picture:
                pictures.append(picture.convert("RGB"))
        fifths = [round(picture.height / 5) for picture in pictures]
        parts["page"].append(embed(pictures))
        parts["head"].append(embed([p.crop((0, 0, p.width, f)) for p, f in zip(pictures, fifths, strict=True)]))
        parts["foot"].append(
            embed([p.crop((0, p.height - f, p.width, p.height)) for p, f in zip(pictures, fifths, strict=True)])
        )
        parts["looks"].append(np.stack([measure_looks(np.asarray(p), p.width, p.height) for p in pictures]))
    return {part: np.concatenate(blocks) for part, blocks in parts.items()}
