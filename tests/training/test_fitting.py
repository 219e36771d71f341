"""Training as a whole, on pages that can be told apart by eye: it learns, stops early, and an interruption leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.library import KINDS, draw_page
from support.models import TINY_CONVNET, TINY_TIMM

from indexer.analysis.labels import TEST, TRAIN, VALIDATION, Split
from indexer.embedding.registry import load_backbone
from indexer.errors import LibraryDamagedError, ModelError, UsageError
from indexer.progress import Meter, Progress, ProgressSink, ignore_progress
from indexer.training.feeding import Feeder
from indexer.training.fitting import Trained, Trainer
from indexer.training.network import LabelNetwork, count_dimensions
from indexer.training.recipe import Recipe
from indexer.values import Pixels

EACH = 10
PAGES = [np.asarray(draw_page(kind, number)) for kind in KINDS for number in range(EACH)]
LABELS = np.repeat(np.arange(len(KINDS)), EACH).astype(np.int32)
SPLIT = Split(np.tile([TRAIN] * 6 + [VALIDATION] * 2 + [TEST] * 2, len(KINDS)).astype(np.int8))
BASE = f"timm:{TINY_CONVNET}?input_px=32&mode=squash"
QUICK = Recipe(head_epochs=1, epochs=3, batch=8, rate=2e-3)


class StopError(Exception):
    """What a test stops training with."""


def load(row: int, enough_px: int) -> Pixels:
    """A page by its row."""
    return PAGES[row]


def train(
    state_file: Path,
    recipe: Recipe = QUICK,
    *,
    base: str = BASE,
    load_page: Callable[[int, int], Pixels] = load,
    progress: ProgressSink = ignore_progress,
    precision: str = "float32",
    device: str = "cpu",
) -> tuple[LabelNetwork, Trained, Trainer]:
    """A run from the same beginning each time, or from the state in the file."""
    torch.manual_seed(0)
    backbone = load_backbone(base, from_scratch=True)
    network = LabelNetwork(backbone, count_dimensions(backbone), len(KINDS))
    trainer = Trainer(
        network,
        backbone,
        Feeder(load_page, workers=2),
        LABELS,
        SPLIT,
        recipe,
        device=device,
        precision=precision,
        threads=2,
        state_file=state_file,
        progress=progress,
    )
    return network, trainer.run(), trainer


def same_weights(one: LabelNetwork, other: LabelNetwork) -> bool:
    """Bit by bit."""
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def stop_after(events: int) -> ProgressSink:
    """A sink that stops the training at its nth sign of progress."""
    left = [events]

    def sink(event: Progress) -> None:
        if event.stage.startswith("training"):
            left[0] -= 1
            if left[0] < 0:
                raise StopError

    return sink


@pytest.fixture(autouse=True)
def tell_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test can stop at any of them."""
    monkeypatch.setattr(Meter, "_INTERVAL_S", 0.0)


def test_it_learns_to_tell_the_labels(tmp_path: Path) -> None:
    """From random weights to the labels of pages that it never saw, with progress for each stage and a line for each epoch."""
    seen: list[Progress] = []
    recipe = Recipe(
        epochs=16, batch=8, rate=3e-3, mixup=0, augment=False, from_scratch=True, patience=16, depth_ratio=1
    )
    _, trained, trainer = train(tmp_path / "state", recipe, progress=seen.append)
    assert [one.kind for one in trained.history] == ["all"] * len(trained.history)
    assert trained.history[-1].train_loss < 0.8 * trained.history[1].train_loss
    assert trained.best.validation_accuracy >= 0.75
    told = trainer.judge_pages(SPLIT.rows(TEST)).argmax(axis=1)
    assert (told == LABELS[SPLIT.rows(TEST)]).mean() >= 0.75
    assert {event.stage for event in seen} == {"training all layers at 32 px"}
    assert seen[-1].done == seen[-1].total


