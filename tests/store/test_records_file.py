"""What only files can have happen to them: a person's edits, torn lines, full and read-only disks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import LibraryDamagedError, StoreError
from indexer.store import records_file
from indexer.store.records_file import FileRecords

_EDITED = """# my sketchbooks
[settings]
device = "cpu"   # the other machine has a GPU

[library]
name = "old"     # grandfather's
pages = 3
gone = true

[library.model]
name = "pixels"  # quick

[mine]
note = "keep"
"""


def test_a_person_keeps_comments_and_settings(tmp_path: Path) -> None:
    """Saving the manifest changes the values of [library] and nothing else in the file."""
    (tmp_path / "quire.toml").write_text(_EDITED, encoding="utf-8")
    records = FileRecords(tmp_path)
    records.save("manifest", {"name": "old", "pages": 4, "model": {"name": "classic"}})
    expected = _EDITED.replace("pages = 3", "pages = 4").replace("gone = true\n", "").replace('"pixels"', '"classic"')
    assert (tmp_path / "quire.toml").read_text(encoding="utf-8") == expected
    assert records.load("manifest") == {"name": "old", "pages": 4, "model": {"name": "classic"}}


def test_settings_alone_are_no_manifest(tmp_path: Path) -> None:
    """A quire.toml that a person wrote before the first run holds no manifest, and is kept when one is saved."""
    (tmp_path / "quire.toml").write_text('[settings]\ndevice = "cpu"\n')
    records = FileRecords(tmp_path)
    assert records.load("manifest") is None
    records.save("manifest", {"name": "a"})
    assert (tmp_path / "quire.toml").read_text().startswith('[settings]\ndevice = "cpu"\n')


def test_none_is_left_out_of_the_manifest(tmp_path: Path) -> None:
    """TOML has no null: such keys are dropped, at any depth, there and only there."""
    records = FileRecords(tmp_path)
    records.save("manifest", {"a": None, "b": {"c": None, "d": 1}, "e": [{"f": None}]})
    records.save("skips", {"a": None})
    assert records.load("manifest") == {"b": {"d": 1}, "e": [{}]}
    assert records.load("skips") == {"a": None}


def test_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    """What a crash left of an entry is no entry, and the next one takes its place."""
    records = FileRecords(tmp_path)
    records.append({"n": 1})
    with (tmp_path / "decisions.jsonl").open("ab") as file:
        file.write('{"n": "tö'.encode()[:-1])
    records = FileRecords(tmp_path)
    assert records.entries() == [(1, {"n": 1})]
    assert records.append({"n": 2}) == 2
    assert (tmp_path / "decisions.jsonl").read_text() == '{"n": 1}\n{"n": 2}\n'


def test_a_whole_last_line_without_its_end_is_kept(tmp_path: Path) -> None:
    """An editor that drops the last newline loses no entry."""
    (tmp_path / "decisions.jsonl").write_text('{"n": 1}\n{"n": 2}')
    records = FileRecords(tmp_path)
    assert records.append({"n": 3}) == 3
    assert [entry for _, entry in records.entries()] == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("quire.toml", "[library\n", lambda records: records.load("manifest")),
        ("skips.json", "{", lambda records: records.load("skips")),
        ("skips.json", "[1]", lambda records: records.load("skips")),
        ("decisions.jsonl", '{"n": 1}\n{"n":\n{"n": 3}\n', lambda records: records.entries()),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, text: str, read: Any) -> None:
    """A file that can't be read is named, and is not overwritten or taken for empty."""
    (tmp_path / name).write_text(text)
    with pytest.raises(LibraryDamagedError, match=name):
        read(FileRecords(tmp_path))
    assert (tmp_path / name).read_text() == text


@pytest.mark.parametrize("name", ["manifest", "skips"])
def test_a_full_disk_leaves_the_old_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """If the new document can't reach the disk, the old one is there, no half file lies about, and the error says why."""
    records = FileRecords(tmp_path)
    records.save(name, {"n": 1})
    files = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr(records_file.os, "fsync", _full_disk)
    with pytest.raises(StoreError, match=r"can't be written: No space left"):
        records.save(name, {"n": 2})
    assert records.load(name) == {"n": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == files


def test_a_full_disk_leaves_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed append leaves no line and takes no number."""
    records = FileRecords(tmp_path)
    records.append({"n": 1})
    with monkeypatch.context() as patch:
        patch.setattr(records_file.os, "fsync", _full_disk)
        with pytest.raises(StoreError, match=r"decisions\.jsonl can't be written"):
            records.append({"n": 2})
    assert records.append({"n": 3}) == 2
    assert [entry for _, entry in records.entries()] == [{"n": 1}, {"n": 3}]


def test_a_place_that_is_no_directory_is_named(tmp_path: Path) -> None:
    """Where nothing can be written, the error names the path."""
    (tmp_path / "file").write_text("")
    records = FileRecords(tmp_path / "file")
    with pytest.raises(StoreError, match=r"quire\.toml can't be written"):
        records.save("manifest", {"n": 1})
    with pytest.raises(StoreError, match=r"decisions\.jsonl"):
        records.append({"n": 1})


def test_names_stay_inside(tmp_path: Path) -> None:
    """A document's name can't lead out of the directory."""
    for name in ("../evil", "a/b", "", "Settings"):
        with pytest.raises(StoreError, match="name a document"):
            FileRecords(tmp_path).save(name, {})


def test_documents_are_plain_readable_json(tmp_path: Path) -> None:
    """Another program reads the file as JSON, with letters as letters."""
    FileRecords(tmp_path).save("skips", {"ort": "Köln"})
    text = (tmp_path / "skips.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"ort": "Köln"}
    assert "Köln" in text


def _full_disk(_: int) -> None:
    raise OSError(28, os.strerror(28))
