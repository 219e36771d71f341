"""A network that turns pages into vectors, before it is put to work or trained further."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexer.embedding.request import ModelRequest
from indexer.embedding.torch_embedder import InputRecipe, TorchEmbedder

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, eq=False)
class Backbone:
    """A network, float32 on the CPU: `forward` sends [B, 3, side, side] through it and gives [B, D], not yet of unit length.

    `resize` makes it take another side; None where it takes any. `config` is what the architecture is built from, where its name does
    not say so.
    """

    name: str
    network: torch.nn.Module
    forward: Callable[[torch.Tensor], torch.Tensor]
    recipe: InputRecipe
    weights_sha256: str
    resize: Callable[[int], None] | None = None
    config: Mapping[str, Any] | None = None


def embedder_of(backbone: Backbone, request: ModelRequest) -> TorchEmbedder:
    """The embedder around it, on the device and in the precision that the request wishes."""
    return TorchEmbedder(
        request.name,
        backbone.network,
        backbone.forward,
        backbone.recipe,
        weights_sha256=backbone.weights_sha256,
        precision=request.precision,
        device=request.device,
        threads=request.threads,
    )
