"""Everything that writes to a library, as short pieces of work that say what was acknowledged; on a library or through a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.library import Library

Say = Callable[[Mapping[str, object]], None]
"""Takes what was acknowledged: {"entry": its number in the journal, …what it holds}, or {"file": what was written}."""
_TURNS = 1000
_ALL = 200


@dataclass(frozen=True, slots=True)
class Work:
    """On what, where, and which of many: `library` may be a `RemoteLibrary`."""

    library: Library
    scans: Path
    place: Path
    """For what is handed out, beside the library."""
    seed: int
    say: Say


def _index(work: Work) -> None:
    work.library.index([work.scans])


def _reindex(work: Work) -> None:
    work.library.reindex(f"pixels:{8 + work.seed % 3 * 4}")


def _cluster(work: Work) -> None:
    work.library.cluster(3 + work.seed % 4, seed=work.seed)


def _map(work: Work) -> None:
    work.library.maps.make_map(method="pca", dims=2 + work.seed % 2)


def _duplicates(work: Work) -> None:
    work.library.duplicates.find()


def _export(work: Work) -> None:
    from indexer.library.exporting import export_pages
    from indexer.values import PageFilter

    target = work.place / f"out-{work.seed}"
    export_pages(work.library, target, where=PageFilter())
    work.say({"file": str(target / "pages.csv")})


def _backup(work: Work) -> None:
    file = work.place / f"{work.seed}.tar"
    work.library.backup(file)
    work.say({"file": str(file)})


def _relocate(work: Work) -> None:
    """Always to the same place, so that a copy begun by one is ended by another."""
    work.library.relocate(str(work.place / "copy"), switch=False)


def _import(work: Work) -> None:
    from indexer.library.importing import import_groups

    ids = _ids(work)
    for turn in range(_TURNS):
        group = f"read {work.seed}.{turn}"
        rows = [{"page_id": one, "group": group} for one in ids[turn % 3 :: 3]]
        for entry in import_groups(work.library, rows).entries:
            work.say({"entry": entry, "group": group})


def _name(work: Work) -> None:
    count = len(work.library.clusters())
    for turn in range(_TURNS):
        report = work.library.name_clusters([turn % count], f"name {work.seed}.{turn}")
        work.say({"entry": report.entry, "group": report.group})


def _move(work: Work) -> None:
    ids = _ids(work)
    for turn in range(_TURNS):
        report = work.library.move_pages([ids[turn % len(ids)]], f"hand {work.seed}.{turn}")
        work.say({"entry": report.entry, "group": report.group})


def _undo(work: Work) -> None:
    ids = _ids(work)
    for turn in range(_TURNS):
        report = work.library.move_pages([ids[turn % len(ids)]], f"hand {work.seed}.{turn}")
        work.say({"entry": report.entry, "group": report.group})
        work.say({"undone": work.library.undo().entry})


def _apart(work: Work) -> None:
    ids = _ids(work)
    for turn in range(_TURNS):
        pair = [ids[turn % len(ids)], ids[(turn + 1 + work.seed) % (len(ids) - 1)]]
        if pair[0] != pair[1]:
            report = work.library.duplicates.apart(pair)
            work.say({"entry": report.entry, "pages": report.page_ids})


def _decide(work: Work) -> None:
    from indexer.library.results import BreakDecision

    documents = work.library.documents
    streams = {one.stream: documents.propose(one.stream) for one in documents.streams()}
    for turn in range(_TURNS):
        stream = list(streams)[turn % len(streams)]
        breaks = streams[stream].breaks
        if breaks:
            after = breaks[turn // len(streams) % len(breaks)].after
            decision = ("break", "join")[(turn + work.seed) % 2]
            documents.decide(stream, [BreakDecision(after, decision)])
            work.say({"after": after, "decision": decision})


def _ids(work: Work) -> list[str]:
    return [page.page_id for page in work.library.pages(limit=_ALL).pages]


VERBS: dict[str, Callable[[Work], None]] = {
    "index": _index,
    "reindex": _reindex,
    "cluster": _cluster,
    "map": _map,
    "duplicates": _duplicates,
    "export": _export,
    "backup": _backup,
    "relocate": _relocate,
    "import": _import,
    "name": _name,
    "move": _move,
    "undo": _undo,
    "apart": _apart,
    "decide": _decide,
}
"""What writes: `relocate` is `quire move --to`, `apart` is "not duplicates", `decide` are breaks between documents."""
ENDLESS = frozenset({"import", "name", "move", "undo", "apart", "decide"})
"""People who would go on deciding for ever."""
SERVED = tuple(verb for verb in VERBS if verb != "relocate")
"""What a service does for its clients."""
