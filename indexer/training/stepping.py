"""One step of training on one device: pages in, loss back, weights moved; in half precision where that is wished."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from timm.data import Mixup
from timm.optim import create_optimizer_v2
from torch import Tensor

from indexer.analysis.labels import TRAIN, Split
from indexer.embedding.hardware import as_dtype
from indexer.embedding.torch_embedder import InputRecipe
from indexer.errors import ModelError
from indexer.training.feeding import Batch
from indexer.training.network import LabelNetwork, parameter_groups
from indexer.training.recipe import Recipe
from indexer.training.state import TrainingState
from indexer.values import Labels, Matrix

MOST_GRADIENT = 5.0
"""Longer gradients are cut to this length."""
WARM_SHARE = 0.25
"""Share of a phase in which the rate grows; then it falls (Smith & Topin, arXiv:1708.07120)."""
_LEAST_STEPS = 5
"""A cycle of fewer can't be divided into a rise and a fall."""


@dataclass(frozen=True, slots=True)
class Where:
    """Which step of a run: what its random numbers are drawn by, beside the seed."""

    phase: int
    epoch: int
    step: int


class Stepper:
    """Network, optimizer and schedule of the phase that runs."""

    def __init__(
        self,
        network: LabelNetwork,
        recipe_in: InputRecipe,
        labels: Labels,
        split: Split,
        recipe: Recipe,
        *,
        device: str,
        precision: str,
    ) -> None:
        self.input = recipe_in
        """How the pages of the batches were fitted."""
        self._network = network
        self._labels = labels
        self._recipe = recipe
        self._device = device
        self._dtype = as_dtype(precision)
        kinds = network.head.out_features
        is_balanced = recipe.class_weights == "balanced"
        self._weights = _label_weights(labels[split.rows(TRAIN)], kinds, is_balanced=is_balanced).to(device)
        self._mixup = Mixup(
            mixup_alpha=recipe.mixup or 1.0,
            cutmix_alpha=0.0,
            prob=1.0 if recipe.mixup else 0.0,
            label_smoothing=recipe.smoothing,
            num_classes=kinds,
        )
        self._head_only = False

    def move_network(self) -> None:
        """Put the network on the device, in the layout of memory that suits convolutions."""
        self._network.to(self._device)
        self._network.to(memory_format=torch.channels_last)

    def begin(self, rate: float, steps: int, *, head_only: bool) -> None:
        """A new optimizer and a one-cycle schedule of so many steps up to `rate`; with `head_only` the base is frozen."""
        self._head_only = head_only
        self._network.base.requires_grad_(not head_only)
        groups = parameter_groups(
            self._network, depth_ratio=self._recipe.depth_ratio, weight_decay=self._recipe.weight_decay
        )
        self._optimizer = create_optimizer_v2(groups, opt="adamw", lr=rate, weight_decay=self._recipe.weight_decay)
        self._scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            max_lr=[rate * group["lr_scale"] for group in self._optimizer.param_groups],
            total_steps=(total := max(steps + 1, _LEAST_STEPS)),
            pct_start=max(WARM_SHARE, 2 / total),
        )
        kind = self._device.partition(":")[0]
        self._scaler = torch.amp.GradScaler(kind, enabled=kind == "cuda" and self._dtype == torch.float16)

    def step(self, batch: Batch, where: Where) -> float:
        """Learn from a batch; returns its loss."""
        loss = self._learn(batch, where)
        self._scheduler.step()
        return loss

    def try_rate(self, batch: Batch, where: Where, rate: float) -> float:
        """The same at this rate, whatever the schedule says; infinite where the loss is no number any more."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["lr_scale"]
        try:
            return self._learn(batch, where)
        except ModelError:
            return float("inf")

    def judge(self, batches: Iterable[Batch]) -> Matrix:
        """float32 [N, L]: logits of the pages of all batches."""
        self._network.eval()
        found = [np.zeros((0, self._network.head.out_features), dtype=np.float32)]
        with torch.inference_mode():
            for batch in batches:
                with self._autocast():
                    found.append(self._network(self._to_device(batch)).float().cpu().numpy())
        return np.concatenate(found)

    def load(self, state: TrainingState) -> None:
        """Go on with the optimizer and schedule of a state, if it has any."""
        if state.optimizer is not None and state.scheduler is not None:
            self._optimizer.load_state_dict(state.optimizer)
            self._scheduler.load_state_dict(state.scheduler)
            if state.scaler:
                self._scaler.load_state_dict(state.scaler)

    def store(self, state: TrainingState) -> None:
        """Keep them in a state; between two phases there are none worth keeping."""
        if state.epoch == state.step == 0:
            return
        state.optimizer, state.scheduler = self._optimizer.state_dict(), self._scheduler.state_dict()
        state.scaler = self._scaler.state_dict() or None

    def _learn(self, batch: Batch, where: Where) -> float:
        self._network.train()
        if self._head_only:
            self._network.base.eval()
        elif not self._recipe.from_scratch:
            freeze_statistics(self._network.base)
        with _seeded(self._recipe.seed, where, self._device):
            labels = torch.from_numpy(self._labels[batch.rows].astype(np.int64)).to(self._device)
            pages, wanted = self._mixup(self._to_device(batch), labels)
            self._optimizer.zero_grad(set_to_none=True)
            with self._autocast():
                logits = self._network(pages)
            loss = F.cross_entropy(logits.float(), wanted.float(), weight=self._weights)
            if not (torch.isfinite(loss) or self._scaler.is_enabled()):
                raise ModelError(
                    "The loss is no number any more: the learning rate is too high. Give a lower one with --rate, or --precision float32."
                )
            self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            self._scaler.unscale_(self._optimizer)
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), MOST_GRADIENT)
            self._scaler.step(self._optimizer)
            self._scaler.update()
            return float(loss.item())

    def _to_device(self, batch: Batch) -> Tensor:
        """Normalized float32 [B, 3, s, s]."""
        stacked = torch.from_numpy(batch.pixels)
        if self._device.startswith("cuda"):
            stacked = stacked.pin_memory()
        pages = stacked.to(self._device, non_blocking=True).permute(0, 3, 1, 2).float()
        mean, std = (
            torch.tensor(values, device=self._device).view(1, 3, 1, 1) * 255.0
            for values in (self.input.mean, self.input.std)
        )
        return ((pages - mean) / std).contiguous(memory_format=torch.channels_last)

    def _autocast(self) -> torch.autocast:
        kind = self._device.partition(":")[0]
        is_mixed = self._dtype != torch.float32
        return torch.autocast(kind, dtype=self._dtype if is_mixed else torch.bfloat16, enabled=is_mixed)


def freeze_statistics(network: torch.nn.Module) -> None:
    """Batch normalisation goes on with the means and variances that the base came with; its weights still learn.

    Those of a small batch are noise. And weights that were quantized have them folded into their convolutions (the MobileNetV2 of the test
    data): normalised by a batch's own, such a network forgets all it knew within the first steps (0.82 to 0.02 on 175 pages).
    """
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()


@contextmanager
def threads_in_use(threads: int) -> Iterator[None]:
    """Torch uses so many cores inside: sums in another number of parts differ in their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _seeded(seed: int, where: Where, device: str) -> Iterator[None]:
    """Random numbers inside follow from seed and step alone, and those outside go on as if nothing had happened."""
    numbers = np.random.SeedSequence([seed, where.phase, where.epoch, where.step]).generate_state(2)
    before = np.random.get_state()  # timm's mixup draws from NumPy's global generator
    with torch.random.fork_rng(devices=[torch.device(device)] if device.startswith("cuda") else []):
        torch.manual_seed(int(numbers[0]))
        np.random.seed(int(numbers[1]))
        try:
            yield
        finally:
            np.random.set_state(before)


def _label_weights(labels: Labels, kinds: int, *, is_balanced: bool) -> Tensor:
    """float32 [L]: the fewer pages a label has, the more each weighs; 1 in the mean over pages."""
    if not is_balanced:
        return torch.ones(kinds)
    counts = np.bincount(labels, minlength=kinds)
    return torch.from_numpy((len(labels) / (kinds * np.maximum(counts, 1))).astype(np.float32))
