"""A library whose process is killed again and again loses nothing that was acknowledged, and is whole each time it is opened."""

from __future__ import annotations

import itertools
import random
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support.dying import Told, serve_and_die, work_and_die
from support.library import draw_page, draw_pages, settings_in
from support.writing import ENDLESS, SERVED, VERBS

from indexer.library import Library
from indexer.library.examining import check_library
from indexer.library.restoring import restore_library

KILLS_ALONE = 10
KILLS_SERVED = 8
"""Fourteen verbs alone, thirteen through a service: 244 kills."""
DECIDING_S = 0.6
"""How long people decide before they are killed, at most; they would go on for ever."""

Die = Callable[..., Told]


class Killing:
    """A library, what is known to have been acknowledged in it, and the killing of those who work on it."""

    def __init__(self, place: Path, *, seed: int, probe: bool) -> None:
        self.place = place
        self.scans = draw_pages(place / "scans", each=3)
        self.settings = settings_in(place / "library", model=None)
        self.random = random.Random(seed)
        self.numbers = itertools.count(1000)
        self.pages: set[str] = set()
        self.entries: dict[int, str] = {}
        self.finished: Counter[str] = Counter()
        self.acknowledged = 0
        self.takes_s: dict[tuple[Die, str], float] = {}
        self.probe = probe
        with Library.open(settings_in(place / "library"), create=True) as library:
            library.index([self.scans])
            library.cluster(4)
            self._take_in(library)

    def kill(self, verb: str, die: Die = work_and_die) -> None:
        """Let a process do the verb, kill it at some moment from its first to a little after its last, and look at what it left."""
        if (die, verb) not in self.takes_s:
            self.takes_s[die, verb] = DECIDING_S if verb in ENDLESS else self._measure(verb, die)
        told = self._work(verb, die, self.random.uniform(0, 1.15 * self.takes_s[die, verb]))
        assert told.said or verb not in ENDLESS
        self.finished[verb] += told.finished
        self._check(told)

    def end(self) -> None:
        """The copy that was begun so often is ended, and equal."""
        with Library.open(self.settings) as library:
            library.relocate(str(self.place / "copy"), switch=False)
        assert check_library(settings_in(self.place / "copy", model=None)).is_clean

    def _measure(self, verb: str, die: Die) -> float:
        """How long the verb takes here and now, undisturbed."""
        told = self._work(verb, die, 120)
        assert told.finished
        self._check(told)
        return told.took_s

    def _work(self, verb: str, die: Die, after_s: float) -> Told:
        number = next(self.numbers)
        if verb == "index":
            draw_page("left", number).save(self.scans / "left" / f"p{number}.png")
        return die(self.settings.library, self.scans, verb, seed=number, after_s=after_s)

    def _check(self, told: Told) -> None:
        self._check_files(told)
        self.acknowledged += len(told.said)
        if self.probe:
            report = check_library(self.settings)
            assert report.is_clean, report.findings
        with Library.open(self.settings) as library:
            journal = dict(library.records.entries())
            assert [
                number for number, told_before in self.entries.items() if _tell(journal[number]) != told_before
            ] == []
            undone = {entry.entry for entry in library.history(limit=len(journal)) if entry.undone}
            breaks = {
                (after, decision)
                for entry in journal.values()
                if entry["kind"] == "break"
                for after, _, decision in entry["decisions"]  # type: ignore[attr-defined]
            }
            for said in told.said:
                if "undone" in said:
                    assert said["undone"] in undone
                elif "after" in said:
                    assert (said["after"], said["decision"]) in breaks
                elif "entry" in said:
                    entry = journal[said["entry"]]  # type: ignore[index]
                    assert {key: entry[key] for key in said if key != "entry"}.items() <= said.items()
            assert self.pages <= {page.page_id for page in library.pages(limit=1000).pages}
            if not self.probe:
                report = library.check()
                assert report.is_clean, report.findings
            self._take_in(library)

    def _check_files(self, told: Told) -> None:
        """What was handed out is there, and what is there is whole: never half a file under its name."""
        assert all(Path(str(said["file"])).is_file() for said in told.said if "file" in said)
        for copy in self.place.glob("out-*/*/*.png"):
            if not copy.name.startswith("."):
                assert copy.read_bytes() == (self.scans / copy.parent.name / copy.name).read_bytes()
        for file in self.place.glob("*.tar"):
            restore_library(file, self.place / "restored")
            shutil.rmtree(self.place / "restored")
            file.unlink()
        for out in self.place.glob("out-*"):
            shutil.rmtree(out)

    def _take_in(self, library: Library) -> None:
        """What anyone could see by now must be there for ever."""
        self.pages |= {page.page_id for page in library.pages(limit=1000).pages}
        self.entries |= {number: _tell(entry) for number, entry in library.records.entries()}


def _tell(entry: Mapping[str, object]) -> str:
    return repr(entry)


def test_a_kill_of_each_loses_nothing(tmp_path: Path) -> None:
    """One for each thing that writes; after each everything acknowledged is there, and `check` finds no damage."""
    killing = Killing(tmp_path, seed=7, probe=False)
    for verb in VERBS:
        killing.kill(verb)
    assert len(killing.entries) > 1
    killing.end()


def test_a_service_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """A few through a service, among them what people decide while it dies."""
    killing = Killing(tmp_path, seed=7, probe=False)
    for verb in ("index", "move", "decide", "cluster"):
        killing.kill(verb, serve_and_die)
    assert killing.acknowledged > 1


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    """The same at 244 moments, in a random order of verbs, each time with the shards read by a process of their own."""
    tasks: list[tuple[str, Die]] = [(verb, work_and_die) for verb in VERBS for _ in range(KILLS_ALONE)]
    tasks += [(verb, serve_and_die) for verb in SERVED for _ in range(KILLS_SERVED)]
    random.Random(1).shuffle(tasks)
    killing = Killing(tmp_path, seed=1, probe=True)
    for verb, die in tasks:
        killing.kill(verb, die)
    killing.end()
    late = sum(killing.finished.values())
    print(
        f"{len(tasks)} kills, {late} came after the work was done {dict(killing.finished)}; "
        f"{killing.acknowledged} acknowledgements, {len(killing.entries)} decisions and {len(killing.pages)} pages kept"
    )
    assert 0 < late < len(tasks) / 2
