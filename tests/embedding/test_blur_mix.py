"""Blur levels joined in one vector: what they weigh, how they are written down, what can't be."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike
from support.models import make_pages

from indexer.embedding import create_embedder, make_blur_mix, parse_blur_mix, widen_query
from indexer.embedding.blur_mix import blur_pixels, mix_levels
from indexer.embedding.registry import check_same
from indexer.errors import ModelMismatchError, UsageError
from indexer.values import Matrix


def _unit(rows: ArrayLike) -> Matrix:
    matrix = np.asarray(rows, dtype=np.float32)
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True), dtype=np.float32)


def test_a_mix_weighs_the_cosines_of_its_levels() -> None:
    """Pages alike in colour only have the cosine that the weights give to colour; rows stay of unit length."""
    sharp, soft = _unit([[1, 0], [0, 1]]), _unit([[1, 1], [1, 1]])
    mixed = mix_levels([sharp, soft], [3, 1])
    assert np.allclose(np.linalg.norm(mixed, axis=1), 1)
    assert mixed[0] @ mixed[1] == pytest.approx(0.25)


def test_blur_keeps_the_mean_colour_and_takes_the_strokes() -> None:
    """A page of stripes turns grey, and no blur is no change."""
    stripes = np.zeros((32, 32, 3), dtype=np.uint8)
    stripes[::2] = 200
    soft = blur_pixels(stripes, 4)
    assert soft.dtype == np.uint8
    assert abs(float(soft.mean()) - 100) < 6
    assert soft[8:24].std() < 5
    assert np.array_equal(blur_pixels(stripes, 0), stripes)


def test_a_mix_is_written_down_and_read_back() -> None:
    """In one line, least blurred first, with shares of the weights; the sharp page alone is no mix."""
    mix = make_blur_mix([16, 0, 4], [1, 2, 1])
    assert str(mix) == "0:0.5,4:0.25,16:0.25"
    assert parse_blur_mix(str(mix)) == mix
    assert make_blur_mix([0]) is None
    assert parse_blur_mix("") is None
    assert str(make_blur_mix([0, 8])) == "0:0.5,8:0.5"


@pytest.mark.parametrize(
    ("radii", "weights"),
    [
        ([], None),
        ([0, 4], [1]),
        ([0, 4], [1, 0]),
        ([0, 0], None),
        ([-1], None),
        ([float("nan")], None),
        ([0, 4], [1, float("nan")]),
    ],
)
def test_mixes_that_cannot_be_are_refused(radii: list[float], weights: list[float] | None) -> None:
    """No level, a missing weight, one that is not above 0, a level twice, a radius below 0."""
    with pytest.raises(UsageError):
        make_blur_mix(radii, weights)


@pytest.mark.parametrize("model", ["classic", "pixels"])
def test_a_mixed_embedder_joins_the_vectors_of_the_blurred_pages(model: str) -> None:
    """Its cosine is the weighed mean of the cosines at each level, in any batch; the spec says so, and fits no other mix."""
    mix = make_blur_mix([0, 8], [3, 1])
    mixed, plain = create_embedder(model, blur_mix=mix), create_embedder(model)
    pages = make_pages(3)
    vectors = mixed.embed([mixed.prepare(page) for page in pages])
    assert vectors.shape == (3, 2 * plain.spec.dimensions) == (3, mixed.spec.dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    sharp = [plain.prepare(page) for page in pages]
    soft = [blur_pixels(page, 8 * plain.spec.input_px / 224) for page in sharp]
    one, other = plain.embed(sharp), plain.embed(soft)
    np.testing.assert_allclose(vectors @ vectors.T, 0.75 * one @ one.T + 0.25 * other @ other.T, atol=1e-4)
    np.testing.assert_allclose(mixed.embed([mixed.prepare(pages[1])])[0], vectors[1], atol=1e-5)
    assert mixed.embed([]).shape == (0, mixed.spec.dimensions)
    assert mixed.spec.blur_mix == "0:0.75,8:0.25"
    with pytest.raises(ModelMismatchError, match="blur mix"):
        check_same(mixed.spec, plain.spec)


def test_words_are_compared_with_the_sharp_level() -> None:
    """A query that knows nothing of blur keeps its order of pages."""
    mix = make_blur_mix([0, 4])
    pages = _unit(np.random.default_rng(0).normal(size=(5, 4)))
    query = _unit([[1, 2, 3, 4]])
    wide = widen_query(query, mix)
    assert wide.shape == (1, 8)
    joined = mix_levels([pages, _unit(np.ones((5, 4)))], [1, 1])
    np.testing.assert_allclose(joined @ wide[0], (pages @ query[0]) * 0.5**0.5, atol=1e-6)
    assert widen_query(query, None) is query
