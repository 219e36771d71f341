"""For everyone: structure, names, contrast, focus, and no sideways scrolling, on every section in light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from support.browser import Http

pytestmark = pytest.mark.browser

_SECTIONS = {
    "/search": ".tile img",
    "/clusters": ".tile img",
    "/clusters?cluster=0": ".tile img",
    "/labels": ".empty",
    "/documents": ".stream",
    "/documents?stream=scans%2Fleft": ".desk-left .desk-sheet",
    "/map": ".map-legend li",
    "/wall": ".wall-desk canvas",
    "/duplicates": ".empty",
    "/quality": ".empty, .rescan",
    "/balance": ".cross",
    "/jobs": ".job, .empty",
    "/status": ".bars",
}

_NAMELESS = """
() => {
  const kinds = "input:not([type=hidden]), select, textarea, button, a[href], summary, dialog, nav, [role=region]";
  const isNamed = (element) =>
    [element.getAttribute("aria-label"), element.labels?.[0]?.textContent, element.textContent].some((name) => name?.trim()) ||
    document.getElementById(element.getAttribute("aria-labelledby"))?.textContent.trim() ||
    element.querySelector("img[alt]:not([alt=''])");
  const faults = [...document.querySelectorAll(kinds)].filter((element) => !element.hidden && !isNamed(element));
  return faults.map((element) => element.outerHTML.slice(0, 120));
}
"""
_FAINT = """
() => {
  const parse = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const backgroundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || element.closest("noscript, :disabled")) continue;
    const [a, b] = [luminance(parse(getComputedStyle(element).color)), luminance(backgroundOf(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${element.className || element.tagName}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(faint)];
}
"""
_DOUBLED = """
() => {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  return ids.filter((id, i) => ids.indexOf(id) !== i);
}
"""


@pytest.fixture(autouse=True)
def _mapped(http: Http) -> None:
    """Map and wall are to be seen."""
    http.make_map(dims=2)


def test_no_section_is_left_out(page: Page) -> None:
    """Whatever the navigation leads to is looked at here."""
    _open(page, "/status")
    links = page.get_by_role("navigation").get_by_role("link").all()
    addresses = {link.get_attribute("href") for link in links}
    assert addresses <= _SECTIONS.keys()


def _open(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(_SECTIONS[address]).first).to_be_visible()


@pytest.mark.parametrize("address", _SECTIONS)
def test_each_section_has_one_heading_landmarks_and_names(page: Page, address: str) -> None:
    """One h1; banner, navigation and main; all pictures with alt, all controls with names, no id twice."""
    _open(page, address)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    for landmark in ("banner", "navigation", "main"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    assert page.locator("img:not([alt])").count() == 0
    assert page.evaluate(_NAMELESS) == []
    assert page.evaluate(_DOUBLED) == []
    assert page.locator("nav [aria-current=page]").count() == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("address", _SECTIONS)
def test_all_text_stands_out_from_its_ground(page: Page, address: str, theme: str) -> None:
    """Every visible text has a contrast of at least 4.5 : 1 (WCAG 2.2, 1.4.3) in light and in dark."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    _open(page, address)
    assert page.locator("html").get_attribute("data-theme") == theme
    assert page.evaluate(_FAINT) == []


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (820, 1180), (390, 844)])
def test_nothing_scrolls_sideways(page: Page, width: int, height: int) -> None:
    """Desk, tablet and phone show every section within their width."""
    page.set_viewport_size({"width": width, "height": height})
    for address in _SECTIONS:
        _open(page, address)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, (
            address
        )


def test_the_choice_of_light_or_dark_is_kept(page: Page) -> None:
    """The button turns light to dark, also after a reload."""
    page.emulate_media(color_scheme="light")
    _open(page, "/status")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_first_tab_skips_to_the_content_and_focus_is_seen(page: Page) -> None:
    """Tab shows the skip link first, and every stop after it has an outline."""
    _open(page, "/status")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    for _ in range(5):
        page.keyboard.press("Tab")
        assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    skip.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_sections_are_reached_by_links_without_loading_the_page_anew(page: Page) -> None:
    """Going through the navigation keeps the document; Back and Forward work."""
    page.goto("/")
    page.evaluate("window.kept = true")
    for name, heading in (("Clusters", "Clusters"), ("Jobs", "Jobs"), ("Search", "What is this page?")):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    assert page.title() == "Jobs · Quire"
    assert page.evaluate("window.kept") is True
