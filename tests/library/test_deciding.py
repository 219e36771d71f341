"""Clusters, names and decisions: what a person says stays said."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.library import KINDS, draw_page, draw_pages, settings_in

from indexer.errors import ClusterMissingError, ConflictError, NotFoundError, PageMissingError, UsageError
from indexer.filters import parse_filter
from indexer.library import Library, Upload
from indexer.library.results import Question
from indexer.progress import Progress


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Forty pages of four kinds, in four clusters."""
    scans = draw_pages(tmp_path / "scans", each=10)
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([scans])
        library.cluster(4)
        yield library


def cluster_of(library: Library, kind: str) -> int:
    """The cluster that a kind of page is in; all of its pages are in one."""
    found = library.facet("cluster", where=parse_filter([f"label={kind}"]))
    assert len(found) == 1
    return int(next(iter(found)))


def groups(library: Library) -> dict[str, str | None]:
    """The group of every page, by path."""
    return {page.path: page.group for page in library.pages(limit=1000).pages}


def upload(kind: str, number: int = 500) -> Upload:
    """A page never seen before."""
    import io

    buffer = io.BytesIO()
    draw_page(kind, number).save(buffer, "PNG")
    return Upload(f"{kind}.png", buffer.getvalue())


def test_kinds_become_clusters_with_exemplars(library: Library) -> None:
    """Four clusters of ten, each of one kind, its exemplars among its pages."""
    clusters = library.clusters()
    assert [c.size for c in clusters] == [10] * 4
    assert {cluster_of(library, kind) for kind in KINDS} == {0, 1, 2, 3}
    for cluster in clusters:
        assert {library.page(page_id).cluster for page_id in cluster.exemplars} == {cluster.cluster}
        assert cluster.similarity_low <= cluster.similarity_median <= 1


def test_a_name_goes_to_all_pages_of_its_clusters(library: Library) -> None:
    """One name for two clusters."""
    chosen = [cluster_of(library, "left"), cluster_of(library, "right")]
    report = library.name_clusters(chosen, " sides ")
    assert (report.group, report.pages) == ("sides", 20)
    assert library.status().groups == {"sides": 20}
    assert all((group == "sides") == path.startswith(("left", "right")) for path, group in groups(library).items())


def test_a_new_scan_gets_cluster_group_and_margin(library: Library) -> None:
    """Nearest centroid, with its runner-up."""
    library.name_clusters([cluster_of(library, "top")], "heads")
    answer = library.classify([upload("top")]).pages[0]
    assert (answer.cluster, answer.group, answer.unknown) == (cluster_of(library, "top"), "heads", False)
    assert 0 < answer.margin <= answer.similarity + 1
    assert answer.runner_up != answer.cluster


def test_a_page_like_no_other_is_unknown(library: Library) -> None:
    """A chessboard is not half dark; without a threshold it gets the nearest cluster all the same."""
    import io

    import numpy as np
    from PIL import Image

    board = np.kron(np.indices((8, 6)).sum(axis=0) % 2, np.ones((15, 15))) * 255
    buffer = io.BytesIO()
    Image.fromarray(board.astype(np.uint8)).save(buffer, "PNG")
    strange = [Upload("board.png", buffer.getvalue())]
    assert library.classify(strange).pages[0].unknown
    assert not library.classify(strange, unknown_share=0).pages[0].unknown


def test_unreadable_uploads_are_told_beside_the_answers(library: Library) -> None:
    """One bad file does not spoil the others."""
    answer = library.classify([Upload("x.jpg", b"nonsense"), upload("left")])
    assert [bad.name for bad in answer.unreadable] == ["x.jpg"]
    assert len(answer.pages) == 1


def test_similar_pages_are_of_the_same_kind(library: Library) -> None:
    """By upload, by page, and within a filter."""
    found = library.similar([upload("bottom")], limit=10).pages[0].pages
    assert {similar.page.label for similar in found} == {"bottom"}
    assert [s.similarity for s in found] == sorted((s.similarity for s in found), reverse=True)
    page = found[0].page
    beside = library.similar_to_page(page.page_id, limit=5).pages
    assert page.page_id not in {similar.page.page_id for similar in beside}
    only = library.similar([upload("bottom")], where=parse_filter(["label=left"]), limit=3).pages[0].pages
    assert {similar.page.label for similar in only} == {"left"}


def test_new_pages_join_their_cluster_and_group(library: Library, tmp_path: Path) -> None:
    """Pages indexed after clustering need no new run."""
    library.name_clusters([cluster_of(library, "left")], "lefts")
    draw_page("left", 600).save(tmp_path / "scans/left/p600.png")
    library.index()
    page = library.pages(where=parse_filter(["path=left/p600.png"])).pages[0]
    assert (page.cluster, page.group) == (cluster_of(library, "left"), "lefts")
    assert max(c.size for c in library.clusters()) == 11


