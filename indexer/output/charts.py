"""Charts in one style, by matplotlib without its global state: bars with intervals, confusion, calibration, curves."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.errors import UsageError
from indexer.output.files import written_whole
from indexer.output.palette import colour_of, hex_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER, INK, FAINT, RIM = "#ffffff", "#22211f", "#6e6a63", "#e2dfd8"
DPI = 150
MOST_IN_CONFUSION = 40
"""Labels drawn in a confusion picture; of more, those with the most pages."""
_NUMBERS_UP_TO = 16
_LONGEST_NAME = 24


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with its interval, by name."""

    name: str
    value: float
    low: float
    high: float


def draw_comparison(
    methods: Sequence[Measured],
    labels: Sequence[str],
    confusion: NDArray[np.int64],
    bins: Sequence[tuple[float, float, int]],
    *,
    title: str,
    subtitle: str = "",
) -> bytes:
    """PNG: each way with its accuracy and interval; confusion [L, L] and calibration `bins` (confidence, accuracy, pages) of the first."""
    figure = new_figure(15, 7.2, title, subtitle)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.1, 1.5, 1.0))
    draw_intervals(left, methods, label="accuracy on pages not seen, with 95 % interval")
    draw_confusion(middle, labels, confusion, heading=f"{methods[0].name}: what was told of which")
    draw_calibration(right, bins, heading=f"{methods[0].name}: how sure, and how often right")
    return render(figure)


def draw_intervals(axes: Axes, rows: Sequence[Measured], *, label: str) -> None:
    """Dots with whiskers, the first row on top."""
    places = np.arange(len(rows))[::-1]
    for number, (place, row) in enumerate(zip(places, rows, strict=True)):
        colour = hex_of(colour_of(number))
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=3, solid_capstyle="round", alpha=0.45)
        axes.plot(row.value, place, "o", color=colour, markersize=9)
        axes.annotate(
            f"{row.value:.3f}",
            (row.value, place),
            textcoords="offset points",
            xytext=(0, 10),
            ha="center",
            fontsize=10,
            color=INK,
        )
    axes.set_yticks(places, [_short(row.name) for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    span = max(max(row.high for row in rows) - min(row.low for row in rows), 0.02)
    axes.set_xlim(min(row.low for row in rows) - 0.12 * span, min(max(row.high for row in rows) + 0.12 * span, 1.02))
    axes.set_xlabel(label)
    axes.grid(axis="x", color=RIM)


def draw_confusion(axes: Axes, labels: Sequence[str], confusion: NDArray[np.int64], *, heading: str) -> None:
    """Rows are true labels, shaded by the share of their pages; counts are written where there is room."""
    counts = np.asarray(confusion)
    if len(labels) > MOST_IN_CONFUSION:
        kept = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:MOST_IN_CONFUSION])
        labels, counts = [labels[row] for row in kept], counts[np.ix_(kept, kept)]
        heading = f"{heading} (the {MOST_IN_CONFUSION} most frequent)"
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.25, aspect="equal")
    if len(labels) <= _NUMBERS_UP_TO:
        for row, column in zip(*np.nonzero(counts), strict=True):
            light = shares[row, column] > 0.6
            axes.text(
                column,
                row,
                f"{counts[row, column]}",
                ha="center",
                va="center",
                fontsize=9,
                color=PAPER if light else INK,
            )
    size = 9 if len(labels) <= _NUMBERS_UP_TO else 6
    names = [_short(name) for name in labels]
    axes.set_xticks(range(len(labels)), names, rotation=50, ha="right", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(range(len(labels)), names, fontsize=size)
    axes.set_ylabel("its label")
    axes.set_xlabel("label told")
    axes.set_title(heading, fontsize=11, loc="left", color=INK)


def draw_balance(
    shares: Sequence[tuple[str, int]],
    rows: Sequence[str],
    columns: Sequence[str],
    counts: NDArray[np.int64],
    *,
    title: str,
    subtitle: str,
    names: tuple[str, str],
) -> bytes:
    """PNG: pages by value as bars, and a table [R, C] shaded by the share of each row; at most 40 of either, those with the most pages."""
    figure = new_figure(15, 7.2, title, subtitle)
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 2.1))
    _draw_bars(left, shares[:MOST_IN_CONFUSION], label=f"pages by {names[0]}")
    kept_rows, kept_columns = (
        np.sort(np.argsort(-counts.sum(axis=axis), kind="stable")[:MOST_IN_CONFUSION]) for axis in (1, 0)
    )
    some = counts[np.ix_(kept_rows, kept_columns)]
    _draw_cross(right, [rows[row] for row in kept_rows], [columns[column] for column in kept_columns], some, names)
    return render(figure)


