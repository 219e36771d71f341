"""Every format becomes the same upright sRGB pixels."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from support.scans import (
    BLUE,
    GREEN,
    RED,
    corners_of,
    encoded,
    four_corners,
    heic,
    is_near,
    orange_cmyk_profile,
    pages_tiff,
    shows_four_corners,
    swapped_rgb_profile,
    with_orientation,
    write,
)

from indexer.sources import DecodeLimits, decode_bytes, decode_file, open_file, render_page
from indexer.values import Picture


def picture_of(data: bytes, max_side_px: int = 64) -> Picture:
    """The only page of `data`."""
    [page] = decode_bytes(data, name="upload", max_side_px=max_side_px)
    assert page.picture is not None, page.skip_reason
    assert page.picture.pixels.dtype == np.uint8
    assert page.picture.pixels.flags.c_contiguous
    return page.picture


def middle(picture: Picture) -> tuple[int, ...]:
    """The colour in the middle."""
    height, width = picture.pixels.shape[:2]
    return tuple(int(value) for value in picture.pixels[height // 2, width // 2])


LOSSY = {"quality": 95}
FORMATS = {
    "jpeg": lambda: encoded(four_corners(), "JPEG", **LOSSY),
    "progressive jpeg": lambda: encoded(four_corners(), "JPEG", progressive=True, **LOSSY),
    "png": lambda: encoded(four_corners(), "PNG"),
    "png with a palette": lambda: encoded(four_corners().quantize(16), "PNG"),
    "webp": lambda: encoded(four_corners(), "WEBP", **LOSSY),
    "gif": lambda: encoded(four_corners(), "GIF"),
    "bmp": lambda: encoded(four_corners(), "BMP"),
    "tiff": lambda: encoded(four_corners(), "TIFF"),
    "lzw tiff": lambda: encoded(four_corners(), "TIFF", compression="tiff_lzw"),
    "jpeg in tiff": lambda: encoded(four_corners(), "TIFF", compression="jpeg", quality=95),
    "lab tiff": lambda: encoded(_as_lab(four_corners()), "TIFF"),
    "jpeg 2000": lambda: encoded(four_corners(), "JPEG2000"),
    "heic": lambda: heic(four_corners()),
    "cmyk tiff": lambda: encoded(four_corners().convert("CMYK"), "TIFF"),
    "cmyk jpeg as Adobe inverts it": lambda: encoded(four_corners().convert("CMYK"), "JPEG", **LOSSY),
}
if features.check_module("avif"):
    FORMATS["avif"] = lambda: encoded(four_corners(), "AVIF", **LOSSY)


def _as_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    return ImageCms.profileToProfile(  # type: ignore[return-value]
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_colours(kind: str) -> None:
    """Four known corners, whatever they are stored in."""
    picture = picture_of(FORMATS[kind]())
    assert (picture.width_px, picture.height_px, picture.page_number) == (48, 64, 1)
    assert picture.pixels.shape == (64, 48, 3)
    assert shows_four_corners(picture.pixels), corners_of(picture.pixels)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_shrinks_to_the_size_asked_for(kind: str) -> None:
    """The longer side becomes what was asked for, the colours stay, and the full size is told."""
    picture = picture_of(FORMATS[kind](), max_side_px=16)
    assert picture.pixels.shape == (16, 12, 3)
    assert (picture.width_px, picture.height_px) == (48, 64)
    assert shows_four_corners(picture.pixels, tolerance=24), corners_of(picture.pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIC"])
def test_all_orientations_of_exif_come_out_upright(kind: str, orientation: int) -> None:
    """Once, not twice: TIFF and HEIC are turned by their own readers."""
    upright = four_corners()
    data = heic(upright, orientation=orientation) if kind == "HEIC" else with_orientation(upright, kind, orientation)
    for side in (64, 32):
        picture = picture_of(data, max_side_px=side)
        assert (picture.width_px, picture.height_px) == (48, 64)
        assert picture.pixels.shape == (side, side * 3 // 4, 3)
        assert shows_four_corners(picture.pixels, tolerance=24), corners_of(picture.pixels)


def test_pictures_are_never_enlarged_and_no_side_vanishes() -> None:
    """A strip of 400 × 1 pixels keeps a pixel of height."""
    assert picture_of(encoded(four_corners(), "PNG"), max_side_px=500).pixels.shape == (64, 48, 3)
    assert picture_of(encoded(Image.new("L", (400, 1), 9), "PNG"), max_side_px=50).pixels.shape == (1, 50, 3)


def _clear(mode: str) -> Image.Image:
    image = Image.new("RGBA", (20, 20), (*RED, 0))
    image.paste((*BLUE, 255), (0, 0, 10, 20))
    return image if mode == "RGBA" else image.convert(mode)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_on_white(kind: str) -> None:
    """And the hidden colour under it does not bleed, at full size or shrunk."""
    options = {"lossless": True} if kind == "WEBP" else {}
    for side in (20, 5):
        pixels = picture_of(encoded(_clear("RGBA"), kind, **options), max_side_px=side).pixels
        assert is_near(tuple(pixels[side // 2, 0]), BLUE)
        assert is_near(tuple(pixels[side // 2, -1]), (255, 255, 255))


def test_half_transparent_gray_is_mixed_with_white() -> None:
    """Black at half opacity is middle gray."""
    picture = picture_of(encoded(Image.new("LA", (8, 8), (0, 128)), "PNG"))
    assert is_near(middle(picture), (127, 127, 127), tolerance=2)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_colour_of_a_palette_is_white(kind: str) -> None:
    """Palettes mark one of their colours as clear."""
    image = Image.new("P", (8, 8), 0)
    image.putpalette([*RED, *GREEN])
    image.paste(1, (0, 0, 4, 8))
    pixels = picture_of(encoded(image, kind, transparency=0)).pixels
    assert is_near(tuple(pixels[4, 1]), GREEN)
    assert is_near(tuple(pixels[4, 6]), (255, 255, 255))


def test_a_transparent_colour_of_rgb_is_white() -> None:
    """PNG's tRNS names one colour of a picture without an alpha channel."""
    picture = picture_of(encoded(Image.new("RGB", (8, 8), RED), "PNG", transparency=RED))
    assert middle(picture) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG2000"])
