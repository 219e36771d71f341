"""Figure 4: what an answer costs beyond decoding the uploaded page and its forward pass.

    python -m benchmarks.queries [--small] [--pages N]

A service over a library of 100,000 made-up pages, one client, one uploaded page after the other. Decoding and the forward pass are
timed by the service itself (`/metrics`); the rest is HTTP, multipart, waiting, the search and the answer's JSON.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence

import httpx

from benchmarks.models import save_random_clip
from benchmarks.report import list_scans, percentile, print_machine, print_result, print_table, scratch
from benchmarks.serving import serve
from benchmarks.synthetic import make_batches
from indexer.library import Library
from indexer.library.manifest import Root
from indexer.library.page_payload import pages_spec
from indexer.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Answering an upload.")
    parser.add_argument("--small", action="store_true", help="500 pages, 5 uploads, a tiny model")
    parser.add_argument("--pages", type=int, default=None, help="default 100,000")
    options = parser.parse_args(arguments)
    pages = options.pages or (500 if options.small else 100_000)
    machine = print_machine()
    uploads = [path.read_bytes() for path in list_scans()]
    rounds = 5 if options.small else 66
    asked: list[dict[str, float]] = []
    with scratch() as folder:
        model, checkpoint = save_random_clip(folder, small=options.small)
        settings = load_settings(library=folder / "library", model=model, checkpoint=checkpoint)
        with Library.open(settings, create=True) as library:
            embedder = library.make_embedder(model, checkpoint)
            dimensions = embedder.spec.dimensions
            library.change_manifest(
                generation=1, model=embedder.spec, checkpoint=str(checkpoint), roots=(Root("scans", str(folder)),)
            )
            spec = pages_spec({"page": dimensions}, expected_pages=pages)
            collection = library.store.create(library.manifest.pages_collection, spec)
            for batch in make_batches(pages, dimensions=dimensions):
                collection.upsert(batch)
            collection.optimize()
            with serve(library) as service, httpx.Client(timeout=60) as client:
                for number in range(rounds + 2):
                    before = service.read_stages(client)
                    total_s = service.ask(client, uploads[number % len(uploads)])
                    after = service.read_stages(client)
                    spent = {stage: after[stage] - before.get(stage, 0.0) for stage in after}
                    asked.append({"total": total_s, **spent})
    asked = asked[2:]
    beyond = [one["total"] - one["decode"] - one["forward"] for one in asked]
    parts = {
        name: [one.get(name, 0.0) for one in asked] for name in ("total", "decode", "forward", "batch_wait", "search")
    }
    parts["beyond decode + forward"] = beyond
    print_table(
        [f"{pages:,} pages", "median ms", "p95 ms"],
        [[name, 1000 * statistics.median(of), 1000 * percentile(of, 0.95)] for name, of in parts.items()],
    )
    print_result(
        "queries", machine, pages=pages, median_ms={name: 1000 * statistics.median(of) for name, of in parts.items()}
    )


if __name__ == "__main__":
    main()
