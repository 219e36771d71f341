"""A library on a server that stumbles: requests and answers get lost, batches are written by half, and nothing that counts is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from support.library import draw_page, draw_pages, settings_in
from support.servers import server_in_memory
from support.standin import Faults

from indexer.errors import ConflictError, QuireError, StoreError
from indexer.library import Library
from indexer.library.results import BreakDecision
from indexer.settings import Settings

T = TypeVar("T")

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]
_PATIENCE = 60
"""How often a person tries again; with one call of twelve failing, some work needs several tries."""


class Person:
    """Somebody who works on the library, tries again after an error, and remembers what was acknowledged."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.refused = 0
        self.decided: dict[int, dict[str, object]] = {}
        self.undone: set[int] = set()
        self.breaks: list[tuple[str, str]] = []

    def work(self, scans: Path) -> None:
        """Everything that writes, once or twice."""
        self.until(lambda library: library.index([scans]))
        self.until(lambda library: library.cluster(4))
        for number in range(4):
            self.name(number, f"group {number}")
        ids = self.until(lambda library: [page.page_id for page in library.pages(limit=100).pages])
        for number, one in enumerate(ids[::3]):
            self.move(one, f"hand {number}")
        self.undo(max(self.decided))
        self.decide_breaks()
        draw_page("top", 77).save(scans / "top" / "p77.png")
        (scans / "left/p1.png").unlink()
        self.until(lambda library: library.index(prune=True))
        self.until(lambda library: library.reindex("pixels:8"))
        self.until(lambda library: library.cluster(5, seed=1))
        self.until(lambda library: library.maps.make_map(method="pca"))
        self.until(lambda library: library.duplicates.find())
        self.name(0, "renamed")

    def until(self, do: Callable[[Library], T]) -> T:
        """Try until it is done; each try opens the library anew, as a command does."""
        for _ in range(_PATIENCE):
            try:
                with Library.open(self.settings, create=True) as library:
                    return do(library)
            except StoreError:
                self.refused += 1
        raise AssertionError(f"{_PATIENCE} tries were not enough")

    def name(self, cluster: int, group: str) -> None:
        """Name a cluster."""
        report = self.until(lambda library: library.name_clusters([cluster], group))
        self.decided[report.entry] = {"group": group, "clusters": [cluster]}

    def move(self, page_id: str, group: str) -> None:
        """Move a page by hand."""
        report = self.until(lambda library: library.move_pages([page_id], group))
        self.decided[report.entry] = {"group": group, "pages": [page_id]}

    def undo(self, entry: int) -> None:
        """Take a decision back; where the error came after it was in the journal, a second try says so."""
        with contextlib.suppress(ConflictError):
            self.until(lambda library: library.undo(entry))
        self.undone.add(entry)

    def decide_breaks(self) -> None:
        """Say where documents begin, in every stream."""
        for stream in self.until(lambda library: library.documents.streams()):
            after = self.until(lambda library, name=stream.stream: library.documents.propose(name).breaks[0].after)
            decision = BreakDecision(after, "join")
            self.until(lambda library, name=stream.stream, said=decision: library.documents.decide(name, [said]))
            self.breaks.append((after, "join"))


@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 80))])
def test_what_was_acknowledged_survives_a_server_that_stumbles(tmp_path: Path, seed: int) -> None:
    """One call of twelve fails in one of five ways; in the end all decisions and pages are there, and `check` finds no damage."""
    scans = draw_pages(tmp_path / "scans", each=4)
    with server_in_memory() as server:
        assert server.stand_in is not None
        faults = server.stand_in.trouble = Faults(seed, share=1 / 12)
        person = Person(settings_in(tmp_path / "library", qdrant_url=server.url, name=server.name, model=None))
        person.settings = person.settings.model_copy(update={"model": "pixels"})
        person.until(lambda library: library.index([scans]))
        person.settings = person.settings.model_copy(update={"model": None})
        person.work(scans)
        server.stand_in.trouble = None
        assert sum(faults.met.values()) > 20
        with Library.open(person.settings) as library:
            report = library.check(deep=True)
            assert report.is_clean, report.findings
            journal = dict(library.records.entries())
            for number, said in person.decided.items():
                assert said.items() <= dict(journal[number]).items()
            undone = {entry.entry for entry in library.history(limit=1000) if entry.undone}
            assert person.undone <= undone
            broken = {(d[0], d[2]) for e in journal.values() if e["kind"] == "break" for d in e["decisions"]}  # type: ignore[attr-defined]
            assert set(person.breaks) <= broken
            paths = {page.path for page in library.pages(limit=100).pages}
            assert paths == {str(file.relative_to(scans)) for file in scans.rglob("*.png")}
            assert library.status().groups["renamed"] > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_move_to_a_server_that_stumbles_arrives_whole(tmp_path: Path, seed: int) -> None:
    """Repeated until it is done, from Edge and back; equal point by point at each station, as the command itself checks."""
    scans = draw_pages(tmp_path / "scans", each=4)
    settings = settings_in(tmp_path / "library", model=None)
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([scans])
        library.cluster(4)
        library.name_clusters([1], "ones")
        groups = library.status().groups
    with server_in_memory() as server:
        assert server.stand_in is not None
        server.stand_in.trouble = Faults(seed, share=1 / 8)
        person = Person(settings)
        person.until(lambda library: library.relocate(server.url, name=server.name))
        there = settings.model_copy(update={"qdrant_url": server.url, "name": server.name})
        person = Person(there)
        person.move(person.until(lambda library: library.pages().pages[0].page_id), "by hand")
        person.until(lambda library: library.relocate(str(tmp_path / "back")))
    with Library.open(settings_in(tmp_path / "back", model=None)) as library:
        assert library.check(deep=True).findings == []
        expected = {**groups, "by hand": 1}
        moved = library.page(next(iter(person.decided.values()))["pages"][0])  # type: ignore[index]
        assert moved.group == "by hand"
        assert set(library.status().groups) == set(expected)


def test_an_answer_that_never_comes_is_told_with_what_to_do(tmp_path: Path) -> None:
    """Every call lost: one clear error that names the server, and nothing half made."""
    scans = draw_pages(tmp_path / "scans", each=1)
    with server_in_memory() as server:
        assert server.stand_in is not None
        server.stand_in.trouble = Faults(0, share=1, kinds=["lost"])
        settings = settings_in(tmp_path / "library", qdrant_url=server.url, name=server.name)
        with (
            pytest.raises(QuireError, match=r"does not answer .*docker compose up"),
            Library.open(settings, create=True) as library,
        ):
            library.index([scans])
        server.stand_in.trouble = None
        assert server.stand_in.get_collections().collections == []
