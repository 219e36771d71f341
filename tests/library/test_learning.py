"""A library learns from its labels: a probe, its files, what it says of new pages, and the comparison of ways."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.library import KINDS, draw_page, draw_pages, settings_in
from support.sheets import draw_sheet

from indexer.analysis.labels import TEST
from indexer.errors import (
    ConflictError,
    LearnedMissingError,
    LibraryDamagedError,
    ModelMismatchError,
    UsageError,
)
from indexer.library import Library, Upload
from indexer.library.learning_store import LearnedFolder
from indexer.progress import Progress

EACH = 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pages of four labels, one of them in the wrong folder; and a table with a `section` for half of them."""
    place = tmp_path_factory.mktemp("learning")
    draw_pages(place / "scans", each=EACH)
    draw_page("left", 99).save(place / "scans" / "right" / "p99.png")
    rows = [f"{kind}/p{n}.png,{'early' if kind in ('left', 'top') else 'late'}" for kind in KINDS for n in range(1, 6)]
    (place / "table.csv").write_text("\n".join(["path,section", *rows]))
    with Library.open(settings_in(place / "library"), create=True) as library:
        library.index([place / "scans"], metadata=place / "table.csv")
    return place


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Iterator[Library]:
    """The same, to be changed."""
    shutil.copytree(made / "library", tmp_path / "library")
    with Library.open(settings_in(tmp_path / "library")) as opened:
        yield opened


def upload(kind: str, number: int = 500) -> Upload:
    """A page that the library has not seen."""
    out = io.BytesIO()
    draw_page(kind, number).save(out, "PNG")
    return Upload(f"{kind}.png", out.getvalue())


def test_a_probe_is_fitted_kept_and_told_of(library: Library) -> None:
    """It is right on nearly all pages that it never saw, and lists itself with its field, labels and figures, also after opening again."""
    seen: list[Progress] = []
    report = library.learning.fit_probe(progress=seen.append)
    assert report.quality.accuracy >= 0.85
    assert (report.split.by, report.split.left_out) == ("series", {})
    assert report.split.train + report.split.validation + report.split.test == 4 * EACH + 1
    assert report.quality.pages == report.split.test == sum(sum(row) for row in report.quality.confusion)
    assert [one.label for one in report.quality.labels] == sorted(KINDS)
    assert any("quire duplicates" in note for note in report.split.notes)
    assert {event.stage for event in seen} == {"fitting the probe"}
    library.close()
    with Library.open(library.settings) as again:
        (model,) = again.learning.models().models
        assert model == report.model
        assert (model.name, model.kind, model.label, model.fits) == ("probe", "probe", "label", True)
        assert model.labels == sorted(KINDS)


def test_the_same_library_gives_the_same_probe(library: Library) -> None:
    """Bit by bit, the split too; another seed holds out other pages."""
    folder = LearnedFolder(library.directory / "models")
    library.learning.fit_probe(name="one")
    library.learning.fit_probe(name="two")
    library.learning.fit_probe(name="three", seed=1)
    one, two = folder.load("one"), folder.load("two")
    assert np.array_equal(one.classifier.weights, two.classifier.weights)
    splits = [folder.load_split(name) for name in ("one", "two", "three")]
    assert np.array_equal(splits[0].parts, splits[1].parts)
    assert not np.array_equal(splits[0].parts, splits[2].parts)


def test_new_pages_get_their_label_and_strangers_are_unknown(library: Library) -> None:
    """By the probe, by centroid and by neighbours; a page of noise is unlike each label's own pages."""
    library.learning.fit_probe()
    noise = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 90, 3)).astype(np.uint8)).save(noise, "PNG")
    uploads = [*(upload(kind) for kind in KINDS), Upload("bad.png", b"none")]
    strange = [Upload("noise.png", noise.getvalue())]
    for method in (None, "probe", "centroid", "neighbours"):
        answer = library.learning.classify(uploads, method=method)
        assert (answer.label, answer.method) == ("label", method or "probe")
        assert [page.guess.label for page in answer.pages[:4]] == list(KINDS)
        assert not any(page.guess.unknown for page in answer.pages)
        assert library.learning.classify(strange, method=method, unknown_share=0.4).pages[0].guess.unknown
        assert [one.name for one in answer.unreadable] == ["bad.png"]
        assert all(page.guess.probability > (page.guess.runner_up_probability or 0) for page in answer.pages)


