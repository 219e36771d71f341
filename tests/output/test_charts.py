"""Charts are PNG pictures, whatever the names in them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import UsageError
from indexer.output.charts import Measured, check_chart_name, draw_comparison, save_chart


@pytest.mark.parametrize("kinds", [2, 60])
def test_a_comparison_is_drawn_with_any_names(kinds: int, tmp_path: Path) -> None:
    """Names in other scripts, with formula signs and very long ones; few labels and many; nothing but paper and ink."""
    names = [f"${number} {'a very long name ' * 4}漢字" for number in range(kinds)]
    confusion = np.eye(kinds, dtype=np.int64) * 5
    rows = [Measured("probe_{x}$", 0.9, 0.85, 0.95), Measured("other", 0.5, 0.5, 0.5)]
    png = draw_comparison(rows, names, confusion, [(0.9, 0.8, 10)], title="A $title$", subtitle="100 %")
    save_chart(png, tmp_path / "chart.png")
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("L"))
    assert pixels[:5].min() == 255
    assert (pixels < 128).any()


def test_a_chart_is_written_as_png_only(tmp_path: Path) -> None:
    """Another suffix is refused before anything is written."""
    with pytest.raises(UsageError, match=r"end chart\.jpg in \.png"):
        check_chart_name(tmp_path / "chart.jpg")
    with pytest.raises(UsageError):
        save_chart(b"", tmp_path / "chart.jpg")
    assert list(tmp_path.iterdir()) == []
