"""Models of open_clip and timm: loaded by the real loaders, from files, and every way that this can fail."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.models import (
    MOBILENET,
    MOBILENET_FILE,
    TINY_CLIP,
    TINY_CONVNET,
    TINY_TIMM,
    make_pages,
    save_tiny_clip,
    save_tiny_timm,
)

from indexer.embedding import DEFAULT_MODEL, Embedder, create_embedder
from indexer.embedding.hardware import choose_device, choose_precision, facts_name_bfloat16
from indexer.errors import ModelError, UnknownModelError, UsageError, WeightsMissingError
from indexer.values import Matrix

DATA = Path(os.environ.get("QUIRE_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()


def embed_pages(embedder: Embedder, count: int = 6) -> Matrix:
    """The vectors of `count` made-up pages."""
    return embedder.embed([embedder.prepare(page) for page in make_pages(count)])


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_an_open_clip_checkpoint_gives_the_vectors_of_the_model_it_was_saved_from(tmp_path: Path, suffix: str) -> None:
    """The loader, our own normalisation and the image tower together equal open_clip called by hand."""
    import open_clip
    import torch

    checkpoint = save_tiny_clip(tmp_path, suffix=suffix)
    embedder = create_embedder(f"open_clip:{TINY_CLIP}", checkpoint=checkpoint, precision="float32", device="cpu")
    page = np.ascontiguousarray(np.random.default_rng(1).integers(0, 255, (32, 32, 3), dtype=np.uint8))
    model = open_clip.create_model(TINY_CLIP, pretrained=str(checkpoint)).eval()
    mean, std = (torch.tensor(model.visual.preprocess_cfg[key]) for key in ("mean", "std"))
    with torch.inference_mode():
        expected = model.encode_image(
            ((torch.from_numpy(page) / 255 - mean) / std).permute(2, 0, 1)[None], normalize=True
        ).numpy()
    np.testing.assert_allclose(embedder.embed([embedder.prepare(page)]), expected, atol=1e-5)
    assert embedder.spec.weights_sha256 == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert embedder.spec.preprocessing == ("32 px longest bicubic; mean 0.4815/0.4578/0.4082; std 0.2686/0.2613/0.2758")


def test_a_path_in_the_name_is_the_checkpoint(tmp_path: Path) -> None:
    """`open_clip:ARCH//path/to/file` and `--checkpoint` give the same vectors."""
    checkpoint = save_tiny_clip(tmp_path)
    by_name = create_embedder(f"open_clip:{TINY_CLIP}/{checkpoint}", precision="float32")
    by_option = create_embedder(f"open_clip:{TINY_CLIP}", checkpoint=checkpoint, precision="float32")
    np.testing.assert_array_equal(embed_pages(by_name), embed_pages(by_option))


def test_other_weights_have_another_hash_and_other_vectors(tmp_path: Path) -> None:
    """The weights of the file are really used."""
    first, second = (
        create_embedder(f"open_clip:{TINY_CLIP}", checkpoint=save_tiny_clip(tmp_path, seed=seed)) for seed in (0, 1)
    )
    assert first.spec.weights_sha256 != second.spec.weights_sha256
    assert np.abs(embed_pages(first) - embed_pages(second)).max() > 0.01


def test_a_timm_checkpoint_gives_the_vectors_before_the_classifier(tmp_path: Path) -> None:
    """The classifier in the file is dropped; the rest equals timm called by hand."""
    import timm
    import torch

    checkpoint = save_tiny_timm(tmp_path)
    embedder = create_embedder(f"timm:{TINY_TIMM}?mean=0.5&std=0.25", checkpoint=checkpoint, precision="float32")
    side = embedder.spec.input_px
    page = np.random.default_rng(1).integers(0, 255, (side, side, 3), dtype=np.uint8)
    model = timm.create_model(TINY_TIMM, num_classes=7).eval()
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    with torch.inference_mode():
        batch = ((torch.from_numpy(page) / 255 - 0.5) / 0.25).permute(2, 0, 1)[None]
        expected = model.forward_head(model.forward_features(batch), pre_logits=True).numpy()
    expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(embedder.embed([page]), expected, atol=1e-5)


def test_a_transformer_is_built_for_the_input_size_asked_for(tmp_path: Path) -> None:
    """`input_px` reaches a model that takes one size only, and its checkpoint must be of that size."""
    import timm
    import torch

    checkpoint = tmp_path / "larger.pt"
    torch.save(timm.create_model(TINY_TIMM, img_size=192, num_classes=0).state_dict(), checkpoint)
    embedder = create_embedder(f"timm:{TINY_TIMM}?input_px=192&mode=squash", checkpoint=checkpoint)
    assert embedder.spec.input_px == 192
    assert embedder.spec.preprocessing.startswith("192 px squash")
    assert np.isfinite(embed_pages(embedder)).all()


@pytest.mark.parametrize("model", [f"timm:{TINY_TIMM}", f"timm:{TINY_CONVNET}", f"open_clip:{TINY_CLIP}"])
def test_bfloat16_gives_nearly_the_vectors_of_float32(tmp_path: Path, model: str) -> None:
    """Cosine at least 0.99 for every page, and the precision is recorded."""
    name = model.partition(":")[2]
    checkpoint = save_tiny_clip(tmp_path) if name == TINY_CLIP else save_tiny_timm(tmp_path, name)
    exact = create_embedder(model, checkpoint=checkpoint, precision="float32", device="cpu")
    fast = create_embedder(model, checkpoint=checkpoint, precision="bfloat16", device="cpu")
    assert (exact.spec.precision, fast.spec.precision) == ("float32", "bfloat16")
    assert (embed_pages(exact) * embed_pages(fast)).sum(axis=1).min() >= 0.99


def test_weights_that_cannot_be_fetched_are_explained(tmp_path: Path) -> None:
    """One error names the file wanted, the cache looked in and both ways out; nothing is written to the terminal."""
    wanted = {
        DEFAULT_MODEL: "laion/CLIP-ViT-B-32-laion2B-s34B-b79K/open_clip_model.safetensors",
        "open_clip:hf-hub:some/model": "some/model/open_clip_model.safetensors",
        "timm:resnet18.a1_in1k": "timm/resnet18.a1_in1k/model.safetensors",
    }
    code = (
        "import sys, pathlib; from indexer.embedding import create_embedder\n"
        "from indexer.errors import WeightsMissingError\n"
        "for model in sys.argv[2:]:\n"
        "    try: create_embedder(model, cache_dir=pathlib.Path(sys.argv[1]))\n"
        "    except WeightsMissingError as error: print(error)\n"
    )
    # The hub's library reads the variable when it is imported, so this takes a process of its own.
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), *wanted],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    told = ran.stdout.splitlines()
    assert len(told) == len(wanted)
    for line, (model, file) in zip(told, wanted.items(), strict=True):
        for part in (model, file, str(tmp_path), "--checkpoint FILE", "--model classic"):
            assert part in line


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    """By option or by name, the path wanted is in the message."""
    missing = tmp_path / "none.pt"
    save_tiny_clip(tmp_path)
    with pytest.raises(WeightsMissingError, match=str(missing)):
        create_embedder(f"open_clip:{TINY_CLIP}", checkpoint=missing)
    with pytest.raises(WeightsMissingError, match=str(missing)):
        create_embedder(f"open_clip:{TINY_CLIP}/{missing}")
    with pytest.raises(WeightsMissingError, match=str(missing)):
        create_embedder(f"timm:{TINY_TIMM}", checkpoint=missing)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    """The message names the file and the model it does not fit, for either library."""
    clip, vit, convnet = save_tiny_clip(tmp_path), save_tiny_timm(tmp_path), save_tiny_timm(tmp_path, TINY_CONVNET)
    for model, checkpoint in ((f"open_clip:{TINY_CLIP}", vit), (f"timm:{TINY_TIMM}", convnet), ("timm:resnet18", clip)):
        with pytest.raises(ModelError, match="does not fit") as refused:
            create_embedder(model, checkpoint=checkpoint)
        assert str(checkpoint) in str(refused.value)
        assert model in str(refused.value)


def test_a_checkpoint_with_more_layers_than_the_model_is_refused(tmp_path: Path) -> None:
    """Weights of a deeper network are not loaded in part."""
    import torch

    checkpoint = save_tiny_timm(tmp_path)
    state = torch.load(checkpoint, weights_only=True)
    state["blocks.99.norm1.weight"] = torch.ones(4)
    torch.save(state, checkpoint)
    with pytest.raises(ModelError, match=r"also holds blocks\.99\.norm1\.weight"):
        create_embedder(f"timm:{TINY_TIMM}", checkpoint=checkpoint)


class Bomb:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.mkdir, (str(self.path), 0o700)


def test_a_picture_given_as_checkpoint_is_refused_without_unsafe_advice(tmp_path: Path) -> None:
    """What torch says of a file that is no table of weights ends in advice to read it unsafely; none of that is passed on."""
    checkpoint = tmp_path / "page.jpg"
    Image.new("RGB", (8, 8)).save(checkpoint)
    with pytest.raises(ModelError, match=r"refused|does not fit") as refused:
        create_embedder("timm:mobilenetv2_100", checkpoint=checkpoint, device="cpu")
    assert "weights_only" not in str(refused.value)
    assert ".." not in str(refused.value).replace("…", "")


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_a_pickle_is_refused_and_not_run(tmp_path: Path, writer: str) -> None:
    """A checkpoint that would run code when read does not get to."""
    import torch

    save_tiny_clip(tmp_path)
    checkpoint, trace = tmp_path / "bomb.pt", tmp_path / "ran"
    if writer == "pickle":
        checkpoint.write_bytes(pickle.dumps({"weight": Bomb(trace)}))
    else:
        torch.save({"weight": Bomb(trace)}, checkpoint)
    for model in (f"open_clip:{TINY_CLIP}", f"timm:{TINY_TIMM}"):
        with pytest.raises(ModelError, match="refused"):
            create_embedder(model, checkpoint=checkpoint)
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04broken"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_broken_checkpoint_is_a_model_error(tmp_path: Path, content: bytes, suffix: str) -> None:
    """Rubbish in the file never surfaces as another library's exception."""
    save_tiny_clip(tmp_path)
    checkpoint = tmp_path / f"broken{suffix}"
    checkpoint.write_bytes(content)
    for model in (f"open_clip:{TINY_CLIP}", f"timm:{TINY_TIMM}"):
        with pytest.raises(ModelError, match=str(checkpoint)):
            create_embedder(model, checkpoint=checkpoint)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("open_clip:ViT-B-23/openai", "ViT-B-32"),
        ("open_clip:ViT-B-32/laion2b_s34b_b97k", "laion2b_s34b_b79k"),
        ("open_clip:ViT-B-32", "laion2b_s34b_b79k"),
        ("timm:resnet81", "resnet18"),
    ],
)
def test_a_misspelt_model_brings_the_nearest_name(name: str, told: str) -> None:
    """The error suggests what was probably meant."""
    with pytest.raises(UnknownModelError, match=told):
        create_embedder(name)


