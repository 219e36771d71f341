"""What is neither drawing nor writing: covers with a label, the colour target, a pasted photograph, an envelope."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from indexer.samples.paper import Floats, Rgb, Stock, as_shares, make_noise, make_paper
from indexer.samples.strokes import Ink, lay_ink, smooth_curve
from indexer.samples.writing import Hand, write_words


def make_cloth(rng: np.random.Generator, height: int, width: int, colour: Rgb, *, scale: float) -> Floats:
    """Bookbinder's cloth, worn at its corners, float32 [height, width, 3]."""
    rows = np.arange(height, dtype=np.float32)[:, None] / scale
    columns = np.arange(width, dtype=np.float32)[None, :] / scale
    slub = make_noise(rng, height, width, cell_px=7 * scale, octaves=2)
    weave = np.sin(rows * 1.9 + slub * 2) * np.sin(columns * 1.9 + slub * 2) * 0.07 + (slub - 0.5) * 0.16
    wear = make_noise(rng, height, width, cell_px=170 * scale, octaves=3) - 0.5
    cloth: Floats = (1 + weave + wear * 0.35)[:, :, None] * np.asarray(colour, np.float32)
    edge = np.minimum(np.minimum(rows, rows[::-1]), np.minimum(columns, columns[:, ::-1]))
    cloth += (np.exp(-edge / 9) * (0.3 + wear))[:, :, None] * 0.22
    np.clip(cloth, 0, 1, out=cloth)
    return cloth


def make_marbling(
    rng: np.random.Generator, height: int, width: int, colours: tuple[Rgb, ...], *, scale: float
) -> Floats:
    """Marbled paper, combed, float32 [height, width, 3]."""
    drift = make_noise(rng, height, width, cell_px=170 * scale, octaves=3)
    columns = np.arange(width, dtype=np.float32)[None, :] / scale
    rows = np.arange(height, dtype=np.float32)[:, None] / scale
    phase = rows / 36 + drift * 7 + 1.1 * np.abs(np.mod(columns / 60, 2) - 1)
    band = np.floor(phase * len(colours)).astype(int) % len(colours)
    veins = np.abs(np.mod(phase * len(colours), 1) - 0.5) > 0.45
    sheet: Floats = np.asarray(colours, np.float32)[band]
    sheet[veins] = sheet[veins] * 0.3 + 0.65
    sheet *= 0.92 + 0.16 * make_noise(rng, height, width, cell_px=4 * scale)[:, :, None]
    np.clip(sheet, 0, 1, out=sheet)
    return sheet


def paste_label(rng: np.random.Generator, cover: Floats, title: str, years: str, hand: Hand, *, scale: float) -> None:
    """Pastes a paper label with the book's number on `cover`, in place."""
    height, width = cover.shape[:2]
    wide, high = int(width * 0.52), int(height * 0.2)
    left, top = int((width - wide) / 2), int(height * 0.17)
    label = make_paper(rng, Stock((0.95, 0.91, 0.80), age=0.9), high, wide, scale=scale)
    picture = Image.new("L", (wide, high), 0)
    draw = ImageDraw.Draw(picture)
    for inset, thick in ((7, 2.2), (13, 1)):
        draw.rectangle(
            (inset * scale, inset * scale, wide - inset * scale - 1, high - inset * scale - 1),
            outline=230,
            width=max(1, round(thick * scale)),
        )
    font = ImageFont.load_default(max(6, round(58 * scale)))
    draw.text((wide / 2, high * 0.42), title, fill=235, font=font, anchor="mm")
    lay_ink(label, as_shares(picture), (0.25, 0.08, 0.08), opacity=0.85)
    ink = Ink(wide / scale, high / scale, scale=scale)
    write_words(
        ink,
        rng,
        Hand(hand.x_height * 1.9, hand.breadth, hand.slant, hand.unsteady, hand.pen * 1.4),
        (wide / scale * 0.37, high / scale * 0.85),
        [years],
        stop=wide / scale,
    )
    lay_ink(label, _fitted(ink.coverage(), high, wide), (0.12, 0.14, 0.3))
    shadow = Image.new("L", (width, height), 0)
    ImageDraw.Draw(shadow).rectangle(
        (left + 3 * scale, top + 4 * scale, left + wide + 4 * scale, top + high + 5 * scale), fill=140
    )
    cover *= 1 - as_shares(shadow.filter(ImageFilter.GaussianBlur(4 * scale)))[:, :, None]
    cover[top : top + high, left : left + wide] = label


