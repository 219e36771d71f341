"""`quire finetune --probe`, `evaluate`, `models`, `classify --by label`: alone, and behind a service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from support.command import Quire, serving
from support.library import draw_page, draw_pages
from support.models import TINY_CONVNET, save_tiny_timm


@pytest.fixture(scope="module")
def quire(tmp_path_factory: pytest.TempPathFactory) -> Quire:
    """Forty pages of four labels, and one in the wrong folder."""
    place = tmp_path_factory.mktemp("labels")
    scans = draw_pages(place / "scans", each=10)
    draw_page("left", 99).save(scans / "right" / "p99.png")
    draw_page("top", 500).save(place / "new.png")
    made = Quire(place / "library", QUIRE_USER="tester")
    made.ok("index", scans, "--model", "pixels")
    return made


def test_labels_are_learned_compared_and_told(quire: Quire, tmp_path: Path) -> None:
    """A probe in one command; the comparison with its picture and the sheet of suspects; a new scan gets its label."""
    new = quire.library.parent / "new.png"
    assert "quire finetune --probe" in quire.ok("classify", new, "--by", "label", status=4).err
    fitted = quire.ok("finetune", "--probe")
    assert "left\t" in fitted.out
    assert "on pages it never saw" not in fitted.out
    assert "probe tells 4 values of label" in fitted.err
    assert quire.json("models")["models"][0]["name"] == "probe"
    assert "probe\tprobe\tlabel\t4" in quire.ok("models").out

    picture, sheet = tmp_path / "ways.png", tmp_path / "suspects.html"
    compared = quire.ok("evaluate", "--picture", picture, "--sheet", sheet)
    assert {line.split("\t")[0] for line in compared.out.splitlines()[:3]} == {
        "probe",
        "nearest centroid",
        "nearest pages",
    }
    assert "right/p99.png\t1\tright\tleft" in compared.out
    with Image.open(picture) as drawn:
        assert (drawn.format, drawn.width > 1000) == ("PNG", True)
    assert "right/p99.png" in sheet.read_text(encoding="utf-8")

    told = quire.json("classify", new, "--by", "label")
    assert (told["method"], told["pages"][0]["guess"]["label"]) == ("probe", "top")
    assert "top" in quire.ok("classify", new, "--by", "label", "--with", "neighbours").out
    assert "add --by label" in quire.ok("classify", new, "--with", "centroid", status=2).err
    assert "end ways.gif in .png" in quire.ok("evaluate", "--picture", "ways.gif", status=2).err


def test_a_network_is_fine_tuned_alone_and_behind_a_service(quire: Quire, tmp_path: Path) -> None:
    """The same seed and pages give the same figures; progress is shown as the command's own; options out of place are refused."""
    checkpoint = save_tiny_timm(tmp_path, TINY_CONVNET)
    asked = ("finetune", "--base", f"timm:{TINY_CONVNET}?input_px=32", "--checkpoint", checkpoint)
    quick = ("--head-epochs", "1", "--epochs", "1", "--batch", "8", "--rate", "1e-3")
    alone = quire.ok(*asked, *quick, "--name", "one")
    assert "finetuned:one\t" in alone.out
    assert "training the head at 32 px" in alone.err
    assert "quire reindex --model finetuned:one" in alone.err
    with serving(quire):
        behind = quire.ok(*asked, *quick, "--name", "two", "--json")
        assert "embedding by" in behind.err  # steps that take less than a moment are not all seen
    report = (quire.library / "models" / "one" / "report.json").read_text(encoding="utf-8")
    assert behind.json["quality"] == json.loads(report)["quality"]
    for name in ("one", "two"):
        quire.ok("models", "remove", name)
    assert "--probe takes the stored embeddings" in quire.ok("finetune", "--probe", "--epochs", "3", status=2).err
    assert "can't be trained further" in quire.ok("finetune", status=2).err


def test_a_running_service_learns_and_tells_the_same(quire: Quire) -> None:
    """Each command works while a service holds the library, and answers what it answers alone."""
    new = quire.library.parent / "new.png"
    quire.ok("finetune", "--probe", "--name", "alone")
    alone = quire.json("evaluate")
    told = quire.json("classify", new, "--by", "label", "--with", "alone")
    with serving(quire):
        quire.ok("finetune", "--probe", "--name", "behind")
        assert {one["name"] for one in quire.json("models")["models"]} >= {"alone", "behind"}
        behind = quire.json("evaluate")
        assert [one["quality"] for one in behind["methods"]] == [one["quality"] for one in alone["methods"]]
        assert quire.json("classify", new, "--by", "label", "--with", "alone") == told
        assert quire.json("models", "remove", "behind")["name"] == "behind"
        assert "there is" in quire.ok("classify", new, "--by", "label", "--with", "behind", status=4).err
