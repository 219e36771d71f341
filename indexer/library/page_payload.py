"""Pages as Qdrant keeps them: the payload of a page, and what the two collections are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import cast

from indexer.settings import Settings
from indexer.store.port import CollectionSpec, Datatype, FieldKind, Quantization, VectorSpec
from indexer.values import Page, Payload

PAGE_INDEXES: Mapping[str, FieldKind] = {
    "root": "keyword",
    "path": "keyword",
    "folders": "keyword",
    "label": "keyword",
    "flags": "keyword",
    "cluster": "integer",
    "group": "keyword",
    "document": "keyword",
    "rescanned_for": "keyword",
}
"""Fields of a page that filters use, and how Qdrant indexes them. `sha256` is left out: an index of values that are all different takes
half a kilobyte of memory a page while pages are written, and who asks for one hash can wait for a second."""
LARGE_FROM = 50_000
"""Expected pages from which a new generation keeps its vectors as float16 on the disk, and an int8 copy of them in memory to search.

At 100,000 pages of 512 dimensions (`benchmarks/store.py`, 2 cores) the graph is then built in 16 s instead of 62, and a query takes
0.5 ms instead of 0.8, with the same recall; the disk is halved. Small libraries stay exact to the last bit.
"""
_LISTS = frozenset({"folders", "flags", "rescanned_for"})
TEXT, TEXT_ENGINE = "text", "text_engine"
"""What was read on a page, where anything was, and which engine read it, empty pages too. No fields of `Page`: lists of pages are
long, and texts are."""
TEXT_FIELDS = (TEXT, TEXT_ENGINE)
PAGE_FIELDS = tuple(field.name for field in fields(Page) if field.name != "page_id")
"""The fields of a payload that make a page."""


@dataclass(frozen=True, slots=True)
class Storage:
    """What a person wants of how pages' vectors are stored; None leaves it to the size of the library."""

    datatype: Datatype | None = None
    on_disk: bool | None = None
    quantization: Quantization | None = None
    graph_on_disk: bool | None = None

    def apply(self, vector: VectorSpec) -> VectorSpec:
        """The vector with these wishes, and else as it was."""
        wishes = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(vector, **{name: wish for name, wish in wishes.items() if wish is not None})


BY_SIZE = Storage()
"""No wishes."""


def storage_from(settings: Settings) -> Storage:
    """The wishes that the settings hold."""
    return Storage(settings.vector_datatype, settings.vectors_on_disk, settings.quantization, settings.graph_on_disk)


def pages_spec(
    dimensions: Mapping[str, int],
    *,
    expected_pages: int = 0,
    storage: Storage = BY_SIZE,
    worded: Sequence[str] = (),
) -> CollectionSpec:
    """The collection of pages, from the dimensions of each named vector: `page`, and the library's views.

    `worded` are the fields whose words are looked for: `text`, once text was read.
    """
    large = expected_pages >= LARGE_FROM
    vectors = {
        name: storage.apply(
            VectorSpec(
                count,
                datatype="float16" if large else "float32",
                on_disk=large,
                quantization="int8" if large else "none",
            )
        )
        for name, count in dimensions.items()
    }
    return CollectionSpec(vectors=vectors, indexes=page_indexes(worded), worded=tuple(worded), indexes_on_disk=large)


def page_indexes(worded: Sequence[str]) -> Mapping[str, FieldKind]:
    """The indexes of pages whose fields `worded` are searched by words."""
    return {**PAGE_INDEXES, **dict.fromkeys(worded, "text")}


def centroids_spec(dimensions: int) -> CollectionSpec:
    """The collection of centroids: one point a cluster and run."""
    return CollectionSpec(
        vectors={"page": VectorSpec(dimensions)}, indexes={"run": "integer", "cluster": "integer", "group": "keyword"}
    )


def page_to_payload(page: Page) -> Payload:
    """What is stored of a page; fields that are None or empty are left out, so that filters on them mean something."""
    payload: dict[str, object] = {}
    for name in PAGE_FIELDS:
        value = getattr(page, name)
        if name in _LISTS:
            value = list(value) or None
        elif name == "metadata":
            value = dict(value) or None
        if value is not None:
            payload[name] = value
    return payload


def page_from_payload(page_id: str, payload: Payload) -> Page:
    """The page back."""
    values = {name: payload[name] for name in PAGE_FIELDS if name in payload}
    for name in _LISTS & values.keys():
        values[name] = tuple(cast("Sequence[str]", values[name]))
    return Page(page_id=page_id, **values)  # type: ignore[arg-type]
