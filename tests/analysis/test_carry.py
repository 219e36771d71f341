"""Groups after clustering anew: what is inherited, what is asked, and that nothing changes in silence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.analysis.carry import CarryOver, carry_over
from indexer.errors import UsageError
from indexer.values import Labels


def _labels(*runs: tuple[int, int]) -> Labels:
    """Clusters written as (cluster, how many pages), in a row."""
    return np.concatenate([np.full(count, cluster, dtype=np.int32) for cluster, count in runs])


def _summary(result: CarryOver) -> list[tuple[str, int, str | None, int]]:
    return [(q.kind, q.cluster, q.suggestion, len(q.pages)) for q in result.questions]


def test_same_pages_inherit_their_group_under_new_numbers() -> None:
    """Clusters that were only numbered anew keep their groups, and nothing is asked."""
    result = carry_over(_labels((0, 5), (1, 7)), _labels((1, 5), (0, 7)), {0: "drawings", 1: "notes"})
    assert result.inherited == {0: "notes", 1: "drawings"}
    assert result.questions == ()
    assert result.stays == {}
    assert result.kept_pages == 12


def test_the_larger_part_of_a_split_inherits_and_the_smaller_is_asked_about() -> None:
    """A group goes on in its largest part; the other keeps its pages' group only until a person answers."""
    result = carry_over(_labels((0, 10)), _labels((3, 6), (4, 4)), {0: "drawings"})
    assert result.inherited == {3: "drawings"}
    assert _summary(result) == [("split", 4, "drawings", 4)]
    assert result.stays["drawings"].tolist() == [6, 7, 8, 9]
    assert "goes on in cluster 3" in result.questions[0].text


def test_equal_parts_of_a_split_are_all_asked_about() -> None:
    """A tie is not drawn by cluster number: no part inherits, and the group is reported as lost too."""
    result = carry_over(_labels((0, 8)), _labels((0, 4), (1, 4)), {0: "drawings"})
    assert result.inherited == {}
    assert _summary(result) == [("split", 0, "drawings", 4), ("split", 1, "drawings", 4), ("lost", -1, None, 8)]


def test_a_group_on_two_clusters_may_go_on_in_two() -> None:
    """As many clusters inherit a name without asking as bore it before."""
    result = carry_over(_labels((0, 5), (1, 5)), _labels((0, 3), (1, 7)), {0: "art", 1: "art"})
    assert result.inherited == {0: "art", 1: "art"}
    assert result.questions == ()


def test_a_merge_is_asked_about_with_its_evidence() -> None:
    """Two groups that meet in one cluster are both listed with pages and shares, and all pages keep their group."""
    result = carry_over(_labels((0, 6), (1, 4)), _labels((0, 10)), {0: "art", 1: "notes"})
    assert result.inherited == {}
    question = result.questions[0]
    assert (question.kind, question.suggestion) == ("merge", None)
    assert [(c.group, c.shared_pages, c.share) for c in question.candidates] == [("art", 6, 0.6), ("notes", 4, 0.4)]
    assert question.text == "In cluster 0 meet 6 pages of 'art' (60%) and 4 of 'notes' (40%). Which group is it?"
    assert {name: len(pages) for name, pages in result.stays.items()} == {"art": 6, "notes": 4}


def test_strays_in_a_cluster_that_inherits_keep_their_group_until_answered() -> None:
    """Pages of another group, and pages of none, are listed when their cluster goes on under a name."""
    old, new = _labels((0, 8), (1, 1), (2, 1)), _labels((5, 10))
    result = carry_over(old, new, {0: "art", 1: "notes"})
    assert result.inherited == {5: "art"}
    assert [(q.kind, q.pages.tolist()) for q in result.questions] == [("strays", [8, 9]), ("lost", [8])]
    assert {name: pages.tolist() for name, pages in result.stays.items()} == {"notes": [8], None: [9]}


def test_pages_that_are_in_no_cluster_now_are_asked_about() -> None:
    """A named page that the new clustering left out keeps its group and is listed."""
    result = carry_over(_labels((0, 5)), _labels((0, 4), (-1, 1)), {0: "art"})
    assert _summary(result) == [("unplaced", -1, None, 1)]
    assert result.stays["art"].tolist() == [4]


def test_new_pages_have_no_say() -> None:
    """Pages that were in no cluster before neither dilute a group nor are asked about."""
    result = carry_over(_labels((0, 3), (-1, 9)), _labels((2, 12)), {0: "art"})
    assert result.inherited == {2: "art"}
    assert result.questions == ()


def test_nothing_in_nothing_out() -> None:
    """No pages, no groups: nothing is inherited and nothing asked."""
    empty = np.empty(0, dtype=np.int32)
    assert carry_over(empty, empty, {}).questions == ()
    assert carry_over(_labels((0, 2)), _labels((1, 2)), {}).inherited == {}


