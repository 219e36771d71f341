"""Networks are loaded to be trained further, kept in a folder, and found again by `finetuned:NAME`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.models import TINY_CLIP, TINY_CONVNET, TINY_TIMM, make_pages, save_tiny_clip, save_tiny_timm

from indexer.embedding import create_embedder
from indexer.embedding.finetuned import EMBEDDER_FILE, WEIGHTS_FILE, save_finetuned
from indexer.embedding.registry import load_backbone
from indexer.errors import ModelError, UnknownModelError, UsageError


def bases(folder: Path) -> dict[str, tuple[str, Path]]:
    """A convolutional network, a transformer and an image tower of open_clip, each with its file of weights."""
    return {
        "convnet": (f"timm:{TINY_CONVNET}?input_px=32&mode=squash", save_tiny_timm(folder, TINY_CONVNET)),
        "transformer": (f"timm:{TINY_TIMM}?input_px=64", save_tiny_timm(folder, TINY_TIMM)),
        "clip": (f"open_clip:{TINY_CLIP}", save_tiny_clip(folder)),
    }


@pytest.mark.parametrize("kind", ["convnet", "transformer", "clip"])
def test_a_network_comes_back_as_it_was_kept(kind: str, tmp_path: Path) -> None:
    """Untouched it gives the base's own vectors; changed, its own; its name, input and the hash of its weights are recorded."""
    base, checkpoint = bases(tmp_path)[kind]
    models = tmp_path / "models"
    pages = make_pages(5)
    plain = create_embedder(base, checkpoint=checkpoint, device="cpu")
    wanted = plain.embed([plain.prepare(page) for page in pages])

    for name, change in (("same", 0.0), ("other", 0.05)):
        backbone = load_backbone(base, checkpoint=checkpoint)
        with torch.no_grad():
            for parameter in backbone.network.parameters():
                parameter.add_(change)
        (models / name).mkdir(parents=True)
        sha256 = save_finetuned(models / name, backbone, backbone.recipe)
        embedder = create_embedder(f"finetuned:{name}", models_dir=models, device="cpu")
        found = embedder.embed([embedder.prepare(page) for page in pages])
        assert np.allclose(found, wanted, atol=1e-5) == (change == 0)
        assert embedder.spec.weights_sha256 == sha256
        assert (embedder.spec.name, embedder.spec.preprocessing) == (f"finetuned:{name}", plain.spec.preprocessing)


def test_a_fine_tuned_network_keeps_the_size_it_was_trained_with(tmp_path: Path) -> None:
    """A transformer that was grown to 64 px comes back for pages of 64 px."""
    backbone = load_backbone(f"timm:{TINY_TIMM}?input_px=32", checkpoint=save_tiny_timm(tmp_path, TINY_TIMM))
    assert backbone.resize is not None
    backbone.resize(64)
    from dataclasses import replace

    (tmp_path / "models" / "grown").mkdir(parents=True)
    save_finetuned(tmp_path / "models" / "grown", backbone, replace(backbone.recipe, side_px=64))
    embedder = create_embedder("finetuned:grown", models_dir=tmp_path / "models", device="cpu")
    assert embedder.spec.input_px == 64
    assert embedder.embed([embedder.prepare(make_pages(1)[0])]).shape == (1, embedder.spec.dimensions)


def test_random_weights_follow_the_seed() -> None:
    """From scratch: the same seed gives the same network, also where no weights are published."""
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(load_backbone(f"timm:{TINY_CONVNET}?input_px=32", from_scratch=True).weights_sha256)
    assert found[0] == found[1] != found[2]


def test_a_name_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    """And where there is no folder of models at all."""
    backbone = load_backbone(f"timm:{TINY_CONVNET}?input_px=32", from_scratch=True)
    (tmp_path / "labels").mkdir()
    save_finetuned(tmp_path / "labels", backbone, backbone.recipe)
    with pytest.raises(UnknownModelError, match="Did you mean labels"):
        create_embedder("finetuned:label", models_dir=tmp_path)
    with pytest.raises(UnknownModelError, match="This library has none"):
        create_embedder("finetuned:label")
    with pytest.raises(UnknownModelError, match="has labels"):
        create_embedder("finetuned:../labels", models_dir=tmp_path)
    with pytest.raises(UsageError, match="no weights from a file"):
        create_embedder("finetuned:labels", models_dir=tmp_path, checkpoint=tmp_path / "x.pt")


def test_files_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    """Weights of another network, a damaged description, a base of another kind: each is a model error that names the folder."""
    backbone = load_backbone(f"timm:{TINY_CONVNET}?input_px=32", from_scratch=True)
    save_finetuned(tmp_path, backbone, backbone.recipe)
    described = json.loads((tmp_path / EMBEDDER_FILE).read_text())
    models, name = tmp_path.parent, f"finetuned:{tmp_path.name}"
    for change in ({"base": f"timm:{TINY_TIMM}"}, {"base": "classic"}, {"input": {}}):
        (tmp_path / EMBEDDER_FILE).write_text(json.dumps(described | change))
        with pytest.raises(ModelError, match=tmp_path.name):
            create_embedder(name, models_dir=models)
    (tmp_path / EMBEDDER_FILE).write_text(json.dumps(described))
    (tmp_path / WEIGHTS_FILE).write_bytes(b"nothing")
    with pytest.raises(ModelError, match=tmp_path.name):
        create_embedder(name, models_dir=models)


def test_what_is_no_network_can_not_be_trained() -> None:
    """Nor what was fine-tuned: its test pages would be known to it already."""
    for name in ("pixels", "classic", "finetuned:label"):
        with pytest.raises(UsageError, match=r"--base timm:… or open_clip:…"):
            load_backbone(name)
