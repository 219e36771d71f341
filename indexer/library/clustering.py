"""Clusters of the library: made, carried over, written to pages, listed.

A run becomes true by one save of the manifest. What is written to the pages afterwards (`cluster`, `group`) follows from the
centroids and the journal alone, so a process that dies in between leaves nothing that `apply_run` could not finish.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from indexer.analysis.carry import CarryOver, carry_over
from indexer.analysis.classify import SHARES, Spread, measure_spread
from indexer.analysis.kmeans import (
    MINI_BATCH_FROM,
    Clustering,
    check_k,
    cluster_stream,
    cluster_vectors,
    nearest_centroids,
    number_by_size,
)
from indexer.errors import ClusterMissingError
from indexer.library.decisions import Decisions, Meaning, new_entry, tell_decisions
from indexer.library.manifest import Manifest, centroids_collection
from indexer.library.meaning import assign_by_name, gather_by_name, name_of
from indexer.library.page_payload import centroids_spec, page_from_payload
from indexer.library.results import Cluster, ClusterReport, Question, SimilarAnswer, SimilarPage
from indexer.progress import Meter, ProgressSink, ignore_progress
from indexer.store.port import Collection, PointBatch
from indexer.values import Condition, Labels, Matrix, Page, PageFilter, Payload

if TYPE_CHECKING:
    from indexer.library.core import Library

EXEMPLARS = 12
"""Pages kept as exemplars of a cluster: a row of a contact sheet."""
_BLOCK = 8_192
_RELEASE_EVERY = 100_000
"""Pages read and written between two times that memory is given back: old and new copies of so many take some 400 MB."""
_CENTROID_SPACE = uuid.UUID("8f1f1c2e-5f0a-5b3e-9d0c-6d1e6a2f7c10")


@dataclass(frozen=True, slots=True, eq=False)
class CentroidTable:
    """The current run's K centroids in memory: vectors float32 [K, D], spread, and the payload of each."""

    vectors: Matrix
    spread: Spread
    payloads: list[Payload]


