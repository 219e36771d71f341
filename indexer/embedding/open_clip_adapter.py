"""Models of open_clip: `ARCH/PRETRAINED`, `ARCH` with a checkpoint file, `hf-hub:ORG/NAME`, `local-dir:FOLDER`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.embedding.backbone import Backbone, embedder_of
from indexer.embedding.fitting import as_filter_name
from indexer.embedding.request import ModelRequest, explain_unknown
from indexer.embedding.torch_embedder import InputRecipe, TorchEmbedder
from indexer.embedding.weights import (
    explain_misfit,
    explain_missing,
    find_checkpoint,
    first_three,
    hash_file,
    hash_parameters,
    hub_cache,
    quiet_libraries,
)
from indexer.errors import ModelError, UnknownModelError, UsageError, WeightsMissingError

if TYPE_CHECKING:
    import torch

HUB = "hf-hub:"
LOCAL = "local-dir:"


@dataclass(frozen=True, slots=True)
class LoadedClip:
    """A model with both towers, float32 on the CPU, and the file its weights came from."""

    model: Any
    weights: Path


def create_open_clip_embedder(request: ModelRequest) -> TorchEmbedder:
    """An embedder of the image tower alone; the text tower is let go.

    Raises:
        UnknownModelError: open_clip has no such architecture or no such weights for it.
        WeightsMissingError: the weights are neither here nor fetchable.
        ModelError: the checkpoint does not fit, or is a pickle that could run code.
    """
    return embedder_of(load_open_clip(request), request)


def load_open_clip(request: ModelRequest) -> Backbone:
    """The image tower alone; see `create_open_clip_embedder` for what is raised."""
    if request.is_blank:
        model, weights_sha256 = _create_blank(request), ""
    else:
        loaded = load_clip(request)
        model, weights_sha256 = loaded.model, hash_file(loaded.weights)
    visual = model.visual
    settings: Mapping[str, Any] = visual.preprocess_cfg
    size = settings["size"]
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise ModelError(f"{request.name} takes pages of {width} × {height} px; only square inputs are supported.")
    recipe = InputRecipe(
        side_px=int(height),
        mean=first_three(settings["mean"], request.name),
        std=first_three(settings["std"], request.name),
        filter_name=as_filter_name(settings["interpolation"]),
    )

    def resize(side_px: int) -> None:
        if side_px != recipe.side_px:
            raise UsageError(f"{request.name} takes pages of {recipe.side_px} px only; leave --sizes away.")

    return Backbone(
        request.name,
        visual,
        lambda batch: _pooled(visual(batch)),
        recipe,
        weights_sha256 or hash_parameters(visual),
        resize=resize,
        config=_visual_config(request.detail, visual),
    )


def _create_blank(request: ModelRequest) -> Any:
    """A model with random weights, of an architecture by name, or of one that a folder describes."""
    import open_clip

    name = request.detail
    if not name.startswith(LOCAL):
        name = name.partition("/")[0]
        _check_architecture(name)
    with quiet_libraries():
        return open_clip.create_model(name, load_weights=False, precision="fp32", device="cpu")


def _visual_config(detail: str, visual: torch.nn.Module) -> Mapping[str, Any]:
    """What open_clip builds this image tower from, beside a text tower as small as can be: it needs no tokenizer from a hub."""
    import open_clip

    name = detail if detail.startswith((HUB, LOCAL)) else detail.partition("/")[0]
    config: Mapping[str, Any] = open_clip.get_model_config(name)
    return {
        "embed_dim": config["embed_dim"],
        "vision_cfg": config["vision_cfg"],
        "text_cfg": {"context_length": 8, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1},
        # Of published weights it is the weights that say so, not the architecture.
        "quick_gelu": any(type(part).__name__ == "QuickGELU" for part in visual.modules()),
    }


def load_clip(request: ModelRequest) -> LoadedClip:
    """Both towers, for those who also search by text. Raises as `create_open_clip_embedder` does."""
    import open_clip

    cache_dir = str(request.cache_dir) if request.cache_dir else None
    extra: dict[str, bool] = {}
    if request.detail.startswith((HUB, LOCAL)):
        if request.checkpoint is not None:
            raise UsageError(
                f"{request.name} brings its own weights, so --checkpoint {request.checkpoint} cannot be used with "
                "it; name the architecture instead, as in open_clip:ViT-B-32."
            )
        find = _fetch_repository if request.detail.startswith(HUB) else _find_in_folder
        architecture, source, weights = request.detail, None, find(request)
    else:
        architecture, _, source = request.detail.partition("/")
        _check_architecture(architecture)
        weights, extra = _find_weights(request, architecture, source)
        source = source if extra else str(weights)
    with quiet_libraries(), explain_misfit(weights, request.name):
        model = open_clip.create_model(
            architecture, source, precision="fp32", device="cpu", cache_dir=cache_dir, weights_only=True, **extra
        )
    return LoadedClip(model, weights)


def _find_weights(request: ModelRequest, architecture: str, source: str) -> tuple[Path, dict[str, bool]]:
    """The weights' file, and for published weights what open_clip must be told about them."""
    import open_clip

    if request.checkpoint is not None:
        return find_checkpoint(request.checkpoint, request.name), {}
    published = open_clip.get_pretrained_cfg(architecture, source)
    if published:
        # Published weights that were trained with QuickGELU give worse vectors without it, and open_clip only warns.
        return _fetch_published(request, published), {"force_quick_gelu": bool(published.get("quick_gelu", False))}
    path = Path(source).expanduser()
    if path.is_absolute() or path.is_file():
        return find_checkpoint(path, request.name), {}
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    hint = f"Weights of {architecture}: {', '.join(tags) or 'none published'}; or a file, by --checkpoint FILE."
    if not source:
        raise UnknownModelError(f"{request.name} names no weights: add /NAME to it. {hint}")
    raise explain_unknown(f"The name of weights for {architecture}", source, tags, hint)