def test_the_head_learns_first_and_the_base_stays_as_it_was(tmp_path: Path) -> None:
    """Not one number of the base changes while it is frozen; afterwards all layers learn."""
    recipe = Recipe(head_epochs=2, epochs=0, batch=8, rate=1e-3)
    torch.manual_seed(0)
    before = load_backbone(BASE, from_scratch=True).network.state_dict()
    network, trained, _ = train(tmp_path / "head", recipe)
    assert all(torch.equal(value, before[name]) for name, value in network.base.state_dict().items())
    assert {one.kind for one in trained.history} == {"head"}
    network, trained, _ = train(tmp_path / "all", QUICK)
    assert [(one.kind, one.epoch) for one in trained.history] == [
        ("head", 0),
        ("head", 1),
        ("all", 1),
        ("all", 2),
        ("all", 3),
    ]


def test_what_training_begins_with_is_kept_if_no_epoch_is_better(tmp_path: Path) -> None:
    """At a rate that destroys all there is, the network that comes out is the one that went in."""
    torch.manual_seed(0)
    before = load_backbone(BASE, from_scratch=True).network.state_dict()
    network, trained, _ = train(tmp_path / "state", Recipe(head_epochs=0, epochs=2, batch=8, rate=10.0))
    assert trained.best == trained.history[0]
    assert (trained.best.epoch, trained.best.highest_rate) == (0, 0.0)
    assert all(torch.equal(value, before[name]) for name, value in network.base.state_dict().items())


def test_the_means_that_a_base_was_trained_with_stay_while_its_weights_learn(tmp_path: Path) -> None:
    """A small batch knows them worse; and where they were folded into the weights, its own would undo all that was learned."""
    torch.manual_seed(0)
    before = load_backbone(BASE, from_scratch=True).network.state_dict()
    recipe = Recipe(head_epochs=0, epochs=4, batch=8, rate=2e-3, mixup=0, augment=False)
    network, trained, _ = train(tmp_path / "state", recipe)
    assert trained.best.epoch > 0
    after = network.base.state_dict()
    means = [name for name in before if name.endswith(("running_mean", "running_var"))]
    assert means
    assert all(torch.equal(after[name], before[name]) for name in means)
    assert any(not torch.equal(after[name], before[name]) for name in before if name.endswith("conv1.weight"))
    network, _, _ = train(tmp_path / "scratch", replace(recipe, epochs=6, rate=3e-3, depth_ratio=1, from_scratch=True))
    assert any(not torch.equal(network.base.state_dict()[name], before[name]) for name in means)


@pytest.mark.parametrize("stops", [[1], [4], [12, 1, 5]])
def test_an_interrupted_run_ends_as_if_nothing_had_happened(tmp_path: Path, stops: list[int]) -> None:
    """Stopped within the head's epoch, between phases, within an epoch, many times: the same weights bit by bit, the same history."""
    recipe = Recipe(head_epochs=1, epochs=2, batch=8, rate=2e-3, sizes=(32, 40))
    whole, told, _ = train(tmp_path / "whole", recipe)
    for events in stops:
        with pytest.raises(StopError):
            train(tmp_path / "state", recipe, progress=stop_after(events))
    resumed, again, _ = train(tmp_path / "state", recipe)
    assert same_weights(whole, resumed)
    assert told.history == again.history
    assert told.best == again.best
    assert again.recipe.side_px == 40


def test_a_run_killed_outright_goes_on_from_its_last_epoch(tmp_path: Path) -> None:
    """Nothing could be saved at the moment of death, as when the power fails; the range tests are not made again either."""
    recipe = Recipe(head_epochs=1, epochs=2, batch=8)
    whole, told, _ = train(tmp_path / "whole", recipe)
    reads = [0]

    def dying(row: int, enough_px: int) -> Pixels:
        reads[0] += 1
        if reads[0] > 1:
            raise StopError
        return PAGES[row]

    with pytest.raises(StopError):
        train(tmp_path / "state", recipe, progress=stop_after(3 + 7))
    with pytest.raises(StopError):
        train(tmp_path / "state", recipe, load_page=dying)
    stages: list[str] = []
    resumed, again, _ = train(tmp_path / "state", recipe, progress=lambda event: stages.append(event.stage))
    assert same_weights(whole, resumed)
    assert told.range_tests == again.range_tests
    assert told.range_tests.keys() == {"head", "all"}
    assert "testing learning rates" not in stages


