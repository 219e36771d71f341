"""What speaks for each number of clusters, as one picture of four curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.output.charts import FAINT, RIM, new_figure, render
from indexer.output.palette import colour_of, hex_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE, _MARK = hex_of(colour_of(0)), hex_of(colour_of(5))


@dataclass(frozen=True, slots=True)
class ChoicePoint:
    """One number of clusters with its figures; None where one can't be told."""

    k: int
    silhouette: float | None
    inertia: float
    stability: float | None
    stability_range: tuple[float, float] | None
    agreement: float | None
    is_knee: bool


def draw_choices(points: Sequence[ChoicePoint], *, title: str, subtitle: str = "") -> bytes:
    """PNG: silhouette, inertia with its knee, stability with the range of its draws, and agreement with labels, each over k."""
    figure = new_figure(15, 4.6, title, subtitle or "the highest of a curve is marked; of the inertia, its knee")
    axes = figure.subplots(1, 4)
    ks = [point.k for point in points]
    _draw(axes[0], ks, [point.silhouette for point in points], "silhouette")
    _draw(axes[1], ks, [point.inertia for point in points], "inertia", marked=_knee(points))
    for point in points:
        if point.stability_range is not None:
            axes[2].plot([point.k, point.k], point.stability_range, color=_LINE, linewidth=3, alpha=0.3)
    _draw(axes[2], ks, [point.stability for point in points], "stability (ARI of draws)")
    _draw(axes[3], ks, [point.agreement for point in points], "agreement with labels (NMI)")
    return render(figure)


def _knee(points: Sequence[ChoicePoint]) -> int:
    return next((number for number, point in enumerate(points) if point.is_knee), -1)


def _draw(
    axes: Axes, ks: Sequence[int], values: Sequence[float | None], name: str, *, marked: int | None = None
) -> None:
    known = [(k, value) for k, value in zip(ks, values, strict=True) if value is not None]
    axes.set_title(name, fontsize=11, loc="left")
    axes.set_xscale("log", base=2)
    axes.set_xticks(ks, _spaced(ks))
    axes.minorticks_off()
    axes.set_xlabel("clusters (k)")
    axes.grid(color=RIM)
    if not known:
        axes.text(0.5, 0.5, "can't be told", transform=axes.transAxes, ha="center", color=FAINT)
        axes.set_yticks([])
        return
    axes.plot(*zip(*known, strict=True), "o-", color=_LINE, linewidth=2, markersize=5)
    best = max(known, key=lambda one: one[1]) if marked is None else None
    if marked is not None and marked >= 0:
        best = (ks[marked], values[marked] or 0.0)
    if best is not None:
        axes.plot(*best, "o", color=_MARK, markersize=10)
        axes.annotate(f"k = {best[0]}", best, textcoords="offset points", xytext=(6, 9), color=_MARK, fontsize=10)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.12 * (high - low))


def _spaced(ks: Sequence[int]) -> list[str]:
    """The numbers as text, but for those that would be written over the one before."""
    room = _LEAST_SPACE * math.log(max(ks) / min(ks)) if len(ks) > 1 else 0.0
    shown: list[str] = []
    last = 0.0
    for k in ks:
        is_free = not shown or math.log(k) - last >= room
        shown.append(str(k) if is_free else "")
        last = math.log(k) if is_free else last
    return shown


_LEAST_SPACE = 0.08
"""Share of the axis that a number takes."""
