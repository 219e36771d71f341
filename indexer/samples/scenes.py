"""What the watercolours show: landscapes, the sea, fruit, flowers, trials of colour."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from indexer.samples.strokes import Curve, smooth_curve
from indexer.samples.washes import (
    CADMIUM,
    CERULEAN,
    EARTH,
    LEMON,
    MADDER,
    OCHRE,
    PAYNES_GREY,
    SAP_GREEN,
    SIENNA,
    ULTRAMARINE,
    VIOLET,
    VIRIDIAN,
    Washes,
)


def hills(wash: Washes) -> None:
    """Hills behind hills under a sky."""
    rng, w, h = wash.rng, wash.width, wash.height
    _sky(wash, float(rng.uniform(0.35, 0.5)))
    base = h * float(rng.uniform(0.36, 0.46))
    palette = [
        (CERULEAN, VIOLET, ULTRAMARINE, VIRIDIAN, SAP_GREEN),
        (VIOLET, MADDER, SIENNA, OCHRE, SAP_GREEN),
        (CERULEAN, PAYNES_GREY, VIRIDIAN, SAP_GREEN, OCHRE),
    ]
    for index, colour in enumerate(palette[int(rng.integers(0, 3))]):
        top = base + index * h * 0.1
        ridge = [(w * t, top + float(rng.normal(0, h * 0.028))) for t in np.linspace(0.03, 0.97, 8)]
        shape = np.concatenate([smooth_curve(ridge, step=8), [(w * 0.965, h * 0.93), (w * 0.035, h * 0.93)]])
        wash.lay(shape, colour, strength=0.24 + 0.09 * index, softness=3, fade=(0, 0.75), edge=0.45)
    for _ in range(int(rng.integers(3, 8))):
        x, y = w * float(rng.uniform(0.1, 0.9)), h * float(rng.uniform(0.6, 0.8))
        size = h * float(rng.uniform(0.02, 0.05))
        wash.blob((x, y - size), size * 0.7, size, SAP_GREEN, lumps=0.2, strength=1.2)
        wash.blob((x + size * 0.2, y - size * 0.7), size * 0.45, size * 0.6, ULTRAMARINE, lumps=0.2, strength=0.7)


def sea(wash: Washes) -> None:
    """The sea, its horizon, a strip of sand."""
    rng, w, h = wash.rng, wash.width, wash.height
    _sky(wash, 0.5)
    line = h * float(rng.uniform(0.46, 0.56))
    for index in range(3):
        wash.lay(
            _strip(rng, w, line + index * h * 0.07, h * 0.86),
            (ULTRAMARINE, VIRIDIAN, CERULEAN)[index],
            strength=0.42,
            fade=(0, 0.55),
            softness=2,
        )
    for _ in range(14):
        x, y = w * float(rng.uniform(0.06, 0.7)), line + h * float(rng.uniform(0.03, 0.3))
        wash.brush(
            [(x, y), (x + w * 0.09, y - 4), (x + w * float(rng.uniform(0.14, 0.25)), y + 3)],
            9,
            PAYNES_GREY,
            strength=0.5,
            dry=0.5,
        )
    wash.lay(_strip(rng, w, h * 0.82, h * 0.94), OCHRE, strength=0.55, softness=4)
    wash.lift((w * float(rng.uniform(0.25, 0.75)), line + h * 0.08), w * 0.1, h * 0.03, 0.5)


def sunset(wash: Washes) -> None:
    """Bands of light over dark land."""
    rng, w, h = wash.rng, wash.width, wash.height
    for index, colour in enumerate((VIOLET, MADDER, CADMIUM, LEMON)):
        top = h * (0.07 + 0.13 * index)
        wash.lay(_strip(rng, w, top, top + h * 0.26), colour, strength=0.36, softness=22, edge=0.0)
    x, y = w * float(rng.uniform(0.3, 0.7)), h * float(rng.uniform(0.46, 0.54))
    wash.lift((x, y), w * 0.07, w * 0.07, 0.9)
    wash.blob((x, y), w * 0.05, w * 0.05, CADMIUM, lumps=0.02, strength=0.8)
    wash.lay(_strip(rng, w, h * 0.58, h * 0.93), VIOLET, strength=0.45, softness=4, fade=(0, 0.5))
    wash.lay(_strip(rng, w, h * 0.67, h * 0.93), PAYNES_GREY, strength=1.0, softness=3, fade=(0.3, 0.4))
    for _ in range(7):
        at = w * float(rng.uniform(0.08, 0.9))
        high = h * float(rng.uniform(0.05, 0.15))
        wash.brush(
            [(at, h * 0.7), (at + 4, h * 0.7 - high / 2), (at - 2, h * 0.7 - high)], w * 0.03, PAYNES_GREY, strength=1.1
        )


def fruit(wash: Washes) -> None:
    """Apples, pears and lemons with their shadows."""
    rng, w, h = wash.rng, wash.width, wash.height
    wash.blob(
        (w * 0.5, h * 0.66),
        w * 0.42,
        h * 0.14,
        (CERULEAN, VIOLET, OCHRE)[int(rng.integers(0, 3))],
        strength=0.22,
        softness=12,
    )
    count = int(rng.integers(2, 5))
    for index in range(count):
        x, y = (
            w * (0.5 + 0.2 * (index - (count - 1) / 2) + float(rng.uniform(-0.03, 0.03))),
            h * float(rng.uniform(0.48, 0.62)),
        )
        r = w * float(rng.uniform(0.1, 0.15))
        light, deep = ((LEMON, MADDER), (LEMON, SAP_GREEN), (LEMON, CADMIUM), (CADMIUM, MADDER))[
            int(rng.integers(0, 4))
        ]
        wash.blob((x + r * 0.7, y + r * 0.95), r * 1.1, r * 0.3, ULTRAMARINE, strength=0.55, softness=5)
        wash.blob((x, y), r, r * float(rng.uniform(0.95, 1.2)), light, lumps=0.04, strength=0.75)
        wash.blob(
            (x + r * 0.12, y + r * 0.1),
            r * 0.85,
            r * 0.85,
            deep,
            lumps=0.07,
            strength=0.65,
            softness=10,
            fade=(-0.55, -0.3),
        )
        wash.blob(
            (x + r * 0.4, y + r * 0.42), r * 0.45, r * 0.4, VIOLET, lumps=0.15, strength=0.5, softness=10, edge=0.1
        )
        wash.lift((x - r * 0.35, y - r * 0.4), r * 0.22, r * 0.16, 0.9)
        wash.brush(
            [(x, y - r * 0.9), (x + r * 0.1, y - r * 1.2), (x + r * 0.25, y - r * 1.4)], r * 0.12, EARTH, strength=1.3
        )
        if rng.random() < 0.6:
            wash.brush(
                [(x + r * 0.1, y - r * 1.1), (x + r * 0.5, y - r * 1.45), (x + r, y - r * 1.2)],
                r * 0.4,
                SAP_GREEN,
                strength=1.0,
            )


def flowers(wash: Washes) -> None:
    """A loose bunch in a glass."""
    rng, w, h = wash.rng, wash.width, wash.height
    hues = ((MADDER, VIOLET, CADMIUM), (ULTRAMARINE, VIOLET, CERULEAN), (LEMON, CADMIUM, MADDER))[
        int(rng.integers(0, 3))
    ]
    tips = [(w * float(x), h * float(rng.uniform(0.2, 0.46))) for x in np.linspace(0.2, 0.8, int(rng.integers(6, 10)))]
    for tip in tips + [(x + w * float(rng.normal(0, 0.06)), y + h * float(rng.uniform(0.02, 0.1))) for x, y in tips]:
        foot = (w * float(rng.uniform(0.46, 0.54)), h * 0.66)
        wash.brush(
            [foot, ((foot[0] + tip[0]) / 2 + 8, (foot[1] + tip[1]) / 2 + 20), tip],
            w * float(rng.uniform(0.012, 0.04)),
            (SAP_GREEN, VIRIDIAN)[int(rng.integers(0, 2))],
            strength=0.75,
        )
    for x, y in tips:
        hue, size = hues[int(rng.integers(0, 3))], w * float(rng.uniform(0.04, 0.075))
        for angle in np.linspace(0, 2 * math.pi, 5, endpoint=False) + float(rng.uniform(0, 1)):
            wash.blob(
                (x + size * 0.8 * math.cos(angle), y + size * 0.7 * math.sin(angle)),
                size * 0.55,
                size * 0.5,
                hue,
                lumps=0.15,
                strength=0.5,
                edge=0.9,
            )
        wash.blob((x, y), size * 0.25, size * 0.25, OCHRE, strength=1.0)
    glass = [(w * 0.41, h * 0.62), (w * 0.43, h * 0.84), (w * 0.57, h * 0.84), (w * 0.59, h * 0.62)]
    wash.lay(np.asarray(glass), CERULEAN, strength=0.3, edge=0.9, softness=3)
    wash.blob((w * 0.64, h * 0.85), w * 0.16, h * 0.016, PAYNES_GREY, strength=0.5)


def studies(wash: Washes) -> None:
    """Colour trials: patches of every pigment, wet into wet."""
    rng, w, h = wash.rng, wash.width, wash.height
    hues = [
        ULTRAMARINE,
        CERULEAN,
        OCHRE,
        SIENNA,
        SAP_GREEN,
        VIRIDIAN,
        MADDER,
        CADMIUM,
        LEMON,
        VIOLET,
        PAYNES_GREY,
        EARTH,
    ]
    rng.shuffle(hues)
    for index, hue in enumerate(hues):
        x, y = w * (0.22 + 0.28 * (index % 3)), h * (0.17 + 0.215 * (index // 3))
        wide, high = w * float(rng.uniform(0.08, 0.12)), h * float(rng.uniform(0.05, 0.085))
        wash.blob(
            (x, y),
            wide,
            high,
            hue,
            lumps=0.08,
            strength=float(rng.uniform(0.5, 0.9)),
            fade=(float(rng.uniform(-0.7, 0.7)), 0.2),
            edge=0.7,
        )
        if rng.random() < 0.6:
            wash.blob(
                (x + wide * 0.5, y + high * 0.3),
                wide * 0.6,
                high * 0.6,
                hues[(index + 5) % 12],
                strength=0.6,
                softness=14,
                edge=0.2,
            )


SCENES: dict[str, Callable[[Washes], None]] = {
    "hills": hills, "sea": sea, "sunset": sunset, "fruit": fruit, "flowers": flowers, "studies": studies,
}  # fmt: skip


def _strip(rng: np.random.Generator, width: float, top: float, bottom: float) -> Curve:
    wobble = rng.normal(0, 4, 8)
    upper = [(width * t, top + float(dy)) for t, dy in zip(np.linspace(0.04, 0.96, 8), wobble, strict=True)]
    return np.concatenate([smooth_curve(upper, step=10), [(width * 0.96, bottom), (width * 0.04, bottom)]])


def _sky(wash: Washes, share: float) -> None:
    rng, w, h = wash.rng, wash.width, wash.height
    hue = (CERULEAN, ULTRAMARINE, PAYNES_GREY)[int(rng.integers(0, 3))]
    wash.lay(_strip(rng, w, h * 0.06, h * (share + 0.08)), hue, strength=0.6, softness=10, fade=(0, 0.85), edge=0.3)
    for _ in range(int(rng.integers(2, 5))):
        wash.lift(
            (w * float(rng.uniform(0.1, 0.9)), h * float(rng.uniform(0.12, share))),
            w * float(rng.uniform(0.1, 0.24)),
            h * float(rng.uniform(0.025, 0.06)),
        )
    wash.lay(_strip(rng, w, h * share * 0.75, h * (share + 0.1)), OCHRE, strength=0.18, softness=20, edge=0)
