"""Documents in a library: proposed, reviewed, kept, found again, compared and handed over."""

from __future__ import annotations

import csv
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.documents import LENGTHS, draw_box
from support.library import draw_page, draw_pages, settings_in

from indexer.analysis.documents import (
    StreamPages,
    find_breaks,
    list_documents,
    measure_grouping,
    prepare_stream,
    propose_documents,
)
from indexer.errors import ConflictError, NotFoundError, PageMissingError, UsageError
from indexer.filters import parse_filter
from indexer.library import Library
from indexer.library.decisions import new_entry
from indexer.library.document_compare import read_truth, save_comparison
from indexer.library.results import BreakDecision, StreamProposal, TruthRow
from indexer.progress import Progress
from indexer.store.port import PointBatch

BOX = "scans/box"
DATA = Path(os.environ.get("QUIRE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Twenty-two single pages of eight documents in `scans/box`, and three in the root."""
    draw_box(tmp_path / "scans" / "box")
    for number in range(3):
        draw_page("left", number).save(tmp_path / "scans" / f"loose{number}.png")
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([tmp_path / "scans"])
        yield library


def lengths(proposal: StreamProposal) -> tuple[int, ...]:
    """Pages of each document."""
    return tuple(document.last - document.first + 1 for document in proposal.documents)


def shown(library: Library) -> list[str | None]:
    """The documents that the pages of the box show, in shelf order."""
    return [page.document for page in library.pages(limit=100).pages if page.path.startswith("box/")]


def say(proposal: StreamProposal, place: int, decision: str | None) -> BreakDecision:
    """A decision about the break at a position."""
    return BreakDecision(proposal.pages[place].page_id, decision)  # type: ignore[arg-type]


def test_streams_are_folders(library: Library) -> None:
    """One for each folder that holds pages, the root by its own name; nothing is proposed until asked."""
    streams = {one.stream: one for one in library.documents.streams()}
    assert set(streams) == {"scans", BOX}
    assert (streams[BOX].pages, streams["scans"].pages) == (22, 3)
    assert (streams[BOX].documents, streams[BOX].decided) == (0, 0)


def test_documents_are_proposed_and_shown_by_their_pages(library: Library) -> None:
    """The eight documents are found; each page shows the id of its document's first page, and can be filtered by it."""
    events: list[Progress] = []
    report = library.documents.propose_all(progress=events.append)
    proposal = library.documents.propose(BOX)
    assert lengths(proposal) == LENGTHS
    assert (report.pages, events[-1].done) == (25, 25)
    assert {one.stream: one.documents for one in report.streams}[BOX] == len(LENGTHS)
    first = [proposal.pages[one.first].page_id for one in proposal.documents]
    assert [one.document for one in proposal.documents] == first
    assert shown(library) == [one for one, length in zip(first, LENGTHS, strict=True) for _ in range(length)]
    found = library.pages(where=parse_filter([f"document={first[2]}"])).pages
    assert [page.path for page in found] == [f"box/p{number:03}.png" for number in range(6, 11)]


def test_without_head_and_foot_it_says_that_they_would_help(library: Library, tmp_path: Path) -> None:
    """A library without those views works, and tells of them; one with them does not."""
    assert "--views head,foot" in library.documents.propose(BOX).notes[0]
    with Library.open(settings_in(tmp_path / "other"), create=True) as other:
        other.index([tmp_path / "scans"], views=["head", "foot"])
        assert other.documents.propose(BOX).notes == []
        assert other.documents.propose(BOX).breaks != library.documents.propose(BOX).breaks


def test_a_decision_outranks_the_proposal_and_is_shown_at_once(library: Library) -> None:
    """Cut and join are heeded, told of with who said so, and counted."""
    library.documents.propose_all()
    before = library.documents.propose(BOX)
    after = library.documents.decide(BOX, [say(before, 7, "break"), say(before, 2, "join")], who="ann")
    assert (after.breaks[7].is_break, after.breaks[7].probability) == (True, 1.0)
    assert (after.breaks[7].decided, after.breaks[7].who) == ("break", "ann")
    assert (after.breaks[2].is_break, after.breaks[2].decided) == (False, "join")
    assert not {2, 7} & set(after.review_order)
    assert shown(library)[8] == after.pages[8].page_id
    assert {one.stream: one.decided for one in library.documents.streams()}[BOX] == 2
    entry = library.history()[0]
    assert (entry.kind, entry.who, entry.text) == ("break", "ann", f"{BOX}: cut at 1 place, joined at 1 place")


def test_filters_see_decisions_at_once(library: Library) -> None:
    """A filter asked for before a decision answers anew after it."""
    library.documents.propose_all()
    proposal = library.documents.propose(BOX)
    where = parse_filter([f"document={proposal.documents[2].document}"])
    assert library.pages(where=where).total == 5
    library.documents.decide(BOX, [say(proposal, 7, "break")])
    assert library.pages(where=where).total == 3


def test_undo_takes_a_decision_back(library: Library) -> None:
    """What was there before holds again, an earlier decision too; the pages follow; groups are not touched."""
    library.documents.propose_all()
    before = library.documents.propose(BOX)
    library.documents.decide(BOX, [say(before, 7, "join")], who="ann")
    library.documents.decide(BOX, [say(before, 7, "break")], who="bob")
    assert library.undo(who="cem").kind == "break"
    again = library.documents.propose(BOX)
    assert (again.breaks[7].decided, again.breaks[7].who) == ("join", "ann")
    library.undo()
    assert library.documents.propose(BOX) == before
    assert shown(library)[8] == before.documents[2].document
    assert [entry.undone for entry in library.history()] == [False, False, True, True]


def test_clearing_leaves_a_place_open_again(library: Library) -> None:
    """None takes back what was said, as a decision of its own."""
    before = library.documents.propose(BOX)
    library.documents.decide(BOX, [say(before, 7, "break")])
    assert library.documents.decide(BOX, [say(before, 7, None)]).breaks == before.breaks
    assert library.documents.propose(BOX).breaks[7].decided is None


def test_accepting_decides_all_that_is_open(library: Library) -> None:
    """As proposed, one entry of the history; with `upto` only the first places."""
    before = library.documents.propose(BOX)
    some = library.documents.accept(BOX, upto=4, who="ann")
    assert [one.decided is not None for one in some.breaks] == [True] * 5 + [False] * 16
    said = library.documents.decide(BOX, [say(before, 7, "break")])
    whole = library.documents.accept(BOX, who="ann")
    assert (whole.doubtful, whole.review_order) == (0, [])
    assert all(document.decided for document in whole.documents)
    assert lengths(whole) == lengths(said)
    assert lengths(whole)[:4] == (3, 2, 3, 2)
    count = len(library.history())
    assert library.documents.accept(BOX) == whole
    assert len(library.history()) == count


def test_decisions_survive_closing_clustering_and_reindexing(library: Library, tmp_path: Path) -> None:
    """They are in the journal by pages, not in what is computed."""
    proposal = library.documents.propose(BOX)
    library.documents.decide(BOX, [say(proposal, 7, "break")], who="ann")
    library.cluster(4)
    library.name_clusters([0], "zero")
    library.close()
    with Library.open(settings_in(tmp_path / "library")) as again:
        assert again.status().groups["zero"] > 0
        again.reindex("classic", views=["head", "foot"])
        after = again.documents.propose(BOX)
        assert (after.breaks[7].decided, after.breaks[7].who) == ("break", "ann")
        again.documents.propose_all()
        assert shown(again)[8] == proposal.pages[8].page_id


def test_pages_follow_a_decision_that_a_crash_cut_off(library: Library, tmp_path: Path) -> None:
    """The journal had it, the pages did not show it yet: the next to open the library lets them."""
    library.documents.propose_all()
    proposal = library.documents.propose(BOX)
    pair = [proposal.pages[7].page_id, proposal.pages[8].page_id, "break"]
    library.records.append(new_entry("break", who="ann", stream=BOX, decisions=[pair], before=[]))
    library.close()
    with Library.open(settings_in(tmp_path / "library")) as again:
        assert shown(again)[8] == proposal.pages[8].page_id
        again.records.append(new_entry("undo", who="ann", undoes=1))
    with Library.open(settings_in(tmp_path / "library")) as again:
        assert shown(again)[8] == proposal.documents[2].document


def test_opening_after_breaks_were_decided_writes_no_groups_anew(library: Library, tmp_path: Path) -> None:
    """Breaks say nothing of groups: what a crash between the two would call for isn't called for here."""
    proposal = library.documents.propose(BOX)
    library.documents.decide(BOX, [say(proposal, 7, "break")])
    library.undo()
    applied = library.manifest.applied_entry
    library.close()
    with Library.open(settings_in(tmp_path / "library")) as again:
        assert again.manifest.applied_entry == applied


def test_decisions_hold_when_pages_come_in_between(library: Library, tmp_path: Path) -> None:
    """A join goes on holding through the new page; a break is put where it is likeliest among the places there are now."""
    proposal = library.documents.propose(BOX)
    library.documents.decide(BOX, [say(proposal, 1, "join"), say(proposal, 6, "break")], who="ann")
    draw_page("bottom", 77).save(tmp_path / "scans" / "box" / "p002b.png")
    draw_page("right", 78).save(tmp_path / "scans" / "box" / "p007b.png")
    library.index()
    after = library.documents.propose(BOX)
    paths = [page.path.removeprefix("box/") for page in after.pages]
    inserted = paths.index("p002b.png")
    assert [after.breaks[place].is_break for place in (inserted - 1, inserted)] == [False, False]
    assert after.breaks[inserted].who == "ann"
    inserted = paths.index("p007b.png")
    assert after.breaks[inserted - 1].is_break or after.breaks[inserted].is_break


def test_a_changed_stream_counts_as_not_proposed_until_it_is(library: Library, tmp_path: Path) -> None:
    """Old figures are not told of new pages."""
    library.documents.propose_all()
    draw_page("left", 90).save(tmp_path / "scans" / "box" / "p023.png")
    library.index()
    counts = {one.stream: (one.pages, one.documents) for one in library.documents.streams()}
    assert counts == {"scans": (3, 1), BOX: (23, 0)}
    library.documents.propose_all(stream=BOX)
    assert {one.stream: one.documents for one in library.documents.streams()}[BOX] >= 8


def test_a_known_number_is_kept_and_met(library: Library, tmp_path: Path) -> None:
    """ "This box holds ten items", until somebody says that nobody knows."""
    assert len(library.documents.set_known_count(BOX, 10).documents) == 10
    library.close()
    with Library.open(settings_in(tmp_path / "library")) as again:
        assert again.documents.propose(BOX).known_count == 10
        assert len(again.documents.propose(BOX).documents) == 10
        assert lengths(again.documents.set_known_count(BOX, None)) == LENGTHS
        assert len(again.documents.propose(BOX, known_count=5).documents) == 5


def test_decisions_that_a_known_number_has_no_room_for_are_refused(library: Library) -> None:
    """Nothing is written of them; and a number that what is decided rules out is refused too."""
    proposal = library.documents.set_known_count(BOX, 2)
    with pytest.raises(ConflictError, match="said to hold 2 documents"):
        library.documents.decide(BOX, [say(proposal, 4, "break"), say(proposal, 9, "break")])
    assert library.history() == []
    library.documents.set_known_count(BOX, None)
    library.documents.decide(BOX, [say(proposal, 4, "break"), say(proposal, 9, "break")])
    with pytest.raises(UsageError):
        library.documents.set_known_count(BOX, 2)


def test_a_known_number_that_pages_left_behind_is_noted(library: Library, tmp_path: Path) -> None:
    """When pages go, the proposal goes on without the number and says so."""
    library.documents.set_known_count(BOX, 22)
    for number in (20, 21, 22):
        (tmp_path / "scans" / "box" / f"p{number:03}.png").unlink()
    library.index(prune=True)
    proposal = library.documents.propose(BOX)
    assert len(proposal.pages) == 19
    assert "22, can't be reached" in proposal.notes[-1]


def test_wrong_wishes_are_refused(library: Library) -> None:
    """Each with its own kind of error, and nothing in the journal."""
    desk = library.documents
    proposal = desk.propose(BOX)
    with pytest.raises(NotFoundError, match="no stream 'nowhere'"):
        desk.propose("nowhere")
    with pytest.raises(PageMissingError):
        desk.decide(BOX, [BreakDecision(str(uuid.uuid4()), "break")])
    with pytest.raises(UsageError, match="the last of the stream"):
        desk.decide(BOX, [say(proposal, 21, "break")])
    with pytest.raises(UsageError):
        desk.decide(BOX, [])
    with pytest.raises(UsageError):
        desk.set_known_count(BOX, 23)
    with pytest.raises(UsageError, match="is no rule"):
        desk.set_rules(blanks="ignore")
    with pytest.raises(UsageError, match=r"metadata\.COLUMN"):
        desk.set_rules(by="label")
    with pytest.raises(PageMissingError):
        desk.stream_of(str(uuid.uuid4()))
    assert library.history() == []


def test_an_empty_library_has_no_streams(tmp_path: Path) -> None:
    """Nothing to list, and nothing to propose."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        assert library.documents.streams() == []
        with pytest.raises(PageMissingError):
            library.documents.propose_all()


def test_streams_by_a_column_of_metadata(library: Library, tmp_path: Path) -> None:
    """Pages of one value are a stream across folders; those without are together. The rule is kept."""
    table = tmp_path / "table.csv"
    table.write_text("path,crate\n" + "".join(f"box/p{n:03}.png,{'a' if n < 10 else 'b'}\n" for n in range(1, 23)))
    library.index(metadata=table)
    report = library.documents.propose_all(by="metadata.crate")
    assert {one.stream: one.pages for one in report.streams} == {"a": 9, "b": 13, "(no crate)": 3}
    assert library.documents.stream_of(library.documents.propose("b").pages[0].page_id) == "b"
    assert library.documents.set_rules(by="folder").by == "folder"
    assert {one.stream for one in library.documents.streams()} == {"scans", BOX}


def test_blanks_and_separators_do_what_is_said(library: Library, tmp_path: Path) -> None:
    """Blank versos hang on the page before; pages that a filter tells as separators stand alone. A person outranks both."""
    from PIL import Image

    Image.new("RGB", (90, 120), (238, 236, 228)).save(tmp_path / "scans" / "box" / "p003b.png")
    library.index()
    desk = library.documents
    desk.set_rules(blanks="join", separators=["path=box/p008.png"])
    proposal = desk.propose(BOX)
    paths = [page.path for page in proposal.pages]
    blank, separator = paths.index("box/p003b.png"), paths.index("box/p008.png")
    assert [page.blank for page in proposal.pages].count(True) == 1
    assert (proposal.breaks[blank - 1].decided, proposal.breaks[blank - 1].who) == ("join", None)
    assert [proposal.breaks[place].decided for place in (separator - 1, separator)] == ["break", "break"]
    after = desk.decide(BOX, [say(proposal, blank - 1, "break")], who="ann")
    assert (after.breaks[blank - 1].is_break, after.breaks[blank - 1].who) == (True, "ann")


def test_similar_documents_are_of_the_same_kind(library: Library) -> None:
    """The other document of that kind comes first, none twice, and not itself."""
    library.documents.propose_all()
    proposal = library.documents.propose(BOX)
    page = proposal.pages[6]
    found = library.documents.similar_documents(page.page_id, limit=5)
    assert found[0].document == proposal.documents[6].document
    assert (found[0].pages, found[0].first_page.page_id) == (3, found[0].document)
    assert [one.similarity for one in found] == sorted((one.similarity for one in found), reverse=True)
    assert len({one.document for one in found}) == 5
    assert proposal.documents[2].document not in {one.document for one in found}


def test_similar_documents_need_documents(library: Library) -> None:
    """Before they are looked for, the error says how."""
    with pytest.raises(UsageError, match="quire documents"):
        library.documents.similar_documents(library.documents.propose(BOX).pages[0].page_id)


def test_documents_are_handed_over(library: Library, tmp_path: Path) -> None:
    """A row, a PDF and a manifest for each document; the title is left empty, and who decided is said."""
    import pikepdf

    proposal = library.documents.propose(BOX)
    library.documents.decide(
        BOX, [say(proposal, 2, "break"), say(proposal, 4, "break"), say(proposal, 3, "join")], who="=ann"
    )
    out = tmp_path / "out"
    report = library.documents.hand_over(out, streams=[BOX], base_url="https://scans.example")
    assert (report.documents, report.pages, report.pdfs, report.manifests) == (8, 22, 8, 8)
    with (out / "documents.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["pages"]) for row in rows] == list(LENGTHS)
    assert (rows[1]["first_file"], rows[1]["last_file"]) == ("box/p004.png", "box/p005.png")
    assert (rows[1]["decided"], rows[1]["who"], rows[1]["title"]) == ("decided", "'=ann", "")
    assert (rows[5]["decided"], rows[5]["who"]) == ("proposed", "")
    for row, length in zip(rows, LENGTHS, strict=True):
        with pikepdf.open(out / row["pdf"]) as document:
            assert len(document.pages) == length
        manifest = json.loads((out / row["manifest"]).read_text())
        assert len(manifest["items"]) == length
        assert manifest["items"][0]["items"][0]["items"][0]["body"]["id"].startswith("https://scans.example/v1/pages/")


def test_a_page_whose_file_is_gone_is_handed_over_from_its_thumbnail(library: Library, tmp_path: Path) -> None:
    """A smaller page is better than none."""
    proposal = library.documents.propose(BOX)
    (tmp_path / "scans" / "box" / "p002.png").unlink()
    assert library.documents.pdf(proposal.documents[0].document).startswith(b"%PDF-")


def test_documents_that_are_none_are_not_handed_over(library: Library, tmp_path: Path) -> None:
    """A page in the middle names no document; an address that is none is refused before anything is written."""
    proposal = library.documents.propose(BOX)
    with pytest.raises(NotFoundError, match="No document begins"):
        library.documents.pdf(proposal.pages[1].page_id)
    with pytest.raises(UsageError, match="no address"):
        library.documents.hand_over(tmp_path / "out", base_url="scans.example")
    assert not (tmp_path / "out").exists()


def test_settings_are_compared_with_the_truth(library: Library, tmp_path: Path) -> None:
    """Paths may carry the root and more before them; what the library lacks is told; the sheet marks each error."""
    numbers = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
    truth = tmp_path / "truth.csv"
    lines = [f"archive/scans/box/p{n:03}.png,d{document}" for n, document in enumerate(numbers, start=1)]
    truth.write_text("\n".join(["path,document", *lines, "gone.png,d99"]))
    made = library.documents.compare(read_truth(truth), settings=["proposed", "single-pages", "known-count"])
    assert made.settings == ["01-proposed", "02-single-pages", "03-known-count", "real"]
    assert made.unmatched == ["gone.png"]
    figures = {one.setting: one for one in made.all.settings}
    assert (figures["01-proposed"].pq, figures["01-proposed"].stp, figures["01-proposed"].mndd) == (1.0, 1.0, 0)
    assert figures["02-single-pages"].page_f1 == pytest.approx(2 * 7 / (7 + 21))
    assert figures["02-single-pages"].documents == 22
    assert (made.streams[0].stream, made.streams[0].documents, len(made.pages)) == (BOX, 8, 22)
    assert made.pages[1].errors == ["02-single-pages"]
    save_comparison(made, tmp_path / "sheet.csv")
    with (tmp_path / "sheet.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[3]["real"], rows[3]["01-proposed"], rows[3]["02-single-pages"], rows[3]["errors"]) == (
        "2",
        "2",
        "4",
        "",
    )


def test_the_truth_may_name_streams_in_its_own_order(library: Library) -> None:
    """Then its rows say what follows what, and pages left out don't count."""
    rows = [TruthRow(f"box/p{n:03}.png", f"d{n > 18}", stream="mine") for n in (21, 22, 18, 17)]
    made = library.documents.compare(rows, settings=["one-document"])
    assert [(page.path, page.documents["real"]) for page in made.pages] == [
        ("box/p021.png", 1),
        ("box/p022.png", 1),
        ("box/p018.png", 2),
        ("box/p017.png", 2),
    ]
    assert (made.streams[0].stream, made.streams[0].pages) == ("mine", 4)


def test_pages_without_truth_are_not_counted_against_a_setting(library: Library) -> None:
    """A break anywhere between two known pages is one between them; the true number is not told then."""
    made = library.documents.compare(
        [TruthRow("box/p001.png", "a"), TruthRow("box/p003.png", "a"), TruthRow("box/p005.png", "b")],
        settings=["proposed", "known-count"],
    )
    assert [page.documents["01-proposed"] for page in made.pages] == [1, 1, 2]
    assert "are not counted" in made.notes[0]


@pytest.mark.parametrize("text", ["path\na.png", "", "path,document\n", "path,document,page_number\na.png,1,x\n"])
def test_a_truth_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    """Missing columns, no rows, no numbers."""
    (tmp_path / "truth.csv").write_text(text)
    with pytest.raises(UsageError):
        read_truth(tmp_path / "truth.csv")


def test_comparing_needs_known_settings_and_pages(library: Library) -> None:
    """Both errors say what there is."""
    with pytest.raises(UsageError, match="There is no setting 'best'"):
        library.documents.compare([TruthRow("box/p001.png", "a")], settings=["best"])
    with pytest.raises(UsageError, match="names a page of the library"):
        library.documents.compare([TruthRow("other.png", "a")])


def test_a_long_stream_answers_decisions_quickly(tmp_path: Path) -> None:
    """Ten thousand pages: made ready once, then each decision is answered from memory."""
    random = np.random.default_rng(0)
    count, scans = 10_000, draw_pages(tmp_path / "scans", each=1, kinds=("left",))
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([scans])
        one = library.pages().pages[0]
        payload = dict(library.collection.retrieve([one.page_id]).payloads[0])
        document = np.repeat(np.arange(count // 4), 4)
        vectors = (random.standard_normal((count // 4, 784))[document] + random.standard_normal((count, 784))).astype(
            np.float32
        )
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        ids = [str(uuid.UUID(bytes=random.bytes(16), version=4)) for _ in range(count)]
        payloads = [{**payload, "path": f"long/p{number:05}.png"} for number in range(count)]
        with library.write():
            library.collection.upsert(PointBatch(ids, payloads, {"page": vectors}))
        proposal = library.documents.propose("scans/long")
        assert len(proposal.breaks) == count - 1
        took_s = []
        for place in proposal.review_order[:5]:
            began_s = time.perf_counter()
            proposal = library.documents.decide("scans/long", [say(proposal, place, "join")])
            took_s.append(time.perf_counter() - began_s)
        assert sorted(took_s)[2] < 1.5, "even on a busy machine half of the answers come in time"


@pytest.mark.data
def test_on_real_streams_the_library_proposes_what_the_analysis_does(tmp_path: Path) -> None:
    """Streams laid flat in truth order under new names: figures through the library equal those of its own vectors taken directly."""
    with (DATA / "streams" / "truth.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["stream"] in ("government", "sketchnotes")]
    truth = []
    for number, row in enumerate(rows):
        target = tmp_path / "boxes" / row["stream"] / f"s{number:04}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DATA / row["path"], target)
        truth.append(TruthRow(f"{row['stream']}/{target.name}", row["document"]))
    assert len(truth) == 61, f"The real pages are not at {DATA}; set QUIRE_TEST_DATA."
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([tmp_path / "boxes"], views=["head", "foot"])
        library.documents.propose_all()
        made = library.documents.compare(truth, settings=["proposed", "known-count"])
        for table in made.streams:
            name = table.stream.removeprefix("boxes/")
            pages = [page for page in library.pages(limit=100).pages if page.path.startswith(f"{name}/")]
            batch = library.collection.retrieve([page.page_id for page in pages], vectors=["page", "head", "foot"])
            looks = np.array([payload["looks"] for payload in batch.payloads], dtype=np.float32)
            stream = prepare_stream(StreamPages(**batch.vectors, looks=looks))
            true = find_breaks(np.array([row["document"] for row in rows if row["stream"] == name]))
            counts = {"01-proposed": None, "02-known-count": len(list_documents(true))}
            for one in table.settings:
                direct = measure_grouping(true, propose_documents(stream, known_count=counts[one.setting]).breaks)
                assert (one.pq, one.weighted_pq, one.mndd) == (direct.pq, direct.weighted_pq, direct.mndd)
