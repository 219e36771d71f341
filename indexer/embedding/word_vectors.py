"""Word vectors from a text file, as word2vec and GloVe are published: a word and its numbers on each line."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from indexer.errors import UsageError
from indexer.values import Vector


@dataclass(frozen=True, slots=True, eq=False)
class WordVectors:
    """The words asked for that the file has, and D, the length of its vectors."""

    vectors: dict[str, Vector]
    dimensions: int


def read_word_vectors(file: Path, words: Collection[str]) -> WordVectors:
    """The vectors of `words` (in lower case) that are in `file`, a text file or one packed with gzip; all others are passed over.

    A first line of two whole numbers is word2vec's heading. A word in capitals counts where its lower case is not in the file; of several
    lines for a word, the first does. Memory holds only what was asked for.

    Raises:
        UsageError: the file is not there, is none of words and numbers, or has a line of another length.
    """
    exact: dict[str, Vector] = {}
    other: dict[str, Vector] = {}
    dimensions = 0
    wanted = set(words)
    with _opened(file) as stream:
        for number, raw in enumerate(stream, start=1):
            line = raw.rstrip(b" \r\n")
            if number == 1:
                dimensions = _read_dimensions(file, line)
                if _is_heading(line):
                    continue
            word = line.partition(b" ")[0].decode("utf-8", "replace")
            if word.lower() in wanted:
                found = exact if word in wanted else other
                found.setdefault(word.lower(), _read_numbers(file, number, line, dimensions))
    if not dimensions:
        raise _unfit(file, 1, "it is empty")
    return WordVectors({**other, **exact}, dimensions)


def _is_heading(line: bytes) -> bool:
    parts = line.split()
    return len(parts) == 2 and all(part.isdigit() for part in parts)


def _read_dimensions(file: Path, line: bytes) -> int:
    """D by the heading, or by the first word's line."""
    parts = line.split()
    if len(parts) < 2:
        raise _unfit(file, 1, "it is empty or no text of words and numbers")
    return int(parts[1]) if _is_heading(line) else len(parts) - 1


def _read_numbers(file: Path, number: int, line: bytes, dimensions: int) -> Vector:
    parts = line.split(b" ")[1:]
    try:
        vector = np.array(parts, dtype=np.float32)
    except ValueError:
        raise _unfit(file, number, "what follows the word is not all numbers") from None
    if len(vector) != dimensions or not np.isfinite(vector).all():
        raise _unfit(file, number, f"{len(vector)} numbers follow the word instead of {dimensions} finite ones")
    return vector


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    try:
        with file.expanduser().open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"  # gzip's own beginning
            if not packed:
                yield raw
                return
            with gzip.open(raw) as stream:
                yield stream  # type: ignore[misc]  # a GzipFile reads bytes line by line like any file
    except (OSError, EOFError) as exc:
        raise UsageError(
            f"The word vectors {file} can't be read: {getattr(exc, 'strerror', None) or exc}. Check the name of the file."
        ) from exc


def _unfit(file: Path, line: int, cause: str) -> UsageError:
    return UsageError(
        f"{file} is no file of word vectors: in line {line} {cause}. Give one of word2vec or GloVe as text (.txt, .vec, or packed as .gz); "
        "binary files must be converted first."
    )
