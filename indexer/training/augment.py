"""What may happen to a page on its way through a scanner, and nothing else: writing is never mirrored or turned upside down."""

from __future__ import annotations

import numpy as np
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from indexer.values import Pixels

TURN_DEG = 4.0
SHEAR_DEG = 2.0
SHIFT = 0.05
"""Share of the side by which a page lies off the middle at most."""
SCALE = (0.88, 1.08)
TONE = 0.25
"""By how much brightness, contrast and colour change at most."""
BLURRED = 0.1
"""How many pages are blurred a little."""


def augment_page(page: Pixels, rng: np.random.Generator) -> Pixels:
    """The page uint8 [s, s, 3] as it might have come from another scan of it, by numbers drawn from `rng` alone.

    Turned, sheared, shifted and scaled a little, on paper of its own colour; lighter or darker, paler or stronger; now and then blurred.
    """
    side = page.shape[0]
    picture = Image.fromarray(page)
    picture = functional.affine(
        picture,
        angle=rng.uniform(-TURN_DEG, TURN_DEG),
        translate=[round(one) for one in rng.uniform(-SHIFT * side, SHIFT * side, size=2)],
        scale=rng.uniform(*SCALE),
        shear=rng.uniform(-SHEAR_DEG, SHEAR_DEG, size=2).tolist(),
        interpolation=InterpolationMode.BILINEAR,
        fill=paper_colour(page),
    )
    adjust = (functional.adjust_brightness, functional.adjust_contrast, functional.adjust_saturation)
    for change, amount in zip(adjust, rng.uniform(1 - TONE, 1 + TONE, size=3), strict=True):
        picture = change(picture, float(amount))
    if rng.random() < BLURRED:
        picture = functional.gaussian_blur(picture, kernel_size=[5, 5], sigma=[float(rng.uniform(0.3, 1.2))])
    return np.asarray(picture)


def paper_colour(page: Pixels) -> list[int]:
    """The median colour along the edges."""
    edges = np.concatenate([page[0], page[-1], page[:, 0], page[:, -1]])
    return [int(value) for value in np.median(edges, axis=0)]
