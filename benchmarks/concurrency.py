"""Figure 5: sixteen clients that upload at once, beside the same service with batching off.

    python -m benchmarks.concurrency [--small] [--seconds S] [--rounds N]

Uploads are pages as a phone or a browser sends them (1,200 px long) and as scanned (300 dpi): the larger they are, the more of the
work is decoding, which batching cannot share.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from functools import partial

from PIL import Image

from benchmarks.models import save_random_clip
from benchmarks.report import (
    interleave,
    list_scans,
    median_ratio,
    medians,
    print_machine,
    print_result,
    print_table,
    scratch,
)
from benchmarks.serving import ask_together, serve
from indexer.library import Library
from indexer.settings import load_settings

_CLIENTS = 16


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Many clients at once.")
    parser.add_argument("--small", action="store_true", help="half a second each, one round, a tiny model")
    parser.add_argument("--seconds", type=float, default=None, help="of each measurement; default 8")
    parser.add_argument("--rounds", type=int, default=None, help="default 3")
    options = parser.parse_args(arguments)
    seconds = options.seconds or (0.5 if options.small else 8.0)
    machine = print_machine()
    sizes = {"1,200 px": [shrink(path.read_bytes(), 1200) for path in list_scans()]}
    if not options.small:
        sizes["300 dpi"] = [path.read_bytes() for path in list_scans()]
    with scratch() as folder:
        model, checkpoint = save_random_clip(folder, small=options.small)
        (folder / "scans").mkdir()
        for number, data in enumerate(next(iter(sizes.values()))):
            (folder / "scans" / f"{number}.jpg").write_bytes(data)
        settings = load_settings(library=folder / "library", model=model, checkpoint=checkpoint)
        with Library.open(settings, create=True) as library:
            library.index([folder / "scans"])
            with serve(library) as batching, serve(library, batching=False) as alone:
                runs = {
                    f"{size}, {name}": partial(ask_together, service, pages, clients=_CLIENTS, seconds=seconds)
                    for size, pages in sizes.items()
                    for name, service in (("batching", batching), ("one by one", alone))
                }
                for run in runs.values():
                    run()
                found = interleave(runs, rounds=options.rounds or (1 if options.small else 3))
    print_table([f"{_CLIENTS} clients", "answers/s"], list(medians(found).items()))
    ratios = {size: median_ratio(found, f"{size}, batching", f"{size}, one by one") for size in sizes}
    print_result("concurrency", machine, clients=_CLIENTS, ratios=ratios, answers_per_s=medians(found))


def shrink(data: bytes, side_px: int) -> bytes:
    """A page as a phone or a browser sends it: JPEG, its longest side `side_px`."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.thumbnail((side_px, side_px))
        image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
