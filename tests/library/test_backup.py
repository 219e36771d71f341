"""What was backed up comes back as it was, and what was tampered with, cut short or hostile does not come at all."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.comparing import Near
from support.copying import copy_tree
from support.library import KINDS, draw_pages, settings_in
from support.servers import server_in_memory

from indexer.errors import ConflictError, LibraryDamagedError, UsageError
from indexer.filters import parse_filter
from indexer.library import Library
from indexer.library.backup import load_points
from indexer.library.restoring import restore_library, vector_spec_from
from indexer.progress import Progress
from indexer.settings import load_settings
from indexer.store.port import VectorSpec


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of twelve pages with names, a backup of it, and the scans; never changed."""
    place = tmp_path_factory.mktemp("made")
    draw_pages(place / "scans", each=3)
    with Library.open(settings_in(place / "library", model=None), create=True) as library:
        library.index([place / "scans"], model="pixels", views=["colour"])
        library.cluster(4)
        for kind in KINDS:
            number = int(next(iter(library.facet("cluster", where=parse_filter([f"label={kind}"])))))
            library.name_clusters([number], f"the {kind}")
    (place / "library/models").mkdir()
    (place / "library/models/mine.bin").write_bytes(b"weights")
    file = place / "library/quire.toml"
    file.write_text(file.read_text() + "\n# a remark\n[settings]\nunknown_share = 0.05\nqdrant_shards = 3\n")
    with Library.open(load_settings(library=place / "library")) as library:
        library.backup(place / "backup.tar")
    return place


def everything(directory: Path) -> dict[str, object]:
    """All points, what they are called, and the journal."""
    with Library.open(load_settings(library=directory)) as library:
        points = {
            one: (dict(payload), *(Near(matrix[row]) for matrix in batch.vectors.values()))
            for name in library.store.names()
            for batch in library.store.open(name).scroll(vectors=tuple(library.store.open(name).vectors))
            for row, (one, payload) in enumerate(zip(batch.ids, batch.payloads, strict=True))
        }
        return {"points": points, "entries": library.records.entries(), "clusters": library.clusters()}


def test_what_was_backed_up_comes_back(made: Path, tmp_path: Path) -> None:
    """Points, vectors, decisions, thumbnails, models, settings and remarks; the library goes on living."""
    report = restore_library(made / "backup.tar", tmp_path / "here/library")
    assert (report.pages, report.decisions, report.thumbnails) == (12, 5, 12)
    assert everything(tmp_path / "here/library") == everything(made / "library")
    assert (tmp_path / "here/library/models/mine.bin").read_bytes() == b"weights"
    assert "# a remark" in (tmp_path / "here/library/quire.toml").read_text()
    settings = load_settings(library=tmp_path / "here/library")
    assert (settings.unknown_share, settings.qdrant_shards) == (0.05, 3)
    with Library.open(settings) as library:
        assert library.check(deep=True).findings == []
        assert library.index().unchanged == 12
        library.undo()
        assert sum(library.status().groups.values()) == 9
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["library"]


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")
def test_a_backup_of_a_library_on_a_server_is_restored_here(made: Path, tmp_path: Path) -> None:
    """The file does not know where the vectors were."""
    copy_tree(made / "library", tmp_path / "library")
    settings = load_settings(library=tmp_path / "library")
    with server_in_memory() as server:
        with Library.open(settings) as library:
            library.relocate(server.url, name=server.name)
        with Library.open(load_settings(library=tmp_path / "library")) as library:
            library.backup(tmp_path / "backup.tar")
    restore_library(tmp_path / "backup.tar", tmp_path / "restored")
    assert everything(tmp_path / "restored") == everything(made / "library")


def test_reading_goes_on_and_deciding_waits(made: Path, tmp_path: Path) -> None:
    """What is in the file is the library at one moment: a decision made meanwhile comes after it."""
    copy_tree(made / "library", tmp_path / "library")
    with Library.open(load_settings(library=tmp_path / "library")) as library:
        began = threading.Event()
        seen: list[int] = []

        def decide() -> None:
            began.wait(30)
            library.name_clusters([0], "late")

        def watch(_event: Progress) -> None:
            began.set()
            seen.append(library.status().pages)

        thread = threading.Thread(target=decide)
        thread.start()
        report = library.backup(tmp_path / "backup.tar", progress=watch)
        thread.join(30)
        assert report.decisions == 5
        assert set(seen) == {12}
        assert library.status().groups["late"] == 3
    restore_library(tmp_path / "backup.tar", tmp_path / "restored")
    assert everything(tmp_path / "restored") == everything(made / "library")


