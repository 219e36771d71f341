"""Processes that work on a library, or serve it to somebody who works on it, and are killed; and what they had acknowledged."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx
from support.writing import ENDLESS, VERBS, Work

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        *("indexer.library", "indexer.library.exporting", "indexer.library.importing"),
        *("indexer.store.edge", "sklearn.cluster", "PIL.Image"),
        *("service.app", "uvicorn", "support.library", "support.writing"),
    ]
)
OPEN_S = 120
"""How long a process may take to open a library on a busy machine."""
_SAID = "said.log"
"""What the process wrote to its standard streams, beside the library; a traceback, if it ended by itself."""


@dataclass(slots=True)
class Told:
    """What had been acknowledged before the process died."""

    finished: bool = False
    took_s: float = 0.0
    """From the opened library to the end or the kill."""
    said: list[Mapping[str, object]] = field(default_factory=list)


def work_and_die(directory: Path, scans: Path, verb: str, *, seed: int, after_s: float) -> Told:
    """Start the work in a process of its own and kill it `after_s` seconds after the library was opened.

    People who decide for ever are first answered once, so that however slow the machine, something was acknowledged.
    """
    here, process = _start(_work, directory, scans, verb, seed)
    told = Told()
    opened_s = time.monotonic()
    if verb in ENDLESS and here.poll(OPEN_S):
        _hear(here, told)
    kill_at_s = time.monotonic() + after_s
    while not told.finished and (left_s := kill_at_s - time.monotonic()) > 0:
        if here.poll(left_s) and not _hear(here, told):
            break
    told.took_s = time.monotonic() - opened_s
    process.kill()
    while _hear(here, told):
        pass
    _bury(here, process, directory)
    return told


def serve_and_die(directory: Path, scans: Path, verb: str, *, seed: int, after_s: float) -> Told:
    """Do the work through a service in a process of its own, which is killed `after_s` seconds later.

    People who decide for ever are first answered once.
    """
    from indexer.cli.remote import RemoteLibrary
    from indexer.errors import QuireError
    from indexer.settings import load_settings

    here, process = _start(_serve, directory)
    address = here.recv()
    told = Told()
    with _reach(RemoteLibrary, address, load_settings(library=directory)) as remote:
        began_s = time.monotonic()
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            process.kill()

        killing = threading.Timer(after_s, kill)

        def say(event: Mapping[str, object]) -> None:
            told.said.append(event)
            if len(told.said) == 1 and verb in ENDLESS:
                killing.start()

        if verb not in ENDLESS:
            killing.start()
        try:
            VERBS[verb](Work(remote, scans, directory.parent, seed, say))
            told.finished = True
        except (QuireError, httpx.HTTPError):  # the service is gone, or an answer of it is torn
            if not killed.is_set():
                raise
        told.took_s = time.monotonic() - began_s
        killing.cancel()
        killing.join()
    process.kill()
    _bury(here, process, directory)
    return told


def _start(work: Callable[..., None], directory: Path, *arguments: object) -> tuple[Connection, BaseProcess]:
    here, there = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=_speak_up, args=(work, directory, *arguments, there), daemon=True)
    process.start()
    there.close()
    assert here.poll(OPEN_S), f"the process did not open the library:\n{_read_said(directory)}"
    try:
        here.recv()
    except EOFError:
        process.join()
        raise AssertionError(f"the process ended before it opened the library:\n{_read_said(directory)}") from None
    return here, process


def _bury(here: Connection, process: BaseProcess, directory: Path) -> None:
    process.join(30)
    code = process.exitcode
    process.close()
    here.close()
    assert code in (-9, 0), f"the process ended by itself with {code}:\n{_read_said(directory)}"


def _read_said(directory: Path) -> str:
    return (directory.parent / _SAID).read_text(encoding="utf-8", errors="replace")[-5000:]


def _hear(here: Connection, told: Told) -> bool:
    """Take in one message; False when there are no more, or the last was cut off."""
    try:
        event = here.recv()
    except (EOFError, OSError):
        return False
    if event == "done":
        told.finished = True
    else:
        told.said.append(event)
    return True


def _reach(kind, address: str, settings):  # type: ignore[no-untyped-def]
    end_s = time.monotonic() + OPEN_S
    while time.monotonic() < end_s:
        remote = kind.reach(address, settings)
        if remote is not None:
            return remote
        time.sleep(0.05)
    raise AssertionError("the service did not answer")


# ---- in the process ----


def _speak_up(work: Callable[..., None], directory: Path, *arguments: object) -> None:
    """Do the work with the standard streams in a file, which outlives the process and holds what it died of."""
    with (directory.parent / _SAID).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    work(directory, *arguments)


def _work(directory: Path, scans: Path, verb: str, seed: int, say: Connection) -> None:
    from support.library import settings_in

    from indexer.library import Library

    fresh = not (directory / "quire.toml").exists()
    settings = settings_in(directory, workers=1, **({} if fresh else {"model": None}))
    with Library.open(settings, create=True) as library:
        say.send("ready")
        VERBS[verb](Work(library, scans, directory.parent, seed, say.send))
        say.send("done")


def _serve(directory: Path, say: Connection) -> None:
    import socket

    import uvicorn
    from support.library import settings_in

    from indexer.library import Library
    from service.app import create_app

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        settings = settings_in(directory, workers=1, model=None, port=port)
        with Library.open(settings) as library:
            app = create_app(settings, library=library)
            say.send("ready")
            say.send(f"http://127.0.0.1:{port}")
            uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False)).run(sockets=[listener])
