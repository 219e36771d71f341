"""Jobs and Status: start work, watch it to its end, see what is in the library and what was left out."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, Route, expect
from support.browser import Http

pytestmark = pytest.mark.browser


def test_an_index_job_is_watched_to_its_end(page: Page, http: Http) -> None:
    """One click indexes the known roots; the card follows the job's events until it is done."""
    page.goto("/jobs")
    page.get_by_role("button", name="Index now").click()
    job = page.locator(".job").first
    expect(job).to_have_attribute("data-state", "done", timeout=60_000)
    number = job.get_attribute("data-job")
    assert http.get(f"/jobs/{number}")["state"] == "done"
    page.reload()
    expect(page.locator(f"[data-job='{number}']")).to_contain_text("done")


def test_progress_comes_in_while_the_job_runs(page: Page) -> None:
    """Each progress event moves the bar and tells count, rate, time left and what was skipped."""
    job = {
        "id": "0" * 32,
        "kind": "index",
        "state": "running",
        "created": "2026-01-02T03:04:05Z",
        "progress": None,
        "error": None,
    }
    progress = {"stage": "embedding", "done": 30, "total": 120, "skipped": 2, "rate_per_s": 12.0, "eta_s": 7.5}
    data = json.dumps({**job, "progress": progress})
    event = f"event: progress\r\ndata: {data}\r\n\r\n: still here\r\n\r\n"
    page.route("**/v1/jobs", lambda route: route.fulfill(json=[job]))
    page.route("**/v1/jobs/*", lambda route: route.fulfill(json=job))
    page.route("**/v1/jobs/*/events", lambda route: route.fulfill(content_type="text/event-stream", body=event))
    page.goto("/jobs")
    card = page.locator(".job")
    expect(card).to_contain_text("embedding · 30 of 120 · 12 per second · 8 seconds to go · 2 pages skipped")
    assert card.get_by_role("progressbar").evaluate("bar => bar.value") == 0.25


def test_a_failed_job_says_why_and_a_running_one_can_be_cancelled(page: Page) -> None:
    """The reason that the service gives is on the card; Cancel asks the service to stop."""
    failed: dict[str, object] = {
        "id": "a" * 32,
        "kind": "reindex",
        "state": "failed",
        "created": "2026-01-02T03:04:05Z",
    }
    failed |= {"error": {"title": "Service Unavailable", "detail": "The weights are neither here nor fetchable."}}
    waiting = {"id": "b" * 32, "kind": "index", "state": "queued", "created": "2026-01-02T03:04:06Z"}
    asked: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method == "DELETE":
            asked.append(route.request.url)
            waiting["state"] = "cancelled"
        route.fulfill(json=failed if "aaaa" in route.request.url else waiting)

    page.route("**/v1/jobs", lambda route: route.fulfill(json=[waiting, failed]))
    page.route("**/v1/jobs/*", answer)
    page.route("**/v1/jobs/*/events", lambda route: None)
    page.goto("/jobs")
    expect(page.locator(".job[data-state=failed]")).to_contain_text("The weights are neither here nor fetchable.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".job[data-state=cancelled]")).to_have_count(1)
    assert [url.rsplit("/", 1)[-1] for url in asked] == [waiting["id"]]


def test_status_tells_what_is_in_the_library(page: Page, http: Http) -> None:
    """Pages, labels and the model are those that the service reports; a label leads to its pages."""
    status = http.get("/status")
    page.goto("/status")
    figures = page.locator(".figures")
    expect(figures).to_contain_text(f"{status['pages']:,}")
    expect(page.get_by_role("region", name="Model")).to_contain_text(status["model"]["name"])
    label, pages = next(iter(status["labels"].items()))
    page.get_by_role("region", name="Labels").get_by_role("link", name=label, exact=True).click()
    expect(page.get_by_text(f"{pages:,} page", exact=False).first).to_be_visible()
    assert "filter=label" in page.url


def test_skipped_files_can_be_searched(page: Page, http: Http) -> None:
    """The list of skipped files narrows by what is typed and by the code chosen."""
    status = http.get("/status")
    skips = [("box1/0001.tif", "truncated"), ("box1/0002.tif", "empty"), ("box2/0001.tif", "truncated")]
    status["skipped"] = [
        {"root": "r", "path": path, "code": code, "reason": f"The file is {code}.", "page_number": None}
        for path, code in skips
    ]
    page.route("**/v1/status", lambda route: route.fulfill(json=status))
    page.goto("/status")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_label("Find", exact=True).fill("box1")
    expect(rows).to_have_count(2)
    page.get_by_label("Code", exact=True).select_option("truncated")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("box1/0001.tif")
