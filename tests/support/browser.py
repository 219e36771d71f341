"""A real Chromium for tests, pages that fail their test on any error, and short words for the service's HTTP calls."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, FilePayload, Page, expect, sync_playwright

_ARGUMENTS = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]
_TIMEOUT_MS = 15_000
_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy violated: ${event.violatedDirective} by ${event.blockedURI}`);
});
"""


_HINTS = ("GL Driver Message", "willReadFrequently")
"""Chromium's advice about speed: of its software drawing, and to tests that read back what was drawn."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Playwright keeps an event loop running in this thread: for a module at a time, so that others may run their own.
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "The browser tests need Chromium: apt-get install chromium."
    expect.set_options(timeout=_TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def console_errors() -> list[str]:
    """What the page complained of; a test that provokes an error clears it after looking at it."""
    return []


@pytest.fixture
def page(chromium: Browser, live_service: str, console_errors: list[str]) -> Iterator[Page]:
    """A fresh page; its test fails on console errors, uncaught exceptions and violations of the content policy."""

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(hint in message.text for hint in _HINTS):
            console_errors.append(message.text)

    context = chromium.new_context(base_url=live_service, viewport={"width": 1280, "height": 720})
    context.set_default_timeout(_TIMEOUT_MS)
    opened = context.new_page()
    opened.add_init_script(_REPORT_VIOLATIONS)
    opened.on("console", hear)
    opened.on("pageerror", lambda error: console_errors.append(str(error)))
    yield opened
    context.close()
    assert console_errors == []


def until(holds: Callable[[], bool], *, within_s: float = 60) -> None:
    """Wait; playwright's own waiting for a script needs eval, which the content policy forbids."""
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.05)


class Http:
    """The service's own answers, to compare the pages with."""

    def __init__(self, base: str) -> None:
        self._base = base

    def get(self, path: str) -> Any:
        return json.loads(self.read(path))

    def send(self, method: str, path: str, body: object) -> Any:
        data = json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self._base}/v1{path}", data=data, method=method, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def read(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self._base}/v1{path}", timeout=30) as answer:
            return bytes(answer.read())

    def make_map(self, *, dims: int) -> None:
        """Have a map made by PCA, unless it is the one there is."""
        jobs = [job for job in self.get("/jobs") if job["kind"] == "map" and job["state"] == "done"]
        if jobs and self.get("/map")["dims"] == dims:
            return
        job = self.send("POST", "/jobs", {"kind": "map", "method": "pca", "dims": dims, "seed": 0})["id"]
        until(lambda: self.get(f"/jobs/{job}")["state"] not in ("queued", "running"))
        assert self.get(f"/jobs/{job}")["state"] == "done"

    def scan_of(self, cluster: int, *, nth: int = 0, name: str = "scan.jpg") -> FilePayload:
        """A page of a cluster as an upload: the nth nearest to its centroid, so that it is surely one of them."""
        found = self.get(f"/clusters/{cluster}/pages?limit={nth + 1}")["pages"][nth]["page"]
        data = self.read(f"/pages/{found['page_id']}/image?side_px=2048")
        return {"name": name, "mimeType": "image/jpeg", "buffer": data}


@pytest.fixture
def http(live_service: str) -> Http:
    return Http(live_service)


def choose_scans(page: Page, *scans: FilePayload) -> None:
    """Choose files with the button in the masthead, as a person does."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Look up a scan").click()
    chooser.value.set_files(list(scans))
