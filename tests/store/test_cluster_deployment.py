"""The cluster's compose file and what it mounts fit together; no Docker is needed to try that."""

from __future__ import annotations

import json
import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.service import make_settings

from indexer.settings import Settings
from service.app import create_app
from service.metrics import LibrarySize, Metrics

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def compose() -> dict[str, Any]:
    """docker-compose.cluster.yml."""
    return dict(yaml.safe_load((_ROOT / "docker-compose.cluster.yml").read_text(encoding="utf-8")))


def test_three_nodes_form_one_cluster(compose: dict[str, Any]) -> None:
    """The first is joined by the others, all under their own address, with the image that fits the client."""
    nodes = {name: compose["services"][name] for name in ("qdrant-1", "qdrant-2", "qdrant-3")}
    for name, node in nodes.items():
        assert node["environment"]["QDRANT__CLUSTER__ENABLED"] == "true"
        assert node["command"][-2:] == ["--uri", f"http://{name}:6335"]
        assert ("--bootstrap" in node["command"]) is (name != "qdrant-1")
        assert node["image"].partition(":v")[2].split(".")[:2] == version("qdrant-client").split(".")[:2]
        assert node["volumes"] == [f"{name}:/qdrant/storage"]
    replicas = int(compose["services"]["quire-1"]["environment"]["QUIRE_QDRANT_REPLICAS"])
    consistency = int(compose["services"]["quire-1"]["environment"]["QUIRE_QDRANT_WRITE_CONSISTENCY"])
    assert replicas == len(nodes)
    assert consistency * 2 > replicas


def test_services_are_equal_and_locked_down(compose: dict[str, Any]) -> None:
    """Both replicas have the same settings, which all exist; scans and root file system are read-only; keys are asked for."""
    one, two = compose["services"]["quire-1"], compose["services"]["quire-2"]
    assert one == two
    known = {f"QUIRE_{name.upper()}" for name in Settings.model_fields}
    assert set(one["environment"]) <= known
    assert one["read_only"] is True
    assert (one["cap_drop"], one["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert all(compose["services"][name]["read_only"] for name in ("proxy", "qdrant-proxy"))
    assert any(volume.endswith(":/scans:ro") for volume in one["volumes"])
    assert one["environment"]["QUIRE_API_KEYS"].startswith("${QUIRE_API_KEYS:?")
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_everything_named_is_there(compose: dict[str, Any]) -> None:
    """Mounted files exist, volumes and secrets are declared, and proxies and Prometheus name services that there are."""
    services = compose["services"]
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (_ROOT / source).is_file() if source.startswith("./") else True
            assert source.startswith(("./", "${")) or source in compose["volumes"]
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        assert set(service.get("depends_on", [])) <= set(services)
    texts = [
        (_ROOT / "deploy" / name).read_text(encoding="utf-8") for name in ("nginx-quire.conf", "nginx-qdrant.conf")
    ]
    named = {host for text in texts for host in re.findall(r"^\s+server ([\w-]+):", text, re.MULTILINE)}
    scraped = yaml.safe_load((_ROOT / "deploy/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    named |= {target.split(":")[0] for job in scraped for group in job["static_configs"] for target in group["targets"]}
    assert named == {"quire-1", "quire-2", "qdrant-1", "qdrant-2", "qdrant-3"}
    for text in texts:
        assert text.count("{") == text.count("}")


def test_the_dashboard_shows_figures_that_there_are() -> None:
    """Every metric in it is one that the service gives, with the labels used."""
    metrics = Metrics()
    metrics.observe_stage("decode", 0.1)
    metrics.observe_request(method="GET", route="/", status=200, seconds=0.1)
    waiting = {"decode": 0}
    given = metrics.render(LibrarySize(1, 1, {"picture": 1}), jobs={}, waiting=waiting).decode()
    panels = json.loads((_ROOT / "deploy/grafana/quire.json").read_text(encoding="utf-8"))["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    names = {name for expression in expressions for name in re.findall(r"(?:quire|process)_\w+", expression)}
    assert len(names) >= 15
    for name in names:
        assert re.search(rf"^{name}(?:{{| )", given, re.MULTILINE), name
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_script_that_tries_the_cluster_fits_it(compose: dict[str, Any]) -> None:
    """It is valid bash, and the services, addresses, options and figures that it names are there."""
    script = _ROOT / "deploy/try-cluster"
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    named = set(
        re.findall(r"\b(?:stop --timeout 5|start|kill|up -d|exec -T|run --rm -T|inside) (q[\w-]+-\d|prometheus)", text)
    )
    assert {"qdrant-3", "quire-1", "quire-2", "prometheus"} <= named <= set(compose["services"])
    asked = {path.split("?")[0] for path in re.findall(r"(?<=[ \"])(/v1/[\w/-]+(?:\?[\w=]+)?)", text)}
    assert {"/v1/status", "/v1/names", "/v1/pages"} <= asked <= set(create_app(make_settings()).openapi()["paths"])
    needed = set(re.findall(r"\$\{(\w+):\?", (_ROOT / "docker-compose.cluster.yml").read_text(encoding="utf-8")))
    assert all(re.search(rf"\b{name}=", text) for name in needed), needed
    assert re.search(r"query=(quire_\w+)", text)[1].encode() in Metrics().render(None, jobs={}, waiting={})  # type: ignore[index]


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.cluster.yml"])
def test_compose_finds_the_files_valid(name: str) -> None:
    """By `docker compose config` where there is one; that they are YAML, and that all variables asked for are set here, elsewhere."""
    text = (_ROOT / name).read_text(encoding="utf-8")
    wanted = dict.fromkeys(re.findall(r"\$\{(\w+):\?", text), "a-value")
    assert {"SCANS", "QDRANT_KEY", "QUIRE_API_KEYS"} <= wanted.keys()
    assert {"services", "volumes", "name"} <= yaml.safe_load(text).keys()
    if subprocess.run(["sh", "-c", "docker compose version"], capture_output=True, check=False).returncode == 0:
        command = ["docker", "compose", "-f", name, "config", "--quiet"]
        done = subprocess.run(command, cwd=_ROOT, env=os.environ | wanted, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
