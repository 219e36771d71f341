"""What the library holds, to list and to look at: shelf order, one page's picture, the skips, the status."""

from __future__ import annotations

import threading
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from indexer.errors import PageMissingError, PictureError, UsageError
from indexer.library.answering import check_limit
from indexer.library.indexing import Part, RememberedSkip
from indexer.library.page_files import decode_page
from indexer.library.page_payload import page_from_payload
from indexer.library.results import PageList, RootStatus, Status
from indexer.library.sharing import Share
from indexer.output.pictures import encode_picture
from indexer.sources import decode_bytes, natural_key
from indexer.values import PageFilter, Payload, Skip

if TYPE_CHECKING:
    from indexer.library.core import Library

LARGEST_SIDE_PX = 8_192
"""No page is drawn larger for the web than this."""
_BLOCK = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """All pages as they stand on the shelf: root by root, folders and files in natural order, pages by number."""

    ids: list[str]
    rank: dict[str, int]


class ShelfCache:
    """The shelf, read once and kept until something is written, with the last few filters of it."""

    _FILTERS_KEPT = 4

    def __init__(self) -> None:
        self.changes = 0
        """Grows whenever something was written that a filter or a colour may depend on."""
        self._shelf: Shelf | None = None
        self._filtered: OrderedDict[PageFilter, tuple[list[str], NDArray[np.int64]]] = OrderedDict()
        # Reading the shelf may hear that others have written, which forgets it: the same thread again.
        self._guard = threading.RLock()

    def get(self, library: Library) -> Shelf:
        """The shelf of `library` as of now."""
        with self._guard:
            return self._read(library)

    def filtered(self, library: Library, where: PageFilter) -> tuple[list[str], NDArray[np.int64]]:
        """Ids of the pages that pass in shelf order, and their ranks int64 [N], ascending: walked page by page, asked for once."""
        with self._guard:
            shelf = self._read(library)
            if where not in self._filtered:
                ids = _filter_shelf(library, shelf, where) if where else shelf.ids
                ranks = np.fromiter((shelf.rank[i] for i in ids), dtype=np.int64, count=len(ids))
                self._filtered[where] = (ids, ranks)
            self._filtered.move_to_end(where)
            if len(self._filtered) > self._FILTERS_KEPT:
                self._filtered.popitem(last=False)
            return self._filtered[where]

    def forget(self) -> None:
        """Something was written."""
        with self._guard:
            self.changes += 1
            self._shelf = None
            self._filtered.clear()

    def forget_filters(self) -> None:
        """Something was written that filters may ask for, and no page came, went or changed its place."""
        with self._guard:
            self.changes += 1
            self._filtered.clear()

    def _read(self, library: Library) -> Shelf:
        shelf = self._shelf
        if shelf is None:
            shelf = self._shelf = _read_shelf(library)
        return shelf


def list_pages(library: Library, *, where: PageFilter, limit: int, cursor: str | None) -> PageList:
    """See `Library.pages`. A cursor is the id of the last page seen."""
    check_limit(limit)
    if not library.is_filled:
        return PageList([], 0, None)
    ids, ranks = library.shelf_cache.filtered(library, where)
    begin = 0
    if cursor is not None:
        rank = library.shelf().rank.get(cursor)
        if rank is None:
            raise UsageError(f"The cursor {cursor!r} belongs to no page that is still here; begin again without one.")
        begin = int(np.searchsorted(ranks, rank, side="right"))
    chosen = ids[begin : begin + limit]
    found = library.collection.retrieve(chosen)
    pages = [page_from_payload(i, payload) for i, payload in zip(found.ids, found.payloads, strict=True)]
    more = begin + limit < len(ids)
    return PageList(pages, len(ids), chosen[-1] if more else None)


def page_image(library: Library, page_id: str, *, side_px: int) -> bytes:
    """See `Library.page_image`."""
    if not 1 <= side_px <= LARGEST_SIDE_PX:
        raise UsageError(f"side_px is {side_px}; it must be 1 to {LARGEST_SIDE_PX}.")
    page = library.page(page_id)
    try:
        return encode_picture(decode_page(library, page, max_side_px=side_px).pixels, kind="jpeg")
    except PictureError:
        thumbnail = decode_bytes(page_thumbnail(library, page_id), name=page.path, max_side_px=side_px)[0].picture
        if thumbnail is None:
            raise
        return encode_picture(thumbnail.pixels, kind="jpeg")


