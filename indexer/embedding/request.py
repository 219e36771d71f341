"""What is asked of an embedder: the name taken apart, and the wishes that go with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import UnknownModelError


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A model's `name` as given, `detail` being what follows the kind and its colon; None means not wished for.

    `is_blank`: no weights are loaded; they are random, and torch's seed decides which.
    """

    name: str
    detail: str = ""
    checkpoint: Path | None = None
    precision: str = "auto"
    device: str = "auto"
    cache_dir: Path | None = None
    models_dir: Path | None = None
    threads: int | None = None
    is_blank: bool = False


def explain_unknown(what: str, asked: str, known: Iterable[str], hint: str) -> UnknownModelError:
    """The error for a name nobody answers to, with the nearest names that somebody does."""
    near = difflib.get_close_matches(asked, list(known), n=3, cutoff=0.6)
    guess = f" Did you mean {' or '.join(near)}?" if near else ""
    return UnknownModelError(f"{what} {asked!r} is not known.{guess} {hint}")
