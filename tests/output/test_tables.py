"""Tables: three formats, nothing half written, and no formulas in spreadsheets."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import UsageError
from indexer.output.tables import guarded_cell, plain_cell, write_table

COLUMNS = ("path", "cluster", "similarity", "folders")
ROWS: list[dict[str, object]] = [
    {"path": "sb48/art/p072.jpg", "cluster": 3, "similarity": -0.25, "folders": ["sb48", "art"], "extra": "left out"},
    {"path": "=HYPERLINK(evil)", "cluster": None, "similarity": 0.5, "folders": []},
]


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows as written, cells still guarded."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_guards_text_and_leaves_numbers(tmp_path: Path) -> None:
    """Text that would be a formula is quoted with an apostrophe; a negative number is not."""
    write_table(ROWS, tmp_path / "t.csv", columns=COLUMNS)
    first, second = read_csv(tmp_path / "t.csv")
    assert first == {"path": "sb48/art/p072.jpg", "cluster": "3", "similarity": "-0.25", "folders": '["sb48", "art"]'}
    assert second["path"] == "'=HYPERLINK(evil)"
    assert plain_cell(second["path"]) == "=HYPERLINK(evil)"
    assert second["cluster"] == ""


def test_json_is_an_array_of_objects(tmp_path: Path) -> None:
    """JSON keeps types, and an undefined number is null."""
    write_table([*ROWS, {"similarity": float("nan")}], tmp_path / "t.json", columns=COLUMNS)
    rows = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert rows[1] == {"path": "=HYPERLINK(evil)", "cluster": None, "similarity": 0.5, "folders": []}
    assert rows[2]["similarity"] is None


def test_parquet_keeps_types(tmp_path: Path) -> None:
    """Numbers, lists and empty fields come back as they were."""
    write_table(ROWS, tmp_path / "t.parquet", columns=COLUMNS)
    assert pq.read_table(tmp_path / "t.parquet").to_pylist() == [{key: row.get(key) for key in COLUMNS} for row in ROWS]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_no_rows_make_a_table_with_its_columns(tmp_path: Path, suffix: str) -> None:
    """An empty answer is still a valid file."""
    path = tmp_path / f"t{suffix}"
    write_table([], path, columns=COLUMNS)
    if suffix == ".csv":
        assert path.read_text(encoding="utf-8-sig").strip() == ",".join(COLUMNS)
    elif suffix == ".json":
        assert json.loads(path.read_text(encoding="utf-8")) == []
    else:
        assert pq.read_table(path).column_names == list(COLUMNS)


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_a_failure_leaves_the_old_table(tmp_path: Path, suffix: str) -> None:
    """Rows that fail half way neither replace nor damage what was there."""
    path = tmp_path / f"t{suffix}"
    path.write_text("old")

    def failing() -> Iterator[dict[str, object]]:
        yield ROWS[0]
        raise RuntimeError("store went away")

    with pytest.raises(RuntimeError, match="went away"):
        write_table(failing(), path, columns=COLUMNS)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_parquet_of_mixed_types_says_what_to_do(tmp_path: Path) -> None:
    """A column of text and numbers is an error that names the way out."""
    with pytest.raises(UsageError, match="several types"):
        write_table([{"a": 1}, {"a": "x"}], tmp_path / "t.parquet", columns=["a"])


def test_unknown_suffix_is_refused(tmp_path: Path) -> None:
    """The error names the file and the suffixes that would do."""
    with pytest.raises(UsageError, match=r"t\.xls.*\.parquet"):
        write_table([], tmp_path / "t.xls", columns=["a"])


@given(st.text(alphabet="'=+-@\t\rab", max_size=8) | st.text(max_size=12))
def test_guarding_can_be_undone_and_leaves_no_formula(text: str) -> None:
    """Whatever the text, import gives it back, and no cell begins like a formula."""
    assert plain_cell(guarded_cell(text)) == text
    assert not guarded_cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.lists(st.text(max_size=10), max_size=5))
def test_csv_gives_text_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Line breaks, quotes, commas and formulas survive a round trip through a file."""
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    write_table([{"n": index, "text": text} for index, text in enumerate(texts)], path, columns=["n", "text"])
    assert [plain_cell(row["text"]) for row in read_csv(path)] == texts
