"""Line drawings of things and places: bottles, chairs, houses, boats, fruit."""

from __future__ import annotations

import math

from indexer.samples.drawings import Pen, arc, leaf


def bottles(pen: Pen) -> None:
    """Two or three vessels on a table."""
    at = 14.0
    for _ in range(int(pen.rng.integers(2, 4))):
        kind = int(pen.rng.integers(0, 3))
        wide = float(pen.rng.uniform(8, 13)) * (1.25 if kind == 2 else 1)
        high = float(pen.rng.uniform(42, 66)) * (0.5 if kind == 2 else 1)
        _vessel(pen, at + wide, 84 + float(pen.rng.uniform(-4, 5)), wide, high, kind)
        at += wide * 2 + float(pen.rng.uniform(-3, 5))
    pen.line([(0, 78), (8, 77.4), (14, 78)], weight=0.6)
    pen.line([(min(at, 86), 77), (92, 76.5), (104, 77)], weight=0.6)
    pen.line([(-4, 98), (40, 99), (104, 97)], weight=0.8)


def chair(pen: Pen) -> None:
    """A kitchen chair."""
    skew = float(pen.rng.uniform(-4, 6))
    for lift in (0.0, 1.8):
        pen.segments([(24, 8 + lift), (30, 55 - lift), (27, 97)])
        pen.segments([(62 + lift, 4), (63 + lift, 48), (66 + lift, 86 + skew)])
        pen.segments([(30, 55 + lift), (56, 64 + skew / 2 + lift), (84, 54 + lift), (62, 48 + lift), (30, 55 + lift)])
        pen.segments([(56 + lift, 64 + skew / 2), (57 + lift, 102 + skew / 3)])
        pen.segments([(83 + lift, 55), (84 + lift, 93)])
    for t in (0.06, 0.3, 0.55):
        y0, y1 = 8 + 47 * t, 4 + 44 * t
        pen.line([(25 + 5 * t, y0), (43, (y0 + y1) / 2 - 2.5), (62, y1)])
        pen.line([(25 + 5 * t, y0 + 5), (43, (y0 + y1) / 2 + 3), (62, y1 + 5)], weight=0.8)
    pen.segments([(28.5, 78), (56, 86)], weight=0.8)
    pen.segments([(57, 88), (83, 78)], weight=0.8)
    for offset in range(7):
        pen.line(
            [
                (33 + offset * 4, 56 + offset * 1.1),
                (46 + offset * 3.6, 54 + offset * 0.9),
                (60 + offset * 3.2, 50 + offset * 0.8),
            ],
            weight=0.4,
        )
    pen.hatch((30, 99), (90, 95), length=10, slant=0.2, count=16)


