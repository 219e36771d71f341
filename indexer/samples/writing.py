"""Handwriting: real words in joined-up letters of a made-up hand; pages of notes, lists and letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.samples.strokes import Ink, Point, pen_widths, smooth_curve, trembling

# Joined-up letters as points to pass through, in hundredths: x from 0, y up (0 the line, 100 the x-height, 200 ascenders, -100
# descenders).
_SHAPES = {
    "a": "10,30 75,90 35,100 5,50 30,2 66,40 78,95 75,30 85,0 105,15",
    "b": "0,10 30,110 42,190 22,195 12,120 10,20 40,0 68,40 55,90 62,75 95,85",
    "c": "10,40 65,85 35,100 5,50 30,0 80,15",
    "d": "10,30 70,90 35,100 5,50 30,2 66,50 85,195 75,50 85,0 105,15",
    "e": "0,25 42,55 50,92 26,100 5,50 30,0 75,20",
    "f": "0,20 38,120 52,190 32,195 25,100 20,-80 36,-85 38,-5 75,20",
    "g": "10,30 75,90 35,100 5,50 30,5 70,50 78,95 70,-60 40,-100 20,-70 60,-10 105,25",
    "h": "0,20 38,130 46,190 26,190 15,100 10,0 16,50 50,100 70,80 70,20 82,0 105,20",
    "i": "0,20 25,95 22,30 35,0 60,20",
    "j": "0,20 30,95 25,-60 0,-95 0,-60 50,20",
    "k": "0,20 38,130 46,190 26,190 15,100 10,0 20,50 60,95 55,60 25,50 62,5 95,20",
    "l": "0,20 40,130 46,190 26,190 20,50 36,0 65,20",
    "m": "0,20 15,95 12,0 30,80 48,100 58,70 55,0 75,80 95,100 105,70 105,15 118,0 140,20",
    "n": "0,20 15,95 12,0 30,80 55,100 70,75 70,15 82,0 105,20",
    "o": "10,40 50,100 10,70 15,10 50,0 75,50 50,98 60,80 95,85",
    "p": "0,30 20,100 12,-50 10,-100 20,0 36,85 65,95 75,40 45,0 50,8 95,20",
    "q": "10,30 75,90 35,100 5,50 30,5 70,50 78,95 70,-90 90,-80 105,20",
    "r": "0,20 20,105 30,88 52,88 48,40 58,0 82,20",
    "s": "0,15 36,102 42,60 55,25 35,0 12,10 40,2 75,20",
    "t": "0,20 30,100 42,160 30,50 42,0 70,20",
    "u": "0,30 15,95 15,25 36,0 60,35 72,95 70,25 82,0 105,20",
    "v": "0,50 18,95 36,0 50,20 65,95 95,85",
    "w": "0,50 15,95 20,10 40,10 55,90 60,10 82,10 98,95 125,85",
    "x": "0,30 20,95 50,10 80,10 70,95 40,50 10,2 50,40 95,20",
    "y": "0,30 15,95 18,25 40,5 65,50 74,95 66,-60 36,-100 20,-70 60,-10 105,25",
    "z": "0,70 30,100 65,90 10,5 45,10 45,-60 20,-90 20,-50 90,20",
    "0": "40,160 5,90 30,0 70,70 45,160",
    "1": "10,120 40,160 35,0",
    "2": "10,130 45,160 60,110 5,5 40,10 75,0",
    "3": "10,150 60,145 30,90 65,50 35,0 5,20",
    "4": "50,160 5,60 70,60 55,100 50,0",
    "5": "70,160 20,155 15,95 60,80 55,10 5,10",
    "6": "60,160 15,80 30,0 65,40 40,80 15,50",
    "7": "5,150 70,160 40,80 25,0",
    "8": "50,90 15,130 45,160 60,125 10,40 35,0 65,40 40,90",
    "9": "60,120 30,160 10,110 50,90 60,140 50,0",
}
_LETTERS: dict[str, tuple[Point, ...]] = {
    letter: tuple((int(x) / 100, int(y) / 100) for x, y in (point.split(",") for point in shape.split()))
    for letter, shape in _SHAPES.items()
}

_TEXT = (
    "the light on the wall before noon is almost green and the shadow under the chair turns violet when i look long enough "
    "draw the hand again slowly and do not lift the pen she sat by the window all morning and never moved remember the "
    "colour of wet slate after rain a line is a walk one does not take twice buy more of the heavy paper and a soft brush "
    "the boats came home late gulls everywhere the bottle is mostly what stands behind it leave the white of the page alone "
    "morning at the harbour cold fingers good drawing bad coffee paint the gaps between the leaves not the leaves a face is "
    "a landscape seen from very near we walked to the mill and back it rained the bridge has three arches not four ask about "
    "the frame for the large one the blue has faded since march what stays is the drawing under it less and less every year "
    "until one line will do"
)
_WORDS = _TEXT.split()


@dataclass(frozen=True, slots=True)
class Hand:
    """How somebody writes: x-height, width, slant, and how unsteady, in page units where lengths."""

    x_height: float = 11.0
    breadth: float = 1.0
    slant: float = 0.32
    unsteady: float = 0.35
    pen: float = 1.7


def write_words(
    ink: Ink, rng: np.random.Generator, hand: Hand, start: Point, words: Sequence[str], *, stop: float
) -> tuple[float, int]:
    """Writes `words` on one line from `start` up to x = `stop`; returns where it ended and how many words fitted."""
    x, y = start
    size = hand.x_height
    for count, word in enumerate(words):
        points, marks, length = _join(rng, word, hand)
        if x + length > stop and count:
            return x, count
        lift = float(rng.normal(0, size * 0.06))
        curve = np.asarray([(x + px + py * hand.slant, y + lift - py) for px, py in points])
        line = trembling(rng, smooth_curve(curve, step=2.6), hand.unsteady)
        ink.stroke(line, pen_widths(rng, len(line), hand.pen, taper=0.3))
        for mark in marks:
            dots = np.asarray([(x + px + py * hand.slant, y + lift - py) for px, py in mark])
            ink.stroke(smooth_curve(dots, step=3), hand.pen * 0.9)
        x += length + size * float(rng.uniform(0.75, 1.15))
    return x, len(words)


def some_words(rng: np.random.Generator, count: int) -> list[str]:
    """`count` words of running text."""
    start = int(rng.integers(0, len(_WORDS)))
    return [_WORDS[(start + offset) % len(_WORDS)] for offset in range(count)]


def a_long_word(rng: np.random.Generator) -> str:
    """A word that says something by itself."""
    long = [word for word in _WORDS if 5 <= len(word) <= 8]
    return long[int(rng.integers(0, len(long)))]


def write_notes(ink: Ink, rng: np.random.Generator, hand: Hand, *, ruled: bool) -> None:
    """A page of notes: a heading, paragraphs, a list, something crossed out."""
    margin = ink.width * (0.15 if ruled else float(rng.uniform(0.08, 0.13)))
    pitch = 34.0 if ruled else hand.x_height * float(rng.uniform(2.7, 3.2))
    y = 104.0 - 5 if ruled else ink.height * 0.08
    big = Hand(hand.x_height * 1.5, hand.breadth, hand.slant, hand.unsteady, hand.pen * 1.15)
    end, _ = write_words(ink, rng, big, (margin, y), some_words(rng, 3), stop=ink.width * 0.9)
    underline(ink, rng, margin, end - 8, y + 8)
    y += pitch * (2 if ruled else 1.9)
    bottom = ink.height * float(rng.uniform(0.72, 0.95))
    while y < bottom:
        if rng.random() < 0.3:
            y = _write_list(ink, rng, hand, margin + 14, y, pitch, bottom)
        else:
            lines = int(rng.integers(3, 8))
            y = write_paragraph(ink, rng, hand, margin, y, pitch, min(bottom, y + pitch * lines))
        y += pitch


def write_paragraph(
    ink: Ink, rng: np.random.Generator, hand: Hand, left: float, y: float, pitch: float, bottom: float
) -> float:
    """Lines of running text down to `bottom`; returns the next line's y."""
    slope = float(rng.normal(0, 0.006))
    right = ink.width * float(rng.uniform(0.9, 0.94))
    words = some_words(rng, len(_WORDS))
    while y < bottom:
        indent = float(rng.normal(0, 3))
        last = y + pitch >= bottom
        stop = right if not last else left + (right - left) * float(rng.uniform(0.3, 0.9))
        end, count = write_words(ink, rng, hand, (left + indent, y), words[:16], stop=stop)
        words = words[count:] + words[:count]
        if rng.random() < 0.1:
            at = float(rng.uniform(left, max(left + 1, end - 110)))
            cross_out(ink, rng, at, at + float(rng.uniform(50, 110)), y - hand.x_height * 0.5)
        if rng.random() < 0.06:
            underline(ink, rng, left + 30, left + float(rng.uniform(90, 200)), y + 5)
        y += pitch + slope
    return y