@dataclass(slots=True, eq=False)
class _Members:
    """Pages in the order of their ids, with what they were before."""

    ids: list[str]
    groups: list[str | None]
    clusters: Labels


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the clusters of a run are found: by looks, `k` of them; or by `meaning`, however many that makes."""

    k: int = 0
    seed: int = 0
    meaning: Meaning | None = None


def cluster(library: Library, recipe: Recipe, *, progress: ProgressSink) -> ClusterReport:
    """See `Library.cluster` and `Words.cluster_by_meaning`."""
    began_s = time.monotonic()
    pages = library.collection
    manifest = library.manifest
    switched = _make_run(
        library,
        pages,
        manifest,
        members=_read_members(pages),
        recipe=recipe,
        progress=progress,
        old_decisions=library.decisions,
    )
    library.save_manifest(replace(switched, applying=True))
    library.refresh_decisions()
    apply_run(library, progress=progress)
    library.change_manifest(applying=False, applied_entry=library.decisions.entry)
    pages.optimize()
    _forget_runs_before(library, switched.run)
    listed = list_clusters(library)
    return ClusterReport(
        run=switched.run,
        k=len(listed),
        seed=recipe.seed,
        pages=sum(c.size for c in listed),
        inertia=sum(c.inertia for c in listed),
        seconds=time.monotonic() - began_s,
        clusters=listed,
        questions=list_questions(library),
    )


def cluster_again(library: Library, *, progress: ProgressSink) -> None:
    """The current run anew, where its centroids are lost."""
    manifest, meaning = library.manifest, library.decisions.meaning
    k = min(manifest.k, library.collection.count())
    cluster(library, Recipe(k, manifest.seed, meaning), progress=progress)


def recluster_beside(
    library: Library, beside: Collection, switched: Manifest, *, k: int | None, progress: ProgressSink
) -> Manifest:
    """Clusters for a generation that is about to be switched to; groups are carried over from the one in use.

    Made like the run in use, by looks or by meaning; by looks where another `k` is wished for.
    """
    before = _read_members(library.collection)
    known = {page_id: position for position, page_id in enumerate(before.ids)}
    after = _read_members(beside)
    for position, page_id in enumerate(after.ids):
        old = known.get(page_id)
        after.groups[position] = before.groups[old] if old is not None else None
        after.clusters[position] = before.clusters[old] if old is not None else -1
    meaning = library.decisions.meaning if k is None else None
    recipe = Recipe(min(k or switched.k, len(after.ids)), switched.seed, meaning)
    manifest = _make_run(
        library,
        beside,
        switched,
        members=after,
        recipe=recipe,
        progress=progress,
        old_decisions=library.decisions,
    )
    decisions = tell_decisions(library.records.entries(), run=manifest.run)
    table = _read_centroids(library.store.open(manifest.centroids_collection), manifest.run)
    write_run(beside, table, decisions, progress=progress)
    return replace(manifest, applying=False, applied_entry=decisions.entry)


def list_clusters(library: Library) -> list[Cluster]:
    """See `Library.clusters`. Sizes are those of now: pages indexed since the run count too."""
    if library.manifest.run == 0:
        return []
    table = load_centroids(library)
    sizes = library.collection.facet("cluster", limit=max(len(table.payloads), 1))
    meaning = library.decisions.meaning
    names = meaning.names if meaning else {}
    middle, low = int(np.argmin(np.abs(SHARES - 0.5))), int(np.argmin(np.abs(SHARES - 0.05)))
    return [
        Cluster(
            cluster=number,
            size=sizes.get(number, 0),
            group=library.decisions.cluster_groups.get(number),
            inertia=float(cast(float, payload["inertia"])),
            exemplars=list(cast("list[str]", payload["exemplars"])),
            exemplar_paths=list(cast("list[str]", payload["exemplar_paths"])),
            similarity_median=float(table.spread.quantiles[number, middle]),
            similarity_low=float(table.spread.quantiles[number, low]),
            names=names.get(number, []),
        )
        for number, payload in enumerate(table.payloads)
    ]


def list_questions(library: Library) -> list[Question]:
    """See `Library.questions`."""
    return library.decisions.open_questions


def cluster_pages(
    library: Library, number: int, *, limit: int, offset: int, order: Literal["exemplars", "outliers"]
) -> SimilarAnswer:
    """See `Library.cluster_pages`. The farthest from a centroid are the nearest to its opposite."""
    centroid = load_centroids(library).vectors[check_cluster(library, number)]
    sign = 1.0 if order == "exemplars" else -1.0
    where = PageFilter((Condition("cluster", "=", (number,)),))
    hits = library.collection.find_similar(
        np.asarray(sign * centroid, dtype=np.float32), using="page", limit=limit, offset=offset, where=where, exact=True
    )[0]
    pages = [SimilarPage(sign * hit.similarity, page_from_payload(hit.id, hit.payload)) for hit in hits]
    return SimilarAnswer(f"cluster {number}", 1, pages)


def check_cluster(library: Library, number: int) -> int:
    """The number, if there is such a cluster; else ClusterMissingError."""
    count = len(load_centroids(library).payloads)
    if not 0 <= number < count:
        raise ClusterMissingError(
            f"There is no cluster {number}; they are numbered 0 to {count - 1}. `quire clusters` lists them."
        )
    return number


def place_pages(library: Library, pages: list[Page], vectors: Matrix) -> list[Page]:
    """New pages at their nearest centroid, or in the cluster of their name, with the group that follows."""
    decisions = library.decisions
    clusters: list[int | None] = [None] * len(pages)
    if decisions.meaning is not None:
        names = (name_of(page, decisions.meaning.field) for page in pages)
        clusters = [None if name is None else decisions.meaning.cluster_of.get(name) for name in names]
    elif library.manifest.run:
        clusters = list(nearest_centroids(vectors, load_centroids(library).vectors)[0].tolist())
    return [
        replace(page, cluster=number, group=decisions.group_of(page.page_id, number))
        for page, number in zip(pages, clusters, strict=True)
    ]


def apply_run(library: Library, *, progress: ProgressSink = ignore_progress) -> None:
    """Write the current run's clusters and groups to all pages."""
    write_run(library.collection, load_centroids(library), library.decisions, progress=progress)


def write_run(pages: Collection, table: CentroidTable, decisions: Decisions, *, progress: ProgressSink) -> None:
    """Write to every page its nearest centroid, or the cluster of its name, and the group that follows."""
    count = pages.count()
    meter = Meter(progress, "writing clusters", count)
    meaning = decisions.meaning
    touched = count  # clustering has just read all of them
    fields, vectors = ((meaning.field,), ()) if meaning else ((), ("page",))
    for batch in pages.scroll(fields=fields, vectors=vectors, batch_size=_BLOCK):
        if touched >= _RELEASE_EVERY:
            pages.release_memory()
            touched = 0
        touched += len(batch)
        if meaning:
            labels = assign_by_name(batch.payloads, meaning)
        else:
            labels, _ = nearest_centroids(batch.vectors["page"], table.vectors)
        _write_clusters(pages, batch.ids, labels, decisions)
        meter.advance(len(batch))
    meter.finish()


def load_centroids(library: Library) -> CentroidTable:
    """The current run's centroids by number, kept in memory until the run changes."""
    manifest = library.manifest
    key = (manifest.generation, manifest.run)
    cached = library.centroid_cache
    if cached is not None and cached[0] == key:
        return cached[1]
    table = _read_centroids(library.centroids, manifest.run)
    library.centroid_cache = (key, table)
    return table


