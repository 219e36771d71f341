"""The map of the library: a place for every page, made once and kept, and what pages can be coloured by.

What is true is one document, `map`, and the file that it names (`maps/GENERATION-METHOD-DIMS-….npz`: ids and places, no
text to parse). `x` and `y` in the pages' payloads are a copy for filters, and for other machines on the same Qdrant
server, which read the map from there.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.layout import REDUCED_DIMENSIONS, Method, fit_reduction, lay_out
from indexer.analysis.placing import SAMPLE_PAGES, choose_sample, place_by_neighbours
from indexer.errors import ConflictError, MapMissingError, UsageError
from indexer.library.colouring import PageColours, read_colours
from indexer.library.listing import Shelf
from indexer.library.results import MapInfo, MapReport
from indexer.library.walls import Wall, Walls
from indexer.library.weighing import check_colour, mix_vectors
from indexer.output.files import written_whole
from indexer.progress import Meter, ProgressSink, ignore_progress
from indexer.store.port import Collection
from indexer.values import Matrix, PageFilter, Payload

if TYPE_CHECKING:
    from indexer.library.core import Library

EVERY_PAGE = PageFilter()
SMALLEST_SAMPLE = 1_000
_BLOCK = 8_192
_COLOURINGS_KEPT = 8


@dataclass(frozen=True, slots=True, eq=False)
class MapData:
    """All pages in shelf order with their places: `xyz` float32 [N, dims], NaN where a page came after the map."""

    info: MapInfo
    ids: list[str]
    xyz: Matrix


class Maps:
    """Making and reading the map and the wall of one library; reading is safe in many threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._guard = threading.Lock()
        self._read: tuple[tuple[Shelf, object], MapData] | None = None
        self._coloured: dict[str, tuple[tuple[Shelf, tuple[int, int]], PageColours]] = {}

    # ---- making ----

    def make_map(
        self,
        *,
        method: Method = "tsne",
        dims: Literal[2, 3] = 2,
        seed: int = 0,
        sample: int | None = None,
        colour: float = 0.0,
        progress: ProgressSink = ignore_progress,
    ) -> MapReport:
        """Give every page a place in `dims` dimensions, and keep the places; they stay until the next map is made.

        At most `sample` pages (50,000 unless told) are laid out, drawn at random; the others are placed by their nearest
        among those, or with `pca` by the components of those. The same library, seed and machine give the same map. `colour`, 0 to 1,
        is how much colours count beside content.

        Raises:
            UsageError: no such method or number of dimensions, or a sample of fewer than 1,000 pages.
            ConflictError: colours are to count, and the library has no colour vectors.
            PageMissingError: the library is empty.
        """
        if sample is not None and sample < SMALLEST_SAMPLE:
            raise UsageError(
                f"A sample of {sample} pages is too few to place others by; take {SMALLEST_SAMPLE} or more."
            )
        began_s = time.monotonic()
        library = self._library
        with library.write(letting_decide=True):
            pages = library.collection
            check_colour(library, colour)
            chosen = choose_sample(pages.count(), size=sample or SAMPLE_PAGES, seed=seed)
            ids, xyz = _make_places(
                _Vectors(pages, colour), chosen, method=method, dims=dims, seed=seed, progress=progress
            )
            model = library.manifest.model
            document: dict[str, object] = {
                "method": method,
                "dims": dims,
                "seed": seed,
                "colour": colour,
                "generation": library.manifest.generation,
                "model": model.name if model else "",
                "pages": len(ids),
                "sampled": len(chosen),
            }
            self._switch_to(document, ids, xyz, changed=ids, progress=progress)
        return MapReport(method, dims, seed, len(ids), len(chosen), time.monotonic() - began_s)

    def place_new_pages(self, *, progress: ProgressSink = ignore_progress) -> MapReport:
        """Give a place to pages that came after the map, by their nearest among the pages on it; the others stay where they are.

        Raises:
            MapMissingError: there is no map.
            ConflictError: the map was made with the vectors of another model.
        """
        began_s = time.monotonic()
        library = self._library
        with library.write(letting_decide=True):
            data = self.read_map()
            if data.info.is_older:
                raise ConflictError(
                    "The map was made with another model's vectors, among which new pages have no place. Make it anew with `quire map`."
                )
            placed = np.isfinite(data.xyz).all(axis=1)
            xyz = data.xyz.copy()
            new = [data.ids[row] for row in np.flatnonzero(~placed)]
            if new and placed.any():
                meter = Meter(progress, "placing new pages", len(new))
                known = np.flatnonzero(placed)
                known = known[choose_sample(len(known), seed=data.info.seed)]
                vectors = _Vectors(library.collection, data.info.colour)
                sample = vectors.retrieve([data.ids[row] for row in known])
                blocks = (vectors.retrieve(new[at : at + _BLOCK]) for at in range(0, len(new), _BLOCK))
                xyz[~placed] = place_by_neighbours(blocks, sample, data.xyz[known], progress=_counted(meter))
                meter.finish()
                document = dict(cast(Payload, library.records.load("map")))
                document |= {"pages": len(data.ids)}
                self._switch_to(document, data.ids, xyz, changed=new, progress=progress)
        info = data.info
        return MapReport(info.method, info.dims, info.seed, len(new), 0, time.monotonic() - began_s)

    def finish_interrupted(self) -> None:
        """Bring the copies in the payloads up to the map, where a process died between them."""
        document = self._library.records.load("map")
        if document is None or document.get("complete") or not self._library.is_filled:
            return
        if self._file(document).exists():
            ids, xyz = _load_places(self._file(document))
            self._write_payloads(document, ids, xyz, changed=ids, before=3, progress=ignore_progress)

    # ---- reading ----

    def describe(self) -> MapInfo:
        """What the map is, or MapMissingError."""
        document = self._library.records.load("map") if self._library.is_filled else None
        if document is None:
            raise MapMissingError("The library has no map yet. Make one with `quire map`.")
        return _info(document, generation=self._library.manifest.generation)

    def read_map(self) -> MapData:
        """Every page and its place, in shelf order; kept in memory until something is written.

        Raises:
            MapMissingError: no map has been made.
        """
        info = self.describe()
        document = cast(Payload, self._library.records.load("map"))
        shelf = self._library.shelf()
        key = (shelf, document["file"])
        with self._guard:
            if self._read is None or self._read[0] != key:
                self._read = key, MapData(info, shelf.ids, self._align(document, shelf))
            return MapData(info, self._read[1].ids, self._read[1].xyz)

    def colours(self, by: str) -> PageColours:
        """What each page has in the field `by`, as small numbers into a list of names, in shelf order.

        Raises:
            UsageError: a field that pages can't be coloured by.
        """
        library = self._library
        shelf = library.shelf()
        # Decisions, also those heard from other machines, change groups without changing the shelf.
        key = (shelf, (library.shelf_cache.changes, library.decisions.entry))
        with self._guard:
            known = self._coloured.get(by)
        if known is not None and known[0] == key:
            return known[1]
        made = read_colours(library.collection, shelf, by)
        with self._guard:
            self._coloured[by] = key, made
            while len(self._coloured) > _COLOURINGS_KEPT:
                del self._coloured[next(iter(self._coloured))]
        return made

    @cached_property
    def walls(self) -> Walls:
        """The walls of this library and their tiles."""
        return Walls(self._library, self)

    def make_wall(
        self, *, columns: int | None = None, source: Literal["map", "shelf"] = "map", where: PageFilter = EVERY_PAGE
    ) -> Wall:
        """See `Walls.make`."""
        return self.walls.make(columns=columns, source=source, where=where)

    # ---- keeping ----

    def _switch_to(
        self, document: Payload, ids: list[str], xyz: Matrix, *, changed: list[str], progress: ProgressSink
    ) -> None:
        """Make this the map: file, then document, then the payloads of the pages `changed`, then away with older files."""
        library = self._library
        before = library.records.load("map") or {}
        parts = (f"{document['generation']:04d}", document["method"], document["dims"], uuid.uuid4().hex[:8])
        document = {
            **document,
            "file": "-".join(map(str, parts)) + ".npz",
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "complete": False,
        }
        _save_places(self._file(document), ids, xyz)
        library.records.save("map", document)
        for old in self._directory.glob("*.npz"):
            if old.name != document["file"]:
                old.unlink(missing_ok=True)
        self._write_payloads(
            document, ids, xyz, changed=changed, before=int(cast(int, before.get("dims", 2))), progress=progress
        )

    def _write_payloads(
        self, document: Payload, ids: list[str], xyz: Matrix, *, changed: list[str], before: int, progress: ProgressSink
    ) -> None:
        library = self._library
        pages = library.collection
        meter = Meter(progress, "writing places", len(changed))
        rows = {page_id: row for row, page_id in enumerate(ids)}
        names = ("x", "y", "z")[: xyz.shape[1]]
        stale = {"z": None} if before > len(names) else {}
        for at in range(0, len(changed), _BLOCK):
            block = changed[at : at + _BLOCK]
            places = xyz[[rows[page_id] for page_id in block]].tolist()
            pages.set_payload(block, [{**dict(zip(names, place, strict=True)), **stale} for place in places])
            meter.advance(len(block))
        meter.finish()
        # A payload that changes leaves the part of a shard that has its graph.
        pages.optimize()
        pages.flush()
        library.records.save("map", {**document, "complete": True})

    def _align(self, document: Payload, shelf: Shelf) -> Matrix:
        """Places in shelf order, NaN for pages that have none."""
        dims = int(cast(int, document["dims"]))
        file = self._file(document)
        xyz = np.full((len(shelf.ids), dims), np.nan, dtype=np.float32)
        parts = [_load_places(file)] if file.exists() else _scroll_places(self._library.collection, document, dims)
        for ids, places in parts:
            rows = np.fromiter((shelf.rank.get(page_id, -1) for page_id in ids), dtype=np.int64, count=len(ids))
            xyz[rows[rows >= 0]] = places[rows >= 0]
        return xyz

    def _file(self, document: Payload) -> Path:
        return self._directory / Path(str(document["file"])).name

    @property
    def _directory(self) -> Path:
        return self._library.directory / "maps"