def write_letter_page(ink: Ink, rng: np.random.Generator, hand: Hand, number: int, last: bool) -> None:
    """One page of a letter: `number` 1 opens with place and greeting, the `last` one ends with a name."""
    left, pitch = ink.width * 0.11, hand.x_height * 2.75
    y = ink.height * 0.09
    if number == 1:
        write_words(
            ink, rng, hand, (ink.width * 0.58, y), ["harbour", "street", str(int(rng.integers(2, 98)))], stop=ink.width
        )
        write_words(
            ink, rng, hand, (ink.width * 0.58, y + pitch), [str(int(rng.integers(2, 29))), "march"], stop=ink.width
        )
        write_words(ink, rng, hand, (left, y + pitch * 3.2), ["dear", "friend"], stop=ink.width)
        y += pitch * 4.9
    else:
        write_words(ink, rng, hand, (ink.width * 0.5, y * 0.6), [str(number)], stop=ink.width)
    bottom = ink.height * (0.5 if last else 0.94)
    while y < bottom:
        y = write_paragraph(ink, rng, hand, left, y, pitch, min(bottom, y + pitch * 9)) + pitch * 0.4
    if last:
        write_words(ink, rng, hand, (ink.width * 0.5, y + pitch), ["ever", "yours"], stop=ink.width)
        big = Hand(hand.x_height * 1.6, hand.breadth, hand.slant, hand.unsteady, hand.pen * 1.2)
        end, _ = write_words(ink, rng, big, (ink.width * 0.54, y + pitch * 2.6), ["elena"], stop=ink.width)
        underline(ink, rng, ink.width * 0.53, end + 16, y + pitch * 2.6 + 12)


