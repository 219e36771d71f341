"""What people decided, told from the journal: every decision keeps who, when and what it replaced; none is ever changed.

The journal is the truth; groups on centroids and pages in Qdrant are a copy of it for filtering, made again whenever a process
died between writing the one and the other.
"""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, cast

from indexer.errors import ConflictError, NotFoundError
from indexer.library.results import Candidate, HistoryEntry, Question
from indexer.values import Payload

UNDOABLE = frozenset({"name", "move", "settle", "break", "apart", "rescan"})
"""Kinds of entries that `undo` takes back."""
GROUPLESS = frozenset({"settle", "break", "apart", "rescan"})
"""Kinds of entries that change no page's group."""


BreakPair = tuple[str, str, Literal["break", "join"] | None]
"""A page, the next one, and whether a document begins between them; None takes back what was said."""


@dataclass(frozen=True, slots=True)
class BreakSaid:
    """What a person said of the place between two pages."""

    decision: Literal["break", "join"]
    who: str


@dataclass(frozen=True, slots=True)
class RescanSaid:
    """What a person said of one scan: that it must be made again, or is fine as it is; it counts for the file of that `sha256` only."""

    wanted: bool
    sha256: str
    who: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """A run by the meaning of names: a page is in the cluster of its name, which stands in `field`; a page without one is in none."""

    field: str
    distance_threshold: float
    cluster_of: Mapping[str, int]

    @property
    def names(self) -> dict[int, list[str]]:
        """The names of each cluster, in alphabetical order."""
        listed: dict[int, list[str]] = {}
        for name, cluster in sorted(self.cluster_of.items()):
            listed.setdefault(cluster, []).append(name)
        return listed


BreakTable = Mapping[str, Mapping[str, BreakSaid]]
"""By the page before and the page after, so that it holds wherever these two meet."""


@dataclass(slots=True)
class Decisions:
    """The state that a journal leads to.

    `cluster_groups` holds the names of the current run's clusters. `page_groups` holds pages moved by hand, which outrank
    their cluster. `kept_groups` holds pages that kept the group they had (None: none) when a new run would have given them another.
    `questions` are those the current run raised.
    """

    run: int = 0
    entry: int = 0
    cluster_groups: dict[int, str] = field(default_factory=dict)
    meaning: Meaning | None = None
    """What decides the clusters of the current run, where it is not how pages look."""
    page_groups: dict[str, str] = field(default_factory=dict)
    kept_groups: dict[str, str | None] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    named_since: set[int] = field(default_factory=set)
    """Clusters that a person named in the current run; questions about them are answered."""
    settled: set[int] = field(default_factory=set)
    """Numbers of the current run's questions that were answered by leaving their pages as they are."""
    breaks: dict[str, dict[str, BreakSaid]] = field(default_factory=dict)
    apart: list[list[str]] = field(default_factory=list)
    """Pages of which no two are duplicates, decision by decision."""
    rescans: dict[str, RescanSaid] = field(default_factory=dict)
    """What was said last of each page's scan, by `page_id`."""
    groups_entry: int = 0
    """The newest entry that may concern groups."""
    breaks_entry: int = 0
    """The newest entry that concerns breaks between pages."""

    def group_of(self, page_id: str, cluster: int | None) -> str | None:
        """The group of a page: moved by hand, else kept, else its cluster's."""
        if page_id in self.page_groups:
            return self.page_groups[page_id]
        if page_id in self.kept_groups:
            return self.kept_groups[page_id]
        return None if cluster is None else self.cluster_groups.get(cluster)

    @property
    def open_questions(self) -> list[Question]:
        """Those of the current run that no later decision answered."""
        named = set(self.cluster_groups.values())
        return [
            q
            for q in self.questions
            if q.number not in self.settled
            and q.cluster not in self.named_since
            # Nobody is to be asked where a group went that is there again.
            and not (q.kind == "lost" and named.issuperset(c.group for c in q.candidates))
        ]

    @property
    def groups(self) -> set[str]:
        """All names in use."""
        kept = {group for group in self.kept_groups.values() if group is not None}
        return {*self.cluster_groups.values(), *self.page_groups.values(), *kept}


