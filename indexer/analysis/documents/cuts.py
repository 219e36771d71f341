"""Two simple ways to cut a stream, kept to compare with: a threshold, and merging neighbours while they are alike."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents.streams import Breaks
from indexer.values import Matrix


def cut_by_threshold(unlikeness: NDArray[np.float64], threshold: float) -> Breaks:
    """A break wherever two neighbours are more unlike than the threshold: [N − 1] -> bool [N − 1]."""
    return np.asarray(unlikeness > threshold, dtype=np.bool_)


def find_threshold(unlikeness: NDArray[np.float64]) -> float:
    """The threshold that parts the values best into two heaps (Otsu 1979, doi:10.1109/TSMC.1979.4310076); no truth is looked at.

    It is the highest value of the lower heap; infinite where there are fewer than two values.
    """
    if len(unlikeness) < 2:
        return float("inf")
    ranked = np.sort(unlikeness)
    low = np.arange(1, len(ranked))
    sums = np.cumsum(ranked)[:-1]
    gap = sums / low - (ranked.sum() - sums) / (len(ranked) - low)
    return float(ranked[int((low * (len(ranked) - low) * gap**2).argmax())])


def measure_neighbours(vectors: Matrix) -> NDArray[np.float64]:
    """1 − cosine of each page and the next, float64 [N − 1]; `vectors` are of unit length."""
    left, right = vectors[:-1].astype(np.float32), vectors[1:].astype(np.float32)
    return np.asarray(1.0 - np.einsum("nd,nd->n", left, right), dtype=np.float64)


def cut_by_merging(vectors: Matrix, distance_threshold: float) -> Breaks:
    """Adjacency-constrained average linkage: bool [N − 1], the breaks left when no neighbours are near enough to merge.

    Of all neighbouring documents the two whose pages are most alike in the mean (1 − mean cosine) merge first, ties in shelf order,
    until the least distance exceeds the threshold. O(N log N) merges, each of one vector sum.
    """
    count = len(vectors)
    sums = vectors.astype(np.float64)
    sizes = np.ones(count)
    after, before = list(range(1, count + 1)), list(range(-1, count - 1))
    version = [0] * count
    heap: list[tuple[float, int, int, int]] = []

    def offer(left: int) -> None:
        right = after[left]
        if right < count:
            distance = 1.0 - float(sums[left] @ sums[right]) / (sizes[left] * sizes[right])
            heapq.heappush(heap, (distance, left, version[left], version[right]))

    for page in range(count - 1):
        offer(page)
    breaks = np.ones(max(count - 1, 0), dtype=np.bool_)
    while heap and heap[0][0] <= distance_threshold:
        _, left, left_version, right_version = heapq.heappop(heap)
        right = after[left]
        if right >= count or version[left] != left_version or version[right] != right_version:
            continue
        breaks[right - 1] = False
        sums[left] += sums[right]
        sizes[left] += sizes[right]
        version[left] += 1
        version[right] = -1
        after[left] = after[right]
        if after[left] < count:
            before[after[left]] = left
        offer(left)
        if before[left] >= 0:
            offer(before[left])
    return breaks
