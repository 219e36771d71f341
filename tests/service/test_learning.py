"""Learning from labels over HTTP: jobs, what was learned, the comparison and its picture, labels of uploads."""

from __future__ import annotations

import pytest
from support.service import KEYS, RO_KEY, RW_KEY, FakeLibrary, open_client, scan, wait_for

from indexer.training.recipe import Recipe


def test_learning_and_comparing_are_jobs() -> None:
    """They run with the options asked for, and their reports say how good the labels are told."""
    library = FakeLibrary()
    with open_client(library) as client:
        reports = []
        for wish in ({"kind": "probe", "label": "group", "seed": 3}, {"kind": "evaluate", "suspects": 7}):
            job = client.post("/v1/jobs", json=wish).json()
            wait_for(lambda job=job: client.get(f"/v1/jobs/{job['id']}").json()["state"] == "done")
            reports.append(client.get(f"/v1/jobs/{job['id']}").json()["report"])
    assert reports[0]["quality"]["accuracy_interval"] == [0.5, 0.9]
    assert reports[1]["suspects"][0]["suggested"] == "art"
    asked = {name: options for name, options in library.calls if name in ("fit_probe", "evaluate")}
    assert asked["fit_probe"] == {"label": "group", "name": None, "keep_together": "auto", "seed": 3}
    assert asked["evaluate"]["suspects"] == 7


def test_the_comparison_is_there_once_it_was_made() -> None:
    """Null and no picture before; then the figures, and a PNG."""
    library = FakeLibrary()
    with open_client(library) as client:
        assert client.get("/v1/evaluation").json() is None
        assert client.get("/v1/evaluation/picture").json()["code"] == "learned-missing"
        library.learning.evaluate(progress=lambda event: None)
        assert client.get("/v1/evaluation").json()["methods"][1]["gain"] == 0
        picture = client.get("/v1/evaluation/picture")
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


def test_models_are_listed_and_removed_by_who_may_write() -> None:
    """A reading key sees them; removing takes a writing one; what is not there is said."""
    with open_client(api_keys=KEYS) as client:
        headers = {"X-API-Key": RO_KEY}
        listed = client.get("/v1/models", headers=headers).json()
        assert ([one["name"] for one in listed["models"]], listed["unfinished"]) == (["probe"], ["begun"])
        assert client.delete("/v1/models/probe", headers=headers).status_code == 403
    with open_client() as client:
        assert client.delete("/v1/models/probe").json() == {"name": "probe", "was_finished": True}
        assert client.delete("/v1/models/none").status_code == 404
        assert client.delete("/v1/models/..%2F..").status_code in (404, 422)


@pytest.mark.parametrize("own_embedder", [False, True])
def test_uploads_get_labels(own_embedder: bool) -> None:
    """By the library's vectors, whose forward pass is shared, or by a model that brings its own network."""
    library = FakeLibrary()
    library.learning.own_embedder = own_embedder
    with open_client(library) as client:
        answer = client.post(
            "/v1/classify", params={"by": "label", "unknown_share": 0.1}, files=[scan(), scan("b.png")]
        )
        refused = client.post("/v1/classify", params={"with": "probe"}, files=[scan()])
        missing = client.post("/v1/classify", params={"by": "label", "with": "other"}, files=[scan()])
    told = answer.json()
    assert (told["label"], told["method"], len(told["pages"])) == ("label", "probe", 2)
    assert told["pages"][0]["guess"]["label"] == "art"
    assert library.batches == ([] if own_embedder else [2])
    assert (refused.status_code, missing.status_code) == (400, 404)


def test_training_is_a_job_with_its_recipe() -> None:
    """Every choice reaches the library, what is not said is the default; a choice out of range is refused at once."""
    library = FakeLibrary()
    wish = {"kind": "finetune", "base": "timm:resnet18", "sizes": [256, 512], "epochs": 7, "seed": 3}
    with open_client(library) as client:
        job = client.post("/v1/jobs", json=wish).json()
        wait_for(lambda: client.get(f"/v1/jobs/{job['id']}").json()["state"] == "done")
        report = client.get(f"/v1/jobs/{job['id']}").json()["report"]
        refused = client.post("/v1/jobs", json={"kind": "finetune", "batch": 7})
    asked = next(options for name, options in library.calls if name == "finetune")
    assert asked["recipe"] == Recipe(sizes=(256, 512), epochs=7, seed=3)
    assert (asked["base"], asked["checkpoint"], asked["label"]) == ("timm:resnet18", None, "label")
    assert (report["nmi"], report["base_nmi"], report["history"][0]["kind"]) == (0.8, 0.7, "head")
    assert refused.status_code == 422


def test_a_base_or_checkpoint_elsewhere_on_the_machine_is_not_for_strangers() -> None:
    """As with reindexing: from another machine only what lies in a known root."""
    with open_client(api_keys=KEYS, host="0.0.0.0", client="10.0.0.9") as client:
        headers = {"X-API-Key": RW_KEY}
        for wish in ({"checkpoint": "/etc/passwd"}, {"base": "open_clip:ViT-B-32//etc/passwd"}):
            answer = client.post("/v1/jobs", json={"kind": "finetune", **wish}, headers=headers)
            assert answer.json()["code"] == "path-not-allowed"


def test_reports_and_their_pictures_are_served() -> None:
    """The figures as JSON, each picture as PNG; another name than the three is refused."""
    with open_client() as client:
        assert client.get("/v1/models/probe/report").json()["gain"] == 0.1
        picture = client.get("/v1/models/probe/pictures/training")
        assert (picture.headers["content-type"], picture.content[:4]) == ("image/png", b"\x89PNG")
        assert client.get("/v1/models/probe/pictures/secrets").status_code == 422
        assert client.get("/v1/models/none/report").status_code == 404
