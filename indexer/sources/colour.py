"""Any picture that Pillow can load, as small sRGB pixels on white."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_LANCZOS = Image.Resampling.LANCZOS
# boxes do the bulk of the shrinking and Lanczos the last 2 to 4 times; on the 11 pages of scans_300dpi 2.0 came as near
# to the whole way by Lanczos as 3.0
_REDUCING_GAP = 2.0


def shrink(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """`image` at `size` (width, height), antialiased, in a mode of 8 bits that can be averaged."""
    averaged = _averageable(image)
    # Pillow itself weighs colour by opacity when it shrinks RGBA and LA, so hidden colours do not bleed
    return averaged if averaged.size == size else averaged.resize(size, _LANCZOS, reducing_gap=_REDUCING_GAP)


def shrink_by(image: Image.Image, blocks: int) -> Image.Image:
    """`image` with each square of `blocks` × `blocks` pixels averaged to one, in a mode of 8 bits."""
    return _averageable(image).reduce(blocks)


def to_srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """`image` as RGB in sRGB, transparency laid on white; `icc_profile` is the file's own, and ignored if broken."""
    opaque = _on_white(image)
    if opaque.mode == "LAB":
        return _apply(_lab_transform(), opaque)
    if icc_profile and opaque.mode in ("RGB", "L", "CMYK"):
        transform = _transform_to_srgb(icc_profile, opaque.mode)
        if transform is not None:
            return _apply(transform, opaque)
    return opaque if opaque.mode == "RGB" else opaque.convert("RGB")


def _averageable(image: Image.Image) -> Image.Image:
    mode = image.mode
    if mode.startswith(("I", "F")):
        return _from_deep(image)
    # the transparent colour of a palette, or of PNG's tRNS in any mode, must become opacity before colours mix
    if "transparency" in image.info and mode in ("1", "L", "P", "RGB"):
        return image.convert("RGBA")
    if mode == "1":
        return image.convert("L")
    if mode == "P":
        return image.convert("RGB")
    if mode in ("PA", "La", "RGBa"):
        return image.convert("RGBA")
    return image.convert("RGB") if mode in ("RGBX", "YCbCr", "HSV") else image


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode not in ("RGBA", "LA"):
        return image
    white = Image.new("L" if image.mode == "LA" else "RGB", image.size, "white")
    white.paste(image.convert(white.mode), mask=image.getchannel("A"))
    return white


def _from_deep(image: Image.Image) -> Image.Image:
    """Grayscale of more than 8 bits at 8, by the range of its type and not by the range that its values use."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray(_deep_table(*_depth_of(image))[values])
    return Image.fromarray(_from_wide(values))


def _depth_of(image: Image.Image) -> tuple[int, bool]:
    """Bits in use, and whether 0 is white: Pillow neither widens 12-bit TIFFs nor inverts 16-bit WhiteIsZero."""
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return 16, False
    bits = tags.get(258, (16,))
    return int(bits[0] if isinstance(bits, tuple) else bits), tags.get(262) == 0


@lru_cache(maxsize=8)
def _deep_table(bits: int, white_is_zero: bool) -> NDArray[np.uint8]:
    top = (1 << min(max(bits, 9), 16)) - 1
    levels = np.minimum(np.arange(65_536, dtype=np.int64), top)
    table = ((levels * 255 + top // 2) // top).astype(np.uint8)
    return 255 - table if white_is_zero else table


def _from_wide(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """32-bit values have no one white: it is the least of 65,535 and 2³² - 1 that holds all of them.

    For floats 1 and 255 come before those; what is higher still is divided by its own highest.
    """
    wide = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if values.dtype.kind in "iu":
        wide = np.where(wide < 0, wide + 2.0**32, wide)  # Pillow hands unsigned values over as signed
        tops = [65_535.0, 2.0**32 - 1]
    else:
        tops = [1.0, 255.0, 65_535.0, 2.0**32 - 1]
    highest = float(wide.max())
    top = next((top for top in tops if highest <= top), highest)
    return (np.clip(wide / top, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)


def _apply(transform: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # only in-place conversion returns none
    return converted


# Building a transform from a press profile takes longer than converting a page, and one scanner embeds one profile.
# Little CMS lets threads share a transform.
@lru_cache(maxsize=16)
def _transform_to_srgb(icc_profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """None where nothing is to be done: the profile is sRGB already, is broken, or is for pictures of another kind."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        if mode == "RGB" and "srgb" in (profile.profile.profile_description or "").lower():
            return None
        return _build(profile, mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return _build(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "LAB")


def _build(profile: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        profile,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        # paper stays white, and the black of ink stays black
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