def houses(pen: Pen) -> None:
    """A row of houses and a tree."""
    x = 2.0
    while x < 84:
        wide, high = float(pen.rng.uniform(14, 24)), float(pen.rng.uniform(28, 50))
        top, roof = 86 - high, float(pen.rng.uniform(8, 16))
        pen.segments([(x, 86), (x, top), (x + wide / 2, top - roof), (x + wide, top), (x + wide, 86)])
        pen.segments([(x - 1, top + 1), (x + wide + 1, top + 1)], weight=0.7)
        for row in range(int(high // 14)):
            for column in range(2):
                wx, wy = x + wide * (0.2 + 0.42 * column), top + 5 + row * 12
                pen.segments([(wx, wy), (wx + 4, wy), (wx + 4, wy + 6), (wx, wy + 6), (wx, wy)], weight=0.6)
                pen.segments([(wx + 2, wy), (wx + 2, wy + 6)], weight=0.4)
        if pen.rng.random() < 0.5:
            pen.hatch((x + wide * 0.55, top - 3), (x + wide * 0.9, top - 1), length=7, count=8)
        if pen.rng.random() < 0.5:
            pen.segments(
                [
                    (x + wide * 0.7, top - roof * 0.6),
                    (x + wide * 0.7, top - roof * 1.3),
                    (x + wide * 0.85, top - roof * 1.3),
                    (x + wide * 0.85, top - roof * 0.3),
                ],
                weight=0.7,
            )
        x += wide
    tree(pen, (float(pen.rng.uniform(76, 92)), 92), 34)
    pen.line([(-4, 87), (30, 88), (70, 88), (104, 86)], weight=1.1)
    pen.line([(-4, 97), (40, 94), (104, 99)], weight=0.6)


def boats(pen: Pen) -> None:
    """A boat on the water, hills behind."""
    pen.line([(14, 66), (22, 78), (44, 80), (66, 79), (78, 64)])
    pen.line([(14, 66), (40, 70), (78, 64)])
    pen.segments([(46, 69), (45, 14)])
    pen.line([(47, 16), (58, 36), (74, 60), (48, 63)])
    pen.line([(43, 20), (34, 42), (22, 61), (43, 64)])
    for t in (0.3, 0.55, 0.8):
        pen.line([(47, 16 + 46 * t), (50 + 14 * t, 18 + 45 * t), (48 + 25 * t, 16 + 43 * t)], weight=0.4)
    pen.line([(-4, 52), (6, 44), (14, 47), (22, 42), (29, 46)], weight=0.6)
    pen.line([(70, 50), (82, 40), (92, 45), (104, 38)], weight=0.6)
    for _ in range(26):
        x, y = float(pen.rng.uniform(-2, 94)), float(pen.rng.uniform(82, 102))
        pen.line([(x, y), (x + 3, y - 1.2), (x + 6, y), (x + 10, y - 0.8)], weight=0.5)
    for x, y in ((78, 18), (88, 24), (70, 27)):
        pen.line([(x, y), (x + 3, y - 3), (x + 5, y), (x + 8, y - 3.4), (x + 11, y - 1)], weight=0.7)


def fruit_bowl(pen: Pen) -> None:
    """Fruit in a bowl."""
    pen.line(arc((50, 60), 40, 9, 0, 180, points=9))
    pen.line([(10, 60), (16, 76), (32, 88), (50, 90), (68, 88), (84, 76), (90, 60)])
    pen.line([(36, 89), (38, 95), (62, 95), (64, 89)])
    for x, y, r in ((28, 50, 13), (52, 46, 15), (74, 51, 12), (42, 30, 12), (63, 28, 11)):
        start = float(pen.rng.uniform(100, 140)) if y > 40 else float(pen.rng.uniform(60, 300))
        span = 320 if y > 40 else 375
        pen.line(arc((x, y), r, r * 0.95, start, start + span, points=12))
        pen.line([(x, y - r * 0.7), (x + 1.5, y - r * 1.05), (x + 4, y - r * 1.25)], weight=0.8)
        pen.hatch((x + r * 0.3, y + r * 0.4), (x + r * 0.7, y - r * 0.1), length=r * 0.7, count=7)
    leaf(pen, (66, 16), -0.5, 15, veins=True)
    pen.line([(-4, 97), (40, 98), (104, 96)], weight=0.7)


def tree(pen: Pen, foot: tuple[float, float], high: float) -> None:
    """A tree with scribbled foliage."""
    x, y = foot
    pen.line([(x - 2, y), (x - 1.2, y - high * 0.3), (x - 3, y - high * 0.55)])
    pen.line([(x + 2, y), (x + 1.4, y - high * 0.3), (x + 4, y - high * 0.6)])
    for _ in range(13):
        angle, reach = pen.rng.uniform(0, 2 * math.pi), pen.rng.uniform(0.1, 0.3) * high
        cx, cy = x + math.cos(angle) * reach, y - high * 0.72 + math.sin(angle) * reach * 0.8
        start = float(pen.rng.uniform(0, 360))
        pen.line(arc((cx, cy), high * 0.12, high * 0.1, start, start + 420, points=11), weight=0.6)


def _vessel(pen: Pen, x: float, foot: float, wide: float, high: float, kind: int) -> None:
    shapes = (
        ((0, 1), (0.5, 1), (0.62, 0.85), (0.72, 0.42), (0.8, 0.34), (0.97, 0.34), (1, 0.42)),
        ((0, 0.6), (0.15, 0.85), (0.4, 1.05), (0.65, 0.75), (0.8, 0.45), (0.92, 0.45), (1, 0.62)),
        ((0, 0.6), (0.12, 0.82), (0.5, 1), (1, 1.02)),
    )
    shape = shapes[kind]
    for side in (-1, 1):
        pen.line([(x + side * wide * r, foot - high * t) for t, r in shape])
    mouth, base = wide * shape[-1][1], wide * shape[0][1]
    pen.line(arc((x, foot - high), mouth, mouth * 0.26, 0, 375, points=12), weight=0.85)
    pen.line(arc((x, foot), base, base * 0.26, 0, 180, points=7))
    pen.line(arc((x, foot - high * 0.45), wide * 0.97, wide * 0.22, 5, 175, points=7), weight=0.5)
    pen.hatch((x + wide * 0.5, foot - high * 0.5), (x + wide * 0.55, foot - 2), length=wide * 0.7, slant=-0.6, count=11)
    if kind == 2:
        pen.line(arc((x + wide * 1.05, foot - high * 0.55), wide * 0.45, high * 0.25, -80, 90, points=8))
        pen.line(arc((x + wide * 1.02, foot - high * 0.55), wide * 0.28, high * 0.16, -80, 90, points=8), weight=0.7)
    pen.hatch((x + base, foot + 3), (x + base + 20, foot + 1), length=5, slant=0.15, count=8)
