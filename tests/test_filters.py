"""Filters as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import FilterError
from indexer.filters import format_filter, parse_filter
from indexer.values import Condition


@pytest.mark.parametrize(
    ("expression", "condition"),
    [
        ("label=art", Condition("label", "=", ("art",))),
        ("label=art,notes", Condition("label", "=", ("art", "notes"))),
        ("label = art ", Condition("label", "=", ("art",))),
        ("cluster=3", Condition("cluster", "=", (3,))),
        ("group!=drawings", Condition("group", "!=", ("drawings",))),
        ("metadata.year>=1936", Condition("metadata.year", ">=", (1936.0,))),
        ("metadata.year=1936", Condition("metadata.year", "=", (1936,))),
        ('metadata.shelf="1936"', Condition("metadata.shelf", "=", ("1936",))),
        ("metadata.colour=true", Condition("metadata.colour", "=", (True,))),
        ("label=1936", Condition("label", "=", ("1936",))),
    ],
)
def test_an_expression_becomes_a_condition(expression: str, condition: Condition) -> None:
    """Field, comparison and values of the field's own type."""
    assert parse_filter([expression]).conditions == (condition,)


@pytest.mark.parametrize("expression", ["", "label", "=art", "colour=red", "cluster=three", "label>art", "metadata.=1"])
def test_what_cannot_be_read_is_refused(expression: str) -> None:
    """The message repeats what was written."""
    with pytest.raises(FilterError):
        parse_filter([expression])


@given(st.lists(st.one_of(st.integers(-(2**40), 2**40), st.booleans(), st.text("abc1.0-", min_size=1)), min_size=1))
def test_a_filter_survives_being_written_and_read(values: list[int | bool | str]) -> None:
    """What a page address says is what was meant."""
    before = parse_filter([]).__class__((Condition("metadata.x", "=", tuple(values)),))
    assert parse_filter(format_filter(before)) == before
