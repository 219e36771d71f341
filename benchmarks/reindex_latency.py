"""Figure 10: how long an answer takes while the service embeds its whole library anew, beside the same service at rest.

python -m benchmarks.reindex_latency [--small] [--pages N] [--queries N]
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Sequence

import httpx

from benchmarks.models import save_random_clip
from benchmarks.report import list_scans, percentile, print_machine, print_result, print_table, scratch
from benchmarks.serving import Service, serve
from indexer.library import Library
from indexer.settings import load_settings

_OVER = ("done", "failed", "cancelled")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Queries during a reindex.")
    parser.add_argument("--small", action="store_true", help="11 pages, 3 queries, a tiny model")
    parser.add_argument("--pages", type=int, default=None, help="default 400")
    parser.add_argument("--queries", type=int, default=None, help="default 40 at rest and at most as many amid the job")
    options = parser.parse_args(arguments)
    pages = options.pages or (11 if options.small else 400)
    queries = options.queries or (3 if options.small else 40)
    machine = print_machine()
    scans = list_scans()
    uploads = [path.read_bytes() for path in scans]
    with scratch() as folder:
        model, checkpoint = save_random_clip(folder, small=options.small)
        (folder / "scans").mkdir()
        for number in range(pages):
            shutil.copyfile(scans[number % len(scans)], folder / "scans" / f"p{number}.jpg")
        settings = load_settings(library=folder / "library", model=model, checkpoint=checkpoint)
        with Library.open(settings, create=True) as library:
            library.index([folder / "scans"])
            with serve(library) as service, httpx.Client(timeout=120) as client:
                _ask(service, client, uploads, 2)
                idle = _ask(service, client, uploads, queries)
                busy = _ask_amid_reindex(service, client, uploads, queries)
    rows = [
        [name, len(of), 1000 * percentile(of, 0.5), 1000 * percentile(of, 0.95)]
        for name, of in (("at rest", idle), ("during a reindex", busy))
    ]
    print_table(["", "queries", "median ms", "p95 ms"], rows)
    ratio = percentile(busy, 0.95) / percentile(idle, 0.95)
    print_result("reindex_latency", machine, pages=pages, p95_ratio=ratio, idle_s=idle, busy_s=busy)


def _ask(service: Service, client: httpx.Client, uploads: Sequence[bytes], count: int) -> list[float]:
    return [service.ask(client, uploads[number % len(uploads)]) for number in range(count)]


def _ask_amid_reindex(service: Service, client: httpx.Client, uploads: Sequence[bytes], most: int) -> list[float]:
    """Seconds of the queries that both began and ended while the job ran; one at least, however short it is."""
    answer = client.post(f"{service.address}/v1/jobs", json={"kind": "reindex"})
    answer.raise_for_status()
    job = f"{service.address}/v1/jobs/{answer.json()['id']}"
    taken: list[float] = []
    while len(taken) < most:
        took_s = service.ask(client, uploads[len(taken) % len(uploads)])
        is_over = client.get(job).json()["state"] in _OVER
        if is_over and taken:
            break
        taken.append(took_s)
    while (state := client.get(job).json())["state"] not in _OVER:
        client.delete(job)
        time.sleep(0.1)
    assert state["state"] in ("done", "cancelled"), state
    return taken


if __name__ == "__main__":
    main()