def test_the_same_seed_gives_the_same_network_and_another_one_another(tmp_path: Path) -> None:
    """Whoever else draws random numbers meanwhile: neither does training disturb them."""
    first, _, _ = train(tmp_path / "a")
    np.random.seed(5)
    torch.manual_seed(5)
    second, _, _ = train(tmp_path / "b")
    assert same_weights(first, second)
    other, _, _ = train(tmp_path / "c", Recipe(head_epochs=1, epochs=3, batch=8, rate=2e-3, seed=1))
    assert not same_weights(first, other)
    np.random.seed(5)
    wanted = np.random.rand()
    np.random.seed(5)
    train(tmp_path / "d")
    assert np.random.rand() == wanted


def test_it_stops_early_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    """At a rate that does harm, it ends after as many epochs of the second half as its patience allows, with the weights of the best."""
    recipe = Recipe(head_epochs=0, epochs=30, batch=8, rate=0.3, patience=2)
    _, trained, _ = train(tmp_path / "state", recipe)
    losses = [one.validation_loss for one in trained.history]
    assert len(losses) < 30
    assert trained.best == trained.history[int(np.argmin(losses))]
    assert len(losses) - 1 - max(int(np.argmin(losses)), 15) == 2


def test_a_transformer_grows_with_its_pages(tmp_path: Path) -> None:
    """A network built for one size is made to take the next, with its weights carried over; it can be interrupted there."""
    base = f"timm:{TINY_TIMM}?input_px=32&mode=squash"
    recipe = Recipe(head_epochs=0, epochs=1, batch=8, rate=1e-3, sizes=(32, 64))
    whole, trained, _ = train(tmp_path / "whole", recipe, base=base)
    assert [(one.side_px, one.epoch) for one in trained.history] == [(32, 0), (32, 1), (64, 1)]
    with pytest.raises(StopError):
        train(tmp_path / "state", recipe, base=base, progress=stop_after(7))
    resumed, _, _ = train(tmp_path / "state", recipe, base=base)
    assert same_weights(whole, resumed)


def test_sizes_that_a_network_can_not_take_are_refused(tmp_path: Path) -> None:
    """Before anything is trained."""
    from support.models import TINY_CLIP, save_tiny_clip

    save_tiny_clip(tmp_path)
    with pytest.raises(UsageError, match="takes pages of 32 px only"):
        train(tmp_path / "state", Recipe(epochs=1, batch=8, rate=1e-3, sizes=(64,)), base=f"open_clip:{TINY_CLIP}")


def test_mixed_precision_trains_too(tmp_path: Path) -> None:
    """bfloat16 by autocast, on any CPU; the weights stay float32."""
    network, trained, _ = train(tmp_path / "state", precision="bfloat16")
    assert np.isfinite([one.train_loss for one in trained.history]).all()
    assert {value.dtype for value in network.parameters()} == {torch.float32}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
def test_it_trains_on_a_gpu(tmp_path: Path, precision: str) -> None:
    """The same run on CUDA, and on from an interruption."""
    with pytest.raises(StopError):
        train(tmp_path / "state", progress=stop_after(4), device="cuda", precision=precision)
    network, trained, _ = train(tmp_path / "state", device="cuda", precision=precision)
    assert len(trained.history) == 5
    assert next(network.parameters()).is_cuda


def test_a_loss_that_is_no_number_is_told_with_the_way_out(tmp_path: Path) -> None:
    """A rate beyond all measure ends in an error that names the remedy, not in weights of nothing."""
    with pytest.raises(ModelError, match="--rate"):
        train(tmp_path / "state", Recipe(head_epochs=0, epochs=60, batch=8, rate=10.0, weight_decay=10.0, patience=60))


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    """It says which file to remove to begin anew."""
    (tmp_path / "state").write_bytes(b"nothing")
    with pytest.raises(LibraryDamagedError, match="begins from the start"):
        train(tmp_path / "state")
