"""People who decide in one process after another, each of which may die at a chosen call into the store; and what there is to see then."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from support.dying import OPEN_S, SERVER

if TYPE_CHECKING:
    from indexer.library import Library
    from indexer.library.results import HistoryEntry

_STORE = f"{os.sep}indexer{os.sep}store{os.sep}"
_DONE_S = 120


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done to a library."""

    verb: str
    """cluster, reindex, name, move, undo"""
    number: int = 0
    """Which cluster, pages, decision, k or model: taken modulo what there is."""
    group: str | None = None
    dies_at: int | None = None
    """The process is killed at this call into the store, or once it is done if there are fewer; None: it lives."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a library shows."""

    groups: dict[str, str | None]
    clusters: dict[str, int | None]
    cluster_groups: dict[int, str | None]
    doubtful: set[str]
    """Pages that an open question is about: those of its groups in its cluster, or anywhere."""
    journal: dict[int, dict[str, Any]]
    undone: set[int]
    undoable: list[int]
    """Decisions that can be taken back, oldest first."""


class Sitting:
    """A process that has the library open and does what it is told, until it is killed."""

    def __init__(self, directory: Path) -> None:
        self._here, there = SERVER.Pipe()
        self._process: BaseProcess = SERVER.Process(target=_sit, args=(directory, there), daemon=True)  # type: ignore[assignment]
        self._process.start()
        there.close()
        assert self._here.poll(OPEN_S), "the process did not open the library"
        self._here.recv()

    def end(self) -> None:
        """Kill it, if it lives."""
        self._process.kill()
        self._process.join(30)
        code = self._process.exitcode
        self._process.close()
        self._here.close()
        assert code == -signal.SIGKILL, f"the process ended by itself with {code}"

    def look(self) -> Seen:
        """What there is to see."""
        return self._ask("look")

    def check(self) -> list[str]:
        """The damage that `quire check` finds; remains of work that was interrupted are none."""
        return self._ask("check")

    def do(self, step: Step) -> int | None:
        """The number of the decision, if it is one; EOFError if the process died before it had said so."""
        return self._ask(step)

    def _ask(self, what: object) -> Any:
        self._here.send(what)
        assert self._here.poll(_DONE_S), f"no answer to {what}"
        answer = self._here.recv()
        if isinstance(answer, BaseException):
            raise answer
        return answer


# ---- in the process ----


def _sit(directory: Path, asked: Connection) -> None:
    from support.library import settings_in

    from indexer.library import Library

    with Library.open(settings_in(directory, model=None, workers=1)) as library:
        asked.send("ready")
        while True:
            try:
                what = asked.recv()
            except EOFError:
                return
            try:
                answer = _answer(library, what)
            except Exception as error:
                answer = error
            asked.send(answer)
            if isinstance(what, Step) and what.dies_at is not None:
                os.kill(os.getpid(), signal.SIGKILL)


def _answer(library: Library, what: object) -> object:
    if what == "look":
        return _look(library)
    if what == "check":
        return [finding.text for finding in library.check().findings if finding.is_damage]
    assert isinstance(what, Step)
    if what.dies_at is not None:
        _die_at(what.dies_at)
    return _do(library, what)


def _die_at(call: int) -> None:
    """From now on, be killed at the nth function of the store that this thread enters."""
    entered = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal entered
        if event == "call" and _STORE in frame.f_code.co_filename:
            if entered == call:
                os.kill(os.getpid(), signal.SIGKILL)
            entered += 1

    sys.setprofile(count)


def _do(library: Library, step: Step) -> int | None:
    match step.verb:
        case "cluster":
            library.cluster(2 + step.number % 4, seed=step.number)
        case "reindex":
            library.reindex(f"pixels:{(8, 12, 16)[step.number % 3]}")
        case "name":
            cluster = step.number % len(library.clusters())
            return library.name_clusters([cluster], step.group, who="ada").entry
        case "move":
            ids = [page.page_id for page in library.pages(limit=100).pages]
            chosen = {ids[step.number % len(ids)], ids[(step.number * 5 + 1) % len(ids)]}
            return library.move_pages(sorted(chosen), step.group, who="ben").entry
        case "undo":
            decided = _undoable(library.history(limit=1000))
            if decided:
                return library.undo(decided[-1 - step.number % len(decided)], who="cid").entry
        case verb:
            raise AssertionError(verb)
    return None


def _undoable(history: Iterable[HistoryEntry]) -> list[int]:
    return sorted(one.entry for one in history if one.undoable)


def _look(library: Library) -> Seen:
    pages = library.pages(limit=100).pages
    history = library.history(limit=1000)
    return Seen(
        groups={page.page_id: page.group for page in pages},
        clusters={page.page_id: page.cluster for page in pages},
        cluster_groups={one.cluster: one.group for one in library.clusters()},
        doubtful={
            page.page_id
            for asked in library.questions()
            for page in pages
            if asked.cluster in (page.cluster, -1) and page.group in {one.group for one in asked.candidates}
        },
        journal={number: dict(entry) for number, entry in library.records.entries()},
        undone={one.entry for one in history if one.undone},
        undoable=_undoable(history),
    )
