"""A training run as it stands, in one file that is there whole or not at all."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from indexer.errors import LibraryDamagedError, StoreError
from indexer.output.files import written_whole

Weights = dict[str, Tensor]


@dataclass(slots=True)
class TrainingState:
    """Where a run is: next comes `step` of `epoch` of `phase`, all from 0. It holds only what torch reads back without running code."""

    phase: int = 0
    epoch: int = 0
    step: int = 0
    network: Weights | None = None
    network_px: int = 0
    """The side of the pages that these weights are for: those of a transformer know it."""
    optimizer: dict[str, Any] | None = None
    scheduler: dict[str, Any] | None = None
    scaler: dict[str, Any] | None = None
    best_network: Weights | None = None
    best_loss: float = float("inf")
    best_epoch: int = 0
    """Its place in `history`."""
    waited: int = 0
    """Epochs since the best one of this phase."""
    loss_sum: float = 0.0
    loss_pages: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    range_tests: dict[str, dict[str, Any]] = field(default_factory=dict)

    def begin_next_phase(self) -> None:
        """Let go of what belongs to the phase that is over."""
        self.phase, self.epoch, self.step, self.waited = self.phase + 1, 0, 0, 0
        self.optimizer = self.scheduler = self.scaler = None


def load_state(file: Path) -> TrainingState | None:
    """The state kept in `file`, on the CPU; None where there is none.

    Raises:
        LibraryDamagedError: it can't be read.
    """
    if not file.exists():
        return None
    try:
        return TrainingState(**torch.load(file, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, TypeError, ValueError, EOFError, pickle.UnpicklingError) as exc:
        raise LibraryDamagedError(
            f"{file} can't be read: {exc}. Remove it, and the same `quire finetune` begins from the start."
        ) from exc


def save_state(file: Path, state: TrainingState) -> None:
    """Keep it; StoreError where the disk is full or can't be written, and then the file is as it was."""
    document = {one.name: getattr(state, one.name) for one in fields(state)}
    try:
        with written_whole(file) as draft:
            torch.save(document, draft)
    except (OSError, RuntimeError) as exc:
        raise StoreError(f"{file} can't be written: {exc}. Make room, and the same `quire finetune` goes on.") from exc


def copy_weights(network: nn.Module) -> Weights:
    """The weights as they are now, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
