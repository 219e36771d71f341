"""Pages handed over, and decisions taken back in."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.library import draw_pages, settings_in

from indexer.errors import ConflictError, PageMissingError, UsageError
from indexer.filters import parse_filter
from indexer.library import Library
from indexer.library.exporting import export_pages, zip_pages
from indexer.library.importing import import_groups, read_rows


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Twelve pages of two kinds, one group."""
    scans = draw_pages(tmp_path / "scans", each=6, kinds=("left", "top"))
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([scans])
        library.cluster(2)
        number = int(next(iter(library.facet("cluster", where=parse_filter(["label=left"])))))
        library.name_clusters([number], "=lefts")
        yield library


def read_csv(file: Path) -> list[dict[str, str]]:
    """A table as written."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def test_only_the_group_is_handed_over_with_its_folders(library: Library, tmp_path: Path) -> None:
    """Files, byte for byte, and a row for each page."""
    report = export_pages(library, tmp_path / "out", where=parse_filter(["label=left"]))
    assert (report.pages, report.files, report.left_out) == (6, 6, [])
    for number in range(1, 7):
        name = f"left/p{number}.png"
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "scans" / name).read_bytes()
    assert not (tmp_path / "out/top").exists()
    rows = read_csv(tmp_path / "out/pages.csv")
    assert [row["path"] for row in rows] == [f"left/p{n}.png" for n in range(1, 7)]


def test_links_take_no_space_and_a_second_export_changes_nothing(library: Library, tmp_path: Path) -> None:
    """The same file under two names; done again, nothing is in the way."""
    for _ in range(2):
        report = export_pages(library, tmp_path / "out", where=parse_filter([]), files="link")
        assert (report.files, report.left_out) == (12, [])
    assert (tmp_path / "out/top/p1.png").samefile(tmp_path / "scans/top/p1.png")


def test_nothing_of_a_person_is_overwritten(library: Library, tmp_path: Path) -> None:
    """Another file under the same name stays, and is told of; a scan that is gone is told of too."""
    (tmp_path / "out/left").mkdir(parents=True)
    (tmp_path / "out/left/p1.png").write_text("my own notes")
    (tmp_path / "scans/left/p2.png").unlink()
    report = export_pages(library, tmp_path / "out", where=parse_filter([]))
    assert {skip.path: skip.code for skip in report.left_out} == {"left/p1.png": "exists", "left/p2.png": "vanished"}
    assert (tmp_path / "out/left/p1.png").read_text() == "my own notes"


def test_a_dry_run_only_counts(library: Library, tmp_path: Path) -> None:
    """No folder appears."""
    report = export_pages(library, tmp_path / "out", where=parse_filter([]), dry_run=True)
    assert (report.files, report.bytes > 0, (tmp_path / "out").exists()) == (12, True, False)


def test_copies_among_the_scans_are_refused(library: Library, tmp_path: Path) -> None:
    """They would be pages at the next index run."""
    with pytest.raises(ConflictError, match="would be indexed"):
        export_pages(library, tmp_path / "scans/out", where=parse_filter([]))
    with pytest.raises(UsageError):
        export_pages(library, tmp_path / "out", where=parse_filter([]), table="../pages.csv")


def test_a_table_taken_back_in_decides_what_was_changed_in_it(library: Library, tmp_path: Path) -> None:
    """Only the rows whose group a person changed move; a name that looks like a formula survives the round trip."""
    export_pages(library, tmp_path / "out", where=parse_filter([]), files="none", table="pages.csv")
    table = tmp_path / "out/pages.csv"
    assert import_groups(library, read_rows(table)).moved == {}
    rows = read_csv(table)
    rows[0]["group"] = "covers"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    assert import_groups(library, read_rows(table), dry_run=True).moved == {"covers": 1}
    report = import_groups(library, read_rows(table), who="ada")
    assert (report.moved, len(report.entries)) == ({"covers": 1}, 1)
    assert library.page(rows[0]["page_id"]).group == "covers"
    assert library.history()[0].who == "ada"


def test_a_table_about_other_pages_moves_nothing(library: Library, tmp_path: Path) -> None:
    """One unknown page, and the rest stays too; a table without the columns says which it lacks."""
    table = tmp_path / "t.json"
    known = library.pages().pages[0].page_id
    table.write_text(json.dumps([{"page_id": known, "group": "x"}, {"page_id": "nobody", "group": "x"}]))
    with pytest.raises(PageMissingError, match="nobody"):
        import_groups(library, read_rows(table))
    assert library.page(known).group != "x"
    table.write_text(json.dumps([{"page_id": known}]))
    with pytest.raises(UsageError, match="column group"):
        import_groups(library, read_rows(table))
    table.write_text(json.dumps([{"name": "a"}]))
    with pytest.raises(UsageError, match="page_id and path"):
        read_rows(table)
    with pytest.raises(UsageError, match="can't be read"):
        read_rows(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("name", ["t.csv", "t.json", "t.parquet"])
def test_every_kind_of_table_comes_back(library: Library, tmp_path: Path, name: str) -> None:
    """The same columns back, unchanged: nothing is decided; taken back to another state, it restores the groups."""
    export_pages(library, tmp_path / "out", where=parse_filter([]), files="none", table=name)
    rows = read_rows(tmp_path / "out" / name)
    assert import_groups(library, rows).moved == {}
    before = {page.page_id: page.group for page in library.pages(limit=20).pages}
    library.move_pages([page_id for page_id, group in before.items() if group], "other")
    assert import_groups(library, rows).moved == {"=lefts": 6}
    assert {page.page_id: page.group for page in library.pages(limit=20).pages} == before


def test_rows_name_pages_by_their_path(library: Library, tmp_path: Path) -> None:
    """As a person types them; a path that is nowhere, or a page that comes twice, stops it before anything is decided."""
    table = tmp_path / "mine.csv"
    table.write_text("path,group\nleft/p1.png,mine\ntop/p2.png,mine\nleft/p2.png,\n")
    assert import_groups(library, read_rows(table), dry_run=True).moved == {"mine": 2, "": 1}
    library.move_pages([page.page_id for page in library.pages(where=parse_filter(["path=left/p2.png"])).pages], "x")
    assert import_groups(library, read_rows(table)).moved == {"mine": 2, "": 1}
    assert library.facet("group") == {"=lefts": 5, "mine": 2}
    decided = library.decisions.entry
    for text in ("path,group\nleft/p1.png,a\nleft/p9.png,a\n", "path,group\nleft/p1.png,a\nleft/p1.png,b\n"):
        table.write_text(text)
        with pytest.raises((PageMissingError, UsageError), match="nothing was decided"):
            import_groups(library, read_rows(table))
    assert library.decisions.entry == decided


def test_documents_come_back_too(library: Library, tmp_path: Path) -> None:
    """Pages are cut where the column differs and joined where it is the same; what is so already is no decision."""
    library.documents.propose_all()
    table = tmp_path / "documents.csv"
    table.write_text("path,document\n" + "".join(f"left/p{n}.png,{'a' if n < 4 else 'b'}\n" for n in range(1, 7)))
    report = import_groups(library, read_rows(table), documents=library.documents, who="ada")
    assert report.moved == {}
    ids = [page.page_id for page in library.pages(where=parse_filter(["label=left"])).pages]
    documents = [library.page(page_id).document for page_id in ids]
    assert documents == [ids[0]] * 3 + [ids[3]] * 3
    again = import_groups(library, read_rows(table), documents=library.documents)
    assert (again.breaks, again.entries) == (0, [])


def test_files_are_packed_with_their_folders_and_the_table(library: Library, tmp_path: Path) -> None:
    """Byte for byte, in pieces; a file that is gone is left out and has its row."""
    (tmp_path / "scans/left/p2.png").unlink()
    pieces = list(zip_pages(library, parse_filter(["label=left"])))
    assert len(pieces) > 3
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == [*(f"left/p{n}.png" for n in (1, 3, 4, 5, 6)), "pages.csv"]
        assert archive.read("left/p1.png") == (tmp_path / "scans/left/p1.png").read_bytes()
        assert archive.read("pages.csv").decode("utf-8-sig").count("left/p") >= 6


def test_vectors_are_written_as_they_are_stored(library: Library, tmp_path: Path) -> None:
    """A Parquet file with a fixed-length list for each page."""
    assert library.export_vectors(tmp_path / "v.parquet", where=parse_filter(["label=top"])) == 6
    table = pq.read_table(tmp_path / "v.parquet")
    ids = table["page_id"].to_pylist()
    stored = library.collection.retrieve(ids, vectors=("page",))
    written = np.stack(table["page"].to_numpy(zero_copy_only=False))
    np.testing.assert_allclose(written, stored.vectors["page"], atol=1e-6)
