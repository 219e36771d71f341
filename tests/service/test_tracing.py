"""Whoever has OpenTelemetry sees each request with its stages; whoever has none notices nothing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support.service import KEYS, RW_KEY, FakeLibrary, make_settings, open_client, page_id_of, scan, wait_for

from indexer.errors import StoreError, UsageError
from service.app import create_app

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"


@contextmanager
def traced(library: FakeLibrary | None = None, **settings: Any) -> Iterator[tuple[TestClient, InMemorySpanExporter]]:
    """A client of an app whose spans end up in memory."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = create_app(make_settings(**settings), library=library or FakeLibrary(), tracer_provider=provider)  # type: ignore[arg-type]
    with TestClient(
        app, base_url="http://127.0.0.1:8765", client=("127.0.0.1", 1), raise_server_exceptions=False
    ) as client:
        yield client, exporter


def spans_of(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """Finished spans by name, of which each is expected once."""
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert len(spans) == len(exporter.get_finished_spans())
    return spans


def test_a_request_is_a_span_and_its_stages_lie_below() -> None:
    """It hangs below the caller's own span; the forward pass, which may be several requests', is linked to it."""
    with traced() as (client, exporter):
        headers = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01", "X-Request-ID": "abc"}
        client.post("/v1/similar?limit=3", files=[scan()], headers=headers)
        wait_for(lambda: len(exporter.get_finished_spans()) == 5)
    spans = spans_of(exporter)
    request = spans["POST /v1/similar"]
    assert (f"{request.context.trace_id:032x}", f"{request.parent.span_id:016x}") == (TRACE_ID, PARENT_ID)
    assert dict(request.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/similar",
        "http.response.status_code": 200,
        "quire.request_id": "abc",
    }
    for stage in ("decode", "search", "payload"):
        assert spans[stage].parent.span_id == request.context.span_id, stage
    (link,) = spans["forward"].links
    assert link.context.span_id == request.context.span_id


def test_a_shared_forward_pass_is_linked_to_all_its_requests() -> None:
    """Uploads that waited for the same pass."""
    library, hold = FakeLibrary(), threading.Event()
    library.on_embed = lambda prepared: hold.wait(60)
    with traced(library) as (client, exporter), ThreadPoolExecutor(3) as pool:
        uploads = [pool.submit(client.post, "/v1/similar", files=[scan()])]
        wait_for(lambda: library.batches == [1])
        uploads += [pool.submit(client.post, "/v1/similar", files=[scan()]) for _ in range(2)]
        wait_for(lambda: 'quire_waiting{queue="model"} 2.0' in client.get("/metrics").text)
        hold.set()
        assert [one.result().status_code for one in uploads] == [200] * 3
        wait_for(lambda: len([span for span in exporter.get_finished_spans() if span.name == "forward"]) == 2)
    links = [len(span.links) for span in exporter.get_finished_spans() if span.name == "forward"]
    assert links == [1, 2]


def test_what_fails_is_marked_and_nothing_private_is_in_a_span() -> None:
    """A 5xx is an error; neither query nor key nor an unknown address makes a span's name or attribute."""
    library = FakeLibrary()
    library.faults["page_image"] = StoreError("a private path")
    with traced(library, api_keys=KEYS) as (client, exporter):
        client.get(f"/v1/pages/{page_id_of(1)}/image?side_px=17", headers={"X-API-Key": RW_KEY})
        client.request("ODD", "/private/address", headers={"X-API-Key": "secret"})
    stage, failed, odd = exporter.get_finished_spans()
    assert (stage.name, stage.status.is_ok) == ("image", False)
    assert (failed.name, failed.status.is_ok) == ("GET /v1/pages/{page_id}/image", False)
    assert (odd.name, odd.status.is_ok, odd.attributes["http.response.status_code"]) == ("other none", True, 401)
    told = "".join(span.to_json() for span in (stage, failed, odd))
    for private in ("private", "secret", "side_px", RW_KEY):
        assert private not in told


def test_spans_are_sent_to_the_collector_and_the_last_ones_when_the_service_ends() -> None:
    """By OTLP over HTTP, as the setting says."""
    bodies: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with open_client(otlp_endpoint=f"http://127.0.0.1:{server.server_address[1]}/") as client:
            client.get("/v1/status")
        server.shutdown()
        thread.join()
    assert {path for path, _ in bodies} == {"/v1/traces"}
    sent = b"".join(body for _, body in bodies)
    assert b"GET /v1/status" in sent
    assert b"quire" in sent


def test_without_the_packages_the_setting_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And without the setting they are not missed."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(UsageError, match=r"quire\[otel\]"):
        create_app(make_settings(otlp_endpoint="http://127.0.0.1:4318"))
    with open_client() as client:
        assert client.get("/v1/status").status_code == 200
