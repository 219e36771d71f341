"""Rankings fused by places, and the pieces of text that hits show."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from indexer.analysis.fusing import fuse_rankings
from indexer.analysis.snippets import cut_snippet


def test_places_count_and_not_scores() -> None:
    """1/61 for the first place, 1/62 for the second; who is in both lists gets both; ties go by the first list."""
    fused = fuse_rankings([["a", "b", "c"], ["c", "d"]])
    assert [one for one, _ in fused] == ["c", "a", "b", "d"]
    assert dict(fused)["c"] == 1 / 63 + 1 / 61
    assert dict(fused)["b"] == dict(fused)["d"] == 1 / 62
    assert fuse_rankings([]) == []


@given(st.permutations(range(8)))
def test_one_ranking_stays_as_it_is(order: list[int]) -> None:
    """With an empty one beside it, too."""
    ranking = [str(one) for one in order]
    assert [one for one, _ in fuse_rankings([ranking])] == ranking
    assert [one for one, _ in fuse_rankings([[], ranking])] == ranking


def test_a_snippet_is_the_piece_with_the_most_of_the_words() -> None:
    """Not the first place with one of them; words are marked whatever their capitals and accents."""
    text = "Prag " + "x " * 200 + "die Verhandlung in\nPRÁG am Montag " + "y " * 200
    parts = cut_snippet(text, "verhandlung prag")
    assert [part for part, is_match in parts if is_match] == ["Verhandlung", "PRÁG"]
    whole = "".join(part for part, _ in parts)
    assert whole.startswith("…")
    assert whole.endswith("…")
    assert "Verhandlung in PRÁG am Montag" in whole
    assert len(whole) <= 182


def test_short_texts_are_shown_whole() -> None:
    """And a text without any of the words gives nothing."""
    assert cut_snippet("Die Straße  nach Prag", "STRASSE") == [("Die ", False), ("Straße", True), (" nach Prag", False)]
    assert cut_snippet("Die Straße nach Prag", "Wien") == []
    assert cut_snippet("", "Wien") == []


@given(st.text(alphabet="ab é\n", max_size=400), st.text(alphabet="ab é", max_size=12))
def test_snippets_are_pieces_of_the_text(text: str, query: str) -> None:
    """The parts put together stand in the text, and no longer than asked."""
    whole = "".join(part for part, _ in cut_snippet(text, query, longest=60)).strip("…")
    assert whole in " ".join(text.split())
    assert len(whole) <= 60
