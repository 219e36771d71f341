"""Looks of real pages tell their documents apart better than chance, and corrections help."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.analysis.documents import (
    BREAK,
    JOIN,
    StreamPages,
    cut_at_mean_length,
    find_breaks,
    measure_grouping,
    measure_looks,
    prepare_stream,
    propose_documents,
)

DATA = Path(os.environ.get("QUIRE_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))


@pytest.mark.data
def test_typed_papers_are_grouped_by_their_looks_alone() -> None:
    """On the 115 typed pages of `ehri`, looks beat documents of the mean length, and twenty corrections beat none."""
    with (DATA / "streams" / "truth.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["stream"] == "ehri"]
    looks = []
    for row in rows:
        with Image.open(DATA / row["path"]) as picture:
            looks.append(measure_looks(np.asarray(picture.convert("RGB")), picture.width, picture.height))
    true = find_breaks(np.array([row["document"] for row in rows]))
    stream = prepare_stream(StreamPages(None, looks=np.stack(looks)))
    proposal = propose_documents(stream)
    alone = measure_grouping(true, proposal.breaks)
    by_length = measure_grouping(true, cut_at_mean_length(len(rows), len(rows) / (true.sum() + 1)))
    decisions = np.zeros(len(true), dtype=np.int8)
    for _ in range(20):
        place = proposal.review_order[0]
        decisions[place] = BREAK if true[place] else JOIN
        proposal = propose_documents(stream, decisions=decisions)
    assert alone.pq > by_length.pq + 0.2
    assert measure_grouping(true, proposal.breaks).pq > alone.pq
