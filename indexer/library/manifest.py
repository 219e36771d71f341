"""The manifest: the few facts that say what a library is. Saved whole at once, it is the switch of every generation and run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

from indexer.errors import LibraryDamagedError
from indexer.library.migrations import SCHEMA_VERSION, upgrade
from indexer.values import ModelSpec, Payload

_GENERATION = re.compile(r"(?:pages|centroids)-([0-9]{4,})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Root:
    """A folder of scans. `prefix` goes into the ids of its pages: empty for the first root, so that they depend on nothing but the path."""

    name: str
    directory: str
    prefix: str = ""
    label_from: str = "parent"
    metadata: str | None = None


@dataclass(frozen=True, slots=True)
class Filling:
    """A generation that a reindex is filling beside the one in use."""

    generation: int
    model: ModelSpec
    checkpoint: str | None = None
    views: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a library is. `run` counts k-means runs, 0 before the first; `applying`: its clusters are being
    written to pages. `views` names the vectors beside `page`."""

    name: str
    identity: str = ""
    """What no other library has, and every copy of this one."""
    generation: int = 0
    run: int = 0
    k: int = 0
    seed: int = 0
    applying: bool = False
    applied_entry: int = 0
    model: ModelSpec | None = None
    checkpoint: str | None = None
    views: tuple[str, ...] = ()
    roots: tuple[Root, ...] = ()
    filling: Filling | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def pages_collection(self) -> str:
        """The collection of pages in use."""
        return pages_collection(self.generation)

    @property
    def centroids_collection(self) -> str:
        """The collection of centroids beside it."""
        return centroids_collection(self.generation)

    def root(self, name: str) -> Root | None:
        """The root of that name."""
        return next((root for root in self.roots if root.name == name), None)

    def with_root(self, root: Root) -> Manifest:
        """The manifest with this root added, or changed."""
        others = tuple(root if known.name == root.name else known for known in self.roots)
        return replace(self, roots=others if root in others else (*others, root))


def pages_collection(generation: int) -> str:
    """Name of the pages collection of one generation."""
    return f"pages-{generation:04d}"


def centroids_collection(generation: int) -> str:
    """Name of the centroids collection of one generation."""
    return f"centroids-{generation:04d}"


def find_outlived(manifest: Manifest, names: Iterable[str]) -> list[str]:
    """Collections of generations before the one in use: a process died before it dropped them."""
    numbered = ((name, _GENERATION.fullmatch(name)) for name in names)
    return [name for name, match in numbered if match and int(match[1]) < manifest.generation]


def manifest_to_document(manifest: Manifest) -> Payload:
    """The document that `manifest_from_document` reads back; what is None is left out."""
    return cast(Payload, _without_none(asdict(manifest)))


def manifest_from_document(document: Payload, *, place: Path | str) -> Manifest:
    """The manifest of a library at `place`, in its present form, whichever earlier version of Quire wrote it.

    Raises:
        LibraryDamagedError: it was written by a later version, or is no manifest.
    """
    version = document.get("schema_version")
    if not isinstance(version, int) or not 1 <= version <= SCHEMA_VERSION:
        raise LibraryDamagedError(
            f"The library at {place} has schema version {version!r}; this Quire reads up to {SCHEMA_VERSION}. Install a newer Quire."
        )
    try:
        values = dict(upgrade(document, version=version))
        filling = cast("Mapping[str, object] | None", values.pop("filling", None))
        roots = cast("list[Mapping[str, object]]", values.pop("roots", []))
        return Manifest(
            **{  # type: ignore[arg-type]
                **values,
                "model": _model(values.get("model")),
                "views": _names(values.get("views")),
                "roots": tuple(Root(**root) for root in roots),  # type: ignore[arg-type]
                "filling": _filling(filling) if filling else None,
            }
        )
    except (TypeError, KeyError, AttributeError) as exc:
        raise LibraryDamagedError(
            f"The manifest of the library at {place} can't be read: {exc}. Restore quire.toml from a backup, or index anew elsewhere."
        ) from exc


def _model(values: object) -> ModelSpec | None:
    return ModelSpec(**cast("dict[str, object]", values)) if values else None  # type: ignore[arg-type]


def _filling(values: Mapping[str, object]) -> Filling:
    parts = {**values, "model": _model(values["model"]), "views": _names(values.get("views"))}
    return Filling(**parts)  # type: ignore[arg-type]


def _names(values: object) -> tuple[str, ...]:
    return tuple(cast("list[str]", values or ()))


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_without_none(inner) for inner in value]
    return value
