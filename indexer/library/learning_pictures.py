"""Pages of the library as pictures once more: for a network that was not there when they were indexed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from indexer.cores import count_cores
from indexer.embedding import Embedder
from indexer.errors import ConflictError, PageMissingError, PictureError
from indexer.library.observing import small_side_px
from indexer.library.page_files import decode_page
from indexer.library.page_payload import page_from_payload
from indexer.progress import Meter, ProgressSink
from indexer.sources import decode_bytes
from indexer.values import Matrix, Page, Pixels

if TYPE_CHECKING:
    from indexer.library.core import Library

_BLOCK = 256
"""Pages asked of the store, and decoded ahead, at a time."""


def load_pages(library: Library, ids: Sequence[str]) -> list[Page]:
    """All that is known of these pages, in their order; PageMissingError where one is gone."""
    found: list[Page] = []
    for begin in range(0, len(ids), _BLOCK):
        block = library.collection.retrieve(ids[begin : begin + _BLOCK])
        found += [
            page_from_payload(page_id, payload) for page_id, payload in zip(block.ids, block.payloads, strict=True)
        ]
    if len(found) < len(ids):
        missing = sorted({*ids} - {page.page_id for page in found})
        raise PageMissingError(f"The page {missing[0]} is not in the library any more.")
    return found


def load_pixels(library: Library, page: Page, *, enough_px: int) -> Pixels:
    """A page as it was decoded for the index: `enough_px` or more on its longer side; from its thumbnail where its file is gone.

    Raises:
        ConflictError: neither file nor thumbnail can be read.
    """
    try:
        return decode_page(library, page, max_side_px=2 * enough_px, enough_px=enough_px).pixels
    except PictureError as exc:
        data = library.thumbnails.load(page.page_id)
        small = decode_bytes(data, name=f"{page.page_id}.webp", max_side_px=enough_px)[0].picture if data else None
        if small is None:
            raise ConflictError(
                f"{page.path} can't be looked at: {exc}. Its thumbnail is gone too. Bring the file back, or take such pages out with "
                "`quire index --prune`."
            ) from exc
        return small.pixels


def each_pixels(library: Library, pages: Sequence[Page], *, enough_px: int) -> Iterator[Pixels]:
    """The pixels of these pages in their order, decoded ahead by as many threads as there are workers."""
    workers = library.settings.workers or count_cores()
    with ThreadPoolExecutor(workers, thread_name_prefix="quire-decode") as pool:
        for begin in range(0, len(pages), 4 * workers):
            yield from pool.map(
                lambda page: load_pixels(library, page, enough_px=enough_px), pages[begin : begin + 4 * workers]
            )


def embed_pages(
    library: Library, ids: Sequence[str], embedder: Embedder, *, stage: str, progress: ProgressSink
) -> Matrix:
    """float32 [N, D]: embeddings of these pages by another embedder than the library's."""
    meter = Meter(progress, stage, len(ids))
    pages = load_pages(library, ids)
    waiting: list[Pixels] = []
    rows: list[Matrix] = [embedder.embed([])]
    for pixels in each_pixels(library, pages, enough_px=small_side_px(embedder)):
        waiting.append(embedder.prepare(pixels))
        if len(waiting) == embedder.batch_size:
            rows.append(embedder.embed(waiting))
            meter.advance(len(waiting))
            waiting = []
    if waiting:
        rows.append(embedder.embed(waiting))
        meter.advance(len(waiting))
    meter.finish()
    return np.concatenate(rows)
