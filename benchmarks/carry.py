"""Names that survive, on real pages: what becomes of each page's group after clustering with another k or seed.

    python -m benchmarks.carry [--small]

The categories of the real pages, and as many watercolours, are put into 16 clusters, each of which is named by what most of its
twelve exemplars are. Then they are clustered into 24, and into 16 by another seed; five times each, with the vectors of `classic` and
of MobileNetV2 (--small: twice, every third page, `classic` alone). A page's group is sure if its new cluster inherits it; asked, if a
question is about the page; silent, if it has another group now and no question says so. "Right" is how many pages are in the group that
a person would put them in: before, and after each question got its likely answer, or none where there is none. Prints a table, and as
its last line one JSON object.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import print_machine, print_result, print_table
from benchmarks.unknown import embed_kinds
from indexer.analysis.carry import carry_over
from indexer.analysis.kmeans import Clustering, cluster_vectors
from indexer.values import Matrix

K, LATER_K = 16, 24
_EXEMPLARS = 12
_OTHER_SEED = 100


@dataclass(frozen=True, slots=True)
class Fate:
    """Shares of all pages, and how many questions there are."""

    sure: float
    asked: float
    silent: float
    right_before: float
    right_after: float
    questions: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="every third page, two seeds, no network")
    small = parser.parse_args(arguments).small
    machine = print_machine()
    vectors, kinds = embed_kinds(small=small)
    rows, figures = [], {}
    for model, matrix in vectors.items():
        for way, k, other in ((f"k {K} to {LATER_K}", LATER_K, 0), ("another seed", K, _OTHER_SEED)):
            lives = [_live(matrix, kinds, k=k, seeds=(seed, seed + other)) for seed in range(2 if small else 5)]
            means = Fate(*np.mean([astuple(fate) for fate in lives], axis=0).tolist())
            least = min(fate.sure + fate.asked for fate in lives)
            rows.append((model, way, *(f"{value:.3f}" for value in astuple(means)[:-1]), f"{means.questions:.1f}"))
            told = {field.name: round(getattr(means, field.name), 4) for field in fields(Fate)}
            figures[f"{model}, {way}"] = {**told, "least_kept_or_asked": round(least, 4)}
    print_table(["vectors", "then", *(field.name.replace("_", " ") for field in fields(Fate))], rows)
    print_result("carry", machine, pages=len(kinds), figures=figures)


def _live(vectors: Matrix, kinds: NDArray[np.str_], *, k: int, seeds: tuple[int, int]) -> Fate:
    before = cluster_vectors(vectors, k=K, seed=seeds[0])
    names = _name_by_exemplars(before, kinds)
    had = np.array([names[int(cluster)] for cluster in before.labels])
    after = cluster_vectors(vectors, k=k, seed=seeds[1])
    result = carry_over(before.labels, after.labels, names)
    # What a library does: pages in `stays` keep what they had, all others have their cluster's.
    has = np.array([result.inherited.get(int(cluster), "") for cluster in after.labels])
    for group, pages in result.stays.items():
        has[pages] = group or ""
    about = [question for question in result.questions if question.kind != "lost"]
    asked = np.zeros(len(had), dtype=np.bool_)
    answered = has.copy()
    for question in about:
        asked[question.pages] = True
        if question.suggestion is not None:
            answered[question.pages] = question.suggestion
    return Fate(
        sure=float(((has == had) & ~asked).mean()),
        asked=float(asked.mean()),
        silent=float(((has != had) & ~asked).mean()),
        right_before=float((had == kinds).mean()),
        right_after=float((answered == kinds).mean()),
        questions=len(result.questions),
    )


def _name_by_exemplars(clustering: Clustering, kinds: NDArray[np.str_]) -> dict[int, str]:
    """For each cluster the kind that most of its pages nearest to the middle are of."""
    names = {}
    for cluster in np.unique(clustering.labels):
        members = np.flatnonzero(clustering.labels == cluster)
        nearest = members[np.argsort(-clustering.similarities[members], kind="stable")[:_EXEMPLARS]]
        names[int(cluster)] = Counter(kinds[nearest].tolist()).most_common(1)[0][0]
    return names


if __name__ == "__main__":
    main()
