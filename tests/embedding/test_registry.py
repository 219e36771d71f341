"""Names of models, and which vectors may be compared."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.embedding import FORMS, check_same, create_embedder
from indexer.errors import ModelMismatchError, UnknownModelError, UsageError
from indexer.values import ModelSpec

SPEC = ModelSpec("open_clip:ViT-B-32/laion2b_s34b_b79k", 512, "224 px longest", "ab" * 32, "float32")


def test_importing_the_room_imports_nothing_heavy() -> None:
    """`quire --help` and the embedders without weights need none of the large libraries."""
    code = (
        "import sys, indexer.embedding as room; room.create_embedder('classic'); room.create_embedder('pixels')\n"
        "print({'torch', 'skimage', 'open_clip', 'timm', 'scipy', 'sklearn'} & sys.modules.keys())"
    )
    repository = Path(__file__).parents[2]
    ran = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


@pytest.mark.parametrize(("name", "told"), [("clasic", "classic"), ("openclip:ViT-B-32/x", "open_clip"), ("", "timm")])
def test_an_unknown_kind_brings_the_nearest_and_all_forms(name: str, told: str) -> None:
    """The error lists every form a name may take."""
    with pytest.raises(UnknownModelError, match=told) as unknown:
        create_embedder(name)
    assert all(form in str(unknown.value) for form in FORMS)


@pytest.mark.parametrize("name", ["pixels:1", "pixels:129", "pixels:-4", "pixels:²", "pixels:x", "classic:9"])
def test_options_out_of_range_are_refused(name: str) -> None:
    """A side must be a whole number from 2 to 128; classic takes no options."""
    with pytest.raises(UsageError, match=name):
        create_embedder(name)


@pytest.mark.parametrize("name", ["pixels", "classic"])
def test_a_checkpoint_for_an_embedder_without_weights_is_refused(name: str) -> None:
    """It would be ignored otherwise, and the user would not know."""
    with pytest.raises(UsageError, match="no weights"):
        create_embedder(name, checkpoint=Path("some.pt"))


@pytest.mark.parametrize("name", ["pixels", "pixels:12", "classic"])
def test_a_recorded_name_makes_the_same_embedder_again(name: str) -> None:
    """What the library records can be asked for as it stands."""
    spec = create_embedder(name).spec
    assert spec.name == name
    assert create_embedder(spec.name).spec == spec


def test_the_same_embedder_in_another_precision_may_be_compared() -> None:
    """Precision is recorded, and does not part vectors."""
    assert check_same(SPEC, dataclasses.replace(SPEC, precision="bfloat16")) is None


def test_the_same_weights_found_another_way_may_be_compared() -> None:
    """A local copy of the published file is the same model."""
    assert check_same(SPEC, dataclasses.replace(SPEC, name="open_clip:ViT-B-32//tmp/copy.pt")) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "open_clip:ViT-B-16/laion2b_s34b_b79k"}, "model"),
        ({"dimensions": 768}, "dimensions"),
        ({"preprocessing": "224 px squash"}, "preprocessing"),
        ({"weights_sha256": "cd" * 32}, "weights"),
        ({"weights_sha256": ""}, "weights"),
    ],
)
def test_another_embedder_is_refused_with_what_differs_and_what_to_do(change: dict[str, object], told: str) -> None:
    """The message names the difference and the command that resolves it."""
    asked = dataclasses.replace(SPEC, **change)
    with pytest.raises(ModelMismatchError, match=rf"{told} \(.* there, .* here\)") as refused:
        check_same(SPEC, asked)
    assert f"quire reindex --model {asked.name}" in str(refused.value)
