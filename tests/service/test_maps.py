"""The map and the wall over HTTP: binary where there is much of it, and nothing twice."""

from __future__ import annotations

import base64

import numpy as np
from support.service import KEYS, RO_KEY, FakeLibrary, open_client, wait_for

from indexer.errors import MapMissingError


def test_points_are_binary_and_not_sent_twice() -> None:
    """Two float32 a page, in the order of the ids, with an ETag that spares the second time."""
    with open_client() as client:
        answer = client.get("/v1/map/points")
        ids = client.get("/v1/map/ids").text.split("\n")
        assert (answer.headers["x-quire-pages"], answer.headers["x-quire-dims"]) == ("12", "2")
        points = np.frombuffer(answer.content, dtype="<f4").reshape(len(ids), 2)
        assert points[:2].tolist() == [[0, 1], [2, 3]]
        again = client.get("/v1/map/points", headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get("/v1/map/ids", params={"begin": 3, "count": 2}).text.split("\n") == ids[3:5]


def test_colours_are_two_bytes_a_page() -> None:
    """Names, counts and colours once, a number for each page; 65,535 for a page that has nothing there."""
    with open_client() as client:
        found = client.get("/v1/map/colours", params={"by": "metadata.year"}).json()
        assert (found["by"], found["names"], found["counts"]) == ("metadata.year", ["art"], [11])
        assert found["colours"][0].startswith("#")
        values = np.frombuffer(base64.b64decode(found["values"]), dtype="<u2")
        assert values.tolist() == [65_535] + [0] * 11
        assert client.get("/v1/map/colours", params={"by": "sha256"}).status_code == 422


def test_no_map_is_a_problem_with_a_code() -> None:
    """The page can offer to make one."""
    library = FakeLibrary()
    library.faults["describe"] = MapMissingError("There is no map.")
    with open_client(library) as client:
        answer = client.get("/v1/map")
        assert (answer.status_code, answer.json()["code"]) == (404, "map-missing")


def test_a_map_is_made_by_a_job() -> None:
    """The job hands over method, dimensions and seed; new pages alone are another."""
    library = FakeLibrary()
    with open_client(library) as client:
        wish = {"kind": "map", "method": "umap", "dims": 3, "seed": 4, "colour": 0.5}
        job = client.post("/v1/jobs", json=wish).json()["id"]
        wait_for(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "done")
        assert client.get(f"/v1/jobs/{job}").json()["report"]["dims"] == 3
        job = client.post("/v1/jobs", json={"kind": "map", "new_only": True}).json()["id"]
        wait_for(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "done")
    made = {"method": "umap", "dims": 3, "seed": 4, "sample": None, "colour": 0.5}
    assert [call for call in library.calls if "ma" in call[0] or "new" in call[0]] == [
        ("make_map", {"options": made}),
        ("place_new_pages", {}),
    ]


def test_the_wall_says_how_large_it_is() -> None:
    """Twelve pages in rows of five: three rows, levels until two pages a tile's side; cells by rectangle and one by one."""
    with open_client() as client:
        wall = client.get("/v1/wall", params={"source": "shelf", "columns": 5, "filter": "label=art"}).json()
        assert (wall["columns"], wall["rows"], wall["levels"], wall["tile_px"]) == (5, 3, 3, 256)
        ids = client.get("/v1/map/ids").text.split("\n")
        cells = {"source": "shelf", "columns": 5, "x0": 1, "y0": 1, "x1": 3, "y1": 3}
        assert client.get("/v1/wall/pages", params=cells).json()["page_ids"] == [ids[6], ids[7], ids[11], None]
        one = client.get("/v1/wall/at", params={"columns": 5, "column": 1, "row": 2})
        assert one.json()["page_id"] == ids[11]
        assert client.get("/v1/wall/at", params={"columns": 5, "column": 2, "row": 2}).status_code == 404
        assert client.get("/v1/wall/pages", params=cells | {"x1": 20_000}).status_code == 400


def test_a_tile_that_the_browser_has_is_not_drawn() -> None:
    """The ETag is known before the tile is; a wrong level or place is a 404, a wrong word a 422."""
    library = FakeLibrary()
    with open_client(library) as client:
        answer = client.get("/v1/wall/tiles/map/0/0/0", params={"by": "group"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
        assert [name for name, _ in library.calls].count("draw") == 1
        known = {"If-None-Match": answer.headers["etag"]}
        assert client.get("/v1/wall/tiles/map/0/0/0", headers=known).status_code == 304
        assert [name for name, _ in library.calls].count("draw") == 1
        for wrong in ("map/7/0/0", "map/0/5/0", "map/0/0/5"):
            assert client.get(f"/v1/wall/tiles/{wrong}").status_code == 404
        for wrong in ("elsewhere/0/0/0", "map/-1/0/0", "map/0/0/..%2f..%2fquire.toml", "map/0/0/x"):
            assert client.get(f"/v1/wall/tiles/{wrong}").status_code in (404, 422)


def test_plotly_comes_from_the_wheel() -> None:
    """The script is served from here, needs no key, and is not sent twice."""
    with open_client(api_keys=KEYS) as client:
        answer = client.get("/static/vendor/plotly.min.js")
        assert answer.headers["content-type"].startswith("text/javascript")
        assert b"plotly.js v" in answer.content[:200]
        known = {"If-None-Match": answer.headers["etag"]}
        assert client.get("/static/vendor/plotly.min.js", headers=known).status_code == 304
        assert client.get("/v1/map").status_code == 401
        assert client.get("/v1/map", headers={"X-API-Key": RO_KEY}).status_code == 200
