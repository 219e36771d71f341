"""Tiny networks of the real libraries, saved to files so that the real loaders load them; and pages to send through."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

TINY_CLIP = "quire-tiny-clip"
TINY_TIMM = "test_vit"
TINY_CONVNET = "test_resnet"
MOBILENET = "timm:mobilenetv2_100?pad_type=same&mean=0.5&std=0.5&input_px=224&mode=squash"
MOBILENET_FILE = "weights/mobilenetv2_100_coral_dequant_fp16.pt"


def make_pages(count: int, *, seed: int = 0) -> list[np.ndarray]:
    """Different pages with ruled lines and a coloured patch on off-white paper, of various shapes."""
    random = np.random.default_rng(seed)
    pages = []
    for _ in range(count):
        height, width = random.integers(60, 200, size=2)
        page = np.full((height, width, 3), random.integers(200, 250, size=3), dtype=np.uint8)
        page[:: int(random.integers(5, 20)), 4:-4] = random.integers(0, 90)
        top, left = random.integers(0, 30, size=2)
        page[top : top + 25, left : left + 25] = random.integers(0, 255, size=3)
        pages.append(page)
    return pages


def save_tiny_clip(folder: Path, *, seed: int = 0, suffix: str = ".pt") -> Path:
    """Registers an architecture named TINY_CLIP with open_clip and saves a model of it with random weights."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    from indexer.embedding.weights import quiet_libraries

    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 8, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    }
    config_file = folder / f"{TINY_CLIP}.json"
    config_file.write_text(json.dumps(config))
    open_clip.add_model_config(config_file)
    torch.manual_seed(seed)
    with quiet_libraries():
        model = open_clip.create_model(TINY_CLIP)
    checkpoint = folder / f"clip-{seed}{suffix}"
    if suffix == ".safetensors":
        save_file(model.state_dict(), checkpoint)
    else:
        torch.save(model.state_dict(), checkpoint)
    return checkpoint


def save_tiny_timm(folder: Path, name: str = TINY_TIMM, *, seed: int = 0, classes: int = 7) -> Path:
    """Saves a tiny timm model with random weights, classifier and all."""
    import timm
    import torch

    torch.manual_seed(seed)
    checkpoint = folder / f"{name}-{seed}.pt"
    torch.save(timm.create_model(name, num_classes=classes).state_dict(), checkpoint)
    return checkpoint
