"""The map as one HTML file: all of it is inside, and nothing in it can break out."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
import pytest

from indexer.errors import UsageError
from indexer.output.map_html import MOST_NAMES, MapPages, render_map_html

POINTS = np.array([[0, 1], [2, 3], [4, 5], [np.nan, np.nan]], dtype=np.float32)


def render(points: np.ndarray, texts: list[str], **others: Any) -> str:
    """A map of pages of which the first has the first name, the second the second, and so on; then none."""
    values = np.array([0, 1] + [65_535] * (len(points) - 2), dtype=np.uint16)
    pages = MapPages(texts, others.pop("pictures", []))
    return render_map_html(points, values, ["art", "notes"], [(1, 2, 3), (4, 5, 6)], pages, title="T", **others)


def data_of(html: str) -> dict[str, Any]:
    """What the page's script reads."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def test_each_name_is_a_trace_of_its_own() -> None:
    """Places as binary, texts and colours beside them; a page without a place is left out."""
    data = data_of(render(POINTS, ["a", "b", "c", "d"], legend="label"))
    assert [(trace["name"], trace["count"], trace["texts"]) for trace in data["traces"]] == [
        ("art", 1, ["a"]),
        ("notes", 1, ["b"]),
        ("none", 1, ["c"]),
    ]
    assert data["traces"][0]["colour"] == "#010203"
    assert np.frombuffer(base64.b64decode(data["traces"][1]["y"]), dtype="<f4").tolist() == [3]
    assert (data["dims"], data["pages"], data["legend"]) == (2, 3, "label")


def test_depth_is_kept() -> None:
    """A map of three dimensions has z."""
    data = data_of(render(np.arange(9, dtype=np.float32).reshape(3, 3), ["a", "b", "c"]))
    assert data["dims"] == 3
    assert np.frombuffer(base64.b64decode(data["traces"][2]["z"]), dtype="<f4").tolist() == [8]


def test_pictures_are_inside_where_there_are_any() -> None:
    """In the order of the texts, empty where a page has none."""
    data = data_of(render(POINTS, ["a", "b", "c", "d"], pictures=[b"one", None, b"three", None]))
    assert [trace["pictures"] for trace in data["traces"]] == [["b25l"], [""], ["dGhyZWU="]]


def test_nothing_comes_from_elsewhere() -> None:
    """plotly.js is in the file, no element has an outside address, and the page's own policy forbids fetching."""
    html = render(POINTS, ["a", "b", "c", "d"])
    assert "plotly.js v" in html
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", html)
    assert "default-src 'none'" in html
    assert html.count("</script>") == 3


def test_a_path_can_not_become_markup() -> None:
    """A file named like the end of a script stays text, and so does a title."""
    wicked = "</script><script>alert(1)</script><!--"
    html = render(POINTS, [wicked, "b", "c", "d"], subtitle=wicked, legend=wicked)
    assert html.count("</script>") == 3
    assert "<script>alert" not in html
    assert data_of(html)["traces"][0]["texts"] == [wicked]


def test_rare_names_share_an_entry() -> None:
    """A legend has at most two hundred names."""
    count = MOST_NAMES + 7
    points = np.zeros((count, 2), dtype=np.float32)
    names, colours = [str(n) for n in range(count)], [(1, 2, 3)] * count
    values = np.arange(count, dtype=np.uint16)
    html = render_map_html(points, values, names, colours, MapPages([""] * count), title="T")
    assert (len(data_of(html)["traces"]), data_of(html)["traces"][-1]["count"]) == (MOST_NAMES + 1, 7)


def test_a_map_without_places_is_refused() -> None:
    """Nothing to show is said, not shown."""
    with pytest.raises(UsageError, match="quire map"):
        render(np.full((2, 2), np.nan, dtype=np.float32), ["a", "b"])
