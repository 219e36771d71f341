"""What `Library.rescans` does, done by the service that holds the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import httpx
from pydantic import TypeAdapter

from indexer.filters import format_filter
from indexer.library.results import FlagCount, RescanList, RescanReport
from indexer.values import PageFilter

EVERY_PAGE = PageFilter()


class RemoteRescans:
    """The rescan list of a library that a service holds."""

    def __init__(self, request: Callable[..., httpx.Response]) -> None:
        self._request = request

    def flags(self) -> list[FlagCount]:
        """See `Rescans.flags`."""
        return TypeAdapter(list[FlagCount]).validate_python(self._request("GET", "/v1/flags").json())

    def list(
        self,
        *,
        flags: Sequence[str] | None = None,
        where: PageFilter = EVERY_PAGE,
        only_open: bool = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RescanList:
        """See `Rescans.list`."""
        wish: dict[str, Any] = {"filter": format_filter(where), "only_open": only_open, "limit": limit}
        wish |= {"flag": list(flags)} if flags is not None else {}
        wish |= {"cursor": cursor} if cursor else {}
        return TypeAdapter(RescanList).validate_python(self._request("GET", "/v1/rescans", params=wish).json())

    def say(
        self, page_ids: Sequence[str], wanted: bool | None, *, note: str | None = None, who: str | None = None
    ) -> RescanReport:
        """See `Rescans.say`; the service notes who asked by its key."""
        body = {"page_ids": list(page_ids), "wanted": wanted, "note": note}
        return TypeAdapter(RescanReport).validate_python(self._request("POST", "/v1/rescans", json=body).json())
