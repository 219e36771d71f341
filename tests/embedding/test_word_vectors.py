"""Files of word vectors, as they are published and as they are broken."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from support.meaning import DIMENSIONS, make_words, save_word_vectors

from indexer.embedding.word_vectors import read_word_vectors
from indexer.errors import UsageError


@pytest.mark.parametrize("heading", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_only_the_words_asked_for_are_read(tmp_path: Path, heading: bool, packed: bool) -> None:
    """With and without word2vec's heading, plain and as gzip."""
    words = make_words(40)
    file = save_word_vectors(tmp_path / "words.txt", words, heading=heading)
    if packed:
        file.with_suffix(".gz").write_bytes(gzip.compress(file.read_bytes()))
        file = file.with_suffix(".gz")
    asked = [*list(words)[5:9], "absent"]
    found = read_word_vectors(file, asked)
    assert found.dimensions == DIMENSIONS
    assert found.vectors.keys() == set(asked[:-1])
    for word, vector in found.vectors.items():
        np.testing.assert_array_equal(vector, words[word])


def test_lower_case_comes_before_capitals_and_the_first_line_before_later_ones(tmp_path: Path) -> None:
    """`Apple` stands in for `apple` only where that is missing; spaces within numbers and strange bytes elsewhere do no harm."""
    file = tmp_path / "words.vec"
    file.write_bytes("Apple 1 0\napple 0 1\napple 9 9\nPear 2 2 \r\nstr\xe4nge 3 3\n. . . 4 4\n".encode("latin-1"))
    found = read_word_vectors(file, ["apple", "pear", "plum"])
    assert {word: vector.tolist() for word, vector in found.vectors.items()} == {"apple": [0, 1], "pear": [2, 2]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1 it is empty"),
        (b"\x00\x01\x02", "line 1"),
        (b"apple 1 2 3\nplum 1 2\n", "line 2 2 numbers follow the word instead of 3"),
        (b"apple 1 2 3\nplum 1 x 3\n", "line 2 what follows"),
        (b"apple 1 2\nplum nan 2\n", "line 2"),
        (b"2 3\nplum 1 2\n", "line 2 2 numbers follow the word instead of 3"),
    ],
)
def test_files_that_are_none_are_named_with_the_line(tmp_path: Path, content: bytes, told: str) -> None:
    """The message says where and what was expected."""
    file = tmp_path / "words.txt"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=rf"words\.txt is no file of word vectors: in {told}"):
        read_word_vectors(file, ["plum"])


def test_files_that_cannot_be_opened_or_unpacked_are_named(tmp_path: Path) -> None:
    """Not there, a folder, or a gzip that ends early."""
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(b"apple 1 2\n" * 1000)[:-20])
    for file in (tmp_path / "absent.txt", tmp_path, cut):
        with pytest.raises(UsageError, match=r"can't be read.*Check the name"):
            read_word_vectors(file, ["apple"])
