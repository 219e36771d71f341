"""What fine-tuning leaves to look at: `report.json`, `report.html`, and its pictures beside them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from indexer.library.learning_results import FinetuneReport, LabelQuality
from indexer.library.learning_store import REPORT_FILE, save_json
from indexer.output.charts import Measured, save_chart
from indexer.output.contact_sheet import Tile, draw_contact_sheet
from indexer.output.report_html import ReportPicture, ReportTable, render_report_html, save_report_html
from indexer.output.training_charts import EpochPoint, RateTest, draw_quality, draw_training
from indexer.sources import decode_bytes

if TYPE_CHECKING:
    from indexer.library.core import Library

HTML_FILE = "report.html"
PictureName = Literal["training", "quality", "mistakes"]
_TITLES: Mapping[PictureName, str] = {
    "quality": "On pages that it never saw",
    "mistakes": "The worst mistakes: its label → what was told",
    "training": "Training",
}
_NAMES = {"head": "head", "all": "all layers"}


def write_report(library: Library, place: Path, report: FinetuneReport) -> None:
    """Write everything into the model's folder."""
    pictures = draw_pictures(library, report)
    for name, png in pictures.items():
        save_chart(png, place / f"{name}.png")
    save_report_html(_render(report, pictures), place / HTML_FILE)
    save_json(place / REPORT_FILE, asdict(report))


def draw_pictures(library: Library, report: FinetuneReport) -> dict[PictureName, bytes]:
    """The pictures as PNG, in the order of the report; no mistakes, no picture of them."""
    made: dict[PictureName, bytes] = {"quality": _draw_quality(report)}
    if report.mistakes:
        made["mistakes"] = _draw_mistakes(library, report)
    made["training"] = _draw_training(report)
    return made


def _draw_quality(report: FinetuneReport) -> bytes:
    quality, model = report.quality, report.model
    ways = [
        (model.name, quality),
        ("probe on the base" if report.probe_embedder == report.base else "probe", report.probe),
    ]
    return draw_quality(
        [Measured(name, one.accuracy, *one.accuracy_interval) for name, one in ways],
        model.labels,
        np.array(quality.confusion, dtype=np.int64),
        [(one.confidence, one.accuracy, one.pages) for one in quality.bins],
        title=f"{model.name} on pages that it never saw",
        subtitle=f"{model.test_pages:,} pages · held out by {report.split.by} · calibration error {quality.calibration_error:.3f}",
    )


def _draw_training(report: FinetuneReport) -> bytes:
    epochs = [
        EpochPoint(
            f"{_NAMES[one.kind]}, {one.side_px} px", one.train_loss, one.validation_loss, one.validation_accuracy
        )
        for one in report.history
    ]
    tests = [RateTest(_NAMES[kind], test.rates, test.losses, test.chosen) for kind, test in report.range_tests.items()]
    recipe = report.recipe
    return draw_training(
        epochs,
        report.best,
        tests,
        title=f"Training {report.model.name}",
        subtitle=f"from {report.base} · batch {recipe.batch} · seed {recipe.seed} · {report.device}, {report.precision}",
    )


def _draw_mistakes(library: Library, report: FinetuneReport) -> bytes:
    tiles = []
    for mistake in report.mistakes:
        data = library.thumbnails.load(mistake.page.page_id)
        picture = decode_bytes(data, name=mistake.page.path, max_side_px=320)[0].picture if data else None
        note = f"{mistake.label} → {mistake.told} {mistake.probability:.2f}"
        tiles.append(Tile(picture.pixels if picture else None, mistake.page.path, note))
    subtitle = (
        f"{len(tiles)} of {report.mistakes_in_all} wrong of {report.model.test_pages} test pages, the surest first"
    )
    sheet = draw_contact_sheet(tiles, title="The worst mistakes", subtitle=subtitle)
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def _render(report: FinetuneReport, pictures: Mapping[PictureName, bytes]) -> str:
    quality, split = report.quality, report.split
    low, high = report.gain_interval
    rare = [f"{label} ({pages} pages) is too rare to be learned." for label, pages in split.left_out.items()]
    recipe = [(name.replace("_", " "), _text(value)) for name, value in asdict(report.recipe).items()]
    return render_report_html(
        title=report.model.name,
        subtitle=f"{report.model.label} learned by {report.base} · {report.model.made}",
        figures=[
            ("accuracy", f"{quality.accuracy:.3f}", _interval(quality)),
            ("macro F1", f"{quality.macro_f1:.3f}", ""),
            ("above the probe", f"{report.gain:+.3f}", f"{low:+.3f} to {high:+.3f}"),
            ("NMI of clusters", f"{report.nmi:.3f}", f"before: {report.base_nmi:.3f}"),
            ("calibration error", f"{quality.calibration_error:.3f}", f"temperature {report.temperature:.2f}"),
        ],
        pictures=[ReportPicture(_TITLES[name], png) for name, png in pictures.items()],
        tables=[
            ReportTable(
                "Labels",
                ("label", "pages", "precision", "recall", "F1"),
                [
                    (one.label, str(one.pages), f"{one.precision:.3f}", f"{one.recall:.3f}", f"{one.f1:.3f}")
                    for one in quality.labels
                ],
            ),
            ReportTable(
                "Pages",
                ("part", "pages"),
                [
                    ("learned from", str(split.train)),
                    ("chosen by", str(split.validation)),
                    ("judged by", str(split.test)),
                ],
            ),
            ReportTable("Recipe", ("choice", "value"), recipe),
        ],
        notes=[f"Pages were held out by {split.by}, in {split.groups} groups.", *split.notes, *rare],
    )


def _interval(quality: LabelQuality) -> str:
    low, high = quality.accuracy_interval
    return f"{low:.3f} to {high:.3f}"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "the base's own"
    return "by range test" if value is None else str(value)
