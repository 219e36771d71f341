"""Whether the library answers, and what, asked once for all who want to know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread

from indexer.errors import QuireError, StoreUnreachableError

ANSWER_S = 4.0
"""A store that takes longer is as good as gone; whoever probes has a time limit too."""
_FRESH_S = 0.5
"""An answer as old as this will do: probes need no key, so they must not be a way to keep the store busy."""

T = TypeVar("T")


class Probe(Generic[T]):
    """One question to the library, in a thread of its own: asked once at a time, however many want to know and however long it takes."""

    def __init__(self, ask: Callable[[], T], *, answer_s: float = ANSWER_S, fresh_s: float = _FRESH_S) -> None:
        self._ask = ask
        self._answer_s = answer_s
        self._fresh_s = fresh_s
        self._limiter = CapacityLimiter(1)
        self._asking: asyncio.Task[T | QuireError] | None = None
        self._answered_s = 0.0

    async def check(self) -> T:
        """What the library answers, or answered a moment ago.

        Raises:
            QuireError: what it answered instead.
            StoreUnreachableError: no answer came in time.
        """
        asking = self._asking
        if asking is None or (asking.done() and time.monotonic() - self._answered_s > self._fresh_s):
            asking = self._asking = asyncio.create_task(self._ask_once())
        await asyncio.wait({asking}, timeout=self._answer_s)
        if not asking.done():
            raise StoreUnreachableError(f"The store has not answered for {self._answer_s:g} seconds.")
        answer = asking.result()
        if isinstance(answer, QuireError):
            raise answer
        return answer

    async def _ask_once(self) -> T | QuireError:
        """An error comes back as a value: nobody may be left who waits for it."""
        try:
            return await to_thread.run_sync(self._ask, limiter=self._limiter)
        except QuireError as exc:
            return exc
        finally:
            self._answered_s = time.monotonic()