def tell_decisions(entries: Iterable[tuple[int, Payload]], *, run: int) -> Decisions:
    """Fold a journal, oldest first; entries that a later one undid have no effect, nor have runs after `run`.

    A run is in the journal before the manifest makes it true; one that died in between never came to be.
    """
    listed = list(entries)
    undone = find_undone(listed)
    about_breaks = {number for number, entry in listed if entry["kind"] == "break"}
    about_others = {number for number, entry in listed if entry["kind"] in GROUPLESS}
    state = Decisions()
    for number, entry in listed:
        state.entry = number
        if number not in about_others and entry.get("undoes") not in about_others:
            state.groups_entry = number
        if number in about_breaks or entry.get("undoes") in about_breaks:
            state.breaks_entry = number
        unborn = entry["kind"] == "cluster" and cast(int, entry["run"]) > run
        if number not in undone and not unborn:
            _apply(state, entry)
    return state


def with_breaks(table: BreakTable, pairs: Iterable[BreakPair], *, who: str) -> BreakTable:
    """The table as it would be with these decisions added."""
    changed = {after: dict(said) for after, said in table.items()}
    _say_breaks(changed, pairs, who)
    return changed


def find_undone(entries: Iterable[tuple[int, Payload]]) -> set[int]:
    """Numbers of the entries that were taken back."""
    return {int(cast(int, entry["undoes"])) for _, entry in entries if entry["kind"] == "undo"}


def choose_undo(entries: list[tuple[int, Payload]], wanted: int | None, *, run: int) -> tuple[int, Payload]:
    """The entry to take back: the one wanted, or the newest that can be.

    Raises:
        NotFoundError: there is no such entry, or none at all.
        ConflictError: it can't be taken back, or a later run of `cluster` has overtaken it.
    """
    undone = find_undone(entries)
    open_ones = [(n, e) for n, e in entries if e["kind"] in UNDOABLE and n not in undone]
    if wanted is None:
        if not open_ones:
            raise NotFoundError("There is no decision to undo; `quire history` shows what was decided.")
        wanted = open_ones[-1][0]
    found = dict(entries).get(wanted)
    if found is None:
        raise NotFoundError(f"There is no decision {wanted}; `quire history` shows them with their numbers.")
    if wanted in undone or found["kind"] not in UNDOABLE:
        raise ConflictError(
            f"Entry {wanted} can't be undone: it {'was already' if wanted in undone else 'is no decision of a person'}."
        )
    if found.get("run", run) != run:
        raise ConflictError(
            f"Decision {wanted} is about clusters of run {found['run']}; the clusters now are those of run {run}. Name these instead."
        )
    return wanted, found


