"""The small pure parts: changes grouped, facets cut, the gate, and where a library's store is opened."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.store import open_store
from indexer.store.columns import group_changes, stack_vectors, vector_rows
from indexer.store.edge import EdgeStore
from indexer.store.gate import Gate
from indexer.store.ranking import facet_counts
from indexer.store.records_file import FileRecords
from indexer.store.server import ServerStore
from indexer.values import JsonScalar

_CHANGES = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.dictionaries(
            st.sampled_from(["x", "y", "z"]), st.one_of(st.none(), st.integers(0, 2), st.booleans()), max_size=3
        ),
    ),
    max_size=8,
)


@given(_CHANGES)
def test_grouped_changes_do_what_single_ones_do(changes: list[tuple[str, dict[str, object]]]) -> None:
    """Applied group by group, the result is that of one change after the other."""
    one_by_one: dict[str, dict[str, object]] = {}
    for one, payload in changes:
        one_by_one.setdefault(one, {}).update(payload)
    expected = {one: {k: v for k, v in fields.items() if v is not None} for one, fields in one_by_one.items()}
    grouped: dict[str, dict[str, object]] = {one: {"x": "old", "y": "old", "z": "old"} for one in expected}
    merges, removals = group_changes([one for one, _ in changes], [payload for _, payload in changes])
    for payload, ids in merges:
        for one in ids:
            grouped[one].update(payload)
    for fields, ids in removals:
        for one in ids:
            for field in fields:
                del grouped[one][field]
    for one, fields in one_by_one.items():
        untouched = {"x", "y", "z"} - fields.keys()
        assert grouped[one] == expected[one] | dict.fromkeys(untouched, "old")
        assert {k: type(v) for k, v in grouped[one].items() if k in fields} == {
            k: type(v) for k, v in expected[one].items()
        }


def test_equal_changes_are_one_update() -> None:
    """A thousand pages in three clusters are three updates; 1, 1.0 and true are not the same value."""
    merges, removals = group_changes([str(n) for n in range(1000)], [{"cluster": n % 3} for n in range(1000)])
    assert len(merges) == 3
    assert removals == []
    assert len(group_changes(["a", "b", "c"], [{"x": 1}, {"x": 1.0}, {"x": True}])[0]) == 3


@given(st.integers(0, 5), st.integers(1, 4))
def test_rows_and_columns_are_inverse(count: int, dimensions: int) -> None:
    """Split into rows and stacked again a matrix is the same, missing rows included."""
    matrix = np.arange(count * dimensions, dtype=np.float32).reshape(count, dimensions) / 7
    matrix[1::3] = np.nan
    rows = vector_rows({"page": matrix}, 0, count)
    assert [bool(row) for row in rows] == [not np.isnan(line[0]) for line in matrix]
    np.testing.assert_array_equal(stack_vectors([row.get("page") for row in rows], dimensions), matrix)


def test_a_tie_across_the_limit_is_cut_by_value() -> None:
    """Which of equally frequent values are shown does not depend on the order in which the engine gives them."""
    values: list[tuple[JsonScalar, int]] = [("z", 2), ("y", 2), ("x", 2), ("w", 5)]
    assert facet_counts(lambda most: values[:most], 2) == {"w": 5, "x": 2}
    assert facet_counts(lambda most: values[:most], 0) == {}


def test_the_gate_lets_one_in_alone() -> None:
    """Exclusive entry waits for those inside and keeps others out."""
    gate, order = Gate(), []
    entered, leave = threading.Event(), threading.Event()

    def inside() -> None:
        with gate.shared():
            entered.set()
            assert leave.wait(10)
            order.append("shared")

    def alone() -> None:
        with gate.exclusive():
            order.append("exclusive")

    threads = [threading.Thread(target=inside), threading.Thread(target=alone)]
    threads[0].start()
    assert entered.wait(10)
    threads[1].start()
    leave.set()
    for thread in threads:
        thread.join(10)
    with gate.shared():
        order.append("later")
    assert order == ["shared", "exclusive", "later"]


def test_without_a_server_all_lies_in_the_directory(tmp_path: Path) -> None:
    """No URL means Edge and files; nothing is written before something is saved."""
    store, records = open_store(directory=tmp_path / "library", qdrant_url=None, api_key=None, name="library")
    assert isinstance(store, EdgeStore)
    assert isinstance(records, FileRecords)
    assert store.names() == []
    assert records.entries() == []
    assert not (tmp_path / "library").exists()
    store.close()


def test_with_a_server_the_directory_is_not_touched(tmp_path: Path) -> None:
    """A URL means collections on that server, under the library's name."""
    store, records = open_store(
        directory=tmp_path / "library", qdrant_url="http://127.0.0.1:9", api_key=None, name="box-1"
    )
    assert isinstance(store, ServerStore)
    assert not (tmp_path / "library").exists()
    records.close()
    store.close()


@pytest.mark.parametrize("module", ["indexer.store"])
def test_importing_the_room_is_light(module: str) -> None:
    """Neither engine nor client is loaded before a store is opened."""
    import subprocess
    import sys

    code = f"import sys, {module}; print(sorted(m for m in ('qdrant_edge', 'qdrant_client', 'tomlkit', 'grpc') if m in sys.modules))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
