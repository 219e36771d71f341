"""The training itself: first the head alone, then all layers, size by size; begun again where it was interrupted.

Whatever is drawn at random is drawn anew for each step from the seed and the step's number, so a run that was interrupted needs no memory
of generators: it goes on from the last state saved, and ends as if nothing had happened.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from indexer.analysis.labels import TRAIN, VALIDATION, Split, fit_temperature, log_loss, softmax
from indexer.embedding.backbone import Backbone
from indexer.embedding.torch_embedder import InputRecipe
from indexer.progress import Meter, ProgressSink
from indexer.training.feeding import Batch, Feeder, Rows
from indexer.training.network import LabelNetwork
from indexer.training.range_test import run_range_test
from indexer.training.recipe import Recipe
from indexer.training.state import TrainingState, copy_weights, load_state, save_state
from indexer.training.stepping import Stepper, Where, threads_in_use
from indexer.training.values import Epoch, Phase, RangeTest
from indexer.values import Labels, Matrix

SAVE_EVERY_S = 120.0
"""What an interruption costs at most; besides, the state is saved after each epoch."""
HEAD_FACTOR = 10.0
"""A head alone bears so many times the rate of all layers, where that one is given."""
_JUDGED_AT_ONCE = 64
_HIGH_SHARE = 0.5
"""Share of a phase in which the rate is high and a network worse than before is no sign: what a cycle gains, it gains as the rate falls."""
_JUDGED_BEFORE = 1_000
"""Training pages that the network is judged by before it learns."""
_RANGE_TEST = 1_000_000
"""Stands for an epoch's number where rates are tested, so that its draws are its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """How training went. The network has the weights of the best epoch; `recipe` is how a page becomes its input."""

    recipe: InputRecipe
    history: list[Epoch]
    best: Epoch
    range_tests: dict[str, RangeTest]


def plan_phases(recipe: Recipe, sizes: Sequence[int]) -> list[Phase]:
    """The head first, with the first size, unless the base is blank; then all layers with each size."""
    head = [Phase("head", sizes[0], recipe.head_epochs)] if recipe.head_epochs and not recipe.from_scratch else []
    return [*head, *(Phase("all", size, recipe.epochs) for size in sizes if recipe.epochs)]