def test_clusters_and_label_are_told_together(library: Library) -> None:
    """Once something was learned, classifying by cluster names the label too; before, it does not."""
    library.cluster(4)
    assert library.classify([upload("top")]).pages[0].guess is None
    library.learning.fit_probe()
    guess = library.classify([upload("top")]).pages[0].guess
    assert guess is not None
    assert (guess.label, guess.method) == ("top", "probe")


def test_a_column_of_the_table_can_be_learned(library: Library) -> None:
    """By its short name too; pages without a value do not count. Asked for by field, the model of that field answers."""
    library.learning.fit_probe()
    report = library.learning.fit_probe(label="section")
    assert report.model.label == "metadata.section"
    assert (report.model.name, report.model.labels) == ("probe-section", ["early", "late"])
    assert report.split.train + report.split.validation + report.split.test == 20
    told = library.learning.classify([upload("bottom"), upload("left")], label="section")
    assert [page.guess.label for page in told.pages] == ["late", "early"]
    assert library.learning.classify([upload("left")], label="label").method == "probe"


def test_what_can_not_be_learned_is_refused(library: Library) -> None:
    """A field that is none, one with a single value, a name that leads elsewhere or is taken by a method."""
    with pytest.raises(UsageError, match=r"no field 'colour' to learn from; there are label, group, metadata\.section"):
        library.learning.fit_probe(label="colour")
    with pytest.raises(UsageError, match="0 different values of group"):
        library.learning.fit_probe(label="group")
    for name in ("../out", "centroid", "", ".hidden"):
        with pytest.raises(UsageError, match="can't be the name"):
            library.learning.fit_probe(name=name or " ")
    with pytest.raises(UsageError, match="3 groups or more"):
        library.learning.fit_probe(keep_together="folder")
    with pytest.raises(UsageError, match="unknown_share"):
        library.learning.classify([upload("left")], method="centroid", unknown_share=1.5)


def test_rare_labels_are_left_out_and_named(made: Path, tmp_path: Path) -> None:
    """A label on two pages can't be in three parts: the others are learned, and the report says which is not."""
    shutil.copytree(made / "scans", tmp_path / "scans")
    (tmp_path / "scans" / "cover").mkdir()
    for number in (1, 2):
        draw_page("left", 700 + number).save(tmp_path / "scans" / "cover" / f"c{number}.png")
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([tmp_path / "scans"])
        report = library.learning.fit_probe()
        assert report.split.left_out == {"cover": 2}
        assert "cover" not in report.model.labels


def test_known_duplicates_are_not_split(tmp_path: Path) -> None:
    """Recompressed copies, also in other folders, are held out with their originals once `duplicates` has found them."""
    for number in range(24):
        folder = tmp_path / "scans" / ("one" if number % 2 else "two")
        folder.mkdir(parents=True, exist_ok=True)
        sheet = draw_sheet(number)
        sheet.save(folder / f"s{number}.png")
        sheet.save(folder / f"z{number}.jpg", quality=85)
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([tmp_path / "scans"])
        library.duplicates.find()
        sets = library.duplicates.page_sets() or []
        assert len(sets) == 24
        report = library.learning.fit_probe(keep_together="file")
        split = LearnedFolder(library.directory / "models").load_split(report.model.name)
        part = dict(zip(split.ids, split.parts.tolist(), strict=True))
        assert all(len({part[page_id] for page_id in one}) == 1 for one in sets)
        assert (report.split.groups, report.split.notes) == (24, [])


def test_another_model_makes_a_probe_unfit(library: Library) -> None:
    """After a reindex with another embedder its vectors are gone: it says so, and how to fit it anew."""
    library.learning.fit_probe()
    library.reindex("classic")
    assert [model.fits for model in library.learning.models().models] == [False]
    with pytest.raises(ModelMismatchError, match="quire finetune --probe --label label --name probe"):
        library.learning.classify([upload("left")])
    library.learning.fit_probe()
    assert library.learning.classify([upload("left")]).pages[0].guess.label == "left"


