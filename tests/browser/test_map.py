"""The map: made once, coloured, zoomed until dots become pictures, selected, named, shared by its address."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from support.browser import Http, until

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _quiet_driver(page: Page, console_errors: list[str]) -> Iterator[None]:
    """Chromium's software WebGL tells of its own slowness; that is no fault of the page."""
    yield
    console_errors[:] = [error for error in console_errors if "GL Driver Message" not in error]


@pytest.fixture
def made(http: Http) -> None:
    """A map by PCA in two dimensions."""
    http.make_map(dims=2)


def _open(page: Page, address: str) -> Locator:
    page.goto(address)
    expect(page.get_by_role("status")).to_contain_text("in view")
    return page.get_by_role("application", name="Map of the pages")


def _drag(page: Page, surface: Locator, *corners: tuple[float, float]) -> None:
    """Draw from corner to corner, given as shares of the surface's width and height."""
    box = surface.bounding_box()
    assert box
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def test_without_a_map_the_page_offers_to_make_one(page: Page, console_errors: list[str]) -> None:
    """The form is there at once, with method, dimensions and seed."""
    problem = '{"title": "Not Found", "detail": "The library has no map yet.", "code": "map-missing"}'
    page.route(
        "**/v1/map", lambda route: route.fulfill(status=404, content_type="application/problem+json", body=problem)
    )
    page.goto("/map")
    expect(page.get_by_text("There is no map yet.")).to_be_visible()
    for label in ("Method", "Dimensions", "Seed"):
        expect(page.get_by_label(label)).to_be_visible()
    assert all("404" in error for error in console_errors)
    console_errors.clear()


@pytest.mark.usefixtures("made")
def test_a_map_is_made_from_the_form_and_then_shown(page: Page, http: Http) -> None:
    """The job is seen to its end, and the page shows the new map."""
    _open(page, "/map")
    before = http.get("/map")["made"]
    time.sleep(1.1)  # `made` counts whole seconds.
    page.locator("summary", has_text="Make anew").click()
    page.get_by_label("Method").select_option("pca")
    page.get_by_role("button", name="Make the map").click()
    expect(page.get_by_text("PCA in 2 dimensions")).to_be_visible()
    until(lambda: http.get("/map")["made"] != before)
    expect(page.get_by_role("status")).to_contain_text("40 in view")


@pytest.mark.usefixtures("made")
def test_colours_follow_the_choice_and_the_address(page: Page, http: Http) -> None:
    """Choosing a field changes the legend and the address; the address alone brings the same legend."""
    _open(page, "/map?by=label")
    legend = page.get_by_role("region", name="Legend")
    expect(legend.get_by_role("checkbox", name="left")).to_be_checked()
    page.get_by_label("Coloured by").select_option("cluster")
    expect(legend.get_by_role("checkbox", name="cluster ")).to_have_count(len(http.get("/clusters")))
    page.wait_for_url("**by=cluster*")
    page.reload()
    expect(legend.get_by_role("checkbox", name="cluster ")).to_have_count(len(http.get("/clusters")))


@pytest.mark.usefixtures("made")
def test_a_value_is_hidden_in_the_legend_and_in_the_address(page: Page) -> None:
    """Ten of forty pages have each label; hiding one leaves thirty in view, also after a reload."""
    _open(page, "/map?by=label")
    legend = page.get_by_role("region", name="Legend")
    legend.get_by_role("checkbox", name="left").uncheck()
    expect(page.get_by_role("status")).to_have_text("30 in view")
    page.wait_for_url("**hide=left*")
    page.reload()
    expect(page.get_by_role("status")).to_have_text("30 in view")
    legend.get_by_role("button", name="Show all").click()
    expect(page.get_by_role("status")).to_have_text("40 in view")


def _wait_for_the_address(page: Page) -> None:
    """Until the address has stood still for half a second: it follows the view a moment later."""
    before = ""
    while before != page.url:
        before = page.url
        page.wait_for_timeout(500)


@pytest.mark.usefixtures("made")
def test_few_pages_in_view_are_pictures_and_the_view_is_in_the_address(page: Page) -> None:
    """Forty pages are few enough for pictures; zooming by key leaves fewer, and a reload shows the same view."""
    surface = _open(page, "/map")
    pictures = page.locator(".map-picture.loaded")
    expect(pictures).to_have_count(40)
    surface.focus()
    for _ in range(3):
        page.keyboard.press("+")
    page.wait_for_url("**at=*")
    expect(page.get_by_role("status")).not_to_have_text("40 in view")
    _wait_for_the_address(page)
    seen = page.get_by_role("status").text_content()
    page.reload()
    expect(page.get_by_role("status")).to_have_text(seen or "")
    page.get_by_role("button", name="Whole map").click()
    expect(page.get_by_role("status")).to_have_text("40 in view")
    expect(page).not_to_have_url(re.compile("at="))