class Trainer:
    """One training run. `state_file` keeps it between interruptions."""

    def __init__(
        self,
        network: LabelNetwork,
        backbone: Backbone,
        feeder: Feeder,
        labels: Labels,
        split: Split,
        recipe: Recipe,
        *,
        device: str,
        precision: str,
        threads: int,
        state_file: Path,
        progress: ProgressSink,
    ) -> None:
        self._network = network
        self._backbone = backbone
        self._feeder = feeder
        self._labels = labels
        self._split = split
        self._recipe = recipe
        self._threads = threads
        self._file = state_file
        self._progress = progress
        self._phases = plan_phases(recipe, recipe.sizes or (backbone.recipe.side_px,))
        self._input = backbone.recipe
        self._stepper = Stepper(network, backbone.recipe, labels, split, recipe, device=device, precision=precision)
        self._saved_s = time.monotonic()

    def run(self) -> Trained:
        """Train to the end, from the state saved if there is one.

        Raises:
            ModelError: the loss is no number any more.
            LibraryDamagedError: the saved state can't be read.
        """
        with threads_in_use(self._threads):
            state = load_state(self._file) or TrainingState()
            while state.phase < len(self._phases):
                self._run_phase(self._phases[state.phase], state)
                state.begin_next_phase()
                self._save(state)
            self._enter(self._phases[-1], state)
            history = [Epoch(**epoch) for epoch in state.history]
            return Trained(
                recipe=self._input,
                history=history,
                best=history[state.best_epoch],
                range_tests={kind: RangeTest(**test) for kind, test in state.range_tests.items()},
            )

    # ---- a phase ----

    def _run_phase(self, phase: Phase, state: TrainingState) -> None:
        """All epochs of a phase, or what is left of them; afterwards the network has the best weights so far."""
        self._enter(phase, state)
        if state.epoch == state.step == 0:
            self._begin_phase(phase, state)
        rate = self._find_rate(phase, state)
        steps = len(self._order(state.phase, 0)) * phase.epochs
        self._stepper.begin(rate, steps, head_only=phase.kind == "head")
        self._stepper.load(state)
        what = "the head" if phase.kind == "head" else "all layers"
        meter = Meter(self._progress, f"training {what} at {phase.side_px} px", self._count_left(phase, state))
        while state.epoch < phase.epochs and state.waited < self._recipe.patience:
            self._run_epoch(state, meter)
            self._end_epoch(phase, state, rate)
            self._save(state)
        meter.finish()
        if state.best_network is not None:
            self._network.load_state_dict(state.best_network)

    def _begin_phase(self, phase: Phase, state: TrainingState) -> None:
        """Losses of another size are another measure. What training begins with is kept if no epoch is better."""
        if state.phase and phase.side_px != self._phases[state.phase - 1].side_px:
            state.best_loss, state.best_network = float("inf"), None
        if not state.history:
            train = self._split.rows(TRAIN)[:_JUDGED_BEFORE]
            _, loss = _measure(self.judge_pages(train), self._labels[train])
            self._note_epoch(phase, state, 0, train_loss=loss, rate=0.0)

    def _enter(self, phase: Phase, state: TrainingState) -> None:
        """The network has the weights of the state, and takes pages of the phase's size."""
        if state.network is not None:
            self._resize(state.network_px)
            self._network.load_state_dict(state.network)
        self._resize(phase.side_px)
        self._stepper.move_network()

    def _resize(self, side_px: int) -> None:
        if side_px == self._input.side_px:
            return
        if self._backbone.resize is not None:
            self._backbone.resize(side_px)
        self._input = self._stepper.input = replace(self._input, side_px=side_px)

    def _run_epoch(self, state: TrainingState, meter: Meter) -> None:
        order = self._order(state.phase, state.epoch)[state.step :]
        drawn_by = (self._recipe.seed, state.phase, state.epoch) if self._recipe.augment else None
        with closing(self._feeder.batches(order, self._input, drawn_by=drawn_by)) as batches:
            for batch in batches:
                loss = self._stepper.step(batch, Where(state.phase, state.epoch, state.step))
                state.step += 1
                state.loss_sum += loss * len(batch.rows)
                state.loss_pages += len(batch.rows)
                try:
                    meter.advance(len(batch.rows))
                except BaseException:
                    # Whoever watches wants it to stop: what was done so far is kept.
                    self._save(state)
                    raise
                if time.monotonic() - self._saved_s > SAVE_EVERY_S:
                    self._save(state)

    def _end_epoch(self, phase: Phase, state: TrainingState, rate: float) -> None:
        state.waited += state.epoch + 1 > phase.epochs * _HIGH_SHARE
        self._note_epoch(phase, state, state.epoch + 1, train_loss=state.loss_sum / max(state.loss_pages, 1), rate=rate)
        state.epoch, state.step, state.loss_sum, state.loss_pages = state.epoch + 1, 0, 0.0, 0

    def _note_epoch(self, phase: Phase, state: TrainingState, number: int, *, train_loss: float, rate: float) -> None:
        """How good the network is on the validation pages, and whether it has ever been better."""
        validation = self._split.rows(VALIDATION)
        accuracy, loss = _measure(self.judge_pages(validation), self._labels[validation])
        epoch = Epoch(
            phase=state.phase,
            kind=phase.kind,
            side_px=phase.side_px,
            epoch=number,
            train_loss=train_loss,
            validation_loss=loss,
            validation_accuracy=accuracy,
            highest_rate=rate,
        )
        state.history.append(asdict(epoch))
        if loss < state.best_loss:
            state.best_loss, state.best_epoch, state.waited = loss, len(state.history) - 1, 0
            state.best_network = copy_weights(self._network)

    def _find_rate(self, phase: Phase, state: TrainingState) -> float:
        """The highest rate of a phase: as the recipe says, or by a range test, one for the head and one for all layers."""
        if self._recipe.rate is not None:
            return self._recipe.rate * (HEAD_FACTOR if phase.kind == "head" else 1.0)
        if phase.kind not in state.range_tests:
            before = copy_weights(self._network)
            self._stepper.begin(1.0, 1, head_only=phase.kind == "head")
            meter = Meter(self._progress, "testing learning rates")
            with closing(self._endless(state.phase)) as batches:

                def step(number: int, rate: float) -> float:
                    meter.advance()
                    return self._stepper.try_rate(next(batches), Where(state.phase, _RANGE_TEST, number), rate)

                found = run_range_test(step)
            meter.finish()
            self._network.load_state_dict(before)
            state.range_tests[phase.kind] = asdict(found)
        return float(state.range_tests[phase.kind]["chosen"])

    # ---- pages ----

    def _order(self, phase: int, epoch: int) -> list[Rows]:
        """The training pages in batches, in an order of their own for each epoch; an odd page at the end is left out this time."""
        rows = self._split.rows(TRAIN)
        drawn = np.random.default_rng([self._recipe.seed, phase, epoch]).permutation(rows)
        size = self._recipe.batch
        whole = drawn[: len(drawn) - len(drawn) % 2]
        return [whole[start : start + size] for start in range(0, len(whole), size)]

    def _count_left(self, phase: Phase, state: TrainingState) -> int:
        pages = [len(batch) for batch in self._order(state.phase, 0)]
        return sum(pages) * (phase.epochs - state.epoch) - sum(pages[: state.step])

    def _endless(self, phase: int) -> Generator[Batch]:
        epoch = _RANGE_TEST
        while True:
            drawn_by = (self._recipe.seed, phase, epoch) if self._recipe.augment else None
            yield from self._feeder.batches(self._order(phase, epoch), self._input, drawn_by=drawn_by)
            epoch += 1

    def judge_pages(self, rows: Rows) -> Matrix:
        """float32 [N, L]: logits of these pages as they are, by the network as it is."""
        parts = [rows[start : start + _JUDGED_AT_ONCE] for start in range(0, len(rows), _JUDGED_AT_ONCE)]
        with closing(self._feeder.batches(parts, self._input)) as batches:
            return self._stepper.judge(batches)

    def _save(self, state: TrainingState) -> None:
        state.network, state.network_px = copy_weights(self._network), self._input.side_px
        self._stepper.store(state)
        save_state(self._file, state)
        self._saved_s = time.monotonic()


def _measure(logits: Matrix, labels: Labels) -> tuple[float, float]:
    """Accuracy and loss, the loss at the best temperature, which the model will be given: smoothing makes it less sure than it could be."""
    loss = log_loss(softmax(logits / fit_temperature(logits, labels)), labels)
    return float((logits.argmax(axis=1) == labels).mean()), loss
