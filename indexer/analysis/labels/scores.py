"""How good a way of telling labels is: accuracy, precision and recall, confusion, calibration, with intervals that know of groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.labels.values import Chances
from indexer.values import Labels

BINS = 10
DRAWS = 2_000
_AT_ONCE_CELLS = 8 * 2**20

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class LabelFigures:
    """Figures of N judged pages with L labels.

    `accuracy` is the share of pages whose likeliest label is theirs; `macro_f1` the mean of F1 over the labels that occur. `precision`,
    `recall`, `f1` float64 [L] are 0 where nothing can be said. `confusion` int64 [L, L]: rows are true labels, columns those told.
    `calibration_error` is the expected one over ten bins (Guo et al., ICML 2017, arXiv:1706.04599): by how much confidence and
    accuracy differ, in the mean over pages. `bins` are (mean confidence, accuracy, pages) of those that have any.
    """

    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    confusion: NDArray[np.int64]
    calibration_error: float
    bins: list[tuple[float, float, int]]


def measure_labels(
    chances: Chances, labels: Labels, groups: Labels, *, draws: int = DRAWS, seed: int = 0
) -> LabelFigures:
    """The figures of `chances` [N, L] against the true `labels` [N].

    Intervals hold 95 % of bootstrap draws. Whole groups are drawn, not pages: pages of one notebook are right or wrong together, and
    intervals that ignore it are too narrow (Field & Welsh, J. R. Stat. Soc. B 69, 2007).
    """
    told = chances.argmax(axis=1)
    kinds = chances.shape[1]
    confusion = np.zeros((kinds, kinds), dtype=np.int64)
    np.add.at(confusion, (labels, told), 1)
    precision, recall, f1 = _ratios(np.diagonal(confusion), confusion.sum(axis=0), confusion.sum(axis=1))
    accuracies, macros = _draw(told, labels, groups, kinds, draws=draws, seed=seed)
    bins = _reliability(chances, told == labels)
    return LabelFigures(
        accuracy=float((told == labels).mean()),
        accuracy_interval=_interval(accuracies),
        macro_f1=float(f1[confusion.sum(axis=1) > 0].mean()),
        macro_f1_interval=_interval(macros),
        precision=precision,
        recall=recall,
        f1=f1,
        confusion=confusion,
        calibration_error=sum(pages * abs(sure - right) for sure, right, pages in bins) / len(labels),
        bins=bins,
    )


def compare_accuracy(
    told: Labels, other: Labels, labels: Labels, groups: Labels, *, draws: int = DRAWS, seed: int = 0
) -> tuple[float, Interval]:
    """By how much the accuracy of `told` [N] is above that of `other` [N] on the same pages, with its 95 % interval, groups drawn whole."""
    gain = (told == labels).astype(np.float64) - (other == labels)
    sums, sizes = _by_group(groups, gain, np.ones(len(gain)))
    counts = _draw_groups(len(sizes), draws=draws, seed=seed)
    return float(gain.mean()), _interval((counts @ sums) / np.maximum(counts @ sizes, 1))


def _draw(
    told: Labels, labels: Labels, groups: Labels, kinds: int, *, draws: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy and macro F1 of each draw of groups, with replacement."""
    hit = told == labels
    right, said, true = (
        _table(groups, labels[hit], kinds, rows=hit),
        _table(groups, told, kinds),
        _table(groups, labels, kinds),
    )
    counts = _draw_groups(right.shape[0], draws=draws, seed=seed)
    hits, told_of, true_of = counts @ right, counts @ said, counts @ true
    accuracies = hits.sum(axis=1) / np.maximum(true_of.sum(axis=1), 1)
    f1 = 2 * hits / np.maximum(told_of + true_of, 1)
    occurs = true_of > 0
    return accuracies, (f1 * occurs).sum(axis=1) / np.maximum(occurs.sum(axis=1), 1)


def _draw_groups(count: int, *, draws: int, seed: int) -> NDArray[np.float64]:
    """float64 [draws, G]: how often each group is in each draw; fewer draws where there are very many groups."""
    draws = max(min(draws, _AT_ONCE_CELLS // max(count, 1)), 100)
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1.0 / count), size=draws).astype(np.float64)


def _table(groups: Labels, values: Labels, kinds: int, *, rows: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """float64 [G, L]: pages of each group with each value."""
    number = np.unique(groups, return_inverse=True)[1]
    table = np.zeros((int(number.max(initial=-1)) + 1, kinds))
    np.add.at(table, (number if rows is None else number[rows], values), 1)
    return table


def _by_group(groups: Labels, *values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    number = np.unique(groups, return_inverse=True)[1]
    return [np.bincount(number, weights=one).astype(np.float64) for one in values]


def _ratios(
    hits: NDArray[np.int64], told: NDArray[np.int64], true: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    precision = hits / np.maximum(told, 1)
    recall = hits / np.maximum(true, 1)
    return precision, recall, 2 * hits / np.maximum(told + true, 1)


def _reliability(chances: Chances, right: NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    sure = chances.max(axis=1).astype(np.float64)
    place = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    found = []
    for number in range(BINS):
        inside = place == number
        if inside.any():
            found.append((float(sure[inside].mean()), float(right[inside].mean()), int(inside.sum())))
    return found


def _interval(values: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
