"""How answers look on a terminal: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from indexer.progress import Progress, ProgressSink
from indexer.values import Skip

_NOTHING = "–"
WIDE = 120
"""Columns of a terminal from which on ids of pages stand beside their paths."""
MOST_SKIPS = 20
"""Skips shown after a run; `quire status` has them all."""


def out() -> Console:
    """Where results go. Piped, lines are as long as they are."""
    return Console(soft_wrap=not sys.stdout.isatty(), highlight=False)


def err() -> Console:
    """Where progress and notes go. Piped, lines are as long as they are."""
    return Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False)


def print_json(value: object) -> None:
    """A dataclass, or a list or dictionary of them, as JSON on stdout."""
    print(json.dumps(_plain(value), ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Rows under headings; numbers to the right. Without a terminal: tab-separated, one line a row, for cut and awk.

    A column without a heading holds marks, which most rows lack. Ids of pages take half of a narrow terminal; paths name pages as well.
    """
    listed = [[_text(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in listed:
            print("\t".join(row))
        return
    if not listed:
        return
    if out().width < WIDE and {"path", "page_id"} <= set(columns):
        at = list(columns).index("page_id")
        columns, listed = [*columns[:at], *columns[at + 1 :]], [[*row[:at], *row[at + 1 :]] for row in listed]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    marks = [place for place, column in enumerate(columns) if not column]
    for column in columns:
        numeric = column.strip().lower() in {
            "cluster",
            "pages",
            "similarity",
            "margin",
            "k",
            "silhouette",
            "inertia",
            "page",
            "median",
        }
        # an id in two pieces can't be copied
        whole = column in {"page_id", "id", "after", "document"}
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=whole)
    for row in listed:
        for place in marks:
            row[place] = "" if row[place] == _NOTHING else row[place]
        table.add_row(*row)
    out().print(table)


def print_skips(skips: Sequence[Skip]) -> None:
    """What was left out and why, on stderr."""
    console = err()
    if not skips:
        return
    console.print(f"[yellow]{len(skips)} left out:[/yellow]")
    for skip in skips[:MOST_SKIPS]:
        page = f", page {skip.page_number}" if skip.page_number else ""
        console.print(f"  {skip.path or skip.root}{page}: {skip.reason}", markup=False)
    if len(skips) > MOST_SKIPS:
        console.print(f"  … and {len(skips) - MOST_SKIPS} more; `quire status` lists them all.")


@contextmanager
def progress_bar() -> Iterator[ProgressSink]:
    """A bar with rate and ETA on a terminal; without one, a line on stderr every few seconds."""
    console = err()
    if not console.is_terminal:
        yield _LinePrinter()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=console, transient=True) as bar:
        yield _Bars(bar)


def duration(seconds: float) -> str:
    """`4 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """Bytes as a person reads them."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


class _Bars:
    """Progress events as bars, one a stage."""

    def __init__(self, bar: RichProgress) -> None:
        self._bar = bar
        self._tasks: dict[str, Any] = {}

    def __call__(self, event: Progress) -> None:
        if event.stage not in self._tasks:
            self._tasks[event.stage] = self._bar.add_task(event.stage, total=event.total, pace="")
        self._bar.update(self._tasks[event.stage], completed=event.done, total=event.total, pace=_pace(event))


class _LinePrinter:
    """Progress events as lines, not more often than every five seconds and once at each stage's end."""

    _INTERVAL_S = 5.0

    def __init__(self) -> None:
        self._said_s = float("-inf")
        self._ended: tuple[str, int] | None = None

    def __call__(self, event: Progress) -> None:
        import time

        now_s = time.monotonic()
        ended = event.total is not None and event.done >= event.total > 0
        again = self._ended == (event.stage, event.done)
        if again or (not ended and now_s - self._said_s < self._INTERVAL_S):
            return
        self._said_s = now_s
        self._ended = (event.stage, event.done) if ended else None
        total = f" of {event.total}" if event.total is not None else ""
        print(f"{event.stage}: {event.done}{total} {_pace(event)}".rstrip(), file=sys.stderr, flush=True)


def _pace(event: Progress) -> str:
    parts = [f"{event.rate_per_s:.1f}/s"] if event.done else []
    if event.eta_s is not None and event.total is not None and event.done < event.total:
        parts.append(f"{duration(event.eta_s)} left")
    if event.skipped:
        parts.append(f"{event.skipped} left out")
    return " · ".join(parts)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _text(cell: object) -> str:
    if cell is None:
        return _NOTHING
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)
