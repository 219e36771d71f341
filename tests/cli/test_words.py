"""`quire search` and `quire cluster --by meaning`: alone, behind a service, and where they can't be answered."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from support.command import Quire, serving
from support.library import draw_pages
from support.meaning import save_word_vectors
from support.reading import write_tesseract
from support.words import CAPTIONS


def test_pages_are_found_by_words_alone_and_behind_a_service(tmp_path: Path, words_model: str) -> None:
    """The table and the JSON name the same pages, whoever holds the library; words need no quotes; filters hold."""
    quire = Quire(tmp_path / "library", QUIRE_USER="tester")
    quire.ok("index", draw_pages(tmp_path / "scans", each=3), "--model", words_model)
    listed = quire.ok("search", *CAPTIONS["top"].split(), "--limit", "4").out.splitlines()
    assert [line.split("\t")[3] for line in listed[:3]] == ["top"] * 3
    assert len(listed) == 4
    quire.ok("cluster", "-k", "4")
    (tmp_path / "words.txt").write_text("\n".join(CAPTIONS.values()), encoding="utf-8")
    told = quire.ok("clusters", "--suggest", "--words", tmp_path / "words.txt").out
    assert all(
        sum(caption in line.split("\t")[-1].split(",")[0] for line in told.splitlines()) == 1
        for caption in CAPTIONS.values()
    )
    assert "--suggest" in quire.ok("clusters", "--words", tmp_path / "words.txt", status=2).err
    with serving(quire):
        like = quire.json("clusters", "--suggest")[0]["looks_like"]
        assert len(like) == 3
        found = quire.json("search", CAPTIONS["top"], "--limit", "4")
        filtered = quire.json("search", CAPTIONS["top"], "--filter", "label=left")
        assert "search  looks" in quire.ok("status").out
    assert [one["page"]["path"] for one in found["pages"]] == [line.split("\t")[1] for line in listed]
    assert {one["page"]["label"] for one in filtered["pages"]} == {"left"}


def test_text_is_read_and_searched_alone_and_behind_a_service(tmp_path: Path) -> None:
    """By a program in Tesseract's place; a page that it fails on is listed, and the exit status says so; the words stand in brackets."""
    marker = tmp_path / "failed"
    read = "echo 'Sonderzug nach Prag'"
    write_tesseract(
        tmp_path / "bin", f"cat >/dev/null; test -e {marker} && {{ {read}; exit 0; }}; touch {marker}; exit 1"
    )
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    quire = Quire(tmp_path / "library", QUIRE_USER="tester", PATH=path)
    quire.ok("index", draw_pages(tmp_path / "scans", each=1), "--model", "pixels")
    assert "quire read-text" in quire.ok("search", "prag", "--in", "text", status=11).err
    wish = ("read-text", "--engine", "tesseract", "--languages", "deu")
    told = quire.ok(*wish, "--filter", "label=top", status=3)
    assert told.out.startswith("0 pages read by tesseract, 0 of them with text; 1 are still to be read.")
    assert "can't read this page" in told.err
    with serving(quire):
        report = quire.json(*wish, "--limit", "3")
        assert (report["read"], report["with_text"], report["waiting"]) == (3, 3, 1)
        found = quire.json("search", "PRAG", "--in", "text")
    assert found["by"] == "text"
    assert len(found["pages"]) == 3
    listed = quire.ok("search", "PRAG")
    assert "knows no words" in listed.err
    assert listed.out.splitlines()[0].endswith("Sonderzug nach [Prag]")
    assert "search  text" in quire.ok("status").out


def test_a_model_without_words_is_told_with_the_way_out(tmp_path: Path) -> None:
    """The exit status is that of models, and the message says what to do."""
    quire = Quire(tmp_path / "library")
    quire.ok("index", draw_pages(tmp_path / "scans", each=1), "--model", "pixels")
    ran = quire.ok("search", "a bird", status=6)
    assert "quire reindex --model open_clip:" in ran.err
    assert ran.out == ""


def test_pages_are_clustered_by_meaning_alone_and_behind_a_service(tmp_path: Path) -> None:
    """Several thresholds are compared, one makes clusters that tell their names; sheets have them too."""
    quire = Quire(tmp_path / "library", QUIRE_USER="tester")
    scans = draw_pages(tmp_path / "scans", each=2)
    (scans / "bottom").rename(scans / "mangelwurzel")
    quire.ok("index", scans, "--model", "pixels")
    words = {"left": [1, 0], "right": [1, 0.2], "top": [0, 1]}
    file = save_word_vectors(tmp_path / "words.txt", {word: np.array([*row, *[0] * 18]) for word, row in words.items()})
    by_meaning = ("cluster", "--by", "meaning", "--word-vectors", file)
    compared = quire.ok(*by_meaning, "--distance-threshold", "0.001,0.43,1.5").out
    assert compared.splitlines() == ["0.001\t4\t1", "0.430\t3\t2", "1.500\t2\t3"]
    ran = quire.ok(*by_meaning)
    assert [line.split("\t")[-1] for line in ran.out.splitlines()] == ["left, right", "mangelwurzel", "top"]
    assert "No word is known of 1 names: mangelwurzel" in ran.err
    with serving(quire):
        again = quire.json(*by_meaning, "--distance-threshold", "1.5")
        assert [one["names"] for one in again["clusters"]] == [["left", "right", "top"], ["mangelwurzel"]]
        assert len(quire.json(*by_meaning, "--distance-threshold", "0.2,0.3")) == 2
    assert "2 contact sheets" in quire.ok("clusters", "--sheets", tmp_path / "sheets").err
    assert "by the meaning of label" in quire.ok("history").out


def test_wishes_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    """Each says what would do; nothing is clustered."""
    quire = Quire(tmp_path / "library")
    quire.ok("index", draw_pages(tmp_path / "scans", each=1), "--model", "pixels")
    for wish, told in (
        ((), "-k 16"),
        (("--by", "sound"), "--by looks"),
        (("-k", "2", "--names", "label"), "--by meaning"),
        (("--by", "meaning", "-k", "2"), "leave -k away"),
        (("--by", "meaning", "--distance-threshold", "near"), "0.3,0.43,0.6"),
    ):
        assert told in quire.ok("cluster", *wish, status=2).err
    assert "--word-vectors FILE" in quire.ok("cluster", "--by", "meaning", status=6).err
    assert quire.json("clusters") == []
