"""Diagrams: boxes and arrows, axes with curves, plans and circles, labelled by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from indexer.samples.drawings import Pen, arc
from indexer.samples.strokes import Ink, Point
from indexer.samples.writing import Hand, a_long_word, some_words, write_words


def flow(ink: Ink, rng: np.random.Generator, hand: Hand) -> None:
    """Boxes joined by arrows."""
    pen = Pen(ink, rng, 0, 0, 100, width=2.1, bend=0.0, wobble=0.5)
    centres: list[Point] = []
    rows = int(rng.integers(3, 5))
    for row in range(rows):
        columns = int(rng.integers(1, 4))
        for column in range(columns):
            x = ink.width * ((column + 0.5) / columns) * 0.9 + ink.width * 0.05 + float(rng.normal(0, 10))
            centres.append((x, ink.height * (0.12 + row * 0.78 / rows) + float(rng.normal(0, 8))))
    half_w, half_h = 78.0, 36.0
    for index, (x, y) in enumerate(centres):
        shape = int(rng.integers(0, 3))
        if shape == 0:
            pen.line(arc((x, y), half_w, half_h, -10, 360, points=14))
        elif shape == 1 or index % 2:
            corners = [
                (x - half_w, y - half_h),
                (x + half_w, y - half_h),
                (x + half_w, y + half_h),
                (x - half_w, y + half_h),
                (x - half_w, y - half_h),
            ]
            pen.segments(corners)
        else:
            pen.segments(
                [
                    (x, y - half_h * 1.4),
                    (x + half_w * 1.05, y),
                    (x, y + half_h * 1.4),
                    (x - half_w * 1.05, y),
                    (x, y - half_h * 1.4),
                ]
            )
        label(ink, rng, hand, (x - half_w * 0.62, y + 5), 1)
    for before, after in pairwise(centres):
        _arrow_between(pen, before, after, half_w, half_h)


def axes(ink: Ink, rng: np.random.Generator, hand: Hand) -> None:
    """One or two graphs."""
    pen = Pen(ink, rng, 0, 0, 100, width=2.1, bend=0.0, wobble=0.5)
    count = int(rng.integers(1, 3))
    for index in range(count):
        left, right = ink.width * 0.15, ink.width * 0.9
        top = ink.height * (0.08 + 0.47 * index)
        bottom = top + ink.height * (0.36 if count == 2 else 0.5)
        arrow(pen, (left, bottom + 14), (left, top))
        arrow(pen, (left - 14, bottom), (right, bottom))
        for t in np.linspace(0.15, 0.9, 6):
            x = left + (right - left) * float(t)
            pen.segments([(x, bottom - 5), (x, bottom + 6)], weight=0.7)
        for _ in range(int(rng.integers(1, 4))):
            a, b, c = rng.uniform(0.1, 0.9), rng.uniform(0, 2 * math.pi), rng.uniform(1, 5)
            ts = np.linspace(0.03, 0.93, 12)
            heights = np.clip(0.5 + 0.32 * np.sin(b + c * ts) + (a - 0.5) * ts, 0.04, 0.96)
            pen.line(
                [(left + (right - left) * t, bottom - (bottom - top) * h) for t, h in zip(ts, heights, strict=True)]
            )
        for _ in range(int(rng.integers(0, 16))):
            x, y = float(rng.uniform(left + 20, right - 20)), float(rng.uniform(top + 30, bottom - 20))
            pen.segments([(x - 4, y - 4), (x + 4, y + 4)], weight=0.8)
            pen.segments([(x + 4, y - 4), (x - 4, y + 4)], weight=0.8)
        label(ink, rng, hand, (left + 14, top + 14), 2)
        label(ink, rng, hand, (right - 120, bottom + 32), 2)


def wheel(ink: Ink, rng: np.random.Generator, hand: Hand) -> None:
    """A circle cut into sectors, with notes around it."""
    pen = Pen(ink, rng, 0, 0, 100, width=2.0, bend=0.0, wobble=0.6)
    centre, radius = (ink.width * 0.5, ink.height * 0.43), ink.width * float(rng.uniform(0.25, 0.31))
    for share in (1.0, 0.66, 0.3):
        pen.line(arc(centre, radius * share, radius * share, 0, 370, points=20))
    sectors = int(rng.integers(6, 13))
    for index in range(sectors):
        angle = 2 * math.pi * index / sectors
        dx, dy = math.cos(angle), math.sin(angle)
        pen.segments(
            [
                (centre[0] + dx * radius * 0.3, centre[1] + dy * radius * 0.3),
                (centre[0] + dx * radius, centre[1] + dy * radius),
            ],
            weight=0.8,
        )
        if index % 2 == 0:
            label(ink, rng, hand, (centre[0] + dx * radius * 1.3 - 42, centre[1] + dy * radius * 1.22), 1)
        elif rng.random() < 0.6:
            middle = angle + math.pi / sectors
            at = (centre[0] + math.cos(middle) * radius * 0.82, centre[1] + math.sin(middle) * radius * 0.82)
            pen.hatch((at[0] - 12, at[1] - 8), (at[0] + 12, at[1] + 8), length=26, count=7)
    label(ink, rng, hand, (ink.width * 0.12, ink.height * 0.9), 6)


def plan(ink: Ink, rng: np.random.Generator, hand: Hand) -> None:
    """The plan of a room, with measures."""
    pen = Pen(ink, rng, 0, 0, 100, width=2.2, bend=0.0, wobble=0.45)
    left, top, right, bottom = (
        ink.width * 0.16,
        ink.height * 0.14,
        ink.width * 0.86,
        ink.height * float(rng.uniform(0.62, 0.8)),
    )
    for offset in (0.0, 9.0):
        pen.segments(
            [
                (left - offset, top - offset),
                (right + offset, top - offset),
                (right + offset, bottom + offset),
                (left - offset, bottom + offset),
                (left - offset, top - offset),
            ]
        )
    x = left + (right - left) * float(rng.uniform(0.35, 0.65))
    y = top + (bottom - top) * float(rng.uniform(0.35, 0.65))
    pen.segments([(x, top), (x, y), (right, y)])
    pen.line(arc((x, y), 70, 70, 90, 180, points=6), weight=0.7)
    pen.segments([(x, y), (x, y + 70)], weight=0.8)
    for _ in range(4):
        cx, cy = float(rng.uniform(left + 60, right - 60)), float(rng.uniform(top + 60, bottom - 60))
        wide, high = float(rng.uniform(25, 50)), float(rng.uniform(20, 40))
        if rng.random() < 0.4:
            pen.line(arc((cx, cy), wide, wide, 0, 370, points=14), weight=0.8)
        else:
            pen.segments(
                [
                    (cx - wide, cy - high),
                    (cx + wide, cy - high),
                    (cx + wide, cy + high),
                    (cx - wide, cy + high),
                    (cx - wide, cy - high),
                ],
                weight=0.8,
            )
    arrow(pen, ((left + right) / 2, top - 45), (right, top - 45))
    arrow(pen, ((left + right) / 2, top - 45), (left, top - 45))
    arrow(pen, (left - 50, (top + bottom) / 2), (left - 50, bottom))
    label(ink, rng, hand, (left + 40, top + 60), 1)
    label(ink, rng, hand, (right - 150, bottom - 30), 1)
    label(ink, rng, hand, (left, bottom + 70), 5)


def label(ink: Ink, rng: np.random.Generator, hand: Hand, at: Point, words: int) -> None:
    """A few small words."""
    small = Hand(hand.x_height * 1.08, hand.breadth, hand.slant * 0.5, hand.unsteady, hand.pen)
    write_words(ink, rng, small, at, some_words(rng, words) if words > 1 else [a_long_word(rng)], stop=ink.width * 0.98)


def arrow(pen: Pen, start: Point, end: Point) -> None:
    """A straight stroke with an open head."""
    pen.segments([start, end])
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    for turn in (2.7, -2.7):
        tip = (end[0] + 15 * math.cos(angle + turn), end[1] + 15 * math.sin(angle + turn))
        pen.segments([end, tip])


def _arrow_between(pen: Pen, before: Point, after: Point, half_w: float, half_h: float) -> None:
    dx, dy = after[0] - before[0], after[1] - before[1]
    reach = 1 / max(abs(dx) / half_w, abs(dy) / half_h, 1e-6) * 1.15
    if reach < 0.48:
        arrow(pen, (before[0] + dx * reach, before[1] + dy * reach), (after[0] - dx * reach, after[1] - dy * reach))


DIAGRAMS: dict[str, Callable[[Ink, np.random.Generator, Hand], None]] = {
    "flow": flow,
    "axes": axes,
    "wheel": wheel,
    "plan": plan,
}
