"""How uvicorn serves the app, and what a client may do to a connection.

uvicorn itself waits for ever for the head of a request, and for whoever does not read its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(H11Protocol):
    """uvicorn's protocol for HTTP/1.1, with limits."""

    head_s: ClassVar[float] = 20.0
    """Within this time from the connection's begin, or from the first byte after an answer, the next head must be there."""
    unread_s: ClassVar[float] = 60.0
    """An answer of which nothing was taken for so long is given up; one that goes out slowly is not."""
    most: ClassVar[int] = 1_000
    """Connections at once; more are closed unheard, so that files and the store keep their descriptors (1,024 by most systems' default)."""

    _head_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody came."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
            return
        self._head_timer = self.loop.call_later(self.head_s, self._end_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Somebody left."""
        self._stop_head_timer()
        self._stop_unread_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came: of a head, of a body that somebody reads (`BodyLimit` has its time), or of one that nobody wants any more."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_head_timer()
        elif self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(self.head_s, self._end_slow)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        super().pause_writing()
        self._look_again()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._stop_unread_timer()
        super().resume_writing()

    def _look_again(self) -> None:
        self._stop_unread_timer()
        unsent = self.transport.get_write_buffer_size()
        self._unread_timer = self.loop.call_later(self.unread_s, self._end_unread, unsent)

    def _end_unread(self, unsent_before: int) -> None:
        if self.transport.get_write_buffer_size() < unsent_before:
            self._look_again()
        else:
            self.transport.abort()

    def _end_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self.transport.close()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None


SERVER_OPTIONS: Mapping[str, object] = {
    "http": Connection,
    "ws": "none",
    # Else every client of this machine, a page in its browser among them, could say that it comes from elsewhere: who is near, how many
    # wrong keys came from an address, and what the log says of it would be theirs to choose.
    "proxy_headers": False,
    "server_header": False,
    "log_config": None,
    "access_log": False,
}
"""For `uvicorn.Config`; `quire serve` takes them by name."""
