"""Makes the pictures of docs/web.md, every page of the web site in light and dark: `python -m docs.make_web`.

The sample sketchbooks are drawn, indexed, clustered and named as in the walk-through, and clustered anew with another number, so that there
are questions; they get a map, documents, duplicates and labels. Each page is then opened in Chromium as a person would see it.

    python -m docs.make_web [--work DIR] [--only NAME …]

`--work` keeps the sketchbooks and their library in a folder, and uses those that are there; `--only` takes some pictures anew.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from docs.make_walkthrough import GROUPS, PICTURES, Case, K, Quire, serving

WEB = PICTURES / "web"
THEMES = ("light", "dark")
LATER_K = 20
STREAM = "scans/sb49/notes"
MOST_BYTES = 150_000
VIEW = {"width": 1280, "height": 800}


@dataclass(frozen=True, slots=True)
class Scene:
    """What is opened, what shows that it is there, and what a person does then."""

    name: str
    address: str
    shown: str
    act: Callable[[Page], None] = lambda page: None


def list_scenes() -> list[Scene]:
    """Every section of the site, and what lies below it."""
    return [
        Scene("search", "/search", ".tile img"),
        Scene("answer", "/search", ".tile img", _look_up),
        Scene("similar", "/search?filter=group%3Ddrawings", ".tile img", _open_similar),
        Scene("page", "/search?filter=group%3Dwatercolours", ".tile img", _open_page),
        Scene("clusters", "/clusters", ".cluster .tile img", _fold_questions),
        Scene("questions", "/clusters", ".question img"),
        Scene("cluster", "/clusters?cluster=1", ".tile img"),
        Scene("labels", "/labels", ".sheet"),
        Scene("documents", "/documents", ".stream"),
        Scene("review", f"/documents?stream={quote(STREAM, safe='')}", ".desk-left .desk-sheet"),
        Scene("map", "/map?by=group", ".map-legend li"),
        Scene("wall", "/wall?by=group", ".wall-desk canvas"),
        Scene("shelf", "/wall?source=shelf&by=cluster", ".wall-desk canvas"),
        Scene("duplicates", "/duplicates", ".duplicate-set img"),
        Scene("quality", "/quality", ".rescan img"),
        Scene("balance", "/balance?by=label&against=group", ".cross"),
        Scene("jobs", "/jobs", ".job", _see_jobs),
        Scene("status", "/status", ".bars"),
    ]


def fill_library(work: Path) -> Quire:
    """The sample sketchbooks with everything that the pages can show."""
    if not (work / "books").exists():
        Quire(work / "none").ok("samples", work / "books")
    with (work / "books" / "sketchbooks.csv").open(encoding="utf-8", newline="") as file:
        media = {row["path"]: row["medium"] for row in csv.DictReader(file)}
    shutil.copytree(work / "books", work / "scans", ignore=shutil.ignore_patterns("*.csv"), dirs_exist_ok=True)
    case = Case(work, lambda path: GROUPS.get(media[path], "other"))
    quire = case.quire
    quire.ok("index", work / "scans", "--model", "classic", "--views", "head,foot,colour")
    quire.ok("cluster", "-k", K)
    for group, clusters in case.choose_names().items():
        quire.ok("name", *clusters, group)
    quire.ok("cluster", "-k", LATER_K)
    for command in ("map", "documents", "duplicates"):
        quire.ok(command)
    quire.ok("finetune", "--probe")
    return quire


def take_pictures(quire: Quire, only: list[str]) -> None:
    """Each scene in each theme."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with serving(quire) as service, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for theme in THEMES:
            context = browser.new_context(base_url=service.address, viewport=VIEW, color_scheme=theme)
            page = context.new_page()
            _start_job(page)
            for scene in list_scenes():
                if not only or scene.name in only:
                    page.goto(scene.address)
                    page.locator(scene.shown).first.wait_for()
                    scene.act(page)
                    _save(page, WEB / f"{scene.name}-{theme}.jpg")
            context.close()
        browser.close()


def _start_job(page: Page) -> None:
    """So that the page of jobs has one to show."""
    page.request.post("/v1/jobs", data={"kind": "index"})


def _look_up(page: Page) -> None:
    """A page of the library, brought as if it were a new scan."""
    named = "filter=group%3Ddrawings&filter=cluster%3D0&limit=1"
    found = page.request.get(f"/v1/pages?{named}").json()["pages"][0]["page_id"]
    scan = page.request.get(f"/v1/pages/{found}/image?side_px=1600").body()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Look up a scan").click()
    chooser.value.set_files([{"name": "new-scan.jpg", "mimeType": "image/jpeg", "buffer": scan}])
    page.locator(".tile img").nth(3).wait_for()


def _open_similar(page: Page) -> None:
    found = page.request.get("/v1/pages?filter=group%3Ddrawings&limit=3").json()["pages"][-1]["page_id"]
    page.goto(f"/search?page={found}")
    page.locator(".tile img").nth(3).wait_for()


def _open_page(page: Page) -> None:
    page.get_by_role("list", name="Pages in shelf order").get_by_role("link").nth(2).click()
    page.get_by_role("dialog").wait_for()


def _see_jobs(page: Page) -> None:
    """They stand below the forms."""
    page.locator(".job").first.scroll_into_view_if_needed()


def _fold_questions(page: Page) -> None:
    page.locator(".question-sheet summary").first.click()


def _save(page: Page, file: Path) -> None:
    """What is on the screen once all pictures are there, as good as its size allows."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1200)
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        picture = shot.convert("RGB")
    for quality in range(86, 20, -6):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= MOST_BYTES:
            break
    file.write_bytes(buffer.getvalue())


def main(arguments: Iterable[str] | None = None) -> None:
    """Parse, and take them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, metavar="DIR", help="Where to keep the library.")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="Only the pictures of these pages.")
    given = parser.parse_args(None if arguments is None else list(arguments))
    WEB.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        filled = (work / "library").exists()
        take_pictures(Quire(work / "library", QUIRE_USER="you") if filled else fill_library(work), given.only)
    print(json.dumps({path.name: path.stat().st_size for path in sorted(WEB.iterdir())}, indent=2))


if __name__ == "__main__":
    main()
