"""`--blur-mix`, `--weights` and `--colour` on the command line, alone and through a service."""

from __future__ import annotations

from pathlib import Path

from support.command import Quire, serving
from support.library import draw_pages


def test_a_mix_is_made_shown_and_asked_with_colours(tmp_path: Path) -> None:
    """`quire status` tells it; `similar --colour` answers; numbers that can't be are refused in words."""
    quire = Quire(tmp_path / "library", QUIRE_USER="tester")
    scans = draw_pages(tmp_path / "scans", each=3)
    assert "0,x" in quire.ok("index", scans, "--model", "pixels", "--blur-mix", "0,x", status=2).err
    quire.ok("index", scans, "--model", "pixels", "--blur-mix", "0,4,16", "--weights", "2,1,1", "--views", "colour")
    assert "0:0.5,4:0.25,16:0.25" in quire.ok("status").out
    scan = scans / "left/p1.png"
    plain = quire.json("similar", scan, "--limit", "2")["pages"][0]["pages"]
    weighed = quire.json("similar", scan, "--limit", "2", "--colour", "0.4")["pages"][0]["pages"]
    assert plain[0]["page"]["path"] == weighed[0]["page"]["path"] == "left/p1.png"
    with serving(quire):
        assert quire.json("similar", scan, "--limit", "2", "--colour", "0.4")["pages"][0]["pages"] == weighed
        quire.ok("reindex", "--blur-mix", "0,8")
        assert quire.json("status")["model"]["blur_mix"] == "0:0.5,8:0.5"
        quire.ok("map", "--method", "pca", "--colour", "0.5")
    assert "colours weighed 0.5" in _subtitle(quire, tmp_path)


def _subtitle(quire: Quire, place: Path) -> str:
    quire.ok("map", "--html", place / "map.html")
    return (place / "map.html").read_text(encoding="utf-8")
