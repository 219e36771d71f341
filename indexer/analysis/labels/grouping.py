"""Which pages must stay together when pages are held out: near-copies on both sides of a split would make any model look good.

Pages come in runs. The next page of a notebook has the same paper, scanner and hand, the next page of a letter its letterhead; a model that
has seen one of them has half seen the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.labels.values import GroupRule
from indexer.values import Labels

ENOUGH_GROUPS = 5
"""Groups that each label should have, so that each fold of five can get one."""
RUNS_OF_A_LABEL = 10
"""A series is cut into runs of a tenth of its label's pages, so that a label of one long series can be split at all."""
_LAST_NUMBER = re.compile(r"[0-9]+[^0-9]*$")


@dataclass(frozen=True, slots=True)
class PagePlace:
    """Where a page stands: what says which pages it belongs with. `name` is its file's, without folders."""

    root: str
    folders: tuple[str, ...]
    name: str
    document: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """`groups` int32 [N], numbered from 0 by first page; `by` is the rule that made them, never `auto`."""

    groups: Labels
    by: GroupRule

    @property
    def count(self) -> int:
        """How many groups there are."""
        return int(self.groups.max(initial=-1)) + 1


def group_pages(
    places: Sequence[PagePlace],
    labels: Labels,
    *,
    by: GroupRule = "auto",
    joined: Iterable[tuple[int, int]] = (),
) -> Grouping:
    """Groups of N pages that stand in shelf order, each with its label int32 [N].

    `notebook` is the first folder below the root, `folder` all folders, `document` what the library knows as one, `series` files whose
    names differ in their last number only, cut into runs, and `file` one file. `auto` takes the first of notebook, folder and series
    in which every label has five groups, or as many as it has pages. Pages `joined` (near-copies) and pages of one file are in one
    group in any case.
    """
    joined = list(joined)
    files = _number([(place.root, place.folders, place.name) for place in places])
    if by != "auto":
        return _join(_groups_by(by, places, labels, files), files, joined, by)
    for rule in _TRIED:
        found = _join(_groups_by(rule, places, labels, files), files, joined, rule)
        if _has_enough(found.groups, labels):
            return found
    return found


def count_groups(groups: Labels, labels: Labels, kinds: int) -> NDArray[np.int64]:
    """int64 [L]: in how many groups each of L labels occurs."""
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    return np.bincount(pairs[0], minlength=kinds)


_TRIED: tuple[GroupRule, ...] = ("notebook", "folder", "series")
assert {*_TRIED, "auto", "document", "file"} == set(get_args(GroupRule))


def _groups_by(rule: GroupRule, places: Sequence[PagePlace], labels: Labels, files: Labels) -> Labels:
    match rule:
        case "notebook":
            return _number([(place.root, place.folders[:1]) for place in places])
        case "folder":
            return _number([(place.root, place.folders) for place in places])
        case "document":
            return _number([place.document or (place.root, place.folders, place.name) for place in places])
        case "series":
            series = [
                (p.root, p.folders, series_of(p.name), int(label)) for p, label in zip(places, labels, strict=True)
            ]
            return _cut_runs(_number(series), labels, files)
        case _:
            return files


def series_of(name: str) -> str:
    """A file's name without its last number and what follows that: `letter_p` for `letter_p003.jpg`."""
    return _LAST_NUMBER.sub("", name.rpartition(".")[0] or name)


def _cut_runs(series: Labels, labels: Labels, files: Labels) -> Labels:
    """Each series in runs of at most a tenth of its label's pages; a file is never cut, so a run may be longer by the rest of one."""
    longest = np.maximum(np.bincount(labels) // RUNS_OF_A_LABEL, 1)
    run_of: dict[int, int] = {}
    length: dict[int, int] = {}
    last_file: dict[int, int] = {}
    cut: list[tuple[int, int]] = []
    for one, label, file in zip(series.tolist(), labels.tolist(), files.tolist(), strict=True):
        if length.get(one, 0) >= longest[label] and last_file[one] != file:
            run_of[one] = run_of.get(one, 0) + 1
            length[one] = 0
        length[one] = length.get(one, 0) + 1
        last_file[one] = file
        cut.append((one, run_of.get(one, 0)))
    return _number(cut)


def _join(groups: Labels, files: Labels, joined: Sequence[tuple[int, int]], by: GroupRule) -> Grouping:
    """Groups that share a file or a joined pair become one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.asarray(joined, dtype=np.int64).reshape(-1, 2)
    first_of_file = np.unique(files, return_index=True)[1][files]
    left = np.concatenate([groups, groups[pairs[:, 0]]])
    right = np.concatenate([groups[first_of_file], groups[pairs[:, 1]]])
    count = int(groups.max(initial=-1)) + 1
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(count, count))
    component = connected_components(graph, directed=False)[1] if count else np.empty(0, dtype=np.int32)
    return Grouping(_number(component[groups].tolist()), by)


def _has_enough(groups: Labels, labels: Labels) -> bool:
    pages = np.bincount(labels)
    wanted = np.minimum(pages, ENOUGH_GROUPS)
    return bool((count_groups(groups, labels, len(pages)) >= wanted).all())


def _number(keys: Sequence[object]) -> Labels:
    """int32 [N]: equal keys have equal numbers, given out in the order in which they are met."""
    numbers: dict[object, int] = {}
    return np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), dtype=np.int32, count=len(keys))
