"""Search: bring a scan, see what it is and what it looks like."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, Route, expect
from support.browser import Http, choose_scans

pytestmark = pytest.mark.browser

_GIVE = """
([kind, bytes]) => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(bytes)], "given.jpg", { type: "image/jpeg" }));
  const give = (name, Kind, key) => document.body.dispatchEvent(new Kind(name, { bubbles: true, cancelable: true, [key]: files }));
  if (kind === "paste") return give("paste", ClipboardEvent, "clipboardData");
  give("dragover", DragEvent, "dataTransfer");
  give("drop", DragEvent, "dataTransfer");
}
"""


@pytest.fixture
def named(http: Http) -> Iterator[str]:
    """Cluster 0 has a name while the test runs."""
    entry = http.send("PUT", "/clusters/0/group", {"group": "gathered leaves"})["entry"]
    yield "gathered leaves"
    http.send("POST", "/undo", {"entry": entry})


def test_an_uploaded_scan_is_answered_with_its_group_and_neighbours(page: Page, http: Http, named: str) -> None:
    """A scan of a named cluster shows the name in large, and the same page as its nearest neighbour."""
    page.goto("/")
    scan = http.scan_of(0)
    choose_scans(page, scan)
    expect(page.get_by_role("heading", level=1)).to_have_text(named)
    tiles = page.get_by_role("list", name="Similar pages").get_by_role("link")
    expect(tiles).not_to_have_count(0)
    nearest = http.get("/clusters/0/pages?limit=1")["pages"][0]["page"]
    expect(tiles.first.get_by_role("img")).to_have_attribute("alt", nearest["path"])
    expect(page.get_by_role("img", name="Your scan scan.jpg")).to_be_visible()


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_scan_can_be_dropped_or_pasted_anywhere(page: Page, http: Http, named: str, way: str) -> None:
    """Dropping and pasting on any section look the scan up, as choosing it does."""
    page.goto("/status")
    expect(page.get_by_role("heading", name="Groups")).to_be_visible()
    page.evaluate(_GIVE, [way, list(http.scan_of(0)["buffer"])])
    expect(page.get_by_role("heading", level=1)).to_have_text(named)
    assert urlsplit(page.url).path == "/search"


def test_several_scans_are_answered_one_by_one_and_unreadable_ones_named(page: Page, http: Http) -> None:
    """Two scans and a text file give two answers to choose from and one reason."""
    page.goto("/")
    broken: FilePayload = {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"no picture at all"}
    choose_scans(page, http.scan_of(0, name="first.jpg"), http.scan_of(1, name="second.jpg"), broken)
    expect(page.get_by_role("alert")).to_contain_text("notes.jpg")
    picker = page.get_by_role("group", name="Your scans")
    expect(picker.get_by_role("button")).to_have_count(2)
    picker.get_by_role("button", name="second.jpg").click()
    expect(page.get_by_label("Answer", exact=True)).to_contain_text("cluster 1")
    expect(page.get_by_role("img", name="Your scan second.jpg")).to_be_visible()


def test_a_tiff_that_the_browser_cannot_show_is_answered_all_the_same(page: Page, http: Http, named: str) -> None:
    """The answer for a TIFF has a sheet with its suffix in place of the picture."""
    page.goto("/")
    tiff = io.BytesIO()
    Image.open(io.BytesIO(http.scan_of(0)["buffer"])).save(tiff, "TIFF")
    choose_scans(page, {"name": "scan.tif", "mimeType": "image/tiff", "buffer": tiff.getvalue()})
    expect(page.get_by_role("heading", level=1)).to_have_text(named)
    expect(page.get_by_label("Answer", exact=True).locator(".sheet-icon")).to_contain_text("tif")


def test_a_neighbour_opens_large_and_the_arrow_keys_go_on(page: Page, http: Http) -> None:
    """Enter opens, the arrow keys turn the pages, Escape closes and leaves the focus on the page last seen."""
    page.goto("/")
    choose_scans(page, http.scan_of(0))
    tiles = page.get_by_role("list", name="Similar pages").get_by_role("link")
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    box = page.get_by_role("dialog")
    expect(box).to_contain_text("2 of ")
    page.keyboard.press("ArrowRight")
    expect(box).to_contain_text("3 of ")
    large = box.locator("img.lightbox-large")
    expect(large).to_have_attribute("alt", tiles.nth(2).locator("img").get_attribute("alt") or "-")
    expect(box.locator(".lightbox-sheet.loaded")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(box).to_contain_text("1 of ")
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(tiles.first).to_be_focused()


def test_find_similar_has_an_address_and_back_returns_to_the_scan(page: Page, http: Http) -> None:
    """From the lightbox on to the neighbours of a page of the library, and back to the answer for the scan."""
    page.goto("/")
    choose_scans(page, http.scan_of(0))
    page.get_by_role("list", name="Similar pages").get_by_role("link").first.click()
    page.get_by_role("link", name="Find similar to this").click()
    page_id = parse_qs(urlsplit(page.url).query)["page"][0]
    name = http.get(f"/pages/{page_id}")["path"].rsplit("/", 1)[-1]
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("img", name="Your scan scan.jpg")).to_be_visible()


def test_a_filter_changes_the_neighbours_and_stands_in_the_address(page: Page, http: Http) -> None:
    """A label ticked in the menu leaves only its pages, and the address shows the same to others."""
    labels = http.get("/facets/label")["counts"]
    rare = min(labels, key=lambda label: int(labels[label]))
    first = http.get("/pages?limit=1")["pages"][0]["page_id"]
    page.goto(f"/search?page={first}")
    page.locator("summary", has_text="Label").click()
    page.locator(".menu").get_by_role("checkbox", name=rare).check()
    page.wait_for_url("**filter=label*")
    wanted = [one["page"]["path"] for one in http.get(f"/pages/{first}/similar?limit=24&filter=label={rare}")["pages"]]
    pictures = page.get_by_role("list", name="Similar pages").locator("img")
    expect(pictures).to_have_count(len(wanted))
    page.reload()
    expect(pictures).to_have_count(len(wanted))
    assert [picture.get_attribute("alt") for picture in pictures.all()] == wanted
    page.get_by_role("button", name=f"Take the filter label={rare} away").click()
    page.wait_for_url(lambda url: "filter" not in url)


def test_the_shelf_shows_all_pages_in_order(page: Page, http: Http) -> None:
    """Without a scan, the pages stand in shelf order; those after the first come when scrolled to."""
    listed = http.get("/pages?limit=150")
    paths = [one["path"] for one in listed["pages"]]
    page.goto("/")
    expect(page.get_by_text(f"{listed['total']} pages", exact=True)).to_be_visible()
    pictures = page.get_by_role("list", name="Pages in shelf order").locator("img")
    expect(pictures.first).to_be_attached()
    while pictures.count() < len(paths):
        before = pictures.count()
        page.get_by_role("button", name="More pages").scroll_into_view_if_needed()
        expect(pictures).not_to_have_count(before)
    assert [picture.get_attribute("alt") for picture in pictures.all()][: len(paths)] == paths


def test_a_filter_that_cannot_be_read_is_explained(page: Page, console_errors: list[str]) -> None:
    """The service's own words say what is wrong with an expression; nothing breaks."""
    page.goto("/search?filter=colour%3Dred")
    expect(page.get_by_role("alert")).to_contain_text("colour")
    assert all("400" in error for error in console_errors)
    console_errors.clear()


