"""Decisions of a person: names and moves, written to the journal first, then to the pages that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from indexer.errors import NotFoundError, PageMissingError, UsageError
from indexer.library.clustering import centroid_id, check_cluster, require_clusters
from indexer.library.decisions import GROUPLESS, choose_undo, describe_entry, find_undone, new_entry
from indexer.library.results import HistoryEntry, NameReport
from indexer.store.port import Collection
from indexer.values import Condition, PageFilter, Payload

if TYPE_CHECKING:
    from indexer.library.core import Library

_BLOCK = 8_192
_LONGEST_NAME = 200


def name_clusters(library: Library, clusters: Sequence[int], group: str | None, *, who: str | None) -> NameReport:
    """See `Library.name_clusters`. Pages that had kept another group until this question was answered follow the name."""
    require_clusters(library)
    if not clusters:
        raise UsageError("No cluster was given to name. `quire clusters` lists them.")
    group = clean_group(group)
    numbers = sorted({check_cluster(library, number) for number in clusters})
    before = {str(n): library.decisions.cluster_groups[n] for n in numbers if n in library.decisions.cluster_groups}
    where = PageFilter((Condition("cluster", "=", tuple(numbers)),))
    members = _list_clusters_of(library.collection, where)
    released = [page_id for page_id in members if page_id in library.decisions.kept_groups]
    entry = library.decide(
        new_entry(
            "name", who=who, run=library.manifest.run, clusters=numbers, group=group, before=before, released=released
        )
    )
    _write_centroid_groups(library, numbers)
    _write_groups(library, members)
    library.change_manifest(applied_entry=entry)
    return NameReport(group, numbers, len(members), entry)


def answer_question(
    library: Library, number: int, *, group: str | None, cluster: int | None, keep: bool, who: str | None
) -> NameReport:
    """See `Library.answer`."""
    asked = next((one for one in library.decisions.questions if one.number == number), None)
    if asked is None or asked not in library.decisions.open_questions:
        raise NotFoundError(f"There is no open question {number}; `quire questions` lists them with their numbers.")
    if keep:
        if group is not None or cluster is not None:
            raise UsageError("Either pages keep their group, or a cluster gets one: give one answer.")
        entry = library.decide(new_entry("settle", who=who, run=library.manifest.run, question=number))
        return NameReport(None, [], asked.pages, entry)
    about = asked.cluster if cluster is None else cluster
    named = group if group is not None else asked.suggestion if asked.cluster >= 0 else asked.candidates[0].group
    if about < 0:
        raise UsageError(
            f"Question {number} is about no single cluster: say which one is {named!r} now, or keep things."
        )
    if named is None:
        raise UsageError(f"Question {number} has no likely answer: say which group cluster {about} is, or keep things.")
    return name_clusters(library, [about], named, who=who)


def move_pages(library: Library, page_ids: Sequence[str], group: str | None, *, who: str | None) -> NameReport:
    """See `Library.move_pages`."""
    group = clean_group(group)
    found = library.collection.retrieve(page_ids)
    missing = [page_id for page_id in page_ids if page_id not in set(found.ids)]
    if missing or not page_ids:
        raise PageMissingError(
            f"There is no page {missing[0]} in the library; nothing was moved."
            if missing
            else "No page was given to move."
        )
    before = {i: payload["group"] for i, payload in zip(found.ids, found.payloads, strict=True) if "group" in payload}
    entry = library.decide(new_entry("move", who=who, pages=list(found.ids), group=group, before=before))
    _write_groups(
        library, {i: cast("int | None", p.get("cluster")) for i, p in zip(found.ids, found.payloads, strict=True)}
    )
    library.change_manifest(applied_entry=entry)
    return NameReport(group, [], len(found), entry)


def undo(library: Library, entry: int | None, *, who: str | None) -> HistoryEntry:
    """See `Library.undo`."""
    number, taken_back = choose_undo(library.records.entries(), entry, run=library.manifest.run)
    library.decide(new_entry("undo", who=who, undoes=number))
    if taken_back["kind"] == "break":
        library.documents.follow_undo(taken_back)
    elif taken_back["kind"] not in GROUPLESS:
        apply_groups(library)
    return describe_entry(number, taken_back, undone=True, run=library.manifest.run)


def list_history(library: Library, *, limit: int) -> list[HistoryEntry]:
    """See `Library.history`."""
    entries = library.records.entries()
    undone = find_undone(entries)
    run = library.manifest.run
    return [
        describe_entry(number, entry, undone=number in undone, run=run) for number, entry in reversed(entries[-limit:])
    ]


def apply_groups(library: Library) -> None:
    """Write the groups that the journal leads to, to every page and centroid that shows another."""
    for batch in library.collection.scroll(fields=("cluster", "group"), batch_size=_BLOCK):
        wrong: dict[str, Payload] = {}
        for page_id, payload in zip(batch.ids, batch.payloads, strict=True):
            group = library.decisions.group_of(page_id, cast("int | None", payload.get("cluster")))
            if group != payload.get("group"):
                wrong[page_id] = {"group": group}
        library.collection.set_payload(list(wrong), list(wrong.values()))
    if library.manifest.run:
        _write_centroid_groups(library, range(len(library.clusters())))
    library.change_manifest(applied_entry=library.decisions.entry)


def clean_group(group: str | None) -> str | None:
    """The name without spaces around it; UsageError for one that is empty, too long, or not printable."""
    if group is None:
        return None
    name = " ".join(group.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise UsageError(f"{group!r} can't be a group's name: give 1 to {_LONGEST_NAME} printable characters.")
    return name


def _list_clusters_of(pages: Collection, where: PageFilter) -> dict[str, int | None]:
    members: dict[str, int | None] = {}
    for batch in pages.scroll(where=where, fields=("cluster",), batch_size=_BLOCK):
        members.update((i, cast(int, payload["cluster"])) for i, payload in zip(batch.ids, batch.payloads, strict=True))
    return members


def _write_groups(library: Library, members: dict[str, int | None]) -> None:
    ids = list(members)
    for begin in range(0, len(ids), _BLOCK):
        block = ids[begin : begin + _BLOCK]
        payloads: list[Payload] = [
            {"group": library.decisions.group_of(page_id, members[page_id])} for page_id in block
        ]
        library.collection.set_payload(block, payloads)


def _write_centroid_groups(library: Library, numbers: Sequence[int]) -> None:
    groups: list[Payload] = [{"group": library.decisions.cluster_groups.get(number)} for number in numbers]
    library.centroids.set_payload([centroid_id(library.manifest.run, number) for number in numbers], groups)
