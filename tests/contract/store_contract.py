"""What every store must do; subclasses say how one is made, made anew, and looked at from the side."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stores import (
    DIMENSIONS,
    SPEC,
    all_points,
    batch_of,
    found,
    point_id,
    unit_vectors,
    where,
    with_payloads,
)

from indexer.errors import CollectionMissingError, FilterError, StoreError
from indexer.store.bm25 import AVERAGE_WORDS
from indexer.store.port import Collection, CollectionSpec, PointBatch, Quantization, Store, VectorSpec
from indexer.values import PageFilter

_FRESH = itertools.count()
_ROWS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 3), st.one_of(st.none(), st.text("aäß漢", max_size=3))),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[0],
)


class StoreContract:
    """The suite. A subclass defines the fixture `store`, and the three methods below."""

    def reopened(self, store: Store) -> Store:
        """The same library after closing it."""
        raise NotImplementedError

    def beside(self, store: Store, name: str) -> Mapping[str, Mapping[str, object]]:
        """Payloads by id, read by other means than the store's; may close the store."""
        raise NotImplementedError

    @pytest.fixture
    def pages(self, store: Store) -> Collection:
        """An empty collection."""
        return store.create("pages", SPEC)

    def test_what_was_written_is_there_by_the_side_door(self, store: Store, pages: Collection) -> None:
        """Points written through the port are found by the library's own means."""
        pages.upsert(
            with_payloads({"path": "a.jpg"}, {"path": "ü/漢 字.jpg", "metadata": {"Jahr": 1936, "Ort": "Köln"}})
        )
        assert self.beside(store, "pages") == {
            point_id(1): {"path": "a.jpg"},
            point_id(2): {"path": "ü/漢 字.jpg", "metadata": {"Jahr": 1936, "Ort": "Köln"}},
        }

    def test_closing_and_opening_keeps_everything(self, store: Store, pages: Collection) -> None:
        """After close and open the points, their payloads and vectors are as before."""
        pages.upsert(batch_of(20))
        before = all_points(pages)
        assert all_points(self.reopened(store).open("pages")) == before

    def test_memory_is_released_between_two_blocks_of_a_scroll(self, pages: Collection) -> None:
        """What was read goes on where it was, and what was written is there."""
        pages.upsert(batch_of(50))
        before = all_points(pages)
        seen = []
        for batch in pages.scroll(batch_size=10):
            pages.release_memory()
            pages.set_payload(batch.ids[:1], [{"label": "seen"}])
            seen += batch.ids
        assert sorted(seen) == sorted(before)
        assert pages.count(where("label", "=", "seen")) == 5

    def test_indexes_on_disk_answer_the_same(self, store: Store) -> None:
        """Filters and facets do not depend on where the indexes are kept."""
        on_disk = store.create("other", replace(SPEC, indexes_on_disk=True))
        in_memory = store.create("pages-2", SPEC)
        for collection in (on_disk, in_memory):
            collection.upsert(batch_of(60))
            collection.optimize()
        assert on_disk.facet("cluster") == in_memory.facet("cluster") == {0: 20, 1: 20, 2: 20}
        for condition in (where("cluster", "=", 1), where("path", "!=", "a/p7.jpg"), where("cluster", ">", 1)):
            assert found(on_disk, condition) == found(in_memory, condition) != []

    def test_names_are_sorted_and_follow_create_and_drop(self, store: Store) -> None:
        """`names` lists what exists, and only that."""
        for name in ("pages-2", "centroids", "pages-1"):
            store.create(name, SPEC)
        assert store.names() == ["centroids", "pages-1", "pages-2"]
        store.drop("pages-1")
        store.drop("pages-1")
        assert store.names() == ["centroids", "pages-2"]

    def test_dropped_and_made_again_is_empty(self, store: Store, pages: Collection) -> None:
        """A collection made where one was dropped holds nothing of it."""
        pages.upsert(batch_of(5))
        store.drop("pages")
        assert store.create("pages", SPEC).count() == 0

    def test_creating_twice_is_refused(self, store: Store, pages: Collection) -> None:
        """`create` never takes over an existing collection."""
        pages.upsert(batch_of(2))
        with pytest.raises(StoreError, match="exists already"):
            store.create("pages", SPEC)
        assert store.open("pages").count() == 2

    def test_opening_what_is_not_there_says_so(self, store: Store) -> None:
        """A missing collection is its own error."""
        with pytest.raises(CollectionMissingError, match="nowhere"):
            store.open("nowhere")

    def test_one_name_is_one_object(self, store: Store, pages: Collection) -> None:
        """Opening a name again gives the same collection."""
        assert store.open("pages") is store.open("pages") is pages
        assert pages.name == "pages"

    def test_bad_names_are_refused(self, store: Store) -> None:
        """Names that could leave the store's place are refused."""
        for name in ("", "../etc", "a/b", "-"):
            with pytest.raises(StoreError, match="name"):
                store.create(name, SPEC)

    def test_closing_twice_is_fine(self, store: Store, pages: Collection) -> None:
        """A second close does nothing."""
        pages.upsert(batch_of(1))
        store.close()
        store.close()

    def test_upserting_replaces_whole_points(self, pages: Collection) -> None:
        """The second upsert of an id leaves nothing of the first."""
        pages.upsert(with_payloads({"path": "a", "label": "art"}))
        pages.upsert(with_payloads({"path": "b"}))
        assert pages.retrieve([point_id(1)]).payloads == [{"path": "b"}]
        assert pages.count() == 1

    def test_none_in_a_payload_is_no_field(self, pages: Collection) -> None:
        """A value of None is not stored."""
        pages.upsert(with_payloads({"path": "a", "label": None}))
        assert pages.retrieve([point_id(1)]).payloads == [{"path": "a"}]

    def test_upserting_twice_equals_once(self, store: Store) -> None:
        """Repeating an upsert changes nothing, whatever was there before."""
        check_upserting_twice_equals_once(store)

    def test_ten_thousand_points_in_a_batch(self, pages: Collection) -> None:
        """A large batch is taken whole, and read back in order."""
        batch = batch_of(10_000)
        pages.upsert(batch)
        assert pages.count() == 10_000
        ids: list[str] = []
        rows = []
        for part in pages.scroll(vectors=["page"], fields=(), batch_size=3000):
            ids += part.ids
            rows.append(part.vectors["page"])
        assert ids == batch.ids
        assert np.allclose(np.concatenate(rows), batch.vectors["page"], atol=1e-6)

    def test_nothing_in_nothing_out(self, pages: Collection) -> None:
        """Empty batches and empty collections are no special case."""
        pages.upsert(PointBatch([], [], {"page": unit_vectors(0)}))
        pages.set_payload([], [])
        pages.set_vectors([], {"page": unit_vectors(0)})
        pages.delete([])
        pages.optimize()
        pages.flush()
        assert pages.count() == 0
        assert list(pages.scroll()) == []
        assert pages.retrieve([]).ids == []
        assert pages.find_similar(unit_vectors(1)[0], using="page", limit=3) == [[]]
        assert pages.find_similar(unit_vectors(0), using="page", limit=3) == []
        assert pages.facet("label") == {}

    def test_columns_of_unequal_length_write_nothing(self, pages: Collection) -> None:
        """A batch that does not fit together is refused before anything is written."""
        with pytest.raises(StoreError, match="2 ids"):
            pages.upsert(PointBatch([point_id(1), point_id(2)], [{}], {"page": unit_vectors(2)}))
        with pytest.raises(StoreError, match=r"1 vectors"):
            pages.upsert(PointBatch([point_id(1), point_id(2)], [{}, {}], {"page": unit_vectors(1)}))
        assert pages.count() == 0

    def test_vectors_that_do_not_fit_are_refused(self, pages: Collection) -> None:
        """An unknown vector name or a wrong length is a StoreError that says what would fit."""
        with pytest.raises(StoreError, match="no vector 'head'; it has: colour, page"):
            pages.upsert(PointBatch([point_id(1)], [{}], {"head": unit_vectors(1)}))
        with pytest.raises(StoreError):
            pages.upsert(PointBatch([point_id(1)], [{}], {"page": unit_vectors(1, DIMENSIONS + 1)}))
        with pytest.raises(StoreError, match="no vector 'head'"):
            pages.find_similar(unit_vectors(1), using="head", limit=1)

    def test_set_payload_merges_and_none_removes(self, pages: Collection) -> None:
        """Named fields change, None takes one away, all others stay."""
        pages.upsert(
            with_payloads({"path": "a", "label": "art", "cluster": 1}, {"path": "b", "label": "notes"}, {"path": "c"})
        )
        pages.set_payload(
            [point_id(1), point_id(2), point_id(3)],
            [{"cluster": 7, "label": None}, {"cluster": 7}, {"label": None, "metadata": {"a b": 1}}],
        )
        assert pages.retrieve([point_id(1), point_id(2), point_id(3)]).payloads == [
            {"path": "a", "cluster": 7},
            {"path": "b", "label": "notes", "cluster": 7},
            {"path": "c", "metadata": {"a b": 1}},
        ]

    def test_set_payload_ignores_unknown_ids(self, store: Store, pages: Collection) -> None:
        """Ids that are not there are passed over, and neither made nor a hindrance to the others, now and after opening."""
        pages.upsert(batch_of(2))
        ids = [point_id(99), point_id(1), point_id(98), point_id(2)]
        pages.set_payload(ids, [{"cluster": 5}, {"cluster": 5}, {"cluster": None}, {"cluster": None}])
        pages.set_vectors(ids, {"page": unit_vectors(4, seed=3)})
        pages.delete([point_id(97)])
        again = self.reopened(store).open("pages")
        assert again.count() == 2
        assert [p.get("cluster") for p in again.retrieve([point_id(1), point_id(2)]).payloads] == [5, None]
        assert np.allclose(
            again.retrieve([point_id(1)], vectors=["page"]).vectors["page"][0], unit_vectors(4, seed=3)[1], atol=1e-6
        )

    def test_an_id_given_twice_takes_both_changes(self, pages: Collection) -> None:
        """Changes to one point are merged in the order given, the later winning."""
        pages.upsert(batch_of(1))
        pages.set_payload([point_id(1)] * 3, [{"cluster": 8, "label": "art"}, {"cluster": 9}, {"path": None}])
        assert pages.retrieve([point_id(1)]).payloads == [{"cluster": 9, "label": "art"}]

    def test_setting_a_payload_on_many_points(self, pages: Collection) -> None:
        """Many points with few different values, and some with all different ones, end up right."""
        pages.upsert(batch_of(1000))
        ids = [point_id(number) for number in range(1, 1001)]
        pages.set_payload(ids, [{"cluster": number % 7} for number in range(1000)])
        pages.set_payload(ids[:60], [{"x": number / 8} for number in range(60)])
        rows = [payload for batch in pages.scroll(fields=["cluster", "x"]) for payload in batch.payloads]
        assert rows[:60] == [{"cluster": number % 7, "x": number / 8} for number in range(60)]
        assert rows[60:] == [{"cluster": number % 7} for number in range(60, 1000)]

    def test_set_vectors_leaves_the_others(self, pages: Collection) -> None:
        """Replacing one named vector changes neither another nor the payload."""
        page, colour = unit_vectors(2), unit_vectors(2, 3)
        pages.upsert(
            PointBatch([point_id(1), point_id(2)], [{"path": "a"}, {"path": "b"}], {"page": page, "colour": colour})
        )
        new = unit_vectors(1, seed=9)
        pages.set_vectors([point_id(2)], {"page": new})
        got = pages.retrieve([point_id(1), point_id(2)], vectors=["page", "colour"])
        assert np.allclose(got.vectors["page"], np.concatenate([page[:1], new]), atol=1e-6)
        assert np.allclose(got.vectors["colour"], colour, atol=1e-3)
        assert got.payloads == [{"path": "a"}, {"path": "b"}]

    def test_a_missing_vector_is_a_row_of_nan_both_ways(self, pages: Collection) -> None:
        """NaN rows are left unset when written and given back when read."""
        colour = unit_vectors(2, 3)
        colour[1] = np.nan
        pages.upsert(PointBatch([point_id(1), point_id(2)], [{}, {}], {"page": unit_vectors(2), "colour": colour}))
        got = pages.retrieve([point_id(1), point_id(2)], vectors=["colour"]).vectors["colour"]
        assert got.dtype == np.float32
        assert np.isnan(got[1]).all()
        assert np.allclose(got[0], colour[0], atol=1e-3)
        assert [hit.id for hit in pages.find_similar(colour[:1], using="colour", limit=5)[0]] == [point_id(1)]

    def test_retrieve_keeps_the_order_asked(self, pages: Collection) -> None:
        """Points come in the order asked, each once; those missing or impossible are left out."""
        batch = batch_of(4)
        pages.upsert(batch)
        asked = [point_id(3), point_id(99), "no-id", point_id(1), point_id(3), point_id(2)]
        got = pages.retrieve(asked, vectors=["page"])
        assert got.ids == [point_id(3), point_id(1), point_id(2)]
        assert np.allclose(got.vectors["page"], batch.vectors["page"][[2, 0, 1]], atol=1e-6)
        assert [p["path"] for p in got.payloads] == ["a/p3.jpg", "a/p1.jpg", "a/p2.jpg"]

    def test_delete_removes_only_what_is_named(self, pages: Collection) -> None:
        """Deleted points are gone, others stay."""
        pages.upsert(batch_of(5))
        pages.delete([point_id(2), point_id(4)])
        assert found(pages, PageFilter()) == [1, 3, 5]

    @pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
    def test_scroll_shows_each_point_once_in_order(self, pages: Collection, batch_size: int) -> None:
        """Whatever the batch size, points come in the order of their ids, none twice, none left out."""
        pages.upsert(batch_of(7))
        batches = [batch.ids for batch in pages.scroll(batch_size=batch_size)]
        assert all(0 < len(ids) <= batch_size for ids in batches)
        assert [one for ids in batches for one in ids] == [point_id(number) for number in range(1, 8)]

    @pytest.mark.parametrize("batch_size", [1, 2, 100])
    def test_scroll_goes_on_behind_an_id(self, pages: Collection, batch_size: int) -> None:
        """`after` names the last point seen, whether it still exists or not."""
        pages.upsert(batch_of(6))
        pages.delete([point_id(3)])
        for after, rest in ((2, [4, 5, 6]), (3, [4, 5, 6]), (6, []), (0, [1, 2, 4, 5, 6])):
            ids = [one for batch in pages.scroll(after=point_id(after), batch_size=batch_size) for one in batch.ids]
            assert ids == [point_id(number) for number in rest]

    def test_scroll_gives_the_fields_asked_for(self, pages: Collection) -> None:
        """None is the whole payload, () none of it, names are those fields."""
        pages.upsert(with_payloads({"path": "a", "label": "art", "metadata": {"year": 1936, "place": "Köln"}}))
        shown = {
            key: next(pages.scroll(fields=fields)).payloads
            for key, fields in {"all": None, "none": (), "one": ["label"], "nested": ["metadata.year"]}.items()
        }
        assert shown["all"] == [{"path": "a", "label": "art", "metadata": {"year": 1936, "place": "Köln"}}]
        assert shown["none"] == [{}]
        assert shown["one"] == [{"label": "art"}]
        assert shown["nested"] == [{"metadata": {"year": 1936}}]

    @pytest.mark.parametrize(
        ("field", "op", "values", "passing"),
        [
            ("label", "=", ("art",), [1]),
            ("label", "=", ("art", "notes"), [1, 2]),
            ("label", "=", ("nothing",), []),
            ("label", "=", (), []),
            ("label", "!=", ("art",), [2, 3, 4]),
            ("label", "!=", ("art", "notes"), [3, 4]),
            ("flags", "=", ("dark",), [1, 2]),
            ("flags", "!=", ("dark",), [3, 4]),
            ("cluster", "=", (3,), [1]),
            ("cluster", "=", (3, 4), [1, 2]),
            ("cluster", "!=", (3,), [2, 3, 4]),
            ("cluster", "<", (4,), [1]),
            ("cluster", "<=", (4,), [1, 2]),
            ("cluster", ">", (3,), [2]),
            ("cluster", ">=", (3,), [1, 2]),
            ("x", "=", (1.5,), [1]),
            ("x", "<", (0.0,), [2]),
            ("blank", "=", (True,), [1]),
            ("blank", "=", (False,), [2]),
            ("blank", "!=", (True,), [2, 3, 4]),
            ("metadata.year", "=", (1936,), [1, 2]),
            ("metadata.year", "=", (1936.0,), [1, 2]),
            ("metadata.year", "=", ("1936",), [3]),
            ("metadata.year", "=", (1936, "1936"), [1, 2, 3]),
            ("metadata.year", "!=", (1936,), [3, 4]),
            ("metadata.year", ">=", (1900,), [1, 2]),
            ("metadata.share", "=", (0.1,), [2]),
            ("metadata.signed", "=", (True,), [1]),
            ("metadata.signed", "=", (False,), [2]),
            ("metadata.shelf no.", "=", ("Ä 1/2",), [1]),
            ("metadata.a.b", "=", (5,), [1]),
            ("metadata.nowhere", "=", ("x",), []),
            ("metadata.nowhere", "!=", ("x",), [1, 2, 3, 4]),
            ("page_id", "=", (point_id(2), point_id(77)), [2]),
            ("page_id", "=", ("no-id",), []),
            ("page_id", "!=", (point_id(2), "no-id"), [1, 3, 4]),
        ],
    )
    def test_filters(
        self, pages: Collection, field: str, op: str, values: tuple[str | float | bool, ...], passing: list[int]
    ) -> None:
        """Each operator on text, lists, numbers, truth values, nested metadata and missing fields."""
        pages.upsert(
            with_payloads(
                {
                    "label": "art",
                    "flags": ["dark", "small"],
                    "cluster": 3,
                    "x": 1.5,
                    "blank": True,
                    "metadata": {"year": 1936, "signed": True, "shelf no.": "Ä 1/2", "a.b": 5},
                },
                {
                    "label": "notes",
                    "flags": ["dark"],
                    "cluster": 4,
                    "x": -2.0,
                    "blank": False,
                    "metadata": {"year": 1936.0, "signed": False, "share": 0.1},
                },
                {"flags": [], "metadata": {"year": "1936"}},
                {},
            )
        )
        assert found(pages, where(field, op, *values)) == passing

    def test_conditions_must_all_hold(self, pages: Collection) -> None:
        """Two conditions pass what both pass, in scroll, count, facet and search alike."""
        pages.upsert(with_payloads({"label": "art", "cluster": 1}, {"label": "art", "cluster": 2}, {"cluster": 2}))
        both = PageFilter((*where("label", "=", "art").conditions, *where("cluster", "!=", 1).conditions))
        assert found(pages, both) == [2]
        assert pages.facet("cluster", where=both) == {2: 1}
        assert [hit.id for hit in pages.find_similar(unit_vectors(1), using="page", limit=9, where=both)[0]] == [
            point_id(2)
        ]

    def test_filters_that_make_no_sense_are_refused(self, pages: Collection) -> None:
        """Comparing with text, an unknown operator or a quote in a name is the caller's error."""
        for condition in (where("cluster", "<", "three"), where("cluster", "~", 3), where('metadata.a"b', "=", 1)):
            with pytest.raises(FilterError):
                pages.count(condition)

    def test_facets_count_values(self, pages: Collection) -> None:
        """Most frequent first, ties by value, list fields by element, missing fields not at all; `limit` cuts last."""
        labels = ["b", "a", "c", "c", "a", "b", "d"]
        pages.upsert(
            with_payloads(*[{"label": label, "flags": ["f", label], "cluster": 1} for label in labels], {"cluster": 2})
        )
        assert list(pages.facet("label").items()) == [("a", 2), ("b", 2), ("c", 2), ("d", 1)]
        assert list(pages.facet("label", limit=2).items()) == [("a", 2), ("b", 2)]
        assert pages.facet("flags")["f"] == 7
        assert list(pages.facet("cluster").items()) == [(1, 7), (2, 1)]
        assert pages.facet("label", where=where("cluster", "=", 2)) == {}

    def test_facets_forget_values_that_are_gone(self, pages: Collection) -> None:
        """A value that no point has any more is not told of, not even with a count of 0."""
        pages.upsert(with_payloads({"label": "art"}, {"label": "notes"}))
        pages.set_payload([point_id(1)], [{"label": "notes"}])
        assert pages.facet("label") == {"notes": 2}
        pages.delete([point_id(1), point_id(2)])
        assert pages.facet("label") == {}

    def test_similarity_is_the_cosine(self, pages: Collection) -> None:
        """Similarities agree with numpy's, and the order with them; equal ones may come in any order."""
        batch = batch_of(200)
        pages.upsert(batch)
        queries = unit_vectors(5, seed=1) * np.float32(3.0)
        truth = unit_vectors(5, seed=1) @ batch.vectors["page"].T
        for row, hits in enumerate(pages.find_similar(queries, using="page", limit=10, exact=True)):
            got = [hit.similarity for hit in hits]
            assert np.allclose(got, np.sort(truth[row])[::-1][:10], atol=1e-5)
            assert got == sorted(got, reverse=True)
            places = [batch.ids.index(hit.id) for hit in hits]
            assert np.allclose(truth[row][places], got, atol=1e-5)
            assert hits[0].payload == batch.payloads[places[0]]

    def test_similarity_stays_between_minus_one_and_one(self, pages: Collection) -> None:
        """A page and its twin have similarity 1, a page and its opposite −1, within rounding and never beyond."""
        batch = batch_of(50)
        pages.upsert(batch)
        for sign in (1, -1):
            answers = pages.find_similar(sign * batch.vectors["page"], using="page", limit=50, exact=True)
            all_hits = [hit.similarity for hits in answers for hit in hits]
            assert max(all_hits) <= 1.0
            assert min(all_hits) >= -1.0
            edge = [hits[0].similarity if sign == 1 else hits[-1].similarity for hits in answers]
            assert np.allclose(edge, sign, atol=1e-5)

    def test_offset_goes_on_where_limit_stopped(self, pages: Collection) -> None:
        """Pages of answers put together are the whole answer."""
        pages.upsert(batch_of(30))
        query = unit_vectors(1, seed=4)[0]
        whole = [hit.id for hit in pages.find_similar(query, using="page", limit=30, exact=True)[0]]
        parts = [pages.find_similar(query, using="page", limit=7, offset=o, exact=True)[0] for o in range(0, 35, 7)]
        assert [hit.id for part in parts for hit in part] == whole
        assert len(set(whole)) == 30

    def test_search_within_a_filter(self, pages: Collection) -> None:
        """Only pages that pass are answers, and they are the best of those."""
        batch = batch_of(60)
        pages.upsert(batch)
        query = unit_vectors(1, seed=5)[0]
        passing = [row for row in range(60) if batch.payloads[row]["cluster"] == 1]
        best = max(passing, key=lambda row: float(batch.vectors["page"][row] @ query))
        hits = pages.find_similar(query, using="page", limit=20, where=where("cluster", "=", 1))[0]
        assert hits[0].id == batch.ids[best]
        assert len(hits) == len(passing)

    def test_half_precision_is_close(self, pages: Collection) -> None:
        """float16 vectors find the same neighbours, with similarities within 0.002."""
        colour = unit_vectors(40, 3)
        pages.upsert(
            PointBatch([point_id(n) for n in range(1, 41)], [{}] * 40, {"page": unit_vectors(40), "colour": colour})
        )
        hits = pages.find_similar(colour, using="colour", limit=1, exact=True)
        assert np.allclose([row[0].similarity for row in hits], 1.0, atol=2e-3)

    @pytest.mark.parametrize("kind", ["int8", "turbo4", "binary"])
    @pytest.mark.parametrize("graph_on_disk", [False, True])
    def test_quantized_vectors_on_disk_find_their_own(
        self, store: Store, kind: Quantization, graph_on_disk: bool
    ) -> None:
        """With a smaller copy and vectors on disk each page is still its own nearest, before and after optimizing."""
        vector = VectorSpec(32, on_disk=True, quantization=kind, graph_on_disk=graph_on_disk)
        spec = CollectionSpec({"page": vector}, {"cluster": "integer"})
        small = store.create("small", spec)
        vectors = unit_vectors(300, 32)
        small.upsert(PointBatch([point_id(n) for n in range(300)], [{}] * 300, {"page": vectors}))
        for _ in range(2):
            hits = small.find_similar(vectors, using="page", limit=1)
            assert [row[0].id for row in hits] == [point_id(n) for n in range(300)]
            small.optimize()
        assert self.reopened(store).open("small").vectors == {"page": vector}

    def test_words_are_found_best_first_by_bm25(self, pages: Collection) -> None:
        """Scores are those of BM25 with Qdrant's IDF, worked out here by hand; points that have none of the words are left out."""
        texts = ["the old map of the sea", "a map, a map!", "sea sea sea sea", "nothing of the kind", ""]
        pages.upsert(with_payloads(*({"path": str(number), "text": text} for number, text in enumerate(texts))))
        hits = pages.find_words("map sea", using="text", limit=10)
        by_hand = bm25_by_hand(texts[:4], ["map", "sea"])
        order = sorted(range(3), key=lambda number: -by_hand[number])
        assert [hit.payload["path"] for hit in hits] == [str(number) for number in order]
        assert np.allclose([hit.similarity for hit in hits], [by_hand[number] for number in order], rtol=1e-4)
        second = pages.find_words("map sea", using="text", limit=1, offset=1)
        assert [hit.payload["path"] for hit in second] == [str(order[1])]

    def test_words_are_found_however_they_are_written(self, pages: Collection) -> None:
        """Capitals, accents (composed or not) and signs around a word make no difference; languages without spaces are cut into words."""
        texts = ["Příliš žluťoučký KŮŇ", "Ein Häuschen.", "北京大学图书馆", "(Zeitung)"]
        pages.upsert(with_payloads(*({"text": text} for text in texts)))
        for query, number in (("kun", 1), ("HA\u0308USCHEN", 2), ("大学", 3), ("zeitung", 4), ("prilis", 1)):
            assert [hit.id for hit in pages.find_words(query, using="text", limit=5)] == [point_id(number)], query

    def test_words_follow_the_text(self, store: Store, pages: Collection) -> None:
        """Whichever way a payload is written: the words of before are not found any more, those of now are, also after opening."""

        def numbers(word: str) -> list[str]:
            return sorted(hit.id for hit in pages.find_words(word, using="text", limit=9))

        pages.upsert(with_payloads({"text": "alpha"}, {"text": "alpha beta"}, {"path": "c"}))
        ids = [point_id(number) for number in (1, 2, 3, 99)]
        pages.set_payload(ids, [{"text": "gamma"}, {"label": "art"}, {"text": "alpha"}, {"text": "alpha"}])
        assert numbers("alpha") == ids[1:3]
        assert numbers("gamma") == ids[:1]
        pages.set_payload(ids[:3], [{"text": None}, {"text": ""}, {"text": "!"}])
        assert [numbers(word) for word in ("alpha", "beta", "gamma")] == [[], [], []]
        assert [payload.get("text") for payload in pages.retrieve(ids).payloads] == [None, "", "!"]
        pages.set_payload(ids[:2], [{"text": "delta"}] * 2)
        pages.upsert(with_payloads({"path": "a"}))
        pages.set_vectors(ids[1:2], {"page": unit_vectors(1, seed=4)})
        pages = self.reopened(store).open("pages")
        assert numbers("delta") == ids[1:2]
        pages.delete(ids[1:2])
        assert numbers("delta") == []

    def test_words_within_a_filter(self, pages: Collection) -> None:
        """Only points that pass are found."""
        pages.upsert(with_payloads({"text": "map", "label": "art"}, {"text": "map map", "label": "notes"}))
        hits = pages.find_words("map", using="text", limit=5, where=where("label", "=", "art"))
        assert [hit.id for hit in hits] == [point_id(1)]

    def test_a_filter_may_ask_for_words(self, pages: Collection) -> None:
        """`~` passes points that have all of the words, in any order; capitals make no difference."""
        pages.upsert(with_payloads({"text": "Old map of the sea"}, {"text": "The map"}, {"path": "c"}))
        assert found(pages, where("text", "~", "sea MAP")) == [1]
        assert found(pages, where("text", "~", "the")) == [1, 2]
        assert found(pages, where("text", "~", "ma")) == []

    def test_queries_without_words_find_nothing(self, pages: Collection) -> None:
        """Nothing, or signs only, match no text; an unknown field is a StoreError."""
        pages.upsert(with_payloads({"text": "map !"}))
        assert pages.find_words("", using="text", limit=5) == pages.find_words("?!", using="text", limit=5) == []
        assert pages.find_words("map", using="text", limit=0) == []
        with pytest.raises(StoreError, match="no words of 'path'"):
            pages.find_words("map", using="path", limit=5)

    def test_words_can_be_made_findable_later(self, store: Store) -> None:
        """In a collection that was created without: texts that are there already, and those to come; saying so twice changes nothing."""
        plain = store.create("plain", CollectionSpec({"page": VectorSpec(DIMENSIONS)}))
        plain.upsert(with_payloads({"text": "old map"}, {"path": "b"}))
        assert plain.worded == ()
        plain.add_worded("text")
        plain.add_worded("text")
        plain.set_payload([point_id(2)], [{"text": "new map"}])
        for is_open in (True, False):
            collection = plain if is_open else self.reopened(store).open("plain")
            assert collection.worded == ("text",)
            assert len(collection.find_words("map", using="text", limit=5)) == 2
            assert np.allclose(
                collection.retrieve([point_id(1)], vectors=["page"]).vectors["page"], unit_vectors(2)[:1], atol=1e-6
            )

    def test_info_counts_points(self, pages: Collection) -> None:
        """`info` tells how many points there are."""
        pages.upsert(batch_of(12))
        assert pages.info().points == 12


