"""Files that nobody thought of: good ones, spoilt at random, and tables of noise. Whatever comes, it is a page, or a reason."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from support.hostile.cuts import SEEDS

from indexer.errors import PictureError, UsageError
from indexer.sources import DecodedPage, DecodeLimits, Decoders, MetadataTable, load_metadata

MIB = 2**20
PER_PAGE = DecodeLimits(max_pixels=2_000_000, max_bytes=MIB, max_pages_per_file=50)
# 60 s of a core in all; `make soak` tries twenty times as many, and others each time
FEW = settings(
    max_examples=500, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
MANY = settings(FEW, max_examples=6_000, derandomize=False)

EDGES = [
    bytes(4),
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\0\0\0\1",
    b"\1\0\0\0",
    b"\x80\0\0\0",
    b"\0\0\xff\xff",
    b"\xff\xff\0\0",
]


@cache
def seed_file(kind: str) -> bytes:
    """A good file of a kind."""
    return SEEDS[kind]()


@st.composite
def spoilt_files(draw: st.DrawFn) -> bytes:
    """A good file to which one or more things have happened that files are known to suffer, or that fuzzers are known to find."""
    data = bytearray(seed_file(draw(st.sampled_from(sorted(SEEDS)))))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(1, 64))
        match draw(st.integers(0, 6)):
            case 0:
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                edge = draw(st.sampled_from(EDGES))
                data[at : at + len(edge)] = edge
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = draw(st.binary(max_size=64))
            case 4:
                data[at:at] = data[at : at + length] * draw(st.integers(1, 200))
            case 5:
                other = seed_file(draw(st.sampled_from(sorted(SEEDS))))
                data[at:] = other[draw(st.integers(0, len(other))) :]
            case 6:
                # most that matters stands near the beginning
                near = draw(st.integers(0, min(len(data), 200)))
                data[near : near + 2] = draw(st.binary(min_size=2, max_size=2))
    return bytes(data[:MIB])


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    """With little memory and time: what a spoilt file of a few kilobytes may ask for."""
    made = Decoders(timeout_s=20.0, max_bytes=512 * MIB)
    yield made
    made.close()


def check_decoding(decoders: Decoders, data: bytes) -> None:
    """Pages with pixels or reasons, or one reason for all; and the decoders go on."""
    pages: list[DecodedPage] = []
    reason = ""
    try:
        pages = decoders.decode_bytes(data, name="upload", max_side_px=64, enough_px=32, limits=PER_PAGE)
    except PictureError as error:
        reason = f"{error.skip_code}: {error}"
    assert bool(pages) != bool(reason)
    assert reason.isprintable()
    assert not reason.startswith("timeout")
    assert [page.page_number for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert (page.picture is None) == bool(page.skip_reason) == bool(page.skip_code)
        assert page.skip_reason.isprintable()
        if page.picture is not None:
            assert max(page.picture.pixels.shape[:2]) <= 64
            assert page.picture.width_px * page.picture.height_px <= 10**9


def test_a_spoilt_file_gives_pages_or_reasons(decoders: Decoders) -> None:
    """Whatever happened to it: nothing else is raised, nothing hangs, and the next file is decoded."""

    @FEW
    @given(spoilt_files())
    def check(data: bytes) -> None:
        check_decoding(decoders, data)

    check()
    for kind in SEEDS:
        assert all(page.picture for page in decoders.decode_bytes(seed_file(kind), name=kind, max_side_px=64))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_more_spoilt_files_give_pages_or_reasons(decoders: Decoders) -> None:
    """The same for others each time."""

    @MANY
    @given(spoilt_files())
    def check(data: bytes) -> None:
        check_decoding(decoders, data)

    check()


CELLS = st.text(max_size=20) | st.sampled_from(
    ["1", "-0", "007", "1e999", "nan", "true", "9" * 30, '"', '""', "=1+1", "\x00", "2026-01-01"]
)
CSV_TEXTS = st.lists(st.lists(CELLS, max_size=5), max_size=6).map(lambda rows: "\n".join(",".join(row) for row in rows))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
ROWS = st.fixed_dictionaries(
    {"path": st.text(min_size=1, max_size=20)}, optional={"label": VALUES, "page_number": VALUES, "x": VALUES}
)
TABLES: dict[str, SearchStrategy[bytes]] = {
    "noise.csv": st.binary(max_size=400),
    "cells.csv": CSV_TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    "named.csv": CSV_TEXTS.map(lambda text: ("path,page_number,label,x\n" + text).encode("utf-8", "surrogatepass")),
    "noise.json": st.binary(max_size=400),
    "values.json": VALUES.map(lambda value: json.dumps(value).encode()),
    "rows.json": st.lists(ROWS, max_size=5).map(lambda rows: json.dumps(rows).encode()),
    "noise.parquet": st.binary(max_size=400).map(lambda body: b"PAR1" + body + b"PAR1"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_noise_is_read_or_refused(tmp_path: Path, name: str) -> None:
    """Rows of scalars that Qdrant can keep, or a UsageError that names the file."""
    file = tmp_path / name

    @FEW
    @given(TABLES[name])
    def check(data: bytes) -> None:
        file.write_bytes(data)
        check_table(file)

    check()


def test_a_spoilt_parquet_table_is_read_or_refused(tmp_path: Path) -> None:
    """A good one, with bytes turned over."""
    import pyarrow
    import pyarrow.parquet

    good = tmp_path / "good.parquet"
    pyarrow.parquet.write_table(
        pyarrow.table({"path": ["a.jpg", "b.jpg"], "year": [1936, None], "note": ["x", "y"]}), good
    )
    whole, file = good.read_bytes(), tmp_path / "spoilt.parquet"

    @FEW
    @given(
        st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=8),
        st.integers(1, len(whole)),
    )
    def check(changes: list[tuple[int, int]], length: int) -> None:
        data = bytearray(whole)
        for at, value in changes:
            data[at] = value
        file.write_bytes(data[:length] if length % 3 == 0 else data)
        check_table(file)

    check()


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" + b"9" * 10_000 + b"]",
        b'[{"path": "a", "x": "\\ud800"}]',
        b'[{"path": "a", "\\ud800": 1}]',
        b"\xff\xfe[\0]\0",
    ],
)
def test_json_that_aims_at_the_reader_is_refused(tmp_path: Path, data: bytes) -> None:
    """Lists inside each other, a number of ten thousand digits, half a letter, another encoding."""
    file = tmp_path / "table.json"
    file.write_bytes(data)
    with pytest.raises(UsageError, match=r"table\.json"):
        load_metadata(file)


def test_a_csv_with_one_cell_of_megabytes_is_refused(tmp_path: Path) -> None:
    """A quotation mark that nobody closed swallows the rest of the file."""
    file = tmp_path / "table.csv"
    file.write_text('path,note\np1.jpg,"' + "x\n" * 200_000, encoding="utf-8")
    with pytest.raises(UsageError, match=r"table\.csv"):
        load_metadata(file)


def check_table(file: Path) -> None:
    """Read or refused; and what was read can be kept."""
    with suppress(UsageError):
        check_rows(load_metadata(file))
        return
    with pytest.raises(UsageError, match=re.escape(file.name)):
        load_metadata(file)


def check_rows(table: MetadataTable) -> None:
    """All that was read can be kept."""
    for (path, number), row in table.rows.items():
        assert isinstance(path, str)
        assert number is None or number >= 1
        for value in row.values():
            assert isinstance(value, str | int | float | bool)
            assert not isinstance(value, float) or math.isfinite(value)
            assert not isinstance(value, int) or -(2**63) <= value < 2**63
            json.dumps(value).encode()
            if isinstance(value, str):
                value.encode()
