"""Small libraries of pages that can be told apart by eye, by `pixels`, and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from indexer.settings import Settings, load_settings

KINDS = ("left", "right", "top", "bottom")


def draw_page(kind: str, number: int) -> Image.Image:
    """A page whose one half is dark, the half saying its kind, with a little speckle of its own."""
    rng = np.random.default_rng([KINDS.index(kind), number])
    paper = rng.normal(225, 6, (120, 90))
    half = {"left": np.s_[:, :45], "right": np.s_[:, 45:], "top": np.s_[:60], "bottom": np.s_[60:]}[kind]
    paper[half] -= 150
    return Image.fromarray(np.clip(paper, 0, 255).astype(np.uint8), "L").convert("RGB")


def draw_pages(root: Path, *, each: int = 5, kinds: tuple[str, ...] = KINDS) -> Path:
    """`root/left/p1.png` … `root/bottom/p5.png`."""
    for kind in kinds:
        (root / kind).mkdir(parents=True, exist_ok=True)
        for number in range(1, each + 1):
            draw_page(kind, number).save(root / kind / f"p{number}.png")
    return root


def settings_in(directory: Path, **others: object) -> Settings:
    """Settings of a library in `directory` that need no weights."""
    return load_settings(library=directory, **{"model": "pixels", "user": "tester", **others})
