"""Workbooks with bands, read back."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import UsageError
from indexer.output import spreadsheet
from indexer.output.spreadsheet import Banded, Sheet, write_workbook


def written(*sheets: Sheet) -> Any:
    """The workbook, read back."""
    from openpyxl import load_workbook

    buffer = io.BytesIO()
    write_workbook(sheets, buffer)
    return load_workbook(buffer)


def shade(cell: Any) -> str:
    """The colour of a cell."""
    return str(cell.fill.fgColor.rgb)[-6:]


def test_bands_alternate_and_errors_stand_out() -> None:
    """Equal bands share a shade, the next has the other, and a wrong cell has neither."""
    rows = [[Banded(1, 1)], [Banded(1, 1)], [Banded(2, 2)], [Banded(3, 3, wrong=True)], ["plain"]]
    page = written(Sheet("pages", ["01"], rows))["pages"]
    shades = [shade(cell) for cell in page["A"][1:5]]
    assert shades[0] == shades[1] != shades[2]
    assert shades[3] not in shades[:3]
    assert page["A5"].font.bold
    assert [cell.value for cell in page["A"]] == ["01", 1, 1, 2, 3, "plain"]


def test_text_is_never_a_formula() -> None:
    """What begins with = stays text, and characters that no workbook can hold are left out."""
    page = written(Sheet("s", ["=head"], [["=1+1"], [Banded("=cmd|x", 1)], ["a\x00b\x1fc\ud800"], [None], [2.5]]))["s"]
    assert [cell.value for cell in page["A"]] == ["=head", "=1+1", "=cmd|x", "abc", None, 2.5]
    assert [cell.data_type for cell in page["A"]][:4] == ["s"] * 4


def test_headings_stay_in_view_and_names_are_cleaned() -> None:
    """The first row is frozen; a sheet's name loses what workbooks don't allow."""
    book = written(Sheet("a/b:c", ["x", "y"], [], widths=(40,)), Sheet("two", ["z"], []))
    assert book.sheetnames == ["a b c", "two"]
    page = book["a b c"]
    assert page.freeze_panes == "A2"
    assert page.column_dimensions["A"].width == 40


def test_too_many_rows_are_refused_and_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of the format is told of, with what to do instead."""
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 3)
    target = tmp_path / "sheet.xlsx"
    write_workbook([Sheet("s", ["x"], [[1]] * 3)], target)
    assert target.exists()
    with pytest.raises(UsageError, match=r"Write \.csv instead"):
        write_workbook([Sheet("s", ["x"], [[1]] * 4)], tmp_path / "more.xlsx")
    assert [file.name for file in tmp_path.iterdir()] == ["sheet.xlsx"]
