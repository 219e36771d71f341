"""The compose file does what the documentation promises of it; no Docker is needed to try that."""

from __future__ import annotations

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def services() -> dict[str, Any]:
    """The services of docker-compose.yml by name."""
    return dict(yaml.safe_load((_ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"])


def test_the_server_fits_the_client(services: dict[str, Any]) -> None:
    """Qdrant's image is pinned to the minor version of the client that was tested."""
    tag = services["qdrant"]["image"].partition(":v")[2]
    assert tag.split(".")[:2] == version("qdrant-client").split(".")[:2]


def test_scans_are_read_only_and_keys_are_asked_for(services: dict[str, Any]) -> None:
    """The service can't change a scan or its own root file system, and nothing starts without keys."""
    quire = services["quire"]
    assert any(volume.endswith(":/scans:ro") for volume in quire["volumes"])
    assert quire["read_only"] is True
    assert (quire["cap_drop"], quire["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert quire["environment"]["QUIRE_API_KEYS"].startswith("${QUIRE_API_KEYS:?")
    assert quire["environment"]["QUIRE_QDRANT_API_KEY"] == services["qdrant"]["environment"]["QDRANT__SERVICE__API_KEY"]
    assert quire["depends_on"]["qdrant"]["condition"] == "service_healthy"
    assert "USER quire" in (_ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_tells_ready_from_not(services: dict[str, Any], status: int, healthy: bool) -> None:
    """The very command of the compose file, run against a server that answers so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        _, *command = services["qdrant"]["healthcheck"]["test"]
        port = str(server.server_address[1])
        done = subprocess.run(
            [part.replace("$$", "$").replace("6333", port) for part in command], timeout=10, check=False
        )
        server.shutdown()
        thread.join(5)
    assert (done.returncode == 0) is healthy


def test_the_image_is_built_from_what_is_there() -> None:
    """Every path the Dockerfile copies exists and passes .dockerignore."""
    let_in = {line[1:] for line in (_ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in (_ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (_ROOT / source).exists()
                assert source in let_in
