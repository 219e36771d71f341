"""Makes docs/sketchbooks.md and its pictures from a real run: `python -m docs.make_walkthrough`.

The sample sketchbooks are drawn, every ninth file is put aside as a "new scan", the rest is indexed, clustered and named with the
installed command, and what the command printed goes into docs/sketchbooks.template.md. Where a person would look at contact sheets
to name a cluster, this script takes the medium that most of the twelve exemplars have, from sketchbooks.csv.

    python -m docs.make_walkthrough [--work DIR] [--real SHARED_DATA] [--screenshots]

`--real` runs the same on the real pages of QUIRE_TEST_DATA and writes docs/sketchbooks-real.md, figures only; `--screenshots` also
opens the web page in Chromium and takes the pictures of the README.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from string import Template
from typing import Any

from PIL import Image

from indexer.library import Library
from indexer.output.contact_sheet import Tile, draw_contact_sheet
from indexer.settings import load_settings

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
from support.command import Quire, serving  # noqa: E402
from support.terminal import run_in_terminal  # noqa: E402

PICTURES = HERE / "pictures"
EVERY = 9
"""Each ninth file is held back, to be classified as a new scan."""
K = 16
SEEDS = 5
GROUPS = {
    "line drawing": "drawings",
    "watercolour": "watercolours",
    "notes": "writing",
    "letter": "writing",
    "diagram": "diagrams",
}
SHEET_WIDTH_PX = 1100


class Case:
    """A folder of scans whose truth is known, half-way through the job."""

    def __init__(self, work: Path, truth: Callable[[str], str]) -> None:
        self.scans, self.new = work / "scans", work / "new"
        self.truth = truth
        self.quire = Quire(work / "library", QUIRE_USER="you")

    def hold_back(self) -> list[Path]:
        """Move every ninth file to `new`; returns those moved."""
        files = sorted(path for path in self.scans.rglob("*") if path.is_file() and path.suffix != ".csv")
        moved = []
        for file in files[EVERY // 2 :: EVERY]:
            target = self.new / file.relative_to(self.scans)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(file, target)
            moved.append(target)
        return moved

    def choose_names(self) -> dict[str, list[int]]:
        """Clusters by the name that most of their exemplars would get."""
        names: dict[str, list[int]] = {}
        for cluster in self.quire.json("clusters"):
            kinds = Counter(self.truth(path) for path in cluster["exemplar_paths"])
            names.setdefault(kinds.most_common(1)[0][0], []).append(cluster["cluster"])
        return names

    def pages(self, *filters: str) -> list[dict[str, Any]]:
        """All pages that the filters let through."""
        options = [word for text in filters for word in ("--filter", text)]
        found = self.quire.json("pages", "--limit", "1000", *options)
        assert found["next_cursor"] is None
        return list(found["pages"])

    def table(self) -> str:
        """Groups by truth, as a Markdown table."""
        counts = Counter((page["group"], self.truth(page["path"])) for page in self.pages())
        kinds = sorted({kind for _, kind in counts})
        groups = sorted({str(group) for group, _ in counts})
        head = f"| group | {' | '.join(kinds)} |\n|---|{'---:|' * len(kinds)}"
        rows = [f"| {group} | {' | '.join(str(counts[group, kind] or '·') for kind in kinds)} |" for group in groups]
        return "\n".join([head, *rows])

    def _twins(self, path: Path) -> list[Path]:
        """Where a second scan of the page of a held-back file would be."""
        stem = path.stem.removesuffix("_2")
        place = self.scans / path.relative_to(self.new).parent
        return [place / f"{name}{path.suffix}" for name in (stem, f"{stem}_2") if name != path.stem]

    def classify(self, files: Sequence[Path]) -> dict[str, str]:
        """How many of the new pages were put right, as words."""
        answer = self.quire.json("classify", *files)["pages"]
        truths = [self.truth(Path(page["name"]).relative_to(self.new).as_posix()) for page in answer]
        wrong = [
            f"`{Path(page['name']).relative_to(self.new)}` ({truth} taken for {page['group']})"
            for page, truth in zip(answer, truths, strict=True)
            if not page["unknown"] and page["group"] != truth
        ]
        unknown = sum(page["unknown"] for page in answer)
        return {
            "new_pages": str(len(answer)),
            "new_right": str(len(answer) - unknown - len(wrong)),
            "new_unknown": str(unknown),
            "new_wrong": str(len(wrong)),
            "new_twins": str(sum(any(map(Path.exists, self._twins(path))) for path in files)),
            "new_wrong_list": ", ".join(wrong) or "none",
        }


def make_walkthrough(work: Path, *, screenshots: bool) -> None:
    """The sketchbook case, from drawing the samples to the written page."""
    source = work / "sketchbooks"
    if not (source / "sketchbooks.csv").exists():
        Quire(work / "none").ok("samples", source)
    shutil.copytree(source, work / "scans", dirs_exist_ok=True)
    with (source / "sketchbooks.csv").open(encoding="utf-8", newline="") as file:
        media = {row["path"]: row["medium"] for row in csv.DictReader(file)}
    case = Case(work, lambda path: GROUPS.get(media[path], "other"))
    new = case.hold_back()
    shown: dict[str, str] = {"k": str(K)}
    terminal = _Terminal(case.quire, work)
    shown["index"] = terminal("index", "scans", "--model", "classic")
    shown["choose"] = terminal("cluster", "-k", "4,8,16")
    shown["cluster"] = terminal("cluster", "-k", str(K))
    case.quire.ok("clusters", "--sheets", work / "sheets")
    names = case.choose_names()
    shown["names"] = "\n".join(
        f"$ quire name {' '.join(map(str, numbers))} {group}\n" + terminal("name", *map(str, numbers), group)
        for group, numbers in names.items()
    )
    shown |= _measure(case, media)
    shown["seeds"] = _compare_seeds(case, work / "other")
    _save_sheet(case, work, names)
    drawn = next(path for path in new if media[path.relative_to(case.new).as_posix()] == "line drawing")
    painted = next(path for path in new if media[path.relative_to(case.new).as_posix()] == "watercolour")
    pair = [path.relative_to(work).as_posix() for path in (drawn, painted)]
    shown |= {"pair": " ".join(pair), "classify": terminal("classify", *pair)} | case.classify(new)
    shown["similar"] = terminal("similar", pair[0], "--filter", "group=drawings", "--limit", "5")
    shown["similar_scan"] = pair[0]
    _save_similar(case, drawn)
    text = Template((HERE / "sketchbooks.template.md").read_text(encoding="utf-8")).substitute(shown)
    (HERE / "sketchbooks.md").write_text(text, encoding="utf-8")
    if screenshots:
        take_screenshots(case.quire, painted)


def make_real(work: Path, data: Path) -> None:
    """The same on real pages; figures only, as the pictures are not ours."""
    parts = []
    for k in (16, 32):
        place = work / str(k)
        shutil.copytree(data / "categories", place / "scans" / "categories", ignore=shutil.ignore_patterns("*.csv"))
        shutil.copytree(data / "similarity" / "usda", place / "scans" / "usda", ignore=shutil.ignore_patterns("*.csv"))
        case = Case(place, lambda path: "watercolours" if path.startswith("usda/") else path.split("/")[1])
        new = case.hold_back()
        case.quire.ok("index", case.scans, "--model", "classic")
        case.quire.ok("cluster", "-k", k)
        for group, numbers in case.choose_names().items():
            case.quire.ok("name", *numbers, group)
        comic = Counter(case.truth(page["path"]) for page in case.pages("group=comic"))
        total = sum(case.truth(page["path"]) == "comic" for page in case.pages())
        figures = case.classify(new)
        parts.append(
            f"### k = {k}\n{case.table()}\n\nOf {total} line drawings ({'`comic`'}), {comic['comic']} are in their group, and with them "
            f"{comic['watercolours']} watercolours and {sum(comic.values()) - comic['comic'] - comic['watercolours']} others. "
            f"Of {figures['new_pages']} new pages, {figures['new_right']} were put into the right group, {figures['new_wrong']} into "
            f"a wrong one, and {figures['new_unknown']} called unknown.\n"
        )
    head = (HERE / "sketchbooks-real.template.md").read_text(encoding="utf-8")
    (HERE / "sketchbooks-real.md").write_text(head + "\n" + "\n".join(parts), encoding="utf-8")


def take_screenshots(quire: Quire, scan: Path) -> None:
    """The web page with an answer on it, and the one with the clusters."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with serving(quire) as service, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1180, "height": 760}, color_scheme="light")
        page.goto(service.address)
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Look up a scan").click()
        chooser.value.set_files(scan)
        page.locator(".tile img").nth(3).wait_for()
        page.wait_for_timeout(1500)
        _save_jpeg(page.screenshot(), PICTURES / "search.jpg")
        page.goto(f"{service.address}/clusters")
        page.locator(".tile img").nth(8).wait_for()
        page.wait_for_timeout(1500)
        _save_jpeg(page.screenshot(), PICTURES / "clusters.jpg")
        browser.close()


