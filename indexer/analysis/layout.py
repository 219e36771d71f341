"""The map: positions in 2 or 3 dimensions in which pages that look alike lie close together.

t-SNE by openTSNE (Poličar et al., JSS 109, 2024; interpolation by Linderman et al., Nature Methods 16, 2019), UMAP by
umap-learn (McInnes et al., arXiv:1802.03426), or the first principal components alone. All begin with a reduction to
50 dimensions by PCA, which takes most of the time out of the search for neighbours and hardly changes who they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from indexer.errors import UsageError
from indexer.values import Matrix, Vector

Method = Literal["tsne", "umap", "pca"]

REDUCED_DIMENSIONS = 50
"""Principal components kept for t-SNE and UMAP."""
PERPLEXITY = 30
"""How many neighbours, roughly, t-SNE attends to; at most a third of the other pages."""
UMAP_NEIGHBOURS = 15
FEW_PAGES = 12
"""Below this many pages there are no neighbourhoods to learn: every method gives the principal components."""
ONE_THREAD_PAGES = 2_000
"""Below this many pages t-SNE runs on one thread, some seconds: several wait for each other in every small step, and on a busy machine
1,000 pages took 17 s of two cores instead of 2.4 s of one."""
_BLOCK = 16_384


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """A projection on principal components. `mean` float32 [D], `components` float32 [D, d], orthonormal."""

    mean: Vector
    components: Matrix

    def apply(self, vectors: Matrix) -> Matrix:
        """Float32 [N, d]: the coordinates of `vectors` [N, D] along the components."""
        return np.asarray(vectors @ self.components - self.mean @ self.components, dtype=np.float32)


def lay_out(
    vectors: Matrix,
    *,
    method: Method = "tsne",
    dims: Literal[2, 3] = 2,
    seed: int = 0,
    initial: Matrix | None = None,
    threads: int = -1,
    progress: Callable[[int, int], None] | None = None,
) -> Matrix:
    """Float32 [N, dims]: a position for each of `vectors` [N, D], in their order.

    The same input and seed give the same map on the same machine. `initial` [N, dims] is an earlier map to begin
    from, so that a map made again looks like the one before. `progress` is told (steps done, steps in all) while
    t-SNE runs, and may raise to stop it. `threads` is for t-SNE of many pages, -1 being one a core; UMAP runs on one,
    without which it would not repeat itself.

    Raises:
        UsageError: a method or a number of dimensions there is not, or an `initial` that does not fit.
    """
    _check(vectors, method, dims, initial)
    if len(vectors) == 0:
        return np.empty((0, dims), dtype=np.float32)
    reduced = fit_reduction(vectors, REDUCED_DIMENSIONS).apply(vectors)
    first = _pad(reduced[:, :dims], dims)
    if method == "pca" or len(vectors) < FEW_PAGES:
        return first
    begin = _spread(first if initial is None else initial.astype(np.float32), seed)
    if method == "umap":
        return _lay_out_umap(reduced, begin, seed)
    return _lay_out_tsne(reduced, begin, seed, threads, progress)


def fit_reduction(vectors: Matrix, dimensions: int) -> Reduction:
    """The `dimensions` principal components of `vectors` [N, D], or fewer where N or D are smaller.

    By the eigenvectors of the covariance, summed in blocks in float64; each component points to where its largest entry
    is positive, so that no map is the mirror image of the one before.
    """
    from scipy.linalg import eigh

    width = vectors.shape[1]
    kept = max(min(dimensions, len(vectors), width), 1)
    total, moment = np.zeros(width), np.zeros((width, width))
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK].astype(np.float32)
        total += block.sum(axis=0, dtype=np.float64)
        moment += block.T @ block
    mean = total / max(len(vectors), 1)
    covariance = moment / max(len(vectors), 1) - np.outer(mean, mean)
    # Only the wanted eigenvectors: of 1,280 dimensions, that takes a third of the time of all.
    components = eigh(covariance, subset_by_index=[width - kept, width - 1])[1][:, ::-1]
    signs = np.sign(components[np.abs(components).argmax(axis=0), np.arange(kept)])
    return Reduction(mean.astype(np.float32), (components * signs).astype(np.float32))


def _check(vectors: Matrix, method: str, dims: int, initial: Matrix | None) -> None:
    if method not in ("tsne", "umap", "pca"):
        raise UsageError(f"There is no map method {method!r}; choose tsne, umap or pca.")
    if dims not in (2, 3):
        raise UsageError(f"A map has 2 or 3 dimensions, not {dims}.")
    if initial is not None and initial.shape != (len(vectors), dims):
        expected = (len(vectors), dims)
        raise UsageError(f"The earlier map has the shape {initial.shape}, but {expected} is needed: leave it out.")


def _pad(points: Matrix, dims: int) -> Matrix:
    missing = dims - points.shape[1]
    return np.ascontiguousarray(np.pad(points, ((0, 0), (0, missing))), dtype=np.float32)


def _spread(points: Matrix, seed: int) -> Matrix:
    """`points` around 0 with a largest standard deviation of 1 and a hair of noise, so that equal pages can part."""
    centred = points - points.mean(axis=0)
    noise = np.random.default_rng(seed).normal(scale=1e-4, size=points.shape)
    return np.asarray(centred / max(float(centred.std(axis=0).max()), 1e-12) + noise, dtype=np.float32)


def _lay_out_tsne(
    reduced: Matrix, begin: Matrix, seed: int, threads: int, progress: Callable[[int, int], None] | None
) -> Matrix:
    from openTSNE import TSNE

    pages, dims = begin.shape
    tsne = TSNE(
        n_components=dims,
        perplexity=min(PERPLEXITY, (pages - 1) / 3),
        # "auto" takes the tree below 10,000 pages, interpolation above; its grid is made for at most two dimensions.
        negative_gradient_method="auto" if dims == 2 else "bh",
        n_jobs=threads if pages >= ONE_THREAD_PAGES else 1,
        random_state=seed,
        callbacks=_Teller(progress) if progress is not None else None,
        callbacks_every_iters=25,
    )
    # openTSNE asks for a beginning with a standard deviation of 0.0001; scikit-learn's checks name their own future.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        found = tsne.fit(reduced.astype(np.float64), initialization=begin.astype(np.float64) * 1e-4)
    return np.array(found, dtype=np.float32)


class _Teller:
    """Counts the steps of openTSNE's two phases (250 and 500) for `progress`."""

    def __init__(self, progress: Callable[[int, int], None]) -> None:
        self._progress = progress
        self._done = 0

    def optimization_about_to_start(self) -> None:
        """Called by openTSNE before each phase."""

    def __call__(self, iteration: int, error: float, embedding: object) -> bool:
        self._done += 25
        self._progress(min(self._done, 750), 750)
        return False


def _lay_out_umap(reduced: Matrix, begin: Matrix, seed: int) -> Matrix:
    with warnings.catch_warnings():
        # numba and umap-learn warn of their own insides at import and for small inputs; nothing a caller could change.
        warnings.simplefilter("ignore")
        from umap import UMAP

        found = UMAP(
            n_components=begin.shape[1],
            n_neighbors=min(UMAP_NEIGHBOURS, len(reduced) - 1),
            init=begin * 10 / max(float(np.abs(begin).max()), 1e-12),
            random_state=seed,
            n_jobs=1,
        ).fit_transform(reduced)
    return np.asarray(found, dtype=np.float32)
