"""Documents, measured: every method on every real stream, nothing tuned on the stream that is scored; then the time for 900,000 pages.

    python -m benchmarks.documents [--small]

Prints Markdown tables and, as its last line, one JSON object of figures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.documents_scale import measure_scale
from benchmarks.documents_streams import TrueStream, compose_boxes, find_data_root, load_classic_streams, load_streams
from indexer.analysis.documents import (
    BREAK,
    JOIN,
    UNDECIDED,
    Breaks,
    Decisions,
    GroupingQuality,
    Proposal,
    cut_at_mean_length,
    cut_by_merging,
    cut_by_threshold,
    cut_into_one,
    cut_into_singles,
    find_breaks,
    find_intervals,
    find_threshold,
    list_documents,
    measure_grouping,
    measure_groupings,
    measure_neighbours,
    prepare_stream,
    propose_documents,
)

_CORRECTIONS = (0, 20, 100, 500)
_MOST_REVEALED = 0.8  # of a stream's breaks, so that something is left to score
_GRID = 40

Results = dict[str, dict[str, Breaks]]
"""Method -> stream -> proposed breaks."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it all and print."""
    parser = argparse.ArgumentParser(description="Measure document grouping on the real page streams.")
    parser.add_argument(
        "--small", action="store_true", help="time 50,000 pages instead of 900,000, and draw fewer bootstrap samples"
    )
    options = parser.parse_args(arguments)
    streams = load_streams(find_data_root())
    results = _run_methods(streams)
    reviews = {stream.name: _simulate_review(stream) for stream in streams}
    draws = 200 if options.small else 2000
    figures = {"streams": _print_methods(streams, results, reviews, draws), "rest": _print_rest(streams, reviews)}
    figures["boxes"] = _print_boxes(streams)
    figures["classic"] = _print_classic(load_classic_streams(find_data_root()))
    lengths = np.concatenate([_list_lengths(stream.breaks) for stream in streams])
    scale = measure_scale(50_000 if options.small else 900_000, lengths)
    print(
        f"\n{scale.pages:,} pages in {scale.streams:,} streams, cut into {scale.documents:,} documents by two processes:"
    )
    print(
        f"{scale.seconds:.1f} s ({scale.cpu_seconds:.1f} s of each core); peak memory of a process {scale.peak_mib:.0f} MiB,"
    )
    print(f"with {scale.vectors_mib:,.0f} MiB of vectors in all.\n")
    print(json.dumps({**figures, "scale": asdict(scale)}))


def _run_methods(streams: Sequence[TrueStream]) -> Results:
    """Every method on every stream; what needs a number takes the one that is best in the mean over the other streams."""
    results: Results = {}
    for stream in streams:
        others = [other for other in streams if other is not stream]
        for method, breaks in _cut_stream(stream, others):
            results.setdefault(method, {})[stream.name] = breaks
    return results


def _cut_stream(stream: TrueStream, others: Sequence[TrueStream]) -> Iterable[tuple[str, Breaks]]:
    pages, mean = len(stream.pages), float(np.concatenate([_list_lengths(other.breaks) for other in others]).mean())
    yield "one document", cut_into_one(pages)
    yield "all singletons", cut_into_singles(pages)
    yield "mean length of the other streams", cut_at_mean_length(pages, mean)
    yield (
        "mean length of the stream itself (cheats)",
        cut_at_mean_length(pages, float(_list_lengths(stream.breaks).mean())),
    )
    tuned: list[tuple[str, Callable[[TrueStream, float], Breaks], NDArray[np.float64]]] = [
        ("change-points (ruptures), penalty from the others", _cut_at_changes, np.geomspace(0.05, 5.0, _GRID)),
        ("(a) threshold from the others", _cut_at_threshold, np.linspace(0.02, 0.8, _GRID)),
        ("(b) merging, threshold from the others", _cut_merging, np.linspace(0.02, 0.8, _GRID)),
    ]
    for name, cut, grid in tuned:
        yield name, cut(stream, _choose(cut, grid, others))
    yield "(a) threshold that parts the stream's own values (Otsu)", _cut_by_otsu(stream)
    yield (
        "(a) best threshold for the stream itself (cheats)",
        _cut_at_threshold(stream, _choose(_cut_at_threshold, tuned[1][2], [stream])),
    )
    ready = prepare_stream(stream.pages)
    yield "(c) proposed, no corrections", propose_documents(ready).breaks
    yield "(c) known number of documents", propose_documents(ready, known_count=int(stream.breaks.sum()) + 1).breaks
    reviewed = [
        prepare_stream(other.pages).review(_decide(other.breaks, np.arange(len(other.breaks)))) for other in others
    ]
    yield "(d) all other streams reviewed, this one not", propose_documents(ready, others=reviewed).breaks