def _fetch_published(request: ModelRequest, published: Mapping[str, Any]) -> Path:
    import open_clip

    wanted = published.get("hf_hub") or published.get("url", "")
    if wanted.endswith("/"):
        wanted += "open_clip_model.safetensors"
    try:
        with quiet_libraries():
            return Path(open_clip.download_pretrained(dict(published), cache_dir=_text(request.cache_dir)))
    except (OSError, RuntimeError, ValueError) as cause:
        raise explain_missing(request.name, wanted, hub_cache(request.cache_dir), cause) from cause


def _fetch_repository(request: ModelRequest) -> Path:
    from open_clip.pretrained import download_pretrained_from_hf

    repository = request.detail.removeprefix(HUB)
    try:
        with quiet_libraries():
            download_pretrained_from_hf(repository, "open_clip_config.json", cache_dir=_text(request.cache_dir))
            return Path(download_pretrained_from_hf(repository, cache_dir=_text(request.cache_dir)))
    except (OSError, RuntimeError, ValueError) as cause:
        wanted = f"{repository}/open_clip_model.safetensors"
        raise explain_missing(request.name, wanted, hub_cache(request.cache_dir), cause) from cause


def _find_in_folder(request: ModelRequest) -> Path:
    """The weights in a folder laid out like a repository of the hub, as open_clip itself chooses them."""
    from open_clip.factory import _find_checkpoint_in_dir

    folder = Path(request.detail.removeprefix(LOCAL))
    with quiet_libraries():
        found = _find_checkpoint_in_dir(folder) if (folder / "open_clip_config.json").is_file() else None
    if found is None:
        raise WeightsMissingError(
            f"{request.name} names the folder {folder}, and there is no open_clip_config.json with weights beside it. Copy the "
            "whole folder of the model there, or use --model classic, which needs no weights."
        )
    return Path(found)


def _check_architecture(architecture: str) -> None:
    import open_clip

    known = open_clip.list_models()
    if architecture not in known:
        raise explain_unknown(
            "The open_clip architecture", architecture, known, "`open_clip.list_models()` names all of them."
        )


def _pooled(output: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The page's vector; some towers (CoCa) give those of its patches as well."""
    return output[0] if isinstance(output, tuple) else output


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
