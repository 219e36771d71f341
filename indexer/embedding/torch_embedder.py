"""What all networks share: a page fitted, normalised on the device, sent through, and brought to unit length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.embedding.compiling import Compiling, compile_forward, compiling_pays
from indexer.embedding.fitting import FitMode, fit_page
from indexer.embedding.hardware import as_dtype, choose_device, choose_precision, threads_here
from indexer.embedding.vectors import empty_matrix, unit_rows
from indexer.errors import ModelError
from indexer.values import Matrix, ModelSpec, Pixels

if TYPE_CHECKING:
    import torch

CPU_BATCH = 16
"""From 8 pages on a core is as fast as it gets (ViT-B/32, with 8, 16 and 32: 46 ms a page), and small batches end together."""
GPU_BATCH = 256


@dataclass(frozen=True, slots=True)
class InputRecipe:
    """How a page becomes the network's input: `mean` and `std` are those of RGB values from 0 to 1."""

    side_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    mode: FitMode = "longest"
    filter_name: str = "bicubic"

    def describe(self) -> str:
        """The recipe in one line, the same for the same recipe."""
        mean, std = ("/".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std))
        return f"{self.side_px} px {self.mode} {self.filter_name}; mean {mean}; std {std}"


class TorchEmbedder:
    """An embedder around a network. In float32 a page's vector is the same in any batch, to within 1e-5."""

    def __init__(
        self,
        name: str,
        network: torch.nn.Module,
        forward: Callable[[torch.Tensor], torch.Tensor],
        recipe: InputRecipe,
        *,
        weights_sha256: str,
        precision: str = "auto",
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        """`forward` sends [B, 3, side, side] through `network` (already loaded, float32) and gives [B, D]."""
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        self._threads = torch.get_num_threads()
        self._device = choose_device(device)
        if precision == "auto" and _has_batch_norm(network):
            precision = "float32"
        self._precision = choose_precision(precision, self._device)
        self._dtype = as_dtype(self._precision)
        self._recipe = recipe
        self._forward = forward
        self._compiled = forward
        # Channels-last doubles the speed of MobileNetV2 here, and changes nothing for transformers.
        self._layout = torch.channels_last
        _cast(network.eval().requires_grad_(False), self._dtype).to(self._device).to(memory_format=self._layout)
        self._mean, self._std = (
            torch.tensor(values, device=self._device).view(1, 3, 1, 1) * 255.0 for values in (recipe.mean, recipe.std)
        )
        blank = np.full((recipe.side_px, recipe.side_px, 3), 255, dtype=np.uint8)
        self._spec = ModelSpec(
            name=name,
            dimensions=self._run([blank]).shape[1],
            preprocessing=recipe.describe(),
            weights_sha256=weights_sha256,
            precision=self._precision,
            input_px=recipe.side_px,
        )

    @property
    def spec(self) -> ModelSpec:
        """What is recorded in the library."""
        return self._spec

    @property
    def batch_size(self) -> int:
        """How many pages at once suit the device."""
        return CPU_BATCH if self._device == "cpu" else GPU_BATCH

    @property
    def embeds_in_parallel(self) -> bool:
        """On the CPU: a forward pass for each core beats one with all of them, which wait for each other at every layer."""
        return self._device == "cpu"

    def prepare_for(self, pages: int, *, compiling: Compiling = "auto") -> None:
        """Get ready for a run of so many pages: whole batches go through a compiled network, where that pays (`auto`) or is wished."""
        if compiling == "on" or (
            compiling == "auto" and compiling_pays(pages, device=self._device, precision=self._precision)
        ):
            self._compiled = compile_forward(self._forward)

    def prepare(self, pixels: Pixels) -> Pixels:
        """The whole page as uint8 [side, side, 3], the size this network takes."""
        recipe = self._recipe
        return fit_page(pixels, recipe.side_px, mode=recipe.mode, filter_name=recipe.filter_name)

    def embed(self, prepared: Sequence[Pixels]) -> Matrix:
        """float32 [N, D] of unit length, in the order given.

        Raises:
            ModelError: the network gave numbers that are none, as float16 does when it overflows.
        """
        if not prepared:
            return empty_matrix(self._spec.dimensions)
        size = self.batch_size
        rows = np.concatenate([self._run(prepared[start : start + size]) for start in range(0, len(prepared), size)])
        if not np.isfinite(rows).all():
            raise ModelError(
                f"{self._spec.name} in {self._precision} gave values that are not finite; use --precision float32."
            )
        return unit_rows(rows)

    def _run(self, pages: Sequence[Pixels]) -> Matrix:
        import torch

        stacked = torch.from_numpy(np.stack(pages))
        if self._device.startswith("cuda"):
            stacked = stacked.pin_memory()
        with torch.inference_mode(), threads_in_use(self._threads):
            batch = stacked.to(self._device, non_blocking=True).permute(0, 3, 1, 2).float()
            batch = ((batch - self._mean) / self._std).to(self._dtype).contiguous(memory_format=self._layout)
            # A compiled network is so for one shape; single uploads and the last batch of a run have others.
            forward = self._compiled if len(pages) == self.batch_size else self._forward
            vectors: Matrix = forward(batch).float().cpu().numpy()
        return vectors


@contextmanager
def threads_in_use(usual: int) -> Iterator[None]:
    """Torch's cores for this call: `usual`, or what this thread was limited to.

    torch keeps the number for each thread, but hands the last one set anywhere to threads that are new to it. So it is set for every
    call, and set back.
    """
    import torch

    threads = threads_here() or usual
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        if threads != usual:
            torch.set_num_threads(usual)


def _has_batch_norm(network: torch.nn.Module) -> bool:
    """Whether it is a convolutional network of the kind whose embeddings bfloat16 blurs.

    Of 287 real pages (MobileNetV2, `benchmarks/fidelity.py`) the worst keeps a cosine of 0.992 with float32, but every twentieth of
    the ten nearest neighbours is another one. Transformers, which normalise within a page, keep 0.9999.
    """
    import torch

    return any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in network.modules())


def _cast(network: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """The network in that precision, except batch normalisation, whose running sums need float32.

    With those in bfloat16 too, the worst of 276 real pages fell to a cosine of 0.967 with float32 (MobileNetV2); so it
    is 0.990, at the same speed.
    """
    import torch

    norms = [module for module in network.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    kept = [{name: value.clone() for name, value in norm.state_dict().items()} for norm in norms]
    network.to(dtype)
    for norm, state in zip(norms, kept, strict=True):
        norm.float().load_state_dict(state)
    return network