def _read_centroids(centroids: Collection, run: int) -> CentroidTable:
    where = PageFilter((Condition("run", "=", (run,)),))
    found: list[tuple[Payload, Matrix]] = []
    for batch in centroids.scroll(where=where, vectors=("page",)):
        found.extend(zip(batch.payloads, batch.vectors["page"], strict=True))
    found.sort(key=lambda point: cast(int, point[0]["cluster"]))
    quantiles = np.asarray([payload["quantiles"] for payload, _ in found], dtype=np.float32)
    return CentroidTable(
        np.stack([vector for _, vector in found]), Spread(quantiles), [payload for payload, _ in found]
    )


def _make_run(
    library: Library,
    pages: Collection,
    manifest: Manifest,
    *,
    members: _Members,
    recipe: Recipe,
    progress: ProgressSink,
    old_decisions: Decisions,
) -> Manifest:
    """Compute a run over `pages`, write its centroids and its journal entry; the manifest returned makes it true once saved."""
    made, meaning = _compute(pages, len(members.ids), recipe, progress)
    k = len(made.centroids) if meaning else recipe.k
    run = manifest.run + 1
    carried = _carry(members, made.labels, old_decisions)
    groups = carried.inherited
    _write_centroids(library, pages, manifest.generation, run, made, members, groups)
    kept = [[group, [members.ids[i] for i in indices]] for group, indices in carried.stays.items()]
    questions = [
        {
            "kind": question.kind,
            "cluster": question.cluster,
            "text": question.text,
            "candidates": [[c.group, c.shared_pages, c.share] for c in question.candidates if c.group is not None],
            "suggestion": question.suggestion,
            "pages": len(question.pages),
        }
        for question in carried.questions
    ]
    library.records.append(
        new_entry(
            "cluster",
            who="quire",
            run=run,
            k=k,
            seed=recipe.seed,
            made=len(made.centroids),
            groups={str(number): group for number, group in groups.items()},
            kept=kept,
            questions=questions,
            **({"meaning": _describe(meaning)} if meaning else {}),
        )
    )
    return replace(manifest, run=run, k=k, seed=recipe.seed)


def _describe(meaning: Meaning) -> Payload:
    """What the journal keeps of a run by meaning."""
    names = meaning.names
    clusters = [names[number] for number in range(len(names))]
    return {"field": meaning.field, "distance_threshold": meaning.distance_threshold, "clusters": clusters}


def _compute(
    pages: Collection, count: int, recipe: Recipe, progress: ProgressSink
) -> tuple[Clustering, Meaning | None]:
    """The clusters, and for those by meaning the names of each."""
    meter = Meter(progress, "clustering", count)
    meaning: Meaning | None = None
    if recipe.meaning is not None:
        made, meaning = gather_by_name(pages, recipe.meaning, meter.advance)
    else:
        check_k(recipe.k, count)
        made = _compute_by_looks(pages, count, k=recipe.k, seed=recipe.seed)
        meter.advance(count)
    meter.finish()
    return made, meaning


def _compute_by_looks(pages: Collection, count: int, *, k: int, seed: int) -> Clustering:
    if count <= MINI_BATCH_FROM:
        return cluster_vectors(_load_vectors(pages, count), k=k, seed=seed)
    centroids = cluster_stream(lambda: _stream(pages), count=count, k=k, seed=seed)
    labels, similarities = [], []
    for block in _stream(pages):
        block_labels, block_similarities = nearest_centroids(block, centroids)
        labels.append(block_labels)
        similarities.append(block_similarities)
    return number_by_size(centroids, np.concatenate(labels), np.concatenate(similarities))


def _stream(pages: Collection) -> Iterator[Matrix]:
    for batch in pages.scroll(fields=(), vectors=("page",), batch_size=_BLOCK):
        yield batch.vectors["page"]


def _load_vectors(pages: Collection, count: int, *, at_most: int | None = None) -> Matrix:
    wanted = None if at_most is None or count <= at_most else np.linspace(0, count - 1, at_most).astype(np.int64)
    parts, begin = [], 0
    for block in _stream(pages):
        if wanted is not None:
            inside = wanted[(wanted >= begin) & (wanted < begin + len(block))] - begin
            parts.append(block[inside])
        else:
            parts.append(block)
        begin += len(block)
    return np.concatenate(parts)


def _read_members(pages: Collection) -> _Members:
    ids: list[str] = []
    groups: list[str | None] = []
    clusters: list[int] = []
    for batch in pages.scroll(fields=("cluster", "group"), batch_size=_BLOCK):
        ids.extend(batch.ids)
        groups.extend(cast("str | None", payload.get("group")) for payload in batch.payloads)
        clusters.extend(cast(int, payload.get("cluster", -1)) for payload in batch.payloads)
    return _Members(ids, groups, np.asarray(clusters, dtype=np.int32))


