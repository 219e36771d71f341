"""One way to call a Qdrant server: again when it stumbles, and with errors that say what to do."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

import grpc  # type: ignore[import-untyped]
from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from indexer.errors import StoreError, StoreUnreachableError

T = TypeVar("T")

_TRANSIENT_HTTP = {408, 429, 502, 503, 504}
_TRANSIENT_GRPC = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
}
_REFUSED_GRPC = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}


class Connection:
    """A client and its URL. Every call is safe to repeat, so it is repeated when the server is briefly not there."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = 30,
        prefer_grpc: bool = False,
        client: QdrantClient | None = None,
        attempts: int = 4,
        backoff_s: float = 0.25,
    ) -> None:
        self.url = url
        self.attempts = attempts
        self.backoff_s = backoff_s
        self._owned = client is None
        self.client = client or self._connect(api_key, timeout_s, prefer_grpc)

    def call(self, what: str, action: Callable[[QdrantClient], T]) -> T:
        """What `action` returns; waits 0.25, 0.5, 1 s (and some chance) between attempts.

        Raises:
            StoreUnreachableError: no answer, again and again.
            StoreError: the server refuses or fails.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return action(self.client)
            except (QdrantException, ApiException, grpc.RpcError, ValueError) as exc:
                if attempt == self.attempts or not _is_transient(exc):
                    raise self._converted(what, exc) from exc
            time.sleep(self.backoff_s * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Let go of the client, if it was made here; safe to call twice."""
        if self._owned:
            self._owned = False
            self.client.close()

    def _connect(self, api_key: str | None, timeout_s: float, prefer_grpc: bool) -> QdrantClient:
        try:
            return QdrantClient(
                url=self.url,
                api_key=api_key,
                timeout=max(1, round(timeout_s)),
                prefer_grpc=prefer_grpc,
                check_compatibility=False,
            )
        except (ValueError, QdrantException) as exc:
            raise StoreError(
                f"The Qdrant address {self.url!r} can't be used: {exc}. Write it like http://localhost:6333."
            ) from exc

    def _converted(self, what: str, exc: Exception) -> StoreError:
        if _is_refusal(exc):
            return StoreError(
                f"The Qdrant server at {self.url} refused the key when asked to {what}. "
                "Set QUIRE_QDRANT_API_KEY to a key with write access."
            )
        if isinstance(exc, ResponseHandlingException) or (_is_transient(exc) and isinstance(exc, grpc.RpcError)):
            return StoreUnreachableError(
                f"The Qdrant server at {self.url} does not answer ({_reason(exc)}) when asked to {what}. "
                "Start it (docker compose up -d qdrant), or check QUIRE_QDRANT_URL and the network."
            )
        return StoreError(f"The Qdrant server at {self.url} could not {what}: {_reason(exc)}. Its log says more.")


def _is_transient(exc: Exception) -> bool:
    if isinstance(exc, UnexpectedResponse):
        return exc.status_code in _TRANSIENT_HTTP
    if isinstance(exc, grpc.RpcError):
        return _grpc_code(exc) in _TRANSIENT_GRPC
    return isinstance(exc, ResponseHandlingException | ResourceExhaustedResponse)


def _is_refusal(exc: Exception) -> bool:
    if isinstance(exc, UnexpectedResponse):
        return exc.status_code in {401, 403}
    return isinstance(exc, grpc.RpcError) and _grpc_code(exc) in _REFUSED_GRPC


def _grpc_code(exc: Any) -> Any:
    return exc.code() if hasattr(exc, "code") else None


def _reason(exc: Any) -> str:
    if isinstance(exc, UnexpectedResponse):
        return f"HTTP {exc.status_code} {exc.content.decode('utf-8', 'replace')[:300]}".strip()
    if isinstance(exc, grpc.RpcError):
        return str(exc.details()) if hasattr(exc, "details") else type(exc).__name__
    return str(exc) or type(exc).__name__
