"""Workbooks (.xlsx) with bands: rows of one document share a shade, the next document has the other, and errors stand out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from indexer.errors import UsageError
from indexer.output.files import written_whole

if TYPE_CHECKING:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

MOST_ROWS = 1_048_575
"""What a sheet can hold beside its heading."""
_SHADES = ("FFFFFF", "DCE6F1")
_WRONG_SHADES = ("F8CBAD", "F4B084")
_HEAD_SHADE = "404040"
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]")
_LONGEST_TEXT = 32_767
_BAD_IN_NAME = re.compile(r"[\[\]:*?/\\]")


@dataclass(frozen=True, slots=True)
class Banded:
    """A cell's value with its band (odd and even ones have different shades); `wrong` makes it stand out."""

    value: object
    band: int
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: rows as long as `columns`, of plain values or `Banded` ones. `widths` are in characters, 12 where not given."""

    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[object]]
    widths: Sequence[float] = ()


def write_workbook(sheets: Sequence[Sheet], target: Path | BinaryIO) -> None:
    """Write the sheets, row by row, so that long ones stay small in memory; a file appears whole or not at all.

    Text is always text: what begins with = is no formula. Characters that no workbook can hold are left out.

    Raises:
        UsageError: a sheet has more rows than a workbook can hold.
    """
    if isinstance(target, Path):
        with written_whole(target) as draft, draft.open("wb") as file:
            _write(sheets, file)
    else:
        _write(sheets, target)


def _write(sheets: Sequence[Sheet], file: BinaryIO) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for sheet in sheets:
        page = book.create_sheet(_BAD_IN_NAME.sub(" ", sheet.name)[:31] or "pages")
        page.freeze_panes = "A2"
        for index in range(len(sheet.columns)):
            width = sheet.widths[index] if index < len(sheet.widths) else 12
            page.column_dimensions[_letter(index)].width = width
        painter = _Painter(page)
        page.append([painter.head(name) for name in sheet.columns])
        try:
            for row in _limited(sheet):
                page.append([painter.cell(value) for value in row])
        finally:
            page.close()  # a sheet left open by an error would complain when it is collected
    book.save(file)


def _limited(sheet: Sheet) -> Iterator[Sequence[object]]:
    for count, row in enumerate(sheet.rows):
        if count >= MOST_ROWS:
            raise UsageError(
                f"The sheet {sheet.name} has more than {MOST_ROWS:,} rows, which no workbook can hold. Write .csv instead."
            )
        yield row


class _Painter:
    """Makes the cells of one sheet; styles are made once."""

    def __init__(self, page: WriteOnlyWorksheet) -> None:
        from openpyxl.styles import Font, PatternFill

        def fill(colour: str) -> PatternFill:
            return PatternFill("solid", fgColor=colour)

        self._page = page
        self._shades = [fill(colour) for colour in _SHADES]
        self._wrong = [fill(colour) for colour in _WRONG_SHADES]
        self._head = (fill(_HEAD_SHADE), Font(bold=True, color="FFFFFF"))
        self._bold = Font(bold=True)

    def head(self, name: str) -> WriteOnlyCell:
        cell = self._plain(name)
        cell.fill, cell.font = self._head
        return cell

    def cell(self, value: object) -> WriteOnlyCell:
        if not isinstance(value, Banded):
            return self._plain(value)
        cell = self._plain(value.value)
        cell.fill = (self._wrong if value.wrong else self._shades)[value.band % 2]
        if value.wrong:
            cell.font = self._bold
        return cell

    def _plain(self, value: object) -> WriteOnlyCell:
        from openpyxl.cell import WriteOnlyCell

        if value is None or isinstance(value, bool | int | float):
            return WriteOnlyCell(self._page, value)
        cell = WriteOnlyCell(self._page, _FORBIDDEN.sub("", str(value))[:_LONGEST_TEXT])
        cell.data_type = "s"
        return cell


def _letter(index: int) -> str:
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(index + 1))
