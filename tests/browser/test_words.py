"""Words: the box on the Search page and its answers, suggested names, and the absence of both where the model knows no words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import Http
from support.command import Quire, serving
from support.library import draw_pages
from support.reading import write_tesseract
from support.words import CAPTIONS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def live_service(tmp_path_factory: pytest.TempPathFactory, words_model: str) -> Iterator[str]:
    """A `quire serve` on twenty pages of four kinds, with a model that knows words for them."""
    place = tmp_path_factory.mktemp("words")
    quire = Quire(place / "library", QUIRE_USER="tester")
    quire.ok("index", draw_pages(place / "scans"), "--model", words_model)
    quire.ok("cluster", "-k", "4")
    with serving(quire) as service:
        yield service.address


def test_a_description_is_answered_and_stands_in_the_address(page: Page, http: Http) -> None:
    """From the shelf to the pages that show it; another text from there; a filter narrows; Back returns to the shelf."""
    page.goto("/")
    box = page.get_by_role("searchbox", name="Describe a page")
    box.fill(CAPTIONS["top"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"“{CAPTIONS['top']}”")
    found = page.get_by_role("list", name="Pages found").locator("img")
    wanted = http.send("POST", "/search", {"text": CAPTIONS["top"], "limit": 24})["pages"]
    expect(found).to_have_count(len(wanted))
    assert [picture.get_attribute("alt") for picture in found.all()] == [one["page"]["path"] for one in wanted]
    assert "text=dark+ink+at+the+top" in page.url
    box = page.get_by_role("searchbox", name="Describe a page")
    expect(box).to_have_value(CAPTIONS["top"])
    box.fill(CAPTIONS["left"])
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"“{CAPTIONS['left']}”")
    page.locator("summary", has_text="Label").click()
    page.locator(".menu").get_by_role("checkbox", name="right").check()
    expect(found).to_have_count(5)
    page.go_back()
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name="On the shelf")).to_be_visible()


def test_suggested_names_are_offered_and_saved_by_the_reader_alone(page: Page, http: Http) -> None:
    """The words that a cluster looks like stand below its name box; a click fills the box, and Enter names the cluster."""
    page.goto("/clusters")
    page.get_by_role("button", name="Suggest names").click()
    wanted = http.send("POST", "/suggest-names", {})[0]["words"]
    card = page.locator("section.cluster").first
    chips = card.locator(".cluster-like .chip")
    expect(chips).to_have_count(3)
    expect(chips.nth(1)).to_contain_text(wanted[1]["word"])
    chips.nth(1).click()
    box = card.get_by_label("Name of cluster 0")
    expect(box).to_have_value(wanted[1]["word"])
    expect(box).to_be_focused()
    assert http.get("/clusters")[0]["group"] is None
    page.keyboard.press("Enter")
    expect(card.locator(".name-state")).to_be_visible()
    assert http.get("/clusters")[0]["group"] == wanted[1]["word"]
    http.send("POST", "/undo", {})


def test_text_on_pages_is_searched_and_shown_with_the_words_marked(
    page: Page, tmp_path: Path, words_model: str
) -> None:
    """Looks, text or both: the choice is in the address; pages that have the words show them; a model without words offers text alone."""
    write_tesseract(tmp_path / "bin", "cat >/dev/null; echo 'Sonderzug nach Prag'")
    quire = Quire(tmp_path / "library", QUIRE_USER="tester", PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    quire.ok("index", draw_pages(tmp_path / "scans", each=2), "--model", words_model)
    quire.ok("read-text", "--engine", "tesseract", "--filter", "label=left")
    with serving(quire) as service:
        page.goto(f"{service.address}/?text=PRAG")
        found = page.get_by_role("list", name="Pages found").get_by_role("listitem")
        expect(found).to_have_count(8)
        expect(page.get_by_role("heading", name="Pages that show or say it")).to_be_visible()
        expect(found.locator("mark")).to_have_text(["Prag", "Prag"])
        page.get_by_role("group", name="Search in").get_by_text("Text", exact=True).click()
        expect(found).to_have_count(2)
        assert "in=text" in page.url
        expect(page.get_by_role("heading", name="Pages that say it")).to_be_visible()
        found.first.get_by_role("link").click()
        expect(page.get_by_role("dialog").locator("mark")).to_have_text("Prag")
        page.keyboard.press("Escape")
        page.get_by_role("group", name="Search in").get_by_text("Looks", exact=True).click()
        expect(found).to_have_count(8)
        expect(found.locator("mark")).to_have_count(0)
        page.route("**/v1/status", lambda route: route.fulfill(json={**route.fetch().json(), "search_modes": ["text"]}))
        with page.expect_response("**/v1/status"):
            page.goto(f"{service.address}/?text=Prag&in=text")
        expect(page.get_by_role("searchbox", name="Words on a page")).to_have_value("Prag")
        expect(page.get_by_role("group", name="Search in")).to_have_count(0)
        page.goto("about:blank")  # it must not miss the service that ends now


def test_text_is_read_from_the_jobs_page(page: Page, tmp_path: Path) -> None:
    """A reader and its languages are chosen; when the job is done, Search has a box for what stands on pages."""
    write_tesseract(tmp_path / "bin", "cat >/dev/null; echo 'Sonderzug nach Prag'")
    quire = Quire(tmp_path / "library", QUIRE_USER="tester", PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    quire.ok("index", draw_pages(tmp_path / "scans", each=1), "--model", "pixels")
    with serving(quire) as service:
        page.goto(f"{service.address}/jobs")
        expect(page.get_by_label("Languages")).to_be_disabled()
        page.get_by_label("Reader").select_option("Tesseract")
        page.get_by_label("Languages").fill("deu+ces")
        with page.expect_request(lambda one: one.method == "POST") as asked:
            page.get_by_role("button", name="Read text").click()
        assert asked.value.post_data_json == {
            "kind": "read-text",
            "engine": "tesseract",
            "languages": "deu+ces",
            "again": False,
        }
        expect(page.locator(".job").first).to_have_attribute("data-state", "done", timeout=60_000)
        page.goto(f"{service.address}/")
        box = page.get_by_role("searchbox", name="Words on a page")
        box.fill("prag")
        page.keyboard.press("Enter")
        expect(page.get_by_role("list", name="Pages found").locator("mark")).to_have_text(["Prag"] * 4)
        page.goto("about:blank")  # it must not miss the service that ends now


def test_where_the_model_knows_no_words_there_is_no_box(page: Page) -> None:
    """The box is offered by what the status says the library can do."""
    page.route("**/v1/status", lambda route: route.fulfill(json={**route.fetch().json(), "search_modes": []}))
    with page.expect_response("**/v1/status"):
        page.goto("/")
    expect(page.get_by_role("list", name="Pages in shelf order").locator("img").first).to_be_visible()
    expect(page.get_by_role("searchbox", name="Describe a page")).to_have_count(0)
    with page.expect_response("**/v1/status"):
        page.goto("/clusters")
    expect(page.locator("section.cluster")).to_have_count(4)
    expect(page.get_by_role("button", name="Suggest names")).to_have_count(0)
