"""The text side of open_clip's models: the vectors of the real tower, and every way that it can't be had."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from support.library import KINDS, draw_page
from support.models import TINY_CLIP, TINY_TIMM, save_tiny_clip
from support.words import CAPTIONS

from indexer.embedding import can_embed_texts, create_embedder, create_text_embedder
from indexer.errors import ModelError, NoTextTowerError, UsageError, WeightsMissingError


def test_texts_have_the_vectors_of_open_clip_called_by_hand(words_model: str) -> None:
    """Tokenizer, tower and projection are open_clip's own; rows are of unit length and in order, also beyond one pass."""
    import open_clip
    import torch

    texts = [*CAPTIONS.values(), "", "Ünïcödé 漢字", *(f"page {number}" for number in range(70))]
    embedder = create_text_embedder(words_model, device="cpu")
    name = words_model.removeprefix("open_clip:")
    model = open_clip.create_model(name).eval()
    with torch.inference_mode():
        expected = model.encode_text(open_clip.get_tokenizer(name)(texts), normalize=True).numpy()
    vectors = embedder.embed_texts(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert embedder.embed_texts([]).shape == (0, embedder.dimensions) == (0, 16)


def test_both_sides_of_a_model_can_be_compared(words_model: str) -> None:
    """Weights and dimensions agree, and each kind of page is most alike to its own caption."""
    texts, pages = create_text_embedder(words_model), create_embedder(words_model, precision="float32")
    assert texts.weights_sha256 == pages.spec.weights_sha256
    assert texts.dimensions == pages.spec.dimensions
    vectors = pages.embed([pages.prepare(np.asarray(draw_page(kind, 0))) for kind in KINDS])
    alike = vectors @ texts.embed_texts([CAPTIONS[kind] for kind in KINDS]).T
    assert alike.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_a_checkpoint_file_has_its_text_side_too(tmp_path: Path) -> None:
    """`open_clip:ARCH` with a file of weights: both towers come from it."""
    checkpoint = save_tiny_clip(tmp_path)
    text = create_text_embedder(f"open_clip:{TINY_CLIP}", checkpoint=checkpoint)
    page = create_embedder(f"open_clip:{TINY_CLIP}", checkpoint=checkpoint)
    assert (text.dimensions, text.weights_sha256) == (page.spec.dimensions, page.spec.weights_sha256)


@pytest.mark.parametrize("model", ["classic", "pixels:28", f"timm:{TINY_TIMM}"])
def test_models_without_words_say_which_have_some(model: str) -> None:
    """The error names the model, and one that could."""
    assert not can_embed_texts(model)
    with pytest.raises(NoTextTowerError, match=rf"{model}.*knows no words.*open_clip:ViT-B-32"):
        create_text_embedder(model)


def test_a_folder_without_a_model_is_named(tmp_path: Path, words_model: str) -> None:
    """Not there, without its description, without its weights; and a checkpoint beside it is refused."""
    folder = Path(words_model.removeprefix("open_clip:local-dir:"))
    (tmp_path / "empty").mkdir()
    shutil.copytree(folder, tmp_path / "bare", ignore=shutil.ignore_patterns("*.bin"))
    for place in ("nowhere", "empty", "bare"):
        with pytest.raises(WeightsMissingError, match=f"{place}.*open_clip_config.json"):
            create_embedder(f"open_clip:local-dir:{tmp_path / place}")
    with pytest.raises(UsageError, match="brings its own weights"):
        create_embedder(words_model, checkpoint=folder / "open_clip_pytorch_model.bin")


def test_a_tokenizer_of_the_hub_that_cannot_be_had_is_explained(tmp_path: Path, words_model: str) -> None:
    """A model may name a tokenizer that is not in its folder: one error says so, and nothing of the library that looked."""
    folder = tmp_path / "model"
    shutil.copytree(words_model.removeprefix("open_clip:local-dir:"), folder)
    config = folder / "open_clip_config.json"
    config.write_text(
        config.read_text().replace('"text_cfg": {', '"text_cfg": {"hf_tokenizer_name": "nobody/nothing", ')
    )
    # Without `transformers`, which only such models need, that is what is missing.
    with pytest.raises(ModelError, match=r"(its tokenizer|The tokenizer of .* pip install transformers)"):
        create_text_embedder(f"open_clip:local-dir:{folder}")