def page_thumbnail(library: Library, page_id: str) -> bytes:
    """See `Library.page_thumbnail`."""
    data = library.thumbnails.load(page_id) if is_page_id(page_id) else None
    if data is None:
        raise PageMissingError(f"There is no thumbnail of a page {page_id}; `quire index` makes them.")
    return data


def is_page_id(text: str) -> bool:
    """Whether `text` is a UUID as `page_id`s are written."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def describe_status(library: Library) -> Status:
    """See `Library.status`."""
    manifest = library.manifest
    filled = library.is_filled
    return Status(
        name=manifest.name,
        place=str(library.directory),
        store=library.settings.qdrant_url or "Qdrant Edge, in the library",
        pages=library.collection.count() if filled else 0,
        clusters=len(library.clusters()),
        groups=library.facet("group"),
        labels=library.facet("label"),
        run=manifest.run,
        generation=manifest.generation,
        model=manifest.model,
        roots=[RootStatus(root.name, root.directory, root.label_from) for root in manifest.roots],
        skipped=sort_skips(one for skips in load_skips(library).values() for one in skips),
        bytes_on_disk=sum(library.store.open(name).info().bytes or 0 for name in library.store.names()),
        schema_version=manifest.schema_version,
        search_modes=library.words.search_modes,
        views=list(manifest.views),
    )


def load_skips(library: Library) -> dict[tuple[str, str, int, int], list[RememberedSkip]]:
    """See `Library.remembered_skips`."""
    return _tell_skips(library.records.load("skips"))


def count_skips(library: Library) -> dict[str, int]:
    """See `Library.skip_counts`."""
    return dict(Counter(one.skip.code for skips in load_skips(library).values() for one in skips))


def sort_skips(skips: Iterable[RememberedSkip]) -> list[Skip]:
    """What was left out, in shelf order."""
    return sorted(
        (remembered.skip for remembered in skips),
        key=lambda skip: (skip.root, natural_key(skip.path), skip.page_number or 0),
    )


def _tell_skips(document: Payload | None) -> dict[tuple[str, str, int, int], list[RememberedSkip]]:
    remembered: dict[tuple[str, str, int, int], list[RememberedSkip]] = {}
    for entry in cast("list[dict[str, object]]", (document or {"skips": []})["skips"]):
        found = RememberedSkip(
            Skip(**cast("dict[str, object]", entry["skip"])),  # type: ignore[arg-type]
            cast("int | None", entry.get("bytes")),
            cast("int | None", entry.get("modified_ns")),
        )
        key = (found.skip.root, found.skip.path, found.bytes or 0, found.modified_ns or 0)
        remembered.setdefault(key, []).append(found)
    return remembered


def save_skips(
    library: Library, parts: Sequence[Part], skips: Sequence[RememberedSkip], *, share: Share | None = None
) -> None:
    """Remember the skips of a run over `parts`, or over a share of their files; those of other folders and files stay."""
    walked = {part.root.name: part.under for part in parts}

    def renew(document: Payload | None) -> Payload:
        before = [remembered for listed in _tell_skips(document).values() for remembered in listed]
        others = [remembered for remembered in before if not _lies_in(remembered.skip, walked, share)]
        return {"skips": [asdict(remembered) for remembered in [*others, *skips]]}

    library.records.change("skips", renew)


def _lies_in(skip: Skip, walked: dict[str, str], share: Share | None) -> bool:
    if share is not None and not share.has(skip.root, skip.path):
        return False
    under = walked.get(skip.root)
    return under is not None and (not under or skip.path == under or skip.path.startswith(f"{under}/"))


def _read_shelf(library: Library) -> Shelf:
    order = {root.name: number for number, root in enumerate(library.manifest.roots)}
    keyed: list[tuple[tuple[object, ...], str]] = []
    keys: dict[str, tuple[object, ...]] = {}
    for batch in library.collection.scroll(fields=("root", "path", "page_number"), batch_size=_BLOCK):
        for page_id, payload in zip(batch.ids, batch.payloads, strict=True):
            path = str(payload["path"])
            key = keys.get(path)
            if key is None:
                key = keys[path] = natural_key(path)
            keyed.append(((order.get(str(payload["root"]), len(order)), key, payload["page_number"]), page_id))
    keyed.sort()
    ids = [page_id for _, page_id in keyed]
    return Shelf(ids, {page_id: rank for rank, page_id in enumerate(ids)})


def _filter_shelf(library: Library, shelf: Shelf, where: PageFilter) -> list[str]:
    ids = [i for batch in library.collection.scroll(where=where, fields=(), batch_size=_BLOCK) for i in batch.ids]
    return sorted((i for i in ids if i in shelf.rank), key=shelf.rank.__getitem__)
