"""Names that survive: which new cluster goes on under which group after pages were clustered anew.

Groups are carried by their members. A new cluster may inherit a group only if nearly all of its pages had that group
before; whatever is less sure becomes a question, and the pages it is about keep the group they had until it is
answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from indexer.errors import UsageError
from indexer.values import Labels

Indices = NDArray[np.int32]
"""int32 [M], positions of pages, ascending."""

QuestionKind = Literal["split", "merge", "strays", "lost", "unplaced"]

SURE_SHARE = 0.8
"""The share of a new cluster's pages that must have had a group before for the cluster to inherit it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Evidence: `shared_pages` of a cluster's pages had `group` before, a `share` of its formerly clustered ones."""

    group: str | None
    shared_pages: int
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One thing that a person must decide, with the pages it is about; these keep their group until then.

    `split`: the cluster looks like one more part of a group that already goes on elsewhere. `merge`: pages of several
    groups, or of a group and none, meet in the cluster, and none prevails. `strays`: the cluster inherits a group,
    and these of its pages had another. `lost`: no cluster inherits this group. `unplaced`: pages that had a group and
    are in no cluster now. `suggestion` is the answer that the evidence favours; `cluster` is -1 where the question is
    about no single cluster (`lost`, `unplaced`).
    """

    kind: QuestionKind
    cluster: int
    candidates: tuple[Candidate, ...]
    suggestion: str | None
    pages: Indices
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class CarryOver:
    """What became of the groups.

    `inherited` names the new clusters that surely go on under a group. `stays` holds the pages that their new cluster
    would give another group than they had: they keep the group it is listed under (`None`: no group) until the
    questions are answered. Every page in `stays` is in one question other than a `lost` one. `kept_pages` counts the
    pages that had a group and have it again by their new cluster.
    """

    inherited: dict[int, str]
    questions: tuple[Question, ...]
    stays: dict[str | None, Indices]
    kept_pages: int