def test_16_bit_gray_is_scaled_by_its_type(kind: str) -> None:
    """Half of 65,535 is half of 255: neither clipped to white nor stretched to what the page happens to use."""
    for level, wanted in ((0, 0), (8000, 31), (32_768, 128), (65_535, 255)):
        image = Image.fromarray(np.full((8, 8), level, dtype=np.uint16))
        assert is_near(middle(picture_of(encoded(image, kind))), (wanted,) * 3, tolerance=1)


def _gray_tiff(levels: np.ndarray, *, bits: int = 16, photometric: int = 1, order: str = "<") -> bytes:
    """A gray TIFF written by hand, for what Pillow does not write."""
    height, width = levels.shape
    if bits == 12:
        flat = levels.reshape(-1, 2).astype(int)
        data = b"".join(bytes((a >> 4, (a & 15) << 4 | b >> 8, b & 255)) for a, b in flat)
    else:
        data = levels.astype(f"{order}u2").tobytes()
    end = {"<": "little", ">": "big"}[order]
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1), (278, height)]
    tags.append((279, len(data)))
    data += bytes(len(data) % 2)
    out = (b"II" if order == "<" else b"MM") + (42).to_bytes(2, end) + (8 + len(data)).to_bytes(4, end) + data
    out += len(tags).to_bytes(2, end)
    for tag, value in tags:
        out += tag.to_bytes(2, end) + (4).to_bytes(2, end) + (1).to_bytes(4, end) + value.to_bytes(4, end)
    return out + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_tiffs_of_either_byte_order_are_read(order: str) -> None:
    """Little endian from PCs, big endian from old Macs."""
    levels = np.full((4, 4), 16_384)
    assert is_near(middle(picture_of(_gray_tiff(levels, order=order))), (64, 64, 64), tolerance=1)


