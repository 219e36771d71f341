"""Tesseract, called as the program that Linux distributions, Homebrew and Windows installers bring (https://tesseract-ocr.github.io)."""

from __future__ import annotations

import io
import os
import shutil
import subprocess

from PIL import Image

from indexer.cores import count_cores
from indexer.errors import PictureError, ReaderMissingError, UsageError
from indexer.values import Pixels

PROGRAM = "tesseract"
TIMEOUT_S = 300.0
"""A dense A4 page takes 10 s of one core with one language, and 30 s with four."""


class TesseractReader:
    """The program `tesseract`, a process for each page, with one core each."""

    name = "tesseract"

    def __init__(self, *, languages: str | None = None) -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            raise ReaderMissingError(
                "The program tesseract is not on the PATH. Install it (Debian: apt install tesseract-ocr tesseract-ocr-deu, and so on "
                "for each language), or use RapidOCR: pip install 'quire[ocr]' and --engine rapidocr."
            )
        self._program = program
        installed = self._list_languages()
        wanted = languages.split("+") if languages else installed
        unknown = [language for language in wanted if language not in installed]
        if unknown or not wanted:
            raise UsageError(
                f"Tesseract has no language {unknown[0] if unknown else 'at all'}; installed are: {', '.join(installed) or 'none'}. "
                "On Debian each is a package such as tesseract-ocr-deu."
            )
        self._languages = "+".join(wanted)

    @property
    def pages_at_once(self) -> int:
        """As many as there are cores: each process uses one."""
        return count_cores()

    def read_text(self, pixels: Pixels) -> str:
        """The lines of a page, top to bottom; see `TextReader`."""
        file = io.BytesIO()
        Image.fromarray(pixels).convert("L").save(file, "PNG", compress_level=1)
        command = [self._program, "stdin", "stdout", "-l", self._languages]
        try:
            # More threads make a page little faster, and all of them together slower.
            done = subprocess.run(
                command,
                input=file.getvalue(),
                capture_output=True,
                check=True,
                timeout=TIMEOUT_S,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            )
        except FileNotFoundError as exc:
            raise ReaderMissingError(f"{self._program} has gone. Install it again, then do the same again.") from exc
        except subprocess.TimeoutExpired as exc:
            raise PictureError(
                f"Tesseract was not done with this page in {TIMEOUT_S:.0f} s.", skip_code="unreadable-text"
            ) from exc
        except subprocess.CalledProcessError as exc:
            said = exc.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise PictureError(
                f"Tesseract can't read this page: {' '.join(said) or f'status {exc.returncode}'}.",
                skip_code="unreadable-text",
            ) from exc
        lines = (line.strip() for line in done.stdout.decode(errors="replace").splitlines())
        return "\n".join(line for line in lines if line)

    def _list_languages(self) -> list[str]:
        """Those that are installed, without `osd`, which reads no text."""
        listed = subprocess.run(
            [self._program, "--list-langs"], capture_output=True, text=True, check=False, timeout=60.0
        )
        return sorted(line for line in listed.stdout.split("\n")[1:] if line and line != "osd")
