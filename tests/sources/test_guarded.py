"""What a decoder does to itself, it does to nothing else."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from PIL import Image
from support.bad_decoders import OPENER, faulty
from support.scans import encoded, four_corners, heic, pages_tiff, pdf, shows_four_corners, write

from indexer.errors import DecoderError, PictureError, PictureTooLargeError
from indexer.sources import DecodedPage, DecodeLimits, Decoders, decode_bytes, wire
from indexer.sources.confine import landlock_version
from indexer.sources.guarded_file import Decoder
from indexer.sources.nursery import Child

MIB = 2**20


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    """Decoders that can be told to fail, with little time and memory; shared, so that each test finds what the others left."""
    made = Decoders(timeout_s=5.0, max_bytes=512 * MIB, opener=OPENER)
    yield made
    made.close()


@pytest.fixture(scope="module")
def hasty() -> Iterator[Decoders]:
    """The same with very little time."""
    made = Decoders(timeout_s=1.0, max_bytes=512 * MIB, opener=OPENER)
    yield made
    made.close()


def decode(decoders: Decoders, data: bytes) -> list[DecodedPage]:
    """All pages of an upload."""
    return decoders.decode_bytes(data, name="upload", max_side_px=64)


def codes(pages: list[DecodedPage]) -> list[str]:
    """`ok` or the code of each page."""
    return ["ok" if page.picture is not None else page.skip_code for page in pages]


def mothers() -> list[psutil.Process]:
    """The processes that fork decoders for the tests of this file, the newest last; what else is running here is left alone."""
    living = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in living if OPENER in one.cmdline()]


WHOLE = {
    "png": lambda: encoded(four_corners(), "PNG"),
    "jpeg": lambda: encoded(four_corners(), "JPEG", quality=95),
    "heic": lambda: heic(four_corners()),
    "avif": lambda: encoded(four_corners(), "AVIF", quality=95),
    "jpeg 2000": lambda: encoded(four_corners(), "JPEG2000"),
    "tiff of two pages": lambda: pages_tiff([four_corners()] * 2),
    "pdf of two pages": lambda: pdf([four_corners()] * 2),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_pages_are_the_same_as_without_a_guard(decoders: Decoders, tmp_path: Path, kind: str) -> None:
    """Pixels, sizes, numbers and hash, of a file and of an upload, in every format: what codecs need is not forbidden to them."""
    data = WHOLE[kind]()
    plain = decode_bytes(data, name="upload", max_side_px=64)
    with decoders.open_file(write(tmp_path / "page", data)) as opened:
        guarded = [opened.page(number, max_side_px=64) for number in range(1, opened.page_count + 1)]
        assert opened.sha256 == plain[0].sha256
    for page, upload, picture in zip(plain, decode(decoders, data), guarded, strict=True):
        assert page.picture is not None
        assert upload.picture is not None
        assert shows_four_corners(picture.pixels)
        assert (page.picture.pixels == picture.pixels).all()
        assert (page.picture.pixels == upload.picture.pixels).all()
        whole = page.picture
        assert (picture.width_px, picture.height_px) == (whole.width_px, whole.height_px)
        assert picture.page_number == page.page_number


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("crash", "crashed", "SIGSEGV"),
        ("null", "crashed", "SIGSEGV"),
        ("abort", "crashed", "SIGABRT"),
        ("leave", "crashed", "crashed the decoder"),
        ("killed", "memory", "QUIRE_MAX_PIXELS"),
        ("eat", "memory", "512 MiB"),
        ("bug", "unreadable", "KeyError"),
        ("refuse", "not-a-picture", "no picture"),
    ],
)
def test_a_page_that_ends_its_decoder_is_left_out_and_the_others_are_not(
    decoders: Decoders, fault: str, code: str, words: str
) -> None:
    """The pages before and after it come, and the reason says what happened."""
    pages = decode(decoders, faulty(pages=["ok", fault, "ok"]))
    assert codes(pages) == ["ok", code, "ok"]
    assert words in pages[1].skip_reason
    with pytest.raises(PictureError) as caught:
        decode(decoders, faulty(at_first=fault))
    assert caught.value.skip_code == code
    assert words in str(caught.value)
    assert codes(decode(decoders, faulty())) == ["ok"]


@pytest.mark.parametrize("fault", ["hang", "spin"])
def test_a_page_that_takes_for_ever_is_given_up(hasty: Decoders, fault: str) -> None:
    """Whether it waits or works, the time is the limit; and no process of it is left."""
    pages = decode(hasty, faulty(pages=[fault, "ok"]))
    assert codes(pages) == ["timeout", "ok"]
    assert "QUIRE_DECODE_TIMEOUT_S" in pages[0].skip_reason
    assert all(child.cpu_percent(0.05) < 50 for child in mothers()[-1].children())


def test_a_file_may_end_only_so_many_decoders(decoders: Decoders) -> None:
    """Then the rest of it is left out unread: thousands of bad pages must not take days."""
    told: list[str] = []
    decoders.on_death = told.append
    pages = decode(decoders, faulty(pages=["crash"] * 3 + ["ok"] * 2))
    decoders.on_death = lambda why: None
    assert codes(pages) == ["crashed"] * 5
    assert "left out" in pages[4].skip_reason
    assert told == ["crashed"] * 3


def test_uploads_share_the_time_that_they_were_given(hasty: Decoders) -> None:
    """What is not begun in time is not begun, and the decoder is none the worse."""
    late = time.monotonic() - 1
    with pytest.raises(PictureError, match="by itself") as caught:
        hasty.decode_bytes(faulty(), name="upload", max_side_px=64, until_s=late)
    assert caught.value.skip_code == "timeout"
    assert codes(decode(hasty, faulty())) == ["ok"]


def test_a_decoder_serves_many_files_and_a_dead_one_is_replaced_unnoticed(decoders: Decoders) -> None:
    """A process is used again; where the system killed it meanwhile, the file gets another."""
    first, second = (decode(decoders, faulty(pages=["pid"]))[0].picture for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.pixels == second.pixels).all()
    for mother in mothers():
        for process in mother.children():
            process.kill()
    assert codes(decode(decoders, faulty())) == ["ok"]


def test_a_mother_that_dies_is_replaced(decoders: Decoders) -> None:
    """Whatever the system kills for want of memory, between files or between pages: the file is not to blame, and loses no page."""
    for process in mothers():
        process.kill()
    assert codes(decode(decoders, faulty())) == ["ok"]
    told: list[str] = []
    decoders.on_death = told.append
    with decoders.open_data(faulty(pages=["ok"] * 6)) as opened:
        for number in range(1, opened.page_count + 1):
            for process in mothers():
                process.kill()
            assert opened.page(number, max_side_px=8).pixels.size
    decoders.on_death = lambda why: None
    assert not told


def test_many_threads_decode_at_once(decoders: Decoders) -> None:
    """Each with a process of its own, crashes among them, and each gets its own answer."""
    work = [faulty(pages=["ok", "crash", "ok"]), encoded(four_corners(), "PNG"), faulty(at_first="refuse")] * 8

    def one(data: bytes) -> list[str]:
        try:
            return codes(decode(decoders, data))
        except PictureError as exc:
            return [exc.skip_code]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, work))
    assert found == [["ok", "crashed", "ok"], ["ok"], ["not-a-picture"]] * 8


def test_limits_are_kept_on_both_sides(decoders: Decoders, tmp_path: Path) -> None:
    """Too many pixels, bytes or pages are refused with the reason, not with a crash."""
    data = encoded(four_corners(), "PNG")
    for limits in (DecodeLimits(max_pixels=100), DecodeLimits(max_bytes=10)):
        with pytest.raises(PictureTooLargeError):
            decoders.decode_bytes(data, name="u", max_side_px=8, limits=limits)
        with (
            pytest.raises(PictureTooLargeError),
            decoders.open_file(write(tmp_path / "p.png", data), limits=limits) as opened,
        ):
            opened.page(1, max_side_px=8)


def test_an_answer_that_breaks_the_rules_is_not_believed(decoders: Decoders) -> None:
    """More pages than were allowed, or a picture of another size than asked for: such a decoder may have been taken over."""
    few = DecodeLimits(max_pages_per_file=2)
    with pytest.raises(PictureError, match="nonsense") as caught:
        decoders.decode_bytes(faulty(at_first="lie", pages=["ok"] * 3), name="u", max_side_px=8, limits=few)
    assert caught.value.skip_code == "crashed"
    pages = decoders.decode_bytes(faulty(pages=["ok", "large", "ok"]), name="u", max_side_px=8)
    assert codes(pages) == ["ok", "crashed", "ok"]
    assert "nonsense" in pages[1].skip_reason


@pytest.mark.parametrize("answer", [{"page_count": 1}, {"page_count": "x" * 70_000}], ids=["whole", "nonsense"])
def test_files_that_a_decoder_hands_over_are_not_kept_open(answer: dict[str, object]) -> None:
    """One that a file has taken over could else use up all descriptors of the service."""
    ours, theirs = socket.socketpair()
    with ours, theirs, Path(os.devnull).open("rb") as file:
        before = psutil.Process().num_fds()
        wire.send(theirs, answer, descriptor=file.fileno())
        with pytest.raises(wire.NonsenseError):
            Decoder(Child(pid=0, channel=ours, mother=None)).ask({"page": 1}, until_s=time.monotonic() + 60)
        assert psutil.Process().num_fds() == before


def test_a_decoder_with_a_heavy_past_is_not_used_again(decoders: Decoders) -> None:
    """The next file shall have the memory to itself."""
    big = encoded(Image.new("RGB", (9000, 9000)), "PNG", compress_level=1)
    before = decode(decoders, faulty(pages=["pid"]))[0].picture
    assert codes(decode(decoders, big)) == ["ok"]
    after = decode(decoders, faulty(pages=["pid"]))[0].picture
    assert before is not None
    assert after is not None
    assert (before.pixels != after.pixels).any()


def test_a_decoder_reads_no_other_file_writes_none_and_calls_nobody(decoders: Decoders, tmp_path: Path) -> None:
    """What a hostile file might make it do, if it could take it over; where the kernel has Landlock."""
    secret = write(tmp_path / "secret", b"of the library")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wishes = [
            f"write {tmp_path / 'new'}",
            f"read {secret}",
            "run /bin/true",
            f"connect {listener.getsockname()[1]}",
        ]
        found = codes(decode(decoders, faulty(pages=wishes)))
    assert not (tmp_path / "new").exists()
    assert found[0] == "unreadable"
    version = landlock_version()
    assert found[1:3] == (["unreadable"] * 2 if version else found[1:3])
    assert found[3] == ("unreadable" if version >= 4 else found[3])


def test_a_decoder_does_not_know_the_keys(decoders: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is its own."""
    monkeypatch.setenv("QUIRE_API_KEYS", "ann:rw:0123456789abcdef")
    with Decoders(opener=OPENER).open_data(faulty(pages=["environment"])) as opened:
        assert not opened.page(1, max_side_px=8).pixels.any()


