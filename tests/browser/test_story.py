"""The sketchbook story on real pages: cluster, look, name, see the map, cluster anew, answer, and take only the drawings away."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import Http
from support.command import Quire, serving
from support.library import settings_in
from support.models import MOBILENET, MOBILENET_FILE

from indexer.library import Library

pytestmark = [pytest.mark.browser, pytest.mark.data]

DATA = Path(os.environ.get("QUIRE_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
SHELF = {
    "art": {"drawing": ("categories/comic", 32), "watercolour": ("similarity/usda", 32)},
    "notes": {"writing": ("categories/handwritten", 20), "letter": ("categories/typed", 20)},
    "xtra": {"diagram": ("categories/diagram", 16)},
}
"""Folder of a sketchbook: what is in it, from where, how many. The watercolours hide among the drawings: both are `art`."""
NOTEBOOKS = 3
GROUPS = {
    "drawing": "drawings",
    "watercolour": "watercolours",
    "writing": "notes",
    "letter": "notes",
    "diagram": "diagrams",
}
K, K_LATER = 8, 12


@pytest.fixture(scope="module")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on three sketchbooks of 120 real pages, indexed with MobileNetV2; nobody has clustered or named anything."""
    place = tmp_path_factory.mktemp("story")
    scans = fill_sketchbooks(place / "scans")
    model = {"model": MOBILENET, "checkpoint": DATA / MOBILENET_FILE}
    with Library.open(settings_in(place / "library", **model), create=True) as library:
        assert library.index([scans]).added == 120
    with serving(Quire(place / "library", QUIRE_USER="artist")) as service:
        yield service.address