@pytest.mark.parametrize("sure", [0.5, 1.1])
def test_a_share_that_two_groups_could_reach_is_refused(sure: float) -> None:
    """With half the pages enough, two groups could claim one cluster."""
    with pytest.raises(UsageError, match="no two groups can claim"):
        carry_over(_labels((0, 2)), _labels((0, 2)), {}, sure=sure)


def test_arrays_of_different_length_are_refused() -> None:
    """Old and new must speak of the same pages."""
    with pytest.raises(UsageError, match="equal length"):
        carry_over(_labels((0, 2)), _labels((0, 3)), {})


_CLUSTERS = st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 4)), max_size=40)
_GROUPS = st.dictionaries(st.integers(0, 4), st.sampled_from(["art", "notes", "covers"]))


def _arrays(pairs: list[tuple[int, int]]) -> tuple[Labels, Labels]:
    table = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    return table[:, 0].copy(), table[:, 1].copy()


def _before(old: Labels, groups: Mapping[int, str]) -> list[str | None]:
    return [groups.get(int(c)) if c >= 0 else None for c in old]


@given(_CLUSTERS, _GROUPS)
def test_no_page_changes_its_group_in_silence(pairs: list[tuple[int, int]], groups: dict[int, str]) -> None:
    """A page whose cluster would give it another group is in `stays` under its old one, and in a question."""
    old, new = _arrays(pairs)
    result = carry_over(old, new, groups)
    held = {int(page): name for name, pages in result.stays.items() for page in pages}
    asked = {int(page) for question in result.questions if question.kind != "lost" for page in question.pages}
    for page, name in enumerate(_before(old, groups)):
        if old[page] >= 0:
            assert held.get(page, result.inherited.get(int(new[page]))) == name
            assert (page in held) == (result.inherited.get(int(new[page])) != name)
    assert set(held) <= asked


@given(_CLUSTERS, _GROUPS, st.randoms(use_true_random=False), st.sampled_from([0.6, 0.8, 1.0]))
def test_the_outcome_is_a_function_of_membership(
    pairs: list[tuple[int, int]], groups: dict[int, str], random: object, sure: float
) -> None:
    """Shuffled pages and other cluster numbers give the same inheritance, questions and stays, renamed."""
    old, new = _arrays(pairs)
    shuffle = np.array(random.sample(range(len(pairs)), len(pairs)), dtype=np.int64)  # type: ignore[attr-defined]
    rename_old = {c: 4 - c if c >= 0 else -1 for c in range(-1, 5)}
    rename_new = {c: (c + 3) % 5 if c >= 0 else -1 for c in range(-1, 5)}
    one = carry_over(old, new, groups, sure=sure)
    other = carry_over(
        np.array([rename_old[int(c)] for c in old[shuffle]], dtype=np.int32),
        np.array([rename_new[int(c)] for c in new[shuffle]], dtype=np.int32),
        {rename_old[c]: name for c, name in groups.items()},
        sure=sure,
    )
    assert {rename_new[c]: name for c, name in one.inherited.items()} == other.inherited
    back = {name: sorted(int(shuffle[p]) for p in pages) for name, pages in other.stays.items()}
    assert {name: pages.tolist() for name, pages in one.stays.items()} == back
    first = {
        (q.kind, rename_new[q.cluster], q.suggestion, q.candidates, tuple(q.pages.tolist())) for q in one.questions
    }
    second = {
        (q.kind, q.cluster, q.suggestion, q.candidates, tuple(sorted(int(shuffle[p]) for p in q.pages)))
        for q in other.questions
    }
    assert first == second


@settings(max_examples=50, deadline=None)
@given(_CLUSTERS, _GROUPS)
def test_inheritance_is_the_optimal_assignment_of_names_to_sure_clusters(
    pairs: list[tuple[int, int]], groups: dict[int, str]
) -> None:
    """With one slot for each old cluster of a group, no assignment shares more pages, but for ties."""
    from scipy.optimize import linear_sum_assignment

    old, new = _arrays(pairs)
    before = _before(old, groups)
    slots = [groups[c] for c in sorted({int(c) for c in old} & set(groups))]
    worth = np.zeros((len(slots), 5))
    for cluster in range(5):
        voters = [before[p] for p in range(len(pairs)) if new[p] == cluster and old[p] >= 0]
        for slot, name in enumerate(slots):
            shared = sum(1 for voter in voters if voter == name)
            worth[slot, cluster] = shared if shared >= 0.8 * max(len(voters), 1) else 0
    result = carry_over(old, new, groups)
    best = worth[linear_sum_assignment(worth, maximize=True)].sum()
    tied = sum(c.shared_pages for q in result.questions if q.kind == "split" for c in q.candidates[:1])
    assert result.kept_pages <= best <= result.kept_pages + tied
    if not any(q.kind == "split" for q in result.questions):
        assert result.kept_pages == best