def test_a_file_that_moved_out_of_its_root_is_refused(decoders: Decoders, tmp_path: Path) -> None:
    """Somebody put a link in its place after the walk looked at it."""
    outside = write(tmp_path / "outside.png", encoded(four_corners(), "PNG"))
    root = tmp_path / "root"
    root.mkdir()
    (root / "p.png").symlink_to(outside)
    with pytest.raises(PictureError, match="out of the root") as caught:
        decoders.render_page(root / "p.png", page_number=1, max_side_px=8, inside=root)
    assert caught.value.skip_code == "link"
    write(root / "q.png", outside.read_bytes())
    assert decoders.render_page(root / "q.png", page_number=1, max_side_px=8, inside=root).width_px == 48


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Neither processes nor open files, closed or forgotten; and closing twice is fine."""
    here = psutil.Process()
    before, files = len(here.children(recursive=True)), here.num_fds()
    for forget in (False, True):
        made = Decoders(opener=OPENER)
        assert codes(decode(made, faulty(pages=["ok", "crash"]))) == ["ok", "crashed"]
        if not forget:
            made.close()
            made.close()
        del made
        gc.collect()
        assert len(here.children(recursive=True)) == before
        assert here.num_fds() == files


def test_decoders_end_with_a_process_that_was_killed(tmp_path: Path) -> None:
    """SIGKILL leaves nobody to tell them; they notice. One is hanging in a decoder."""
    script = """