def make_colour_target(rng: np.random.Generator, height: int, width: int, *, scale: float) -> Floats:
    """A target for colour and size as it lies on the scanner before a book, float32 [height, width, 3]."""
    picture = Image.new("RGB", (width, height), (46, 46, 48))
    draw = ImageDraw.Draw(picture)
    cell, left, top = width * 0.13, width * 0.1, height * 0.1
    hues = [(115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67), (133, 128, 177), (103, 189, 170),
            (214, 126, 44), (80, 91, 166), (193, 90, 99), (94, 60, 108), (157, 188, 64), (224, 163, 46),
            (56, 61, 150), (70, 148, 73), (175, 54, 60), (231, 199, 31), (187, 86, 149), (8, 133, 161)]  # fmt: skip
    hues += [(value, value, value) for value in (243, 200, 160, 122, 85, 52)]
    for index, hue in enumerate(hues):
        x, y = left + index % 6 * cell * 1.03, top + index // 6 * cell * 1.03
        draw.rectangle((x, y, x + cell * 0.95, y + cell * 0.95), fill=hue)
    base = top + cell * 5.1
    draw.rectangle((left, base, left + cell * 6.1, base + cell * 0.7), fill=(238, 238, 232))
    font = ImageFont.load_default(max(6, round(15 * scale)))
    for tick in range(31):
        x = left + cell * 6.1 * (0.02 + 0.96 * tick / 30)
        draw.line(
            (x, base, x, base + cell * (0.28 if tick % 5 == 0 else 0.14)),
            fill=(20, 20, 20),
            width=max(1, round(1.4 * scale)),
        )
        if tick % 5 == 0:
            draw.text((x, base + cell * 0.45), str(tick), fill=(20, 20, 20), font=font, anchor="mm")
    for step in range(20):
        value = round(255 * step / 19)
        x = left + cell * 6.1 * step / 20
        draw.rectangle((x, base + cell * 1.1, x + cell * 6.1 / 20, base + cell * 1.7), fill=(value, value, value))
    sheet = as_shares(picture)
    return np.clip(sheet * (0.98 + 0.04 * make_noise(rng, height, width, cell_px=5 * scale)[:, :, None]), 0, 1)


def paste_photograph(rng: np.random.Generator, sheet: Floats, *, scale: float) -> None:
    """Pastes a black-and-white print with a white border on `sheet`, in place, held by corners."""
    height, width = sheet.shape[:2]
    wide = int(width * float(rng.uniform(0.6, 0.74)))
    high = int(wide * 0.72)
    left, top = int((width - wide) * rng.uniform(0.4, 0.6)), int(height * rng.uniform(0.12, 0.3))
    rows = np.linspace(0, 1, high, dtype=np.float32)[:, None]
    cloud = make_noise(rng, high, wide, cell_px=110 * scale, octaves=5)
    print_ = 0.88 - 0.2 * rows + (cloud - 0.5) * 0.3
    for index in range(4):
        ridge = (
            float(rng.uniform(0.3, 0.42))
            + 0.16 * index
            + 0.5 * (make_noise(rng, 2, wide, cell_px=190 * scale, octaves=4)[:1] - 0.5)
        )
        land = np.clip((rows - ridge) * 90 + 0.5, 0, 1)
        texture = make_noise(rng, high, wide, cell_px=22 * scale, octaves=3)
        print_ = print_ * (1 - land) + land * (0.66 - 0.16 * index + (texture - 0.5) * 0.13 + (rows - ridge) * 0.25)
    print_ = np.clip(print_ + rng.normal(0, 0.02, print_.shape), 0.06, 0.95)
    border = max(1, int(17 * scale))
    for edge in (np.s_[:border], np.s_[-border:], np.s_[:, :border], np.s_[:, -border:]):
        print_[edge] = 0.93
    shadow = Image.new("L", (width, height), 0)
    ImageDraw.Draw(shadow).rectangle(
        (left + 3 * scale, top + 4 * scale, left + wide + 4 * scale, top + high + 4 * scale), fill=130
    )
    sheet *= 1 - as_shares(shadow.filter(ImageFilter.GaussianBlur(4 * scale)))[:, :, None]
    sheet[top : top + high, left : left + wide] = print_[:, :, None] * np.asarray((1.0, 0.97, 0.9), np.float32)
    corner = Image.new("L", (width, height), 0)
    draw, reach = ImageDraw.Draw(corner), 38 * scale
    for x, dx in ((left, 1), (left + wide, -1)):
        for y, dy in ((top, 1), (top + high, -1)):
            draw.polygon((x - 4 * dx, y - 4 * dy, x + reach * dx, y - 4 * dy, x - 4 * dx, y + reach * dy), fill=255)
    lay_ink(sheet, as_shares(corner), (0.12, 0.11, 0.1), opacity=0.9)


