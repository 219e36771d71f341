"""250 names with made-up word vectors, and pages that bear them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

DIMENSIONS = 20
_SYLLABLES = ("ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu")


def make_words(count: int = 220, *, topics: int = 60, seed: int = 0) -> dict[str, np.ndarray]:
    """Words and vectors of any length, scattered about `topics` directions."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((topics, DIMENSIONS))
    words = [a + b + c for a in _SYLLABLES for b in _SYLLABLES for c in _SYLLABLES][:count]
    rows = centres[rng.integers(topics, size=count)] + 0.45 * rng.standard_normal((count, DIMENSIONS))
    rows *= rng.uniform(0.5, 3, size=(count, 1))
    return {word: row.round(4).astype(np.float32) for word, row in zip(words, rows, strict=True)}


def make_names(words: Sequence[str], count: int = 250) -> list[str]:
    """As many different names, those beyond the words having two of them: `bakeli mokenu`."""
    pairs = (f"{one} {other}" for one, other in zip(words, words[7:], strict=False))
    names = [*words, *pairs][:count]
    assert len(set(names)) == count
    return names


def save_word_vectors(file: Path, words: Mapping[str, np.ndarray], *, heading: bool = False) -> Path:
    """Written as GloVe is, or with word2vec's heading."""
    lines = [f"{len(words)} {DIMENSIONS}"] if heading else []
    lines += [" ".join([word, *(f"{value:.4f}" for value in row)]) for word, row in words.items()]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def draw_named_pages(root: Path, names: Sequence[str]) -> Path:
    """A folder for each name with one small page of its own in it, and a second one for every tenth."""
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for page in range(2 if number % 10 == 0 else 1):
            ink = np.random.default_rng([number, page]).integers(0, 255, (8, 6), dtype=np.uint8)
            Image.fromarray(ink).resize((48, 64), Image.Resampling.NEAREST).save(root / name / f"p{page}.png")
    return root
