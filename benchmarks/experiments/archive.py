"""The archive: fifty single pages put back into documents, two settings beside the true ones in a spreadsheet."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

from benchmarks.experiments.common import Outcome
from benchmarks.models import MOBILENET, find_mobilenet
from benchmarks.report import find_data
from indexer.library import Library
from indexer.library.document_compare import save_comparison
from indexer.library.results import TruthRow
from indexer.settings import load_settings

PAGES = 50


def run(folder: Path, out: Path, *, small: bool) -> Outcome:
    """The first fifty typed pages of the `ehri` stream as one box, and how well each setting finds their documents."""
    count = 20 if small else PAGES
    truth = _lay_out(folder / "box", count)
    with Library.open(load_settings(library=folder / "library"), create=True) as library:
        model, checkpoint = ("classic", None) if small else (MOBILENET, find_mobilenet())
        library.index([folder / "box"], model=model, checkpoint=checkpoint, views=["head", "foot"])
        library.documents.propose_all()
        found = library.documents.compare(truth, settings=("threshold", "proposed", "known-count", "one-document"))
        save_comparison(found, out / "archive.xlsx")
    rows = [
        (
            setting.setting,
            f"{setting.documents} documents, PQ {setting.pq:.2f}, page-break F1 {setting.page_f1:.2f}, MNDD {setting.mndd}",
            "–",
        )
        for setting in found.all.settings
    ]
    return Outcome(
        "The archive: single pages back into documents",
        [
            ("pages", f"{count}, of {found.all.documents} documents", "50, by hand"),
            *rows,
            ("spreadsheet", "archive.xlsx: 01-…, 02-…, real, with bands", "01-groups, 02-groups, real"),
        ],
        [
            "the Hall-Hoag pages can't be had here: typed papers of the EHRI edition stand for them",
            "the settings compared are Quire's; the original's two are not published in figures",
        ],
    )


def _lay_out(box: Path, count: int) -> list[TruthRow]:
    """The pages in catalogue order under plain numbers, so that names give nothing away."""
    streams = find_data() / "streams"
    with (streams / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["stream"] == "ehri"][:count]
    box.mkdir(parents=True)
    truth = []
    for number, row in enumerate(rows, start=1):
        source = next(path for path in (streams / row["path"], find_data() / row["path"]) if path.exists())
        shutil.copyfile(source, box / f"p{number:03}{source.suffix}")
        truth.append(TruthRow(f"p{number:03}{source.suffix}", row["document"]))
    return truth