@dataclass(frozen=True, slots=True)
class _Vectors:
    """What a map is made of: the embeddings of pages, and their colours as far as they count."""

    pages: Collection
    colour: float

    def scroll(self) -> Iterator[tuple[list[str], Matrix]]:
        """All pages in the order of their ids, block by block."""
        for batch in self.pages.scroll(fields=(), vectors=self._names, batch_size=_BLOCK):
            yield batch.ids, mix_vectors(batch.vectors, self.colour)

    def retrieve(self, ids: list[str]) -> Matrix:
        """Those of some pages, in their order."""
        found = [
            mix_vectors(self.pages.retrieve(ids[at : at + _BLOCK], vectors=self._names).vectors, self.colour)
            for at in range(0, len(ids), _BLOCK)
        ]
        return np.concatenate(found)

    @property
    def _names(self) -> tuple[str, ...]:
        return ("page", "colour") if self.colour else ("page",)


def _make_places(
    vectors: _Vectors,
    chosen: NDArray[np.int64],
    *,
    method: Method,
    dims: Literal[2, 3],
    seed: int,
    progress: ProgressSink,
) -> tuple[list[str], Matrix]:
    """Ids and places of all pages: those of the sample first, then those placed among them."""
    meter = Meter(progress, "reading embeddings", len(chosen))
    ids: list[str] = []
    parts: list[Matrix] = []
    count = vectors.pages.count()
    for page_ids, some in _scroll_chosen(vectors, chosen):
        ids += page_ids
        parts.append(some)
        meter.advance(len(page_ids))
    meter.finish()
    sample = np.concatenate(parts)
    del parts
    meter = Meter(progress, "laying out", None)
    xyz = lay_out(sample, method=method, dims=dims, seed=seed, progress=_counted(meter))
    meter.finish()
    if len(ids) == count:
        return ids, xyz
    in_sample = set(ids)
    meter = Meter(progress, "placing by neighbours", count - len(ids))
    others: list[str] = []
    reduction = fit_reduction(sample, dims if method == "pca" else REDUCED_DIMENSIONS)
    rest = _scroll_others(vectors, in_sample, others)
    if method == "pca":
        placed = [xyz[:0]]
        for block in rest:
            placed.append(reduction.apply(block))
            meter.advance(len(block))
        more = np.concatenate(placed)
    else:
        reduced = (reduction.apply(block) for block in rest)
        more = place_by_neighbours(reduced, reduction.apply(sample), xyz, progress=_counted(meter))
    meter.finish()
    return ids + others, np.concatenate([xyz, more])


