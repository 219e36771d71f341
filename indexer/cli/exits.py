"""The outer border of the command line: errors become one message on stderr and one documented exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from indexer.errors import QuireError, tell_disk_trouble

DONE = 0
UNEXPECTED = 1
USAGE = 2
DONE_WITH_SKIPS = 3
FINDINGS = 12
"""`quire check` found damage, and did not or could not repair all of it."""
INTERRUPTED = 130

EXIT_STATUSES: Mapping[str, int] = {
    "error": UNEXPECTED,
    "usage": USAGE,
    "filter": USAGE,
    "unknown-model": USAGE,
    "not-found": 4,
    "library-missing": 4,
    "page-missing": 4,
    "cluster-missing": 4,
    "map-missing": 4,
    "learned-missing": 4,
    "root-missing": 4,
    "job-missing": 4,
    "picture": 5,
    "picture-too-large": 5,
    "model": 6,
    "weights-missing": 6,
    "model-mismatch": 6,
    "no-text-tower": 6,
    "store": 7,
    "store-unreachable": 7,
    "collection-missing": 7,
    "library-busy": 8,
    "library-damaged": 9,
    "service": 10,
    "conflict": 11,
    "decoder": 13,
    "workers": 14,
    "reader-missing": 15,
}
"""Exit status for each error code; `docs/errors.md` has the same table."""


@contextmanager
def exit_border(leave: Callable[[int], None] = sys.exit) -> Iterator[None]:
    """Turn what goes wrong inside into a message on stderr and an exit status."""
    try:
        yield
    except QuireError as exc:
        print(f"quire: {exc}", file=sys.stderr)
        leave(EXIT_STATUSES[exc.code])
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; closing stderr keeps Python from complaining about it at exit.
        sys.stderr.close()
        leave(DONE)
    except OSError as exc:
        told = tell_disk_trouble(exc)
        if told is None:
            raise
        print(f"quire: {told}", file=sys.stderr)
        leave(EXIT_STATUSES[told.code])
    except KeyboardInterrupt:
        print("quire: stopped; what was done so far is kept, and the same command goes on from there.", file=sys.stderr)
        leave(INTERRUPTED)
