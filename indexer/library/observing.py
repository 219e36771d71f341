"""All that is noted of a page while its one small picture is at hand; nothing of it needs the file again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from indexer.analysis.documents.looks import measure_looks
from indexer.analysis.quality import find_quality_flags
from indexer.embedding.port import Embedder, PreparingEmbedder
from indexer.embedding.views import COLOUR_DIMENSIONS, cut_foot, cut_head, embed_colour
from indexer.errors import UsageError
from indexer.output.pictures import make_thumbnail
from indexer.sources import at_flag_size, find_flags
from indexer.values import Matrix, ModelSpec, Picture, Pixels

VIEWS = ("head", "foot", "colour")
"""Named vectors that a library may have beside `page`: the top and bottom fifth by its embedder, and its colours."""
SMALL_SIDE_PX = 512
"""What the longest side of the small picture that embedding, thumbnail and flags come from must have; more where the model looks closer."""
_LOOKS_DIGITS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """A page as seen: what the model takes, what is stored as it is, and what further views take."""

    prepared: Pixels
    thumbnail: bytes
    flags: tuple[str, ...]
    looks: list[float]
    views: dict[str, Pixels]


class Observer:
    """Looks at pages for one embedder and a library's views.

    `observe` is safe in many threads, `embed` where `embeds_in_parallel` says so.
    """

    def __init__(self, embedder: Embedder, views: Sequence[str] = ()) -> None:
        self._embedder = embedder
        self._views = check_views(views)

    @property
    def model(self) -> ModelSpec:
        """What the embedder is."""
        return self._embedder.spec

    @property
    def views(self) -> tuple[str, ...]:
        """The named vectors beside `page`."""
        return self._views

    @property
    def batch_size(self) -> int:
        """How many pages at once suit the device."""
        return self._embedder.batch_size

    @property
    def embeds_in_parallel(self) -> bool:
        """Whether batches may be embedded by several threads at once."""
        return self._embedder.embeds_in_parallel

    def prepare_for(self, pages: int, *, compiling: Literal["auto", "on", "off"]) -> None:
        """Say that so many pages are to come, so that an embedder that can gets ready for them."""
        if isinstance(self._embedder, PreparingEmbedder):
            self._embedder.prepare_for(pages, compiling=compiling)

    @property
    def side_px(self) -> int:
        """How large pages must be decoded at least; up to twice that is as good."""
        return small_side_px(self._embedder)

    def observe(self, picture: Picture) -> Observed:
        """Everything from one decoded page."""
        pixels = picture.pixels
        cut = {"head": cut_head, "foot": cut_foot}
        views = {name: self._embedder.prepare(cut[name](pixels)) if name in cut else pixels for name in self._views}
        # One size for all that is judged, so that a page looks the same whatever size it was cheapest to decode at.
        small = at_flag_size(pixels)
        looks = measure_looks(small, picture.width_px, picture.height_px)
        return Observed(
            prepared=self._embedder.prepare(pixels),
            thumbnail=make_thumbnail(small),
            flags=tuple(sorted((*find_flags(small), *find_quality_flags(small)))),
            looks=[round(float(value), _LOOKS_DIGITS) for value in looks],
            views=views,
        )

    def embed(self, pages: Sequence[Observed]) -> dict[str, Matrix]:
        """Named vectors, each float32 [N, D]: `page`, and the views. The embedder sees all of its inputs in one go."""
        by_model = [name for name in self._views if name != "colour"]
        inputs = [page.prepared for page in pages] + [page.views[name] for name in by_model for page in pages]
        blocks = np.split(self._embedder.embed(inputs), 1 + len(by_model))
        vectors = dict(zip(["page", *by_model], blocks, strict=True))
        if "colour" in self._views:
            vectors["colour"] = embed_colour([page.views["colour"] for page in pages])
        return vectors


def small_side_px(embedder: Embedder) -> int:
    """Longest side of the small picture that suits an embedder: twice what it looks at, so that shrinking stays smooth."""
    return max(SMALL_SIDE_PX, 2 * embedder.spec.input_px)


def check_views(views: Sequence[str]) -> tuple[str, ...]:
    """The views in their own order, each once; UsageError for one that there isn't."""
    unknown = [name for name in views if name not in VIEWS]
    if unknown:
        raise UsageError(f"There is no view {unknown[0]!r}; there are {', '.join(VIEWS)}.")
    return tuple(name for name in VIEWS if name in views)


def view_dimensions(embedder: Embedder, views: Sequence[str]) -> dict[str, int]:
    """Dimensions of each named vector."""
    own = embedder.spec.dimensions
    return {"page": own, **{name: COLOUR_DIMENSIONS if name == "colour" else own for name in check_views(views)}}
