"""Scans of every kind, made on the spot: tiny pictures of known colours, and files with one fault each."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 180, 40), (30, 50, 210), (255, 255, 255)

# what a viewer must do to the stored picture is `turn`; the stored picture is made by undoing it
_UNDO = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def four_corners(width: int = 48, height: int = 64) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right: no two orientations of it are alike."""
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    pixels[: height // 2, : width // 2] = RED
    pixels[: height // 2, width // 2 :] = GREEN
    pixels[height // 2 :, : width // 2] = BLUE
    pixels[height // 2 :, width // 2 :] = WHITE
    return Image.fromarray(pixels)


def corners_of(pixels: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    """Colours in the middle of the four quarters: top left, top right, bottom left, bottom right."""
    height, width = pixels.shape[:2]
    places = [(1, 1), (1, 3), (3, 1), (3, 3)]
    return [tuple(int(value) for value in pixels[height * y // 4, width * x // 4]) for y, x in places]


def is_near(found: tuple[int, ...], wanted: tuple[int, ...], *, tolerance: int = 14) -> bool:
    return max(abs(int(a) - int(b)) for a, b in zip(found, wanted, strict=True)) <= tolerance


def shows_four_corners(pixels: NDArray[np.uint8], *, tolerance: int = 14) -> bool:
    pairs = zip(corners_of(pixels), (RED, GREEN, BLUE, WHITE), strict=True)
    return all(is_near(found, wanted, tolerance=tolerance) for found, wanted in pairs)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def with_orientation(image: Image.Image, kind: str, orientation: int) -> bytes:
    """`image` stored so that a viewer who heeds EXIF shows it as it is."""
    undo = _UNDO[orientation]
    stored = image.transpose(undo) if undo is not None else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(stored, kind, exif=exif, quality=95)


def heic(image: Image.Image, *, orientation: int = 1) -> bytes:
    from pillow_heif import from_pillow

    undo = _UNDO[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    from_pillow(image.transpose(undo) if undo is not None else image).save(stream, quality=95, exif=exif.tobytes())
    return stream.getvalue()


def pages_tiff(images: list[Image.Image], **options: object) -> bytes:
    return encoded(images[0], "TIFF", save_all=True, append_images=images[1:], **options)


def pdf(images: list[Image.Image], *, dpi: int = 72) -> bytes:
    return encoded(images[0], "PDF", save_all=True, append_images=images[1:], resolution=dpi, quality=95)


def encrypted_pdf(image: Image.Image, *, user: str) -> bytes:
    import pikepdf

    stream = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf([image]))) as document:
        document.save(stream, encryption=pikepdf.Encryption(owner="owner", user=user))
    return stream.getvalue()


def pdf_of_size(width_pt: float, height_pt: float) -> bytes:
    import pikepdf

    stream = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page(page_size=(width_pt, height_pt))
        document.save(stream)
    return stream.getvalue()


def bomb_png(width: int, height: int) -> bytes:
    """A PNG whose header promises that many pixels, and whose data is one row."""
    data = bytearray(encoded(Image.new("L", (8, 1)), "PNG"))
    data[16:24] = struct.pack(">II", width, height)
    import zlib

    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def bomb_webp(width: int, height: int) -> bytes:
    """An extended WebP whose header promises that canvas."""
    data = bytearray(
        encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "WEBP", lossless=True, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")
    )
    assert data[12:16] == b"VP8X"
    data[24:27] = (width - 1).to_bytes(3, "little")
    data[27:30] = (height - 1).to_bytes(3, "little")
    return bytes(data)


def swapped_rgb_profile() -> bytes:
    """An ICC profile in which red and green have changed places: it shows whether a profile is heeded."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    places = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    data[places[b"rXYZ"] : places[b"rXYZ"] + 4] = b"gXYZ"
    data[places[b"gXYZ"] : places[b"gXYZ"] + 4] = b"rXYZ"
    # the name must not say sRGB, in either of its spellings
    return bytes(data).replace(b"sRGB", b"swap").replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def orange_cmyk_profile() -> bytes:
    """An ICC press profile of 2⁴ grid points: bare paper is white, full cyan is printed as orange, all else as black."""
    orange = (166, 168, 190)  # CIELAB of 8 bits: L* 65, a* 40, b* 62
    grid = bytearray()
    for index in range(16):
        cyan, magenta, yellow, black = (index >> 3) & 1, (index >> 2) & 1, (index >> 1) & 1, index & 1
        others = magenta or yellow or black
        grid += bytes((0, 128, 128) if others else orange if cyan else (255, 128, 128))
    identity = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table += identity * 4 + bytes(grid) + identity * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    text = b"desc" + bytes(4) + struct.pack(">I", 6) + b"press\0" + bytes(4 + 4 + 2 + 1 + 67)
    rights = b"text" + bytes(4) + b"none\0"
    tags = {b"A2B0": table, b"wtpt": white, b"desc": text, b"cprt": rights}
    body, directory, offset = b"", struct.pack(">I", len(tags)), 132 + 12 * len(tags)
    for name, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        directory += name + struct.pack(">II", offset + len(body), len(content))
        body += padded
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s12s4s", size, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ", bytes(12), b"acsp")
    header += bytes(68 - len(header)) + struct.pack(">3i", 63190, 65536, 54061)
    return header + bytes(128 - len(header)) + directory + body


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
