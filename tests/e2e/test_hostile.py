"""More than 400 files made to do harm: each is listed with its reason or read in spite of it, and nothing else comes of them."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import httpx
import psutil
import pytest
from support.command import Quire, Service, quire_path, serving
from support.hostile import LIMITS, Hostile, list_hostile
from support.hostile.places import Place, make_places
from support.library import draw_page, draw_pages
from support.scans import encoded

MIB = 2**20
ENVIRON = {f"QUIRE_{name.upper()}": str(value) for name, value in LIMITS.items()}
MORE_OF_OURS_BYTES = 150 * MIB
"""What the command and the service may grow by over what good pages alone make them take."""
A_DECODER_BYTES = int(LIMITS["max_decode_bytes"]) + 100 * MIB
"""What a decoder may take beside its limit: Python, and the codecs themselves."""


@pytest.fixture(scope="module")
def corpus() -> list[Hostile]:
    """All hostile files."""
    return list_hostile()


class Memory:
    """The most that a process, and any of its children, had at any time."""

    def __init__(self) -> None:
        self.own = 0
        self.child = 0


@contextmanager
def watching(process: psutil.Process) -> Iterator[Memory]:
    """Look every few milliseconds."""
    memory, over = Memory(), threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            try:
                memory.own = max(memory.own, process.memory_info().rss)
                for child in process.children(recursive=True):
                    memory.child = max(memory.child, child.memory_info().rss)
            except psutil.Error:
                continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()


def test_the_corpus_is_large_and_every_file_says_what_it_aims_at(corpus: list[Hostile]) -> None:
    """At least 200, each with a name of its own, a weakness and the ends it may come to; and none too large to be tried."""
    assert len(corpus) >= 400
    assert len({case.name for case in corpus}) == len(corpus)
    assert all(case.weakness and case.codes for case in corpus)
    assert all(len(case.data) <= LIMITS["max_file_bytes"] for case in corpus)


def test_a_run_over_all_of_them_indexes_their_neighbours_and_lists_them(corpus: list[Hostile], tmp_path: Path) -> None:
    """`quire index` ends in order; every file is read or listed with a reason that it may have; and memory stays where it was."""
    root = draw_pages(tmp_path / "scans", each=3)
    quire = Quire(tmp_path / "library", bare=True, **ENVIRON)
    with _running(quire, "index", root, "--model", "pixels") as (process, before):
        process.wait()
    for case in corpus:
        (root / "left" / case.name).write_bytes(case.data)
    (root / "places").mkdir()
    places = make_places(root / "places", outside=tmp_path / "outside")
    for number in range(4, 8):
        draw_page("left", number).save(root / "left" / f"p{number}.png")
    with _running(quire, "index", root) as (process, after):
        process.wait()
    report = quire.json("index", status=3)
    ends = _ends(quire, report)
    assert {ends[f"left/p{n}.png"] for n in range(1, 8)} == {("ok",)}
    assert _wrong({f"left/{case.name}": case for case in corpus}, ends) == {}
    assert _wrong({f"places/{place.listed}": place for place in places if place.listed is not None}, ends) == {}
    assert all(
        skip["reason"] and skip["reason"].isprintable() and skip["path"].isprintable() for skip in report["skipped"]
    )
    assert after.own < before.own + MORE_OF_OURS_BYTES
    assert after.child < A_DECODER_BYTES
    assert quire("check", "--deep").status == 0


def test_a_service_answers_all_of_them_and_is_none_the_worse(corpus: list[Hostile], tmp_path: Path) -> None:
    """Uploaded by the dozen: each is answered or called unreadable with its reason, beside a good page that is answered as ever."""
    quire = Quire(tmp_path / "library", bare=True, **ENVIRON)
    quire.ok("index", draw_pages(tmp_path / "scans", each=3), "--model", "pixels")
    good = encoded(draw_page("left", 2), "PNG")
    with serving(quire, environ=ENVIRON) as service, httpx.Client(timeout=300, trust_env=False) as client:
        _ask(service, client, {"good": good})
        process = psutil.Process(service.process.pid)
        before = process.memory_info().rss
        with watching(process) as memory:
            for begin in range(0, len(corpus), 40):
                some = {case.name: case for case in corpus[begin : begin + 40]}
                ends = _ask(service, client, {"good": good} | {name: case.data for name, case in some.items()})
                assert ends["good"] == ("ok",)
                assert _wrong(some, ends) == {}
        assert memory.own < before + MORE_OF_OURS_BYTES
        assert memory.child < A_DECODER_BYTES
        assert client.get(f"{service.address}/readyz").status_code == 200
        assert service.stop() in (0, -15)


def test_files_that_change_and_vanish_while_they_are_read_are_listed(tmp_path: Path) -> None:
    """Somebody goes on scanning into the folder: what was caught in the act is listed, and the next run reads it."""
    root = draw_pages(tmp_path / "scans", each=15)
    files = sorted(root.rglob("*.png"))
    whole = {file: file.read_bytes() for file in files}
    over = threading.Event()

    def disturb() -> None:
        step = 0
        while not over.is_set():
            file = files[step % len(files)]
            kind, step = step % 4, step + 1
            if kind == 0:
                file.write_bytes(whole[file][: len(whole[file]) // 2])
            elif kind == 1:
                file.unlink(missing_ok=True)
            elif kind == 2:
                other = file.with_suffix(".new")
                other.write_bytes(whole[file])
                other.replace(file)
            else:
                os.utime(file, ns=(step, step)) if file.exists() else None

    disturber = threading.Thread(target=disturb)
    disturber.start()
    quire = Quire(tmp_path / "library", bare=True, **ENVIRON)
    report = quire.json("index", root, "--model", "pixels", status=None)
    over.set()
    disturber.join()
    assert {skip["code"] for skip in report["skipped"]} <= {"changed", "vanished", "truncated", "unreadable", "empty"}
    for file, data in whole.items():
        file.write_bytes(data)
        os.utime(file, ns=(10**18 + len(data), time.time_ns()))
    second = quire.json("index")
    assert (second["pages"], second["skipped"]) == (60, [])


@contextmanager
def _running(quire: Quire, *arguments: object) -> Iterator[tuple[psutil.Popen, Memory]]:
    """The command while it runs, and the memory that it takes."""
    command = [quire_path(), *map(str, arguments)]
    with (
        psutil.Popen(command, env=quire.environ, stdout=DEVNULL, stderr=DEVNULL) as process,
        watching(process) as memory,
    ):
        yield process, memory


def _ends(quire: Quire, report: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What became of each path: `ok` where a page of it is in the library, the codes of what was left out."""
    ends: dict[str, set[str]] = defaultdict(set)
    for skip in report["skipped"]:
        ends[skip["path"]].add(skip["code"])
    pages = quire.json("pages", "--limit", "1000")
    for page in pages["pages"]:
        ends[page["path"]].add("ok")
    return {path: tuple(sorted(codes)) for path, codes in ends.items()}


def _wrong(cases: Mapping[str, Hostile | Place], ends: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """Cases that came to another end than they may, or to none."""
    found = {name: ends.get(name, ()) for name in cases}
    return {name: codes for name, codes in found.items() if not codes or not set(codes) <= set(cases[name].codes)}


def _ask(service: Service, client: httpx.Client, files: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    """`ok`, or the code that the words of `unreadable` stand for, by the name of the upload."""
    parts = [("file", (name, data)) for name, data in files.items()]
    answer = client.post(f"{service.address}/v1/similar", files=parts, params={"limit": 1})
    assert answer.status_code == 200, answer.text
    ends: dict[str, set[str]] = defaultdict(set)
    for page in answer.json()["pages"]:
        ends[page["name"]].add("ok")
    for one in answer.json()["unreadable"]:
        assert one["reason"]
        ends[one["name"]].add(one["code"])
    return {name: tuple(sorted(codes)) for name, codes in ends.items()}