def _draw_bars(axes: Axes, shares: Sequence[tuple[str, int]], *, label: str) -> None:
    places = np.arange(len(shares))[::-1]
    axes.barh(places, [count for _, count in shares], color=hex_of(colour_of(0)), height=0.7)
    for place, (_, count) in zip(places, shares, strict=True):
        axes.annotate(f"{count:,}", (count, place), textcoords="offset points", xytext=(5, 0), va="center", fontsize=9)
    axes.set_yticks(places, [_short(name) for name, _ in shares])
    axes.margins(x=0.14)
    axes.set_xlabel(label)


def _draw_cross(
    axes: Axes, rows: Sequence[str], columns: Sequence[str], counts: NDArray[np.int64], names: tuple[str, str]
) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    if max(counts.shape, default=0) <= 2 * _NUMBERS_UP_TO:
        for row, column in zip(*np.nonzero(counts), strict=True):
            ink = PAPER if shares[row, column] > 0.6 else INK
            text = f"{counts[row, column]}"
            axes.text(column, row, text, ha="center", va="center", fontsize=9, color=ink)
    axes.set_xticks(range(len(columns)), [_short(name) for name in columns], rotation=50, ha="right", fontsize=9)
    axes.set_yticks(range(len(rows)), [_short(name) for name in rows], fontsize=9)
    axes.set_xlabel(names[1])
    axes.set_title(f"{names[0]} against {names[1]}", fontsize=11, loc="left", color=INK)


def draw_calibration(axes: Axes, bins: Sequence[tuple[float, float, int]], *, heading: str) -> None:
    """Accuracy against confidence, dots as large as they have pages; on the diagonal, confidence can be taken at its word."""
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 4)))
    if bins:
        sure, right, pages = (np.array(one) for one in zip(*bins, strict=True))
        axes.plot(sure, right, color=hex_of(colour_of(0)), linewidth=1.5, zorder=2)
        axes.scatter(
            sure,
            right,
            s=30 + 400 * pages / pages.sum(),
            color=hex_of(colour_of(0)),
            alpha=0.75,
            zorder=3,
            clip_on=False,
        )
    axes.set_xlim(0, 1.04)
    axes.set_ylim(0, 1.04)
    axes.set_aspect("equal")
    axes.set_xlabel("confidence")
    axes.set_ylabel("share that is right")
    axes.grid(color=RIM)
    axes.set_title(heading, fontsize=11, loc="left", color=INK)


def new_figure(width_in: float, height_in: float, title: str, subtitle: str = "") -> Figure:
    """An empty figure with its heading; `figure.subplots` makes the axes, which lie below it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor=PAPER, layout="constrained")
    top = 1 - 0.95 / height_in
    figure.get_layout_engine().set(rect=(0, 0.015, 1, top - 0.015), w_pad=0.12)  # type: ignore[union-attr, call-arg]
    figure.text(0.015, 1 - 0.28 / height_in, _plain(title), fontsize=17, color=INK, va="center")
    figure.text(0.015, 1 - 0.62 / height_in, _plain(subtitle), fontsize=10.5, color=FAINT, va="center")
    return figure


def render(figure: Figure) -> bytes:
    """The figure as PNG."""
    for axes in figure.axes:
        for side, spine in axes.spines.items():
            spine.set_color(RIM)
            spine.set_visible(side in ("left", "bottom"))
        axes.tick_params(colors=FAINT, labelcolor=INK, length=3)
        axes.xaxis.label.set_color(FAINT)
        axes.yaxis.label.set_color(FAINT)
        axes.set_axisbelow(True)
    out = io.BytesIO()
    with warnings.catch_warnings():
        # Its font lacks some scripts; a label in one of them is drawn as boxes, which is no reason to draw nothing.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(out, format="png")
    return out.getvalue()


def check_chart_name(path: Path) -> None:
    """Raise UsageError unless the name ends in .png."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"Pictures are written as PNG: end {path.name} in .png.")


def save_chart(png: bytes, path: Path) -> None:
    """Write a chart, whole or not at all. Raises as `check_chart_name` does."""
    check_chart_name(path)
    with written_whole(path) as draft:
        draft.write_bytes(png)


def _short(name: str) -> str:
    return _plain(name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…")


def _plain(text: str) -> str:
    """Text that matplotlib takes as it is: a dollar sign would begin a formula."""
    return "".join(letter if letter.isprintable() else " " for letter in text).replace("$", r"\$")
