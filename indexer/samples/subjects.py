"""All subjects of line drawings, and how they fill a page."""

from __future__ import annotations

import math

import numpy as np

from indexer.samples.bodies import cat, hand, reclining, walker
from indexer.samples.drawings import Pen, Subject, bird, face, plant, profile
from indexer.samples.strokes import Ink
from indexer.samples.things import boats, bottles, chair, fruit_bowl, houses

SUBJECTS: dict[str, Subject] = {
    "profile": profile, "face": face, "bird": bird, "plant": plant, "hand": hand, "cat": cat, "bottles": bottles, "chair": chair,
    "walker": walker, "reclining": reclining, "houses": houses, "boats": boats, "fruit": fruit_bowl,
}  # fmt: skip


def draw_subjects(ink: Ink, rng: np.random.Generator, subject: str, *, studies: int, width: float) -> None:
    """Fills a page with one large drawing of `subject`, or with several small `studies` of it."""
    draw = SUBJECTS[subject]
    if studies == 1:
        size = min(ink.width, ink.height) * float(rng.uniform(0.8, 0.98))
        left = (ink.width - size) / 2 + float(rng.uniform(-0.05, 0.05)) * ink.width
        top = (ink.height - size) * float(rng.uniform(0.3, 0.62))
        draw(
            Pen(
                ink,
                rng,
                left,
                top,
                size,
                width=width,
                angle=float(rng.normal(0, 0.05)),
                mirrored=bool(rng.random() < 0.5),
            )
        )
        return
    columns = 2
    rows = math.ceil(studies / columns)
    cell = min(ink.width * 0.92 / columns, ink.height * 0.9 / rows)
    for index in range(studies):
        row, column = divmod(index, columns)
        size = cell * float(rng.uniform(0.85, 1.12))
        left = ink.width * (0.05 + column * 0.46) + float(rng.uniform(0, 0.04)) * ink.width
        top = ink.height * (0.06 + row * 0.9 / rows) + float(rng.uniform(-0.02, 0.03)) * ink.height
        angle = float(rng.normal(0, 0.12))
        draw(Pen(ink, rng, left, top, size, width=width * 0.85, angle=angle, mirrored=bool(rng.random() < 0.5)))
