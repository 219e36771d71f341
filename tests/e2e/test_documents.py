"""Documents on real streams with the installed command: propose, review, compare, hand over, with and without a service."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pikepdf
import pytest
from support.command import Quire, serving

from indexer.cli.exits import EXIT_STATUSES

pytestmark = pytest.mark.data

DATA = Path(os.environ.get("QUIRE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
LIMITS = {"QUIRE_USER": "ann", "OMP_NUM_THREADS": "2"}
STREAMS = {"government": 35, "sketchnotes": 26}
ONE = "boxes/sketchnotes"


@pytest.fixture
def quire(tmp_path: Path) -> Quire:
    """The command on two real streams, each laid flat in its catalogue's order under names that give nothing away."""
    with (DATA / "streams" / "truth.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["stream"] in STREAMS]
    assert len(rows) == sum(STREAMS.values()), f"The real pages are not at {DATA}; set QUIRE_TEST_DATA."
    with (tmp_path / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", "document", "box"])
        for number, row in enumerate(rows, start=1):
            target = tmp_path / "boxes" / row["stream"] / f"s{number:03}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(DATA / row["path"], target)
            table.writerow([f"{row['stream']}/{target.name}", row["document"], row["stream"]])
    quire = Quire(tmp_path / "library", **LIMITS)
    quire.ok("index", tmp_path / "boxes", "--model", "pixels", "--views", "head,foot")
    return quire


def test_from_the_box_to_the_manifests(quire: Quire, tmp_path: Path) -> None:
    """All that a person does, each step by a command of its own; decisions are there in the next."""
    streams = quire.json("documents")
    assert {one["stream"]: one["pages"] for one in streams} == {f"boxes/{name}": n for name, n in STREAMS.items()}
    assert all(one["documents"] > 0 for one in streams)
    proposal = quire.json("documents", "list", "-s", ONE)
    listed = quire.ok("documents", "list", "-s", ONE).out.splitlines()
    assert len(listed) == len(proposal["documents"])
    doubtful = quire.ok("documents", "list", "-s", ONE, "--breaks").out.splitlines()[0].split("\t")
    place = proposal["review_order"][0]
    assert doubtful[0] == proposal["breaks"][place]["after"]

    opposite = "--join" if proposal["breaks"][place]["is_break"] else "--break"
    said = quire.ok("documents", "decide", "--after", doubtful[0], opposite, "--who", "ann").out
    assert "doubtful breaks remain" in said
    after = quire.json("documents", "list", "-s", ONE)["breaks"][place]
    assert (after["decided"], after["who"]) == (opposite.removeprefix("--"), "ann")
    assert "cut at 1" in quire.ok("history").out or "joined at 1" in quire.ok("history").out
    quire.ok("undo")
    assert quire.json("documents", "list", "-s", ONE)["breaks"][place]["decided"] is None

    (known,) = quire.json("documents", "-s", ONE, "--known-count", "2")
    assert known["documents"] == 2
    assert "0 doubtful" in quire.ok("documents", "accept", "-s", ONE).out

    sheet = tmp_path / "side-by-side.xlsx"
    table = quire.ok(
        "documents", "compare", tmp_path / "truth.csv", "--stream-column", "box", "--spreadsheet", sheet
    ).out.splitlines()
    assert len(table) == (len(STREAMS) + 1) * 5
    settings = [line.split("\t")[1] for line in table[:5]]
    assert settings == ["01-threshold", "02-proposed", "03-known-count", "04-decided", "real"]
    assert sheet.read_bytes().startswith(b"PK")

    out = tmp_path / "out"
    report = quire.json("documents", "export", out, "-s", ONE, "--base-url", "https://scans.example")
    assert (report["documents"], report["pdfs"], report["manifests"]) == (2, 2, 2)
    with (out / "documents.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with pikepdf.open(out / rows[0]["pdf"]) as document:
        scan = (tmp_path / "boxes" / rows[0]["first_file"]).read_bytes()
        assert document.pages[0].Resources.XObject.Scan.read_raw_bytes() == scan
        assert len(document.pages) == int(rows[0]["pages"])
    manifest = json.loads((out / rows[0]["manifest"]).read_text(encoding="utf-8"))
    assert manifest["type"] == "Manifest"
    similar = quire.ok("documents", "similar", rows[0]["document"]).out.splitlines()
    assert similar[0].split("\t")[1] != rows[0]["document"]


def test_the_same_while_a_service_holds_the_library(quire: Quire, tmp_path: Path) -> None:
    """Every command answers through the service as it does without it."""
    quire.ok("documents")
    alone = quire.json("documents", "list", "-s", ONE)
    compared = quire.json("documents", "compare", tmp_path / "truth.csv")
    quire.ok("documents", "export", tmp_path / "alone", "--base-url", "http://h")
    with serving(quire):
        assert {one["stream"] for one in quire.json("documents")} == {f"boxes/{name}" for name in STREAMS}
        assert quire.json("documents", "list", "-s", ONE) == alone
        assert quire.json("documents", "compare", tmp_path / "truth.csv") == compared
        quire.ok("documents", "export", tmp_path / "through", "--base-url", "http://h")
        page_id = alone["breaks"][3]["after"]
        decided = quire.json("documents", "decide", "--after", page_id, "--break")
        assert decided["breaks"][3]["decided"] == "break"
        assert quire.json("documents", "-s", ONE, "--known-count", "4")[0]["documents"] == 4
        assert quire.json("documents", "accept", "-s", ONE)["doubtful"] == 0
        assert quire.json("documents", "similar", page_id, "--limit", "1")[0]["pages"] >= 1
    names = sorted(path.relative_to(tmp_path / "alone") for path in (tmp_path / "alone").rglob("*.*"))
    assert names == sorted(path.relative_to(tmp_path / "through") for path in (tmp_path / "through").rglob("*.*"))
    for name in names:
        if name.suffix != ".pdf":
            assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "through" / name).read_bytes()
    assert quire.json("documents", "list", "-s", ONE)["breaks"][3]["decided"] == "break"


def test_wrong_words_are_refused(quire: Quire, tmp_path: Path) -> None:
    """With the exit status of their kind, before anything is written."""
    usage, missing = EXIT_STATUSES["usage"], EXIT_STATUSES["not-found"]
    quire.ok("documents", "--known-count", "3", status=usage)
    quire.ok("documents", "--by", "colour", status=usage)
    quire.ok("documents", "list", "-s", "nowhere", status=missing)
    quire.ok("documents", "decide", "--after", "x", status=usage)
    quire.ok("documents", "decide", "--after", "x", "--break", status=EXIT_STATUSES["page-missing"])
    truth = tmp_path / "truth.csv"
    quire.ok("documents", "compare", truth, "--spreadsheet", tmp_path / "sheet.ods", status=usage)
    quire.ok("documents", "compare", tmp_path / "none.csv", status=usage)
