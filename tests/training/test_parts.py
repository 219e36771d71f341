"""The parts of training: what may happen to a page, how pages come in, which rate is chosen, which layer learns how fast."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.models import TINY_CONVNET, TINY_TIMM, make_pages

from indexer.analysis.labels import LinearClassifier
from indexer.embedding.registry import load_backbone
from indexer.embedding.torch_embedder import InputRecipe
from indexer.errors import UsageError
from indexer.training.augment import augment_page, paper_colour
from indexer.training.feeding import Feeder
from indexer.training.network import LabelNetwork, count_dimensions, parameter_groups
from indexer.training.range_test import choose_rate, run_range_test
from indexer.training.recipe import Recipe
from indexer.values import Pixels

RECIPE = InputRecipe(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "squash")


def letter(side: int = 64) -> Pixels:
    """Paper with an L on it, which no turn by a few degrees makes its mirror image."""
    page = np.full((side, side, 3), (230, 225, 210), dtype=np.uint8)
    page[12:52, 16:24] = 30
    page[44:52, 16:48] = 30
    return page


def test_writing_is_never_mirrored_or_turned_over() -> None:
    """In a hundred draws the page stays more like itself than like any of its mirror images, or itself upside down."""
    page = letter().astype(float)
    others = [page[:, ::-1], page[::-1], page[::-1, ::-1], page.transpose(1, 0, 2)]
    for draw in range(100):
        seen = augment_page(letter(), np.random.default_rng(draw)).astype(float)
        own, *foreign = (np.corrcoef(seen.ravel(), one.ravel())[0, 1] for one in (page, *others))
        assert own > max(foreign)


def test_a_page_is_changed_the_same_way_by_the_same_numbers() -> None:
    """And another way by others; what comes in from the sides is paper, not black."""
    draws = [augment_page(letter(), np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    assert all(draw.shape == (64, 64, 3) and draw.dtype == np.uint8 for draw in draws)
    assert paper_colour(letter()) == [230, 225, 210]
    assert min(draw[:, 0].min() for draw in draws) > 120


def test_pages_come_the_same_with_any_number_of_workers_and_any_cache() -> None:
    """One thread or four, all kept in memory or none, drawn at random or not; in the order asked for."""
    pages = make_pages(12)
    parts = [np.array([3, 1, 4]), np.array([1, 5, 9, 2]), np.array([6])]
    for drawn_by in (None, (7, 1)):
        seen = []
        for workers, cached_bytes in ((1, 2**20), (4, 2**20), (3, 0)):
            feeder = Feeder(lambda row, enough_px: pages[row], workers=workers, cached_bytes=cached_bytes)
            seen.append([batch.pixels for batch in feeder.batches(parts, RECIPE, drawn_by=drawn_by)])
            assert [batch.pixels.shape for batch in feeder.batches(parts, RECIPE)] == [
                (len(part), 32, 32, 3) for part in parts
            ]
        for other in seen[1:]:
            assert all(np.array_equal(a, b) for a, b in zip(seen[0], other, strict=True))


def test_a_page_that_can_not_be_read_ends_the_batches_with_its_error() -> None:
    """What `load` raises reaches the trainer, and no thread stays behind."""

    def load(row: int, enough_px: int) -> Pixels:
        if row == 2:
            raise RuntimeError("gone")
        return make_pages(1)[0]

    feeder = Feeder(load, workers=2)
    with pytest.raises(RuntimeError, match="gone"):
        list(feeder.batches([np.array([0, 1]), np.array([2, 3])], RECIPE))


@pytest.mark.parametrize(
    ("losses", "low", "high"),
    [
        # falls from 1e-4 to 1e-2, then runs away: somewhere on the slope
        ([*np.full(20, 2.0), *np.linspace(2.0, 0.5, 20), *np.linspace(0.6, 5, 20)], 1e-4, 1e-2),
        # nearly right from the start, grows from 1e-2 on: well below that
        ([*np.full(40, 1.0), *np.linspace(1.0, 4, 20)], 1e-3, 1e-2),
        # the same, with a few hard batches at a low rate: they say nothing
        ([*np.full(12, 1.0), *np.full(8, 1.5), *np.full(20, 1.0), *np.linspace(1.0, 4, 20)], 1e-3, 1e-2),
        # nothing ever happens: high, but not the highest
        (np.full(60, 1.0).tolist(), 0.1, 0.5),
    ],
)
def test_the_rate_is_on_the_slope_or_below_the_rise(losses: list[float], low: float, high: float) -> None:
    """The shapes that such curves have."""
    rates = [10.0 ** (-6 + 6 * number / 59) for number in range(60)]
    assert low < choose_rate(rates, losses) < high


def test_a_range_test_ends_where_the_loss_runs_away() -> None:
    """No step is made beyond three times the lowest loss, nor after a loss that is no number."""
    asked = []

    def step(number: int, rate: float) -> float:
        asked.append(rate)
        return 1.0 if rate < 1e-3 else 50.0

    found = run_range_test(step)
    assert len(asked) < 45
    assert asked == sorted(asked) == found.rates
    assert run_range_test(lambda number, rate: float("nan")).losses == []


@pytest.mark.parametrize(
    ("name", "layers"), [(f"timm:{TINY_CONVNET}?input_px=32", 3), (f"timm:{TINY_TIMM}?input_px=32", 3)]
)
def test_first_layers_learn_more_slowly_than_the_head(name: str, layers: int) -> None:
    """By even factors down to a tenth; biases and normalisation do not decay; a frozen base is in no group."""
    backbone = load_backbone(name, from_scratch=True)
    network = LabelNetwork(backbone, count_dimensions(backbone), 3)
    groups = parameter_groups(network, depth_ratio=10, weight_decay=0.05)
    scales = sorted({round(group["lr_scale"], 4) for group in groups})
    assert (scales[0], scales[-1]) == (0.1, 1.0)
    assert len(scales) >= layers
    ratios = np.diff(np.log(scales))
    assert np.allclose(ratios, ratios[0], atol=1e-3)
    assert all(group["weight_decay"] == (0.05 if group["params"][0].ndim > 1 else 0) for group in groups)
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))
    network.base.requires_grad_(False)
    assert sum(len(group["params"]) for group in parameter_groups(network, depth_ratio=10, weight_decay=0)) == 2


def test_the_head_begins_as_a_probe() -> None:
    """The network tells what the probe tells of its vectors."""
    backbone = load_backbone(f"timm:{TINY_CONVNET}?input_px=32", from_scratch=True)
    dimensions = count_dimensions(backbone)
    rng = np.random.default_rng(0)
    weights, bias = (rng.normal(size=shape).astype(np.float32) * 5 for shape in ((3, dimensions), 3))
    probe = LinearClassifier(weights, bias)
    network = LabelNetwork(backbone, dimensions, 3, begin=probe).eval()
    batch = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        vectors = network.features(batch).numpy()
        logits = network(batch).numpy()
    assert np.allclose(logits, probe.logits(vectors), atol=1e-4)


@pytest.mark.parametrize(
    "choices",
    [
        {"batch": 7},
        {"epochs": 0, "head_epochs": 0},
        {"epochs": 0, "from_scratch": True},
        {"sizes": (8,)},
        {"rate": 0.0},
        {"smoothing": 1.0},
        {"patience": 0},
    ],
)
def test_choices_out_of_range_are_refused(choices: dict[str, object]) -> None:
    """Before anything is read or trained."""
    with pytest.raises(UsageError):
        Recipe(**choices).check()  # type: ignore[arg-type]
