"""What the records of every library must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from indexer.errors import StoreError
from indexer.store.records import Records
from indexer.values import Payload

MANIFEST = {
    "name": "sketchbooks · Skizzenbücher",
    "schema_version": 1,
    "share": 0.25,
    "full": True,
    "roots": [{"name": "a", "path": "/scans/a b"}, {"name": "ü", "path": "/scans/ü"}],
    "model": {"name": "pixels", "dimensions": 64, "nothing": {}},
    "empty": [],
}


class RecordsContract:
    """The suite. A subclass defines the fixture `records`, and how the same ones are opened anew."""

    def reopened(self, records: Records) -> Records:
        """The same records after closing them."""
        raise NotImplementedError

    @pytest.mark.parametrize("name", ["manifest", "skips"])
    def test_what_is_saved_is_loaded(self, records: Records, name: str) -> None:
        """A document comes back equal, also after opening anew; before that there is none."""
        assert records.load(name) is None
        records.save(name, MANIFEST)
        assert records.load(name) == MANIFEST
        assert self.reopened(records).load(name) == MANIFEST

    @pytest.mark.parametrize("name", ["manifest", "skips"])
    def test_saving_replaces_all_of_it(self, records: Records, name: str) -> None:
        """Nothing of the old document is left."""
        records.save(name, MANIFEST)
        records.save(name, {"model": {"name": "classic"}, "share": 1})
        assert records.load(name) == {"model": {"name": "classic"}, "share": 1}
        assert type(dict(records.load(name) or {})["share"]) is int

    def test_documents_do_not_touch_each_other(self, records: Records) -> None:
        """Each name holds its own."""
        records.save("manifest", {"a": 1})
        records.save("skips", {"b": 2})
        assert records.load("manifest") == {"a": 1}
        assert records.load("skips") == {"b": 2}
        assert records.load("runs") is None

    @pytest.mark.parametrize("name", ["manifest", "skips"])
    def test_what_is_not_json_leaves_the_old(self, records: Records, name: str) -> None:
        """A value no JSON can hold is refused, and the old document stays."""
        records.save(name, {"a": 1})
        for bad in (object(), float("nan"), b"bytes"):
            with pytest.raises(StoreError):
                records.save(name, {"a": bad})
        assert records.load(name) == {"a": 1}

    @pytest.mark.parametrize("name", ["manifest", "skips"])
    def test_changing_makes_it_from_what_is_there(self, records: Records, name: str) -> None:
        """From nothing, from the document before, and not at all where the change raises."""
        assert records.change(name, lambda before: {"a": 1, "before": before is None}) == {"a": 1, "before": True}
        assert records.change(name, lambda before: {**(before or {}), "b": 2}) == {"a": 1, "before": True, "b": 2}
        with pytest.raises(ZeroDivisionError):
            records.change(name, lambda before: {"a": 1 // 0})
        assert self.reopened(records).load(name) == {"a": 1, "before": True, "b": 2}

    def test_no_change_is_lost(self, records: Records) -> None:
        """Eight writers add to a document at once."""

        def add(writer: int) -> None:
            for turn in range(5):
                one = {f"{writer}.{turn}"}
                records.change("skips", lambda before, one=one: {"of": sorted(one.union(_listed(before)))})

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add, range(8)))
        assert len(_listed(records.load("skips"))) == 40

    def test_the_journal_numbers_from_one(self, records: Records) -> None:
        """Entries come back in order with their numbers, also after opening anew, and `after` skips the first."""
        assert records.entries() == []
        entries = [{"what": "name", "group": "Zeichnungen ✎", "line": "a\nb"}, {"n": 2**60}, {"x": None}]
        assert [records.append(entry) for entry in entries] == [1, 2, 3]
        records = self.reopened(records)
        assert records.append({"last": True}) == 4
        assert records.entries() == [(1, entries[0]), (2, entries[1]), (3, entries[2]), (4, {"last": True})]
        assert records.entries(after=3) == [(4, {"last": True})]
        assert records.entries(after=4) == []

    def test_what_is_not_json_is_not_appended(self, records: Records) -> None:
        """A refused entry leaves no trace and takes no number."""
        records.append({"n": 1})
        with pytest.raises(StoreError):
            records.append({"n": object()})
        assert records.append({"n": 2}) == 2
        assert [entry for _, entry in records.entries()] == [{"n": 1}, {"n": 2}]

    def test_closing_twice_is_fine(self, records: Records) -> None:
        """A second close does nothing."""
        records.close()
        records.close()


def _listed(document: Payload | None) -> list[str]:
    return list(cast("list[str]", (document or {}).get("of", [])))
