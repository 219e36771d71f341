"""One page of the plan: drawn on its sheet, then scanned."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from indexer.samples.covers import (
    make_cloth,
    make_colour_target,
    make_envelope,
    make_marbling,
    paste_label,
    paste_photograph,
)
from indexer.samples.diagrams import DIAGRAMS
from indexer.samples.paper import Floats, Stock, make_paper
from indexer.samples.plan import BOOKS, LETTER_HANDS, LETTER_INKS, LETTER_STOCKS, BookStyle, PagePlan
from indexer.samples.scanner import Scan, draw_scan, scan_sheet
from indexer.samples.scenes import SCENES
from indexer.samples.strokes import Ink, lay_ink, pencil_grain
from indexer.samples.subjects import draw_subjects
from indexer.samples.washes import CERULEAN, MADDER, OCHRE, SAP_GREEN, SIENNA, VIOLET, Washes
from indexer.samples.writing import write_caption, write_letter_page, write_notes


def draw_page(plan: PagePlan, *, seed: int = 7, scale: float = 1.0) -> Image.Image:
    """One scanned page of `plan`, as an RGB picture."""
    style = BOOKS[plan.book]
    rng = _page_rng(plan, seed)
    width, height = _size(plan, style)
    sheet = _draw_sheet(plan, style, rng, width, height, scale)
    behind = None
    shines = plan.medium in ("line drawing", "notes", "blank", "diagram", "letter") and rng.random() < 0.45
    if shines:
        behind = Ink(width, height, scale=scale)
        write_notes(behind, rng, style.hand, ruled=False)
    scan = _how_scanned(plan, style, rng)
    if plan.rescan:
        rng = np.random.default_rng([seed, zlib.crc32(plan.key.encode()), plan.rescan])
        scan = Scan(scan.degrees + float(rng.uniform(0.6, 1.4)), scan.brightness * 1.04, scan.lid, scan.gutter)
    return scan_sheet(rng, sheet, scan, scale=scale, behind=behind.coverage() if behind else None)


def _draw_sheet(
    plan: PagePlan, style: BookStyle, rng: np.random.Generator, width: float, height: float, scale: float
) -> Floats:
    width_px, height_px = max(8, round(width * scale)), max(8, round(height * scale))
    if plan.medium == "cover":
        return _draw_cover(plan, style, rng, height_px, width_px, scale)
    if plan.medium == "colour target":
        return make_colour_target(rng, height_px, width_px, scale=scale)
    if plan.medium == "envelope":
        return make_envelope(rng, height_px, width_px, LETTER_HANDS[0], back=plan.subject == "back", scale=scale)
    sheet = make_paper(rng, _stock(plan, style, rng), height_px, width_px, scale=scale)
    if plan.medium == "photograph":
        paste_photograph(rng, sheet, scale=scale)
    if plan.medium == "watercolour":
        _paint(plan, style, rng, sheet, width, height, scale)
    elif plan.medium != "blank":
        _draw_ink(plan, style, rng, sheet, width, height, scale)
    return sheet


def _draw_cover(
    plan: PagePlan, style: BookStyle, rng: np.random.Generator, height_px: int, width_px: int, scale: float
) -> Floats:
    if style.marbling:
        cover = make_marbling(rng, height_px, width_px, style.marbling, scale=scale)
        spine = max(1, width_px // 8)
        side = np.s_[:, :spine] if plan.subject == "front" else np.s_[:, -spine:]
        cover[side] = make_cloth(rng, height_px, spine, style.cover, scale=scale)
    else:
        cover = make_cloth(rng, height_px, width_px, style.cover, scale=scale)
    if plan.subject == "front":
        paste_label(rng, cover, plan.book.removeprefix("sb"), str(style.year), style.hand, scale=scale)
    return cover


def _paint(
    plan: PagePlan, style: BookStyle, rng: np.random.Generator, sheet: Floats, width: float, height: float, scale: float
) -> None:
    if plan.subject in SCENES:
        broad, high = (
            (float(rng.uniform(0.72, 1)), float(rng.uniform(0.4, 1)))
            if plan.subject in ("hills", "sea", "sunset")
            else (1.0, 1.0)
        )
        washes = Washes(rng, width * broad, height * high, scale=scale)
        SCENES[plan.subject](washes)
        washes.dry_on(sheet, left=width * (1 - broad) / 2, top=height * (1 - high) * float(rng.uniform(0.2, 0.6)))
        if rng.random() < 0.3:
            _lay(plan, style, rng, sheet, width, height, scale, lambda ink: write_caption(ink, rng, style.hand))
        return
    subject = plan.subject.removeprefix("tinted ")
    washes = Washes(rng, width, height, scale=scale)
    for colour in rng.permutation(6)[:4]:
        hue = (CERULEAN, MADDER, OCHRE, SAP_GREEN, SIENNA, VIOLET)[int(colour)]
        centre = (width * float(rng.uniform(0.25, 0.75)), height * float(rng.uniform(0.4, 0.64)))
        washes.blob(
            centre,
            width * float(rng.uniform(0.14, 0.3)),
            height * float(rng.uniform(0.05, 0.12)),
            hue,
            lumps=0.16,
            strength=0.3,
            softness=9,
        )
    washes.dry_on(sheet)
    _lay(
        plan,
        style,
        rng,
        sheet,
        width,
        height,
        scale,
        lambda ink: draw_subjects(ink, rng, subject, studies=1, width=2.2),
    )


def _draw_ink(
    plan: PagePlan, style: BookStyle, rng: np.random.Generator, sheet: Floats, width: float, height: float, scale: float
) -> None:
    def write(ink: Ink) -> None:
        if plan.medium == "notes":
            write_notes(ink, rng, style.hand, ruled=False)
        elif plan.medium == "diagram":
            DIAGRAMS[plan.subject](ink, rng, style.hand)
        elif plan.medium == "letter":
            write_letter_page(ink, rng, LETTER_HANDS[_letter(plan)], plan.part, plan.part == plan.parts)
        elif plan.medium == "photograph":
            write_caption(ink, rng, style.hand)
        else:
            many = rng.random() < (0.12 if plan.subject in ("reclining", "houses") else 0.42)
            heavy = rng.random() < 0.18
            studies = int(rng.integers(3, 7)) if many else 1
            draw_subjects(
                ink,
                rng,
                plan.subject,
                studies=studies,
                width=float(rng.uniform(4.5, 6.5) if heavy else rng.uniform(1.9, 3.0)),
            )
            if rng.random() < 0.45:
                write_caption(ink, rng, style.hand)

    _lay(plan, style, rng, sheet, width, height, scale, write)


def _lay(plan: PagePlan, style: BookStyle, rng: np.random.Generator, sheet: Floats, width: float, height: float, scale: float,
         draw: Callable[[Ink], None]) -> None:  # fmt: skip
    ink = Ink(width, height, scale=scale)
    draw(ink)
    if plan.medium == "letter":
        lay_ink(sheet, ink.coverage(), LETTER_INKS[_letter(plan)], opacity=0.93)
    elif plan.medium in ("line drawing", "watercolour") and rng.random() < style.pencil_share:
        grain = pencil_grain(rng, sheet.shape[0], sheet.shape[1], scale=scale)
        lay_ink(sheet, ink.coverage(), (0.24, 0.24, 0.26), opacity=0.85, grain=grain)
    else:
        lay_ink(sheet, ink.coverage(), style.inks[int(rng.integers(0, len(style.inks)))], opacity=0.95)


def _letter(plan: PagePlan) -> int:
    return (list(BOOKS).index(plan.book) + int(plan.document[-1]) - 1) % len(LETTER_STOCKS)


def _stock(plan: PagePlan, style: BookStyle, rng: np.random.Generator) -> Stock:
    if plan.medium == "letter":
        return LETTER_STOCKS[_letter(plan)]
    if plan.medium == "diagram" and rng.random() < 0.4:
        return Stock(style.stock.tint, style.stock.tooth, style.stock.age, "grid" if rng.random() < 0.7 else "dots")
    return style.stock


def _size(plan: PagePlan, style: BookStyle) -> tuple[float, float]:
    if plan.medium == "letter":
        return 690.0, 960.0
    if plan.medium == "envelope":
        return 920.0, 620.0
    return style.width, style.height


def _how_scanned(plan: PagePlan, style: BookStyle, rng: np.random.Generator) -> Scan:
    if plan.medium in ("cover", "letter", "envelope", "colour target"):
        return draw_scan(rng, crooked=0.9, lid=style.lid, gutter="none")
    gutter = "left" if plan.number % 2 else "right"
    return draw_scan(
        rng, crooked=1.1, lid=style.lid, gutter="left" if gutter == "left" else "right", upside_down=plan.upside_down
    )


def _page_rng(plan: PagePlan, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(plan.key.encode())])
