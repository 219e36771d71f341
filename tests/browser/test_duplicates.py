"""Duplicates: looked for, compared side by side, set apart with the keyboard, and taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from support.browser import Http
from support.command import Quire, serving
from support.sheets import draw_copies

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A `quire serve` on eleven sheets, of which four are one and two are the same file; nobody has looked yet."""
    place = tmp_path_factory.mktemp("duplicates")
    quire = Quire(place / "library", QUIRE_USER="tester")
    quire.ok("index", draw_copies(place / "scans"), "--model", "pixels")
    with serving(quire) as service:
        yield service.address


def test_sets_are_found_compared_and_set_apart(page: Page, http: Http) -> None:
    """From the empty page to two sets; Enter sets one apart and goes on to the next; Undo brings it back; the lightbox opens."""
    page.goto("/duplicates")
    expect(page.locator(".empty-title")).to_have_text("Nobody has looked for duplicates yet.")
    page.get_by_role("button", name="Look for duplicates").click()
    sets = page.locator(".duplicate-set")
    expect(sets).to_have_count(2, timeout=60_000)
    expect(page.locator(".lede")).to_contain_text("6 pages in 2 sets")
    expect(sets.first.locator(".tile")).to_have_count(4)
    expect(sets.last).to_contain_text("The same file, bit by bit")

    apart = sets.first.get_by_role("button", name="Not duplicates")
    apart.focus()
    page.keyboard.press("Enter")
    expect(sets).to_have_count(1)
    expect(sets.get_by_role("button", name="Not duplicates")).to_be_focused()
    assert [one["kind"] for one in http.get("/history")] == ["apart"]
    page.reload()
    expect(sets).to_have_count(1)
    http.send("POST", "/undo", {})
    page.reload()
    expect(sets).to_have_count(2)

    sets.last.get_by_role("button", name="Not duplicates").click()
    expect(sets).to_have_count(1)
    page.get_by_role("region", name="Messages").get_by_role("button", name="Undo").click()
    expect(sets).to_have_count(2)

    sets.first.locator("a.tile").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".lightbox-place")).to_have_text("2 of 4")