def carry_over(old: Labels, new: Labels, groups: Mapping[int, str], *, sure: float = SURE_SHARE) -> CarryOver:
    """Which new clusters inherit a group, and what must be asked.

    `old` and `new` [N] are the clusters of the same pages before and after, -1 for pages in none; leave out pages
    that a person moved by hand, whose group no cluster decides. `groups` names old clusters; several may share a
    name. Pages that were in no cluster before have no say.

    A group may go on in as many clusters as it named before, those with most of its pages among the clusters of which
    it holds a share of at least `sure`. As `sure` exceeds a half, no two groups can claim one cluster, and this
    choice is the optimal assignment of names to sure clusters by shared pages. Where clusters tie for the last place,
    all of them are asked about. So the outcome is a function of membership: neither the order of the pages nor the
    numbers of the clusters play a part. Questions come by new cluster, `lost` ones last, by group.

    Raises:
        UsageError: the arrays differ in length, or `sure` is not above 0.5 and at most 1.
    """
    if old.shape != new.shape or old.ndim != 1:
        raise UsageError(
            f"The old clusters {old.shape} and the new {new.shape} must be of equal length: one entry for each page."
        )
    if not 0.5 < sure <= 1:
        raise UsageError(f"sure={sure} must be above 0.5, so that no two groups can claim one cluster, and at most 1.")
    table = _tabulate(old, new, groups)
    inherited = _inherit(table, sure)
    questions = [
        question for cluster in table.clusters for question in _ask_about_cluster(table, cluster, inherited, sure)
    ]
    questions += _ask_about_lost(table, inherited)
    stays = _collect_stays(table, inherited)
    kept = sum(table.count(cluster, name) for cluster, name in inherited.items())
    return CarryOver(inherited, tuple(questions), stays, kept)


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Who met whom: for each new cluster, its pages by the group they had (`None`: clustered before, but unnamed)."""

    clusters: tuple[int, ...]
    members: Mapping[int, Mapping[str | None, Indices]]
    places: Mapping[str, int]
    """How many old clusters with pages bore each name."""

    def count(self, cluster: int, name: str | None) -> int:
        pages = self.members[cluster].get(name)
        return 0 if pages is None else len(pages)

    def voters(self, cluster: int) -> int:
        return sum(len(pages) for pages in self.members[cluster].values())

    def candidates(self, cluster: int, names: Iterable[str | None]) -> tuple[Candidate, ...]:
        """The evidence for `names`, most shared pages first, ties by name, unnamed pages last among equals."""
        total = self.voters(cluster)
        found = [Candidate(name, self.count(cluster, name), self.count(cluster, name) / total) for name in names]
        return tuple(sorted(found, key=lambda c: (-c.shared_pages, c.group is None, c.group or "")))


def _tabulate(old: Labels, new: Labels, groups: Mapping[int, str]) -> _Table:
    places = Counter(groups[int(cluster)] for cluster in np.unique(old) if cluster >= 0 and int(cluster) in groups)
    names = sorted(places)
    number = {name: position for position, name in enumerate(names)}
    olds, where = np.unique(old, return_inverse=True)
    # -1: clustered before but unnamed; -2: not clustered before, so without a say.
    of_old = np.array([-2 if c < 0 else number.get(groups.get(int(c), ""), -1) for c in olds], dtype=np.int64)
    of_page = of_old[where] if len(olds) else np.empty(0, dtype=np.int64)
    said = np.flatnonzero(of_page != -2)
    members: dict[int, dict[str | None, Indices]] = {int(c): {} for c in np.unique(new)}
    order = said[np.lexsort((said, of_page[said], new[said]))]
    keys = np.stack([new[order].astype(np.int64), of_page[order]])
    starts = np.flatnonzero(np.any(np.diff(keys, axis=1) != 0, axis=0)) + 1
    for run in np.split(order, starts) if len(order) else []:
        position = int(of_page[run[0]])
        members[int(new[run[0]])][names[position] if position >= 0 else None] = run.astype(np.int32)
    clusters = tuple(sorted(c for c in members if c >= 0)) + ((-1,) if -1 in members else ())
    return _Table(clusters, members, {name: places[name] for name in names})


def _inherit(table: _Table, sure: float) -> dict[int, str]:
    claims: dict[str, list[tuple[int, int]]] = {}
    for cluster in table.clusters:
        prevailing = _prevailing(table, cluster, sure)
        if cluster >= 0 and prevailing is not None:
            claims.setdefault(prevailing, []).append((table.count(cluster, prevailing), cluster))
    inherited: dict[int, str] = {}
    for name, claim in claims.items():
        places = table.places[name]
        claim.sort(reverse=True)
        # Whoever equals the first one left out is left out too: a tie is asked about, not drawn by number.
        bar = claim[places][0] if len(claim) > places else 0
        inherited.update((cluster, name) for shared, cluster in claim if shared > bar)
    return dict(sorted(inherited.items()))


def _prevailing(table: _Table, cluster: int, sure: float) -> str | None:
    total = table.voters(cluster)
    return next(
        (name for name in table.members[cluster] if name is not None and table.count(cluster, name) >= sure * total),
        None,
    )


def _ask_about_cluster(table: _Table, cluster: int, inherited: Mapping[int, str], sure: float) -> Iterator[Question]:
    name = inherited.get(cluster)
    strangers = [group for group in table.members[cluster] if group != name]
    named = any(group is not None for group in strangers)
    if not strangers or (name is None and not named):
        return
    candidates = table.candidates(cluster, strangers)
    kind: QuestionKind
    suggestion: str | None
    if cluster < 0:
        candidates = tuple(c for c in candidates if c.group is not None)
        kind, suggestion = "unplaced", None
        text = f"In no cluster now: {_listed(candidates)}. Do they keep their group?"
    elif name is not None:
        kind, suggestion = "strays", name
        text = f"Cluster {cluster} goes on as {name!r}, but holds {_listed(candidates)}. Do these become {name!r}?"
    else:
        prevailing = _prevailing(table, cluster, sure)
        kind, suggestion = ("merge" if prevailing is None else "split"), prevailing
        text = _text_of_unnamed(cluster, candidates, prevailing, inherited)
    pages = _join(table.members[cluster][c.group] for c in candidates)
    yield Question(kind, cluster, candidates, suggestion, pages, text)


def _text_of_unnamed(
    cluster: int, candidates: tuple[Candidate, ...], prevailing: str | None, inherited: Mapping[int, str]
) -> str:
    if prevailing is None:
        return f"In cluster {cluster} meet {_listed(candidates)}. Which group is it?"
    homes = [str(other) for other, name in inherited.items() if name == prevailing]
    elsewhere = f"goes on in cluster {', '.join(homes)}" if homes else "has several equal parts"
    held = f"Cluster {cluster} holds {_listed(candidates)}"
    return f"{held}, while {prevailing!r} {elsewhere}. Is cluster {cluster} {prevailing!r} too?"


def _ask_about_lost(table: _Table, inherited: Mapping[int, str]) -> Iterator[Question]:
    for name in table.places:
        if name in inherited.values():
            continue
        homes = [cluster for cluster in table.clusters if table.count(cluster, name)]
        pages = _join(table.members[cluster][name] for cluster in homes)
        parts = ", ".join(
            f"{table.count(c, name)} in cluster {c}" if c >= 0 else f"{table.count(c, name)} in none" for c in homes
        )
        text = f"No cluster goes on as {name!r}. Its pages: {parts}. Which cluster is {name!r} now, if any?"
        yield Question("lost", -1, (Candidate(name, len(pages), 1.0),), None, pages, text)


def _collect_stays(table: _Table, inherited: Mapping[int, str]) -> dict[str | None, Indices]:
    """The pages whose group by the new cluster differs from the one they had."""
    found: dict[str | None, list[Indices]] = {}
    for cluster in table.clusters:
        for name, pages in table.members[cluster].items():
            if name != inherited.get(cluster):
                found.setdefault(name, []).append(pages)
    return {name: _join(found[name]) for name in sorted(found, key=lambda name: (name is None, name or ""))}


def _join(parts: Iterable[Indices]) -> Indices:
    return np.sort(np.concatenate([np.empty(0, dtype=np.int32), *parts])).astype(np.int32)


def _listed(candidates: Iterable[Candidate]) -> str:
    """`12 pages of 'notes' (8 %) and 3 of no group (2 %)`."""
    parts = [
        f"{c.shared_pages} of {repr(c.group) if c.group is not None else 'no group'} ({c.share:.0%})"
        for c in candidates
    ]
    first, _, rest = parts[0].partition(" ")
    parts[0] = f"{first} page{'' if first == '1' else 's'} {rest}"
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
