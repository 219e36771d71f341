"""Between client and server adapter: one call at a time, and the faults of a network and a server where a test wants them."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

_HALVED = {"upsert": 1, "batch_update_points": 1, "update_vectors": 1}
"""Calls that write many things, and which argument holds them."""
_WRITES = {"create_collection", "create_payload_index", "delete", "delete_collection", *_HALVED}


class StandIn:
    """A `QdrantClient` for many threads. `trouble` is asked before each call, and may do it wrongly or not at all."""

    def __init__(self, client: QdrantClient, trouble: Faults | None = None) -> None:
        self._client = client
        self._lock = threading.RLock()
        self.trouble = trouble

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            with self._lock:
                if self.trouble is None or name == "close":
                    return found(*arguments, **options)
                return self.trouble.meet(name, found, arguments, options)

        return call


class Faults:
    """What goes wrong with a share of all calls, by chance of a seed.

    `lost`: the request does not arrive. `unanswered`: it is done, and its answer does not arrive. `half`: half of a batch is written,
    then the connection breaks. `busy`: 503 or 429. `failed`: 500, which is not tried again, sometimes after the first half.
    """

    KINDS = ("lost", "unanswered", "half", "busy", "failed")

    def __init__(self, seed: int, *, share: float, kinds: Sequence[str] = KINDS) -> None:
        self._random = random.Random(seed)
        self._share = share
        self._kinds = kinds
        self.met: Counter[str] = Counter()

    def meet(self, name: str, do: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Do the call, or what goes wrong with it."""
        if self._random.random() >= self._share:
            return do(*arguments, **options)
        kind = self._random.choice(self._kinds)
        if kind in {"unanswered", "half"} and name not in _WRITES:
            kind = "lost"  # a question that was answered to nobody
        if kind == "half" and name not in _HALVED:
            kind = "unanswered"
        self.met[kind] += 1
        match kind:
            case "lost":
                raise _broken()
            case "unanswered":
                do(*arguments, **options)
                raise _broken()
            case "half":
                self._do_half(name, do, arguments, options)
                raise _broken()
            case "busy":
                raise _refused(self._random.choice([429, 502, 503, 504]))
            case _:
                if name in _HALVED and self._random.random() < 0.5:
                    self._do_half(name, do, arguments, options)
                raise _refused(500)

    def _do_half(self, name: str, do: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        place = _HALVED[name]
        batch = arguments[place]
        half = batch[: self._random.randint(0, len(batch))]
        if half:
            do(*arguments[:place], half, *arguments[place + 1 :], **options)


def _broken() -> ResponseHandlingException:
    return ResponseHandlingException(httpx.ReadTimeout("timed out"))


def _refused(status: int) -> UnexpectedResponse:
    return UnexpectedResponse(status, "made by the test", b"{}", httpx.Headers())
