"""What people decide survives whatever is computed and wherever a process dies, in any order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from support.copying import copy_tree
from support.library import draw_pages, settings_in
from support.sittings import Seen, Sitting, Step

from indexer.library import Library

GROUPS = ("art", "notes", "covers")
NEARLY_ALL = (
    [Step("name", number, group) for number, group in enumerate((*GROUPS, "art"))]
    + [Step("move", 2, "mine"), Step("cluster", 0), Step("move", 5, "mine", dies_at=9), Step("cluster", 3, dies_at=7)]
    + [Step("reindex", 2), Step("undo", 0), Step("name", 1, "late", dies_at=4), Step("undo", 1, dies_at=3)]
    + [Step("reindex", 0, dies_at=12), Step("name", 0, None), Step("cluster", 2), Step("undo", 0)]
)
"""Every verb, alive and dying."""


def steps() -> st.SearchStrategy[Step]:
    """Anything that anybody does; of three, one ends by a kill."""
    kills = st.one_of(st.none(), st.none(), st.integers(0, 60))
    deciding = st.builds(
        Step,
        st.sampled_from(["name", "name", "move", "undo"]),
        st.integers(0, 19),
        st.sampled_from([*GROUPS, None]),
        kills,
    )
    computing = st.builds(
        Step, st.sampled_from(["cluster", "cluster", "reindex"]), st.integers(0, 19), st.none(), kills
    )
    return st.one_of(deciding, deciding, computing)


class Witness:
    """Remembers what was decided, and tells from one look to the next what may have changed."""

    def __init__(self, first: Seen) -> None:
        self.seen = first
        self.moves: dict[int, tuple[set[str], str | None]] = {}
        self.undone: set[int] = set()
        self.since: list[tuple[int, dict[str, str | None]]] = []
        """Decisions since the last computation that still count, each with the groups before it."""

    def hear(self, step: Step, entry: int | None, now: Seen) -> None:
        """What a step, that was acknowledged as decision `entry` or died before, has changed is what it says, and nothing else."""
        before, self.seen = self.seen, now
        assert {number: now.journal.get(number) for number in before.journal} == before.journal
        assert all(one["who"] and one["when"] for one in now.journal.values())
        new = [number for number in now.journal if number not in before.journal]
        assert len(new) <= 1
        assert entry is None or step.verb == "undo" or new == [entry]
        if step.verb in ("cluster", "reindex"):
            self.since.clear()
            assert now.groups == before.groups
            self._check_clusters(now)
        elif not new:
            assert now.groups == before.groups
        elif step.verb == "name":
            self._hear_name(new[0], before, now)
        elif step.verb == "move":
            self._hear_move(new[0], before, now)
        else:
            self._hear_undo(new[0], before, now)
        assert now.undone == self.undone
        hands = self._hands()
        assert {page: now.groups[page] for page in hands} == hands

    def _hands(self) -> dict[str, str]:
        """Where people put pages: the newest move of each counts that was not taken back."""
        hands: dict[str, str | None] = {}
        for number in sorted(self.moves.keys() - self.undone):
            pages, group = self.moves[number]
            hands |= dict.fromkeys(pages, group)
        return {page: group for page, group in hands.items() if group is not None}

    def _hear_name(self, number: int, before: Seen, now: Seen) -> None:
        self.since.append((number, before.groups))
        said = now.journal[number]
        named = {
            page for page, cluster in before.clusters.items() if cluster in said["clusters"]
        } - self._hands().keys()
        assert now.groups == before.groups | dict.fromkeys(named, said["group"])

    def _hear_move(self, number: int, before: Seen, now: Seen) -> None:
        self.since.append((number, before.groups))
        said = now.journal[number]
        self.moves[number] = (set(said["pages"]), said["group"])
        expected = dict.fromkeys(said["pages"], said["group"])
        if said["group"] is None:
            expected = {page: now.cluster_groups[now.clusters[page]] for page in expected}  # type: ignore[index]
        assert now.groups == before.groups | expected

    def _hear_undo(self, number: int, before: Seen, now: Seen) -> None:
        taken_back = now.journal[number]["undoes"]
        self.undone.add(taken_back)
        said = now.journal[taken_back]
        if self.since and self.since[-1][0] == taken_back:
            assert now.groups == self.since.pop()[1]
        else:
            # what later decisions replaced is no longer what there was
            self.since.clear()
        about = set(said.get("pages", ()))
        about |= {page for page, cluster in now.clusters.items() if cluster in said.get("clusters", ())}
        assert {page for page in now.groups if now.groups[page] != before.groups[page]} <= about

    def _check_clusters(self, now: Seen) -> None:
        """A page has the group of its cluster, or was put where it is by hand, or a question or an answer is about it."""
        hands = self._hands()
        for page, cluster in now.clusters.items():
            assert cluster is not None
            if page not in hands and page not in now.doubtful:
                assert now.groups[page] == now.cluster_groups[cluster]


def live_through(template: Path, deeds: list[Step]) -> None:
    """Do one after the other, in a new process after each that died."""
    with TemporaryDirectory(prefix="quire-sittings-") as folder:
        place = copy_tree(template, Path(folder) / "library")
        sitting = Sitting(place)
        try:
            witness = Witness(sitting.look())
            for step in deeds:
                try:
                    entry = sitting.do(step)
                except (EOFError, ConnectionResetError):
                    assert step.dies_at is not None
                    entry = None
                if step.dies_at is not None:
                    sitting.end()
                    sitting = Sitting(place)
                witness.hear(step, entry, sitting.look())
            assert sitting.check() == []
        finally:
            sitting.end()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of twelve pages of four kinds in four clusters."""
    place = tmp_path_factory.mktemp("sittings")
    with Library.open(settings_in(place / "library"), create=True) as library:
        library.index([draw_pages(place / "scans", each=3)])
        library.cluster(4)
    return place / "library"


def survives(template: Path, *, examples: int, longest: int, derandomize: bool) -> Callable[[], None]:
    """The property, for so many random lives."""
    few = {"phases": [Phase.explicit, Phase.generate]} if derandomize else {}

    @example(NEARLY_ALL)
    @given(st.lists(steps(), min_size=longest // 2, max_size=longest))
    @settings(
        max_examples=examples,
        derandomize=derandomize,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **few,
    )
    def check(deeds: list[Step]) -> None:
        live_through(template, deeds)

    return check


def test_decisions_survive_whatever_comes(template: Path) -> None:
    """Names, moves and undoing, between clusterings, reindexing and kills: nothing changes but by what was decided."""
    survives(template, examples=3, longest=14, derandomize=True)()


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_decisions_survive_two_hundred_lives(template: Path) -> None:
    """The same, many times and longer."""
    survives(template, examples=200, longest=40, derandomize=False)()
