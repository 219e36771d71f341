"""Spans of requests and of their stages, for OpenTelemetry; none where nobody asked for them.

A request's span has its stages as children. A forward pass belongs to several requests at once: its span is linked to theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from indexer.errors import UsageError
from indexer.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Link, Span, Tracer

_SERVICE = "quire"
_SILENT = {"record_exception": False, "set_status_on_exception": False}
"""What an exception says may hold paths and names; the log has it, and a collector may be anybody's."""


def create_provider(settings: Settings) -> TracerProvider | None:
    """What sends spans to the collector of the settings, in the background; None where they name none.

    Raises:
        UsageError: the packages for it are not installed.
    """
    if settings.otlp_endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as exc:
        raise UsageError(
            "QUIRE_OTLP_ENDPOINT is set, but OpenTelemetry is not installed. Install quire[otel], or leave it out."
        ) from exc
    provider = TracerProvider(resource=Resource.create({"service.name": _SERVICE}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class Tracing:
    """The spans of one app. `close` it, so that the last ones are sent."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._tracer: Tracer | None = provider.get_tracer(_SERVICE) if provider else None

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[Span | None]:
        """A request's span, below that of whoever sent it, if its `traceparent` says so; name it when its route is known."""
        if self._tracer is None:
            yield None
            return
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        above = TraceContextTextMapPropagator().extract(dict(headers))
        with self._tracer.start_as_current_span("request", context=above, kind=SpanKind.SERVER, **_SILENT) as span:
            yield span

    @contextmanager
    def stage(self, name: str, *, links: Sequence[Link] = ()) -> Iterator[None]:
        """The span of a stage, below that of the request that it is done for."""
        if self._tracer is None:
            yield
            return
        from opentelemetry.trace import StatusCode

        with self._tracer.start_as_current_span(name, links=links, **_SILENT) as span:
            try:
                yield
            except BaseException:
                span.set_status(StatusCode.ERROR)
                raise

    def here(self) -> Link | None:
        """A link to the span that this is done for."""
        if self._tracer is None:
            return None
        from opentelemetry.trace import Link, get_current_span

        return Link(get_current_span().get_span_context())

    def close(self) -> None:
        """Send what is left, for as long as the collector's time-out; safe to call twice."""
        if self._provider is not None:
            self._provider.shutdown()


def end_request(span: Span | None, *, method: str, route: str, status: int, request_id: str) -> None:
    """Say what came of a request: never its query, nor what it carried."""
    if span is None:
        return
    from opentelemetry.trace import StatusCode

    span.update_name(f"{method} {route}")
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "quire.request_id": request_id,
        }
    )
    if status >= 500:
        span.set_status(StatusCode.ERROR)