@pytest.mark.parametrize(
    "query",
    ["colour=1", "input_px=0", "input_px=big", "mode=crop", "mean=a", "mean=0.5,0.5", "std=0", "input_px"],
)
def test_an_option_that_cannot_be_read_is_a_usage_error(tmp_path: Path, query: str) -> None:
    """Unknown options and bad values are refused, not passed by."""
    with pytest.raises((UsageError, ModelError)):
        create_embedder(f"timm:{TINY_CONVNET}?{query}", checkpoint=save_tiny_timm(tmp_path, TINY_CONVNET))


def test_loading_leaves_logging_as_it_was(tmp_path: Path) -> None:
    """The libraries are quiet while loading, and afterwards the application's own logging works as before."""
    before = list(logging.getLogger().handlers)
    create_embedder(f"open_clip:{TINY_CLIP}", checkpoint=save_tiny_clip(tmp_path))
    assert logging.getLogger().handlers == before
    assert logging.getLogger().isEnabledFor(logging.ERROR)


def test_precision_follows_the_processor(tmp_path: Path) -> None:
    """The flags of AMX and AVX512-BF16 are found among the others; without them, or without the file, there are none."""
    facts = tmp_path / "cpuinfo"
    for flags, expected in (("sse avx512_bf16", True), ("amx_bf16 sse", True), ("sse avx512f", False)):
        facts.write_text(f"processor : 0\nflags : {flags}\n")
        assert facts_name_bfloat16(facts) is expected
    assert not facts_name_bfloat16(tmp_path / "none")
    assert choose_precision("float16", "cpu") == "float16"
    assert choose_precision("auto", "mps") == "float32"


