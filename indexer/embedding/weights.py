"""Weights as files: hashed, read without running their code, and sorely missed in one error."""

from __future__ import annotations

import hashlib
import logging
import pickle
import textwrap
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import ModelError, WeightsMissingError

if TYPE_CHECKING:
    import torch


def hash_file(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_parameters(network: torch.nn.Module) -> str:
    """The sha256 of all parameters, by name and bytes: for weights whose file is nowhere to be found."""
    import torch

    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def find_checkpoint(path: Path, model: str) -> Path:
    """The file, if it is there.

    Raises:
        WeightsMissingError: it is not.
    """
    if path.is_file():
        return path
    raise WeightsMissingError(
        f"The weights of {model} were to be read from {path}, and no such file is there. Give the file with "
        "--checkpoint FILE, or use --model classic, which needs no weights."
    )


def explain_missing(model: str, wanted: str, cache: str | Path, cause: BaseException) -> WeightsMissingError:
    """The one error for weights that are neither in the cache nor fetchable; raise it from `cause`."""
    told = str(cause).strip() or type(cause).__name__
    # A hub's error tells the same story many times over; its first line holds the cause.
    first_line = textwrap.shorten(told.splitlines()[0], 300, placeholder=" …")
    return WeightsMissingError(
        f"The weights of {model} are not on this machine and could not be fetched: wanted {wanted}, looked in {cache} "
        f"({first_line}). Fetch the file elsewhere and give it with --checkpoint FILE, or use --model classic, which "
        "needs no weights."
    )


@contextmanager
def explain_misfit(path: str | Path, model: str) -> Iterator[None]:
    """Turns whatever a library says of a file that does not hold this model's weights into one ModelError."""
    from safetensors import SafetensorError

    try:
        yield
    except pickle.UnpicklingError as cause:
        raise _refuse(path, model) from cause
    except (
        RuntimeError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        EOFError,
        StopIteration,
        SafetensorError,
    ) as cause:
        told = textwrap.shorten(str(cause), 400, placeholder=" …").rstrip(".")
        if "weights_only" in told:  # torch's own refusal, with the advice to read the file all the same
            raise _refuse(path, model) from cause
        raise ModelError(
            f"The checkpoint {path} does not fit {model}: {told}. Give the weights of that model, or name the model that "
            "they belong to."
        ) from cause


def _refuse(path: str | Path, model: str) -> ModelError:
    return ModelError(
        f"The checkpoint {path} was refused: it is no plain table of weights, and reading it could run code from it. "
        f"Save the weights of {model} as safetensors, or by torch.save(model.state_dict(), FILE)."
    )


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Loading without the log lines and warnings of the libraries; progress bars of downloads stay."""
    root, mute = logging.getLogger(), logging.NullHandler()
    # Without a handler on the root, logging.warning() would set one up for good.
    root.addHandler(mute)
    disabled_before = root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled_before)
        root.removeHandler(mute)


def hub_cache(cache_dir: Path | None) -> Path:
    """The folder in which files of the Hugging Face hub are kept."""
    from huggingface_hub import constants

    return cache_dir or Path(constants.HF_HUB_CACHE)


def cached_hub_file(repository: str, names: tuple[str, ...], cache_dir: Path | None) -> Path | None:
    """The first of those files of a hub repository that is in the cache, or None."""
    from huggingface_hub import try_to_load_from_cache

    for name in names:
        found = try_to_load_from_cache(repository, name, cache_dir=cache_dir)
        if isinstance(found, str):
            return Path(found)
    return None


def first_three(values: object, model: str) -> tuple[float, float, float]:
    """Mean or standard deviation for red, green and blue: three numbers, or one for all three."""
    numbers = [float(value) for value in values] if isinstance(values, (tuple, list)) else [float(str(values))]
    if len(numbers) == 1:
        numbers *= 3
    if len(numbers) != 3:
        raise ModelError(f"{model} takes {len(numbers)} channels; pages have three (red, green, blue).")
    return numbers[0], numbers[1], numbers[2]


def keys_of(incompatible: object) -> Mapping[str, list[str]]:
    """The names that torch's `load_state_dict(strict=False)` found missing and unexpected."""
    return {kind: list(getattr(incompatible, f"{kind}_keys", ())) for kind in ("missing", "unexpected")}