def test_a_page_that_is_gone_says_so(page: Page, console_errors: list[str]) -> None:
    """An old address leads to an explanation and a way on."""
    page.goto("/search?page=00000000-0000-5000-8000-000000000000")
    expect(page.get_by_role("heading", level=1)).to_have_text("No such page")
    expect(page.get_by_role("link", name="To the shelf")).to_be_visible()
    assert all("404" in error for error in console_errors)
    console_errors.clear()


def test_the_key_is_asked_for_once_and_sent_with_every_call(page: Page, console_errors: list[str]) -> None:
    """When the service wants an API key, one dialog asks for it, and pictures come with it too."""
    refused: list[str] = []

    def gate(route: Route) -> None:
        if route.request.headers.get("x-api-key") == "right":
            route.continue_()
            return
        refused.append(route.request.url)
        route.fulfill(
            status=401, content_type="application/problem+json", body='{"title": "Unauthorized", "code": "key-missing"}'
        )

    page.route("**/v1/**", gate)
    page.goto("/")
    page.get_by_label("Key", exact=True).fill("right")
    page.keyboard.press("Enter")
    picture = page.get_by_role("list", name="Pages in shelf order").locator("img").first
    expect(picture).to_have_attribute("src", re.compile("^blob:"))
    assert picture.evaluate("async (img) => { await img.decode(); return img.naturalWidth; }") > 0
    assert refused
    assert all("401" in error for error in console_errors)
    console_errors.clear()