class _Terminal:
    """What a command shows on a terminal, from the folder that the walk-through is told to be in."""

    def __init__(self, quire: Quire, folder: Path) -> None:
        self._quire, self._folder = quire, folder

    def __call__(self, *arguments: str) -> str:
        return run_in_terminal(self._quire, *arguments, folder=self._folder).replace(f"{self._folder}/", "")


def _measure(case: Case, media: dict[str, str]) -> dict[str, str]:
    pages = case.pages()
    art = Counter(media[page["path"]] for page in pages if page["label"] == "art")
    group = Counter(media[page["path"]] for page in case.pages("group=drawings"))
    drawings = sum(media[page["path"]] == "line drawing" for page in pages)
    strays = [page["path"] for page in case.pages("group=drawings") if media[page["path"]] == "watercolour"]
    lost = Counter(
        page["group"] for page in pages if media[page["path"]] == "line drawing" and page["group"] != "drawings"
    )
    others = Counter({kind: count for kind, count in group.items() if kind not in ("line drawing", "watercolour")})
    return {
        "pages": str(len(pages)),
        "table": case.table(),
        "art_pages": str(sum(art.values())),
        "art_watercolours": str(art["watercolour"]),
        "group_pages": str(sum(group.values())),
        "group_watercolours": str(group["watercolour"]),
        "group_drawings": str(group["line drawing"]),
        "group_others": _count(others),
        "drawings": str(drawings),
        "lost": _count(lost),
        "strays": ", ".join(f"`{path}`" for path in strays) or "none",
    }


