"""Which device and which precision the models run in; torch is imported when first asked."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import UsageError

if TYPE_CHECKING:
    import torch

PRECISIONS = ("float32", "bfloat16", "float16")
CPU_FACTS = Path("/proc/cpuinfo")


_here = threading.local()


def limit_threads_here(cores: int) -> None:
    """From now on models that this thread runs on the CPU use that many cores."""
    _here.threads = cores


def threads_here() -> int | None:
    """What `limit_threads_here` set in this thread; None: no limit."""
    threads: int | None = getattr(_here, "threads", None)
    return threads


def choose_device(asked: str = "auto") -> str:
    """The torch device: what was asked for, or the first there is of CUDA, Apple's MPS and the CPU.

    Raises:
        UsageError: the device asked for is not there, or no device has that name.
    """
    import torch

    if asked == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind = asked.partition(":")[0]
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind not in present:
        raise UsageError(f"There is no device {asked!r}: choose auto, cpu, cuda, cuda:N or mps.")
    if not present[kind]:
        raise UsageError(f"PyTorch finds no {kind} on this machine: choose --device auto or --device cpu.")
    return asked


def choose_precision(asked: str, device: str) -> str:
    """`float32`, `bfloat16` or `float16`: what was asked for, or with `auto` the fastest that the device has wires for.

    Weights in bfloat16 are 2 to 5 times as fast as float32 on CPUs with AVX512-BF16 or AMX, and slower on those without.

    Raises:
        UsageError: no precision has that name.
    """
    import torch

    if asked in PRECISIONS:
        return asked
    if asked != "auto":
        raise UsageError(f"There is no precision {asked!r}: choose auto, {', '.join(PRECISIONS)}.")
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if device == "cpu" and cpu_has_bfloat16():
        return "bfloat16"
    return "float32"


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 by itself (AMX or AVX512-BF16), by torch's word or else the kernel's."""
    import torch

    for probe in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        ask = getattr(torch.cpu, probe, None)
        if ask is not None and ask():
            return True
    return facts_name_bfloat16(CPU_FACTS)


def cpu_has_amx() -> bool:
    """Whether this CPU has tiles for bfloat16 (AMX), by torch's word."""
    import torch

    ask = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return ask is not None and bool(ask())


def facts_name_bfloat16(facts: Path) -> bool:
    """Whether a file like Linux's /proc/cpuinfo lists the flags `amx_bf16` or `avx512_bf16`; no file, no flags."""
    try:
        lines = facts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not {"amx_bf16", "avx512_bf16"}.isdisjoint(flags.split())


def as_dtype(precision: str) -> torch.dtype:
    """The torch type of that name."""
    import torch

    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