def make_envelope(rng: np.random.Generator, height: int, width: int, hand: Hand, *, back: bool, scale: float) -> Floats:
    """An envelope from the front, stamped and addressed, or its back with the flap, float32 [height, width, 3]."""
    sheet = make_paper(rng, Stock((0.86, 0.77, 0.60), tooth=0.6, age=0.6), height, width, scale=scale)
    wide, high = width / scale, height / scale
    ink = Ink(wide, high, scale=scale)
    if back:
        for points in (
            [(0, 0), (wide * 0.48, high * 0.56), (wide * 0.52, high * 0.56), (wide, 0)],
            [(0, high), (wide * 0.42, high * 0.5)],
            [(wide, high), (wide * 0.58, high * 0.5)],
        ):
            ink.stroke(np.asarray(points, np.float64), 3.0, darkness=0.55)
        lay_ink(sheet, _fitted(ink.coverage(), height, width), (0.5, 0.4, 0.28))
        return sheet
    big = Hand(hand.x_height * 1.5, hand.breadth, hand.slant, hand.unsteady, hand.pen * 1.2)
    for index, words in enumerate(
        (["elena", "moran"], ["the", "old", "mill"], ["harbour", "street", "28"], ["northgate"])
    ):
        write_words(ink, rng, big, (wide * (0.36 + 0.03 * index), high * (0.48 + 0.12 * index)), words, stop=wide)
    lay_ink(sheet, _fitted(ink.coverage(), height, width), (0.1, 0.12, 0.3))
    stamp_w, stamp_h = int(105 * scale), int(128 * scale)
    left, top = width - stamp_w - int(34 * scale), int(30 * scale)
    stamp = make_marbling(rng, stamp_h, stamp_w, ((0.70, 0.25, 0.22), (0.78, 0.40, 0.34)), scale=scale * 0.6)
    rim = max(1, int(7 * scale))
    for edge in (np.s_[:rim], np.s_[-rim:], np.s_[:, :rim], np.s_[:, -rim:]):
        stamp[edge] = 0.93
    sheet[top : top + stamp_h, left : left + stamp_w] = stamp
    mark = Ink(wide, high, scale=scale)
    centre = (left / scale - 20, top / scale + 70)
    for radius in (58, 40):
        ring = [
            (centre[0] + radius * math.cos(t), centre[1] + radius * math.sin(t))
            for t in np.linspace(0, 2 * math.pi, 13)
        ]
        mark.stroke(smooth_curve(ring), 2.6, darkness=0.7)
    for offset in range(5):
        y = centre[1] - 34 + offset * 17
        mark.stroke(
            smooth_curve(
                [(centre[0] + 60, y), (centre[0] + 100, y + 6), (centre[0] + 140, y - 5), (centre[0] + 180, y + 3)]
            ),
            2.4,
            darkness=0.7,
        )
    lay_ink(sheet, _fitted(mark.coverage(), height, width), (0.12, 0.12, 0.14), opacity=0.8)
    return sheet


def _fitted(coverage: Floats, height: int, width: int) -> Floats:
    """Coverage cut or padded to the sheet, which rounding may leave a pixel larger or smaller."""
    fitted = np.zeros((height, width), np.float32)
    part = coverage[:height, :width]
    fitted[: part.shape[0], : part.shape[1]] = part
    return fitted
