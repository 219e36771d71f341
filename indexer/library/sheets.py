"""Contact sheets of a cluster, a group, a filter, or of pages like one: which pages, in which order, and the sheet itself.

Pages are ordered by how typical they are, which is their cosine with the middle of all that pass: the exemplars first, the outliers
last. Where not all have room, both ends are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from indexer.errors import PageMissingError, UsageError
from indexer.filters import format_filter
from indexer.library.clustering import check_cluster, load_centroids
from indexer.library.page_payload import page_from_payload
from indexer.library.results import SheetPage, SheetPages
from indexer.output.contact_sheet import Tile, encode_sheet
from indexer.sources import decode_bytes
from indexer.values import Page, PageFilter, Vector

if TYPE_CHECKING:
    from indexer.library.core import Library

SheetKind = Literal["png", "pdf", "html"]
SheetOrder = Literal["typical", "shelf"]
EVERY_PAGE = PageFilter()
MOST_ON_A_SHEET = {"png": 400, "pdf": 2_000, "html": 2_000}
_OUTLIERS = 6
"""Of the room on a sheet that can't hold all pages, this part is for the outliers."""
_NAMES = 8
"""Names of a cluster by meaning that its title tells."""
_BLOCK = 8_192


def choose_sheet(
    library: Library, where: PageFilter, *, limit: int, order: SheetOrder = "typical", like: str | None = None
) -> SheetPages:
    """See `Library.sheet_pages`."""
    if like is not None:
        answer = library.similar_to_page(like, where=where, limit=limit)
        pages = [SheetPage(found.similarity, found.page) for found in answer.pages]
        return SheetPages(f"Pages like {answer.name}", pages, len(pages), 0)
    total = library.collection.count(where) if library.is_filled else 0
    if not total:
        raise PageMissingError("No page passes the filter, so there is nothing for a sheet.")
    title = _title(library, where)
    if order == "shelf":
        listed = library.pages(where=where, limit=limit).pages
        return SheetPages(title, [SheetPage(None, page) for page in listed], total, 0)
    middle = _find_middle(library, where)
    far = 0 if total <= limit else max(1, limit // _OUTLIERS)
    pages = _nearest(library, middle, where, min(limit, total) - far)
    if far:
        farthest = _nearest(library, np.asarray(-middle, dtype=np.float32), where, far)
        pages += [SheetPage(-float(found.similarity or 0), found.page) for found in reversed(farthest)]
    return SheetPages(title, pages, total, far)


def draw_sheet(
    library: Library,
    chosen: SheetPages,
    *,
    kind: SheetKind,
    title: str | None = None,
    columns: int = 0,
    tile_px: int = 220,
) -> bytes:
    """The sheet of these pages as PNG, PDF (A4 pages) or one self-contained HTML file."""
    tiles = [Tile(_pixels(library, found.page.page_id), _caption(found.page), _note(found)) for found in chosen.pages]
    return encode_sheet(
        tiles, kind=kind, title=title or chosen.title, subtitle=describe_sheet(chosen), columns=columns, tile_px=tile_px
    )


def pages_by_id(library: Library, page_ids: Sequence[str], similarities: Sequence[float] | None) -> SheetPages:
    """These pages in this order, each once.

    Raises:
        PageMissingError: one is not in the library.
        UsageError: not one similarity for each page.
    """
    if similarities is not None and len(similarities) != len(page_ids):
        raise UsageError(
            f"{len(similarities)} similarities and {len(page_ids)} pages: give one for each page, or none."
        )
    alike: dict[str, float | None] = dict.fromkeys(page_ids)
    alike.update(zip(page_ids, similarities or (), strict=False))
    found = library.collection.retrieve(list(alike))
    missing = alike.keys() - set(found.ids)
    if missing or not alike:
        raise PageMissingError(f"There is no page {min(missing)} in the library." if missing else "No page was given.")
    pages = [
        SheetPage(alike[i], page_from_payload(i, payload)) for i, payload in zip(found.ids, found.payloads, strict=True)
    ]
    return SheetPages("Chosen pages", pages, len(pages), 0)


def check_sheet(kind: str, limit: int) -> SheetKind:
    """The kind, if a sheet of that many pages can be made of it; else UsageError."""
    if kind not in get_args(SheetKind):
        raise UsageError(f"A contact sheet can't be made as {kind!r}: choose {', '.join(get_args(SheetKind))}.")
    if not 1 <= limit <= MOST_ON_A_SHEET[kind]:
        raise UsageError(f"A contact sheet as {kind} holds 1 to {MOST_ON_A_SHEET[kind]} pages, not {limit}.")
    return kind  # type: ignore[return-value]


def describe_sheet(chosen: SheetPages) -> str:
    """What a sheet says below its title."""
    shown = len(chosen.pages)
    pages = f"{chosen.total:,} {'page' if chosen.total == 1 else 'pages'}"
    if chosen.outliers:
        return f"Of {pages}, the {shown - chosen.outliers} nearest to the middle, then the {chosen.outliers} farthest from it"
    if shown < chosen.total:
        return f"The first {shown} of {pages}"
    is_ordered = any(found.similarity is not None for found in chosen.pages)
    return f"{pages}, the most typical first" if is_ordered and not chosen.title.startswith("Pages like") else pages


def _find_middle(library: Library, where: PageFilter) -> Vector:
    """float32 [D], of unit length: the centroid of a cluster, or the mean direction of all pages that pass."""
    if len(where.conditions) == 1 and where.conditions[0].field == "cluster" and where.conditions[0].op == "=":
        (condition,) = where.conditions
        if len(condition.values) == 1:
            centroid: Vector = load_centroids(library).vectors[check_cluster(library, int(condition.values[0]))]
            return centroid
    total: Vector | None = None
    for batch in library.collection.scroll(where=where, fields=(), vectors=("page",), batch_size=_BLOCK):
        part = np.nan_to_num(batch.vectors["page"]).sum(axis=0, dtype=np.float64)
        total = part if total is None else total + part
    assert total is not None
    length = float(np.linalg.norm(total))
    return np.asarray(total / length if length else np.full(len(total), len(total) ** -0.5), dtype=np.float32)


def _nearest(library: Library, middle: Vector, where: PageFilter, limit: int) -> list[SheetPage]:
    hits = library.collection.find_similar(middle, using="page", limit=limit, where=where, exact=True)[0]
    return [SheetPage(hit.similarity, page_from_payload(hit.id, hit.payload)) for hit in hits]


def _title(library: Library, where: PageFilter) -> str:
    if not where:
        return library.manifest.name
    if len(where.conditions) == 1 and len(where.conditions[0].values) == 1 and where.conditions[0].op == "=":
        field, value = where.conditions[0].field, where.conditions[0].values[0]
        if field == "cluster":
            group, meaning = library.decisions.cluster_groups.get(int(value)), library.decisions.meaning
            names = meaning.names.get(int(value), [])[:_NAMES] if meaning else []
            return f"Cluster {value}" + (f": {group}" if group else "") + (f" ({', '.join(names)})" if names else "")
        return f"{field.removeprefix('metadata.').capitalize()}: {value}"
    return ", ".join(format_filter(where))


def _pixels(library: Library, page_id: str) -> np.ndarray | None:
    data = library.thumbnails.load(page_id)
    if data is None:
        return None
    picture = decode_bytes(data, name=f"{page_id}.webp", max_side_px=320)[0].picture
    return picture.pixels if picture else None


def _caption(page: Page) -> str:
    return f"{page.path}, page {page.page_number}" if page.pages_in_file > 1 else page.path


def _note(found: SheetPage) -> str:
    parts = [f"{found.similarity:.3f}"] if found.similarity is not None else []
    return " · ".join([*parts, *([found.page.group] if found.page.group else [])])
