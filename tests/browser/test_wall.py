"""The wall: all pages at once, down to one; pulled, zoomed, opened and shared by its address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser import Http, until

pytestmark = pytest.mark.browser

_DRAWN = """
(canvas) => {
  const { width, height } = canvas;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let drawn = 0;
  for (let i = 3; i < data.length; i += 4) drawn += Number(data[i] > 0);
  return drawn / (width * height);
}
"""
"""The share of the canvas on which something is painted."""


def _open(page: Page, address: str) -> Locator:
    with page.expect_response("**/v1/wall/tiles/**") as tile:
        page.goto(address)
    assert tile.value.ok
    return page.get_by_role("application", name="Wall of pages")


def _position(page: Page) -> list[float]:
    page.wait_for_url("**at=*")
    found = re.search(r"at=([^&]*)", page.url.replace("%2C", ","))
    assert found
    return [float(number) for number in found[1].split(",")]


def test_the_whole_wall_is_seen_in_shelf_order(page: Page, http: Http) -> None:
    """Forty pages hang on it, and their tiles are painted."""
    wall = http.get("/wall?source=shelf")
    surface = _open(page, "/wall?source=shelf")
    expect(page.get_by_text(f"40 pages, {wall['columns']} × {wall['rows']}")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("The whole wall")
    canvas = surface.locator("canvas")
    until(lambda: canvas.evaluate(_DRAWN) > 0.2)
    assert surface.evaluate("(element) => getComputedStyle(element).touchAction") == "none"


def test_the_wheel_zooms_to_one_page_and_the_address_keeps_the_view(page: Page) -> None:
    """What is under the pointer stays there; a reload shows the same place; the button goes back to all."""
    surface = _open(page, "/wall?source=shelf")
    box = surface.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(8):
        page.mouse.wheel(0, -300)
    expect(page.get_by_role("status")).to_contain_text(".png")
    before = _position(page)
    assert before[2] > 3
    name = page.get_by_role("status").text_content() or ""
    page.reload()
    expect(page.get_by_role("status")).to_have_text(name)
    assert _position(page) == pytest.approx(before, rel=1e-3)
    page.get_by_role("button", name="Whole wall").click()
    expect(page.get_by_role("status")).to_have_text("The whole wall")


def test_dragging_and_arrow_keys_pull_the_wall(page: Page) -> None:
    """Dragging to the left, as the right arrow, goes to the right."""
    surface = _open(page, "/wall?source=shelf&at=4,2,4")
    box = surface.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 120, y, steps=4)
    page.mouse.up()
    until(lambda: _position(page)[0] > 4)
    dragged = _position(page)
    assert dragged[1] == pytest.approx(2)
    surface.press("ArrowRight")
    until(lambda: _position(page)[0] > dragged[0])


def test_a_double_click_opens_the_page_that_hangs_there(page: Page, http: Http) -> None:
    """The page in the lightbox is that of the cell; the arrow goes to its neighbour, and Escape back to the wall."""
    surface = _open(page, "/wall?source=shelf&at=2.5,1.5,4")
    here = http.get("/wall/at?source=shelf&column=2&row=1")
    beside = http.get("/wall/at?source=shelf&column=3&row=1")
    surface.dblclick()
    dialog = page.get_by_role("dialog", name="Page")
    expect(dialog).to_contain_text(here["path"])
    page.keyboard.press("ArrowRight")
    expect(dialog).to_contain_text(beside["path"])
    page.keyboard.press("Escape")
    expect(surface).to_be_focused()


def test_enter_opens_the_page_in_the_middle(page: Page, http: Http) -> None:
    """The keyboard needs no pointer."""
    surface = _open(page, "/wall?source=shelf&at=1.5,0.5,5")
    surface.press("Enter")
    wanted = http.get("/wall/at?source=shelf&column=1&row=0")["path"]
    expect(page.get_by_role("dialog", name="Page")).to_contain_text(wanted)


def test_the_strip_is_asked_for_and_its_colours_are_named(page: Page, http: Http) -> None:
    """Choosing clusters draws tiles with their colours, and the address says so."""
    _open(page, "/wall?source=shelf")
    with page.expect_response(re.compile(r"/v1/wall/tiles/shelf/.*by=cluster")) as tile:
        page.get_by_label("Strip").select_option("cluster")
    assert tile.value.ok
    page.wait_for_url("**by=cluster*")


def test_two_fingers_zoom_on_a_tablet(chromium: Browser, live_service: str) -> None:
    """A pinch on a touch screen comes nearer, and nothing scrolls sideways."""
    context = chromium.new_context(base_url=live_service, viewport={"width": 820, "height": 1180}, has_touch=True)
    page = context.new_page()
    surface = _open(page, "/wall?source=shelf")
    box = surface.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = context.new_cdp_session(page)
    for kind, apart in (("touchStart", 40), ("touchMove", 90), ("touchMove", 160), ("touchEnd", 0)):
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}] if apart else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert _position(page)[2] > 2
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    context.close()


def test_without_a_map_the_wall_says_where_to_make_one(page: Page, console_errors: list[str]) -> None:
    """The shelf's wall needs no map, and is offered."""
    problem = '{"title": "Not Found", "detail": "The library has no map yet.", "code": "map-missing"}'
    page.route(
        "**/v1/wall?*", lambda route: route.fulfill(status=404, content_type="application/problem+json", body=problem)
    )
    page.goto("/wall")
    expect(page.get_by_role("link", name="Make the map")).to_be_visible()
    expect(page.get_by_role("link", name="shelf order")).to_be_visible()
    assert all("404" in error for error in console_errors)
    console_errors.clear()
