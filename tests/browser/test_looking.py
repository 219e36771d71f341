"""Looking in the browser: colours weighed in, contact sheets to take away, the balance of labels and clusters, a filtered wall."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import Http
from support.command import Quire, serving
from support.library import draw_page, draw_pages

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on forty-one pages of four kinds with colour vectors, in four clusters, on a map; one is filed under a wrong label."""
    place = tmp_path_factory.mktemp("looking")
    scans = draw_pages(place / "scans", each=10)
    draw_page("left", 500).save(scans / "top" / "stray.png")
    quire = Quire(place / "library", QUIRE_USER="tester")
    quire.ok("index", scans, "--model", "pixels", "--views", "colour")
    quire.ok("cluster", "-k", "4")
    quire.ok("map", "--method", "pca")
    with serving(quire) as service:
        yield service.address


def test_colours_are_weighed_in_by_a_slider_and_the_address_keeps_it(page: Page, http: Http) -> None:
    """The neighbours are those that the service gives with the same weight, also after a reload."""
    one = http.get("/pages?limit=1")["pages"][0]["page_id"]
    page.goto(f"/search?page={one}")
    slider = page.get_by_role("slider", name="Colour")
    expect(slider).to_be_visible()
    slider.fill("60")
    page.wait_for_url("**colour=0.6*")
    wanted = http.get(f"/pages/{one}/similar?colour=0.6&limit=24")["pages"]
    tiles = page.get_by_role("list", name="Similar pages").locator("li")
    for place in (0, 5):
        expect(tiles.nth(place).locator("img")).to_have_attribute("alt", wanted[place]["page"]["path"])
    page.reload()
    expect(slider).to_have_value("60")


@pytest.mark.parametrize(("kind", "suffix"), [("Picture", "png"), ("A4 pages", "pdf"), ("One file", "html")])
def test_a_contact_sheet_of_a_cluster_is_taken_away(page: Page, kind: str, suffix: str) -> None:
    """As a picture, for printing, or as one file to send."""
    page.goto("/clusters?cluster=0")
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=kind).first.click()
    assert download.value.suggested_filename == f"contact-sheet.{suffix}"
    assert Path(download.value.path()).stat().st_size > 1000


def test_labels_and_clusters_are_compared_and_every_cell_leads_to_its_pages(page: Page, http: Http) -> None:
    """The table is the service's; a cell leads to the pages behind it; other fields stand in the address."""
    table = http.get("/balance")["table"]
    page.goto("/balance")
    rows = page.locator(".cross tbody tr")
    expect(rows).to_have_count(len(table["rows"]))
    stray = table["rows"].index("top")
    column = next(at for at, number in enumerate(table["counts"][stray]) if number == 1)
    page.get_by_role("link", name=f"top, {table['columns'][column]}: 1 page").click()
    expect(page.get_by_role("list", name="Pages in shelf order").locator("img")).to_have_attribute(
        "alt", "top/stray.png"
    )
    page.go_back()
    page.get_by_label("agrees with").select_option("notebook")
    page.wait_for_url("**against=notebook*")
    expect(page.get_by_role("heading", name="Label against notebook")).to_be_visible()


def test_pages_among_the_wrong_neighbours_are_shown_and_moved(page: Page, http: Http) -> None:
    """With what they are called and what their neighbours are called."""
    page.goto("/balance")
    strays = page.get_by_role("list", name="Pages among the wrong neighbours").locator("> li")
    expect(strays).to_have_count(1)
    expect(strays.first).to_contain_text("top among left")
    strays.first.get_by_role("link").focus()
    page.keyboard.press("Space")
    page.get_by_label("Group for the chosen pages").fill("left ones")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Messages").get_by_text("1 page put into")).to_be_visible()
    assert http.get("/facets/group")["counts"] == {"left ones": 1}
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_role("region", name="Messages").get_by_text("Taken back")).to_be_visible()
    assert http.get("/facets/group")["counts"] == {}


def test_the_wall_hangs_what_passes_a_filter_in_the_colours_of_any_field(page: Page, http: Http) -> None:
    """Filter and field stand in the address; without a page that passes, it says so."""
    page.goto("/wall")
    expect(page.locator(".wall-head")).to_contain_text("41 pages")
    page.locator("summary", has_text="Filter").click()
    page.locator(".wall-filter summary", has_text="Label").click()
    page.locator(".wall-filter").get_by_role("checkbox", name="left").check()
    page.wait_for_url("**filter=label*")
    expect(page.locator(".wall-head")).to_contain_text("10 pages")
    page.get_by_label("Strip").select_option("notebook")
    page.wait_for_url("**by=notebook*")
    expect(page.locator(".wall-legend")).to_contain_text("left")
    page.goto("/wall?filter=label%3Dnothing")
    expect(page.get_by_text("No page passes these filters.")).to_be_visible()


def test_the_map_is_made_with_colours(page: Page, http: Http) -> None:
    """The slider in the form of the map reaches the job."""
    page.goto("/map")
    page.locator(".map-again summary").click()
    page.get_by_label("Method").select_option("pca")
    page.locator("#map-colour").fill("50")
    page.get_by_role("button", name="Make the map").click()
    expect(page.locator(".map-head .lede")).to_contain_text("colours weighed 50 %", timeout=60_000)
    assert http.get("/map")["colour"] == 0.5


def test_a_filter_is_exported_and_its_table_taken_back_in(page: Page, http: Http, tmp_path: Path) -> None:
    """The table and the files of what is shown; with a group written into it, the table moves pages, after saying which."""
    page.goto("/search?filter=label%3Dright")
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as archive:
        page.get_by_role("button", name="With their folders").click()
    with zipfile.ZipFile(archive.value.path()) as packed:
        assert len(packed.namelist()) == 11
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    rows[0]["group"], rows[1]["group"] = "=odd, one", "=odd, one"
    with (tmp_path / "changed.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    page.goto("/jobs")
    page.get_by_label("Table with page_id or path").set_input_files(tmp_path / "changed.csv")
    form = page.get_by_role("region", name="Take decisions in")
    expect(form.get_by_role("status")).to_contain_text("10 rows: 2 pages would be moved to “=odd, one”")
    assert http.get("/facets/group")["counts"] == {}
    form.get_by_role("button", name="Move them").click()
    expect(form.get_by_role("status")).to_contain_text("2 pages were moved")
    assert http.get("/facets/group")["counts"] == {"=odd, one": 2}
    http.send("POST", "/undo", {})