@pytest.mark.usefixtures("made")
def test_the_pointer_shows_a_page_and_a_click_opens_it(page: Page) -> None:
    """Hovering shows the path beside its picture; clicking opens that page, and Escape goes back to the map."""
    surface = _open(page, "/map")
    page.locator(".map-picture.loaded").first.wait_for()
    card = page.locator(".map-card")
    middle = (0.0, 0.0)

    def rest_on_a_picture() -> bool:
        """As a hand does: again, if the map was not there yet, or has moved meanwhile."""
        nonlocal middle
        box = page.locator(".map-picture").last.bounding_box()
        assert box
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.move(0, 0)
        page.mouse.move(*middle, steps=3)
        page.wait_for_timeout(200)
        return card.is_visible()

    until(rest_on_a_picture)
    path = card.locator(".path").text_content() or ""
    page.mouse.click(*middle)
    expect(page.get_by_role("dialog", name="Page")).to_contain_text(path)
    page.keyboard.press("Escape")
    expect(surface).to_be_focused()


@pytest.mark.usefixtures("made")
def test_pages_in_a_lasso_are_named_and_the_naming_taken_back(page: Page, http: Http) -> None:
    """A line around all selects all; they get a group, and Undo takes it away."""
    surface = _open(page, "/map?by=group")
    page.get_by_text("Lasso", exact=True).click()
    _drag(page, surface, (0.005, 0.005), (0.995, 0.01), (0.99, 0.99), (0.01, 0.995))
    selection = page.get_by_role("region", name="Selection")
    expect(selection.get_by_text("40 pages selected")).to_be_visible()
    expect(selection.get_by_role("list", name="Selected pages").locator("img")).to_have_count(40)
    selection.get_by_label("Group for the selected pages").fill("lassoed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Legend").get_by_role("checkbox", name="lassoed")).to_be_visible()
    assert http.get("/facets/group")["counts"] == {"lassoed": 40}
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_role("region", name="Messages").get_by_text("Taken back")).to_be_visible()
    assert "lassoed" not in http.get("/facets/group")["counts"]


@pytest.mark.usefixtures("made")
def test_a_selection_is_shared_by_its_address_and_saved_as_csv(page: Page, http: Http, tmp_path: Path) -> None:
    """A box around the left half selects the same pages after a reload, and the file names each of them."""
    surface = _open(page, "/map")
    page.get_by_text("Box", exact=True).click()
    _drag(page, surface, (0.001, 0.001), (0.5, 0.998))
    told = page.get_by_role("region", name="Selection").locator(".selection-count")
    expect(told).to_contain_text("selected")
    text = told.text_content() or ""
    assert text != "40 pages selected"
    page.reload()
    expect(told).to_have_text(text)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Save as CSV").click()
    saving.value.save_as(tmp_path / "selection.csv")
    with (tmp_path / "selection.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert f"{len(rows)} pages selected" == text
    assert all(http.get(f"/pages/{row['page_id']}")["path"] == row["path"] for row in rows[:3])


@pytest.mark.usefixtures("made")
def test_everything_can_be_done_without_a_pointer(page: Page) -> None:
    """Select by legend and by what is in view, open the page in the middle by Enter, all by keyboard."""
    surface = _open(page, "/map?by=label")
    page.get_by_role("button", name="Select right").focus()
    page.keyboard.press("Enter")
    selection = page.get_by_role("region", name="Selection")
    expect(selection.get_by_text("10 pages selected")).to_be_visible()
    page.wait_for_url("**only=right*")
    page.get_by_role("button", name="Select in view").press("Enter")
    expect(selection.get_by_text("40 pages selected")).to_be_visible()
    page.get_by_role("button", name="Clear the selection").press("Enter")
    expect(selection).to_be_hidden()
    surface.press("Enter")
    expect(page.get_by_role("dialog", name="Page")).to_be_visible()


def test_a_map_in_three_dimensions_turns(page: Page, http: Http) -> None:
    """Dragging turns it, the address keeps how it stands, and a lasso selects what is behind as well."""
    http.make_map(dims=3)
    surface = _open(page, "/map?by=label")
    _drag(page, surface, (0.3, 0.3), (0.6, 0.5))
    page.wait_for_url("**at=0%2C0%2C1%2C*")
    page.get_by_text("Lasso", exact=True).click()
    _drag(page, surface, (0.005, 0.005), (0.995, 0.01), (0.99, 0.99), (0.01, 0.995))
    expect(page.get_by_role("region", name="Selection").get_by_text("40 pages selected")).to_be_visible()
