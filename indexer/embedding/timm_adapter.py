"""Models of timm: `MODEL`, with options after a question mark: `mobilenetv2_100?input_px=224&mode=squash`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from indexer.embedding.backbone import Backbone, embedder_of
from indexer.embedding.fitting import as_filter_name, as_fit_mode
from indexer.embedding.request import ModelRequest, explain_unknown
from indexer.embedding.torch_embedder import InputRecipe, TorchEmbedder
from indexer.embedding.weights import (
    cached_hub_file,
    explain_misfit,
    explain_missing,
    find_checkpoint,
    first_three,
    hash_file,
    hash_parameters,
    hub_cache,
    keys_of,
    quiet_libraries,
)
from indexer.errors import ModelError, UsageError

if TYPE_CHECKING:
    import torch

OWN_OPTIONS = ("mean", "std", "input_px", "mode")
BUILD_OPTIONS = ("pad_type", "global_pool", "img_size")
"""Handed to `timm.create_model` as they are."""
HEADS = {"classifier", "head", "head_dist", "fc", "last_linear"}
"""Where timm's models keep their classifier, besides what a model says itself; left out, since vectors are wanted."""
HUB_FILES = ("model.safetensors", "pytorch_model.bin")


def create_timm_embedder(request: ModelRequest) -> TorchEmbedder:
    """An embedder of the vectors before the classifier.

    Raises:
        UnknownModelError: timm has no such model.
        UsageError: an option that does not exist or cannot be read.
        WeightsMissingError: the weights are neither here nor fetchable.
        ModelError: the checkpoint does not fit, or is a pickle that could run code.
    """
    return embedder_of(load_timm(request), request)


def load_timm(request: ModelRequest, *, side_px: int | None = None) -> Backbone:
    """The network alone, for pages of `side_px` where that is given; see `create_timm_embedder` for what is raised."""
    model_name, _, query = request.detail.partition("?")
    options = _read_options(query, request.name)
    if side_px is not None:
        options = {**options, "input_px": str(side_px)}
    _check_model(model_name)
    model, sha256 = _load(request, model_name, _build_options(model_name, options))
    recipe = _read_recipe(model, options, request.name)

    def forward(batch: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = model.forward_head(model.forward_features(batch), pre_logits=True)
        return vectors

    return Backbone(request.name, model, forward, recipe, sha256, resize=_resizer(model, request.name))


def _resizer(model: Any, name: str) -> Callable[[int], None] | None:
    """How a network that was built for one size is made to take another; None for those that take any."""
    if not model.default_cfg.get("fixed_input_size"):
        return None

    def resize(side_px: int) -> None:
        if not hasattr(model, "set_input_size"):
            raise UsageError(f"{name} takes pages of one size only; leave --sizes away.")
        model.set_input_size(img_size=(side_px, side_px))

    return resize


def _read_options(query: str, name: str) -> dict[str, str]:
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True)) if query else {}
    except ValueError as cause:
        raise UsageError(f"The options of {name} cannot be read: write them as ?input_px=224&mode=squash.") from cause
    for option in options:
        if option not in OWN_OPTIONS + BUILD_OPTIONS:
            known = ", ".join(OWN_OPTIONS + BUILD_OPTIONS)
            raise UsageError(f"{name} has the option {option!r}, which is not known. Known are {known}.")
    for option in ("input_px", "img_size"):
        if option in options and not (options[option].isdecimal() and 16 <= int(options[option]) <= 2048):
            raise UsageError(f"{option} of {name} is {options[option]!r}: give a whole number from 16 to 2048.")
    return options


def _build_options(model_name: str, options: Mapping[str, str]) -> dict[str, str | int]:
    import timm

    build: dict[str, str | int] = {key: value for key, value in options.items() if key in BUILD_OPTIONS}
    published = timm.get_pretrained_cfg(model_name)
    # Transformers are built for one size; convolutional networks take any.
    if "input_px" in options and published is not None and published.fixed_input_size:
        build.setdefault("img_size", options["input_px"])
    if "img_size" in build:
        build["img_size"] = int(build["img_size"])
    return build


def _read_recipe(model: torch.nn.Module, options: Mapping[str, str], name: str) -> InputRecipe:
    import timm

    settings = timm.data.resolve_model_data_config(model)
    try:
        mean, std = (
            first_three(options[key].split(",") if key in options else settings[key], name) for key in ("mean", "std")
        )
    except ValueError as cause:
        raise UsageError(f"mean and std of {name} are one number, or three with commas between them.") from cause
    if min(std) <= 0:
        raise UsageError(f"std of {name} must be above 0.")
    return InputRecipe(
        side_px=int(options.get("input_px") or options.get("img_size") or settings["input_size"][-1]),
        mean=mean,
        std=std,
        mode=as_fit_mode(options.get("mode", "longest")),
        filter_name=as_filter_name(settings["interpolation"]),
    )


def _check_model(model_name: str) -> None:
    import timm

    if not timm.is_model(model_name):
        known = timm.list_models()
        raise explain_unknown("The timm model", model_name, known, "`timm.list_models()` names all of them.")


def _load(request: ModelRequest, model_name: str, build: Mapping[str, str | int]) -> tuple[Any, str]:
    """The model without its classifier, and the sha256 of its weights."""
    import timm

    if request.is_blank:
        model = timm.create_model(model_name, pretrained=False, num_classes=0, **build)
        return model, hash_parameters(model)
    if request.checkpoint is None:
        return _load_published(request, model_name, build)
    path = find_checkpoint(request.checkpoint, request.name)
    with quiet_libraries(), explain_misfit(path, request.name):
        model = timm.create_model(model_name, pretrained=False, num_classes=0, **build)
        # Published weights in their authors' own layout (DINOv2's, say) are brought into timm's by the model's module.
        into_own_layout = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
        found = timm.models.load_checkpoint(
            model, str(path), strict=False, filter_fn=into_own_layout, weights_only=True
        )
    _check_keys(model, keys_of(found), path, request.name)
    return model, hash_file(path)


def _check_keys(model: Any, keys: Mapping[str, list[str]], path: Path, name: str) -> None:
    own_head = model.default_cfg.get("classifier") or ()
    heads = HEADS | set((own_head,) if isinstance(own_head, str) else own_head)
    spare = [key for key in keys["unexpected"] if not any(key.startswith(f"{head}.") for head in heads)]
    for wrong, verb in ((keys["missing"], "lacks"), (spare, "also holds")):
        if wrong:
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise ModelError(
                f"The checkpoint {path} does not fit {name}: it {verb} {', '.join(wrong[:3])}{more}. Give the weights of "
                "that model, or name the model that they belong to."
            )


def _load_published(request: ModelRequest, model_name: str, build: Mapping[str, str | int]) -> tuple[Any, str]:
    import timm

    published = timm.get_pretrained_cfg(model_name)
    repository = (published.hf_hub_id or "") if published is not None else ""
    names = (published.hf_hub_filename,) if published is not None and published.hf_hub_filename else HUB_FILES
    wanted = f"{repository}/{names[0]}" if repository else f"weights for {model_name}, of which timm publishes none"
    try:
        with quiet_libraries():
            model = timm.create_model(model_name, pretrained=True, num_classes=0, cache_dir=request.cache_dir, **build)
    except (OSError, RuntimeError, ValueError) as cause:
        raise explain_missing(request.name, wanted, hub_cache(request.cache_dir), cause) from cause
    file = cached_hub_file(repository, names, request.cache_dir) if repository else None
    return model, hash_file(file) if file else hash_parameters(model)