def _scroll_chosen(vectors: _Vectors, chosen: NDArray[np.int64]) -> Iterator[tuple[list[str], Matrix]]:
    begin = 0
    for ids, block in vectors.scroll():
        inside = chosen[(chosen >= begin) & (chosen < begin + len(ids))] - begin
        yield [ids[row] for row in inside], block[inside]
        begin += len(ids)


def _scroll_others(vectors: _Vectors, known: set[str], others: list[str]) -> Iterator[Matrix]:
    """Vectors of the pages that are not `known`; their ids go into `others`."""
    for ids, block in vectors.scroll():
        rows = [row for row, page_id in enumerate(ids) if page_id not in known]
        others += [ids[row] for row in rows]
        yield block[rows]


def _scroll_places(pages: Collection, document: Payload, dims: int) -> Iterator[tuple[list[str], Matrix]]:
    """Places as the payloads have them: for a machine that did not make the map."""
    if not document.get("complete"):
        raise MapMissingError(
            "The map is being made on another machine, or was interrupted there. Wait for it, or make it anew with `quire map`."
        )
    names = ("x", "y", "z")[:dims]
    for batch in pages.scroll(fields=names, batch_size=_BLOCK):
        rows = [[cast(float, payload.get(name, np.nan)) for name in names] for payload in batch.payloads]
        yield batch.ids, np.asarray(rows, dtype=np.float32).reshape(-1, dims)


