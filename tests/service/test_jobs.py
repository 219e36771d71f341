"""Long work over HTTP: queued, watched, stopped."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from support.service import KEYS, RW_KEY, FakeLibrary, open_client, wait_for

from indexer.errors import RootMissingError
from service.jobs import MAX_QUEUED, MAX_REMEMBERED

CLUSTER = {"kind": "cluster", "k": 4, "seed": 7}


def start(client: TestClient, body: dict[str, Any]) -> str:
    """Ask for a job; returns its id."""
    answer = client.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    return str(answer.json()["id"])


def watch(client: TestClient, job_id: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a job until its stream ends."""
    answer = client.get(f"/v1/jobs/{job_id}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = []
    for block in answer.text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        events.append((lines["event"], json.loads(lines["data"])))
    return events


def state_of(client: TestClient, job_id: str) -> str:
    """Where a job is now."""
    return str(client.get(f"/v1/jobs/{job_id}").json()["state"])


def test_a_job_ends_with_its_report() -> None:
    """The options reach the library, and the report comes back with the job."""
    library = FakeLibrary()
    with open_client(library) as client:
        job_id = start(client, CLUSTER)
        wait_for(lambda: state_of(client, job_id) == "done")
        job = client.get(f"/v1/jobs/{job_id}").json()
    assert (job["report"]["k"], job["who"], job["error"]) == (4, "tester", None)
    assert job["created"] <= job["started"] <= job["finished"]
    assert ("cluster", {"k": 4, "seed": 7}) in library.calls


def test_events_tell_how_a_job_goes_and_how_it_ended() -> None:
    """First its state, then its progress, at last its end with the report; then the stream is over."""
    library = FakeLibrary()
    library.steps, library.step_s = 3, 0.15
    with open_client(library) as client:
        events = watch(client, start(client, {"kind": "reindex", "model": "classic"}))
    names = [name for name, _ in events]
    assert names[0] == "state"
    assert names[-1] == "done"
    assert "progress" in names
    told = [job["progress"]["done"] for name, job in events if name == "progress"]
    assert told == sorted(told)
    assert events[-1][1]["report"]["added"] == 12


def test_the_events_of_a_job_that_is_over_are_its_end() -> None:
    """Who comes late still hears how it ended."""
    with open_client() as client:
        job_id = start(client, CLUSTER)
        wait_for(lambda: state_of(client, job_id) == "done")
        assert [name for name, _ in watch(client, job_id)] == ["done"]


def test_every_option_of_index_reaches_the_library(tmp_path: Path) -> None:
    """What `quire index` can be told, a job can be told."""
    library = FakeLibrary(tmp_path)
    options = {
        "label_from": "1",
        "limit": 5,
        "dry_run": True,
        "prune": True,
        "retry_skipped": True,
        "model": "classic",
        "views": ["head"],
        "part": "3/16",
        "blur_mix": [0, 4],
        "weights": [2, 1],
    }
    paths = {"metadata": str(tmp_path / "m.csv"), "checkpoint": str(tmp_path / "w.pt")}
    with open_client(library) as client:
        watch(client, start(client, {"kind": "index", "roots": [str(tmp_path)], **options, **paths}))
    expected = {"roots": [tmp_path], **options, **{name: Path(path) for name, path in paths.items()}}
    assert ("index", expected) in library.calls


def test_jobs_run_one_at_a_time_in_order() -> None:
    """The second waits until the first is over."""
    library = FakeLibrary()
    library.release = threading.Event()
    with open_client(library) as client:
        first, second = start(client, CLUSTER), start(client, CLUSTER)
        wait_for(lambda: state_of(client, first) == "running")
        assert state_of(client, second) == "queued"
        library.release.set()
        wait_for(lambda: state_of(client, second) == "done")
        assert [job["id"] for job in client.get("/v1/jobs").json()] == [second, first]


def test_a_running_job_can_be_stopped() -> None:
    """It ends at its next sign of progress, as cancelled, without an error."""
    library = FakeLibrary()
    library.release = threading.Event()
    with open_client(library) as client:
        job_id = start(client, CLUSTER)
        wait_for(lambda: state_of(client, job_id) == "running")
        assert client.delete(f"/v1/jobs/{job_id}").status_code == 200
        wait_for(lambda: state_of(client, job_id) == "cancelled")
        job = client.delete(f"/v1/jobs/{job_id}").json()
        assert (job["state"], job["error"], job["report"]) == ("cancelled", None, None)


def test_a_waiting_job_can_be_stopped() -> None:
    """It never starts."""
    library = FakeLibrary()
    library.release = threading.Event()
    with open_client(library) as client:
        first, second = start(client, CLUSTER), start(client, {"kind": "reindex"})
        assert client.delete(f"/v1/jobs/{second}").json()["state"] == "cancelled"
        library.release.set()
        wait_for(lambda: state_of(client, first) == "done")
    assert "reindex" not in [name for name, _ in library.calls]


@pytest.mark.parametrize(
    ("fault", "code", "detail"),
    [
        (RootMissingError("No folder /scans."), "root-missing", "No folder /scans."),
        (RuntimeError("secret"), "internal", None),
    ],
)
def test_a_job_that_fails_says_why(fault: Exception, code: str, detail: str | None) -> None:
    """An error of the library comes with its words, any other without; the next job runs."""
    library = FakeLibrary()
    library.faults["index"] = fault
    with open_client(library) as client:
        name, job = watch(client, start(client, {"kind": "index"}))[-1]
        assert (name, job["error"]["code"]) == ("failed", code)
        assert detail is None or job["error"]["detail"] == detail
        assert "secret" not in json.dumps(job)
        assert watch(client, start(client, CLUSTER))[-1][0] == "done"


def test_so_many_jobs_wait_and_no_more() -> None:
    """One more than the queue holds is told to come again."""
    library = FakeLibrary()
    library.release = threading.Event()
    with open_client(library) as client:
        running = start(client, CLUSTER)
        wait_for(lambda: state_of(client, running) == "running")
        for _ in range(MAX_QUEUED):
            start(client, CLUSTER)
        answer = client.post("/v1/jobs", json=CLUSTER)
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")


def test_old_jobs_are_forgotten() -> None:
    """Of jobs that are over, only the last hundred are told of."""
    library = FakeLibrary()
    library.steps = 0
    with open_client(library) as client:
        for _ in range(MAX_REMEMBERED + 5):
            job_id = start(client, CLUSTER)
            wait_for(lambda: state_of(client, job_id) == "done")  # noqa: B023
        assert len(client.get("/v1/jobs").json()) == MAX_REMEMBERED + 1


def test_names_wait_for_no_job() -> None:
    """While a job writes, a change is refused at once instead of holding the line for hours."""
    library = FakeLibrary()
    library.release = threading.Event()
    with open_client(library) as client:
        job_id = start(client, CLUSTER)
        wait_for(lambda: state_of(client, job_id) == "running")
        answer = client.put("/v1/clusters/1/group", json={"group": "a"})
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert client.get("/v1/pages").status_code == 200


def test_closing_the_service_stops_its_jobs() -> None:
    """What runs is stopped, what waits is dropped, and a library that was handed in stays open."""
    library = FakeLibrary()
    library.release = threading.Event()
    with open_client(library) as client:
        job_id = start(client, CLUSTER)
        start(client, {"kind": "reindex"})
        wait_for(lambda: state_of(client, job_id) == "running")
    assert [name for name, _ in library.calls if name in ("cluster", "reindex")] == ["cluster"]
    assert not library.is_closed


class TestPaths:
    """Which folders a job may name."""

    def refused(self, body: dict[str, Any], library: FakeLibrary, **settings: Any) -> str | None:
        """The code with which a job is refused for a client on another machine, if it is."""
        settings = {"host": "0.0.0.0", "api_keys": KEYS, "client": "192.168.1.9", **settings}
        with open_client(library, **settings) as client:
            answer = client.post("/v1/jobs", json=body, headers={"X-API-Key": RW_KEY})
            return None if answer.status_code == 202 else str(answer.json()["code"])

    def test_near_clients_may_name_any_folder(self, tmp_path: Path) -> None:
        """On this machine, at a service that listens nowhere else, it is as on the command line."""
        with open_client() as client:
            assert client.post("/v1/jobs", json={"kind": "index", "roots": [str(tmp_path)]}).status_code == 202

    def test_known_roots_and_what_lies_in_them_are_allowed(self, tmp_path: Path) -> None:
        """A folder below a root of the library will do."""
        library = FakeLibrary(tmp_path)
        assert self.refused({"kind": "index", "roots": [str(tmp_path), str(tmp_path / "box1")]}, library) is None
        assert self.refused({"kind": "index"}, library) is None

    @pytest.mark.parametrize("field", ["metadata", "checkpoint"])
    def test_files_outside_are_refused(self, tmp_path: Path, field: str) -> None:
        """Tables and weights are files of this machine, too."""
        assert self.refused({"kind": "index", field: "/etc/passwd"}, FakeLibrary(tmp_path)) == "path-not-allowed"

    def test_folders_outside_are_refused_whatever_their_spelling(self, tmp_path: Path) -> None:
        """Dots, links and names that only begin alike lead nowhere."""
        root, outside = tmp_path / "scans", tmp_path / "scans-secret"
        root.mkdir()
        outside.mkdir()
        (root / "link").symlink_to(outside)
        for path in ("/", "/etc", str(outside), f"{root}/../scans-secret", f"{root}/link"):
            assert self.refused({"kind": "index", "roots": [path]}, FakeLibrary(root)) == "path-not-allowed"

    def test_configured_folders_are_allowed(self, tmp_path: Path) -> None:
        """QUIRE_ALLOWED_ROOTS names folders beside the known roots."""
        body = {"kind": "index", "roots": [str(tmp_path / "new")]}
        assert self.refused(body, FakeLibrary(), allowed_roots=f"/elsewhere, {tmp_path}") is None

    def test_backups_are_written_for_clients_on_this_machine_only(self, tmp_path: Path) -> None:
        """Even into a root of the library."""
        body = {"kind": "backup", "file": str(tmp_path / "b.tar")}
        assert self.refused(body, FakeLibrary(tmp_path)) == "path-not-allowed"
        assert self.refused({"kind": "check"}, FakeLibrary(tmp_path)) is None

    def test_relative_paths_are_refused(self) -> None:
        """The service is in another folder than its client."""
        assert self.refused({"kind": "index", "roots": ["scans"]}, FakeLibrary()) == "usage"

    @pytest.mark.parametrize(
        "model", ["local-dir:/etc", "open_clip:ViT-B-32//etc/passwd", "timm:../x", "open_clip:ViT-B-32/../../x"]
    )
    def test_models_are_names_not_places(self, model: str) -> None:
        """A model's name can't smuggle in a path."""
        assert self.refused({"kind": "reindex", "model": model}, FakeLibrary()) == "path-not-allowed"

    @pytest.mark.parametrize(
        "model",
        [
            "classic",
            "open_clip:ViT-B-32/laion2b_s34b_b79k",
            "open_clip:hf-hub:laion/CLIP-ViT-B-32",
            "timm:vit_small_patch14_dinov2.lvd142m",
        ],
    )
    def test_names_of_models_pass(self, model: str) -> None:
        """Real names are not caught by that."""
        assert self.refused({"kind": "reindex", "model": model}, FakeLibrary()) is None

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
    def test_what_comes_through_a_proxy_is_not_near(self, header: str) -> None:
        """A proxy on this machine does not lend its nearness to its clients."""
        with open_client() as client:
            answer = client.post("/v1/jobs", json={"kind": "index", "roots": ["/etc"]}, headers={header: "192.168.1.9"})
            assert answer.json()["code"] == "path-not-allowed"