def test_16_bit_tiffs_in_which_0_is_white_are_turned_round() -> None:
    """WhiteIsZero, as some microfilm scanners write."""
    assert middle(picture_of(_gray_tiff(np.zeros((4, 4)), photometric=0))) == (255, 255, 255)


def test_12_bit_tiffs_reach_white() -> None:
    """4,095 is white there, not nearly black."""
    assert middle(picture_of(_gray_tiff(np.full((4, 4), 4095), bits=12))) == (255, 255, 255)


def test_16_bit_colour_tiffs_keep_their_colours() -> None:
    """Three channels of 16 bits, which Pillow reads and does not write."""
    import struct

    pixels = np.tile(np.array([value * 257 for value in RED], dtype="<u2"), 16).tobytes()
    shorts = struct.pack("<3H", 16, 16, 16)
    fields = [(256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 3, 8 + len(pixels)), (259, 3, 1, 1), (262, 3, 1, 2)]
    fields += [(273, 4, 1, 8), (277, 3, 1, 3), (278, 3, 1, 4), (279, 4, 1, len(pixels))]
    ifd = struct.pack("<H", len(fields)) + b"".join(struct.pack("<HHII", *field) for field in fields) + bytes(4)
    data = b"II*\0" + struct.pack("<I", 8 + len(pixels) + len(shorts)) + pixels + shorts + ifd
    assert is_near(middle(picture_of(data)), RED, tolerance=1)


@pytest.mark.parametrize(("value", "wanted"), [(0.5, 128), (1.0, 255)])
def test_gray_of_floats_from_0_to_1_is_scaled(value: float, wanted: int) -> None:
    """The habit of programs that write float TIFFs."""
    image = Image.fromarray(np.array([[0.0, 1.0], [value, value]], dtype=np.float32)).resize((8, 8), 0)
    picture = picture_of(encoded(image, "TIFF"))
    assert is_near(tuple(picture.pixels[6, 3]), (wanted,) * 3, tolerance=1)


def test_32_bit_gray_of_16_bit_values_is_scaled_as_16_bit() -> None:
    """And not to nearly black."""
    image = Image.fromarray(np.full((4, 4), 32_768, dtype=np.int32))
    assert is_near(middle(picture_of(encoded(image, "TIFF"))), (128, 128, 128), tolerance=1)


def test_bilevel_g4_shrinks_to_smooth_gray() -> None:
    """Lines one pixel apart become gray, as in print, and not a moiré of black and white."""
    lines = np.zeros((64, 64), dtype=bool)
    lines[::2] = True
    data = encoded(Image.fromarray(lines), "TIFF", compression="group4")
    pixels = picture_of(data, max_side_px=16).pixels[2:-2, 2:-2]
    assert 110 <= pixels.min() <= pixels.max() <= 145


def test_an_embedded_profile_is_heeded() -> None:
    """A profile that says red is green makes red pixels green."""
    data = encoded(Image.new("RGB", (8, 8), (255, 0, 0)), "PNG", icc_profile=swapped_rgb_profile())
    assert is_near(middle(picture_of(data)), (0, 255, 0), tolerance=6)


def test_an_embedded_press_profile_is_heeded_for_cmyk() -> None:
    """A profile that prints cyan as orange; without it, cyan is cyan."""
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    plain = middle(picture_of(encoded(cyan, "JPEG", quality=95)))
    assert is_near(plain, (0, 255, 255), tolerance=6)
    for kind in ("JPEG", "TIFF"):
        red, green, blue = middle(picture_of(encoded(cyan, kind, icc_profile=orange_cmyk_profile())))
        assert red > 200
        assert 100 < green < 160
        assert blue < 80


@pytest.mark.parametrize("profile", [b"no profile", swapped_rgb_profile()[:200], orange_cmyk_profile()])
def test_a_broken_or_foreign_profile_is_ignored(profile: bytes) -> None:
    """The page is kept as if there were none."""
    data = encoded(Image.new("RGB", (8, 8), RED), "PNG", icc_profile=profile)
    assert is_near(middle(picture_of(data)), RED, tolerance=1)


