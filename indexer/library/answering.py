"""Answers about pages that are not in the library: read, embed, compare."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from indexer.analysis.classify import Nearest
from indexer.analysis.classify import classify_vectors as find_nearest
from indexer.embedding import Embedder, embed_colour
from indexer.errors import ConflictError, PageMissingError, PictureError, PictureTooLargeError, UsageError
from indexer.library.clustering import load_centroids, require_clusters
from indexer.library.observing import small_side_px
from indexer.library.page_payload import page_from_payload
from indexer.library.results import Classification, LabelGuess, SimilarAnswer, SimilarPage, Unreadable
from indexer.library.weighing import check_colour, find_weighed
from indexer.sources import DecodeLimits, every_page
from indexer.store.port import Hit
from indexer.values import Matrix, PageFilter, Pixels

if TYPE_CHECKING:
    from indexer.library.core import Library

MOST_ANSWERS = 1_000
"""The largest `limit`; more is what `pages` and `export` are for."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came from outside; `name` is only for messages."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, eq=False)
class ReadPage:
    """One page of an upload, as the model takes it."""

    name: str
    page_number: int
    prepared: Pixels
    colour: Matrix | None = None
    """float32 [1, C], its colours, where the library has such vectors."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadUploads:
    """All pages of all uploads that could be read, in order, and what could not."""

    pages: list[ReadPage] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


def read_uploads(library: Library, uploads: Sequence[Upload], *, embedder: Embedder | None = None) -> ReadUploads:
    """See `Library.read_uploads`; for another `embedder` than the library's where one is given."""
    library.decoders.start()
    embedder = embedder or library.embedder()
    settings = library.settings
    until_s, pages_left = time.monotonic() + settings.upload_timeout_s, settings.max_upload_pages
    read = ReadUploads()
    for upload in uploads:
        try:
            if not pages_left:
                raise PictureTooLargeError(
                    f"the files before it have all the {settings.max_upload_pages:,} pages that one upload may have; send it by itself",
                    skip_code="too-large",
                )
            limits = DecodeLimits(settings.max_pixels, settings.max_upload_bytes, max_pages_per_file=pages_left)
            pages_left -= _read_upload(library, upload, embedder, limits, until_s, read)
        except PictureError as exc:
            read.unreadable.append(Unreadable(upload.name, str(exc), code=exc.skip_code))
    return read


def _read_upload(
    library: Library, upload: Upload, embedder: Embedder, limits: DecodeLimits, until_s: float, read: ReadUploads
) -> int:
    """Add the pages of one file to `read`; returns how many it has."""
    side_px, has_colours = small_side_px(embedder), "colour" in library.manifest.views
    with library.decoders.open_data(upload.data, limits=limits, until_s=until_s) as opened:
        for page in every_page(opened, max_side_px=2 * side_px, enough_px=side_px):
            if page.picture is None:
                read.unreadable.append(Unreadable(upload.name, page.skip_reason, page.page_number, page.skip_code))
            else:
                pixels = page.picture.pixels
                colour = embed_colour([pixels]) if has_colours else None
                read.pages.append(ReadPage(upload.name, page.page_number, embedder.prepare(pixels), colour))
        return opened.page_count


def classify_vectors(
    library: Library, pages: Sequence[ReadPage], vectors: Matrix, *, unknown_share: float | None
) -> list[Classification]:
    """See `Library.classify_vectors`."""
    require_clusters(library)
    share = library.settings.unknown_share if unknown_share is None else unknown_share
    if not 0 <= share < 1:
        raise UsageError(f"unknown_share is {share}; it must be at least 0 and below 1.")
    table = load_centroids(library)
    found = find_nearest(vectors, table.vectors, table.spread, unknown_share=share)
    guesses: Sequence[LabelGuess | None] = library.learning.guess(vectors, unknown_share=share) or [None] * len(pages)
    return [
        _describe(library, page, nearest, guess) for page, nearest, guess in zip(pages, found, guesses, strict=True)
    ]


def similar_to_vectors(
    library: Library, pages: Sequence[ReadPage], vectors: Matrix, *, where: PageFilter, limit: int, colour: float
) -> list[SimilarAnswer]:
    """See `Library.similar_to_vectors`."""
    check_limit(limit)
    share = check_colour(library, colour)
    if not pages:
        return []
    if share == 0:
        found = library.collection.find_similar(vectors, using="page", limit=limit, where=where)
    else:
        asked = [
            (vector, page.colour[0]) for page, vector in zip(pages, vectors, strict=True) if page.colour is not None
        ]
        if len(asked) < len(pages):
            raise ConflictError("The library got its colour vectors while this was asked. Ask again.")
        found = [
            find_weighed(library.collection, vector, colours, share=share, limit=limit, where=where)
            for vector, colours in asked
        ]
    return [
        SimilarAnswer(page.name, page.page_number, to_similar(hits)) for page, hits in zip(pages, found, strict=True)
    ]


def similar_to_page(library: Library, page_id: str, *, where: PageFilter, limit: int, colour: float) -> SimilarAnswer:
    """See `Library.similar_to_page`."""
    check_limit(limit)
    share = check_colour(library, colour)
    page = library.page(page_id)
    views = ("page", "colour") if share else ("page",)
    vectors = library.collection.retrieve([page_id], vectors=views).vectors
    if not len(vectors["page"]):
        raise PageMissingError(f"The page {page_id} has no embedding; index its file again.")
    query, colours = vectors["page"][0], vectors[views[-1]][0]
    hits = find_weighed(library.collection, query, colours, share=share, limit=limit + 1, where=where)
    others = [hit for hit in hits if hit.id != page_id][:limit]
    return SimilarAnswer(page.path, page.page_number, to_similar(others))


def to_similar(hits: Sequence[Hit]) -> list[SimilarPage]:
    """Hits as pages with their similarity; the float32 rounding that carries equal vectors past 1 is taken off."""
    return [SimilarPage(float(np.clip(hit.similarity, -1, 1)), page_from_payload(hit.id, hit.payload)) for hit in hits]


def check_limit(limit: int) -> None:
    """Raise UsageError unless 1 ≤ limit ≤ MOST_ANSWERS."""
    if not 1 <= limit <= MOST_ANSWERS:
        raise UsageError(f"limit is {limit}; it must be 1 to {MOST_ANSWERS}.")


def _describe(library: Library, page: ReadPage, nearest: Nearest, guess: LabelGuess | None) -> Classification:
    groups = library.decisions.cluster_groups
    return Classification(
        name=page.name,
        page_number=page.page_number,
        cluster=nearest.cluster,
        group=groups.get(nearest.cluster),
        similarity=nearest.similarity,
        runner_up=nearest.runner_up,
        runner_up_group=None if nearest.runner_up is None else groups.get(nearest.runner_up),
        margin=nearest.margin,
        threshold=nearest.threshold,
        unknown=nearest.unknown,
        guess=guess,
    )
