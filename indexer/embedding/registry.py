"""The embedder for a name: what `--model` takes, and whether two embedders' vectors may be compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from indexer.embedding.backbone import Backbone
from indexer.embedding.blur_mix import BlurMix, BlurMixEmbedder
from indexer.embedding.classic import ClassicEmbedder
from indexer.embedding.pixels import DEFAULT_SIDE_PX, PixelsEmbedder
from indexer.embedding.port import Embedder, TextEmbedder
from indexer.embedding.request import ModelRequest, explain_unknown
from indexer.errors import ModelMismatchError, NoTextTowerError, UsageError
from indexer.values import ModelSpec

DEFAULT_MODEL = "open_clip:ViT-B-32/laion2b_s34b_b79k"


def create_embedder(
    name: str,
    *,
    checkpoint: Path | None = None,
    precision: str = "auto",
    device: str = "auto",
    cache_dir: Path | None = None,
    models_dir: Path | None = None,
    threads: int | None = None,
    blur_mix: BlurMix | None = None,
) -> Embedder:
    """The embedder of that name, loaded and ready; with `blur_mix`, its vectors of a page at several blur levels, joined.

    `checkpoint` is a file of weights; `cache_dir` holds those fetched; `models_dir` those made by the user. `precision` is
    auto, float32, bfloat16 or float16; `device` auto, cpu, cuda, cuda:N or mps; `threads` limits torch on the CPU.

    Raises:
        UnknownModelError: no embedder answers to the name.
        UsageError: an option that cannot be read, or that this kind has no use for.
        WeightsMissingError: the weights are neither here nor fetchable.
        ModelError: the checkpoint does not fit the model.
    """
    kind, _, detail = name.partition(":")
    create = KINDS.get(kind)
    if create is None:
        forms = ", ".join(FORMS)
        raise explain_unknown("The model", name, [*KINDS, DEFAULT_MODEL], f"Models are named {forms}.")
    made = create(ModelRequest(name, detail, checkpoint, precision, device, cache_dir, models_dir, threads))
    return made if blur_mix is None else BlurMixEmbedder(made, blur_mix)


def load_backbone(
    name: str,
    *,
    checkpoint: Path | None = None,
    cache_dir: Path | None = None,
    models_dir: Path | None = None,
    from_scratch: bool = False,
) -> Backbone:
    """The network of that name, to be trained further; with `from_scratch` its weights are random, by torch's seed.

    Raises:
        UsageError: this kind of model has no network that learns.
        WeightsMissingError: the weights are neither here nor fetchable.
        ModelError: the checkpoint does not fit the model.
    """
    kind, _, detail = name.partition(":")
    load = BACKBONES.get(kind)
    if load is None:
        raise UsageError(
            f"{name} can't be trained further: choose --base {' or '.join(f'{one}:…' for one in BACKBONES)}."
        )
    return load(
        ModelRequest(name, detail, checkpoint, cache_dir=cache_dir, models_dir=models_dir, is_blank=from_scratch)
    )


def can_embed_texts(name: str) -> bool:
    """Whether the model of that name has a text side; nothing is loaded."""
    return name.partition(":")[0] in TEXT_KINDS


def create_text_embedder(
    name: str, *, checkpoint: Path | None = None, device: str = "auto", cache_dir: Path | None = None
) -> TextEmbedder:
    """The text side of the model of that name, loaded and ready.

    Raises:
        NoTextTowerError: this kind of model has none.
        WeightsMissingError: weights or tokenizer are neither here nor fetchable.
        ModelError: the checkpoint does not fit the model.
    """
    kind, _, detail = name.partition(":")
    create = TEXT_KINDS.get(kind)
    if create is None:
        raise NoTextTowerError(
            f"{name} only looks at pages and knows no words, so a text can't be compared with them. Models that can are those of "
            f"open_clip, such as {DEFAULT_MODEL}."
        )
    return create(ModelRequest(name, detail, checkpoint, device=device, cache_dir=cache_dir))


def check_same(library: ModelSpec, asked: ModelSpec) -> None:
    """Nothing, if vectors of the two may be compared: all but the precision agrees.

    Where both know their weights' hash, it says more than the way they were found, so `open_clip:ViT-B-32` with a
    checkpoint is the same as `open_clip:ViT-B-32//that/file`.

    Raises:
        ModelMismatchError: they may not; the message says in what they differ and what to do.
    """
    both_hashed = bool(library.weights_sha256 and asked.weights_sha256)
    names = (_architecture(library.name), _architecture(asked.name)) if both_hashed else (library.name, asked.name)
    compared = {
        "model": (names[0] == names[1], library.name, asked.name),
        "blur mix": (library.blur_mix == asked.blur_mix, library.blur_mix or "none", asked.blur_mix or "none"),
        "dimensions": (library.dimensions == asked.dimensions, library.dimensions, asked.dimensions),
        "preprocessing": (library.preprocessing == asked.preprocessing, library.preprocessing, asked.preprocessing),
        "weights": (
            library.weights_sha256 == asked.weights_sha256,
            library.weights_sha256[:12] or "none",
            asked.weights_sha256[:12] or "none",
        ),
    }
    differing = [f"{what} ({old} there, {new} here)" for what, (same, old, new) in compared.items() if not same]
    if differing:
        raise ModelMismatchError(
            f"The library's vectors were made by another embedder than the one asked for; they differ in "
            f"{'; '.join(differing)}. Ask with the library's own model ({library.name}), or embed all pages anew by "
            f"`quire reindex --model {asked.name}`."
        )


def _architecture(name: str) -> str:
    """The name without where its open_clip weights come from."""
    kind, colon, detail = name.partition(":")
    if kind == "open_clip" and not detail.startswith("hf-hub:"):
        return kind + colon + detail.partition("/")[0]
    return name


def _create_open_clip(request: ModelRequest) -> Embedder:
    from indexer.embedding.open_clip_adapter import create_open_clip_embedder

    return create_open_clip_embedder(request)


def _create_open_clip_text(request: ModelRequest) -> TextEmbedder:
    from indexer.embedding.open_clip_text import create_open_clip_text_embedder

    return create_open_clip_text_embedder(request)


def _create_timm(request: ModelRequest) -> Embedder:
    from indexer.embedding.timm_adapter import create_timm_embedder

    return create_timm_embedder(request)


def _create_finetuned(request: ModelRequest) -> Embedder:
    from indexer.embedding.finetuned import create_finetuned_embedder

    _refuse_checkpoint(request)
    return create_finetuned_embedder(request)


def _load_open_clip(request: ModelRequest) -> Backbone:
    from indexer.embedding.open_clip_adapter import load_open_clip

    return load_open_clip(request)


def _load_timm(request: ModelRequest) -> Backbone:
    from indexer.embedding.timm_adapter import load_timm

    return load_timm(request)


def _create_pixels(request: ModelRequest) -> Embedder:
    _refuse_checkpoint(request)
    if not request.detail:
        return PixelsEmbedder(DEFAULT_SIDE_PX)
    if not (request.detail.isascii() and request.detail.isdecimal()):
        raise UsageError(f"The side of {request.name} cannot be read: write pixels:28 for 28 × 28 px.")
    return PixelsEmbedder(int(request.detail))


def _create_classic(request: ModelRequest) -> Embedder:
    _refuse_checkpoint(request)
    if request.detail:
        raise UsageError(f"{request.name} has options, and classic takes none: write --model classic.")
    return ClassicEmbedder()


def _refuse_checkpoint(request: ModelRequest) -> None:
    if request.checkpoint is not None:
        raise UsageError(
            f"{request.name} takes no weights from a file, so --checkpoint {request.checkpoint} has no use; leave it out."
        )


KINDS: dict[str, Callable[[ModelRequest], Embedder]] = {
    "open_clip": _create_open_clip,
    "timm": _create_timm,
    "finetuned": _create_finetuned,
    "pixels": _create_pixels,
    "classic": _create_classic,
}
"""What stands before the colon, and who answers to it."""

BACKBONES: dict[str, Callable[[ModelRequest], Backbone]] = {"timm": _load_timm, "open_clip": _load_open_clip}
"""Those that are networks, and can be trained further."""

TEXT_KINDS: dict[str, Callable[[ModelRequest], TextEmbedder]] = {"open_clip": _create_open_clip_text}
"""Those that have a text side too."""

FORMS = (
    "open_clip:ARCH/PRETRAINED",
    "open_clip:hf-hub:ORG/NAME",
    "open_clip:local-dir:FOLDER",
    "timm:MODEL",
    "finetuned:NAME",
    "pixels or pixels:SIDE",
    "classic",
)
