"""`quire cluster --by meaning`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.cli.opening import opened
from indexer.cli.questions import print_questions

if TYPE_CHECKING:
    from indexer.settings import Settings


def cluster_by_meaning(
    settings: Settings, thresholds: str | None, names: str | None, word_vectors: Path | None, *, as_json: bool
) -> None:
    """With one threshold, make the clusters; with several, only say how many each would give."""
    from indexer.cli.clusters import print_clusters
    from indexer.cli.showing import err, print_json, print_table, progress_bar
    from indexer.library.words import DISTANCE_THRESHOLD

    wanted = _parse(thresholds) if thresholds is not None else [DISTANCE_THRESHOLD]
    field, file = names or "label", word_vectors.expanduser().resolve() if word_vectors else None
    with opened(settings) as lib, progress_bar() as progress:
        if len(wanted) > 1:
            choices = lib.words.choose_threshold(wanted, names=field, word_vectors=file)
        else:
            report = lib.words.cluster_by_meaning(
                distance_threshold=wanted[0], names=field, word_vectors=file, progress=progress
            )
    if len(wanted) > 1:
        if as_json:
            print_json(choices)
        else:
            rows = [(c.distance_threshold, c.clusters, c.largest) for c in choices]
            print_table(("distance threshold", "clusters", "names in the largest"), rows)
        return
    if as_json:
        print_json(report)
        return
    print_clusters(report.clusters)
    print_questions(report.questions)
    if report.unknown_names:
        shown = ", ".join(report.unknown_names[:10]) + (" …" if len(report.unknown_names) > 10 else "")
        err().print(
            f"No word is known of {len(report.unknown_names)} names: {shown}. Each is a cluster of its own.",
            markup=False,
        )
    if report.unnamed:
        err().print(f"{report.unnamed} pages have no name in {field} and are in no cluster.", markup=False)


def _parse(text: str) -> list[float]:
    from indexer.errors import UsageError

    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise UsageError(
            f"{text!r} is no number, nor several with commas between them, such as 0.3,0.43,0.6."
        ) from None
