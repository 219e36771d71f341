"""Colours that stand for names: the same in pictures, tiles and, by their hex values, on the web pages."""

from __future__ import annotations

import colorsys

Colour = tuple[int, int, int]

NO_VALUE: Colour = (176, 172, 163)
"""The colour of pages that have no value."""

_FIRST: tuple[Colour, ...] = (
    (55, 156, 244),
    (221, 154, 12),
    (181, 2, 111),
    (40, 186, 141),
    (49, 83, 212),
    (213, 41, 16),
    (145, 157, 80),
    (143, 66, 62),
    (206, 151, 198),
    (101, 12, 254),
)
"""At least 22 apart (CIE 1976 ΔE) in each pair, also for protanopes and deuteranopes (simulation of Machado et al. 2009), with a
luminance between 0.10 and 0.40 so that they show on a white page and on a dark one."""
_GOLDEN = 0.61803398875
_LIGHTNESSES = (0.42, 0.6, 0.5)
_SATURATIONS = (0.7, 0.55)


def colour_of(number: int) -> Colour:
    """The colour of the name with this number, from 0. Neighbouring numbers differ; after many, colours come near each other."""
    if number < len(_FIRST):
        return _FIRST[number]
    rest = number - len(_FIRST)
    hue, lightness = (0.07 + rest * _GOLDEN) % 1.0, _LIGHTNESSES[rest % 3]
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, _SATURATIONS[rest % 2])
    return round(red * 255), round(green * 255), round(blue * 255)


def hex_of(colour: Colour) -> str:
    """`#2f6fd0`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