def new_entry(kind: str, *, who: str | None, **details: object) -> Payload:
    """An entry for the journal, with the time of now in UTC."""
    return {
        "kind": kind,
        "who": who or login_name(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        **details,
    }


def login_name() -> str:
    """Who runs this process, or `unknown` where the system can't tell (containers without a user entry)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


def describe_entry(number: int, entry: Payload, *, undone: bool, run: int) -> HistoryEntry:
    """An entry as `history` shows it, `run` being the current run of `cluster`."""
    return HistoryEntry(
        entry=number,
        kind=str(entry["kind"]),
        who=str(entry["who"]),
        when=str(entry["when"]),
        text=_tell(entry),
        undone=undone,
        undoable=not undone and entry["kind"] in UNDOABLE and entry.get("run", run) == run,
        details={"stream": str(entry["stream"])} if "stream" in entry else {},
    )


def _apply(state: Decisions, entry: Payload) -> None:
    match entry["kind"]:
        case "cluster":
            state.run = cast(int, entry["run"])
            state.cluster_groups = {int(c): g for c, g in cast("Mapping[str, str]", entry["groups"]).items()}
            kept = cast("list[tuple[str | None, list[str]]]", entry["kept"])
            state.kept_groups = {page_id: group for group, page_ids in kept for page_id in page_ids}
            asked = cast("list[Payload]", entry["questions"])
            state.questions = [_question(number, one) for number, one in enumerate(asked, start=1)]
            state.named_since, state.settled = set(), set()
            state.meaning = _meaning(cast("Payload | None", entry.get("meaning")))
        case "name" if entry["run"] == state.run:
            _name(state, entry)
        case "settle" if entry["run"] == state.run:
            state.settled.add(cast(int, entry["question"]))
        case "move":
            _move(state, cast("list[str]", entry["pages"]), cast("str | None", entry["group"]))
        case "break":
            _say_breaks(state.breaks, cast("list[BreakPair]", entry["decisions"]), str(entry["who"]))
        case "apart":
            state.apart.append(cast("list[str]", entry["pages"]))
        case "rescan":
            _say_rescans(state, entry)


def _meaning(told: Payload | None) -> Meaning | None:
    if told is None:
        return None
    clusters = cast("list[list[str]]", told["clusters"])
    cluster_of = {name: number for number, names in enumerate(clusters) for name in names}
    return Meaning(str(told["field"]), cast(float, told["distance_threshold"]), cluster_of)


def _question(number: int, asked: Payload) -> Question:
    listed = cast("list[tuple[str, int, float]]", asked["candidates"])
    return Question(
        kind=str(asked["kind"]),
        cluster=cast(int, asked["cluster"]),
        text=str(asked["text"]),
        candidates=[Candidate(*candidate) for candidate in listed],
        number=number,
        suggestion=cast("str | None", asked.get("suggestion")),
        # Not told by journals of before; then as many as the candidates account for.
        pages=cast(int, asked.get("pages", sum(count for _, count, _ in listed))),
    )


def _name(state: Decisions, entry: Payload) -> None:
    group = cast("str | None", entry["group"])
    for cluster in cast("list[int]", entry["clusters"]):
        if group is None:
            state.cluster_groups.pop(cluster, None)
        else:
            state.cluster_groups[cluster] = group
        state.named_since.add(cluster)
    for page_id in cast("list[str]", entry.get("released", [])):
        state.kept_groups.pop(page_id, None)


def _move(state: Decisions, page_ids: list[str], group: str | None) -> None:
    for page_id in page_ids:
        if group is None:
            state.page_groups.pop(page_id, None)
            state.kept_groups.pop(page_id, None)
        else:
            state.page_groups[page_id] = group


def _say_rescans(state: Decisions, entry: Payload) -> None:
    wanted = cast("bool | None", entry["wanted"])
    for page_id, sha256 in cast("Mapping[str, str]", entry["scans"]).items():
        if wanted is None:
            state.rescans.pop(page_id, None)
        else:
            note = cast("str | None", entry.get("note"))
            state.rescans[page_id] = RescanSaid(wanted, sha256, str(entry["who"]), note)


def _say_breaks(table: dict[str, dict[str, BreakSaid]], pairs: Iterable[BreakPair], who: str) -> None:
    for after, following, decision in pairs:
        if decision is None:
            table.get(after, {}).pop(following, None)
        else:
            table.setdefault(after, {})[following] = BreakSaid(decision, who)


def _tell(entry: Payload) -> str:
    match entry["kind"]:
        case "name":
            clusters = cast("list[int]", entry["clusters"])
            which = f"{'cluster' if len(clusters) == 1 else 'clusters'} {', '.join(map(str, clusters))}"
            return f"{which} named {entry['group']}" if entry["group"] else f"{which}: name taken away"
        case "move":
            pages = _count_pages(len(cast("list[str]", entry["pages"])))
            return f"{pages} moved to {entry['group']}" if entry["group"] else f"{pages} back to their cluster"
        case "cluster":
            named = len(cast("Mapping[str, str]", entry["groups"]))
            how = f"with k {entry['k']}, seed {entry['seed']}"
            if meaning := cast("Payload | None", entry.get("meaning")):
                how = f"by the meaning of {meaning['field']}, distance below {meaning['distance_threshold']}, into {entry['k']}"
            return f"clustered {how}: {named} clusters have a group"
        case "settle":
            return f"question {entry['question']} of run {entry['run']}: pages stay as they are"
        case "break":
            return f"{entry['stream']}: {_tell_breaks(cast('list[BreakPair]', entry['decisions']))}"
        case "apart":
            return f"{len(cast('list[str]', entry['pages']))} pages said to be no duplicates"
        case "rescan":
            pages = _count_pages(len(cast("Mapping[str, str]", entry["scans"])))
            said = {True: "to be scanned again", False: "fine as scanned", None: "judged by their flags again"}
            return f"{pages} {said[cast('bool | None', entry['wanted'])]}"
        case "undo":
            return f"decision {entry['undoes']} taken back"
    return str(entry["kind"])


def _count_pages(count: int) -> str:
    return f"{count} {'page' if count == 1 else 'pages'}"


def _tell_breaks(pairs: list[BreakPair]) -> str:
    words = {"break": "cut at", "join": "joined at", "": "left open at"}
    counts: Counter[str] = Counter(decision or "" for _, _, decision in pairs)
    told = [(word, counts[decision]) for decision, word in words.items() if counts[decision]]
    return ", ".join(f"{word} {count} {'place' if count == 1 else 'places'}" for word, count in told)
