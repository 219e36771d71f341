"""The ports of the embedding room: pages in, or words in, and unit vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from indexer.values import Matrix, ModelSpec, Pixels


class Embedder(Protocol):
    """One way to turn pages into vectors. `prepare` is cheap and safe in many threads; `embed` where `embeds_in_parallel` says so."""

    @property
    def spec(self) -> ModelSpec:
        """What is recorded in the library, and compared before a query."""

    @property
    def batch_size(self) -> int:
        """How many pages at once suit the device."""

    @property
    def embeds_in_parallel(self) -> bool:
        """Whether several threads may call `embed` at once, and get more done so than one; else they take turns."""

    def prepare(self, pixels: Pixels) -> Pixels:
        """The model's input from a decoded page: uint8 [h, w, 3] of the one size this embedder takes, nothing cropped away."""

    def embed(self, prepared: Sequence[Pixels]) -> Matrix:
        """float32 [N, D] of unit length, in the order given, from N inputs that `prepare` made; N may be 0."""


@runtime_checkable
class PreparingEmbedder(Protocol):
    """An embedder that can trade a slow start for speed."""

    def prepare_for(self, pages: int, *, compiling: Literal["auto", "on", "off"] = "auto") -> None:
        """Get ready for a run of so many pages, by compiling the network if that is wished, or pays (`auto`)."""


class TextEmbedder(Protocol):
    """The text side of a model that has one. Its vectors can be compared with those of the same model's pages."""

    @property
    def weights_sha256(self) -> str:
        """What must equal the hash in the library's `ModelSpec`."""

    @property
    def dimensions(self) -> int:
        """D, the length of each vector."""

    def embed_texts(self, texts: Sequence[str]) -> Matrix:
        """float32 [N, D] of unit length, in the order given; N may be 0."""
