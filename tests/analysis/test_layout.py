"""The map: seeded, continued from an earlier one, and safe for few or equal pages; a sample's map takes in the rest."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.analysis.layout import Method, fit_reduction, lay_out
from indexer.analysis.placing import choose_sample, place_by_neighbours
from indexer.errors import UsageError
from indexer.values import Matrix


def _two_heaps(pages: int, width: int = 16) -> Matrix:
    """Unit vectors around two directions, the first half around one and the second around the other."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(scale=0.1, size=(pages, width))
    vectors[: pages // 2, 0] += 1
    vectors[pages // 2 :, 1] += 1
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("method", ["tsne", "umap", "pca"])
def test_pages_that_look_alike_lie_together(method: Method) -> None:
    """On every map the nearest neighbour of each page is of its own heap, and the same seed gives the same map."""
    vectors = _two_heaps(60)
    points = lay_out(vectors, method=method, seed=3, threads=1)
    assert points.shape == (60, 2)
    assert points.dtype == np.float32
    apart = ((points[:, None] - points) ** 2).sum(axis=2) + np.diag(np.full(60, np.inf))
    assert ((apart.argmin(axis=1) < 30) == (np.arange(60) < 30)).all()
    assert np.array_equal(points, lay_out(vectors, method=method, seed=3, threads=1))


@pytest.mark.parametrize("pages", [0, 1, 2, 3, 11, 12, 14])
@pytest.mark.parametrize("dims", [2, 3])
def test_few_pages_have_a_map_too(pages: int, dims: int) -> None:
    """From no page on there is one finite position for each, whatever the number of dimensions."""
    points = lay_out(_two_heaps(14)[:pages], method="tsne", dims=dims, threads=1)  # type: ignore[arg-type]
    assert points.shape == (pages, dims)
    assert np.isfinite(points).all()


@pytest.mark.parametrize("method", ["tsne", "umap", "pca"])
def test_equal_pages_have_finite_positions(method: Method) -> None:
    """Twenty copies of one page neither divide by zero nor warn."""
    assert np.isfinite(lay_out(np.repeat(_two_heaps(2)[:1], 20, axis=0), method=method, threads=1)).all()


def test_an_earlier_map_keeps_its_sides() -> None:
    """A map begun from its mirror image stays mirrored: the first heap lies where the earlier map had it."""
    vectors = _two_heaps(60)
    earlier = lay_out(vectors, method="pca") * np.float32(-1)
    points = lay_out(vectors, initial=earlier, threads=1)
    assert np.sign(points[:30, 0].mean()) == np.sign(earlier[:30, 0].mean())


def test_progress_is_told_until_the_end() -> None:
    """t-SNE reports its steps in rising order and ends with all of them."""
    told: list[tuple[int, int]] = []
    lay_out(_two_heaps(20), threads=1, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (750, 750)


def test_unfit_wishes_are_refused() -> None:
    """Unknown methods, four dimensions and an earlier map of other pages are named in the error."""
    with pytest.raises(UsageError, match="tsne, umap or pca"):
        lay_out(_two_heaps(4), method="som")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="2 or 3"):
        lay_out(_two_heaps(4), dims=4)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="earlier map"):
        lay_out(_two_heaps(4), initial=np.zeros((3, 2), dtype=np.float32))


def test_principal_components_keep_distances_in_full_width() -> None:
    """With as many components as dimensions the projection is a rotation, and its first axis spreads widest."""
    vectors = _two_heaps(40)
    turned = fit_reduction(vectors, 16).apply(vectors)
    assert np.allclose(
        np.linalg.norm(vectors[0] - vectors, axis=1), np.linalg.norm(turned[0] - turned, axis=1), atol=1e-4
    )
    assert turned.std(axis=0).argmax() == 0


def test_a_page_of_the_sample_is_placed_where_it_lies() -> None:
    """Placing the sample itself gives its own map back, in blocks of any size."""
    vectors, positions = _two_heaps(40), np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    placed = place_by_neighbours([vectors[:7], vectors[7:]], vectors, positions)
    assert np.allclose(placed, positions, atol=1e-3)


def test_others_are_placed_among_their_own() -> None:
    """Pages outside the sample land on their heap's side; a sample of one page places all there."""
    vectors = _two_heaps(40)
    sample = np.arange(0, 40, 2)
    sides = np.where(np.arange(40) < 20, -1, 1).astype(np.float32)
    positions = np.stack([sides, sides], axis=1)[sample]
    placed = place_by_neighbours([vectors], vectors[sample], positions, neighbours=3)
    assert (np.sign(placed[:, 0]) == sides).all()
    assert len(place_by_neighbours([vectors], vectors[:1], positions[:1])) == 40


def test_no_others_and_no_sample() -> None:
    """No block gives an empty map; without a sample nothing can be placed."""
    vectors, positions = _two_heaps(4), np.zeros((4, 2), dtype=np.float32)
    assert place_by_neighbours([], vectors, positions).shape == (0, 2)
    with pytest.raises(UsageError, match="sample"):
        place_by_neighbours([vectors], vectors[:0], positions[:0])


def test_the_sample_is_ascending_seeded_and_all_where_it_can_be() -> None:
    """A small library is its own sample; of a larger one, the same seed draws the same pages."""
    assert choose_sample(5, size=10).tolist() == [0, 1, 2, 3, 4]
    drawn = choose_sample(1000, size=10, seed=4)
    assert len(set(drawn.tolist())) == 10
    assert drawn.tolist() == sorted(drawn.tolist()) == choose_sample(1000, size=10, seed=4).tolist()