def test_unknown_devices_and_precisions_are_refused() -> None:
    """The message lists what there is."""
    with pytest.raises(UsageError, match="cuda:N"):
        choose_device("gpu")
    with pytest.raises(UsageError, match="bfloat16"):
        choose_precision("int8", "cpu")


@pytest.mark.data
def test_real_weights_find_two_versions_of_a_page_more_alike_than_other_pages() -> None:
    """MobileNetV2 on a real scan: the page itself, smaller and greyer, is nearer than any page of another kind."""
    from PIL import Image

    embedder = create_embedder(MOBILENET, checkpoint=DATA / MOBILENET_FILE, precision="float32", device="cpu")
    folders = ("typed", "handwritten", "diagram", "photo")
    files = [sorted((DATA / "categories" / folder).iterdir())[0] for folder in folders]
    pictures = [Image.open(file).convert("RGB") for file in files]
    copies = [picture.convert("L").convert("RGB").resize((300, 400)) for picture in pictures]
    pages = [np.asarray(picture) for picture in [*pictures, *copies]]
    vectors = embedder.embed([embedder.prepare(page) for page in pages])
    similarity = vectors[:4] @ vectors[4:].T
    assert (similarity.argmax(axis=1) == np.arange(4)).all()
    fast = create_embedder(MOBILENET, checkpoint=DATA / MOBILENET_FILE, precision="bfloat16", device="cpu")
    cosine = (fast.embed([fast.prepare(page) for page in pages]) * vectors).sum(axis=1)
    assert cosine.min() >= 0.99
    assert embedder.spec.dimensions == 1280
