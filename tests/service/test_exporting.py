"""Pages handed over and decisions taken in over HTTP."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from support.service import KEYS, RO_KEY, RW_KEY, FakeLibrary, open_client, page_id_of, wait_for

from indexer.library.results import PageList
from service.state import MAX_EXPORTS


def test_a_table_of_every_field_is_downloaded() -> None:
    """CSV and JSON, only what passes the filter, with how many there are."""
    with open_client() as client:
        table = client.get("/v1/export", params={"filter": "label=art"})
        listed = client.get("/v1/export", params={"filter": "label=art", "format": "json"})
    assert table.headers["x-quire-pages"] == "6"
    assert 'filename="pages.csv"' in table.headers["content-disposition"]
    assert len(table.content.decode("utf-8-sig").splitlines()) == 7
    assert {row["label"] for row in json.loads(listed.content)} == {"art"}


def test_files_are_downloaded_as_an_archive(tmp_path: Path) -> None:
    """What is in the root, and the table."""
    (tmp_path / "p1.jpg").write_bytes(b"a scan")
    with open_client(FakeLibrary(tmp_path)) as client:
        answer = client.get("/v1/export", params={"format": "zip"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["p1.jpg", "pages.csv"]
        assert archive.read("p1.jpg") == b"a scan"


def test_only_so_many_exports_are_under_way(tmp_path: Path) -> None:
    """Each may be as large as the library; a place is free again when its answer is sent, or its reader is gone."""
    library, hold = FakeLibrary(tmp_path), threading.Event()
    scroll = library.pages
    begun: list[int] = []

    def slow(**options: Any) -> PageList:
        begun.append(1)
        assert hold.wait(60)
        return scroll(**options)

    with open_client(library) as client, ThreadPoolExecutor(MAX_EXPORTS) as pool:
        library.pages = slow  # type: ignore[method-assign]
        waiting = [pool.submit(client.get, "/v1/export") for _ in range(MAX_EXPORTS)]
        wait_for(lambda: len(begun) == MAX_EXPORTS)
        assert client.get("/v1/export").json()["code"] == "overloaded"
        hold.set()
        assert [one.result().status_code for one in waiting] == [200] * MAX_EXPORTS
        assert client.get("/v1/export").status_code == 200


def test_groups_are_taken_in_by_who_may_write() -> None:
    """Rows by id or path; a dry run decides nothing; a reading key may not; unknown columns are refused."""
    library = FakeLibrary()
    body = {"rows": [{"page_id": page_id_of(0), "group": "mine"}, {"path": "p1.jpg", "group": "mine"}]}
    with open_client(library, api_keys=KEYS) as client:
        refused = client.post("/v1/import", json=body, headers={"X-API-Key": RO_KEY}).status_code
        dry = client.post("/v1/import", json={**body, "dry_run": True}, headers={"X-API-Key": RW_KEY}).json()
        assert not [call for call in library.calls if call[0] == "move_pages"]
        done = client.post("/v1/import", json=body, headers={"X-API-Key": RW_KEY}).json()
        odd = client.post("/v1/import", json={"rows": [{"tag": "x"}]}, headers={"X-API-Key": RW_KEY}).status_code
    assert (refused, odd) == (403, 422)
    assert dry["moved"] == done["moved"] == {"mine": 2}
    assert (dry["entries"], done["entries"]) == ([], [1])
    moved = next(arguments for name, arguments in library.calls if name == "move_pages")
    assert moved == {"page_ids": [page_id_of(0), page_id_of(1)], "group": "mine", "who": "ann"}
