"""The five original experiments run small, each by its one command, and print their table beside the original's figures."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("QUIRE_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
PICTURES = {
    "sketchbooks": ("sketchbooks-quality.png", "sketchbooks-training.png", "sketchbooks-map.png"),
    "sketches": ("sketches-quality.png", "sketches-training.png"),
    "digits": ("digits-tsne.png", "digits-umap.png"),
    "archive": ("archive.xlsx",),
    "wall": ("wall.jpg",),
}
ORIGINAL = {"sketches": "85 of 250", "digits": "about 3 ×", "archive": "50, by hand", "wall": "100,000"}

pytestmark = pytest.mark.data


@pytest.mark.parametrize("name", PICTURES)
def test_it_runs_from_one_command(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Markdown table with what is here and what was there, what differs, the figures as JSON, and the pictures."""
    monkeypatch.setenv("QUIRE_TEST_DATA", str(DATA))
    monkeypatch.setattr(sys, "path", [*sys.path, str(REPOSITORY)])
    importlib.import_module("benchmarks.experiments.__main__").main([name, "--small", "--out", str(tmp_path)])
    told = capsys.readouterr().out
    assert "| here | original |" in told
    assert "Differs: " in told
    assert ORIGINAL.get(name, "") in told
    figures = json.loads((tmp_path / f"{name}.json").read_text())
    assert len(figures["rows"]) >= 4
    assert figures["differs"]
    assert all((tmp_path / picture).stat().st_size > 1000 for picture in PICTURES[name])


def test_every_experiment_is_tried() -> None:
    """Those that can be named are those tried here."""
    sys.path.append(str(REPOSITORY))
    try:
        assert set(importlib.import_module("benchmarks.experiments.__main__").NAMES) == set(PICTURES)
    finally:
        sys.path.remove(str(REPOSITORY))
