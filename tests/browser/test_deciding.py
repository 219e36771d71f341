"""Deciding in the browser: pages moved by hand, scans to make again, questions about names, and taking it all back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import Http
from support.command import Quire, serving
from support.library import draw_pages
from support.rescans import draw_box, draw_text

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pages of four kinds, and a box of five scans, three of them faulty."""
    return draw_pages(draw_box(tmp_path_factory.mktemp("deciding") / "scans"), each=5)


@pytest.fixture(scope="module")
def live_service(scans: Path) -> Iterator[str]:
    """A service on these pages, in four clusters, of which each has a name; then in two, so that there are questions."""
    quire = Quire(scans.parent / "library", QUIRE_USER="tester")
    quire.ok("index", scans, "--model", "pixels")
    quire.ok("cluster", "-k", "4")
    for cluster in range(4):
        quire.ok("name", cluster, f"group-{cluster}")
    quire.ok("cluster", "-k", "2")
    with serving(quire) as service:
        yield service.address


def _group(http: Http, path: str) -> str | None:
    group: str | None = http.get(f"/pages?filter=path={path}")["pages"][0]["group"]
    return group


def test_pages_are_chosen_by_keyboard_and_moved_by_hand(page: Page, http: Http) -> None:
    """Space chooses, Shift and the pointer choose a stretch; one name moves them as one decision, and Undo takes it back."""
    paths = [one["path"] for one in http.get("/pages?limit=3")["pages"]]
    before = [_group(http, path) for path in paths]
    page.goto("/search")
    grid = page.get_by_role("list", name="Pages in shelf order")
    grid.get_by_role("link").first.focus()
    page.keyboard.press("Space")
    bar = page.get_by_role("form", name="Chosen pages")
    expect(bar).to_contain_text("1 page chosen")
    grid.locator("li").nth(2).get_by_role("checkbox").click(modifiers=["Shift"], force=True)
    expect(bar).to_contain_text("3 pages chosen")
    bar.get_by_label("Group for the chosen pages").fill("letters")
    page.keyboard.press("Enter")
    expect(bar).to_be_hidden()
    assert [_group(http, path) for path in paths] == ["letters"] * 3
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_role("region", name="Messages").get_by_text("Taken back")).to_be_visible()
    assert [_group(http, path) for path in paths] == before


def test_one_page_is_moved_from_its_own_sheet_and_the_history_takes_it_back(page: Page, http: Http) -> None:
    """Arrow keys go on to type in the box; the history is at hand on every page."""
    before = _group(http, "box/p4.png")
    page.goto("/search?filter=path%3Dbox/p4.png")
    page.get_by_role("list", name="Pages in shelf order").get_by_role("link").first.click()
    box = page.get_by_label("Another group for this page")
    box.fill("lettrs")
    for key in ("ArrowLeft", "ArrowLeft", "e"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_text("letters").first).to_be_visible()
    assert _group(http, "box/p4.png") == "letters"
    page.keyboard.press("Escape")
    page.get_by_label("History of decisions").click()
    newest = page.get_by_role("list", name="Decisions").get_by_role("listitem").first
    expect(newest).to_contain_text("1 page moved to letters")
    newest.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("region", name="Messages").get_by_text("Taken back")).to_be_visible()
    assert _group(http, "box/p4.png") == before


def test_questions_show_their_pages_and_are_answered(page: Page, http: Http) -> None:
    """What clustering left open is there whenever the page is opened; an answer, and its undoing, show at once."""
    asked = http.get("/questions")
    merge = next(one for one in asked if one["kind"] == "merge")
    page.goto("/clusters")
    rows = page.get_by_role("list", name="Open questions").locator("> li")
    expect(rows).to_have_count(len(asked))
    row = rows.filter(has_text=merge["text"])
    pages = http.get(f"/pages?filter=cluster={merge['cluster']}&filter=group={merge['candidates'][0]['group']}")
    expect(row.locator("figure").first.locator("img")).to_have_count(min(len(pages["pages"]), 10))
    row.get_by_label(f"Another name for cluster {merge['cluster']}").fill("halves")
    page.keyboard.press("Enter")
    expect(row).to_be_hidden()
    box = page.get_by_role("combobox", name=f"Name of cluster {merge['cluster']}", exact=True)
    expect(box).to_have_value("halves")
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(rows).to_have_count(len(asked))
    row.get_by_role("button", name="Leave as it is").click()
    expect(rows).to_have_count(len(asked) - 1)
    page.reload()
    expect(rows).to_have_count(len(asked) - 1)
    assert merge not in http.get("/questions")


def test_faulty_scans_are_listed_and_a_false_alarm_is_said_once(page: Page, http: Http) -> None:
    """In shelf order with their reasons; the address keeps which reasons count; what is fine leaves the list."""
    page.goto("/quality")
    rows = page.get_by_role("list", name="Scans to make again").locator("> li")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("box/p2.png")
    expect(rows.nth(2)).to_contain_text("dark")
    rows.nth(2).get_by_role("button", name="Fine as scanned: box/p10.png").click()
    expect(rows).to_have_count(2)
    expect(rows.nth(1).get_by_role("button", name="Fine as scanned: box/p3.png")).to_be_focused()
    page.get_by_text("All", exact=True).click()
    page.wait_for_url("**all=1*")
    expect(rows.nth(2)).to_contain_text("fine as scanned, says")
    page.get_by_label("skewed").uncheck()
    page.wait_for_url("**flag=dark*")
    expect(rows).to_have_count(2)
    page.reload()
    expect(page.get_by_label("skewed")).not_to_be_checked()
    expect(rows).to_have_count(2)
    assert http.get("/rescans?only_open=true")["open"] == 2


def test_a_new_scan_ticks_its_line(page: Page, http: Http, scans: Path) -> None:
    """After the next index run the line says that it was rescanned, and for what."""
    draw_text(2).save(scans / "box/p2.png")
    page.goto("/jobs")
    page.get_by_role("button", name="Index now").click()
    expect(page.locator(".job").first).to_have_attribute("data-state", "done", timeout=60_000)
    page.goto("/quality?all=1")
    first = page.get_by_role("list", name="Scans to make again").locator("> li").first
    expect(first).to_have_attribute("data-state", "done")
    expect(first).to_contain_text("was skewed")


def test_the_list_is_saved_as_a_table(page: Page) -> None:
    """For the one at the scanner."""
    page.goto("/quality")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    assert download.value.suggested_filename == "rescans.csv"
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("done,state,root,path")
