"""How a network is trained: every choice that the result depends on, beside the pages and the base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from indexer.errors import UsageError

ClassWeights = Literal["balanced", "none"]

LARGEST_SIDE_PX = 2_048


@dataclass(frozen=True, slots=True)
class Recipe:
    """What `quire finetune` may be told. The same recipe, pages and base give the same network, on the same machine and device.

    `sizes` are sides of the input in px, one after the other, with the weights carried over; none: the base's own. `rate` is the
    highest learning rate of the last layers; None: found by a range test. First layers learn `depth_ratio` times as slowly.
    """

    sizes: tuple[int, ...] = ()
    head_epochs: int = 3
    """Epochs in which only the head learns; the base is frozen."""
    epochs: int = 12
    """Epochs for each size in which all learns."""
    batch: int = 32
    rate: float | None = None
    depth_ratio: float = 10.0
    weight_decay: float = 0.05
    mixup: float = 0.2
    """Alpha of the beta distribution that two pages are mixed by (Zhang et al., ICLR 2018); 0: they are not."""
    smoothing: float = 0.1
    """Share of a label's certainty that goes to all others."""
    class_weights: ClassWeights = "balanced"
    patience: int = 5
    """Epochs in the second half of a size, where the rate falls, without a lower validation loss, after which it ends early."""
    augment: bool = True
    from_scratch: bool = False
    seed: int = 0

    def check(self) -> None:
        """Raise UsageError for a choice out of range."""
        bounds: dict[str, tuple[float, float, float]] = {
            "head_epochs": (self.head_epochs, 0, 10_000),
            "epochs": (self.epochs, 0, 10_000),
            "batch": (self.batch, 2, 4_096),
            "depth_ratio": (self.depth_ratio, 1, 1e6),
            "weight_decay": (self.weight_decay, 0, 10),
            "mixup": (self.mixup, 0, 10),
            "smoothing": (self.smoothing, 0, 0.9),
            "patience": (self.patience, 1, 10_000),
            **{f"size {size}": (size, 16, LARGEST_SIDE_PX) for size in self.sizes},
            **({"rate": (self.rate, 1e-8, 10)} if self.rate is not None else {}),
        }
        for name, (value, low, high) in bounds.items():
            if not low <= value <= high:
                raise UsageError(f"{name} is {value:g}; it must be {low:g} to {high:g}.")
        if self.batch % 2:
            raise UsageError(f"batch is {self.batch}; it must be even, so that pages can be mixed in pairs.")
        if not self.epochs and (self.from_scratch or not self.head_epochs):
            raise UsageError("Nothing would be trained: epochs and head_epochs are both 0.")


DEFAULT_RECIPE = Recipe()
"""What is done where nothing else was asked for."""
