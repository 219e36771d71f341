"""Makes docs/documents.md and its pictures from a real run: `python -m docs.make_documents`.

The sample sketchbooks are drawn, indexed and proposed with the installed command. One stream is reviewed on the web page in Chromium, with
the keyboard, as a person would who knows the truth: the break in view is cut or joined until none is doubtful. Then it is measured and
handed over. What was shown goes into docs/documents.template.md.

    python -m docs.make_documents [--books DIR]

`--books` takes sketchbooks that were drawn before.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from indexer.samples.plan import plan_sketchbooks

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
from support.command import Quire, serving  # noqa: E402
from support.terminal import run_in_terminal  # noqa: E402

PICTURES = HERE / "pictures"
STREAM = "books/sb49/notes"
SETTINGS = ("threshold", "proposed", "known-count", "decided", "single-pages")
MOST_KEYS = 40


def make_documents(work: Path) -> None:
    """From the box to the manifests, and the written page."""
    quire = Quire(work / "library", QUIRE_USER="ada")
    names = write_truth(work / "truth.csv")
    quire.ok("index", work / "books", "--model", "classic", "--views", "head,foot")
    quire.ok("documents")
    shown = {"streams": shorten(run_in_terminal(quire, "documents", folder=work))}
    with serving(quire) as service:
        shown |= review(service.address, names)
        given = [word for setting in SETTINGS for word in ("--setting", setting)]
        compared = run_in_terminal(quire, "documents", "compare", "truth.csv", *given, folder=work)
        shown["compare"] = pick(compared, STREAM)
        out = ("out", "--stream", STREAM, "--base-url", "http://127.0.0.1:8765")
        shown["export"] = run_in_terminal(quire, "documents", "export", *out, folder=work).strip()
    shown |= read_handed_over(work / "out")
    shown = {name: indent(text) if "\n" in text else text for name, text in shown.items()}
    text = Template((HERE / "documents.template.md").read_text(encoding="utf-8")).substitute(shown)
    (HERE / "documents.md").write_text(text, encoding="utf-8")


def write_truth(table: Path) -> dict[tuple[str, int], str]:
    """The document of each page by path and page number, also written as a table; pages of no letter stand alone."""
    names = {
        (file.path, number): page.document or page.key
        for file in plan_sketchbooks()
        for number, page in enumerate(file.pages, start=1)
    }
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "page_number", "document"])
        rows.writerows((path, number, name) for (path, number), name in names.items() if path.startswith("sb49/notes/"))
    return names


def review(address: str, names: dict[tuple[str, int], str]) -> dict[str, str]:
    """What the review shows on its way, with pictures of it."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light", base_url=address)
        page.goto("/documents")
        page.get_by_role("list", name="Streams").wait_for()
        picture(page, "documents-streams")
        first = propose(page)
        page.goto(f"/documents?stream={quote(STREAM, safe='')}")
        page.locator(".desk-left .desk-sheet").wait_for()
        picture(page, "documents-review")
        keys, third = 0, first
        while (now := propose(page))["doubtful"] and keys < MOST_KEYS:
            press(page, now, names)
            keys += 1
            if keys == 3:
                third = propose(page)
                picture(page, "documents-learning")
        picture(page, "documents-done")
        last = propose(page)
        browser.close()
    chance = first["breaks"][first["review_order"][0]]["probability"]
    wrong = sum(one["is_break"] != is_true(last, place, names) for place, one in enumerate(last["breaks"]))
    return {
        "chance": f"{100 * chance:.0f}",
        "first_documents": str(len(first["documents"])),
        "first_doubtful": str(first["doubtful"]),
        "third_documents": str(len(third["documents"])),
        "third_doubtful": str(third["doubtful"]),
        "keys": str(keys),
        "breaks": str(len(last["breaks"])),
        "right": str(len(last["breaks"]) - wrong),
        "true_documents": str(1 + sum(is_true(last, place, names) for place in range(len(last["breaks"])))),
    }


def press(page: Page, proposal: dict[str, Any], names: dict[tuple[str, int], str]) -> None:
    """Cut or join the break in view, as it is in truth."""
    here = page.evaluate("new URLSearchParams(location.search).get('at')")
    place = next(place for place, one in enumerate(proposal["breaks"]) if one["after"] == here)
    page.keyboard.press("c" if is_true(proposal, place, names) else "j")
    expect(page.locator(".review-saved")).to_have_text("all saved")


def is_true(proposal: dict[str, Any], place: int, names: dict[tuple[str, int], str]) -> bool:
    """Whether a document begins after the page at that place."""
    before, after = (names[one["path"], one["page_number"]] for one in proposal["pages"][place : place + 2])
    return before != after


def propose(page: Page) -> Any:
    """The stream's proposal, as the page has it."""
    return page.request.get(f"/v1/documents?stream={quote(STREAM)}").json()


def picture(page: Page, name: str) -> None:
    """What is on the screen, once all pictures are there."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").save(PICTURES / f"{name}.jpg", quality=85, optimize=True)


def read_handed_over(folder: Path) -> dict[str, str]:
    """A row of the table, and the beginning of a manifest: those of the first document of several pages."""
    with (folder / "documents.csv").open(newline="", encoding="utf-8-sig") as file:
        row = next(row for row in csv.DictReader(file) if int(row["pages"]) > 1)
    manifest = json.loads((folder / row["manifest"]).read_text(encoding="utf-8"))
    canvas = manifest["items"][0]
    lines = [
        f'"@context": "{manifest["@context"]}", "type": "{manifest["type"]}",',
        f' "label": {json.dumps(manifest["label"], ensure_ascii=False)}, '
        f'"items": [{{"type": "{canvas["type"]}", "height": {canvas["height"]}, "width": {canvas["width"]}, …}}, …]',
    ]
    return {"row": ",".join(["…", *list(row.values())[1:]]), "manifest": "{" + "\n".join(lines) + "}"}


def shorten(table: str) -> str:
    """The heading, the first line and the last two."""
    lines = table.strip().splitlines()
    return "\n".join([*lines[:2], "…", *lines[-2:]])


def pick(table: str, name: str) -> str:
    """The heading and the lines of one stream."""
    lines = table.strip().splitlines()
    heading = next(line for line in lines if line.startswith("stream"))
    return "\n".join([heading.rstrip(), *(line.rstrip() for line in lines if line.startswith(name))])


def indent(text: str) -> str:
    """The text as a block of code."""
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines()).lstrip()


def main(arguments: Iterable[str] | None = None) -> None:
    """Parse, and make it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--books", type=Path, metavar="DIR", help="Sketchbooks that were drawn before.")
    given = parser.parse_args(None if arguments is None else list(arguments))
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        if given.books:
            shutil.copytree(given.books, work / "books")
        else:
            Quire(work / "none").ok("samples", work / "books")
        make_documents(work)


if __name__ == "__main__":
    main()