def fill_sketchbooks(scans: Path) -> Path:
    """`scans/sb1/art/drawing-00.jpg` …: the names tell the test, and nobody else, what a page is."""
    for folder, kinds in SHELF.items():
        for kind, (source, count) in kinds.items():
            files = sorted(file for file in (DATA / source).rglob("*") if file.suffix in (".jpg", ".png"))
            for number, file in enumerate(files[:: len(files) // count][:count]):
                target = scans / f"sb{number % NOTEBOOKS + 1}" / folder / f"{kind}-{number:02}{file.suffix}"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
    return scans


def kind_of(path: str) -> str:
    """What a page is."""
    return path.rsplit("/", 1)[1].split("-")[0]


def groups(http: Http) -> dict[str, str | None]:
    """The group of every page, by path."""
    return {page["path"]: page["group"] for page in http.get("/pages?limit=200")["pages"]}


def test_the_drawings_are_found_named_kept_and_taken_away(
    page: Page, http: Http, tmp_path: Path, console_errors: list[str]
) -> None:
    """What the artist does in one sitting, and what becomes of the names when there are other clusters."""
    cluster_into(page, K, first=True)
    assert look_at_the_sheets(page, http) == K
    named = name_by_what_is_seen(page, http)
    assert set(named.values()) == set(GROUPS.values())
    see_the_map_by_group(page, named=set(named.values()), http=http)
    # before there was a map, the page asked for one
    assert all("404" in error for error in console_errors)
    console_errors.clear()
    before = groups(http)
    cluster_into(page, K_LATER, first=False)
    check_names_survived(page, http, before)
    answer_all_questions(page, http)
    take_the_drawings_away(page, http, tmp_path)


def cluster_into(page: Page, k: int, *, first: bool) -> None:
    """The form stands open where there are no clusters yet."""
    page.goto("/clusters")
    if first:
        expect(page.get_by_text("Nothing has been clustered yet.")).to_be_visible()
    else:
        page.locator("summary", has_text="Cluster anew").click()
    page.get_by_label("Clusters (k)").fill(str(k))
    page.get_by_role("button", name="Cluster", exact=True).click()
    expect(page.get_by_role("region", name="Cluster ")).to_have_count(k, timeout=60_000)


def look_at_the_sheets(page: Page, http: Http) -> int:
    """How many clusters show their exemplars, the nearest to the middle first."""
    clusters = http.get("/clusters")
    for cluster in clusters:
        sheet = page.get_by_role("region", name=f"Cluster {cluster['cluster']}", exact=True)
        sheet.scroll_into_view_if_needed()
        expect(sheet.locator("img")).to_have_count(min(cluster["size"], 12))
        expect(sheet.locator("img").first).to_have_attribute("alt", cluster["exemplar_paths"][0])
    return len(clusters)


def name_by_what_is_seen(page: Page, http: Http) -> dict[int, str]:
    """Type a name for each cluster: what most of its exemplars are; returns the names."""
    named = {}
    for cluster in http.get("/clusters"):
        kinds = Counter(kind_of(path) for path in cluster["exemplar_paths"])
        number, group = cluster["cluster"], GROUPS[kinds.most_common(1)[0][0]]
        box = page.get_by_role("combobox", name=f"Name of cluster {number}", exact=True)
        box.fill(group)
        box.press("Enter")
        expect(page.get_by_role("region", name=f"Cluster {number}", exact=True).get_by_text("saved")).to_be_visible()
        named[number] = group
    assert {one["cluster"]: one["group"] for one in http.get("/clusters")} == named
    return named


def see_the_map_by_group(page: Page, *, named: set[str], http: Http) -> None:
    """Make the map in the browser; its legend counts the pages of each group, and one group can be seen alone."""
    page.goto("/map?by=group")
    page.get_by_label("Method").select_option("pca")
    page.get_by_role("button", name="Make the map").click()
    status = page.get_by_role("status")
    expect(status).to_contain_text("120 in view", timeout=60_000)
    legend = page.get_by_role("region", name="Legend")
    counts = http.get("/facets/group")["counts"]
    assert set(counts) == named
    for group, count in counts.items():
        row = legend.get_by_role("listitem").filter(has=page.get_by_role("checkbox", name=group))
        expect(row.locator(".menu-count")).to_have_text(str(count))
    legend.get_by_role("button", name="Show only drawings").click(force=True)
    expect(status).to_have_text(f"{counts['drawings']} in view")


def check_names_survived(page: Page, http: Http, before: dict[str, str | None]) -> None:
    """No page changes its group; each has it by its new cluster or is in a question; and the questions stand on the page."""
    assert groups(http) == before
    asked = http.get("/questions")
    assert asked
    rows = page.get_by_role("list", name="Open questions").locator("> li")
    expect(rows).to_have_count(len(asked))
    for number, question in enumerate(asked):
        expect(rows.nth(number)).to_contain_text(question["text"])
    inherited = {one["cluster"]: one["group"] for one in http.get("/clusters")}
    assert {group for group in inherited.values() if group} <= set(before.values())
    assert "drawings" in inherited.values()
    doubtful = {(one["cluster"], candidate["group"]) for one in asked for candidate in one["candidates"]}
    for one in http.get("/pages?limit=200")["pages"]:
        assert one["group"] == inherited[one["cluster"]] or (one["cluster"], one["group"]) in doubtful


def answer_all_questions(page: Page, http: Http) -> None:
    """By the likely answer, which stands first; a group that no cluster is any more keeps its pages."""
    rows = page.get_by_role("list", name="Open questions").locator("> li")
    while asked := http.get("/questions"):
        row = rows.filter(has_text=asked[0]["text"])
        likely = "It is “|They become “" if asked[0]["cluster"] >= 0 else "Leave as it is"
        row.get_by_role("button", name=re.compile(likely)).first.click()
        expect(row).to_be_hidden()
    expect(page.get_by_role("list", name="Open questions")).to_be_hidden()


def take_the_drawings_away(page: Page, http: Http, tmp_path: Path) -> None:
    """The archive holds the files of the group as they are on the disk, in their folders, and the table; few are no drawings."""
    wanted = {path for path, group in groups(http).items() if group == "drawings"}
    page.goto("/search?filter=group%3Ddrawings")
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="With their folders").click()
    with zipfile.ZipFile(download.value.path()) as packed:
        names = set(packed.namelist())
        assert {name for name in names if name.startswith("sb")} == wanted
        (table,) = (name for name in names if name.endswith(".csv"))
        rows = list(csv.DictReader(io.TextIOWrapper(packed.open(table), "utf-8-sig", newline="")))
        assert {row["path"] for row in rows} == wanted
    kinds = Counter(kind_of(path) for path in wanted)
    assert kinds["drawing"] >= 24
    assert kinds["watercolour"] <= 3
    assert sum(kinds.values()) - kinds["drawing"] <= 6
