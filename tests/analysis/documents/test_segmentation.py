"""Dynamic programming against brute force over all ways to cut a short stream."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.analysis.documents import Breaks, Decisions, list_documents
from indexer.analysis.documents.segmentation import LengthPrior, choose_breaks, cut_along_path, find_marginals
from indexer.errors import UsageError

log_ratios = st.lists(st.floats(-4, 4), min_size=1, max_size=7).map(np.array)
rates = st.sampled_from([0.05, 0.25, 0.6])


def _weigh(breaks: Breaks, log_ratio: np.ndarray, chances: list[np.ndarray]) -> float:
    lengths = [last - first + 1 for first, last in list_documents(breaks)]
    return float(np.prod([chances[length] for length in lengths]) * np.exp(log_ratio[breaks].sum()))


def _list_cuts(decided: Decisions) -> list[Breaks]:
    cuts = [np.array(bits, dtype=bool) for bits in product([False, True], repeat=len(decided))]
    return [cut for cut in cuts if np.all(cut[decided == 1]) and not np.any(cut[decided == -1])]


def _decide(size: int, seed: int) -> Decisions:
    return np.random.default_rng(seed).choice(np.array([-1, 0, 0, 0, 1], dtype=np.int8), size=size)


@settings(max_examples=60)
@given(log_ratios, rates, st.integers(0, 10_000))
def test_marginals_are_those_of_all_cuts(log_ratio: np.ndarray, rate: float, seed: int) -> None:
    """Each probability is the weight of the cuts with that break over the weight of all, lengths being the mixture's."""
    prior, decided = LengthPrior.from_rate(rate), _decide(len(log_ratio), seed)
    chances = [np.mean(prior.rates * (1 - prior.rates) ** (length - 1)) for length in range(len(log_ratio) + 2)]
    cuts = _list_cuts(decided)
    weights = np.array([_weigh(cut, log_ratio, chances) for cut in cuts])
    expected = (weights[:, None] * np.array(cuts)).sum(axis=0) / weights.sum()
    np.testing.assert_allclose(find_marginals(log_ratio, prior, decided=decided), expected, atol=1e-9)


@settings(max_examples=60)
@given(log_ratios, rates, st.integers(0, 10_000))
def test_best_path_beats_all_cuts(log_ratio: np.ndarray, rate: float, seed: int) -> None:
    """No other cut that honours the decisions weighs more, each length taking its likeliest rate."""
    prior, decided = LengthPrior.from_rate(rate), _decide(len(log_ratio), seed)
    share = np.exp(prior.find_log_share())
    chances = [share * np.max(prior.rates * (1 - prior.rates) ** (length - 1)) for length in range(len(log_ratio) + 2)]
    found = cut_along_path(log_ratio, prior, decided=decided)
    best = max(_weigh(cut, log_ratio, chances) for cut in _list_cuts(decided))
    assert _weigh(found, log_ratio, chances) == pytest.approx(best)
    assert np.all(found[decided == 1])
    assert not np.any(found[decided == -1])


@pytest.mark.parametrize("rate", [0.002, 0.25, 0.7])
def test_length_prior_keeps_its_mean_and_sums_to_one(rate: float) -> None:
    """The mixture's mean length is 1 / rate, and the scaled envelope of likeliest rates is a distribution."""
    prior = LengthPrior.from_rate(rate)
    lengths = np.arange(100_000)[:, None]
    envelope = (prior.rates * (1 - prior.rates) ** lengths).max(axis=1).sum()
    assert np.exp(prior.find_log_share()) * envelope == pytest.approx(1.0)
    if prior.rates.max() < 0.98:
        assert np.mean(1 / prior.rates) == pytest.approx(1 / rate)


@given(st.integers(2, 40), st.integers(0, 1000))
def test_known_count_is_met_exactly(pages: int, seed: int) -> None:
    """Whatever the evidence and the decisions, a reachable number of documents is reached, and decisions stand."""
    rng = np.random.default_rng(seed)
    log_ratio, decided = rng.normal(size=pages - 1), _decide(pages - 1, seed)
    least, most = 1 + int(np.sum(decided == 1)), pages - int(np.sum(decided == -1))
    count = int(rng.integers(least, most + 1))
    chances = find_marginals(log_ratio, LengthPrior.from_rate(0.3), decided=decided, count=count)
    breaks = choose_breaks(chances, decided=decided, count=count)
    assert breaks.sum() == count - 1
    assert np.all(breaks[decided == 1])
    assert not np.any(breaks[decided == -1])
    assert chances.sum() == pytest.approx(count - 1, abs=0.05)


def test_unreachable_count_says_what_is_possible() -> None:
    """Two decided joins in four pages leave at most two documents; asking for three says so."""
    with pytest.raises(UsageError, match="at least 1 and at most 2"):
        choose_breaks(np.zeros(3), decided=np.array([-1, -1, 0], dtype=np.int8), count=3)


def test_ten_thousand_pages_neither_overflow_nor_vanish() -> None:
    """Long streams with extreme evidence keep finite probabilities."""
    log_ratio = np.where(np.arange(9_999) % 7 == 6, 500.0, -500.0)
    chances = find_marginals(log_ratio, LengthPrior.from_rate(1 / 7), decided=np.zeros(9_999, dtype=np.int8))
    assert np.array_equal(chances > 0.5, log_ratio > 0)
    assert np.isfinite(chances).all()