def _choose(
    cut: Callable[[TrueStream, float], Breaks], grid: NDArray[np.float64], streams: Sequence[TrueStream]
) -> float:
    """The number with the best mean PQ over these streams; of equals the middle one."""
    means = np.array(
        [np.mean([measure_grouping(s.breaks, cut(s, value)).pq for s in streams]) for value in grid.tolist()]
    )
    best = np.flatnonzero(means >= means.max() - 1e-12)
    return float(grid[best[len(best) // 2]])


def _cut_at_threshold(stream: TrueStream, value: float) -> Breaks:
    return cut_by_threshold(measure_neighbours(_get_page_vectors(stream)), value)


def _cut_by_otsu(stream: TrueStream) -> Breaks:
    return _cut_at_threshold(stream, find_threshold(measure_neighbours(_get_page_vectors(stream))))


def _cut_merging(stream: TrueStream, value: float) -> Breaks:
    return cut_by_merging(_get_page_vectors(stream), value)


def _cut_at_changes(stream: TrueStream, penalty: float) -> Breaks:
    """Kernel change-point detection (PELT) on the page vectors."""
    import ruptures

    ends = (
        ruptures.KernelCPD(kernel="linear", min_size=1)
        .fit(_get_page_vectors(stream).astype(np.float64))
        .predict(pen=penalty)
    )
    breaks = cut_into_one(len(stream.pages))
    breaks[np.array(ends[:-1], dtype=np.intp) - 1] = True
    return breaks


def _get_page_vectors(stream: TrueStream) -> NDArray[np.float32]:
    if stream.pages.page is None:
        raise ValueError(f"The stream {stream.name} was loaded without page vectors.")
    return stream.pages.page


def _simulate_review(stream: TrueStream) -> dict[int, tuple[Proposal, Decisions, Proposal]]:
    """After 0, 20, … corrections: the proposal, what was decided, and the proposal with the number of documents known besides.

    The least certain break is shown, answered truly, and everything is proposed anew before the next.
    """
    ready = prepare_stream(stream.pages)
    decided = np.zeros(len(stream.breaks), dtype=np.int8)
    proposal = propose_documents(ready)
    states = {}
    most = int(_MOST_REVEALED * len(decided))
    for number in range(min(max(_CORRECTIONS), most) + 1):
        if number:
            place = int(proposal.review_order[0])
            decided[place] = BREAK if stream.breaks[place] else JOIN
            proposal = propose_documents(ready, decisions=decided)
        if number in _CORRECTIONS or number == most:
            known = propose_documents(ready, decisions=decided, known_count=int(stream.breaks.sum()) + 1)
            states[number] = proposal, decided.copy(), known
    for wanted in _CORRECTIONS:
        states.setdefault(wanted, states[most])
    return {wanted: states[wanted] for wanted in _CORRECTIONS}


Reviews = dict[str, dict[int, tuple[Proposal, Decisions, Proposal]]]


def _print_methods(
    streams: Sequence[TrueStream], results: Results, reviews: Reviews, draws: int
) -> dict[str, dict[str, dict[str, float]]]:
    delivered = dict(results)
    for number in _CORRECTIONS[1:]:
        delivered[f"(d) {number} corrections"] = {name: review[number][0].breaks for name, review in reviews.items()}
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for stream in streams:
        print(f"\n### {stream.name}: {len(stream.pages)} pages, {int(stream.breaks.sum()) + 1} documents\n")
        print(
            "| method | PQ (95 %) | weighted PQ | document F1 | page F1 | MNDD | documents |\n|---|---|---|---|---|---|---|"
        )
        for method, proposed in delivered.items():
            pair = (stream.breaks, proposed[stream.name])
            quality = measure_grouping(*pair)
            bounds = find_intervals([pair], draws=draws)["pq"]
            figures.setdefault(method, {})[stream.name] = {
                **asdict(quality),
                "pq_low": bounds.low,
                "pq_high": bounds.high,
            }
            print(f"| {method} | {quality.pq:.2f} ({bounds.low:.2f}–{bounds.high:.2f}) | {_format(quality)} |")
    print("\n### All four together\n")
    print("| method | PQ | weighted PQ | document F1 | page F1 | MNDD | documents | STP |\n" + "|---" * 8 + "|")
    for method, proposed in delivered.items():
        quality = measure_groupings([(stream.breaks, proposed[stream.name]) for stream in streams])
        figures[method]["all"] = asdict(quality)
        print(f"| {method} | {quality.pq:.2f} | {_format(quality)} | {quality.stp:.2f} |")
    return figures


def _format(quality: GroupingQuality) -> str:
    return f"{quality.weighted_pq:.2f} | {quality.document_f1:.2f} | {quality.page_f1:.2f} | {quality.mndd} | {quality.proposed_documents}"


def _print_rest(streams: Sequence[TrueStream], reviews: Reviews) -> dict[str, dict[str, dict[str, float]]]:
    """What was not revealed, scored alone."""
    print("\n### The rest: only what no correction revealed\n")
    print(
        "| stream | corrections asked | revealed | wrong breaks among the rest | PQ of the rest | with the number known | still doubtful |"
    )
    print("|---|---|---|---|---|---|---|")
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for stream in streams:
        for number, (proposal, decided, known) in reviews[stream.name].items():
            open_ = decided == UNDECIDED
            wrong = int(np.count_nonzero(proposal.breaks[open_] != stream.breaks[open_]))
            rest = [_measure_rest(stream.breaks, made.breaks, decided) for made in (proposal, known)]
            shown = ["–" if quality is None else f"{quality.pq:.2f}" for quality in rest]
            revealed = int(len(open_) - open_.sum())
            print(
                f"| {stream.name} | {number} | {revealed} | {wrong} of {int(open_.sum())} | {shown[0]} | {shown[1]} | {proposal.doubtful} |"
            )
            figures.setdefault(stream.name, {})[str(number)] = {
                "revealed": revealed,
                "wrong": wrong,
                "left": int(open_.sum()),
                **({"pq": rest[0].pq, "weighted_pq": rest[0].weighted_pq} if rest[0] else {}),
                **({"pq_known_count": rest[1].pq} if rest[1] else {}),
            }
    return figures


def _print_boxes(streams: Sequence[TrueStream]) -> dict[str, dict[str, dict[str, float]]]:
    """Boxes composed from the same pages; the threshold is the best for the four streams as they are."""
    threshold = _choose(_cut_at_threshold, np.linspace(0.02, 0.8, _GRID), streams)
    print("\n### Other boxes made from these pages: PQ (documents)\n")
    print(
        "| box | pages | documents | all singletons | (a) threshold | (c) proposed | (c) known number |\n"
        + "|---" * 7
        + "|"
    )
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for box in compose_boxes(list(streams)):
        ready, count = prepare_stream(box.pages), int(box.breaks.sum()) + 1
        made = {
            "singletons": cut_into_singles(len(box.pages)),
            "threshold": _cut_at_threshold(box, threshold),
            "proposed": propose_documents(ready).breaks,
            "known": propose_documents(ready, known_count=count).breaks,
        }
        measured = {name: measure_grouping(box.breaks, breaks) for name, breaks in made.items()}
        cells = " | ".join(f"{one.pq:.2f} ({one.proposed_documents})" for one in measured.values())
        print(f"| {box.name} | {len(box.pages)} | {count} | {cells} |")
        figures[box.name] = {name: asdict(one) for name, one in measured.items()}
    return figures


def _print_classic(streams: Sequence[TrueStream]) -> dict[str, dict[str, dict[str, float]]]:
    """The model without weights, as `quire index --model classic` stores it: whole pages, and with heads and feet."""
    print("\n### With `classic` instead of MobileNetV2: PQ, weighted PQ (documents)\n")
    print("| stream | documents | Otsu | (c) | (c), head and foot | (c), known number |\n" + "|---" * 6 + "|")
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for stream in streams:
        whole, count = replace(stream.pages, head=None, foot=None), int(stream.breaks.sum()) + 1
        made = {
            "otsu": _cut_by_otsu(stream),
            "proposed": propose_documents(prepare_stream(whole)).breaks,
            "views": propose_documents(prepare_stream(stream.pages)).breaks,
            "known": propose_documents(prepare_stream(stream.pages), known_count=count).breaks,
        }
        measured = {name: measure_grouping(stream.breaks, breaks) for name, breaks in made.items()}
        cells = " | ".join(f"{q.pq:.2f}, {q.weighted_pq:.2f} ({q.proposed_documents})" for q in measured.values())
        print(f"| {stream.name} | {count} | {cells} |")
        figures[stream.name] = {name: asdict(one) for name, one in measured.items()}
    return figures


def _measure_rest(true: Breaks, proposed: Breaks, decided: Decisions) -> GroupingQuality | None:
    """The figures over documents of which something was left open; those wholly revealed are right by gift and leave both sides."""
    kept = np.ones(len(true) + 1, dtype=np.bool_)
    for first, last in list_documents(true):
        kept[first : last + 1] = bool((decided[max(first - 1, 0) : last + 1] == UNDECIDED).any())
    if not kept.any():
        return None
    names = [np.concatenate([[0], np.cumsum(breaks)])[kept] for breaks in (true, proposed)]
    return measure_grouping(find_breaks(names[0]), find_breaks(names[1]))


def _decide(true: Breaks, places: NDArray[np.intp]) -> Decisions:
    decided = np.full(len(true), UNDECIDED, dtype=np.int8)
    decided[places] = np.where(true[places], BREAK, JOIN)
    return decided


def _list_lengths(breaks: Breaks) -> NDArray[np.int64]:
    return np.array([last - first + 1 for first, last in list_documents(breaks)], dtype=np.int64)


if __name__ == "__main__":
    main()