def test_a_hand_outranks_a_cluster_and_survives_a_rescan(library: Library, tmp_path: Path) -> None:
    """A page moved by hand stays where it was put, whatever its cluster is called and however often it is scanned."""
    page = library.pages().pages[0]
    library.move_pages([page.page_id], "mine")
    library.name_clusters([int(page.cluster or 0)], "theirs")
    assert library.page(page.page_id).group == "mine"
    draw_page("right", 700).save(tmp_path / "scans" / page.path)
    library.index()
    assert library.page(page.page_id).group == "mine"
    library.move_pages([page.page_id], None)
    after = library.page(page.page_id)
    assert after.group == ("theirs" if after.cluster == page.cluster else None)


def test_names_survive_another_run(library: Library) -> None:
    """Clustering again with another seed gives other numbers, and the same groups."""
    for kind in KINDS:
        library.name_clusters([cluster_of(library, kind)], f"the {kind}")
    before = groups(library)
    report = library.cluster(4, seed=5)
    assert groups(library) == before
    assert report.questions == []


def test_nothing_changes_group_in_silence(library: Library) -> None:
    """With fewer clusters than groups, pages keep their group and a question says so; naming answers it."""
    for kind in KINDS:
        library.name_clusters([cluster_of(library, kind)], kind)
    before = groups(library)
    report = library.cluster(2)
    assert groups(library) == before
    assert report.questions
    library.name_clusters([0, 1], "all")
    assert set(groups(library).values()) == {"all"}
    assert not [q for q in library.questions() if q.cluster >= 0]


def test_decisions_can_be_undone(library: Library) -> None:
    """The newest first, then by number; what was before comes back."""
    first = library.name_clusters([0], "one", who="ada")
    library.name_clusters([0], "two", who="ben")
    assert library.undo().entry == first.entry + 1
    assert library.clusters()[0].group == "one"
    library.undo(first.entry)
    assert library.clusters()[0].group is None
    assert set(groups(library).values()) == {None}
    entries = library.history()
    assert [(e.kind, e.undone) for e in entries[:4]] == [
        ("undo", False),
        ("undo", False),
        ("name", True),
        ("name", True),
    ]
    assert {e.who for e in entries} >= {"ada", "ben"}


def test_what_cannot_be_undone_says_why(library: Library) -> None:
    """No decision, an unknown one, one undone already, one of an earlier run."""
    with pytest.raises(NotFoundError):
        library.undo()
    with pytest.raises(NotFoundError):
        library.undo(99)
    named = library.name_clusters([0], "one")
    library.undo(named.entry)
    with pytest.raises(ConflictError):
        library.undo(named.entry)
    again = library.name_clusters([0], "one")
    library.cluster(3)
    with pytest.raises(ConflictError, match="run"):
        library.undo(again.entry)


@pytest.mark.parametrize("group", ["", "   ", "x" * 201, "a\x00b"])
def test_impossible_names_are_refused(library: Library, group: str) -> None:
    """Empty, endless or unprintable."""
    with pytest.raises(UsageError):
        library.name_clusters([0], group)


def test_unknown_clusters_and_pages_are_refused_whole(library: Library) -> None:
    """Nothing is named when one of the numbers is wrong."""
    with pytest.raises(ClusterMissingError, match="0 to 3"):
        library.name_clusters([0, 4], "x")
    with pytest.raises(PageMissingError):
        library.move_pages(["00000000-0000-5000-8000-000000000000"], "x")
    assert library.status().groups == {}


def test_everything_is_there_after_closing(library: Library) -> None:
    """Names, clusters and history live on disk."""
    library.name_clusters([0], "kept")
    before, settings = groups(library), library.settings
    library.close()
    with Library.open(settings) as again:
        assert groups(again) == before
        assert again.clusters()[0].group == "kept"
        assert again.history()[0].kind == "name"


def test_a_death_between_journal_and_pages_is_made_good(library: Library) -> None:
    """A decision in the journal that never reached the pages is there at the next opening."""
    settings = library.settings
    with library.write():
        library.records.append(
            {
                "kind": "name",
                "who": "ada",
                "when": "2026-01-01T00:00:00+00:00",
                "run": 1,
                "clusters": [0],
                "group": "late",
                "before": {},
            }
        )
    library.close()
    with Library.open(settings) as again:
        assert again.status().groups == {"late": 10}
        assert again.clusters()[0].group == "late"


def test_a_death_between_switch_and_pages_is_made_good(library: Library) -> None:
    """A run that became true before its clusters were written is finished at the next opening."""
    settings = library.settings
    before = {page.path: page.cluster for page in library.pages(limit=100).pages}
    ids = [page.page_id for page in library.pages(limit=100).pages]
    library.collection.set_payload(ids, [{"cluster": 99, "group": "nonsense"}] * len(ids))
    library.save_manifest(replace(library.manifest, applying=True))
    library.close()
    with Library.open(settings) as again:
        assert {page.path: page.cluster for page in again.pages(limit=100).pages} == before
        assert again.status().groups == {}


def test_outliers_are_the_far_end_of_a_cluster(library: Library) -> None:
    """The same pages, from the other end."""
    near = library.cluster_pages(0, limit=20).pages
    far = library.cluster_pages(0, limit=20, order="outliers").pages
    assert [s.page.page_id for s in far] == [s.page.page_id for s in reversed(near)]
    assert near[0].similarity >= near[-1].similarity


