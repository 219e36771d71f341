"""Examples of answers for the OpenAPI document, put together from its schemas and from what a field usually holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PAGE_ID = "422893d8-5103-5a26-9cfe-74a16206b9cf"
_ANOTHER_ID = "54a4fe89-b4e7-57d6-9582-928afe7a9056"
_SHA256 = "28f270d46acd1d35f29a03778dbe320aca71cbc8fb8dbb801f5946333edecb89"
_DEPTH = 8
_VALUES: tuple[tuple[str, Any], ...] = (
    ("page_id", _PAGE_ID),
    ("document", _PAGE_ID),
    ("after", _PAGE_ID),
    ("next_cursor", _ANOTHER_ID),
    ("id", "5f0c7d1e9a2b4c38"),
    ("root", "scans"),
    ("path", "sb48/art/p072.jpg"),
    ("name", "p072.jpg"),
    ("label", "art"),
    ("group", "drawings"),
    ("runner_up_group", "diagrams"),
    ("runner_up", 7),
    ("cluster", 3),
    ("size", 42),
    ("similarity", 0.891),
    ("similarity_median", 0.884),
    ("similarity_low", 0.861),
    ("margin", 0.034),
    ("threshold", 0.842),
    ("inertia", 4.02),
    ("silhouette", 0.204),
    ("probability", 0.55),
    ("confidence", 0.97),
    ("accuracy", 0.94),
    ("sha256", _SHA256),
    ("weights_sha256", ""),
    ("bytes", 512_340),
    ("bytes_on_disk", 1_280_000),
    ("modified_ns", 1_732_624_496_000_000_000),
    ("width_px", 1240),
    ("height_px", 1754),
    ("pages_in_file", 1),
    ("page_number", 1),
    ("pages", 150),
    ("total", 150),
    ("done", 120),
    ("added", 150),
    ("clusters", 16),
    ("k", 16),
    ("metadata", {"year": 1988}),
    ("folders", ["sb48", "art"]),
    ("flags", []),
    ("exemplars", [_PAGE_ID]),
    ("exemplar_paths", ["sb48/art/p072.jpg"]),
    ("page_ids", [_PAGE_ID, _ANOTHER_ID]),
    ("counts", {"art": 78, "notes": 51}),
    ("labels", {"art": 78, "notes": 51}),
    ("groups", {"drawings": 35}),
    ("stream", "scans/box 1"),
    ("who", "ada"),
    ("when", "2026-11-26T13:02:01Z"),
    ("created", "2026-11-26T13:02:01Z"),
    ("started", "2026-11-26T13:02:01Z"),
    ("finished", "2026-11-26T13:02:09Z"),
    ("made", "2026-11-26T13:02:01Z"),
    ("text", "clusters 3, 7 and 12 were named drawings"),
    ("stage", "indexing"),
    ("rate_per_s", 31.5),
    ("eta_s", 1.0),
    ("seconds", 4.8),
    ("dimensions", 1411),
    ("input_px", 128),
    ("preprocessing", "128 px squash box; recipe 1"),
    ("precision", "float32"),
    ("directory", "/data/scans"),
    ("place", "/data/library"),
    ("label_from", "parent"),
    ("code", "truncated"),
    ("reason", "the JPEG is cut off or damaged; copy or scan it again"),
    ("field", "label"),
    ("kind", "name"),
    ("store", "Qdrant Edge, in the library"),
    ("search_modes", ["looks"]),
    ("engine", "rapidocr"),
    ("snippet", [{"text": "…transport to ", "is_match": False}, {"text": "Prague", "is_match": True}]),
    ("views", ["head", "foot"]),
    ("word", "watercolour"),
    ("details", {"group": "drawings"}),
    ("names", []),
    ("notes", []),
    ("rescanned_for", []),
)
"""By field name; of several that a schema could take, the first that fits its type."""
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_PLAIN: dict[str, Any] = {"string": "…", "integer": 1, "number": 0.5, "boolean": False, "null": None}


def make_example(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """A value that `schema` allows; `schemas` are those that it may refer to, by name."""
    return _Maker(schemas).make(schema, "", 0)


class _Maker:
    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas

    def make(self, schema: Mapping[str, Any], field: str, depth: int) -> Any:
        if "$ref" in schema:
            return self.make(self._schemas[schema["$ref"].rpartition("/")[2]], field, depth)
        for given in ("const", "example"):
            if given in schema:
                return schema[given]
        if schema.get("examples"):
            return schema["examples"][0]
        if "enum" in schema:
            return schema["enum"][0]
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            return self._choose(choices, field, depth)
        kind = schema.get("type", "string")
        for name, value in _VALUES:
            if name == field and isinstance(value, _TYPES[kind]) and self._fits(value, schema):
                return value
        if kind == "array":
            return self._list(schema, field, depth)
        if kind == "object":
            return self._object(schema, depth)
        return schema.get("default", _PLAIN[kind]) if kind != "string" else schema.get("default", field or "…")

    def _choose(self, choices: list[Mapping[str, Any]], field: str, depth: int) -> Any:
        """The first that is not null; null for what is deep, or is told rarely (an error, a report of another kind)."""
        told = [one for one in choices if one.get("type") != "null"]
        nullable = len(told) < len(choices)
        if nullable and (depth > 1 or len(told) > 1) and any("$ref" in one for one in told):
            return None
        if nullable and field not in dict(_VALUES):
            return None
        return self.make(told[0], field, depth)

    def _list(self, schema: Mapping[str, Any], field: str, depth: int) -> list[Any]:
        if "prefixItems" in schema:
            return [self.make(one, "", depth + 1) for one in schema["prefixItems"]]
        if depth >= _DEPTH:
            return []
        return [self.make(schema.get("items", {}), field, depth + 1)] * max(1, schema.get("minItems", 1))

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        made = {name: self.make(part, name, depth + 1) for name, part in schema.get("properties", {}).items()}
        more = schema.get("additionalProperties")
        if not made and isinstance(more, dict) and depth < _DEPTH:
            made["art"] = self.make(more, "", depth + 1)
        return made

    def _fits(self, value: Any, schema: Mapping[str, Any]) -> bool:
        """Whether what a list or a mapping holds is of the kind that the schema asks for."""
        inner = schema.get("items") if isinstance(value, list) else schema.get("additionalProperties")
        if not isinstance(inner, dict) or not isinstance(value, (list, dict)):
            return not isinstance(value, dict) or "properties" not in schema
        kinds = {one.get("type") for one in inner.get("anyOf", [inner])}
        held = value if isinstance(value, list) else list(value.values())
        return all(any(kind in _TYPES and isinstance(one, _TYPES[kind]) for kind in kinds) for one in held)
