"""What holds for every kind of embedder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.models import TINY_CLIP, TINY_CONVNET, TINY_TIMM, make_pages, save_tiny_clip, save_tiny_timm

from indexer.embedding import Embedder, create_embedder


@pytest.fixture(params=["classic", "pixels", "open_clip", "timm transformer", "timm convnet"], scope="module")
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    """One embedder of each kind, in float32 on the CPU."""
    folder: Path = tmp_path_factory.mktemp("weights")
    names = {
        "open_clip": f"open_clip:{TINY_CLIP}",
        "timm transformer": f"timm:{TINY_TIMM}",
        "timm convnet": f"timm:{TINY_CONVNET}?input_px=64",
    }
    saved = {
        "open_clip": lambda: save_tiny_clip(folder),
        "timm transformer": lambda: save_tiny_timm(folder, TINY_TIMM),
        "timm convnet": lambda: save_tiny_timm(folder, TINY_CONVNET),
    }
    name = names.get(request.param, request.param)
    checkpoint = saved[request.param]() if request.param in saved else None
    return create_embedder(name, checkpoint=checkpoint, precision="float32", device="cpu")


def test_rows_are_of_unit_length_and_of_the_promised_width(embedder: Embedder) -> None:
    """Vectors are float32 [N, D] of length 1."""
    vectors = embedder.embed([embedder.prepare(page) for page in make_pages(4)])
    assert vectors.shape == (4, embedder.spec.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_page_gets_the_same_vector_alone_and_in_any_batch(embedder: Embedder) -> None:
    """Neither the other pages nor their order change a page's vector, and rows come in the order given."""
    prepared = [embedder.prepare(page) for page in make_pages(5)]
    together = embedder.embed(prepared)
    alone = np.concatenate([embedder.embed([page]) for page in prepared])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(embedder.embed(prepared[::-1]), alone[::-1], atol=1e-5)
    assert np.abs(alone[0] - alone[1]).max() > 1e-3, "different pages must differ, or the rest shows nothing"


def test_more_pages_than_a_batch_are_all_embedded(embedder: Embedder) -> None:
    """The last, partial batch is not lost."""
    page = embedder.prepare(make_pages(1)[0])
    vectors = embedder.embed([page] * (embedder.batch_size + 3))
    assert len(vectors) == embedder.batch_size + 3
    np.testing.assert_allclose(vectors[-1], vectors[0], atol=1e-5)


def test_no_pages_give_no_rows(embedder: Embedder) -> None:
    """N may be 0."""
    assert embedder.embed([]).shape == (0, embedder.spec.dimensions)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_page_of_one_grey_gets_a_valid_vector(embedder: Embedder, grey: int) -> None:
    """Blank and black pages have no NaN and are of unit length like any other."""
    page = np.full((40, 30, 3), grey, dtype=np.uint8)
    vector = embedder.embed([embedder.prepare(page)])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (50, 2000)])
def test_any_shape_of_page_is_prepared(embedder: Embedder, shape: tuple[int, int]) -> None:
    """The thinnest strip becomes the one size that the embedder takes."""
    prepared = embedder.prepare(np.zeros((*shape, 3), dtype=np.uint8))
    side = embedder.spec.input_px
    assert prepared.shape == (side, side, 3)
    assert prepared.dtype == np.uint8
    assert np.isfinite(embedder.embed([prepared])).all()


def test_ink_at_every_edge_of_the_page_reaches_the_model(embedder: Embedder) -> None:
    """Nothing is cropped away: a dark band along any edge is seen in what the model is given."""
    page = np.full((400, 300, 3), 255, dtype=np.uint8)
    blank = embedder.prepare(page)
    for band in (np.s_[:20], np.s_[-20:], np.s_[:, :20], np.s_[:, -20:]):
        marked = page.copy()
        marked[band] = 0
        assert (embedder.prepare(marked).astype(int) - blank).min() < -80
