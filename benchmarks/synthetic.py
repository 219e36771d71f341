"""Libraries of made-up vectors with real payloads, for sizes at which only the store counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from indexer.library import Library
from indexer.library.manifest import Root
from indexer.library.page_payload import page_to_payload, pages_spec
from indexer.settings import load_settings
from indexer.sources import page_id
from indexer.store.port import PointBatch
from indexer.values import Matrix, ModelSpec, Page, Payload

DIMENSIONS = 512
BLOCK = 10_000
_TOPICS = 200
_LATENT, _SPREAD, _NOISE = 24, 0.9, 0.25
"""Pages of a topic differ along 24 directions and a little in all: like embeddings of real pages, and unlike pure noise in 512 dimensions,
in which no index finds neighbours, because there are none."""


def make_vectors(count: int, *, block: int, seed: int = 0, dimensions: int = DIMENSIONS) -> Matrix:
    """float32 [count, D] of unit length: block number `block` of an endless row: scattered around 200 topics of unequal size."""
    topics = np.random.default_rng([seed, 1_000_003]).standard_normal((_TOPICS, dimensions), dtype=np.float32)
    topics /= np.linalg.norm(topics, axis=1, keepdims=True)
    latent = np.random.default_rng([seed, 1_000_033]).standard_normal((_LATENT, dimensions), dtype=np.float32)
    latent /= np.sqrt(np.float32(_LATENT * dimensions))
    dice = np.random.default_rng([seed, block])
    chosen = np.minimum(dice.geometric(0.015, count) - 1, _TOPICS - 1)
    # each page leans to a second topic, so that there are neighbours near and far
    leaning = topics[dice.integers(0, _TOPICS, count)] * dice.uniform(0, 0.6, (count, 1)).astype(np.float32)
    within = dice.standard_normal((count, _LATENT), dtype=np.float32) @ latent * np.float32(_SPREAD)
    noise = dice.standard_normal((count, dimensions), dtype=np.float32) * np.float32(_NOISE / np.sqrt(dimensions))
    vectors: Matrix = topics[chosen] + leaning + within + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def make_batches(count: int, *, dimensions: int = DIMENSIONS) -> Iterator[PointBatch]:
    """Pages in 500 folders and 50 labels, with all that indexing writes."""
    for block, begin in enumerate(range(0, count, BLOCK)):
        numbers = range(begin, min(begin + BLOCK, count))
        pages = [_make_page(number) for number in numbers]
        payloads: list[Payload] = [{**page_to_payload(page), "looks": _LOOKS} for page in pages]
        vectors = make_vectors(len(numbers), block=block, dimensions=dimensions)
        yield PointBatch([page.page_id for page in pages], payloads, {"page": vectors})


def create_library(place: Path, count: int, *, root: Path, optimize: bool = True) -> None:
    """A library of `count` pages of a model that no query here needs."""
    with Library.open(load_settings(library=place), create=True) as library:
        model = ModelSpec("pixels", DIMENSIONS, "made up")
        library.change_manifest(generation=1, model=model, roots=(Root("scans", str(root)),))
        spec = pages_spec({"page": DIMENSIONS}, expected_pages=count)
        collection = library.store.create(library.manifest.pages_collection, spec)
        for batch in make_batches(count):
            collection.upsert(batch)
        if optimize:
            collection.optimize()
        collection.flush()


_LOOKS = [round(0.0371 * n, 4) for n in range(22)]


def _make_page(number: int) -> Page:
    path = f"organization {number % 500:03}/box {number % 7}/scan_{number:07}.jpg"
    return Page(
        page_id=page_id(path, 1),
        root="scans",
        path=path,
        page_number=1,
        sha256=f"{number:064x}",
        bytes=1_000_000 + number,
        modified_ns=1_700_000_000_000_000_000 + number,
        width_px=2480,
        height_px=3508,
        folders=(path.split("/")[0], "/".join(path.split("/")[:2])),
        label=f"label {number % 50:02}",
        metadata={"year": 1900 + number % 80, "shelf": f"A{number % 300}"},
        flags=("blank",) if number % 40 == 0 else (),
    )
