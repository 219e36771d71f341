"""The whole job on real scans, with the installed command: index, cluster, name, classify, find, reindex, serve."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.command import Quire, Service, quire_path, serving

from indexer.cli.exits import DONE_WITH_SKIPS, EXIT_STATUSES

pytestmark = pytest.mark.data

DATA = Path(os.environ.get("QUIRE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
KINDS = ("comic", "diagram", "printed", "typed")
EACH = 15
K = 8
_UNDER_WAY = re.compile(r"^quire_uploads_under_way [1-9]", re.MULTILINE)
LIMITS = {"QUIRE_USER": "ann", "OMP_NUM_THREADS": "2"}


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty real pages of four kinds, and one file that was cut off."""
    place = tmp_path_factory.mktemp("real") / "scans"
    for kind in KINDS:
        files = sorted((DATA / "categories" / kind).iterdir())
        assert len(files) > EACH, f"The real pages are not at {DATA}; set QUIRE_TEST_DATA."
        (place / kind).mkdir(parents=True)
        for file in files[:EACH]:
            shutil.copy(file, place / kind)
    whole = next((place / "comic").iterdir()).read_bytes()
    (place / "comic" / "zz-torn.jpg").write_bytes(whole[: len(whole) // 3])
    return place


@pytest.fixture(scope="session")
def quire(scans: Path) -> Quire:
    """The command on a library of those pages, indexed and clustered."""
    quire = Quire(scans.parent / "library", bare=True, **LIMITS)
    first = quire.json("index", scans, "--model", "classic", status=DONE_WITH_SKIPS)
    assert first["added"] == EACH * len(KINDS)
    assert [skip["path"] for skip in first["skipped"]] == ["comic/zz-torn.jpg"]
    clustered = quire.json("cluster", "-k", K)
    assert sum(cluster["size"] for cluster in clustered["clusters"]) == EACH * len(KINDS)
    return quire


@pytest.fixture(scope="session")
def named(quire: Quire) -> dict[int, str]:
    """Each cluster named for the kind that most of its exemplars are, by as many decisions as there are kinds."""
    names = {}
    for cluster in quire.json("clusters"):
        kinds = Counter(path.split("/")[0] for path in cluster["exemplar_paths"])
        names[int(cluster["cluster"])] = kinds.most_common(1)[0][0]
    for group in sorted(set(names.values())):
        numbers = [number for number, kind in names.items() if kind == group]
        report = quire.json("name", *numbers, group)
        assert report["clusters"] == sorted(numbers)
    return names


@pytest.fixture(scope="class")
def served(quire: Quire, named: dict[int, str]) -> Iterator[Service]:
    """The library behind a running service."""
    with serving(quire) as service:
        yield service


def _all_pages(quire: Quire, *options: str) -> list[dict[str, Any]]:
    return list(quire.json("pages", "--limit", "1000", *options)["pages"])


def test_a_second_index_reads_nothing_again(quire: Quire) -> None:
    """What is known and unchanged stays as it is, and the torn file is still told of."""
    report = quire.json("index", status=DONE_WITH_SKIPS)
    assert (report["added"], report["changed"], report["unchanged"]) == (0, 0, EACH * len(KINDS))
    assert [skip["path"] for skip in report["skipped"]] == ["comic/zz-torn.jpg"]


def test_several_k_are_compared_and_nothing_is_written(quire: Quire) -> None:
    """More clusters lie closer to their pages; the run stays the one it was."""
    run = quire.json("status")["run"]
    four, eight = quire.json("cluster", "-k", "4,8")
    assert (four["k"], eight["k"]) == (4, 8)
    assert eight["inertia"] < four["inertia"]
    assert -1 <= four["silhouette"] <= 1
    assert quire.json("status")["run"] == run


def test_the_same_seed_gives_the_same_clusters(quire: Quire, scans: Path, tmp_path: Path) -> None:
    """A second library of the same pages is clustered alike."""
    other = Quire(tmp_path / "library", bare=True, **LIMITS)
    other.ok("index", scans, "--model", "classic", status=DONE_WITH_SKIPS)
    other.ok("cluster", "-k", K)
    assert {page["path"]: page["cluster"] for page in _all_pages(other)} == {
        page["path"]: page["cluster"] for page in _all_pages(quire)
    }


def test_each_cluster_gets_a_contact_sheet(quire: Quire, tmp_path: Path) -> None:
    """`--sheets` writes one picture for each cluster."""
    quire.ok("clusters", "--sheets", tmp_path / "sheets")
    assert len(list((tmp_path / "sheets").glob("*.png"))) == K


def test_a_known_page_is_put_where_it_is(quire: Quire, scans: Path, named: dict[int, str]) -> None:
    """Classifying pages of the library gives the cluster and group that they have there."""
    known = {page["path"]: page for page in _all_pages(quire)}
    paths = [path for path in known if path.endswith(("1.jpg", "2.jpg"))][:6]
    answer = quire.json("classify", *(scans / path for path in paths))
    for found, path in zip(answer["pages"], paths, strict=True):
        assert (found["cluster"], found["group"]) == (known[path]["cluster"], known[path]["group"])
        assert found["margin"] >= 0


def test_most_new_pages_come_into_the_group_of_their_kind(quire: Quire, named: dict[int, str]) -> None:
    """Forty pages that were never indexed: far more are put right than the 10 that chance would."""
    fresh = [file for kind in KINDS for file in sorted((DATA / "categories" / kind).iterdir())[EACH : EACH + 10]]
    answer = quire.json("classify", *fresh)["pages"]
    right = sum(page["group"] == Path(page["name"]).parent.name for page in answer)
    assert right >= 26, f"{right} of {len(fresh)}"


def test_similar_pages_obey_the_filter(quire: Quire, scans: Path) -> None:
    """A page of the library finds itself first, and only pages that the filter lets through."""
    scan = sorted((scans / "diagram").iterdir())[0]
    found = quire.json("similar", scan, "--filter", "label=diagram", "--limit", "5")["pages"][0]["pages"]
    assert found[0]["page"]["path"] == f"diagram/{scan.name}"
    assert found[0]["similarity"] > 0.999
    assert {one["page"]["label"] for one in found} == {"diagram"}
    assert [one["similarity"] for one in found] == sorted((one["similarity"] for one in found), reverse=True)


def test_a_new_model_keeps_groups_and_refuses_the_old_one(quire: Quire, named: dict[int, str], tmp_path: Path) -> None:
    """After a reindex no page has lost the name it had, unless that is asked about; vectors of two models never meet."""
    shutil.copytree(quire.library, tmp_path / "library")
    other = Quire(tmp_path / "library", bare=True, **LIMITS)
    before = {page["path"]: page["group"] for page in _all_pages(other)}
    report = other.json("reindex", "--model", "pixels:16", status=DONE_WITH_SKIPS)
    assert report["model"]["name"] == "pixels:16"
    after = {page["path"]: page["group"] for page in _all_pages(other)}
    assert after.keys() == before.keys()
    kept = sum(after[path] == group for path, group in before.items())
    assert kept >= 0.9 * len(before), f"{kept} of {len(before)}"
    refused = other("index", "--model", "classic")
    assert refused.status == EXIT_STATUSES["model-mismatch"]


def test_a_torn_scan_is_told_and_the_others_are_answered(quire: Quire, scans: Path) -> None:
    """One unreadable file among those asked about: status 3, its reason on stderr, the rest on stdout."""
    torn = scans / "comic" / "zz-torn.jpg"
    ran = quire("classify", torn, sorted((scans / "typed").iterdir())[0], "--json")
    assert ran.status == DONE_WITH_SKIPS
    assert len(ran.json["pages"]) == 1
    assert "zz-torn.jpg" in ran.err


class TestThroughTheService:
    """One writer: while a service holds the library, the same commands hand it their work."""

    def test_status_is_that_of_the_library(self, served: Service, quire: Quire) -> None:
        """The command asks the service, which holds the lock, and prints the same."""
        status = quire.json("status")
        assert status["pages"] == EACH * len(KINDS)
        assert status == httpx.get(f"{served.address}/v1/status", trust_env=False).json()

    def test_new_pages_are_indexed_and_found(self, served: Service, quire: Quire, scans: Path) -> None:
        """`quire index` of one more file is a job of the service, with its progress shown; the page is there at once."""
        extra = sorted((DATA / "categories" / "comic").iterdir())[EACH + 2]
        shutil.copy(extra, scans / "comic")
        ran = quire("index", "--json")
        (scans / "comic" / extra.name).unlink()
        assert ran.status == DONE_WITH_SKIPS
        assert ran.json["added"] == 1
        assert "indexing" in ran.err
        jobs = httpx.get(f"{served.address}/v1/jobs", trust_env=False).json()
        assert [job["state"] for job in jobs if job["kind"] == "index"][-1] == "done"
        found = quire.json("similar", extra, "--limit", "1")["pages"][0]["pages"][0]
        assert found["page"]["path"] == f"comic/{extra.name}"
        assert quire.json("index", "--prune", status=DONE_WITH_SKIPS)["removed"] == 1

    def test_naming_and_taking_back(self, served: Service, quire: Quire) -> None:
        """A name given by the command is the service's at once; `undo` brings back the one before."""

        def ask() -> str | None:
            clusters = httpx.get(f"{served.address}/v1/clusters", trust_env=False).json()
            return next(one["group"] for one in clusters if one["cluster"] == 0)

        before = ask()
        quire.ok("name", "0", "something else")
        assert ask() == "something else"
        quire.ok("undo")
        assert ask() == before

    def test_answers_are_those_of_the_library_itself(self, served: Service, quire: Quire, scans: Path) -> None:
        """`classify` and `similar` print the same as when the command opens the library."""
        scan = sorted((scans / "printed").iterdir())[0]
        found = quire.json("classify", scan)["pages"][0]
        with scan.open("rb") as file:
            answer = httpx.post(f"{served.address}/v1/classify", files={"file": file}, trust_env=False).json()
        assert (found["cluster"], found["group"]) == (answer["pages"][0]["cluster"], answer["pages"][0]["group"])
        nearest = quire.json("similar", scan, "--limit", "1")["pages"][0]["pages"][0]
        assert nearest["page"]["path"] == f"printed/{scan.name}"

    def test_clustering_keeps_names(self, served: Service, quire: Quire, named: dict[int, str]) -> None:
        """The same k and seed through the service: a new run, the same clusters, the same names."""
        run = quire.json("status")["run"]
        report = quire.json("cluster", "-k", K)
        assert report["run"] == run + 1
        assert {one["cluster"]: one["group"] for one in report["clusters"]} == named

    def test_errors_come_back_as_they_are(self, served: Service, quire: Quire) -> None:
        """An error that the service meets leaves the command with the same message and status as without a service."""
        for code, arguments in (
            ("cluster-missing", ["name", "99", "nobody"]),
            ("filter", ["pages", "--filter", "colour=red"]),
            ("model-mismatch", ["index", "--model", "pixels"]),
            ("root-missing", ["index", "/no/such/folder"]),
        ):
            ran = quire(*arguments)
            assert (ran.status, ran.out) == (EXIT_STATUSES[code], ""), ran.err
            assert ran.err.splitlines()[-1].startswith("quire: ")

    def test_a_second_service_is_refused(self, served: Service, quire: Quire) -> None:
        """The library is held; the message says by whom."""
        ran = quire("serve", "--port", "0", timeout_s=60)
        assert ran.status == EXIT_STATUSES["library-busy"]
        assert served.address in ran.err


def test_a_service_told_to_end_finishes_what_it_took(quire: Quire, named: dict[int, str], scans: Path) -> None:
    """SIGTERM while an upload is under way: it is answered, then the service ends, and the library is free again."""
    answers: list[int] = []
    files = [("file", (file.name, file.read_bytes())) for file in sorted((scans / "typed").iterdir())]

    def ask(address: str) -> None:
        answers.append(httpx.post(f"{address}/v1/classify", files=files, timeout=60, trust_env=False).status_code)

    with serving(quire) as service:
        asking = threading.Thread(target=ask, args=(service.address,))
        asking.start()
        _await_upload(service)
        service.process.send_signal(signal.SIGTERM)
        asking.join(60)
        assert service.stop() in (0, -signal.SIGTERM)
    assert answers == [200]
    assert quire.json("status")["pages"] == EACH * len(KINDS)


def test_a_library_held_by_another_command_is_busy(scans: Path, tmp_path: Path) -> None:
    """While one process indexes, a second is told so and leaves with the status for it."""
    quire = Quire(tmp_path / "library", bare=True, **LIMITS)
    command = [quire_path(), "index", str(scans), "--model", "classic"]
    with subprocess.Popen(
        command, env=quire.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stderr is not None
        first.stderr.readline()  # It tells of its progress, so it has the library; and there it stops for a while.
        first.send_signal(signal.SIGSTOP)
        try:
            second = quire("status")
        finally:
            first.send_signal(signal.SIGCONT)
        first.stderr.read()
    assert first.returncode == DONE_WITH_SKIPS
    assert second.status == EXIT_STATUSES["library-busy"], second.out
    assert "in use" in second.err


def _await_upload(service: Service) -> None:
    """Until the service has the upload in hand."""
    import time

    for _ in range(1000):
        text = httpx.get(f"{service.address}/metrics", trust_env=False).text
        if _UNDER_WAY.search(text):
            return
        time.sleep(0.002)
    raise AssertionError("The upload never came in.")
