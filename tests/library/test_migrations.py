"""Libraries of earlier versions are opened, and are of the present one from then on; those of later ones are refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from support.library import draw_pages, settings_in
from support.servers import server_in_memory

from indexer.errors import ConflictError, LibraryDamagedError
from indexer.library import Library
from indexer.library.manifest import manifest_from_document
from indexer.library.migrations import SCHEMA_VERSION, STEPS, upgrade

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")

FIRST = """# Quire writes the [library] table.
[library]
name = "library"
generation = 1
run = 0
k = 0
seed = 0
applying = false
applied_entry = 0
schema_version = 1
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A library as version 1 left it: no identity."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([draw_pages(tmp_path / "scans", each=1)])
    _make_old(tmp_path / "library/quire.toml")
    return tmp_path / "library"


def test_there_is_a_step_from_each_version() -> None:
    """To the next, up to the present one."""
    assert list(STEPS) == list(range(1, SCHEMA_VERSION))


def test_a_document_of_the_first_version_is_read() -> None:
    """As it stood in a file of that time; what is not new is as it was."""
    document = tomllib.loads(FIRST)["library"]
    manifest = manifest_from_document(document, place="here")
    assert (manifest.schema_version, manifest.generation, len(manifest.identity)) == (SCHEMA_VERSION, 1, 32)
    assert upgrade({"identity": "x", "schema_version": SCHEMA_VERSION}, version=SCHEMA_VERSION)["identity"] == "x"


def test_an_old_library_is_brought_up_once(old: Path) -> None:
    """When it is first opened; then it stays what it became, with its pages, its settings and a person's remarks."""
    file = old / "quire.toml"
    file.write_text(file.read_text() + "\n# mine\n[settings]\nunknown_share = 0.05\n")
    with Library.open(settings_in(old, model=None)) as library:
        identity = library.manifest.identity
        assert library.status().schema_version == SCHEMA_VERSION
        assert library.index().unchanged == 4
        assert library.check().findings == []
    with Library.open(settings_in(old, model=None)) as library:
        assert library.manifest.identity == identity
    assert "# mine" in file.read_text()


def test_services_that_meet_an_old_library_on_a_server_agree(tmp_path: Path) -> None:
    """Whoever is first brings it up; the others take what it became."""
    with server_in_memory() as server:
        settings = settings_in(tmp_path / "library", qdrant_url=server.url, name=server.name)
        with Library.open(settings, create=True) as library:
            library.index([draw_pages(tmp_path / "scans", each=1)])
            document = dict(library.records.load("manifest") or {})
            del document["identity"]
            library.records.save("manifest", {**document, "schema_version": 1})
        with Library.open(settings) as one, Library.open(settings) as two:
            assert one.manifest.identity == two.manifest.identity != ""


def test_another_library_of_the_same_scans_is_no_copy(tmp_path: Path) -> None:
    """Both are of one root, and nobody has decided anything in either: only their identities tell them apart."""
    scans = draw_pages(tmp_path / "scans", each=1)
    for name in ("one", "two"):
        with Library.open(settings_in(tmp_path / name), create=True) as library:
            library.index([scans])
    with Library.open(settings_in(tmp_path / "one", model=None)) as one:
        with pytest.raises(ConflictError, match="another library"):
            one.relocate(str(tmp_path / "two"), switch=False)
        one.relocate(str(tmp_path / "copy"), switch=False)
        one.relocate(str(tmp_path / "copy"), switch=False)


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_a_version_that_is_not_known_is_refused(old: Path, version: int) -> None:
    """And nothing is written."""
    file = old / "quire.toml"
    file.write_text(file.read_text().replace("schema_version = 1", f"schema_version = {version}"))
    before = file.read_bytes()
    with pytest.raises(LibraryDamagedError, match=f"schema version {version}"):
        Library.open(settings_in(old, model=None))
    assert file.read_bytes() == before


def _make_old(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("identity")]
    text = "\n".join(lines).replace(f"schema_version = {SCHEMA_VERSION}", "schema_version = 1")
    assert "schema_version = 1" in text
    file.write_text(text + "\n")
