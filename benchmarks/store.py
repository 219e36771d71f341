"""Figure 7: Qdrant Edge as Quire uses it, beside qdrant-client's local mode; and what memory placement and quantization do.

    python -m benchmarks.store [--small] [--points N] [--reference N]

The same 512-d vectors with the payload of real pages. Queries are single, 12 answers each; the filtered ones ask for one label of 50.
Local mode takes minutes for 100,000 points; `--reference` gives it fewer, which flatters its query. Memory is that of a
fresh process that opened the collection and has answered the queries.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import in_own_process, print_machine, print_result, print_table, read_memory_mib, scratch
from benchmarks.synthetic import DIMENSIONS, make_batches, make_vectors
from indexer.library.page_payload import PAGE_INDEXES, pages_spec
from indexer.store.edge import EdgeStore
from indexer.store.port import Collection, CollectionSpec, VectorSpec
from indexer.values import Condition, Matrix, PageFilter

_LIMIT = 12
_LABEL = PageFilter((Condition("label", "=", ("label 07",)),))

VARIANTS = {
    "float32": VectorSpec(DIMENSIONS),
    "float32, on disk": VectorSpec(DIMENSIONS, on_disk=True),
    "float16": VectorSpec(DIMENSIONS, datatype="float16"),
    "float16, on disk": VectorSpec(DIMENSIONS, datatype="float16", on_disk=True),
    "float16, on disk, int8 in memory": VectorSpec(DIMENSIONS, "float16", on_disk=True, quantization="int8"),
    "float16, on disk, turbo4 in memory": VectorSpec(DIMENSIONS, "float16", on_disk=True, quantization="turbo4"),
    "float16, on disk, binary in memory": VectorSpec(DIMENSIONS, "float16", on_disk=True, quantization="binary"),
    "float16 and graph on disk, int8 in memory": VectorSpec(
        DIMENSIONS, "float16", on_disk=True, quantization="int8", graph_on_disk=True
    ),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="The embedded store beside qdrant-client's local mode.")
    parser.add_argument("--small", action="store_true", help="2,000 points, one variant")
    parser.add_argument("--points", type=int, default=None, help="default 100,000")
    parser.add_argument("--reference", type=int, default=None, help="points for local mode; default: as many")
    parser.add_argument("--no-variants", action="store_true", help="only what Quire uses")
    options = parser.parse_args(arguments)
    points = options.points or (2_000 if options.small else 100_000)
    reference = options.reference or points
    machine = print_machine()
    specs = {"as Quire has it": pages_spec({"page": DIMENSIONS}, expected_pages=points)}
    if not (options.small or options.no_variants):
        specs |= {name: CollectionSpec({"page": spec}, PAGE_INDEXES) for name, spec in VARIANTS.items()}
    rows: dict[str, dict[str, float]] = {}
    call = in_own_process(small=options.small)
    with scratch() as folder:
        for number, (name, spec) in enumerate(specs.items()):
            store = EdgeStore(folder / str(number))
            made = _fill(store, spec, points)
            store.close()
            rows[name] = made | call(_ask_edge, (folder / str(number),))
        rows[f"qdrant-client local mode, {reference:,} points"] = call(_run_local, (folder / "local", reference))
    columns = list(next(iter(rows.values())))
    print(f"{points:,} points\n")
    print_table(["", *columns], [[name, *(row.get(column, "–") for column in columns)] for name, row in rows.items()])
    ours, theirs = rows["as Quire has it"], list(rows.values())[-1]
    print_result(
        "store",
        machine,
        points=points,
        reference_points=reference,
        insert_ratio=ours["insert points/s"] / theirs["insert points/s"],
        query_ratio=theirs["query ms"] / ours["query ms"],
        filtered_ratio=theirs["filtered ms"] / ours["filtered ms"],
        rows=rows,
    )


def _fill(store: EdgeStore, spec: CollectionSpec, points: int) -> dict[str, float]:
    collection = store.create("pages", spec)
    insert_s = 0.0
    for batch in make_batches(points):
        began_s = time.perf_counter()
        collection.upsert(batch)
        insert_s += time.perf_counter() - began_s
    began_s = time.perf_counter()
    collection.optimize()
    optimize_s = time.perf_counter() - began_s
    info = collection.info()
    return {
        "insert points/s": points / insert_s,
        "optimize s": optimize_s,
        "MiB on disk": (info.bytes or 0) / 2**20,
    }


def _ask_edge(place: Path) -> dict[str, float]:
    began_s = time.perf_counter()
    store = EdgeStore(place)
    collection = store.open("pages")
    collection.count()
    open_s = time.perf_counter() - began_s
    figures = {"open s": open_s, **ask(collection, make_vectors(100, block=10_000_000))}
    figures |= {"RSS MiB": read_memory_mib(), "of it not files MiB": read_memory_mib("RssAnon")}
    store.close()
    return figures


def ask(
    collection: Collection, queries: Matrix, *, after_queries: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """Medians of single queries, and how many of the exact ten nearest they find.

    `after_queries` is called before the exact ones, which no service asks for: they read every vector there is.
    """

    def find(query: Matrix, where: PageFilter | None = None, *, exact: bool = False) -> list[str]:
        return [
            hit.id for hit in collection.find_similar(query, using="page", limit=_LIMIT, where=where, exact=exact)[0]
        ]

    for query in queries[:5]:
        find(query), find(query, _LABEL)
    found, found_filtered = [], []
    query_ms = _median_ms(lambda query: found.append(find(query)), queries)
    filtered_ms = _median_ms(lambda query: found_filtered.append(find(query, _LABEL)), queries)
    after_queries()
    exact = [find(query, exact=True) for query in queries]
    exact_filtered = [find(query, _LABEL, exact=True) for query in queries]
    return {
        "query ms": query_ms,
        "filtered ms": filtered_ms,
        "recall of 10": _recall(found, exact),
        "recall of 10, filtered": _recall(found_filtered, exact_filtered),
    }


def _recall(found: list[list[str]], exact: list[list[str]]) -> float:
    return float(np.mean([len(set(a[:10]) & set(b[:10])) / 10 for a, b in zip(found, exact, strict=True)]))


def _run_local(place: Path, points: int) -> dict[str, float]:
    from qdrant_client import QdrantClient, models

    warnings.simplefilter("ignore")
    client = QdrantClient(path=str(place))
    params = models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE)
    client.create_collection("pages", vectors_config={"page": params})
    insert_s = 0.0
    for batch in make_batches(points):
        began_s = time.perf_counter()
        for start in range(0, len(batch), 1000):
            rows = batch.vectors["page"][start : start + 1000].tolist()
            columns = zip(batch.ids[start:], batch.payloads[start:], rows, strict=False)
            structs = [models.PointStruct(id=i, payload=dict(p), vector={"page": v}) for i, p, v in columns]
            client.upsert("pages", structs)
        insert_s += time.perf_counter() - began_s
    client.close()
    began_s = time.perf_counter()
    client = QdrantClient(path=str(place))
    open_s = time.perf_counter() - began_s
    label = models.Filter(must=[models.FieldCondition(key="label", match=models.MatchAny(any=["label 07"]))])

    def find(query: Any, where: models.Filter | None) -> None:
        client.query_points("pages", query=query.tolist(), using="page", limit=_LIMIT, query_filter=where)

    queries = make_vectors(10, block=10_000_000)
    figures = {
        "insert points/s": points / insert_s,
        "open s": open_s,
        "query ms": _median_ms(lambda query: find(query, None), queries),
        "filtered ms": _median_ms(lambda query: find(query, label), queries[:4]),
        "recall of 10": 1.0,
        "recall of 10, filtered": 1.0,
        "RSS MiB": read_memory_mib(),
        "of it not files MiB": read_memory_mib("RssAnon"),
    }
    client.close()
    return figures


def _median_ms(work: Callable[[Any], object], queries: Matrix) -> float:
    taken = []
    for query in queries:
        began_s = time.perf_counter()
        work(query)
        taken.append(1000 * (time.perf_counter() - began_s))
    return statistics.median(taken)


if __name__ == "__main__":
    main()
