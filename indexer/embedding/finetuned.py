"""Models that were fine-tuned on a library's own labels: `finetuned:NAME`, a folder of `models/` each.

weights.safetensors       the network without its head, under the names of the base's own library
open_clip_config.json     only of open_clip: what its image tower is built from
embedder.json             the base that it began as, and how a page becomes its input; written last
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from indexer.embedding.backbone import Backbone, embedder_of
from indexer.embedding.fitting import as_fit_mode
from indexer.embedding.open_clip_adapter import LOCAL, load_open_clip
from indexer.embedding.request import ModelRequest, explain_unknown
from indexer.embedding.timm_adapter import load_timm
from indexer.embedding.torch_embedder import InputRecipe, TorchEmbedder
from indexer.embedding.weights import explain_misfit, hash_file
from indexer.errors import ModelError

EMBEDDER_FILE, WEIGHTS_FILE, CONFIG_FILE = "embedder.json", "weights.safetensors", "open_clip_config.json"
KIND = "finetuned"


def save_finetuned(folder: Path, backbone: Backbone, recipe: InputRecipe) -> str:
    """Write the network as it is now, to be found as `finetuned:` and the folder's name; returns the sha256 of its weights."""
    from safetensors.torch import save_file

    state = {name: value.detach().cpu().contiguous().clone() for name, value in backbone.network.state_dict().items()}
    save_file(state, folder / WEIGHTS_FILE)
    if backbone.config is not None:
        config = {"model_cfg": dict(backbone.config), "preprocess_cfg": {}}
        (folder / CONFIG_FILE).write_text(json.dumps(config), encoding="utf-8")
    document = {"base": backbone.name, "input": asdict(recipe)}
    (folder / EMBEDDER_FILE).write_text(json.dumps(document, indent=2), encoding="utf-8")
    return hash_file(folder / WEIGHTS_FILE)


def create_finetuned_embedder(request: ModelRequest) -> TorchEmbedder:
    """The embedder of a fine-tuned model.

    Raises:
        UnknownModelError: the library has none of that name.
        ModelError: its files do not fit each other.
    """
    return embedder_of(load_finetuned(request), request)


def load_finetuned(request: ModelRequest) -> Backbone:
    """The network of a fine-tuned model; raises as `create_finetuned_embedder` does."""
    from safetensors.torch import load_file

    folder = _find_folder(request)
    with explain_misfit(folder, request.name):
        document = json.loads((folder / EMBEDDER_FILE).read_text(encoding="utf-8"))
        recipe = _read_recipe(document["input"])
        built = _build(str(document["base"]), folder, recipe.side_px)
        built.network.load_state_dict(load_file(folder / WEIGHTS_FILE))
    return Backbone(
        request.name,
        built.network,
        built.forward,
        recipe,
        hash_file(folder / WEIGHTS_FILE),
        resize=built.resize,
        config=built.config,
    )


def _build(base: str, folder: Path, side_px: int) -> Backbone:
    """The base's architecture, with weights that are about to be replaced."""
    kind, _, detail = base.partition(":")
    if kind == "timm":
        return load_timm(ModelRequest(base, detail, is_blank=True), side_px=side_px)
    if kind == "open_clip":
        return load_open_clip(ModelRequest(base, f"{LOCAL}{folder}", is_blank=True))
    raise ModelError(f"{folder / EMBEDDER_FILE} names the base {base}, which is neither of timm nor of open_clip.")


def _find_folder(request: ModelRequest) -> Path:
    models = request.models_dir
    known = sorted(file.parent.name for file in models.glob(f"*/{EMBEDDER_FILE}")) if models else []
    if models is None or request.detail not in known:
        listed = ", ".join(known) or "none"
        raise explain_unknown(
            "The fine-tuned model", request.detail, known, f"This library has {listed}; `quire finetune` makes one."
        )
    return models / request.detail


def _read_recipe(values: dict[str, Any]) -> InputRecipe:
    mean, std = (tuple(float(one) for one in values[name]) for name in ("mean", "std"))
    return InputRecipe(
        side_px=int(values["side_px"]),
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
        mode=as_fit_mode(str(values["mode"])),
        filter_name=str(values["filter_name"]),
    )
