"""How often a page is found by words taken from its transcript: by words alone, by looks alone, and by both in one list.

A person looks for a page of a letter (115 typed pages of 28 documents of 1936-58). They remember a few words that stand on it, and have
another page of the same document at hand. Words: BM25 over what was read on the pages, and over the transcripts, as if nothing had been
misread. Looks: the pages most like the one at hand, by the real MobileNetV2. Fused: both lists by Quire's own reciprocal rank fusion.
That a *description* finds pages by their looks needs a model with a text side, whose weights can't be had here; it is not measured.

All pages are 640 px high but for 11, which are there at 300 dpi; so most are read far worse than an archive's scans would be.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.models import MOBILENET, find_mobilenet
from benchmarks.ocr import edit_distance
from benchmarks.report import find_data, print_machine, print_result, print_table, scratch
from indexer.analysis.fusing import fuse_rankings
from indexer.library import Library
from indexer.library.finding import FUSED_DEPTH
from indexer.library.page_payload import TEXT, TEXT_ENGINE
from indexer.settings import load_settings

LENGTHS = (1, 3, 6)
"""Words of a query, as they follow each other on the page."""
TOP = 10
_SEED = 7


@dataclass(frozen=True, slots=True)
class Query:
    """The page that is looked for, the one at hand, and words of the first."""

    wanted: str
    at_hand: str
    words: str


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it; `--small` takes one document, and reads one page of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--engine", choices=("rapidocr", "tesseract"), help="what reads the pages")
    options = parser.parse_args(arguments)
    machine = print_machine()
    figures: dict[str, dict[str, float]] = {}
    with scratch() as folder:
        transcripts = _copy_pages(folder / "pages", most=1 if options.small else None)
        settings = load_settings(library=folder / "library")
        with Library.open(settings, create=True) as library:
            library.index([folder / "pages"], model=MOBILENET, checkpoint=find_mobilenet())
            ids = {page.path.removesuffix(".jpg"): page.page_id for page in library.pages(limit=1000).pages}
            texts = {ids[path]: text for path, text in transcripts.items()}
            library.words.read_text(engine=options.engine, limit=1 if options.small else None)
            errors = _error_rates(library, texts)
            queries = {length: _make_queries(ids, texts, length) for length in LENGTHS}
            looks = {page: _by_looks(library, page) for page in ids.values()}
            _measure(library, queries, looks, "as read", figures)
            payloads = [{TEXT: text, TEXT_ENGINE: "transcript"} for text in texts.values()]
            library.collection.set_payload(list(texts), payloads)
            _measure(library, queries, looks, "transcripts", figures)
    print_table(
        ("words of", "query", "words @1", "@10", "looks @1", "@10", "fused @1", "@10"),
        [(*name.split(", "), *row.values()) for name, row in figures.items()],
    )
    print(
        f"{len(queries[3])} queries of each length; character error rate of what was read: median {np.median(errors):.3f}\n"
    )
    print_result(
        "text_search",
        machine,
        pages=len(ids),
        queries=len(queries[3]),
        error_rate_median=float(np.median(errors)),
        figures=figures,
    )


def _copy_pages(folder: Path, *, most: int | None) -> dict[str, str]:
    """The pages of `ehri`, each document a folder, the best scan of each; their transcripts by path without suffix."""
    data = find_data()
    transcripts = {}
    for document in sorted((data / "streams").glob("ehri__*"))[:most]:
        for page in sorted(document.glob("p*.jpg")):
            name = f"{document.name}_{page.stem}"
            scan = data / "scans_300dpi" / f"{name}.jpg"
            (folder / document.name).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(scan if scan.exists() else page, folder / document.name / page.name)
            transcripts[f"{document.name}/{page.stem}"] = (data / "transcripts" / f"{name}.txt").read_text(
                encoding="utf-8"
            )
    return transcripts


def _make_queries(ids: Mapping[str, str], texts: Mapping[str, str], length: int) -> list[Query]:
    """One for each page whose document has another page and whose transcript has enough words of three letters or more."""
    random = np.random.default_rng([_SEED, length])
    queries = []
    for path, page in ids.items():
        words = re.findall(r"[^\W\d_]{3,}", texts[page])
        others = [other for other in ids if other != path and other.split("/")[0] == path.split("/")[0]]
        if len(words) >= 12 and others:
            begin = int(random.integers(len(words) - length + 1))
            at_hand = others[int(random.integers(len(others)))]
            queries.append(Query(page, ids[at_hand], " ".join(words[begin : begin + length])))
    return queries


def _by_looks(library: Library, page: str) -> list[str]:
    vector = library.collection.retrieve([page], vectors=("page",)).vectors["page"]
    hits = library.collection.find_similar(vector, using="page", limit=FUSED_DEPTH + 1, exact=True)[0]
    return [hit.id for hit in hits if hit.id != page]


def _measure(
    library: Library,
    queries: Mapping[int, list[Query]],
    looks: Mapping[str, list[str]],
    what: str,
    figures: dict[str, dict[str, float]],
) -> None:
    for length, asked in queries.items():
        ranks: dict[str, list[int]] = {"words": [], "looks": [], "fused": []}
        for query in asked:
            hits = library.collection.find_words(query.words, using=TEXT, limit=FUSED_DEPTH + 1)
            words = [hit.id for hit in hits if hit.id != query.at_hand]
            fused = [one for one, _ in fuse_rankings([looks[query.at_hand], words])]
            for name, ranking in (("words", words), ("looks", looks[query.at_hand]), ("fused", fused)):
                ranks[name].append(ranking.index(query.wanted) if query.wanted in ranking else len(looks))
        row = {}
        for name, found in ranks.items():
            row[f"{name}_at_1"] = float(np.mean(np.asarray(found) < 1))
            row[f"{name}_at_{TOP}"] = float(np.mean(np.asarray(found) < TOP))
        figures[f"{what}, {length} word{'s' if length > 1 else ''}"] = row


def _error_rates(library: Library, texts: Mapping[str, str]) -> list[float]:
    """Of the pages that were read."""
    found = library.collection.retrieve(list(texts))
    rates = []
    for page, payload in zip(found.ids, found.payloads, strict=True):
        if TEXT_ENGINE in payload:
            true, read = " ".join(texts[page].split()), " ".join(str(payload.get(TEXT, "")).split())
            rates.append(edit_distance(true, read) / max(len(true), 1))
    return rates


if __name__ == "__main__":
    main()
