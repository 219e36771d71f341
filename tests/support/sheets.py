"""Sheets with strokes of their own, and copies of them as a second scan would make them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

PAPER = (232, 226, 212)


def draw_sheet(seed: int, *, strokes: int = 60) -> Image.Image:
    """A page of lines and blots, others for each seed; without strokes, bare paper."""
    rng = np.random.default_rng(seed)
    sheet = Image.new("RGB", (360, 480), PAPER)
    draw = ImageDraw.Draw(sheet)
    for _ in range(strokes):
        x, y = int(rng.integers(25, 320)), int(rng.integers(25, 440))
        dx, dy = (int(step) for step in rng.integers(-60, 60, 2))
        ink = tuple(int(tone) for tone in rng.integers(20, 140, 3))
        draw.line((x, y, x + dx, y + dy), fill=ink, width=int(rng.integers(2, 6)))
        if rng.random() < 0.4:
            size = int(rng.integers(6, 24))
            draw.ellipse((x, y, x + size, y + size), fill=ink)
    return sheet


def draw_copies(folder: Path) -> Path:
    """`a` four times (as it is, turned by 1°, brighter, recompressed), `b` twice bit by bit, `c`, `d`, `e` once, two blank sheets."""
    folder.mkdir(parents=True)
    first = draw_sheet(1)
    first.save(folder / "a.png")
    first.rotate(1, resample=Image.Resampling.BICUBIC, fillcolor=PAPER).save(folder / "a-turned.png")
    ImageEnhance.Brightness(first).enhance(1.1).save(folder / "a-bright.png")
    first.resize((300, 400)).save(folder / "a-again.jpg", quality=55)
    for seed, name in enumerate(("b", "c", "d", "e"), start=2):
        draw_sheet(seed).save(folder / f"{name}.png")
    shutil.copyfile(folder / "b.png", folder / "b-copy.png")
    for number in (1, 2):
        draw_sheet(0, strokes=0).resize((360 + number, 480)).save(folder / f"blank{number}.png")
    return folder
