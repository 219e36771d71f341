"""A library fine-tunes a network on its labels: judged without leaks, resumed without a trace, used for everything."""

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
from support.models import TINY_CONVNET, save_tiny_timm

from indexer.analysis.labels import TEST, TRAIN, VALIDATION
from indexer.errors import ConflictError, LearnedMissingError, UsageError
from indexer.library import Library, Upload
from indexer.library.learning_store import LearnedFolder
from indexer.progress import Meter, Progress
from indexer.training.recipe import Recipe

BASE = f"timm:{TINY_CONVNET}?input_px=32&mode=squash"
QUICK = Recipe(head_epochs=1, epochs=2, batch=8, rate=1e-3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pages of four labels, a checkpoint, and a library of `pixels`."""
    place = tmp_path_factory.mktemp("finetuning")
    draw_pages(place / "scans", each=10)
    save_tiny_timm(place, TINY_CONVNET)
    with Library.open(settings_in(place / "library"), create=True) as library:
        library.index([place / "scans"])
        library.cluster(4)
    return place


@pytest.fixture(scope="module")
def tuned(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library after one fine-tuning under the name `mine`."""
    place = tmp_path_factory.mktemp("tuned")
    shutil.copytree(made / "library", place / "library")
    with Library.open(settings_in(place / "library")) as library:
        library.learning.finetune(base=BASE, checkpoint=checkpoint_of(made), name="mine", recipe=QUICK)
    return place / "library"


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Iterator[Library]:
    """The library before anything was learned, to be changed."""
    shutil.copytree(made / "library", tmp_path / "library")
    with Library.open(settings_in(tmp_path / "library")) as opened:
        yield opened


@pytest.fixture
def after(tuned: Path, tmp_path: Path) -> Iterator[Library]:
    """The library after the fine-tuning, to be changed."""
    shutil.copytree(tuned, tmp_path / "library")
    with Library.open(settings_in(tmp_path / "library")) as opened:
        yield opened


def checkpoint_of(made: Path) -> Path:
    """The base's weights."""
    return made / f"{TINY_CONVNET}-0.pt"


def upload(kind: str) -> Upload:
    """A page that the library has not seen."""
    out = io.BytesIO()
    draw_page(kind, 500).save(out, "PNG")
    return Upload(f"{kind}.png", out.getvalue())


def test_it_leaves_a_model_a_report_and_its_pictures(after: Library) -> None:
    """All figures are of test pages; beside them the probe on the base's own vectors; the pictures are pictures."""
    (model,) = after.learning.models().models
    assert (model.name, model.kind, model.embedder, model.fits) == ("mine", "finetuned", "finetuned:mine", False)
    report = after.learning.report("mine")
    assert report.model.accuracy == report.quality.accuracy
    assert report.quality.pages == report.probe.pages == report.split.test
    assert report.quality.accuracy - report.probe.accuracy == pytest.approx(report.gain)
    assert 0 <= report.nmi <= 1
    assert [one.kind for one in report.history] == ["head", "head", "all", "all"]
    assert report.mistakes_in_all == round((1 - report.quality.accuracy) * report.split.test)
    for name in ("training", "quality"):
        with Image.open(io.BytesIO(after.learning.picture("mine", name))) as picture:
            assert picture.format == "PNG"
    html = (after.directory / "models" / "mine" / "report.html").read_text(encoding="utf-8")
    assert "data:image/png" in html
    assert "<script" not in html
    assert not list((after.directory / "models" / "mine").glob(".*"))


def test_the_split_never_leaks(after: Library) -> None:
    """No group and no equal or nearly equal picture is on two sides; training saw none of the pages that it is judged by."""
    split = LearnedFolder(after.directory / "models").load_split("mine")
    parts = {part: {i for i, own in zip(split.ids, split.parts, strict=True) if own == part} for part in range(3)}
    assert parts[TRAIN].isdisjoint(parts[TEST] | parts[VALIDATION])
    assert sum(map(len, parts.values())) == len(set(split.ids)) == 40
    for group in np.unique(split.groups):
        assert len(set(split.parts[split.groups == group])) == 1
    pairs = after.duplicates.near_copies(min_similarity=0.9)
    part_of = dict(zip(split.ids, split.parts.tolist(), strict=True))
    assert all(part_of[one] == part_of[other] for one, other in pairs)


def test_near_copies_are_held_out_together(library: Library, made: Path, tmp_path: Path) -> None:
    """Copies under other names and in other folders follow their originals, without anybody having looked for duplicates."""
    scans = tmp_path / "more"
    from support.sheets import draw_sheet

    for number in range(20):
        folder = scans / ("one" if number % 2 else "two")
        folder.mkdir(parents=True, exist_ok=True)
        draw_sheet(number).save(folder / f"s{number}.png")
        draw_sheet(number).save(folder / f"z{number}.jpg", quality=90)
    with Library.open(settings_in(tmp_path / "copies"), create=True) as other:
        other.index([scans])
        recipe = Recipe(head_epochs=1, epochs=0, batch=8, rate=1e-3)
        report = other.learning.finetune(base=BASE, checkpoint=checkpoint_of(made), keep_together="file", recipe=recipe)
        split = LearnedFolder(other.directory / "models").load_split("label")
        part_of = dict(zip(split.ids, split.parts.tolist(), strict=True))
        pages = other.pages(limit=100).pages
        by_number: dict[str, set[int]] = {}
        for page in pages:
            by_number.setdefault(page.path.rpartition("/")[2][1:].split(".")[0], set()).add(part_of[page.page_id])
        assert all(len(sides) == 1 for sides in by_number.values())
        assert any("near-copies" in note for note in report.split.notes)
        assert other.duplicates.list().made is None


def test_an_interrupted_run_ends_in_the_same_model(
    library: Library, made: Path, tuned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the head's epoch and later, it goes on when asked for the same: equal weights, head and figures."""
    monkeypatch.setattr(Meter, "_INTERVAL_S", 0.0)

    class StopError(Exception):
        pass

    def stop_in(stage: str, step: int) -> object:
        def sink(event: Progress) -> None:
            if event.stage.startswith(stage) and event.done >= step:
                raise StopError

        return sink

    for sink in (stop_in("training the head", 8), stop_in("training all", 30), stop_in("embedding by finetuned", 1)):
        with pytest.raises(StopError):
            library.learning.finetune(
                base=BASE, checkpoint=checkpoint_of(made), name="mine", recipe=QUICK, progress=sink
            )
        assert library.learning.models().unfinished == ["mine"]
        assert library.learning.models().models == []
    report = library.learning.finetune(base=BASE, checkpoint=checkpoint_of(made), name="mine", recipe=QUICK)
    assert library.learning.models().unfinished == []
    mine, theirs = library.directory / "models" / "mine", tuned / "models" / "mine"
    assert (mine / "weights.safetensors").read_bytes() == (theirs / "weights.safetensors").read_bytes()
    told = json.loads((theirs / "report.json").read_text())
    assert json.loads((mine / "report.json").read_text())["quality"] == told["quality"]
    assert [one.validation_loss for one in report.history] == [one["validation_loss"] for one in told["history"]]
    with np.load(mine / "head.npz") as one, np.load(theirs / "head.npz") as other:
        assert all(np.array_equal(one[name], other[name]) for name in one.files)


def test_a_name_is_begun_once_and_taken_once(library: Library, made: Path) -> None:
    """Other options under the name of an unfinished run are refused, so is a finished one's; without a name the next free is taken."""
    common = {"base": BASE, "checkpoint": checkpoint_of(made)}
    with pytest.raises(KeyboardInterrupt):
        library.learning.finetune(**common, recipe=QUICK, progress=_interrupt)  # type: ignore[arg-type]
    with pytest.raises(ConflictError, match="begun with another recipe"):
        library.learning.finetune(**common, recipe=Recipe(epochs=1, batch=4))  # type: ignore[arg-type]
    assert library.learning.remove("label").was_finished is False
    short = Recipe(head_epochs=1, epochs=0, batch=8, rate=1e-3)
    assert library.learning.finetune(**common, recipe=short).model.name == "label"  # type: ignore[arg-type]
    with pytest.raises(ConflictError, match="there already"):
        library.learning.finetune(**common, name="label", recipe=short)  # type: ignore[arg-type]
    assert library.learning.finetune(**common, recipe=short).model.name == "label-2"  # type: ignore[arg-type]


def test_what_can_not_be_trained_is_refused_with_the_way_out(library: Library, made: Path) -> None:
    """A library without a network names none; choices out of range; random weights beside a file of weights."""
    with pytest.raises(UsageError, match=r"pixels can't be trained further.*--base"):
        library.learning.finetune()
    with pytest.raises(UsageError, match="batch is 5"):
        library.learning.finetune(base=BASE, recipe=Recipe(batch=5))
    with pytest.raises(UsageError, match="--from-scratch"):
        library.learning.finetune(base=BASE, checkpoint=checkpoint_of(made), recipe=Recipe(from_scratch=True))
    assert not list((library.directory / "models").glob("*"))


def test_all_pages_are_embedded_anew_by_it(after: Library) -> None:
    """`reindex` takes it: names stay, new scans get cluster and label by one forward pass, and it can't be removed while in use."""
    after.name_clusters([0], "first")
    report = after.reindex("finetuned:mine")
    assert report.model is not None
    assert report.model.name == "finetuned:mine"
    (model,) = after.learning.models().models
    assert model.fits
    answer = after.classify([upload("top")]).pages[0]
    assert answer.guess is not None
    assert answer.guess.method == "mine"
    with pytest.raises(ConflictError, match="quire reindex"):
        after.learning.remove("mine")
    after.close()
    with Library.open(after.settings) as again:
        assert again.classify([upload("top")]).pages[0].guess == answer.guess
        with pytest.raises(UsageError, match="finetuned:mine can't be trained further"):
            again.learning.finetune()


def test_it_tells_labels_though_the_library_has_other_vectors(after: Library) -> None:
    """Without a reindex it brings its own network; the answer is the same as after one."""
    uploads = [upload(kind) for kind in KINDS]
    before = after.learning.classify(uploads)
    assert before.method == "mine"
    after.reindex("finetuned:mine")
    later = after.learning.classify(uploads)
    for one, other in zip(before.pages, later.pages, strict=True):
        assert one.guess.label == other.guess.label
        assert one.guess.probability == pytest.approx(other.guess.probability, abs=1e-4)


def test_ways_are_compared_on_its_test_pages(after: Library) -> None:
    """The fine-tuned head stands beside the others on pages that it never saw; a note says when vectors were learned from labels."""
    found = after.learning.evaluate()
    report = after.learning.report("mine")
    assert (found.held_out, found.pages) == ("test", report.split.test)
    assert {one.method for one in found.methods} == {"mine", "probe", "nearest centroid", "nearest pages"}
    own = next(one for one in found.methods if one.method == "mine")
    assert own.quality.accuracy == report.quality.accuracy
    assert own.embedder == "finetuned:mine"
    with pytest.raises(LearnedMissingError):
        after.learning.evaluate(model="other")
    after.reindex("finetuned:mine")
    assert any("learned from labels" in note for note in after.learning.evaluate(model="mine").notes)


def test_random_weights_are_trained_beside_a_probe_on_the_librarys_vectors(library: Library) -> None:
    """From scratch there is no head to begin with, and no base to compare with but what the library has."""
    recipe = Recipe(epochs=1, batch=8, rate=1e-3, from_scratch=True)
    report = library.learning.finetune(base=BASE, name="scratch", recipe=recipe)
    assert report.probe_embedder == "pixels"
    assert [one.kind for one in report.history] == ["all", "all"]


def test_pages_whose_file_is_gone_are_learned_from_their_thumbnails(made: Path, tmp_path: Path) -> None:
    """A disk that is not mounted does not stop it."""
    shutil.copytree(made / "scans", tmp_path / "scans")
    with Library.open(settings_in(tmp_path / "library"), create=True) as library:
        library.index([tmp_path / "scans"])
        shutil.rmtree(tmp_path / "scans" / "left")
        recipe = Recipe(head_epochs=1, epochs=0, batch=8, rate=1e-3)
        report = library.learning.finetune(base=BASE, checkpoint=checkpoint_of(made), recipe=recipe)
        assert report.split.train + report.split.validation + report.split.test == 40


def test_a_backup_has_what_was_learned_and_not_what_was_begun(after: Library, tmp_path: Path) -> None:
    """Restored, the model embeds and tells the same."""
    from indexer.library.restoring import restore_library

    told = after.learning.classify([upload("left")])
    after.backup(tmp_path / "all.tar")
    restore_library(tmp_path / "all.tar", tmp_path / "restored")
    with Library.open(settings_in(tmp_path / "restored")) as other:
        assert other.learning.classify([upload("left")]) == told


def _interrupt(event: Progress) -> None:
    """Ctrl-C, as soon as training begins."""
    if event.stage.startswith("training"):
        raise KeyboardInterrupt
