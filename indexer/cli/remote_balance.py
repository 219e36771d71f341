"""What `Library.balance` does, done by the service that holds the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from pydantic import TypeAdapter

from indexer.library.balance import MIN_SHARE, NEIGHBOURS
from indexer.library.results import BalanceReport, MisplacedList

_AT_A_TIME = 200


class RemoteBalance:
    """The class balance of a library that a service holds."""

    def __init__(self, request: Callable[..., httpx.Response]) -> None:
        self._request = request

    def report(self, *, by: str = "label", against: str = "cluster") -> BalanceReport:
        """See `Balance.report`."""
        answer = self._request("GET", "/v1/balance", params={"by": by, "against": against})
        return TypeAdapter(BalanceReport).validate_python(answer.json())

    def misplaced(
        self,
        *,
        by: str = "label",
        neighbours: int = NEIGHBOURS,
        min_share: float = MIN_SHARE,
        limit: int = 50,
        offset: int = 0,
    ) -> MisplacedList:
        """See `Balance.misplaced`; as many calls as it takes."""
        found = MisplacedList(by, [], 0, 0)
        while len(found.pages) < limit:
            wanted = min(limit - len(found.pages), _AT_A_TIME)
            wish: dict[str, Any] = {"by": by, "neighbours": neighbours, "min_share": min_share}
            wish |= {"limit": wanted, "offset": offset + len(found.pages)}
            answer = self._request("GET", "/v1/misplaced", params=wish).json()
            more = TypeAdapter(MisplacedList).validate_python(answer)
            found = MisplacedList(by, [*found.pages, *more.pages], more.total, more.examined)
            if len(more.pages) < wanted:
                break
        return found

    def picture(self, *, by: str = "label", against: str = "cluster") -> bytes:
        """See `Balance.picture`."""
        return self._request("GET", "/v1/balance/picture", params={"by": by, "against": against}).content