import sys
from indexer.sources import Decoders
from support.bad_decoders import OPENER, faulty
decoders = Decoders(opener=OPENER)
with decoders.open_data(faulty()) as opened:
    print("open", flush=True)
    decoders.decode_bytes(faulty(pages=["hang"]), name="u", max_side_px=8)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        children: list[psutil.Process] = []
        until_s = time.monotonic() + 20
        while len(children) < 3 and time.monotonic() < until_s:
            children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) == 3
        process.kill()
        _, left = psutil.wait_procs(children, timeout=20)
    assert not left


def test_ctrl_c_and_orders_to_end_are_for_whoever_decodes(decoders: Decoders) -> None:
    """A terminal and systemd send them to all processes; a decoder finishes what its caller waits for."""
    assert codes(decode(decoders, faulty())) == ["ok"]
    for mother in mothers():
        for process in (mother, *mother.children()):
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
    assert codes(decode(decoders, faulty(pages=["pid"]))) == ["ok"]


def test_without_a_process_to_decode_in_the_run_stops_with_the_reason() -> None:
    """Every file would be called unreadable otherwise."""
    with pytest.raises(DecoderError, match="no_such_module"):
        decode(Decoders(opener="no_such_module:open"), faulty())


def test_an_interrupted_caller_leaves_no_half_read_answer(decoders: Decoders) -> None:
    """Ctrl-C while a page is decoded: the next file must not get that page's answer."""

    def interrupt() -> None:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGUSR1)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, stop)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            decode(decoders, faulty(pages=["hang"]))
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)
    assert codes(decode(decoders, faulty())) == ["ok"]


def test_without_a_guard_it_is_done_here() -> None:
    """Where there is no fork, and for a debugger."""
    made = Decoders(guarded=False)
    made.start()
    assert codes(decode(made, encoded(four_corners(), "PNG"))) == ["ok"]
    assert not [one for one in psutil.Process().children() if one.create_time() > time.time() - 0.2]
    made.close()
