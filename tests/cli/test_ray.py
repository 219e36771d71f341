"""One command on a Ray cluster makes the library that it makes alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from support.command import Quire
from support.comparing import Near
from support.library import draw_pages, settings_in

from indexer.library import Library


def points(place: Path) -> dict[str, tuple[object, dict[str, Near]]]:
    """Every page's payload and vectors by id."""
    with Library.open(settings_in(place, model=None)) as library:
        assert library.check(deep=True).findings == []
        return {
            page_id: (dict(payload), {name: Near(matrix[row]) for name, matrix in batch.vectors.items()})
            for batch in library.collection.scroll(vectors=("page", "head", "foot", "colour"))
            for row, (page_id, payload) in enumerate(zip(batch.ids, batch.payloads, strict=True))
        }


@pytest.mark.timeout(600)
def test_ray_on_this_machine_makes_the_same_library(tmp_path: Path) -> None:
    """Point by point, with the same files left out; and an index of what is new later, by Ray or not, agrees on what is there."""
    scans = draw_pages(tmp_path / "scans", each=6)
    (scans / "left/broken.png").write_bytes(b"no picture")
    pages = [Image.new("L", (60, 80), shade) for shade in (20, 120, 220)]
    pages[0].save(scans / "top/three.tiff", save_all=True, append_images=pages[1:])
    how = ("--model", "pixels", "--views", "head,foot,colour", "--label-from", "1")
    alone, spread = Quire(tmp_path / "alone"), Quire(tmp_path / "spread")
    here = alone.json("index", scans, *how, status=3)
    there = spread.json("index", scans, *how, "--ray", "local", status=3)
    assert (there["added"], there["pages"]) == (here["added"], here["pages"]) == (27, 27)
    assert there["skipped"] == here["skipped"]
    assert points(tmp_path / "spread") == points(tmp_path / "alone")
    assert spread.json("index", status=3)["unchanged"] == 27


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With what to do, and nothing is written."""
    quire = Quire(tmp_path / "library")
    ran = quire("index", draw_pages(tmp_path / "scans", each=1), "--model", "pixels", "--ray", "127.0.0.1:1")
    assert ran.status == 14
    assert "127.0.0.1:1" in ran.err
    assert "ray start --head" in ran.err
    assert quire.json("status")["pages"] == 0