def test_nothing_learned_is_said_with_the_way_out(library: Library) -> None:
    """Before the first probe, and for a name that there is not; a removed one is gone with its files."""
    with pytest.raises(LearnedMissingError, match="quire finetune --probe"):
        library.learning.classify([upload("left")])
    library.learning.fit_probe()
    with pytest.raises(LearnedMissingError, match="there is probe"):
        library.learning.classify([upload("left")], method="other")
    assert library.learning.remove("probe").name == "probe"
    assert library.learning.models().models == []
    assert list((library.directory / "models").iterdir()) == []
    with pytest.raises(LearnedMissingError, match="there is none yet"):
        library.learning.remove("probe")


def test_ways_are_compared_on_pages_not_seen(library: Library) -> None:
    """By cross-validation every page is judged; each way has its interval and its gain over the probe; it is kept."""
    assert library.learning.evaluation() is None
    found = library.learning.evaluate()
    assert (found.held_out, found.pages, found.label) == ("cross-validation", 4 * EACH + 1, "label")
    assert {one.method for one in found.methods} == {"probe", "nearest centroid", "nearest pages"}
    accuracies = [one.quality.accuracy for one in found.methods]
    assert accuracies == sorted(accuracies, reverse=True)
    assert min(accuracies) >= 0.9
    for one in found.methods:
        low, high = one.quality.accuracy_interval
        assert low <= one.quality.accuracy <= high
        assert (one.gain is None) == (one.method == "probe")
    assert library.learning.evaluation() == found


def test_a_page_in_the_wrong_folder_is_the_first_suspect(library: Library) -> None:
    """The left page among the right ones is found, with the label that it should have; as many are listed as wished."""
    found = library.learning.evaluate(suspects=1)
    (suspect,) = found.suspects
    assert (suspect.page.path, suspect.label, suspect.suggested) == ("right/p99.png", "right", "left")
    assert suspect.suggested_chance > suspect.chance
    assert library.learning.evaluate(suspects=0).suspects == []
    with pytest.raises(UsageError, match="0 to 1000"):
        library.learning.evaluate(suspects=-1)


def test_a_damaged_model_is_named(library: Library) -> None:
    """A head that can't be read says which file, and what to do; the others answer on."""
    library.learning.fit_probe()
    library.learning.fit_probe(name="other")
    head = library.directory / "models" / "other" / "head.npz"
    head.write_bytes(b"nothing")
    with pytest.raises(LibraryDamagedError, match=r"models/other can't be read"):
        library.learning.classify([upload("left")], method="other")
    assert library.learning.classify([upload("left")], method="probe").pages[0].guess.label == "left"


def test_a_probe_does_not_take_the_place_of_a_fine_tuned_model(library: Library) -> None:
    """Hours of work are not overwritten by a name."""
    library.learning.fit_probe(name="mine")
    file = library.directory / "models" / "mine" / "model.json"
    document = json.loads(file.read_text())
    document["model"]["kind"] = "finetuned"
    file.write_text(json.dumps(document))
    with pytest.raises(ConflictError, match="another --name"):
        library.learning.fit_probe(name="mine")


def test_models_travel_with_a_backup(library: Library, tmp_path: Path) -> None:
    """Restored elsewhere, the probe is there, answers the same, and has its split."""
    from indexer.library.restoring import restore_library

    library.learning.fit_probe()
    told = library.learning.classify([upload("left")])
    library.backup(tmp_path / "all.tar")
    restore_library(tmp_path / "all.tar", tmp_path / "other")
    with Library.open(settings_in(tmp_path / "other")) as other:
        assert other.learning.classify([upload("left")]) == told
        split = LearnedFolder(other.directory / "models").load_split("probe")
        assert (split.parts == TEST).sum() == told_test_pages(other)


def told_test_pages(library: Library) -> int:
    """How many pages the newest model was judged by."""
    return library.learning.models().models[0].test_pages
