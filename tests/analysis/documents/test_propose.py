"""Proposals: what they find, what they honour, and what they learn."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.streams import make_breaks, make_stream

from indexer.analysis.documents import (
    LOOKS_COLUMNS,
    SpecialRule,
    StreamPages,
    compare_stream,
    learn_breaks,
    measure_grouping,
    prepare_stream,
    propose_documents,
)
from indexer.errors import UsageError

LENGTHS = [3, 1, 5, 2, 8, 4, 1, 2, 6, 3, 4, 2, 7, 1, 3]
TRUE = make_breaks(*LENGTHS)


def test_clear_documents_are_found_without_any_help() -> None:
    """Pages near the centres of fifteen documents are put together almost without error, and surely so."""
    proposal = propose_documents(prepare_stream(make_stream(LENGTHS)))
    assert measure_grouping(TRUE, proposal.breaks).pq > 0.9
    assert proposal.documents[0] == (0, 2)
    assert len(proposal.confidences) == len(proposal.documents)


@pytest.mark.parametrize("parts", ["page", "looks", "page looks", "head foot"])
def test_any_part_may_be_missing(parts: str) -> None:
    """With only some of page, head, foot and looks there is still a sensible proposal."""
    proposal = propose_documents(prepare_stream(make_stream(LENGTHS, parts=parts, noise=0.3)))
    assert measure_grouping(TRUE, proposal.breaks).pq > 0.7


def test_missing_rows_count_neither_way() -> None:
    """A page without a head vector changes no probability elsewhere by much, and none becomes NaN."""
    pages = make_stream(LENGTHS)
    assert pages.head is not None
    assert pages.looks is not None
    head, looks = pages.head.copy(), pages.looks.copy()
    head[5], looks[9] = np.nan, np.nan
    proposal = propose_documents(prepare_stream(replace(pages, head=head, looks=looks)))
    assert np.isfinite(proposal.probabilities).all()
    assert measure_grouping(TRUE, proposal.breaks).pq > 0.85


def test_half_precision_gives_the_same_documents() -> None:
    """Vectors as the store keeps them (float16) are as good as float32."""
    pages = make_stream(LENGTHS)
    assert pages.page is not None
    halved = StreamPages(pages.page.astype(np.float16).astype(np.float32), pages.head, pages.foot, pages.looks)
    raw = replace(pages, page=pages.page.astype(np.float16))
    assert np.array_equal(
        propose_documents(prepare_stream(raw)).breaks, propose_documents(prepare_stream(halved)).breaks
    )


def test_position_does_not_matter() -> None:
    """Scanned in the opposite order, without looks, the same breaks are found: nothing depends on where a page lies."""
    pages = make_stream(LENGTHS, parts="page head foot")
    turned = pages.select(np.arange(len(pages))[::-1])
    forth, back = compare_stream(pages), compare_stream(turned)
    np.testing.assert_allclose(forth.unlikeness, back.unlikeness[::-1], atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 40))
def test_decisions_are_always_honoured(seed: int, many: int) -> None:
    """Whatever a person decides, right or wrong, few or many, is what the proposal says, with certainty."""
    rng = np.random.default_rng(seed)
    decisions = np.zeros(len(TRUE), dtype=np.int8)
    decisions[rng.choice(len(TRUE), size=many, replace=False)] = rng.choice([-1, 1], size=many)
    proposal = propose_documents(prepare_stream(make_stream(LENGTHS, noise=1.5)), decisions=decisions)
    assert proposal.breaks[decisions == 1].all()
    assert not proposal.breaks[decisions == -1].any()
    assert set(proposal.probabilities[decisions != 0].tolist()) <= {0.0, 1.0}
    assert set(proposal.review_order.tolist()) == set(np.flatnonzero(decisions == 0).tolist())


def test_review_starts_with_the_least_certain() -> None:
    """Probabilities move away from a half along the review order, and the doubtful come first."""
    proposal = propose_documents(prepare_stream(make_stream(LENGTHS, noise=1.5)))
    distances = np.abs(proposal.probabilities[proposal.review_order] - 0.5)
    assert np.all(np.diff(distances) >= -1e-6)
    assert proposal.doubtful == np.count_nonzero(distances < 0.4)


def test_known_count_is_met() -> None:
    """The box holds fifteen items: fifteen are proposed, however blurred the evidence."""
    stream = prepare_stream(make_stream(LENGTHS, noise=1.5))
    for count in (1, 15, len(stream)):
        assert len(propose_documents(stream, known_count=count).documents) == count


def test_impossible_counts_and_lengths_are_refused() -> None:
    """More documents than pages, or decisions for another stream, are named in the error."""
    stream = prepare_stream(make_stream([2, 2]))
    with pytest.raises(UsageError, match="not 5"):
        propose_documents(stream, known_count=5)
    with pytest.raises(UsageError, match="has 3 breaks to decide"):
        propose_documents(stream, decisions=np.zeros(7, dtype=np.int8))
    with pytest.raises(UsageError, match="at least one page"):
        prepare_stream(StreamPages(np.zeros((0, 4), dtype=np.float32)))
    with pytest.raises(UsageError, match="one row for each page"):
        StreamPages(np.zeros((3, 4), dtype=np.float32), head=np.zeros((2, 4), dtype=np.float32))


@pytest.mark.parametrize("pages", [1, 2, 3, 5])
def test_shortest_streams_have_an_answer(pages: int) -> None:
    """One page is one document; a few pages give finite probabilities."""
    proposal = propose_documents(prepare_stream(make_stream([pages])))
    assert proposal.documents[0][0] == 0
    assert proposal.documents[-1][1] == pages - 1
    assert np.isfinite(proposal.probabilities).all()


@pytest.mark.parametrize("length", [1, 2, 12])
def test_how_long_documents_are_is_read_from_the_stream(length: int) -> None:
    """Single pages that have nothing in common are left single, and long documents whole: no length is taken for granted."""
    found = [
        len(propose_documents(prepare_stream(make_stream([length] * (60 // length), seed=seed))).documents)
        for seed in range(5)
    ]
    assert np.median(found) == pytest.approx(60 // length, rel=0.15)


def _join_archives(archives: list[StreamPages], *, offset: float) -> StreamPages:
    """The streams one after the other, each moved in a direction of its own, as every archive has its own paper and scanner."""
    parts = []
    for name in ("page", "head", "foot"):
        moved = [getattr(a, name) + offset * np.eye(len(archives), 32)[place] for place, a in enumerate(archives)]
        values = np.concatenate(moved)
        parts.append(np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True), dtype=np.float32))
    return StreamPages(*parts)


def test_archives_in_one_folder_do_not_melt_into_one_document_each() -> None:
    """Beside pages of other archives all pages of one look alike; documents are told against pages of the same box all the same."""
    archives = [make_stream([3] * 20, noise=1.0, seed=seed) for seed in range(4)]
    proposal = propose_documents(prepare_stream(_join_archives(archives, offset=2.0)))
    assert measure_grouping(make_breaks(*[3] * 80), proposal.breaks).pq > 0.8


def test_equal_pages_stay_together() -> None:
    """Forty times the same page gives nothing to tell apart, and one document."""
    page = np.full((40, 8), 8**-0.5, dtype=np.float32)
    looks = np.ones((40, len(LOOKS_COLUMNS)), dtype=np.float32)
    assert propose_documents(prepare_stream(StreamPages(page, looks=looks))).documents == ((0, 39),)


def _make_stamped(seed: int) -> StreamPages:
    """Documents whose pages are no more alike than strangers, but whose first pages all bear one letterhead."""
    rng = np.random.default_rng(seed)
    first = np.concatenate([[True], TRUE])
    head = rng.standard_normal((len(first), 32)) + 3.0 * first[:, None] * rng.standard_normal(32)
    page = rng.standard_normal((len(first), 32))
    return StreamPages(
        (page / np.linalg.norm(page, axis=1, keepdims=True)).astype(np.float32), head=head.astype(np.float32)
    )


def test_corrections_teach_what_first_pages_look_like() -> None:
    """Where neighbours tell nothing, a third of the breaks reviewed lets the rest be found by their letterhead."""
    stream = prepare_stream(_make_stamped(1))
    decisions = np.zeros(len(TRUE), dtype=np.int8)
    decisions[::3] = np.where(TRUE[::3], 1, -1)
    open_ = decisions == 0
    before = propose_documents(stream).breaks[open_] == TRUE[open_]
    after = propose_documents(stream, decisions=decisions).breaks[open_] == TRUE[open_]
    assert after.mean() > 0.9 > before.mean() + 0.1


def test_too_few_corrections_leave_the_belief_as_it_is() -> None:
    """Seven corrections, or any number that all say the same, teach nothing; the decided ones still stand."""
    stream = prepare_stream(make_stream(LENGTHS))
    decisions = np.zeros(len(TRUE), dtype=np.int8)
    decisions[:7] = np.where(TRUE[:7], 1, -1)
    assert learn_breaks([stream.review(decisions)]) is None
    assert learn_breaks([stream.review(np.full(len(TRUE), -1, dtype=np.int8))]) is None
    assert learn_breaks([]) is None


def test_other_streams_teach_too() -> None:
    """A classifier learned on one stream answers for another, and equals passing that stream along."""
    taught = prepare_stream(make_stream(LENGTHS, seed=1)).review(np.where(TRUE, 1, -1).astype(np.int8))
    fresh = prepare_stream(make_stream(LENGTHS, seed=2))
    classifier = learn_breaks([taught])
    assert classifier is not None
    assert classifier.corrections == len(TRUE)
    assert classifier.temperature >= 1.0
    by_classifier, by_stream = (
        propose_documents(fresh, classifier=classifier),
        propose_documents(fresh, others=[taught]),
    )
    assert measure_grouping(TRUE, by_classifier.breaks).pq > 0.9
    np.testing.assert_allclose(by_classifier.probabilities, by_stream.probabilities)


def _blank(pages: StreamPages, places: list[int]) -> StreamPages:
    assert pages.page is not None
    looks = np.zeros((len(pages), len(LOOKS_COLUMNS)), dtype=np.float32)
    looks[:, LOOKS_COLUMNS.index("ink")] = 0.2
    looks[places, LOOKS_COLUMNS.index("ink")] = 0.0
    looks[places, LOOKS_COLUMNS.index("blankness")] = 1.0
    page = pages.page.copy()
    page[places] = page[places[0]]
    return replace(pages, page=page, looks=looks)


def test_blank_versos_hang_on_the_page_before() -> None:
    """A blank amid a document does not cut it, a blank at its end stays with it, and the next document begins after."""
    lengths = [4, 4, 4, 4, 4, 4, 4, 4]
    pages = _blank(make_stream(lengths, noise=0.1, parts="page"), [1, 7, 11, 21])
    proposal = propose_documents(prepare_stream(pages, blanks=SpecialRule.JOIN_BEFORE))
    assert np.array_equal(proposal.breaks, make_breaks(*lengths))
    assert proposal.decided[[0, 6, 10, 20]].tolist() == [-1, -1, -1, -1]


def test_a_person_outranks_the_rule_for_blanks() -> None:
    """A break decided before a blank page stands, and still counts among a known number of documents."""
    pages = _blank(make_stream([4] * 8, noise=0.1, parts="page"), [1, 7])
    stream = prepare_stream(pages, blanks=SpecialRule.JOIN_BEFORE)
    decisions = np.zeros(31, dtype=np.int8)
    decisions[0] = 1
    proposal = propose_documents(stream, decisions=decisions, known_count=9)
    assert proposal.breaks[0]
    assert len(proposal.documents) == 9


def test_separator_sheets_stand_alone() -> None:
    """A marked sheet is a document by itself: certain breaks on both sides."""
    marked = np.zeros(12, dtype=bool)
    marked[5] = True
    proposal = propose_documents(prepare_stream(make_stream([12]), separators=marked))
    assert (5, 5) in proposal.documents
    assert proposal.probabilities[4] == proposal.probabilities[5] == 1.0


def test_ten_thousand_pages_stay_quick() -> None:
    """A long stream is made ready once and proposed anew after a correction in little CPU time."""
    lengths = np.random.default_rng(0).choice(LENGTHS, 3000)
    pages = make_stream(lengths.tolist())
    started = time.process_time()
    stream = prepare_stream(pages)
    ready = time.process_time()
    decisions = np.zeros(len(stream) - 1, dtype=np.int8)
    decisions[:40] = np.where(make_breaks(*lengths.tolist())[:40], 1, -1)
    proposal = propose_documents(stream, decisions=decisions)
    assert ready - started < 10
    assert time.process_time() - ready < 10
    assert measure_grouping(make_breaks(*lengths.tolist()), proposal.breaks).pq > 0.8
