"""Too much at once, or too often, is refused at once; what waits too long is sent away; and probes answer all the same."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.service import KEYS, RO_KEY, RW_KEY, FakeLibrary, open_client, page_id_of, scan, wait_for

from indexer.errors import StoreError, StoreUnreachableError
from service.readiness import Probe
from service.turns import Rate

IMAGE = f"/v1/pages/{page_id_of(1)}/image"


class SlowLibrary(FakeLibrary):
    """Its pictures take until `hold` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.hold = threading.Event()

    def page_image(self, page_id: str, *, side_px: int = 2048) -> bytes:
        """In its own time."""
        assert self.hold.wait(60)
        return super().page_image(page_id, side_px=side_px)


def test_requests_beyond_so_many_are_told_to_come_again_and_probes_answer() -> None:
    """While as many as allowed are under way, one more gets 503 at once; whoever watches still sees in."""
    library = SlowLibrary()
    with open_client(library, max_requests=3, workers=1) as client, ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(client.get, IMAGE) for _ in range(3)]
        wait_for(lambda: "quire_requests_under_way 3.0" in client.get("/metrics").text)
        assert 'quire_waiting{queue="decode"} 2.0' in client.get("/metrics").text
        refused = client.get("/v1/jobs")
        assert (refused.json()["code"], refused.headers["retry-after"]) == ("overloaded", "2")
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        library.hold.set()
        assert [one.result().status_code for one in waiting] == [200] * 3
        assert client.get("/v1/jobs").status_code == 200


def test_what_waits_too_long_for_its_turn_is_sent_away() -> None:
    """Nobody waits for ever; what has begun is finished."""
    library = SlowLibrary()
    with open_client(library, workers=1, max_wait_s=0.2) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.get, IMAGE)
        wait_for(lambda: "quire_requests_under_way 1.0" in client.get("/metrics").text)
        late = client.get(IMAGE)
        assert (late.status_code, late.json()["code"]) == (503, "overloaded")
        library.hold.set()
        assert first.result().status_code == 200
        assert client.get(IMAGE).status_code == 200


def test_changes_wait_for_each_other_and_beyond_so_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten who name clusters at once are all answered; with four at work and six waiting, one more is told to come again."""
    monkeypatch.setattr("service.state.MOST_WAITING_CHANGES", 6)
    hold = threading.Event()

    class Slow(FakeLibrary):
        def name_clusters(self, *given: Any, **more: Any) -> Any:
            _wait(hold)
            return super().name_clusters(*given, **more)

    def name(number: int) -> int:
        return int(client.put("/v1/clusters/0/group", json={"group": f"group {number}"}).status_code)

    with open_client(Slow()) as client, ThreadPoolExecutor(10) as pool:
        waiting = [pool.submit(name, number) for number in range(10)]
        wait_for(lambda: "quire_requests_under_way 10.0" in client.get("/metrics").text)
        assert name(10) == 503
        hold.set()
        assert [one.result() for one in waiting] == [200] * 10


def test_pages_beyond_so_many_do_not_wait_for_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepared pages take memory: with the room full, an upload is told to come again."""
    monkeypatch.setattr("service.batching.MAX_WAITING_PAGES", 3)
    library = FakeLibrary()
    hold = threading.Event()
    library.on_embed = lambda prepared: _wait(hold)
    with open_client(library) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(client.post, "/v1/similar", files=[scan()])
        wait_for(lambda: library.batches == [1])
        second = pool.submit(client.post, "/v1/similar", files=[scan()] * 2)
        wait_for(lambda: 'quire_waiting{queue="model"} 2.0' in client.get("/metrics").text)
        assert client.post("/v1/similar", files=[scan()] * 2).json()["code"] == "overloaded"
        hold.set()
        assert [one.result().status_code for one in (first, second)] == [200, 200]


def test_what_waits_too_long_for_the_model_is_sent_away() -> None:
    """And its pages are not embedded for nobody; what has begun is finished."""
    library, hold = FakeLibrary(), threading.Event()
    library.on_embed = lambda prepared: _wait(hold)
    with open_client(library, max_wait_s=1.5) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/v1/similar", files=[scan()])
        wait_for(lambda: library.batches == [1])
        late = client.post("/v1/similar", files=[scan()] * 2)
        assert (late.status_code, late.json()["code"]) == (503, "overloaded")
        hold.set()
        assert first.result().status_code == 200
        assert client.post("/v1/similar", files=[scan()] * 3).status_code == 200
    assert library.batches == [1, 3]


