"""Embedders without weights, and the views of a page: values small enough to check by hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from support.models import make_pages

from indexer.embedding import COLOUR_DIMENSIONS, create_embedder, cut_foot, cut_head, embed_colour
from indexer.embedding.colour import colour_histogram, lab_of
from indexer.embedding.fitting import fit_page
from indexer.embedding.strokes import find_edges, layout, patterns, rhythm, strokes

DATA = Path(os.environ.get("QUIRE_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()


def stripes(*, across: bool) -> np.ndarray:
    """Lightness of a page with soft dark lines every 16 px, across it or down it."""
    wave = 50 + 50 * np.sin(np.arange(128) * 2 * np.pi / 16)
    page = np.repeat(wave[:, None], 128, axis=1).astype(np.float32)
    return page if across else np.ascontiguousarray(page.T)


def test_pixels_are_the_ink_of_the_squashed_page() -> None:
    """Two by two pixels, one black: one number is 1, the others 0."""
    embedder = create_embedder("pixels:2")
    page = np.full((2, 2, 3), 255, dtype=np.uint8)
    page[1, 0] = 0
    np.testing.assert_allclose(embedder.embed([embedder.prepare(page)]), [[0, 0, 1, 0]], atol=1e-6)


def test_longest_keeps_the_shape_and_squash_fills_the_square() -> None:
    """A black page twice as high as wide covers half of the square, or all of it."""
    page = np.zeros((200, 100, 3), dtype=np.uint8)
    assert (fit_page(page, 32, mode="longest") == 0).mean() == 0.5
    assert (fit_page(page, 32, mode="squash") == 0).all()


def test_lab_agrees_with_the_standard() -> None:
    """White, black and sRGB red have the values published for D65."""
    lab = lab_of(np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]], dtype=np.uint8))
    np.testing.assert_allclose(lab, [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20]], atol=0.05)


def test_a_colour_histogram_counts_each_pixel_once() -> None:
    """It sums to 1, also where colours lie beyond the outermost bin."""
    page = np.random.default_rng(0).integers(0, 255, (20, 20, 3), dtype=np.uint8)
    assert colour_histogram(page).sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("across", [True, False])
def test_edges_are_counted_by_their_orientation(across: bool) -> None:
    """Lines across the page give steps downwards (bin 4 of 8), lines down it steps sideways (bin 0)."""
    edges = find_edges(stripes(across=across))
    by_orientation = layout(edges).reshape(64, 8).sum(axis=0)
    assert by_orientation.argmax() == (4 if across else 0)
    assert by_orientation.max() > 0.9 * by_orientation.sum()
    assert strokes(edges).sum() == pytest.approx(1, abs=1e-4)
    assert patterns(stripes(across=across)).sum() == pytest.approx(1, abs=1e-4)


def test_rhythm_peaks_at_the_number_of_lines() -> None:
    """Eight lines on the page: the eighth frequency down the page is strongest, and none across it."""
    waves = rhythm(stripes(across=True))
    down, across = waves[:64], waves[64:]
    assert down.argmax() == 8 - 1
    assert across.max() < 1e-3 * down.max()


def test_classic_tells_a_smaller_copy_from_other_pages() -> None:
    """A page at two thirds of its size is most like itself."""
    embedder = create_embedder("classic")
    pages = make_pages(6)
    small = [fit_page(page, 96, mode="squash") for page in pages]
    vectors = embedder.embed([embedder.prepare(page) for page in [*pages, *small]])
    assert ((vectors[:6] @ vectors[6:].T).argmax(axis=1) == np.arange(6)).all()


@pytest.mark.data
def test_classic_puts_real_pages_with_their_kind() -> None:
    """Nearest centroid of ten pages each: over three quarters of the rest fall to their own category."""
    from PIL import Image

    embedder = create_embedder("classic")
    random = np.random.default_rng(0)
    known, held_out, truth = [], [], []
    for number, folder in enumerate(("comic", "diagram", "handwritten", "typed", "printed")):
        files = sorted((DATA / "categories" / folder).iterdir())
        chosen = [files[index] for index in random.permutation(len(files))[:30]]
        pages = [embedder.prepare(np.asarray(Image.open(file).convert("RGB"))) for file in chosen]
        vectors = embedder.embed(pages)
        known.append(vectors[:10].mean(axis=0))
        held_out.append(vectors[10:])
        truth += [number] * (len(vectors) - 10)
    centroids = np.stack(known) / np.linalg.norm(known, axis=1, keepdims=True)
    found = (np.concatenate(held_out) @ centroids.T).argmax(axis=1)
    assert (found == np.array(truth)).mean() > 0.75


def test_head_and_foot_are_a_fifth_each() -> None:
    """Rows come from the top and from the bottom; even a page of one row has both."""
    page = np.arange(10, dtype=np.uint8)[:, None, None].repeat(3, axis=2)
    assert cut_head(page)[:, 0, 0].tolist() == [0, 1]
    assert cut_foot(page)[:, 0, 0].tolist() == [8, 9]
    assert cut_head(page[:1]).shape == cut_foot(page[:1]).shape == (1, 1, 3)


def test_colour_vectors_put_a_faded_red_page_nearer_to_red_than_to_blue() -> None:
    """They are of unit length and fixed width, follow colour, and do without pages."""
    red, faded, blue = (
        np.full((30, 20, 3), value, dtype=np.uint8) for value in ((200, 40, 40), (210, 90, 80), (40, 40, 200))
    )
    vectors = embed_colour([red, faded, blue])
    assert vectors.shape == (3, COLOUR_DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    assert embed_colour([]).shape == (0, COLOUR_DIMENSIONS)
