"""A backbone with a head that tells labels from the direction of its vectors alone, as everything else in the library does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from timm.models import group_parameters
from torch import Tensor, nn

from indexer.analysis.labels import LinearClassifier
from indexer.embedding.backbone import Backbone

SHARPNESS = 16.0
"""By what the head's answers are multiplied. Unit vectors give cosines; ±16 of them is sure enough for any number of labels here."""
_CLIP_LAYERS = {
    "stem": r"^(?:conv1|class_embedding|positional_embedding|ln_pre|patch_dropout|conv2|conv3|bn1|bn2|bn3)",
    "blocks": [
        (r"^transformer\.resblocks\.(\d+)", None),
        (r"^layer(\d+)\.(\d+)", None),
        (r"^(?:ln_post|proj|attn_pool|attnpool)", (99_999,)),
    ],
}
"""Which layer a parameter of open_clip's own towers belongs to, in the form that timm's models say it in."""


class LabelNetwork(nn.Module):
    """`forward` sends normalized pages [B, 3, s, s] to logits [B, L]."""

    def __init__(
        self, backbone: Backbone, dimensions: int, labels: int, *, begin: LinearClassifier | None = None
    ) -> None:
        """With `begin`, a probe of the base's own vectors, the head begins as that (Kumar et al., ICLR 2022)."""
        super().__init__()
        self.base = backbone.network
        self.head = nn.Linear(dimensions, labels)
        self._features = backbone.forward
        with torch.no_grad():
            if begin is None:
                self.head.bias.zero_()
            else:
                self.head.weight.copy_(torch.from_numpy(begin.weights / SHARPNESS))
                self.head.bias.copy_(torch.from_numpy(begin.bias / SHARPNESS))

    def features(self, batch: Tensor) -> Tensor:
        """Unit vectors [B, D]."""
        return F.normalize(self._features(batch).float(), dim=1)

    def forward(self, batch: Tensor) -> Tensor:
        """Logits [B, L]."""
        logits: Tensor = SHARPNESS * self.head(self.features(batch))
        return logits


def count_dimensions(backbone: Backbone) -> int:
    """D: how long its vectors are."""
    side_px = backbone.recipe.side_px
    backbone.network.eval()
    with torch.inference_mode():
        return int(backbone.forward(torch.zeros(1, 3, side_px, side_px)).shape[1])


def parameter_groups(network: LabelNetwork, *, depth_ratio: float, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters that learn, in groups with an `lr_scale`: 1 for the head and the last layer, 1 / `depth_ratio` for the first.

    Between them it grows by even factors. Biases and the parameters of normalisation do not decay.
    """
    depths = _depths(network.base)
    deepest = max(depths.values(), default=0)
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        depth = depths.get(name.removeprefix("base."), deepest) if name.startswith("base.") else deepest
        key = (depth, parameter.ndim > 1)
        scale = depth_ratio ** (depth / deepest - 1) if deepest else 1.0
        group = groups.setdefault(
            key, {"params": [], "lr_scale": scale, "weight_decay": weight_decay if parameter.ndim > 1 else 0.0}
        )
        group["params"].append(parameter)
    return [groups[key] for key in sorted(groups)]


def _depths(base: nn.Module) -> Mapping[str, int]:
    """The layer of each parameter, from 0, the one nearest to the page."""
    trunk: Any = getattr(base, "trunk", None)
    prefix, part = ("trunk.", trunk) if hasattr(trunk, "group_matcher") else ("", base)
    describe: Any = getattr(part, "group_matcher", None)
    matcher = describe(coarse=False) if describe is not None else _CLIP_LAYERS
    try:
        found = group_parameters(part, matcher, reverse=True)
    except (KeyError, ValueError, TypeError, StopIteration):
        # A tower that neither timm nor this file can take apart learns at one rate.
        return {}
    return {f"{prefix}{name}": int(depth) for name, depth in found.items()}
