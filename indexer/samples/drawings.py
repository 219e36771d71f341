"""Line drawings: each subject is a few curves in a box of 100 × 100, put on the page by a `Pen`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from indexer.samples.strokes import Curve, Ink, Point, pen_widths, smooth_curve, trembling


@dataclass(slots=True)
class Pen:
    """Puts curves of a 100 × 100 box on a layer: placed, turned, mirrored, and bent a little, as no two drawings are alike."""

    ink: Ink
    rng: np.random.Generator
    left: float
    top: float
    size: float
    width: float = 2.4
    angle: float = 0.0
    mirrored: bool = False
    bend: float = 2.2
    wobble: float = 0.45
    _phases: tuple[float, ...] = field(init=False)
    _stretch: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._phases = tuple(float(value) for value in self.rng.uniform(0, 2 * math.pi, 4))
        stretch = self.rng.uniform(0.91, 1.07, 2)
        self._stretch = (float(stretch[0]), float(stretch[1])) if self.bend else (1.0, 1.0)

    def line(
        self, points: Sequence[Point] | Curve, *, closed: bool = False, weight: float = 1.0, taper: float = 0.6
    ) -> None:
        """One continuous stroke through `points`."""
        curve = self.place(smooth_curve(points, closed=closed, step=4.5 * 100 / self.size))
        self.ink.stroke(
            trembling(self.rng, curve, self.wobble), pen_widths(self.rng, len(curve), self.width * weight, taper=taper)
        )

    def segments(self, points: Sequence[Point], *, weight: float = 1.0) -> None:
        """Straight strokes from point to point, each a little too long, as ruled by eye."""
        for (x0, y0), (x1, y1) in pairwise(points):
            over = float(self.rng.uniform(0, 0.02))
            start = (x0 - (x1 - x0) * over, y0 - (y1 - y0) * over)
            end = (x1 + (x1 - x0) * over, y1 + (y1 - y0) * over)
            middle = ((x0 + x1) / 2, (y0 + y1) / 2)
            self.line([start, middle, end], weight=weight)

    def hatch(self, start: Point, end: Point, *, length: float, slant: float = -0.9, count: int = 14) -> None:
        """Parallel short strokes between two points: a shadow."""
        for t in np.linspace(0, 1, count):
            x = start[0] + (end[0] - start[0]) * t + self.rng.normal(0, 0.4)
            y = start[1] + (end[1] - start[1]) * t + self.rng.normal(0, 0.4)
            reach = length * self.rng.uniform(0.65, 1.1) / 2
            dx, dy = math.cos(slant) * reach, math.sin(slant) * reach
            self.line([(x - dx, y - dy), (x, y + 0.3), (x + dx, y + dy)], weight=0.55)

    def blot(self, centre: Point, radius: float) -> None:
        """A filled dot: a pupil, a seed."""
        at = self.place(np.asarray([centre], np.float64))[0]
        self.ink.dot((float(at[0]), float(at[1])), radius * self.size / 100)

    def place(self, curve: Curve) -> Curve:
        """Points of the box as page units."""
        x, y = curve[:, 0] - 50, curve[:, 1] - 50
        a, b, c, d = self._phases
        x = x + self.bend * (np.sin(y / 31 + a) + 0.5 * np.sin(y / 14 + b))
        y = y + self.bend * (np.sin(x / 33 + c) + 0.5 * np.sin(x / 15 + d))
        x, y = x * self._stretch[0], y * self._stretch[1]
        if self.mirrored:
            x = -x
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        unit = self.size / 100
        return np.stack(
            [self.left + (x * cos - y * sin + 50) * unit, self.top + (x * sin + y * cos + 50) * unit], axis=1
        )


def arc(
    centre: Point, rx: float, ry: float, start: float = 0.0, stop: float = 360.0, *, points: int = 9
) -> list[Point]:
    """Points on an ellipse from `start` to `stop` degrees, clockwise from the right."""
    angles = np.radians(np.linspace(start, stop, points))
    return [(centre[0] + rx * math.cos(t), centre[1] + ry * math.sin(t)) for t in angles]


def profile(pen: Pen) -> None:
    """A head seen from the side."""
    nose = float(pen.rng.uniform(-3, 3))
    pen.line(
        [
            (52, 11),
            (40, 14),
            (33, 22),
            (31, 32),
            (31, 37),
            (27 + nose / 2, 44),
            (22 + nose, 51),
            (25 + nose / 2, 54),
            (30, 55),
            (27, 58),
            (26, 61),
            (30, 62.5),
            (27, 65),
            (28, 68),
            (31, 70),
            (29, 75),
            (31, 81),
            (38, 84),
            (48, 80),
            (57, 70),
        ]
    )
    pen.line([(47, 81), (48, 90), (42, 97), (26, 102)])
    pen.line([(74, 66), (73, 80), (78, 92), (92, 100)])
    pen.line([(35, 40), (39, 37.5), (43, 40.5), (38.5, 42), (35, 40)], weight=0.8)
    pen.blot((38.2, 39.9), 1.1)
    pen.line([(32.5, 34.5), (38, 32), (46, 34)], weight=1.3)
    pen.line([(61, 45), (66, 42), (68, 48), (64, 55), (61, 58), (60, 54)], weight=0.9)
    pen.line([(63, 47), (65, 49), (62.5, 53)], weight=0.6)
    pen.line([(45, 12.5), (60, 9), (76, 15), (85, 28), (85, 44)], weight=0.8)
    if pen.rng.random() < 0.5:
        pen.line([(52, 11), (68, 9), (82, 18), (86, 34), (82, 50), (74, 66)])
        pen.line(arc((90, 30), 9, 10, 150, 480, points=10))
        for offset in np.linspace(0, 1, 9):
            pen.line(
                [(40 + 12 * offset, 15 + 2 * offset), (60 + 10 * offset, 14 + 12 * offset), (84, 24 + 12 * offset)],
                weight=0.6,
            )
    else:
        for offset in np.linspace(0, 1, 13):
            sway = float(pen.rng.normal(0, 2))
            pen.line(
                [
                    (46 + 8 * offset, 13),
                    (64 + 6 * offset, 14 + 9 * offset),
                    (76 + 8 * (1 - offset) + sway, 36),
                    (72 + 10 * (1 - offset) + sway, 60),
                    (76 + 9 * (1 - offset), 78),
                ],
                weight=0.7,
            )


def face(pen: Pen) -> None:
    """A face from the front, brow and nose in one line."""
    turn = float(pen.rng.uniform(-3, 3))
    pen.line([(29, 34), (27, 48), (30, 62), (38, 76), (48 + turn, 82), (59, 77), (67, 63), (71, 48), (70, 34)])
    pen.line(
        [
            (31, 41),
            (37, 37),
            (44, 38.5),
            (46 + turn, 46),
            (44 + turn, 55),
            (43 + turn, 58),
            (48 + turn, 60),
            (52 + turn, 58),
        ]
    )
    pen.line([(54, 38.5), (61, 37), (67, 41)], weight=1.1)
    for x in (37.5, 61.0):
        pen.line([(x - 5, 46), (x, 43), (x + 5, 46)], weight=1.1)
        pen.line([(x - 5, 46), (x, 48), (x + 5, 46)], weight=0.7)
        pen.line(arc((x + turn / 3, 45.5), 1.7, 1.8, points=7), weight=1.2)
    pen.line([(40, 67), (45 + turn, 65), (48 + turn, 66), (51 + turn, 65), (57, 67)])
    pen.line([(40, 67), (48 + turn, 68), (57, 67)], weight=0.7)
    pen.line([(43, 70), (48 + turn, 71.5), (54, 70)], weight=0.8)
    pen.line([(39, 77), (39, 88), (26, 96), (12, 101)])
    pen.line([(60, 76), (61, 88), (74, 95), (89, 101)])
    pen.line([(39, 90), (49, 97), (61, 90)], weight=0.7)
    if pen.rng.random() < 0.5:
        for offset in np.linspace(-1, 1, 17):
            fall = 62 + 14 * float(pen.rng.random())
            pen.line(
                [
                    (50, 12),
                    (50 + offset * 18, 17),
                    (50 + offset * 26, 36),
                    (50 + offset * (26 + 4 * abs(offset)), fall),
                ][: 3 if abs(offset) < 0.62 else 4],
                weight=0.7,
            )
    else:
        for offset in np.linspace(0, 1, 15):
            angle = math.pi * (1.02 - 1.04 * offset)
            x, y = 49 + 24 * math.cos(angle), 33 - 20 * math.sin(angle)
            pen.line(
                arc((x, y), 5.4, 5.0, float(pen.rng.uniform(0, 200)), float(pen.rng.uniform(420, 640)), points=10),
                weight=0.7,
            )


def bird(pen: Pen) -> None:
    """A bird on a twig."""
    long = float(pen.rng.uniform(-2, 12))
    pen.line(
        [(6 - long / 4, 36), (14, 31), (20, 25), (28, 23), (36, 28), (46, 36), (62, 44), (78, 51), (97, 58 + long)]
    )
    pen.line(
        [(6 - long / 4, 36), (15, 36), (18, 42), (20, 53), (30, 66), (46, 71), (62, 66), (76, 58), (97, 64 + long)]
    )
    pen.line([(97, 58 + long), (95, 61 + long), (97, 64 + long)])
    pen.line([(9, 35.5), (14, 34), (17, 35)], weight=0.6)
    pen.line(arc((23, 30), 2.3, 2.2, points=8), weight=0.8)
    pen.blot((22.7, 30), 1.2)
    pen.line([(38, 42), (36, 52), (44, 61), (60, 61), (80, 55)])
    for row in range(3):
        for column in range(4 + row):
            x, y = 42 + column * 5 + row * 2, 46 + row * 4.4 + column * 1.2
            pen.line([(x, y), (x + 2.2, y + 3), (x + 5, y + 2.4)], weight=0.55)
    for offset in range(4):
        pen.line(
            [(56 + offset * 3, 60 - offset * 2), (70 + offset * 3, 57 - offset), (86 + offset, 57 + offset + long / 2)],
            weight=0.6,
        )
    pen.line([(42, 71), (41, 80), (38, 83)])
    pen.line([(49, 71), (50, 79), (47, 83)])
    pen.line([(2, 88), (24, 84), (48, 83), (74, 86), (98, 81)], weight=1.3)
    pen.line([(72, 86), (80, 94), (88, 96)], weight=0.9)
    for x, y in ((88, 96), (26, 84), (92, 82)):
        leaf(pen, (x, y), float(pen.rng.uniform(-0.9, 0.9)) + (1.6 if x == 26 else 0), 12)


def leaf(pen: Pen, base: Point, angle: float, length: float, *, breadth: float = 0.3, veins: bool = False) -> None:
    """One leaf from `base` in direction `angle` (radians)."""
    along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    start = np.asarray(base)

    def at(t: float, side: float) -> Point:
        point = start + along * length * t + across * length * breadth * side
        return float(point[0]), float(point[1])

    pen.line([base, at(0.25, 0.75), at(0.55, 0.85), at(0.85, 0.35), at(1, 0)], weight=0.9)
    pen.line([base, at(0.25, -0.75), at(0.55, -0.85), at(0.85, -0.35), at(1, 0)], weight=0.9)
    pen.line([base, at(0.4, 0.05), at(0.92, 0)], weight=0.55)
    if veins:
        for t in (0.22, 0.38, 0.54, 0.7):
            pen.line([at(t, 0), at(t + 0.1, 0.4), at(t + 0.16, 0.62 - t / 3)], weight=0.4)
            pen.line([at(t, 0), at(t + 0.1, -0.4), at(t + 0.16, -0.62 + t / 3)], weight=0.4)


def plant(pen: Pen) -> None:
    """A stem with leaves and a flower."""
    sway = float(pen.rng.uniform(-12, 12))
    stem = smooth_curve([(50 - sway / 2, 100), (50 + sway / 2, 72), (50 - sway / 3, 46), (50 + sway / 2, 22)], step=2)
    pen.line(stem[::6], weight=1.2)
    breadth = float(pen.rng.uniform(0.2, 0.4))
    for index, t in enumerate(np.linspace(0.12, 0.72, int(pen.rng.integers(4, 8)))):
        x, y = stem[int(t * (len(stem) - 1))]
        side = -1 if index % 2 else 1
        angle = -math.pi / 2 + side * float(pen.rng.uniform(0.7, 1.25))
        leaf(
            pen,
            (float(x), float(y)),
            angle,
            float(pen.rng.uniform(24, 36)) * (1.1 - t * 0.5),
            breadth=breadth,
            veins=True,
        )
    _flower(pen, (float(stem[-1, 0]), float(stem[-1, 1])), float(pen.rng.uniform(12, 18)))


def _flower(pen: Pen, centre: Point, radius: float) -> None:
    petals = int(pen.rng.integers(5, 12))
    for angle in np.linspace(0, 2 * math.pi, petals, endpoint=False) + pen.rng.uniform(0, 1):
        dx, dy = math.cos(angle), math.sin(angle)
        wide = math.pi / petals * radius * 0.95
        reach = radius * float(pen.rng.uniform(0.85, 1.1))
        pen.line(
            [
                (centre[0] + dx * radius * 0.28, centre[1] + dy * radius * 0.28),
                (centre[0] + dx * reach * 0.7 - dy * wide, centre[1] + dy * reach * 0.7 + dx * wide),
                (centre[0] + dx * reach, centre[1] + dy * reach),
                (centre[0] + dx * reach * 0.7 + dy * wide, centre[1] + dy * reach * 0.7 - dx * wide),
                (centre[0] + dx * radius * 0.28, centre[1] + dy * radius * 0.28),
            ],
            weight=0.85,
        )
    pen.line(arc(centre, radius * 0.26, radius * 0.25), weight=0.9)
    for _ in range(9):
        x, y = pen.rng.normal(0, radius * 0.1, 2)
        pen.blot((centre[0] + float(x), centre[1] + float(y)), 0.5)


Subject = Callable[[Pen], None]
