"""Answers about labels as pictures."""

from __future__ import annotations

import numpy as np

from indexer.library.learning_results import Evaluation
from indexer.output.charts import Measured, draw_comparison


def draw_evaluation(found: Evaluation, *, name: str) -> bytes:
    """PNG of an evaluation of the library called `name`: all ways with their intervals; confusion and calibration of the best."""
    best = found.methods[0].quality
    how = "test pages of the split" if found.held_out == "test" else "cross-validation"
    together = f"kept together by {found.split.by}, {found.split.groups:,} groups"
    return draw_comparison(
        [Measured(one.method, one.quality.accuracy, *one.quality.accuracy_interval) for one in found.methods],
        found.labels,
        np.array(best.confusion, dtype=np.int64),
        [(one.confidence, one.accuracy, one.pages) for one in best.bins],
        title=f"How well the {found.label.rpartition('.')[2]} of pages is told: {name}",
        subtitle=f"{found.pages:,} pages by {how} · {together} · seed {found.split.seed}",
    )
