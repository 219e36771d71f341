"""Colour against content: one embedding that joins a page as it is with blurred versions of it.

What survives a strong blur is colour and composition; what only the sharp page shows is objects and strokes. The
weights say how much each counts: the cosine of two joined embeddings is the mean of the cosines at each level, by
weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from indexer.embedding.port import Embedder
from indexer.errors import UsageError
from indexer.values import Matrix, ModelSpec, Pixels

NOMINAL_PX = 224
"""Radii are those of a page that is seen at so many pixels, so that they blur alike whatever a model's input size."""
MOST_LEVELS = 8


@dataclass(frozen=True, slots=True)
class BlurMix:
    """Blur levels, least blurred first: the radius of each in pixels (standard deviation at 224 px), and its share of the weights."""

    radii: tuple[float, ...]
    weights: tuple[float, ...]

    def __str__(self) -> str:
        """As a `ModelSpec` records it, and `parse_blur_mix` reads it back."""
        return ",".join(f"{radius:g}:{weight:g}" for radius, weight in zip(self.radii, self.weights, strict=True))


def make_blur_mix(radii: Sequence[float], weights: Sequence[float] | None = None) -> BlurMix | None:
    """The mix of these levels, all weighed alike unless `weights` says otherwise; None for the sharp page alone.

    Raises:
        UsageError: no level, more than 8, one twice, a radius below 0 or above 100, or weights that do not fit or are not above 0.
    """
    given = [1.0] * len(radii) if weights is None else list(weights)
    if not 1 <= len(radii) <= MOST_LEVELS or len(given) != len(radii):
        raise UsageError(
            f"{len(radii)} blur levels and {len(given)} weights: give 1 to {MOST_LEVELS} levels, and one weight for each."
        )
    if not all(0 <= radius <= 100 for radius in radii) or len(set(radii)) < len(radii):
        raise UsageError(
            f"The blur levels {_listed(radii)} can't be: give different radii from 0 (sharp) to 100 px, such as 0,4,16."
        )
    if not all(np.isfinite(weight) and weight > 0 for weight in given):
        raise UsageError(f"The weights {_listed(given)} must all be above 0: leave out a level that should not count.")
    if tuple(radii) == (0,):
        return None
    total = sum(given)
    levels = sorted(zip(radii, given, strict=True))
    shares = tuple(float(f"{weight / total:.6g}") for _, weight in levels)
    return BlurMix(tuple(float(radius) for radius, _ in levels), shares)


def parse_blur_mix(text: str) -> BlurMix | None:
    """The mix that a `ModelSpec` records; None for an empty text."""
    if not text:
        return None
    pairs = [level.split(":") for level in text.split(",")]
    return BlurMix(tuple(float(radius) for radius, _ in pairs), tuple(float(weight) for _, weight in pairs))


class BlurMixEmbedder:
    """Another embedder's vectors of a page at several blur levels, side by side: float32 [N, L · D] of unit length."""

    def __init__(self, inner: Embedder, mix: BlurMix) -> None:
        self._inner = inner
        self._mix = mix
        spec = inner.spec
        self._scale = spec.input_px / NOMINAL_PX
        self._spec = replace(spec, dimensions=spec.dimensions * len(mix.radii), blur_mix=str(mix))

    @property
    def spec(self) -> ModelSpec:
        """That of the inner embedder, with the mix."""
        return self._spec

    @property
    def batch_size(self) -> int:
        """As many pages as fill one of the inner embedder's batches with all of their levels."""
        return max(1, self._inner.batch_size // len(self._mix.radii))

    @property
    def embeds_in_parallel(self) -> bool:
        """As the inner embedder."""
        return self._inner.embeds_in_parallel

    def prepare(self, pixels: Pixels) -> Pixels:
        """All levels of the page's input, one below the other: uint8 [L · h, w, 3]."""
        sharp = self._inner.prepare(pixels)
        return np.concatenate([blur_pixels(sharp, radius * self._scale) for radius in self._mix.radii])

    def embed(self, prepared: Sequence[Pixels]) -> Matrix:
        """float32 [N, L · D] of unit length, in the order given."""
        levels = len(self._mix.radii)
        cut = [np.split(page, levels) for page in prepared]
        inputs = [np.ascontiguousarray(page[level]) for level in range(levels) for page in cut]
        return mix_levels(np.split(self._inner.embed(inputs), levels), self._mix.weights)


def blur_pixels(pixels: Pixels, radius_px: float) -> Pixels:
    """`pixels` blurred by a Gaussian with a standard deviation of `radius_px`; 0 gives them as they are."""
    if radius_px == 0:
        return pixels
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius_px)))


def mix_levels(levels: Sequence[Matrix], weights: Sequence[float]) -> Matrix:
    """Float32 [N, sum of D], unit rows: the embeddings of the same pages at several blur levels, side by side.

    `levels` holds one matrix [N, D] of unit rows for each level, `weights` one number above 0 for each. Each level is scaled by
    the root of its share of the weights.
    """
    total = sum(weights)
    scaled = [level * np.float32((weight / total) ** 0.5) for level, weight in zip(levels, weights, strict=True)]
    return np.asarray(np.concatenate(scaled, axis=1), dtype=np.float32)


def widen_query(vectors: Matrix, mix: BlurMix | None) -> Matrix:
    """Queries [N, D] that know nothing of blur (words), for a library with a mix: compared with its least blurred level."""
    if mix is None:
        return vectors
    return np.pad(vectors, ((0, 0), (0, vectors.shape[1] * (len(mix.radii) - 1))))


def _listed(numbers: Sequence[float]) -> str:
    return ",".join(f"{number:g}" for number in numbers) or "none"
