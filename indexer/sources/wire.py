"""Messages between this process and those that decode for it: JSON and bytes, over a socket.

Never pickle: what comes back was made by a process that has just read a stranger's file, and must not be able to run anything here.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEAD = struct.Struct(">IQ")
"""Bytes of JSON, then bytes of the blob after it."""
_MOST_JSON_BYTES = 64 * 1024


class BrokenWireError(Exception):
    """The other side went away."""


class NonsenseError(Exception):
    """The other side answers, and breaks the rules."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """What came: named values, bytes uint8 [N], and perhaps an open file, which is the receiver's to close."""

    values: Mapping[str, Any]
    blob: NDArray[np.uint8]
    descriptor: int | None = None


def send(
    channel: socket.socket,
    values: Mapping[str, object],
    *,
    blob: bytes | memoryview = b"",
    descriptor: int | None = None,
    until_s: float | None = None,
) -> None:
    """Send one message, and with it an open file.

    Raises:
        TimeoutError: the other side did not take it until then, by `time.monotonic`.
        OSError: the other side is gone.
    """
    text = json.dumps(values).encode()
    head = _HEAD.pack(len(text), len(blob)) + text
    _set_deadline(channel, until_s)
    if descriptor is None:
        channel.sendall(head)
    else:
        sent = socket.send_fds(channel, [head], [descriptor])
        channel.sendall(head[sent:])
    if len(blob):
        _set_deadline(channel, until_s)
        channel.sendall(blob)


def receive(channel: socket.socket, *, most_bytes: int, until_s: float | None = None) -> Message | None:
    """The next message, or None where the other side has ended in order.

    Raises:
        TimeoutError: it was not complete until then, by `time.monotonic`.
        BrokenWireError: it stops in the middle.
        NonsenseError: it is no message of ours, or holds more than `most_bytes`.
    """
    _set_deadline(channel, until_s)
    begun, descriptors, *_ = socket.recv_fds(channel, _HEAD.size, 1)
    if not begun:
        return None
    try:
        values, blob = _receive_rest(channel, begun, most_bytes=most_bytes, until_s=until_s)
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return Message(values, blob, descriptors[0] if descriptors else None)


def _receive_rest(
    channel: socket.socket, begun: bytes, *, most_bytes: int, until_s: float | None
) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    head = begun + bytes(_receive(channel, _HEAD.size - len(begun), until_s))
    text_bytes, blob_bytes = _HEAD.unpack(head)
    if text_bytes > _MOST_JSON_BYTES or blob_bytes > most_bytes:
        raise NonsenseError(f"a message of {text_bytes} and {blob_bytes} bytes")
    try:
        values = json.loads(bytes(_receive(channel, text_bytes, until_s)))
    except (ValueError, RecursionError) as exc:
        raise NonsenseError("a message that is no JSON") from exc
    if not isinstance(values, dict):
        raise NonsenseError("a message without names")
    return values, _receive(channel, blob_bytes, until_s)


def _receive(channel: socket.socket, size: int, until_s: float | None) -> NDArray[np.uint8]:
    block = np.empty(size, dtype=np.uint8)
    rest = block.data
    while rest:
        _set_deadline(channel, until_s)
        count = channel.recv_into(rest)
        if not count:
            raise BrokenWireError("a message that stops in the middle")
        rest = rest[count:]
    return block


def _set_deadline(channel: socket.socket, until_s: float | None) -> None:
    if until_s is None:
        channel.settimeout(None)
        return
    left_s = until_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    channel.settimeout(left_s)