def test_nothing_is_written_over(made: Path, tmp_path: Path) -> None:
    """Neither a file by a backup nor a library by a restore."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full/letter.txt").write_text("dear")
    with pytest.raises(ConflictError, match="not empty"):
        restore_library(made / "backup.tar", tmp_path / "full")
    with Library.open(load_settings(library=made / "library")) as library:
        with pytest.raises(ConflictError, match="exists already"):
            library.backup(made / "backup.tar")
        with pytest.raises(UsageError, match="no folder"):
            library.backup(tmp_path / "nowhere/backup.tar")
    with (
        Library.open(settings_in(tmp_path / "new"), create=True) as empty,
        pytest.raises(ConflictError, match="no pages"),
    ):
        empty.backup(tmp_path / "empty.tar")
    assert (tmp_path / "full/letter.txt").read_text() == "dear"
    assert not (tmp_path / "empty.tar").exists()


def test_a_backup_that_stops_leaves_nothing(made: Path, tmp_path: Path) -> None:
    """No half of a file under any name."""

    def stop(event: Progress) -> None:
        if "thumbnails" in event.stage:
            raise KeyboardInterrupt

    with Library.open(load_settings(library=made / "library")) as library, pytest.raises(KeyboardInterrupt):
        library.backup(tmp_path / "backup.tar", progress=stop)
    assert list(tmp_path.iterdir()) == []


Spoil = Callable[[Path], None]


def cut(file: Path) -> None:
    """The last tenth is missing."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 9 // 10])


def flip(file: Path) -> None:
    """One bit in the middle of a member's data is another."""
    with tarfile.open(file) as tar:
        member = next(info for info in tar if info.name.endswith(".webp"))
    data = bytearray(file.read_bytes())
    data[member.offset_data + member.size // 2] ^= 1
    file.write_bytes(data)


def add(name: str, data: bytes = b"x", **more: object) -> Spoil:
    """One more member before the others."""

    def spoil(file: Path) -> None:
        with tarfile.open(file) as old:
            members = [(info, old.extractfile(info).read()) for info in old]  # type: ignore[union-attr]
        info = tarfile.TarInfo(name)
        info.size = len(data)
        for key, value in more.items():
            setattr(info, key, value)
        with tarfile.open(file, "w") as new:
            new.addfile(info, io.BytesIO(data))
            for kept, content in members:
                new.addfile(kept, io.BytesIO(content))

    return spoil


def newer(file: Path) -> None:
    """Written by a Quire to come, with right sums."""
    with tarfile.open(file) as old:
        members = {info.name: old.extractfile(info).read() for info in old}  # type: ignore[union-attr]
    members["quire-backup.json"] = json.dumps({"format": 2}).encode()
    with tarfile.open(file, "w") as new:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            new.addfile(info, io.BytesIO(content))


SPOILT: dict[str, Spoil] = {
    "cut short": cut,
    "one bit": flip,
    "traversal": add("../../evil.txt"),
    "absolute": add("/tmp/evil-by-quire.txt"),
    "traversal inside": add("models/../../evil.txt"),
    "link": add("thumbnails/aa", b"", type=tarfile.SYMTYPE, linkname="/etc"),
    "hard link": add("models/passwd", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
    "device": add("models/null", b"", type=tarfile.CHRTYPE),
    "stranger": add("notes.txt"),
    "twice": add("decisions.jsonl", b""),
    "newer": newer,
    "no tar": lambda file: file.write_bytes(b"no tar at all" * 100) and None,
    "empty": lambda file: file.write_bytes(b"") and None,
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_backup_is_refused_and_leaves_nothing(made: Path, tmp_path: Path, how: str) -> None:
    """Whatever is wrong with it: the place is as it was, nothing lies beside it, and nothing was written elsewhere."""
    file = tmp_path / "store/backup.tar"
    file.parent.mkdir()
    file.write_bytes((made / "backup.tar").read_bytes())
    SPOILT[how](file)
    (tmp_path / "place").mkdir()
    with pytest.raises(LibraryDamagedError, match="Nothing was restored"):
        restore_library(file, tmp_path / "place/library")
    assert list((tmp_path / "place").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place", "store"]
    assert not Path("/tmp/evil-by-quire.txt").exists()


def test_points_run_no_code_and_are_not_unpacked() -> None:
    """A pickle, or a file that unpacks to more than it is, is refused."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, ids=np.zeros(10))
    with pytest.raises(ValueError, match="compressed"):
        load_points(buffer.getvalue())
    buffer = io.BytesIO()
    np.savez(buffer, ids=np.asarray([{"a": 1}], dtype=object), payloads=np.zeros(1))
    with pytest.raises(ValueError, match=r"allow_pickle|Expecting value|codec"):
        load_points(buffer.getvalue())


def test_backups_from_before_there_were_several_copies_to_search_are_read() -> None:
    """They told of the int8 copy with yes or no."""
    told: dict[str, object] = {"dimensions": 4, "datatype": "float16", "on_disk": True}
    assert vector_spec_from({**told, "quantized": True}) == VectorSpec(4, "float16", True, "int8")
    assert vector_spec_from({**told, "quantized": False}) == VectorSpec(4, "float16", True, "none")
    assert vector_spec_from({**told, "quantization": "binary"}).quantization == "binary"
