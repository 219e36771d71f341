"""Labels: a probe is fitted, ways are compared, a page in the wrong folder is seen, and a scan gets its label."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import Http, choose_scans
from support.command import Quire, serving
from support.library import draw_page, draw_pages
from support.models import TINY_CONVNET, save_tiny_timm

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A `quire serve` on forty pages of four labels in four clusters, and a page in the wrong folder; nothing was learned yet."""
    place = tmp_path_factory.mktemp("labels")
    scans = draw_pages(place / "scans", each=10)
    draw_page("left", 99).save(scans / "right" / "p99.png")
    quire = Quire(place / "library", QUIRE_USER="tester")
    quire.ok("index", scans, "--model", "pixels")
    quire.ok("cluster", "-k", "4")
    with serving(quire) as service:
        yield service.address


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network's weights."""
    return save_tiny_timm(tmp_path_factory.mktemp("weights"), TINY_CONVNET)


def test_labels_are_learned_compared_and_shown(page: Page, http: Http) -> None:
    """From the empty page to a probe, a table of ways with its picture, a suspect to look at, and the label of a scan."""
    page.goto("/labels")
    expect(page.locator(".empty-title")).to_have_text(["Nothing was learned yet.", "Nothing was compared yet."])
    page.get_by_role("button", name="Fit a probe").click()
    row = page.locator("table.models tbody tr")
    expect(row).to_have_count(1, timeout=60_000)
    expect(row).to_contain_text("probe, 4 labels")
    assert [one["name"] for one in http.get("/models")["models"]] == ["probe"]

    page.get_by_role("button", name="Compare ways").click()
    ways = page.get_by_role("region", name="Ways of telling labels").locator("tbody tr")
    expect(ways).to_have_count(3, timeout=60_000)
    expect(page.locator(".compared-picture")).to_have_js_property("complete", True)
    assert page.locator(".compared-picture").evaluate("img => img.naturalWidth") > 1000
    suspect = page.locator(".suspects li")
    expect(suspect.first).to_contain_text("right → left")
    suspect.first.locator("a.tile").press("Enter")
    expect(page.locator("dialog")).to_contain_text("p99.png")
    page.keyboard.press("Escape")

    top = next(one for one in http.get("/pages?limit=50")["pages"] if one["label"] == "top")
    choose_scans(page, http.scan_of(top["cluster"]))
    expect(page.locator(".answer-label")).to_contain_text("Label: top")

    page.goto("/labels")
    page.get_by_role("button", name="Remove probe").click()
    expect(page.locator(".empty-title")).to_have_text(["Nothing was learned yet."])


def test_a_network_is_fine_tuned_from_the_page(page: Page, http: Http, checkpoint: Path) -> None:
    """The form starts the training, its progress is shown, and its report has figures and pictures."""
    page.goto("/labels")
    page.get_by_text("Fine-tune a network").first.click()
    page.get_by_label("Base: timm").fill(f"timm:{TINY_CONVNET}?input_px=32")
    page.get_by_label("File of its weights").fill(str(checkpoint))
    page.get_by_label("Epochs of each size").fill("1")
    page.get_by_role("button", name="Fine-tune", exact=True).click()
    expect(page.locator(".job")).to_contain_text("Fine-tune")
    link = page.get_by_role("link", name="label", exact=True)
    expect(link).to_be_visible(timeout=120_000)
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("label")
    report = http.get("/models/label/report")
    expect(page.locator(".figures")).to_contain_text(f"{100 * report['quality']['accuracy']:.1f} %")
    for picture in page.locator(".compared-picture").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("img => img.naturalWidth") > 1000
    page.get_by_role("link", name="To all labels").click()
    expect(page.locator("table.models tbody tr")).to_have_count(1)