def bm25_by_hand(texts: list[str], words: list[str]) -> list[float]:
    """The score of each text, with k1 = 1.2, b = 0.75, the expected length of 256 words, and the IDF of Lucene and Qdrant."""
    tokens = [re.findall(r"\w+", text.lower()) for text in texts]
    scores = []
    for text in tokens:
        score = 0.0
        for word in words:
            having = sum(word in other for other in tokens)
            rarity = math.log((len(texts) - having + 0.5) / (having + 0.5) + 1)
            count = text.count(word)
            score += rarity * count * 2.2 / (count + 1.2 * (1 - 0.75 + 0.75 * len(text) / AVERAGE_WORDS))
        scores.append(score)
    return scores


def check_upserting_twice_equals_once(store: Store) -> None:
    """The property itself, apart from the class because each subclass must run it as a test of its own."""

    @settings(max_examples=15, deadline=None, database=None)
    @given(_ROWS, _ROWS)
    def check(before: list[tuple[int, int, str | None]], rows: list[tuple[int, int, str | None]]) -> None:
        collection = store.create(f"twice-{next(_FRESH)}", SPEC)
        collection.upsert(_batch(before))
        collection.upsert(_batch(rows))
        once = all_points(collection)
        collection.upsert(_batch(rows))
        assert all_points(collection) == once
        assert set(once) == {point_id(row[0]) for row in before + rows}
        store.drop(collection.name)

    check()


def _batch(rows: list[tuple[int, int, str | None]]) -> PointBatch:
    payloads = [{"cluster": cluster, "label": label} for _, cluster, label in rows]
    return PointBatch([point_id(row[0]) for row in rows], payloads, {"page": unit_vectors(len(rows), seed=len(rows))})
