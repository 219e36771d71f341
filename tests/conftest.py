"""What tests of several rooms share: a real service around a small real library."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Quire, serving
from support.library import draw_pages
from support.servers import Server, real_server, server_in_memory
from support.words import train_words_model

DATA = Path(os.environ.get("QUIRE_TEST_DATA") or Path(__file__).parents[2] / "shared/data")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on the real pages are skipped where these are not, but never in CI: a skip is not a pass."""
    if DATA.is_dir() or os.environ.get("CI"):
        return
    missing = pytest.mark.skip(reason=f"the real pages are not at {DATA}; QUIRE_TEST_DATA says where they are")
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(missing)


@pytest.fixture(scope="session")
def words_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a model with a text tower that knows what the pages of `draw_pages` show."""
    return train_words_model(tmp_path_factory.mktemp("words-model"))


@pytest.fixture(scope="session")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a `quire serve` on forty pages of four kinds, in four clusters without names."""
    place = tmp_path_factory.mktemp("live")
    scans = draw_pages(place / "scans", each=10)
    quire = Quire(place / "library", QUIRE_USER="tester")
    quire.ok("index", scans, "--model", "pixels")
    quire.ok("cluster", "-k", "4")
    with serving(quire) as service:
        yield service.address


@pytest.fixture(params=["memory", *(["real"] if "QDRANT_URL" in os.environ else [])])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """An empty place on a server."""
    with server_in_memory() if request.param == "memory" else real_server() as server:
        yield server
