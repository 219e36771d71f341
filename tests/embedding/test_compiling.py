"""Long runs go through a compiled network, which changes no vector; and where there is no compiler, through the network as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.models import TINY_CLIP, make_pages, save_tiny_clip

from indexer.embedding import create_embedder
from indexer.embedding.compiling import COMPILE_FROM_PAGES, compiling_pays
from indexer.embedding.hardware import cpu_has_amx
from indexer.embedding.port import PreparingEmbedder

_EMBED = """
import logging, sys
from pathlib import Path
import numpy as np
from support.models import TINY_CLIP, make_pages, save_tiny_clip
from indexer.embedding import create_embedder

logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
checkpoint = save_tiny_clip(Path(sys.argv[1]))
embedder = create_embedder(f"open_clip:{TINY_CLIP}", checkpoint=checkpoint, precision="float32", device="cpu")
prepared = [embedder.prepare(page) for page in make_pages(2 * embedder.batch_size + 3)]
before = embedder.embed(prepared)
embedder.prepare_for(len(prepared), compiling="on")
np.testing.assert_allclose(embedder.embed(prepared), before, atol=1e-5)
import torch._dynamo.utils
print("compiled", sum(torch._dynamo.utils.counters["stats"].values()))
"""


def embed_in_a_process(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Two whole batches and a rest, as they are and compiled, must be equal. A process of its own: torch keeps what it compiled."""
    own = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])}
    own["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "cache")
    return subprocess.run(
        [sys.executable, "-c", _EMBED, str(folder)],
        env={**os.environ, **own, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )


def test_a_compiled_network_gives_the_same_vectors(tmp_path: Path) -> None:
    """Whole batches come from compiled code, the rest does not, and no vector changes."""
    done = embed_in_a_process(tmp_path)
    assert int(done.stdout.split()[-1]) > 0
    assert "could not be compiled" not in done.stderr


def test_without_a_compiler_the_run_goes_on(tmp_path: Path) -> None:
    """The log says so once, and the vectors are there."""
    done = embed_in_a_process(tmp_path, CXX="/nowhere/c++")
    assert done.stderr.count("could not be compiled and runs as it is") == 1


def test_short_runs_are_never_compiled() -> None:
    """Compiling takes longer than it can save; and it pays only where hardware makes it."""
    assert not compiling_pays(COMPILE_FROM_PAGES - 1, device="cuda", precision="bfloat16")
    assert compiling_pays(COMPILE_FROM_PAGES, device="cuda", precision="bfloat16")
    assert compiling_pays(COMPILE_FROM_PAGES, device="cpu", precision="bfloat16") == cpu_has_amx()
    assert not compiling_pays(COMPILE_FROM_PAGES, device="cpu", precision="float32")
    assert not compiling_pays(COMPILE_FROM_PAGES, device="mps", precision="float16")


@pytest.mark.parametrize("compiling", ["auto", "off"])
def test_a_run_of_a_few_pages_stays_as_it_was(tmp_path: Path, compiling: str) -> None:
    """Bit by bit the same vectors, at once."""
    checkpoint = save_tiny_clip(tmp_path)
    embedder = create_embedder(f"open_clip:{TINY_CLIP}", checkpoint=checkpoint, device="cpu")
    assert isinstance(embedder, PreparingEmbedder)
    prepared = [embedder.prepare(page) for page in make_pages(embedder.batch_size)]
    before = embedder.embed(prepared)
    embedder.prepare_for(len(prepared), compiling=compiling)  # type: ignore[arg-type]
    assert np.array_equal(embedder.embed(prepared), before)


def test_embedders_without_a_network_have_nothing_to_compile() -> None:
    """`classic` is what it is."""
    assert not isinstance(create_embedder("classic"), PreparingEmbedder)
