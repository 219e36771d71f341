"""Uploads share forward passes, and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from support.service import FakeLibrary, open_client, scan, wait_for

from indexer.values import Matrix, Pixels
from service.batching import Batcher
from service.errors import HttpProblem
from service.metrics import Metrics


class Model:
    """Embeds a page as its first value; keeps what it was given, and waits where told."""

    def __init__(self) -> None:
        self.passes: list[list[int]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.busy = threading.Event()
        self.threads: set[int] = set()

    def embed(self, prepared: Sequence[Pixels]) -> Matrix:
        """One value to each page; 13 is refused."""
        values = [int(pixels[0, 0, 0]) for pixels in prepared]
        self.passes.append(values)
        self.threads.add(threading.get_ident())
        self.busy.set()
        assert self.hold.wait(5)
        if 13 in values:
            raise ValueError("13 is no page")
        return np.array([[value] for value in values], dtype=np.float32)


@contextmanager
def open_batcher(
    embed: Callable[[Sequence[Pixels]], Matrix], *, wait_s: float = 0.0, max_pages: int = 32
) -> Iterator[Batcher]:
    """A batcher that is closed at the end."""
    batcher = Batcher(embed, metrics=Metrics(), wait_s=wait_s, max_pages=max_pages)
    try:
        yield batcher
    finally:
        batcher.close()


def pages(*values: int) -> list[Pixels]:
    """Prepared pages of one pixel each."""
    return [np.full((1, 1, 3), value, dtype=np.uint8) for value in values]


def values_of(future: Future[Matrix]) -> list[float]:
    """What came back."""
    return [float(value) for value in future.result(5)[:, 0]]


def test_what_arrives_while_the_model_is_busy_shares_the_next_pass() -> None:
    """One pass for the first, one for all others, each with its own pages back in order."""
    model = Model()
    model.hold.clear()
    with open_batcher(model.embed) as batcher:
        first = batcher.submit(pages(1))
        assert model.busy.wait(5)
        others = [batcher.submit(pages(2, 3)), batcher.submit(pages(4)), batcher.submit(pages(5, 6))]
        model.hold.set()
        assert [values_of(one) for one in (first, *others)] == [[1], [2, 3], [4], [5, 6]]
    assert model.passes == [[1], [2, 3, 4, 5, 6]]
    assert len(model.threads) == 1


def test_a_lone_upload_does_not_wait() -> None:
    """With nobody else on the way, the pass starts at once, however long the wait may be."""
    with open_batcher(Model().embed, wait_s=30.0) as batcher:
        assert values_of(batcher.submit(pages(1))) == [1]


def test_the_pass_waits_for_uploads_that_are_being_decoded() -> None:
    """One that is on its way is waited for, and shares the pass."""
    model = Model()
    with open_batcher(model.embed, wait_s=30.0) as batcher:
        with batcher.coming():
            first = batcher.submit(pages(1))
            time.sleep(0.05)
            assert model.passes == []
            second = batcher.submit(pages(2))
        assert (values_of(first), values_of(second)) == ([1], [2])
    assert model.passes == [[1, 2]]


def test_the_wait_is_bounded() -> None:
    """One that is decoded for ever does not hold up the others."""
    with open_batcher(Model().embed, wait_s=0.02) as batcher, batcher.coming():
        assert values_of(batcher.submit(pages(1))) == [1]


def test_a_pass_takes_so_many_pages_and_no_more() -> None:
    """Whole uploads go together while they fit; a larger one goes alone."""
    model = Model()
    model.hold.clear()
    with open_batcher(model.embed, max_pages=3) as batcher:
        wishes = [batcher.submit(pages(1))]
        assert model.busy.wait(5)
        wishes += [batcher.submit(pages(*some)) for some in ([2, 3], [4], [5, 6, 7, 8], [9])]
        model.hold.set()
        assert [values_of(one) for one in wishes] == [[1], [2, 3], [4], [5, 6, 7, 8], [9]]
    assert model.passes == [[1], [2, 3, 4], [5, 6, 7, 8], [9]]


def test_a_bad_page_spoils_its_own_upload_only() -> None:
    """When a shared pass fails, each upload gets one of its own."""
    model = Model()
    model.hold.clear()
    with open_batcher(model.embed) as batcher:
        wishes = [batcher.submit(pages(1))]
        assert model.busy.wait(5)
        wishes += [batcher.submit(pages(value)) for value in (2, 13, 3)]
        model.hold.set()
        with pytest.raises(ValueError, match="13 is no page"):
            wishes[2].result(5)
        assert [values_of(wishes[n]) for n in (0, 1, 3)] == [[1], [2], [3]]


def test_an_upload_that_was_given_up_is_not_embedded() -> None:
    """A cancelled wish costs nothing, and its neighbours are answered."""
    model = Model()
    model.hold.clear()
    with open_batcher(model.embed) as batcher:
        batcher.submit(pages(1))
        assert model.busy.wait(5)
        given_up, other = batcher.submit(pages(2)), batcher.submit(pages(3))
        assert given_up.cancel()
        model.hold.set()
        assert values_of(other) == [3]
    assert model.passes == [[1], [3]]


def test_closing_finishes_what_was_handed_in() -> None:
    """Nothing that was taken is dropped, and nothing more is taken."""
    model = Model()
    model.hold.clear()
    batcher = Batcher(model.embed, metrics=Metrics(), wait_s=30.0)
    wishes = [batcher.submit(pages(1))]
    assert model.busy.wait(5)
    wishes.append(batcher.submit(pages(2)))
    closing = threading.Thread(target=batcher.close)
    closing.start()
    model.hold.set()
    closing.join(5)
    assert [values_of(one) for one in wishes] == [[1], [2]]
    with pytest.raises(HttpProblem, match="shutting down"):
        batcher.submit(pages(3))


@pytest.mark.parametrize(("batching", "expected"), [(True, [1, 5]), (False, [1, 1, 1, 1, 1, 1])])
def test_concurrent_requests_share_a_pass_where_that_is_on(batching: bool, expected: list[int]) -> None:
    """Six clients at once: one pass each, or one for the first and one for all others."""
    library = FakeLibrary()
    hold = threading.Event()
    library.on_embed = lambda prepared: _wait(hold)
    with open_client(library, batching=batching) as client, ThreadPoolExecutor(6) as pool:
        first = pool.submit(client.post, "/v1/similar", files=[scan("0.png", bytes([0, 0, 0]))])
        wait_for(lambda: len(library.batches) == 1)
        others = [
            pool.submit(client.post, "/v1/similar", files=[scan(f"{n}.png", bytes([n * 40, 0, 0]))])
            for n in range(1, 6)
        ]
        wait_for(lambda: sum(name == "read_uploads" for name, _ in library.calls) == 6)
        time.sleep(0.05)
        hold.set()
        answers = [one.result().json()["pages"][0] for one in (first, *others)]
    assert library.batches == expected
    assert [answer["name"] for answer in answers] == [f"{n}.png" for n in range(6)]
    assert [answer["pages"][0]["similarity"] for answer in answers] == sorted(
        answer["pages"][0]["similarity"] for answer in answers
    )


def _wait(event: threading.Event) -> None:
    assert event.wait(5)