def _carry(members: _Members, new: Labels, decisions: Decisions) -> CarryOver:
    """Carry groups over by pages. A page's cluster and group together are its place before; pages moved by hand have no say."""
    places: dict[tuple[int, str | None], int] = {}
    old = np.full(len(members.ids), -1, dtype=np.int32)
    for i, (page_id, cluster_number, group) in enumerate(
        zip(members.ids, members.clusters, members.groups, strict=True)
    ):
        if cluster_number >= 0 and page_id not in decisions.page_groups:
            old[i] = places.setdefault((int(cluster_number), group), len(places))
    groups = {place: group for (_, group), place in places.items() if group is not None}
    by_hand = np.fromiter(
        (page_id in decisions.page_groups for page_id in members.ids), dtype=bool, count=len(members.ids)
    )
    return carry_over(old, np.where(by_hand, -1, new).astype(np.int32), groups)


def _write_centroids(
    library: Library,
    pages: Collection,
    generation: int,
    run: int,
    made: Clustering,
    members: _Members,
    groups: Mapping[int, str],
) -> None:
    name = centroids_collection(generation)
    if name not in library.store.names():
        library.store.create(name, centroids_spec(made.centroids.shape[1]))
    centroids = library.store.open(name)
    sums = _member_sums(pages, made)
    spread = measure_spread(made.similarities, made.labels, sums)
    exemplars = _choose_exemplars(made, members.ids)
    shown = pages.retrieve([page_id for listed in exemplars for page_id in listed])
    paths = {page_id: str(payload["path"]) for page_id, payload in zip(shown.ids, shown.payloads, strict=True)}
    model = library.manifest.model
    payloads: list[Payload] = [
        {
            "run": run,
            "cluster": number,
            "size": int(made.sizes[number]),
            "inertia": float(made.inertia[number]),
            "model": model.name if model else "",
            "exemplars": exemplars[number],
            "exemplar_paths": [paths[page_id] for page_id in exemplars[number]],
            "quantiles": [float(q) for q in spread.quantiles[number]],
            **({"group": groups[number]} if number in groups else {}),
        }
        for number in range(len(made.centroids))
    ]
    ids = [centroid_id(run, number) for number in range(len(payloads))]
    # A run of this number may have died before it was true, and have had more clusters.
    stillborn = PageFilter((Condition("run", ">=", (run,)),))
    centroids.delete([i for batch in centroids.scroll(where=stillborn, fields=()) for i in batch.ids])
    centroids.upsert(PointBatch(ids, payloads, {"page": made.centroids}))
    centroids.flush()


def centroid_id(run: int, number: int) -> str:
    """The id of a centroid's point."""
    return str(uuid.uuid5(_CENTROID_SPACE, f"{run}/{number}"))


def _member_sums(pages: Collection, made: Clustering) -> np.ndarray:
    """float64 [K]: length of the sum of each cluster's unit vectors."""
    sums = np.zeros(made.centroids.shape, dtype=np.float64)
    begin = 0
    for block in _stream(pages):
        labels = made.labels[begin : begin + len(block)]
        np.add.at(sums, labels[labels >= 0], block[labels >= 0])
        begin += len(block)
    return np.asarray(np.linalg.norm(sums, axis=1))


def _choose_exemplars(made: Clustering, ids: Sequence[str]) -> list[list[str]]:
    order = np.lexsort((np.arange(len(ids)), -made.similarities, made.labels))
    order = order[made.labels[order] >= 0]
    starts = np.concatenate([[0], np.cumsum(made.sizes)])
    return [
        [ids[i] for i in order[starts[n] : min(starts[n] + EXEMPLARS, starts[n + 1])]]
        for n in range(len(made.centroids))
    ]


def _write_clusters(pages: Collection, ids: Sequence[str], labels: Iterable[int], decisions: Decisions) -> None:
    payloads: list[Payload] = [
        {"cluster": number, "group": decisions.group_of(page_id, number)}
        for page_id, label in zip(ids, labels, strict=True)
        for number in [int(label) if label >= 0 else None]
    ]
    pages.set_payload(ids, payloads)


def _forget_runs_before(library: Library, run: int) -> None:
    where = PageFilter((Condition("run", "<", (run,)),))
    old = [i for batch in library.centroids.scroll(where=where, fields=()) for i in batch.ids]
    library.centroids.delete(old)


def require_clusters(library: Library) -> None:
    """Raise unless pages have been clustered."""
    if library.manifest.run == 0:
        raise ClusterMissingError("The library has no clusters yet. Make them with `quire cluster -k 16`.")
