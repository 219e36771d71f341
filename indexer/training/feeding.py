"""Pages on their way into a network: decoded, fitted, changed a little, gathered, always the same for the same seed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.fitting import fit_page
from indexer.embedding.torch_embedder import InputRecipe
from indexer.training.augment import augment_page
from indexer.values import Pixels

CACHED_BYTES = 2**30
"""Fitted pages kept in memory: 7,000 of 224 px. The others are decoded again in every epoch."""
_AHEAD = 2
"""Batches made ready while the network works on one."""

Rows = NDArray[np.int64]
LoadPixels = Callable[[int, int], Pixels]
"""A page by its row, decoded to at least so many px on its longer side; safe in many threads."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B pages by their rows int64 [B]: `pixels` uint8 [B, side, side, 3]."""

    rows: Rows
    pixels: NDArray[np.uint8]


class Feeder:
    """Makes batches of pages, decoded and fitted by several threads at once."""

    def __init__(self, load: LoadPixels, *, workers: int, cached_bytes: int = CACHED_BYTES) -> None:
        self._load = load
        self._workers = max(workers, 1)
        self._budget = cached_bytes
        self._cache: dict[int, Pixels] = {}
        self._cached_for: InputRecipe | None = None
        self._guard = threading.Lock()

    def batches(
        self, parts: Sequence[Rows], recipe: InputRecipe, *, drawn_by: tuple[int, ...] | None = None
    ) -> Generator[Batch]:
        """A batch for each of `parts`, in order. With `drawn_by`, pages are augmented, each by a generator of these numbers and its row."""
        self._begin(recipe)
        with ThreadPoolExecutor(self._workers, thread_name_prefix="quire-train") as pool:
            waiting: deque[tuple[Rows, list[Future[Pixels]]]] = deque()
            try:
                for part in parts:
                    waiting.append((part, [pool.submit(self._page, int(row), recipe, drawn_by) for row in part]))
                    if len(waiting) > _AHEAD:
                        yield _gather(*waiting.popleft())
                while waiting:
                    yield _gather(*waiting.popleft())
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self, recipe: InputRecipe) -> None:
        with self._guard:
            if self._cached_for != recipe:
                self._cache.clear()
                self._cached_for = recipe

    def _page(self, row: int, recipe: InputRecipe, drawn_by: tuple[int, ...] | None) -> Pixels:
        page = self._cache.get(row)
        if page is None:
            pixels = self._load(row, 2 * recipe.side_px)
            page = fit_page(pixels, recipe.side_px, mode=recipe.mode, filter_name=recipe.filter_name)
            with self._guard:
                if (len(self._cache) + 1) * page.nbytes <= self._budget:
                    self._cache[row] = page
        return page if drawn_by is None else augment_page(page, np.random.default_rng([*drawn_by, row]))


def _gather(rows: Rows, pages: list[Future[Pixels]]) -> Batch:
    return Batch(rows, np.stack([page.result() for page in pages]))
