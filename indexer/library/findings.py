"""What `check` may find: each kind with what it means, and what helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from indexer.library.results import Finding

EXAMPLES = 5
"""Things of a kind that are named; the others are counted."""
_REPAIR = "`quire check --repair` restores this."


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding: what it counts, what helps, and what is left to do where a repair could not help."""

    text: str
    next_step: str
    beyond: str
    is_damage: bool = True


KINDS: dict[str, Kind] = {
    "journal-damaged": Kind(
        "lines of decisions.jsonl that can't be read",
        "Restore decisions.jsonl from a backup. `quire check --repair` keeps a copy and passes over these lines; their decisions are lost.",
        "Restore decisions.jsonl from a backup.",
    ),
    "collection-damaged": Kind(
        "collections that can't be read",
        "`quire check --repair` puts them aside and fills them anew from the scans and the decisions.",
        "Restore the library from a backup, or a snapshot of these collections on their server.",
    ),
    "collection-missing": Kind(
        "collections that are not there",
        "`quire check --repair` fills them anew from the scans and the decisions.",
        "Restore the library from a backup.",
    ),
    "names-lost": Kind(
        "names of clusters that could not be carried over, as pages and centroids were both damaged",
        "Name the clusters again; `quire history` shows what they were called.",
        "Name the clusters again; `quire history` shows what they were called.",
    ),
    "page-payload": Kind(
        "pages that lack what every page must have",
        "`quire check --repair` reads their files again.",
        "Bring their files back and run `quire index`.",
    ),
    "page-id": Kind(
        "pages whose id does not follow from their path",
        "`quire check --repair` reads their files again.",
        "Bring their files back and run `quire index`.",
    ),
    "page-vector": Kind(
        "pages without an embedding, or with one that is not of unit length",
        "`quire check --repair` embeds their files again, or their thumbnails.",
        "Bring their files back and repair again, or take them out with `quire index --prune`.",
    ),
    "centroids-incomplete": Kind(
        "clusters of the current run without a whole centroid",
        "`quire check --repair` clusters anew; groups are carried over.",
        "Run `quire cluster`.",
    ),
    "page-cluster": Kind(
        "pages that are not in the cluster whose centroid is nearest", _REPAIR, "Run `quire cluster`."
    ),
    "page-group": Kind("pages that show another group than the decisions lead to", _REPAIR, "Repair again."),
    "centroid-group": Kind("clusters that show another group than the decisions lead to", _REPAIR, "Repair again."),
    "thumbnail-missing": Kind("pages without a thumbnail", _REPAIR, "Bring their files back and repair again."),
    "thumbnail-damaged": Kind("thumbnails that can't be opened", _REPAIR, "Bring their files back and repair again."),
    "root-missing": Kind(
        "folders of scans that can't be reached; their files were not looked for",
        "Mount them, and check again.",
        "Mount them, and check again.",
        is_damage=False,
    ),
    "file-gone": Kind(
        "pages whose file is gone",
        "Bring the files back, or run `quire index --prune`.",
        "Bring the files back, or run `quire index --prune`.",
        is_damage=False,
    ),
    "journal-torn": Kind(
        "decisions that were being written when a process died; they were never acknowledged",
        "The next decision cuts it off.",
        "The next decision cuts it off.",
        is_damage=False,
    ),
    "unfinished-reindex": Kind(
        "generations that are being filled",
        "`quire reindex` goes on from there.",
        "`quire reindex` goes on from there.",
        is_damage=False,
    ),
    "leftover": Kind(
        "things left of work that was interrupted",
        "`quire check --repair` removes them.",
        "Remove them by hand.",
        is_damage=False,
    ),
    "thumbnail-orphan": Kind(
        "thumbnails that belong to no page",
        "`quire index` brings back the pages whose files are there.",
        "The files of these pages are gone or can't be read; bring them back and run `quire index`.",
        is_damage=False,
    ),
}
"""Every code there is, in the order of showing; docs/keeping.md lists them."""


@dataclass(slots=True)
class Heap:
    """What was found of one kind: all of it for a repair, and a few to show."""

    ids: list[str] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Survey:
    """Everything found so far, by code."""

    heaps: dict[str, Heap] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    pages: int = 0
    thumbnails_opened: int = 0

    def add(self, code: str, what: str, shown: str | None = None, *, reason: str | None = None) -> None:
        """Note one thing of a kind; `reason` is kept from the first."""
        heap = self.heaps.setdefault(code, Heap())
        heap.ids.append(what)
        if len(heap.examples) < EXAMPLES:
            heap.examples.append(what if shown is None else shown)
        if reason is not None:
            self.reasons.setdefault(code, reason)

    def ids(self, *codes: str) -> list[str]:
        """What was noted under these codes, each once."""
        return list(dict.fromkeys(one for code in codes if code in self.heaps for one in self.heaps[code].ids))

    def findings(self, *, after_repair: bool = False) -> list[Finding]:
        """All kinds found, damage first."""
        return [self._describe(code, after_repair) for code in KINDS if code in self.heaps]

    def _describe(self, code: str, after_repair: bool) -> Finding:
        kind, heap, reason = KINDS[code], self.heaps[code], self.reasons.get(code)
        text = f"{kind.text}: {len(heap.ids)}" + (f" ({reason})" if reason else "")
        next_step = kind.beyond if after_repair else kind.next_step
        return Finding(code, text, len(heap.ids), heap.examples, kind.is_damage, next_step)


def compare(before: Sequence[Finding], after: Sequence[Finding]) -> list[Finding]:
    """What was found before and is not any more, marked as repaired; then what is left."""
    left = {found.code for found in after}
    return [replace(found, is_repaired=True) for found in before if found.code not in left] + list(after)