def test_bodies_beyond_so_many_bytes_do_not_lie_about() -> None:
    """Uploads that wait fill the disk for temporary files only so far."""
    library = FakeLibrary()
    hold = threading.Event()
    library.on_embed = lambda prepared: _wait(hold)
    with open_client(library, max_upload_bytes=1000) as client, ThreadPoolExecutor(9) as pool:
        waiting = [pool.submit(client.post, "/v1/similar", files=[scan(data=b"x" * 800)]) for _ in range(9)]
        wait_for(lambda: sum(one.done() for one in waiting) == 1)
        hold.set()
        codes = sorted(one.result().status_code for one in waiting)
        assert codes == [200] * 8 + [503]
        assert client.post("/v1/similar", files=[scan(data=b"x" * 800)]).status_code == 200


def test_a_client_that_asks_too_often_is_told_when_to_come_again() -> None:
    """Each key has a share of its own."""
    with open_client(api_keys=KEYS, max_requests_per_minute=6) as client:

        def ask(key: str) -> int:
            return client.get("/v1/jobs", headers={"X-API-Key": key}).status_code

        statuses = [ask(RO_KEY) for _ in range(4)]
        assert (statuses[0], statuses[-1]) == (200, 429)
        answer = client.get("/v1/jobs", headers={"X-API-Key": RO_KEY})
        assert answer.json()["code"] == "too-many-requests"
        assert 1 <= int(answer.headers["retry-after"]) <= 10
        assert client.get("/healthz").status_code == 200
        assert ask(RW_KEY) == 200


def test_without_keys_an_address_is_a_client_but_this_machine_is_none() -> None:
    """What a local page asks of a local service is nobody else's load."""
    with open_client(max_requests_per_minute=1) as near:
        assert {near.get("/v1/jobs").status_code for _ in range(20)} == {200}
    with open_client(max_requests_per_minute=1, insecure=True, host="0.0.0.0", client="10.1.1.1") as far:
        assert [far.get("/v1/jobs").status_code for _ in range(3)] == [200, 429, 429]


def test_the_rate_is_even_after_a_burst() -> None:
    """A quiet client may ask as much as in ten seconds at once, then one by one; what was refused does not count."""
    clock = [0.0]
    rate = Rate(60, now=lambda: clock[0])
    taken = [rate.take("a") for _ in range(13)]
    assert taken[:11] == [0.0] * 11
    assert taken[11] == taken[12] == pytest.approx(1.0)
    assert rate.take("b") == 0.0
    clock[0] = 1.0
    assert [rate.take("a") > 0 for _ in range(2)] == [False, True]
    clock[0] = 100.0
    assert [rate.take("a") for _ in range(11)] == [0.0] * 11
    assert Rate(0).take("a") == 0.0


def test_only_so_many_clients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was quiet for longest is forgotten."""
    monkeypatch.setattr("service.turns._CLIENTS", 2)
    rate = Rate(1, now=lambda: 0.0)
    assert [rate.take(client) for client in "abcb"][:3] == [0.0] * 3
    assert rate.take("b") > 0
    assert rate.take("a") == 0


def test_many_who_ask_whether_the_store_answers_ask_it_once() -> None:
    """And the answer is kept for a moment, good or bad."""
    asked = []

    def ask() -> int:
        asked.append(1)
        if len(asked) > 1:
            raise StoreError("broken")
        return 7

    async def run() -> None:
        kept = Probe(ask, fresh_s=60)
        assert await asyncio.gather(*(kept.check() for _ in range(20)), kept.check()) == [7] * 21
        assert len(asked) == 1
        fresh = Probe(ask, fresh_s=0)
        for _ in range(2):
            with pytest.raises(StoreError, match="broken"):
                await fresh.check()
        assert len(asked) == 3

    asyncio.run(run())


def test_a_store_that_hangs_keeps_no_probe_waiting() -> None:
    """It is called unreachable in time, and no second question waits behind the first."""
    hold = threading.Event()
    asked = []

    def ask() -> None:
        asked.append(1)
        assert hold.wait(60)

    async def run() -> None:
        probe = Probe(ask, answer_s=0.02, fresh_s=0)
        for _ in range(3):
            with pytest.raises(StoreUnreachableError):
                await probe.check()
        assert len(asked) == 1
        hold.set()
        probe = Probe(ask)
        await probe.check()

    asyncio.run(run())


def _wait(event: threading.Event) -> None:
    assert event.wait(60)
