"""When a network is compiled for a run, and what happens where it can't be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from indexer.embedding.hardware import cpu_has_amx

if TYPE_CHECKING:
    import torch

Compiling = Literal["auto", "on", "off"]
Forward = Callable[["torch.Tensor"], "torch.Tensor"]

COMPILE_FROM_PAGES = 20_000
"""Compiling ViT-B/32 takes about 45 s of two cores. With AMX it saves some 7 ms of a core a page, which is made up for by 13,000 pages."""
_log = logging.getLogger(__name__)


def compiling_pays(pages: int, *, device: str, precision: str) -> bool:
    """Whether a run of so many pages is shorter with compiling.

    It is on GPUs, and on CPUs with AMX (ViT-B/32 in bfloat16, both cores: 110 pages/s instead of 80). With AVX512-BF16 alone compiled
    code was slower (116 ms of a core a page instead of 47), with AVX2 8 % faster.
    """
    if pages < COMPILE_FROM_PAGES:
        return False
    return device.startswith("cuda") or (device == "cpu" and precision == "bfloat16" and cpu_has_amx())


def compile_forward(forward: Forward) -> Forward:
    """`forward` compiled for batches of one shape, when it is first called; where that fails, the log says so and it runs as it was."""
    import torch

    compiled: Forward = torch.compile(forward, dynamic=False)
    usable = True

    def run(batch: torch.Tensor) -> torch.Tensor:
        nonlocal usable
        if usable:
            try:
                return compiled(batch)
            except (
                RuntimeError
            ) as exc:  # what torch raises for any failure of its compilers, a missing C++ compiler too
                reason = str(exc).strip().splitlines()[:1]
                _log.warning("The model could not be compiled and runs as it is: %s", *reason or ["no reason given"])
                usable = False
        return forward(batch)

    return run
