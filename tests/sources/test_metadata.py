"""Tables give typed values to the pages that they name."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from support.scans import write

from indexer.errors import UsageError
from indexer.sources import load_metadata


def csv_table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    """A CSV file of this text."""
    return write(tmp_path / "pages.csv", text.encode(encoding))


def test_columns_of_a_csv_get_the_type_that_all_their_cells_have(tmp_path: Path) -> None:
    """Whole numbers, numbers, true/false, text; codes with leading zeros stay text."""
    table = load_metadata(
        csv_table(tmp_path, "path,year,price,seen,shelf,mixed\na.jpg,1936,2,true,007,1\nb.jpg,-5,0.5,FALSE,012,x\n")
    )
    assert table.for_page("a.jpg", 1) == {"year": 1936, "price": 2.0, "seen": True, "shelf": "007", "mixed": "1"}
    assert table.for_page("b.jpg", 1) == {"year": -5, "price": 0.5, "seen": False, "shelf": "012", "mixed": "x"}
    assert isinstance(table.for_page("a.jpg", 1)["price"], float)
    assert table.for_page("a.jpg", 1)["seen"] is True


def test_numbers_too_long_for_64_bits_stay_text(tmp_path: Path) -> None:
    """They are identifiers, and would lose digits."""
    table = load_metadata(csv_table(tmp_path, "path,barcode\na.jpg,12345678901234567890\nb.jpg,7\n"))
    assert table.for_page("a.jpg", 1) == {"barcode": "12345678901234567890"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_delimiter_and_byte_order_mark_are_found_out(tmp_path: Path, delimiter: str, encoding: str) -> None:
    """As spreadsheets of different countries save CSV."""
    text = f'path{delimiter}title\r\na.jpg{delimiter}"Brief, an; Karl"\r\n\r\n'
    table = load_metadata(csv_table(tmp_path, text, encoding))
    assert table.for_page("a.jpg", 1) == {"title": "Brief, an; Karl"}


def test_empty_cells_are_left_out(tmp_path: Path) -> None:
    """And do not turn a column of numbers into text; short rows are as if filled up."""
    table = load_metadata(csv_table(tmp_path, "path,year,note\na.jpg,,x\nb.jpg,1940\n"))
    assert table.for_page("a.jpg", 1) == {"note": "x"}
    assert table.for_page("b.jpg", 1) == {"year": 1940}


def test_a_row_for_one_page_adds_to_the_row_for_its_file(tmp_path: Path) -> None:
    """And wins over it."""
    table = load_metadata(csv_table(tmp_path, "path,page_number,kind,year\nl.tif,,letter,1936\nl.tif,2,envelope,\n"))
    assert table.for_page("l.tif", 1) == {"kind": "letter", "year": 1936}
    assert table.for_page("l.tif", 2) == {"kind": "envelope", "year": 1936}


def test_a_label_column_gives_labels(tmp_path: Path) -> None:
    """As text, even if it looks like numbers."""
    table = load_metadata(csv_table(tmp_path, "Path,Label\na.jpg,3\nb.jpg,\n"))
    assert table.label_for("a.jpg", 1) == "3"
    assert table.label_for("b.jpg", 1) is None
    assert table.label_for("other.jpg", 1) is None


def test_paths_match_over_slashes_and_unicode_forms(tmp_path: Path) -> None:
    r"""`.\box\é.jpg` from Windows means `box/é.jpg`, composed or decomposed."""
    table = load_metadata(csv_table(tmp_path, "path,n\n.\\box\\\u00e9.jpg,1\n"))
    assert table.for_page("box/e\u0301.jpg", 1) == {"n": 1}
    assert table.unmatched(["box/e\u0301.jpg"]) == []


def test_rows_that_match_no_page_are_listed_once(tmp_path: Path) -> None:
    """In the table's order."""
    table = load_metadata(csv_table(tmp_path, "path,page_number\nz.jpg,1\nz.jpg,2\na.jpg,\nb.jpg,\n"))
    assert table.unmatched({"b.jpg"}) == ["z.jpg", "a.jpg"]


def test_json_is_read_as_a_list_or_by_path(tmp_path: Path) -> None:
    """Both ways say the same."""
    rows = [{"path": "a.jpg", "year": 1936, "ok": True, "none": None, "x": 1.5}, {"path": "b.jpg", "page_number": 2}]
    listed = load_metadata(write(tmp_path / "a.json", json.dumps(rows).encode()))
    by_path = {str(row["path"]): {name: value for name, value in row.items() if name != "path"} for row in rows}
    keyed = load_metadata(write(tmp_path / "b.json", json.dumps(by_path).encode()))
    assert listed == keyed
    assert listed.for_page("a.jpg", 1) == {"year": 1936, "ok": True, "x": 1.5}


def test_parquet_keeps_its_types_and_writes_dates_as_text(tmp_path: Path) -> None:
    """NaN and null are left out."""
    columns = {
        "path": ["a.jpg", "b.jpg"],
        "year": [1936, None],
        "weight": [0.5, float("nan")],
        "day": [date(1936, 5, 1), None],
        "ok": [True, None],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    table = load_metadata(tmp_path / "t.parquet")
    assert table.for_page("a.jpg", 1) == {"year": 1936, "weight": 0.5, "day": "1936-05-01", "ok": True}
    assert table.for_page("b.jpg", 1) == {}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", b"file,year\na.jpg,1\n", "no column 'path' .found: file, year"),
        ("t.csv", b"", "is empty|no column"),
        ("t.csv", b"path,year\na.jpg,1\na.jpg,2\n", "names a.jpg twice, in line 2 and line 3"),
        ("t.csv", b"path,page_number\na.jpg,2\na.jpg,2\n", "a.jpg, page 2 twice"),
        ("t.csv", b"path,page_number\na.jpg,0\n", "count from 1"),
        ("t.csv", b"path,page_number\na.jpg,one\n", "count from 1"),
        ("t.csv", b"path,year\n,1936\n", "line 2 .* names no path"),
        ("t.csv", b"path,year,year\na.jpg,1,2\n", "two columns named 'year'"),
        ("t.csv", b"path,year\na.jpg,1,2\n", "3 cells for 2 columns"),
        ("t.csv", b"path,name\na.jpg,\xe9\n", "not UTF-8"),
        ("t.csv", b'path,name\na.jpg,"open\n', "cannot be read as CSV"),
        ("t.json", b"{nothing", "cannot be read as JSON"),
        ("t.json", b"[1, 2]", "list of objects"),
        ("t.json", b'[{"path": "a.jpg", "people": ["x"]}]', "Column 'people' .* list"),
        ("t.json", b'[{"path": "a.jpg", "page_number": NaN}, {"path": "a.jpg"}]', "twice"),
        ("t.parquet", b"no parquet", "cannot be read as Parquet"),
        ("t.docx", b"", "save it as .csv, .json or .parquet"),
    ],
)
def test_a_table_that_cannot_be_used_says_what_to_change(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """With the line and the column, where there is one."""
    with pytest.raises(UsageError, match=words):
        load_metadata(write(tmp_path / name, content))


def test_a_table_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    """With its path."""
    for name in ("gone.csv", "gone.json", "gone.parquet"):
        with pytest.raises(UsageError, match=name):
            load_metadata(tmp_path / name)