def test_choosing_k_prefers_the_true_number(library: Library) -> None:
    """Four kinds: silhouette, stability and agreement with the labels are highest at four, and there is the knee of the inertia."""
    choices = library.choose_k([8, 4, 2, 4])
    assert [choice.k for choice in choices] == [2, 4, 8]
    for measure in ("silhouette", "stability", "agreement"):
        assert max(choices, key=lambda choice: getattr(choice, measure)).k == 4
    assert [choice.is_knee for choice in choices] == [False, True, False]
    assert choices[0].inertia > choices[1].inertia > choices[2].inertia
    assert all(low <= choice.stability <= high for choice in choices for low, high in [choice.stability_range])
    with pytest.raises(UsageError, match="at least one"):
        library.choose_k([])


def test_before_clustering_answers_say_what_to_do(tmp_path: Path) -> None:
    """Classifying needs clusters."""
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([draw_pages(tmp_path / "scans", each=2)])
        with pytest.raises(ClusterMissingError, match="quire cluster"):
            library.classify([upload("left")])
        assert library.clusters() == []


def test_naming_goes_on_while_pages_are_indexed(library: Library, tmp_path: Path) -> None:
    """A name given in the middle of an index run reaches the pages of before and those still on their way."""
    for number in range(800, 812):
        draw_page("left", number).save(tmp_path / f"scans/left/p{number}.png")
    cluster = cluster_of(library, "left")
    named = threading.Event()

    def name_midway(event: Progress) -> None:
        if event.stage == "indexing" and not named.is_set():
            person = threading.Thread(target=library.name_clusters, args=([cluster], "lefts"))
            person.start()
            person.join(timeout=30)
            assert not person.is_alive()
            named.set()

    library.index(progress=name_midway)
    assert library.status().groups == {"lefts": 22}


def test_a_name_given_during_a_reindex_is_carried_over(library: Library) -> None:
    """The new generation knows what was decided while it was being filled."""
    cluster = cluster_of(library, "top")
    named: list[int] = []

    def name_midway(event: Progress) -> None:
        if event.stage == "indexing" and not named:
            named.append(library.name_clusters([cluster], "heads").entry)

    library.reindex("pixels:16", progress=name_midway)
    assert named
    assert library.facet("group", where=parse_filter(["label=top"])) == {"heads": 10}


def _merged(library: Library) -> list[Question]:
    """Four groups in two clusters: what is asked then."""
    for kind in KINDS:
        library.name_clusters([cluster_of(library, kind)], kind)
    return library.cluster(2).questions


def test_a_question_is_answered_by_its_number(library: Library) -> None:
    """By a group's name, its pages follow; the question is gone, and there again when that is undone."""
    asked = next(one for one in _merged(library) if one.kind == "merge")
    assert asked.pages == sum(candidate.pages for candidate in asked.candidates) == 20
    report = library.answer(asked.number, group="halves", who="ada")
    assert (report.group, report.clusters, report.pages) == ("halves", [asked.cluster], 20)
    assert asked.number not in [one.number for one in library.questions()]
    assert library.status().groups["halves"] == 20
    library.undo(report.entry)
    assert asked in library.questions()
    assert "halves" not in library.status().groups


def test_a_question_is_answered_by_keeping_things(library: Library) -> None:
    """Pages keep the groups they had, the question is not asked again in this run, and undoing brings it back."""
    asked = next(one for one in _merged(library) if one.kind == "merge")
    before = groups(library)
    report = library.answer(asked.number, keep=True)
    assert groups(library) == before
    assert asked not in library.questions()
    settings = library.settings
    library.close()
    with Library.open(settings) as again:
        assert asked not in again.questions()
        assert groups(again) == before
        assert again.history(limit=1)[0].undoable
        again.undo(report.entry)
        assert asked in again.questions()


def test_a_lost_group_is_no_longer_asked_for_once_a_cluster_is_called_so(library: Library) -> None:
    """By the answer, or by naming; what is no open question any more can't be answered."""
    lost = [one for one in _merged(library) if one.kind == "lost"]
    assert {one.candidates[0].group for one in lost} == set(KINDS)
    with pytest.raises(UsageError, match="no single cluster"):
        library.answer(lost[0].number)
    library.answer(lost[0].number, cluster=0)
    assert library.clusters()[0].group == lost[0].candidates[0].group
    with pytest.raises(NotFoundError, match="quire questions"):
        library.answer(lost[0].number, cluster=0)
    with pytest.raises(UsageError, match="one answer"):
        library.answer(lost[1].number, group="x", keep=True)


def test_a_question_with_a_likely_answer_takes_it(library: Library) -> None:
    """A cluster that is cut in two: the other half is the same group too, when nobody says otherwise."""
    library.name_clusters([cluster_of(library, "left"), cluster_of(library, "right")], "sides")
    library.cluster(2)
    asked = [one for one in library.cluster(12, seed=3).questions if one.kind == "split"]
    assert {one.suggestion for one in asked} == {"sides"}
    assert library.answer(asked[0].number).group == "sides"
    assert library.history(limit=1)[0].undoable
    library.cluster(4)
    assert not library.history(limit=2)[1].undoable
