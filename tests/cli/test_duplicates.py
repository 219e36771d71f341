"""`quire duplicates`: looking, the table, the decision."""

from __future__ import annotations

import csv
from pathlib import Path

from support.command import Quire
from support.sheets import draw_copies


def test_duplicates_are_listed_written_and_set_apart(tmp_path: Path) -> None:
    """The table has a line a page; pages set apart are in no set together when listed anew; a bound out of range is refused."""
    quire = Quire(tmp_path / "library", QUIRE_USER="tester")
    quire.ok("index", draw_copies(tmp_path / "scans"), "--model", "pixels")
    assert "Nothing was looked for yet" in quire.ok("duplicates", "list").err
    found = quire.ok("duplicates", "--table", tmp_path / "sets.csv", "--json").json
    assert [len(one["pages"]) for one in found["sets"]] == [4, 2]
    with (tmp_path / "sets.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["set"], row["path"], row["exact"]) for row in rows[-2:]] == [
        ("2", "b-copy.png", "yes"),
        ("2", "b.png", "yes"),
    ]
    said = quire.ok("duplicates", "apart", rows[-2]["page_id"], rows[-1]["page_id"], "--who", "ann")
    assert "2 pages are no duplicates" in said.out
    assert "b.png" not in quire.ok("duplicates", "list").out
    assert "must be above 0" in quire.ok("duplicates", "--min-similarity", "0", status=2).err