def _save_places(file: Path, ids: list[str], xyz: Matrix) -> None:
    """16 bytes a page for its id, 4 for each coordinate; 900,000 pages are 21.6 MB."""
    packed = np.frombuffer(bytes.fromhex("".join(ids).replace("-", "")), dtype=np.uint8).reshape(-1, 16)
    with written_whole(file) as draft, draft.open("wb") as out:
        np.savez(out, ids=packed, xyz=np.ascontiguousarray(xyz, dtype="<f4"))


def _load_places(file: Path) -> tuple[list[str], Matrix]:
    with np.load(file, allow_pickle=False) as stored:
        text, xyz = stored["ids"].tobytes().hex(), np.asarray(stored["xyz"], dtype=np.float32)
    starts = range(0, len(text), 32)
    return [
        f"{text[i : i + 8]}-{text[i + 8 : i + 12]}-{text[i + 12 : i + 16]}-{text[i + 16 : i + 20]}-{text[i + 20 : i + 32]}"
        for i in starts
    ], xyz


def _info(document: Payload, *, generation: int) -> MapInfo:
    return MapInfo(
        method=cast(Method, document["method"]),
        dims=cast("Literal[2, 3]", document["dims"]),
        seed=cast(int, document["seed"]),
        pages=cast(int, document["pages"]),
        sampled=cast(int, document["sampled"]),
        made=cast(str, document["made"]),
        model=cast(str, document["model"]),
        version=Path(str(document["file"])).stem,
        is_older=document["generation"] != generation,
        colour=float(cast(float, document.get("colour", 0.0))),
    )


def _counted(meter: Meter) -> Callable[..., None]:
    """Takes how much is done so far, and of how much where that is known, to the meter."""

    def count(done: int, total: int | None = None) -> None:
        if total is not None:
            meter.expect(total)
        meter.advance(done - meter.done)

    return count
