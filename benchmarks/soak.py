"""Sixteen clients for five minutes, then far too many: errors, memory, times, and how quickly too much is refused.

    python -m benchmarks.soak [--small] [--seconds S]

The service runs as people run it: `quire serve`, in a process of its own. Clients upload real scans as scanned and as a phone sends
them, browse, and name clusters. They share the cores with it, so its figures are those of a machine that has other things to do.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import secrets
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import psutil

from benchmarks.concurrency import shrink
from benchmarks.models import MOBILENET, find_mobilenet
from benchmarks.report import (
    find_data,
    list_scans,
    percentile,
    print_machine,
    print_result,
    print_table,
    run_together,
    scratch,
)
from benchmarks.serving import stages_of
from indexer.library import Library
from indexer.settings import load_settings

_CLIENTS = 16
_TOO_MANY = 160
"""Two and a half times as many as may upload at once (QUIRE_MAX_WAITING_UPLOADS)."""
_PER_MINUTE = 120
"""QUIRE_MAX_REQUESTS_PER_MINUTE of the service, so that one client on two cores can exceed it."""
_QUIRE = (sys.executable, "-c", "from indexer.cli import main; main()")
_CLUSTERS = 8


@dataclass(slots=True)
class Tally:
    """What came of all requests: seconds by kind and status; 0 is no answer at all."""

    seconds: dict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str) -> None:
        """Remember what an error was, of the first twenty."""
        with self.guard:
            if len(self.notes) < 20:
                self.notes.append(what)

    def add(self, kind: str, status: int, seconds: float) -> None:
        """Count one."""
        with self.guard:
            self.seconds[kind, status].append(seconds)

    def times(self, *, kind: str | None = None, status: int | None = None) -> list[float]:
        """Seconds of all requests of a kind, or with a status."""
        chosen = (
            found for (one, code), found in self.seconds.items() if kind in (None, one) and status in (None, code)
        )
        return [seconds for found in chosen for seconds in found]

    def statuses(self) -> dict[str, int]:
        """How many requests ended with each status."""
        counts: dict[str, int] = defaultdict(int)
        for (_, status), found in sorted(self.seconds.items()):
            counts[str(status)] += len(found)
        return dict(counts)


@dataclass(slots=True)
class Memory:
    """Memory in MiB by the second: what the service itself took and what of its files lies there, and the decoding processes' all."""

    began_s: float
    at_s: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    """Anonymous: nobody can take it back."""
    files: list[float] = field(default_factory=list)
    """Mapped files, the library's among them: the system takes them back when it needs the room."""
    decoders: list[float] = field(default_factory=list)

    def look(self, process: psutil.Process) -> None:
        """Measure once.

        Raises:
            psutil.Error: a decoding process ended just now.
        """
        decoders = sum(one.memory_info().rss for one in process.children(recursive=True))
        found = process.memory_info()
        self.at_s.append(time.monotonic() - self.began_s)
        self.own.append((found.rss - found.shared) / 2**20)
        self.files.append(found.shared / 2**20)
        self.decoders.append(decoders / 2**20)

    def around(self, of: Sequence[float], from_s: float, to_s: float) -> float:
        """The median between two moments."""
        return percentile(
            [mib for at_s, mib in zip(self.at_s, of, strict=True) if from_s <= at_s <= to_s] or of[-1:], 0.5
        )


