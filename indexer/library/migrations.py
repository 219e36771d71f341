"""Libraries written by earlier versions of Quire: their manifests are brought to the present form, one step at a time.

`STEPS[n]` makes a manifest of version n + 1 of one of version n. A step is pure, looks only at the document, and stays here for
ever. Where a step is to change pages as well, it leaves a mark in the manifest that `Library.finish_interrupted` works off, as for a
run that died.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

from indexer.values import Payload

SCHEMA_VERSION = 2
"""The present form. Raised, with a step, when libraries written before can't be read as they are."""


def _give_identity(document: Payload) -> Payload:
    """Version 2: a library has an identity, so that `quire move` knows a copy of it from another library with the same roots."""
    return {**document, "identity": new_identity()}


STEPS: Mapping[int, Callable[[Payload], Payload]] = {1: _give_identity}


def upgrade(document: Payload, *, version: int) -> Payload:
    """The manifest of `version` in its present form; as it is where it has that already."""
    for step in range(version, SCHEMA_VERSION):
        document = {**STEPS[step](document), "schema_version": step + 1}
    return document


def new_identity() -> str:
    """What no other library has."""
    return uuid.uuid4().hex
