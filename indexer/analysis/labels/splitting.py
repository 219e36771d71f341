"""Folds and splits of labelled pages: grouped, so that no group is on two sides, and stratified, so that each side has all labels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.labels.grouping import count_groups
from indexer.errors import UsageError
from indexer.values import Labels

FOLDS = 5
LEAST_GROUPS = 3
"""A label in fewer groups than this can't be in each of training, validation and test."""
TRAIN, VALIDATION, TEST = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """`parts` int8 [N]: 0 to learn from (about three fifths), 1 to choose by (a fifth), 2 to be judged by (a fifth)."""

    parts: NDArray[np.int8]

    def rows(self, part: int) -> NDArray[np.int64]:
        """Positions of the pages of one part, ascending."""
        return np.flatnonzero(self.parts == part)


def find_rare(labels: Labels, groups: Labels, kinds: int) -> NDArray[np.int64]:
    """Labels in too few groups to be split, ascending."""
    return np.flatnonzero(count_groups(groups, labels, kinds) < LEAST_GROUPS)


def make_folds(labels: Labels, groups: Labels, *, seed: int = 0) -> NDArray[np.int8]:
    """int8 [N]: one of five folds for each page. A group is in one fold; labels are spread as evenly as groups allow.

    Some folds are empty where no label has five pages. scikit-learn's `StratifiedGroupKFold`; the same pages, groups and seed
    give the same folds.

    Raises:
        UsageError: fewer than two labels, or a label in fewer than three groups.
    """
    kinds = int(labels.max(initial=-1)) + 1
    if kinds < 2:
        raise UsageError("There are pages of one label only, or none at all; something to tell apart is needed.")
    if len(rare := find_rare(labels, groups, kinds)):
        raise UsageError(f"{len(rare)} labels are in fewer than {LEAST_GROUPS} groups; leave them out.")
    from sklearn.model_selection import StratifiedGroupKFold

    folds = np.zeros(len(labels), dtype=np.int8)
    with warnings.catch_warnings():
        # It warns where a label has fewer pages than there are folds; that is met by choosing who plays which part.
        warnings.simplefilter("ignore", UserWarning)
        count = min(FOLDS, int(np.bincount(labels).max()))
        maker = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=seed)
        for number, (_, held_out) in enumerate(maker.split(labels, labels, groups)):
            folds[held_out] = number
    return folds


def split_pages(labels: Labels, groups: Labels, *, seed: int = 0) -> Split:
    """A split of N pages: one fold to choose by, one to be judged by, the other three to learn from.

    Which fold plays which part is chosen so that as many labels as possible are in all three, and their shares are most alike; ties go
    to the lower fold. Raises as `make_folds` does.
    """
    folds = make_folds(labels, groups, seed=seed)
    table = np.zeros((FOLDS, int(labels.max()) + 1), dtype=np.int64)
    np.add.at(table, (folds, labels), 1)
    validation, test = min(permutations(range(FOLDS), 2), key=lambda chosen: _badness(table, *chosen))
    parts = np.zeros(len(labels), dtype=np.int8)
    parts[folds == validation] = VALIDATION
    parts[folds == test] = TEST
    return Split(parts)


def _badness(table: NDArray[np.int64], validation: int, test: int) -> tuple[int, float]:
    """Labels missing in a part, then how far the parts' counts are from a fifth, three fifths, a fifth of each label."""
    total = table.sum(axis=0)
    parts = np.stack([total - table[validation] - table[test], table[validation], table[test]])
    wanted = np.array([[0.6], [0.2], [0.2]]) * total
    return int((parts == 0).sum()), float(((parts - wanted) ** 2 / wanted).sum())
