"""Models whose weights can be had here: random ViT-B/32 (speed needs no more), the real MobileNetV2, and a tiny one for small runs."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from benchmarks.report import find_data

VIT = "open_clip:ViT-B-32"
TINY = "quire-benchmark-tiny"
MOBILENET = "timm:mobilenetv2_100?pad_type=same&mean=0.5&std=0.5&input_px=224&mode=squash"


def save_random_clip(folder: Path, *, small: bool) -> tuple[str, Path]:
    """The name and checkpoint of ViT-B/32 with random weights (seed 0), or of a tiny tower of the same kind."""
    import open_clip
    import torch

    name = "ViT-B-32"
    if small:
        name = TINY
        vision = {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16}
        text = {"context_length": 8, "vocab_size": 64, "width": 64, "heads": 2, "layers": 1}
        config = folder / f"{name}.json"
        config.write_text(json.dumps({"embed_dim": 64, "vision_cfg": vision, "text_cfg": text}))
        open_clip.add_model_config(config)
    torch.manual_seed(0)
    logging.disable(logging.WARNING)
    model = open_clip.create_model(name)
    logging.disable(logging.NOTSET)
    checkpoint = folder / "random.pt"
    torch.save(model.state_dict(), checkpoint)
    return f"open_clip:{name}", checkpoint


def find_mobilenet() -> Path:
    """The checkpoint of the real MobileNetV2."""
    return find_data() / "weights" / "mobilenetv2_100_coral_dequant_fp16.pt"