class Client:
    """Somebody who asks one thing after the other. Each has a random sequence of its own, the same in every run."""

    def __init__(self, address: str, key: str, tally: Tally, *, number: int) -> None:
        self._http = httpx.Client(base_url=address, headers={"X-API-Key": key}, timeout=120, trust_env=False)
        self._tally = tally
        self._choose = random.Random(number)
        self._ids: list[str] = []

    def ask(self, kind: str, method: str, path: str, **more: object) -> httpx.Response | None:
        """One request, counted."""
        began_s = time.perf_counter()
        try:
            answer = self._http.request(method, path, **more)  # type: ignore[arg-type]
        except httpx.HTTPError as exc:
            self._tally.add(kind, 0, time.perf_counter() - began_s)
            self._tally.note(f"{method} {path}: {type(exc).__name__}: {exc}")
            return None
        self._tally.add(kind, answer.status_code, time.perf_counter() - began_s)
        if not answer.is_success:
            self._tally.note(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer

    def upload(self, pages: Sequence[bytes], kind: str = "similar") -> httpx.Response | None:
        """Ask about one scan."""
        files = {"file": ("page.jpg", self._choose.choice(pages), "image/jpeg")}
        return self.ask(kind, "POST", f"/v1/{kind}", files=files)

    def live(self, pages: Sequence[bytes]) -> None:
        """One step of what people do: half of them ask about scans, most others look around, a few name a cluster."""
        lot = self._choose.random()
        if lot < 0.3:
            self.upload(pages)
        elif lot < 0.5:
            self.upload(pages, "classify")
        elif lot < 0.95:
            self._browse()
        else:
            body = {"group": f"group {self._choose.randrange(4)}"}
            self.ask("name", "PUT", f"/v1/clusters/{self._choose.randrange(_CLUSTERS)}/group", json=body)

    def close(self) -> None:
        """Leave."""
        self._http.close()

    def _browse(self) -> None:
        if not self._ids:
            answer = self.ask("list", "GET", "/v1/pages?limit=100")
            self._ids = [page["page_id"] for page in answer.json()["pages"]] if answer else []
            return
        page = self._choose.choice(self._ids)
        path = self._choose.choice(
            [
                f"/v1/pages/{page}",
                f"/v1/pages/{page}/thumbnail",
                f"/v1/pages/{page}/image?side_px=1024",
                f"/v1/pages/{page}/similar",
                f"/v1/pages?limit=50&cursor={page}",
                f"/v1/clusters/{self._choose.randrange(_CLUSTERS)}/pages",
                "/v1/clusters",
                "/v1/facets/label",
                "/v1/status",
                "/v1/history",
                "/clusters",
            ]
        )
        self.ask("browse", "GET", path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Sixteen clients for five minutes, then too many.")
    parser.add_argument("--small", action="store_true", help="a second of each, few pages, no network")
    parser.add_argument("--seconds", type=float, default=None, help="of the sixteen clients; default 300")
    options = parser.parse_args(arguments)
    seconds = options.seconds or (1.0 if options.small else 300.0)
    machine = print_machine()
    scans = [path.read_bytes() for path in list_scans()[: 2 if options.small else None]]
    small_scans = [shrink(data, 1200) for data in scans]
    with scratch() as folder:
        _fill(folder, small=options.small)
        keys = {"rw": secrets.token_hex(), "ro": secrets.token_hex()}
        with _serve(folder / "library", keys) as (address, process):
            _warm_up(address, keys["rw"], scans)
            tally, memory = _soak(address, process, keys["rw"], [*scans, *small_scans], seconds=seconds)
            stages = _read_stages(address, keys["rw"])
            over, probes, refused = _overload(address, keys, small_scans, seconds=min(seconds, 20.0))
            with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
                is_ready_after = client.get("/readyz").status_code == 200
    warm_s = min(60.0, seconds / 5)
    own, files = (
        [memory.around(of, warm_s, warm_s + seconds / 10), memory.around(of, seconds * 0.9, seconds), max(of)]
        for of in (memory.own, memory.files)
    )
    for note in tally.notes:
        print(note, file=sys.stderr)
    kinds = sorted({kind for kind, _ in tally.seconds})
    errors = sum(count for status, count in tally.statuses().items() if not 200 <= int(status) < 300)
    everything = tally.times()
    busy, answered, often = over.times(status=503), over.times(status=200), refused.times(status=429)
    columns = ["times", "p50 ms", "p99 ms", "most ms"]
    print_table(
        [f"{_CLIENTS} clients, {seconds:g} s", *columns],
        [_row(kind, tally.times(kind=kind)) for kind in kinds] + [_row("all", everything)],
    )
    print_table(
        ["memory, MiB", "after the first minute", "at the end", "most"],
        [
            ["the service's own", *own],
            ["files it has mapped", *files],
            ["decoding processes", "", "", max(memory.decoders)],
        ],
    )
    print_table(["stage", "times", "mean ms"], [[name, *values] for name, values in stages.items()])
    print_table(
        ["too much", *columns],
        [
            _row(f"{_TOO_MANY} uploads at once: 503", busy),
            _row("the same: answered", answered),
            _row("/healthz and /readyz meanwhile", probes.times()),
            _row("one key too often: 429", often),
        ],
    )
    print_result(
        "soak",
        machine,
        seconds=seconds,
        requests=len(everything),
        errors=errors,
        requests_per_s=len(everything) / seconds,
        ms={kind: _spread(tally.times(kind=kind)) for kind in kinds} | {"all": _spread(everything)},
        memory_mib={"own": own, "files": files, "growth": own[1] - own[0], "decoders": max(memory.decoders)},
        stages_ms={name: mean for name, (_, mean) in stages.items()},
        overload={
            "statuses": over.statuses(),
            "refused_ms": _spread(busy),
            "answered_ms": _spread(answered),
            "probes": probes.statuses(),
            "probes_ms": _spread(probes.times()),
        },
        too_often={"statuses": refused.statuses(), "refused_ms": _spread(often)},
        is_ready_after=is_ready_after,
    )


def _fill(folder: Path, *, small: bool) -> None:
    """A clustered library of real pages."""
    data = find_data()
    roots = [data / "categories" / "photo"] if small else [data / "categories", data / "streams"]
    network = {"model": "pixels"} if small else {"model": MOBILENET, "checkpoint": find_mobilenet()}
    with Library.open(load_settings(library=folder / "library", **network), create=True) as library:
        library.index(roots)
        library.cluster(_CLUSTERS, seed=0)


@contextmanager
def _serve(library: Path, keys: dict[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    """`quire serve`: its address and its process."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")} | {
        "QUIRE_LIBRARY": str(library),
        "QUIRE_API_KEYS": ",".join(f"{kind}:{kind}:{key}" for kind, key in keys.items()),
        "QUIRE_MAX_REQUESTS_PER_MINUTE": str(_PER_MINUTE),
    }
    command = [*_QUIRE, "serve", "--port", "0"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            told = process.stderr.readline()
            found = re.search(r"http://[\w.:]+\d", told)
            if found is None:
                raise SystemExit(f"quire serve did not start: {told}{process.stderr.read()}")
            threading.Thread(target=_pass_on, args=(process.stderr,), daemon=True).start()
            _await(found[0])
            yield found[0], psutil.Process(process.pid)
        finally:
            process.terminate()


def _pass_on(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, end="", file=sys.stderr)


def _await(address: str) -> None:
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        try:
            if httpx.get(f"{address}/readyz", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise SystemExit("quire serve did not become ready.")


def _soak(
    address: str, process: psutil.Process, key: str, pages: Sequence[bytes], *, seconds: float
) -> tuple[Tally, Memory]:
    tally, memory, over = Tally(), Memory(time.monotonic()), threading.Event()
    watcher = threading.Thread(target=_watch, args=(process, memory, over, min(1.0, seconds / 20)))
    watcher.start()
    clients = [Client(address, key, tally, number=number) for number in range(_CLIENTS)]
    _together(clients, lambda client: client.live(pages), seconds=seconds)
    over.set()
    watcher.join()
    return tally, memory


def _warm_up(address: str, key: str, pages: Sequence[bytes]) -> None:
    """Have the model loaded, for it is not what is measured."""
    client = Client(address, key, Tally(), number=0)
    client.upload(pages)
    client.close()


def _read_stages(address: str, key: str) -> dict[str, tuple[int, float]]:
    """How often each stage was gone through, and its mean in milliseconds, by the service's own metrics."""
    text = httpx.get(f"{address}/metrics", headers={"X-API-Key": key}, timeout=30, trust_env=False).text
    return {stage: (count, round(seconds / count * 1000, 1)) for stage, (count, seconds) in stages_of(text).items()}


def _watch(process: psutil.Process, memory: Memory, over: threading.Event, each_s: float) -> None:
    while True:
        with suppress(psutil.Error):  # a decoder that ended just now
            memory.look(process)
        if over.wait(each_s):
            return


def _overload(
    address: str, keys: dict[str, str], pages: Sequence[bytes], *, seconds: float
) -> tuple[Tally, Tally, Tally]:
    """Far too many uploads at once, with somebody who probes meanwhile; then one key that asks too often."""
    over, probes, refused = Tally(), Tally(), Tally()
    prober = Client(address, "", probes, number=0)

    def press(client: Client) -> None:
        answer = client.upload(pages)
        if answer is None or answer.status_code != 200:
            time.sleep(0.2)  # no client is so keen that it does not breathe; Retry-After asks for ten times that

    def probe(_: Client) -> None:
        for path in ("/healthz", "/readyz"):
            prober.ask(path, "GET", path)
        time.sleep(0.1)

    probing = threading.Thread(target=_together, args=([prober], probe), kwargs={"seconds": seconds})
    probing.start()
    crowd = [Client(address, keys["rw"], over, number=number) for number in range(_TOO_MANY)]
    _together(crowd, press, seconds=seconds)
    probing.join()
    reader = Client(address, keys["ro"], refused, number=0)
    _together([reader], lambda client: client.ask("jobs", "GET", "/v1/jobs"), seconds=min(seconds, 10.0))
    return over, probes, refused


def _together(clients: Sequence[Client], step: Callable[[Client], object], *, seconds: float) -> None:
    """All clients take one step after the other, each in a thread, until the time is over and their last one is answered."""
    until_s = time.monotonic() + seconds

    def work(client: Client) -> None:
        try:
            while time.monotonic() < until_s:
                step(client)
        finally:
            client.close()

    run_together([partial(work, client) for client in clients])


def _row(name: str, seconds: Sequence[float]) -> list[object]:
    return [name, len(seconds), *_spread(seconds), *([] if seconds else [""] * 3)]


def _spread(seconds: Sequence[float]) -> list[float]:
    """Median, 99th percentile and most, in milliseconds; nothing of nothing."""
    return [round(percentile(seconds, share) * 1000, 1) for share in (0.5, 0.99, 1.0)] if seconds else []


if __name__ == "__main__":
    main()
