"""The engines: RapidOCR as it is, and Tesseract through a program in its place."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from support.reading import write_tesseract

from indexer.errors import PictureError, ReaderMissingError, UsageError
from indexer.reading import create_reader, tesseract_adapter
from indexer.values import Pixels

WritesTesseract = Callable[[str], Path]


def draw_lines(*lines: str) -> Pixels:
    """A page with lines of printing."""
    page = Image.new("RGB", (620, 60 + 70 * len(lines)), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(page).text((30, 30 + 70 * number), line, fill="black", font=ImageFont.load_default(36))
    return np.asarray(page)


@pytest.fixture
def tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WritesTesseract:
    """Puts a program `tesseract` that runs a script on the PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return lambda script: write_tesseract(tmp_path, script)


def test_rapidocr_reads_lines_from_top_to_bottom() -> None:
    """By the networks of its wheel; a blank page has no text, and languages can't be chosen."""
    reader = create_reader()
    assert reader.name == "rapidocr"
    read = reader.read_text(draw_lines("Protocol of the meeting", "Prague, 3 May 1938"))
    assert [line.replace(" ", "") for line in read.split("\n")] == ["Protocolofthemeeting", "Prague,3May1938"]
    assert reader.read_text(np.full((200, 300, 3), 255, dtype=np.uint8)) == ""
    with pytest.raises(PictureError, match="RapidOCR can't read this page"):
        reader.read_text(np.zeros((0, 0, 3), dtype=np.uint8))
    with pytest.raises(UsageError, match="Leave --languages away"):
        create_reader("rapidocr", languages="deu")


def test_an_engine_that_is_not_installed_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra for one, the program for the other."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReaderMissingError, match="apt install tesseract-ocr"):
        create_reader("tesseract")
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    with pytest.raises(ReaderMissingError, match=r"onnxruntime must be installed: pip install 'quire\[ocr\]'"):
        create_reader("rapidocr")


def test_tesseract_gets_the_page_and_its_languages(tesseract: WritesTesseract, tmp_path: Path) -> None:
    """A gray PNG on its input, one thread, all languages that are installed or those asked for; blank lines are left out."""
    tesseract(f'cat >{tmp_path}/page.png; echo "$4 $OMP_THREAD_LIMIT"; echo; echo " two "')
    assert create_reader("tesseract").read_text(draw_lines("x")) == "ces+chi_sim+deu 1\ntwo"
    assert create_reader("tesseract", languages="deu").read_text(draw_lines("x")).startswith("deu ")
    with Image.open(tmp_path / "page.png") as page:
        assert (page.mode, page.size) == ("L", (620, 130))
    with pytest.raises(UsageError, match=r"no language pol; installed are: ces, chi_sim, deu"):
        create_reader("tesseract", languages="deu+pol")


def test_what_tesseract_cannot_do_is_one_pages_trouble(
    tesseract: WritesTesseract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure has its last words, a page that takes for ever is given up, and a program that has gone is no page's fault."""
    program = tesseract("cat >/dev/null; echo 'Error during processing.' >&2; exit 1")
    reader = create_reader("tesseract")
    with pytest.raises(PictureError, match=r"can't read this page: Error during processing"):
        reader.read_text(draw_lines("x"))
    tesseract("cat >/dev/null; exec sleep 60")
    monkeypatch.setattr(tesseract_adapter, "TIMEOUT_S", 0.2)
    with pytest.raises(PictureError, match="was not done with this page"):
        reader.read_text(draw_lines("x"))
    program.unlink()
    with pytest.raises(ReaderMissingError, match="has gone"):
        reader.read_text(draw_lines("x"))