def _compare_seeds(case: Case, copy: Path) -> str:
    """The same with other seeds and numbers of clusters, on a copy of the library, as a Markdown table."""
    shutil.copytree(case.quire.library, copy)
    rows = []
    with Library.open(load_settings(library=copy)) as library:
        for k in (8, 16, 24):
            found = [_count_named(library, case.truth, k=k, seed=seed) for seed in range(SEEDS)]
            cells = [" ".join(str(one[kind]) for one in found) for kind in ("drawings", "watercolours", "others")]
            rows.append(f"| {k} | {' | '.join(cells)} |")
    head = "| k | drawings in the group | watercolours in the group | others in the group |\n|---:|---|---|---|"
    return "\n".join([head, *rows])


def _count_named(library: Library, truth: Callable[[str], str], *, k: int, seed: int) -> Counter[str]:
    """What the group `drawings` would hold if clusters were named by most of their exemplars."""
    clusters = library.cluster(k, seed=seed).clusters
    drawn = {
        one.cluster
        for one in clusters
        if Counter(truth(path) for path in one.exemplar_paths).most_common(1)[0][0] == "drawings"
    }
    kinds = Counter(truth(page.path) for page in library.pages(limit=1000).pages if page.cluster in drawn)
    kinds["others"] = sum(kinds.values()) - kinds["drawings"] - kinds["watercolours"]
    return kinds


def _count(counts: Counter[str]) -> str:
    return ", ".join(f"{count} × {kind}" for kind, count in counts.most_common()) or "none"


def _save_sheet(case: Case, work: Path, names: dict[str, list[int]]) -> None:
    """Sheets of one cluster of drawings and one of watercolours, as the command drew them, and one of the whole group."""
    for group in ("drawings", "watercolours"):
        with Image.open(work / "sheets" / f"cluster-{names[group][0]:03d}.png") as sheet:
            _save_small(sheet, PICTURES / f"cluster-{group}.jpg")
    tiles = [_tile(case.scans / page["path"], page["path"]) for page in case.pages("group=drawings")]
    sheet = draw_contact_sheet(tiles, title="Group: drawings", subtitle=f"{len(tiles)} pages, in shelf order")
    _save_small(sheet, PICTURES / "drawings.jpg")


def _save_similar(case: Case, scan: Path) -> None:
    found = case.quire.json("similar", scan, "--filter", "group=drawings", "--limit", "5")["pages"][0]["pages"]
    tiles = [_tile(scan, f"new: {scan.relative_to(case.new)}")]
    tiles += [_tile(case.scans / one["page"]["path"], one["page"]["path"], f"{one['similarity']:.3f}") for one in found]
    _save_small(draw_contact_sheet(tiles, title="Similar to a new scan", columns=6), PICTURES / "similar.jpg")


def _tile(path: Path, caption: str, note: str = "") -> Tile:
    import numpy as np

    with Image.open(path) as picture:
        picture.thumbnail((320, 320))
        return Tile(np.asarray(picture.convert("RGB")), caption, note)


def _save_small(sheet: Image.Image, path: Path) -> None:
    height = round(sheet.height * SHEET_WIDTH_PX / sheet.width)
    sheet.convert("RGB").resize((SHEET_WIDTH_PX, height), Image.Resampling.LANCZOS).save(
        path, quality=82, optimize=True
    )


def _save_jpeg(png: bytes, path: Path) -> None:
    import io

    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").save(path, quality=85, optimize=True)


def main(arguments: Iterable[str] | None = None) -> None:
    """Parse, and make what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, help="Where to work; drawn sketchbooks found there are used again.")
    parser.add_argument("--real", type=Path, metavar="DIR", help="Real pages, for the figures of sketchbooks-real.md.")
    parser.add_argument("--screenshots", action="store_true", help="Also take the pictures of the web page.")
    given = parser.parse_args(None if arguments is None else list(arguments))
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        if given.work and (given.work / "sketchbooks").is_dir():
            shutil.copytree(given.work / "sketchbooks", work / "sketchbooks")
        make_walkthrough(work, screenshots=given.screenshots)
        if given.real:
            make_real(work / "real", given.real)
    print(json.dumps({path.name: path.stat().st_size for path in sorted(PICTURES.iterdir())}, indent=2))


if __name__ == "__main__":
    main()
