"""Clusters: look at contact sheets, name them by keyboard, take it back, cluster anew."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from support.browser import Http

pytestmark = pytest.mark.browser


def _group(http: Http, cluster: int) -> str | None:
    found = next(one for one in http.get("/clusters") if one["cluster"] == cluster)
    group: str | None = found["group"]
    return group


def test_every_cluster_is_a_contact_sheet_with_its_exemplars(page: Page, http: Http) -> None:
    """Each cluster shows its size and, first, the page nearest to its middle."""
    clusters = http.get("/clusters")
    page.goto("/clusters")
    expect(page.get_by_role("region", name="Cluster ")).to_have_count(len(clusters))
    for cluster in clusters:
        sheet = page.get_by_role("region", name=f"Cluster {cluster['cluster']}", exact=True)
        sheet.scroll_into_view_if_needed()
        expect(sheet.get_by_role("link", name=f"All {cluster['size']} page")).to_be_visible()
        first = http.get(f"/pages/{cluster['exemplars'][0]}")["path"]
        expect(sheet.locator("img").first).to_have_attribute("alt", first)


def test_a_cluster_is_named_by_keyboard_and_the_name_taken_back(page: Page, http: Http) -> None:
    """Type, Enter, saved; the toast's Undo brings back what was before."""
    before = _group(http, 0)
    page.goto("/clusters")
    box = page.get_by_role("combobox", name="Name of cluster 0", exact=True)
    box.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("line drawings")
    page.keyboard.press("Enter")
    sheet = page.get_by_role("region", name="Cluster 0", exact=True)
    expect(sheet.get_by_text("saved")).to_be_visible()
    assert _group(http, 0) == "line drawings"
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Name of cluster 1", exact=True)).to_be_focused()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(box).to_have_value(before or "")
    assert _group(http, 0) == before


def test_several_clusters_get_one_name_as_one_decision(page: Page, http: Http) -> None:
    """Two ticked clusters are named at once; the history shows one decision and undoes it."""
    before = [_group(http, number) for number in (1, 2)]
    page.goto("/clusters")
    for number in (1, 2):
        page.get_by_role("checkbox", name=f"Choose cluster {number}", exact=True).check()
    page.get_by_label("Name for the chosen clusters").fill("papers")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Name of cluster 2", exact=True)).to_have_value("papers")
    assert [_group(http, number) for number in (1, 2)] == ["papers", "papers"]
    expect(page.get_by_text("clusters chosen")).to_be_hidden()
    page.get_by_label("History of decisions").click()
    newest = page.get_by_role("list", name="Decisions").get_by_role("listitem").first
    expect(newest).to_contain_text("papers")
    newest.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("combobox", name="Name of cluster 2", exact=True)).to_have_value(before[1] or "")
    assert [_group(http, number) for number in (1, 2)] == before


def test_all_pages_of_a_cluster_with_the_outliers_first(page: Page, http: Http) -> None:
    """The switch turns the order around, and the address keeps it."""
    page.goto("/clusters")
    page.get_by_role("link", name="Cluster 0", exact=True).click()
    page.get_by_text("Outliers first").click()
    page.wait_for_url("**order=outliers*")
    wanted = [one["page"]["path"] for one in http.get("/clusters/0/pages?order=outliers&limit=60")["pages"]]
    pictures = page.get_by_role("list", name="Pages of cluster 0, outliers first").locator("img")
    expect(pictures.first).to_have_attribute("alt", wanted[0])
    page.reload()
    expect(pictures.first).to_have_attribute("alt", wanted[0])
    expect(page.get_by_role("radio", name="Outliers first")).to_be_checked()


def test_clustering_anew_shows_its_progress_and_then_the_new_sheets(page: Page, http: Http) -> None:
    """The form starts a job, the job is seen to its end, and the sheets are those of the new run."""
    run = http.get("/status")["run"]
    count = len(http.get("/clusters"))
    page.goto("/clusters")
    page.locator("summary", has_text="Cluster anew").click()
    page.get_by_label("Clusters (k)").fill(str(count))
    page.get_by_role("button", name="Cluster", exact=True).click()
    job = page.locator(".job")
    expect(job).to_contain_text("done", timeout=60_000)
    expect(page.get_by_role("region", name="Cluster ")).to_have_count(count)
    assert http.get("/status")["run"] == run + 1


def test_without_clusters_the_page_says_how_to_make_some(page: Page, console_errors: list[str]) -> None:
    """A library that was never clustered opens the form for it."""
    problem = '{"title": "Not Found", "detail": "Nothing has been clustered yet.", "code": "cluster-missing"}'
    page.route(
        "**/v1/clusters", lambda route: route.fulfill(status=404, content_type="application/problem+json", body=problem)
    )
    page.goto("/clusters")
    expect(page.get_by_text("Nothing has been clustered yet.")).to_be_visible()
    expect(page.get_by_label("Clusters (k)")).to_be_visible()
    assert all("404" in error for error in console_errors)
    console_errors.clear()


def test_numbers_of_clusters_are_compared_and_one_taken_over(page: Page, http: Http) -> None:
    """Several k are tried, the best of each measure stands out, a click puts one into the form, and nothing has changed."""
    before = [one["size"] for one in http.get("/clusters")]
    page.goto("/clusters")
    page.get_by_text("Cluster anew").first.click()
    page.get_by_label("Not sure? Try").fill("2, 4, 8")
    page.keyboard.press("Enter")
    rows = page.get_by_role("region", name="Numbers of clusters compared").locator("tbody tr")
    expect(rows).to_have_count(3, timeout=60_000)
    expect(rows.nth(1).locator("strong")).not_to_have_count(0)
    page.get_by_role("button", name="Take 4 clusters").click()
    expect(page.get_by_label("Clusters (k)")).to_have_value("4")
    assert [one["size"] for one in http.get("/clusters")] == before