def write_caption(ink: Ink, rng: np.random.Generator, hand: Hand) -> None:
    """A few small words and a date at the foot of a drawing."""
    small = Hand(hand.x_height * 0.8, hand.breadth, hand.slant, hand.unsteady, hand.pen * 0.85)
    words = [*some_words(rng, int(rng.integers(1, 4))), str(int(rng.integers(1, 29))), str(int(rng.integers(1, 13)))]
    write_words(
        ink, rng, small, (ink.width * float(rng.uniform(0.1, 0.6)), ink.height * 0.95), words, stop=ink.width * 0.97
    )


def underline(ink: Ink, rng: np.random.Generator, left: float, right: float, y: float) -> None:
    """A stroke under something."""
    line = smooth_curve([(left, y), ((left + right) / 2, y + float(rng.normal(0, 1.5))), (right, y - 1)], step=5)
    ink.stroke(line, pen_widths(rng, len(line), 1.9))


def cross_out(ink: Ink, rng: np.random.Generator, left: float, right: float, y: float) -> None:
    """A scribble through something."""
    teeth = [
        (x, y + (5 if index % 2 else -5) * float(rng.uniform(0.6, 1.2)))
        for index, x in enumerate(np.linspace(left, right, 14))
    ]
    line = smooth_curve(teeth, step=4)
    ink.stroke(line, pen_widths(rng, len(line), 1.8))


def _write_list(
    ink: Ink, rng: np.random.Generator, hand: Hand, left: float, y: float, pitch: float, bottom: float
) -> float:
    for _ in range(int(rng.integers(3, 7))):
        if y >= bottom:
            break
        line = smooth_curve([(left, y - 4), (left + 9, y - 5)], step=3)
        ink.stroke(line, 1.8)
        end, _ = write_words(
            ink, rng, hand, (left + 20, y), some_words(rng, int(rng.integers(1, 5))), stop=ink.width * 0.9
        )
        if rng.random() < 0.3:
            underline(ink, rng, left + 16, end, y - hand.x_height * 0.45)
        y += pitch
    return y


def _join(rng: np.random.Generator, word: str, hand: Hand) -> tuple[list[Point], list[list[Point]], float]:
    """The points of a word in page units from (0, 0), y up; then its dots and bars; then its length."""
    size = hand.x_height
    points: list[Point] = []
    marks: list[list[Point]] = []
    x = 0.0
    for letter in word.lower():
        shape = _LETTERS.get(letter, _LETTERS["s"])
        wide, high = hand.breadth * float(rng.uniform(0.9, 1.12)), float(rng.uniform(0.9, 1.1))
        jitter = rng.normal(0, 0.035, (len(shape), 2))
        points += [
            ((x + (px + jx) * wide) * size, (py * high + jy) * size)
            for (px, py), (jx, jy) in zip(shape, jitter, strict=True)
        ]
        if letter in "ij":
            dot = (x + 0.3 * wide) * size
            marks.append([(dot, 1.5 * size), (dot + 1.2, 1.52 * size)])
        elif letter == "t":
            bar = (x + 0.05 * wide) * size
            marks.append([(bar, 1.12 * size), (bar + 0.6 * size, 1.2 * size)])
        x += shape[-1][0] * wide * 0.93 if letter.isalpha() else 0.85
    return points, marks, x * size