def test_broken_exif_is_ignored() -> None:
    """It says nothing about the page."""
    data = encoded(four_corners(), "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert shows_four_corners(picture_of(data).pixels)


def test_every_page_of_a_tiff_is_a_page(tmp_path: Path) -> None:
    """In order, numbered from 1, with the hash of the whole file."""
    images = [Image.new("RGB", (20 + 10 * index, 30), colour) for index, colour in enumerate((RED, GREEN, BLUE))]
    data = pages_tiff(images, compression="tiff_lzw")
    file = write(tmp_path / "letter.tif", data)
    pages = list(decode_file(file, max_side_px=100))
    pictures = [page.picture for page in pages if page.picture is not None]
    assert [page.page_number for page in pages] == [picture.page_number for picture in pictures] == [1, 2, 3]
    assert [picture.width_px for picture in pictures] == [20, 30, 40]
    assert [middle(picture) for picture in pictures] == [RED, GREEN, BLUE]
    assert {page.sha256 for page in pages} == {hashlib.sha256(data).hexdigest()}


def test_reduced_copies_inside_a_tiff_are_no_pages() -> None:
    """A thumbnail in the file (NewSubfileType 1) is not a second page."""
    stream = io.BytesIO()
    from PIL.TiffImagePlugin import AppendingTiffWriter

    with AppendingTiffWriter(stream, new=True) as writer:
        for colour, subfile_type in ((RED, 0), (GREEN, 1), (BLUE, 2)):
            Image.new("RGB", (8, 8), colour).save(writer, "TIFF", tiffinfo={254: subfile_type})
            writer.newFrame()
    pages = decode_bytes(stream.getvalue(), name="upload", max_side_px=8)
    assert [middle(page.picture) for page in pages if page.picture is not None] == [RED, BLUE]
    assert [page.page_number for page in pages] == [1, 2]


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_of_moving_pictures_the_first_is_the_page(kind: str) -> None:
    """Movement is no leaf."""
    frames = [Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), BLUE)]
    options: dict[str, object] = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert is_near(middle(picture_of(data)), RED)


def test_the_content_decides_and_not_the_suffix(tmp_path: Path) -> None:
    """A PNG that is called .jpg is read as what it is."""
    file = write(tmp_path / "p1.jpg", encoded(four_corners(), "PNG"))
    assert shows_four_corners(render_page(file, page_number=1, max_side_px=64).pixels)


def test_one_page_can_be_rendered_large_after_small(tmp_path: Path) -> None:
    """Shrinking on load does not stick to an opened file."""
    for name, data in (("a.jpg", FORMATS["jpeg"]()), ("a.jp2", FORMATS["jpeg 2000"]()), ("a.tif", FORMATS["tiff"]())):
        with open_file(write(tmp_path / name, data)) as opened:
            sides = [max(opened.page(1, max_side_px=side).pixels.shape) for side in (8, 64, 16)]
        assert sides == [8, 64, 16]


def test_files_larger_than_memory_allows_are_hashed_as_they_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same pixels and the same hash as by way of memory."""
    monkeypatch.setattr("indexer.sources.decode._IN_MEMORY_BYTES", 10)
    data = encoded(four_corners(), "PNG")
    [page] = decode_file(write(tmp_path / "p.png", data), max_side_px=64)
    assert page.picture is not None
    assert shows_four_corners(page.picture.pixels)
    assert page.sha256 == hashlib.sha256(data).hexdigest()


def test_many_threads_decode_at_once(tmp_path: Path) -> None:
    """Each gets the pixels that one alone gets."""
    files = [write(tmp_path / f"{index}.bin", make()) for index, make in enumerate([*FORMATS.values()] * 3)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda file: render_page(file, page_number=1, max_side_px=32).pixels, files))
    for file, pixels in zip(files, together, strict=True):
        assert np.array_equal(pixels, render_page(file, page_number=1, max_side_px=32).pixels)


def test_limits_are_values() -> None:
    """Two libraries may have different ones in one process."""
    assert DecodeLimits(max_pixels=5) == DecodeLimits(max_pixels=5) != DecodeLimits()
