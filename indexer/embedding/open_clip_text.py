"""The text side of open_clip's models: words become vectors that can be compared with those of pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from indexer.embedding.hardware import choose_device
from indexer.embedding.open_clip_adapter import HUB, LOCAL, load_clip
from indexer.embedding.request import ModelRequest
from indexer.embedding.torch_embedder import threads_in_use
from indexer.embedding.vectors import empty_matrix, unit_rows
from indexer.embedding.weights import explain_missing, hash_file, hub_cache, quiet_libraries
from indexer.errors import ModelError
from indexer.values import Matrix

_AT_ONCE = 64
"""Texts in one forward pass."""


class ClipTextEmbedder:
    """A text tower with its tokenizer, in float32: queries are few, and exact ones cost 10 ms."""

    def __init__(self, model: Any, tokenizer: Any, *, name: str, weights_sha256: str, device: str) -> None:
        """`model` as open_clip made it, without its image tower; `tokenizer` as open_clip made it for that model."""
        import torch

        self._name = name
        self._weights_sha256 = weights_sha256
        self._device = device
        self._threads = torch.get_num_threads()
        self._tokenizer = tokenizer
        self._model = model.eval().requires_grad_(False).to(device)
        self._dimensions = int(self._run(["page"]).shape[1])

    @property
    def weights_sha256(self) -> str:
        """The sha256 of the file that holds both towers."""
        return self._weights_sha256

    @property
    def dimensions(self) -> int:
        """D, the length of each vector."""
        return self._dimensions

    def embed_texts(self, texts: Sequence[str]) -> Matrix:
        """float32 [N, D] of unit length, in the order given; of a text longer than the model reads (77 tokens, mostly), its beginning."""
        if not texts:
            return empty_matrix(self._dimensions)
        parts = [self._run(texts[start : start + _AT_ONCE]) for start in range(0, len(texts), _AT_ONCE)]
        rows = np.concatenate(parts)
        if not np.isfinite(rows).all():
            raise ModelError(
                f"The text tower of {self._name} gave values that are not finite; its weights are damaged."
            )
        return unit_rows(rows)

    def _run(self, texts: Sequence[str]) -> Matrix:
        import torch

        with torch.inference_mode(), threads_in_use(self._threads):
            tokens = self._tokenizer(list(texts)).to(self._device)
            vectors: Matrix = self._model.encode_text(tokens).float().cpu().numpy()
        return vectors


def create_open_clip_text_embedder(request: ModelRequest) -> ClipTextEmbedder:
    """The text tower alone; the image tower is let go.

    Raises:
        UnknownModelError: open_clip has no such architecture or no such weights for it.
        WeightsMissingError: the weights or the tokenizer are neither here nor fetchable.
        ModelError: the checkpoint does not fit, or is a pickle that could run code.
    """
    loaded = load_clip(request)
    tokenizer = _load_tokenizer(request)
    loaded.model.visual = None
    return ClipTextEmbedder(
        loaded.model,
        tokenizer,
        name=request.name,
        weights_sha256=hash_file(loaded.weights),
        device=choose_device(request.device),
    )


def _load_tokenizer(request: ModelRequest) -> Any:
    """open_clip's own comes with it; some models name one of the hub instead, for which `transformers` is needed too."""
    import open_clip

    detail = request.detail
    architecture = detail if detail.startswith((HUB, LOCAL)) else detail.partition("/")[0]
    cache_dir = str(request.cache_dir) if request.cache_dir else None
    try:
        with quiet_libraries():
            return open_clip.get_tokenizer(architecture, cache_dir=cache_dir)
    except ImportError as cause:
        raise ModelError(
            f"The tokenizer of {request.name} needs a package that is not installed ({cause}). Install it: pip install transformers."
        ) from cause
    except (OSError, RuntimeError, ValueError) as cause:
        raise explain_missing(request.name, "its tokenizer", hub_cache(request.cache_dir), cause) from cause
