"""The one name that a page keeps through every run: `page_id`."""

from __future__ import annotations

from uuid import UUID, uuid5

PAGE_NAMESPACE = UUID("6f1c1c7e-6b0f-5d0e-9a53-0c1d5a3e7b42")
"""Fixed for ever: another value would give every page of every library a new id."""


def page_id(path: str, page_number: int, *, prefix: str = "") -> str:
    """UUIDv5 (RFC 9562, section 5.5) of a page, as text with hyphens; the same on every machine and in every run.

    `path` is relative to the root, with `/`; `page_number` counts from 1; `prefix` tells apart equal paths below
    several roots and is put in front of the path as it is.
    """
    return str(uuid5(PAGE_NAMESPACE, f"{prefix}{path}#{page_number}"))
