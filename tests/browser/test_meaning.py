"""Clusters by meaning: made on the Clusters page, each with the names whose pages it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from support.command import Quire, serving
from support.library import draw_pages
from support.meaning import save_word_vectors

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def words_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Word vectors by which the sides are near each other, and so are top and bottom."""
    words = {"left": [1, 0], "right": [1, 0.2], "top": [0, 1], "bottom": [0.1, 1]}
    file = tmp_path_factory.mktemp("vectors") / "words.txt"
    return save_word_vectors(file, {word: np.array([*row, *[0] * 18]) for word, row in words.items()})


@pytest.fixture(scope="module")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A `quire serve` on eight pages of four kinds, not clustered."""
    place = tmp_path_factory.mktemp("meaning")
    quire = Quire(place / "library", QUIRE_USER="tester")
    quire.ok("index", draw_pages(place / "scans", each=2), "--model", "pixels")
    with serving(quire) as service:
        yield service.address


def test_pages_are_clustered_by_their_labels(page: Page, words_file: Path) -> None:
    """The form asks for a file as the model knows no words; the cards tell the names; then by looks again, without."""
    page.goto("/clusters")
    panel = page.locator(".panel", has_text="Cluster anew")
    panel.get_by_text("By meaning", exact=True).click()
    expect(panel.get_by_label("Clusters (k)")).to_be_hidden()
    panel.get_by_role("button", name="Cluster", exact=True).click()
    box = panel.get_by_label("File of word vectors")
    expect(box).to_be_focused()  # it is required
    box.fill(str(words_file))
    panel.get_by_role("button", name="Cluster", exact=True).click()
    cards = page.locator("section.cluster")
    expect(cards).to_have_count(2, timeout=60_000)
    names = page.locator(".cluster-names")
    expect(names).to_have_text(["bottom · top", "left · right"])
    cards.first.get_by_role("link", name="All 4 pages").click()
    expect(names).to_have_text(["bottom · top"])
    page.goto("/clusters")
    panel.locator("summary").click()
    panel.get_by_label("Clusters (k)").fill("4")
    panel.get_by_role("button", name="Cluster", exact=True).click()
    expect(cards).to_have_count(4, timeout=60_000)
    expect(names).to_have_count(0)
