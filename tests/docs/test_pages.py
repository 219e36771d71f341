"""The documents tell of every command, option, setting and error, and their links and commands hold."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support.scripts import ROOT, load_script

from indexer.cli.exits import EXIT_STATUSES
from indexer.errors import QuireError
from indexer.settings import Settings
from service.errors import PROBLEMS, STATUS

DOCS = ROOT / "docs"
WRITTEN = sorted(page for page in [ROOT / "README.md", *DOCS.rglob("*.md")] if ".template" not in page.name)
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_SHOWN = re.compile(r"^(?: {4}|\$ | {4}\$ )(quire .*)$", re.MULTILINE)


GENERATOR = load_script("docs/generate.py")


def _all_errors(kind: type[QuireError] = QuireError) -> list[type[QuireError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _all_errors(child))]


@pytest.mark.parametrize("name", GENERATOR.PAGES)
def test_pages_made_from_the_code_are_up_to_date(name: str) -> None:
    """What is written is what the code says now; `python -m docs.generate` writes it."""
    assert (DOCS / name).read_text(encoding="utf-8") == GENERATOR.PAGES[name](), "stale: run `python -m docs.generate`"


def test_every_command_and_option_is_documented() -> None:
    """Each command has its section in cli.md, and in it each of its options and arguments, with help."""
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    parts = text.split("\n## `quire ")[1:]
    commands = dict(GENERATOR.walk_commands())
    assert len(parts) == len(commands)
    sections = {name: next(part for part in parts if re.match(rf"{re.escape(name)}[` ]", part)) for name in commands}
    for name, command in commands.items():
        assert command.help, f"`quire {name}` has no help."
        for param in command.params:
            if "--help" in param.opts:
                continue
            assert param.help, f"{param.name} of `quire {name}` has no help."
            shown = param.opts if param.param_type_name == "option" else [param.metavar]
            for word in shown:
                assert f"`{word}`".replace("|", "\\|") in sections[name], (
                    f"{word} of `quire {name}` is not in docs/cli.md."
                )


def test_every_setting_is_documented() -> None:
    """Each setting stands in settings.md with its variable and what it means."""
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert field.description
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"`QUIRE_{name.upper()}`" in row
        assert field.description in row


@pytest.mark.parametrize("kind", _all_errors(), ids=lambda kind: str(kind.code))
def test_every_error_is_documented_and_has_both_statuses(kind: type[QuireError]) -> None:
    """Each class has a code of its own, an exit status, an HTTP status, and its row in errors.md with what to do."""
    assert [other for other in _all_errors() if other.code == kind.code] == [kind]
    assert kind.__doc__
    row = next(
        line for line in (DOCS / "errors.md").read_text(encoding="utf-8").splitlines() if f"`{kind.code}`" in line
    )
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[0].endswith(kind.__name__)
    assert cells[2:4] == [str(EXIT_STATUSES[kind.code]), str(STATUS[kind.code])]
    assert len(cells[4]) > 20


def test_tables_of_statuses_hold_no_code_that_no_error_has() -> None:
    """Codes that were given up leave both tables, and the service's own codes are no error's."""
    codes = {kind.code for kind in _all_errors()}
    assert set(EXIT_STATUSES) == codes
    assert set(STATUS) == codes
    assert not set(PROBLEMS) & codes


def test_problems_of_the_service_are_documented() -> None:
    """Each code that only the service has stands in errors.md with its status."""
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    for code, status in PROBLEMS.items():
        assert f"| `{code}` | {status} |" in text


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link and picture of a document is there."""
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there."


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_shown_are_ones_that_there_are(page: Path) -> None:
    """Every `quire …` shown in a document names a command, and only options that this command has."""
    commands = dict(GENERATOR.walk_commands())
    for line in _SHOWN.findall(page.read_text(encoding="utf-8")):
        words = shlex.split(line, comments=True)[1:]
        if words[0].startswith("-"):
            continue
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in commands), None)
        assert name is not None, line
        known = {option for param in commands[name].params for option in param.opts} | {"--help", "-h"}
        given = [word.split("=")[0] for word in words[1:] if re.match(r"--?[a-zA-Z]", word)]
        assert set(given) <= known, line


def test_pictures_are_used_and_small() -> None:
    """Each picture is shown by some document; together they are at most 3 MB."""
    pictures = [file for file in (DOCS / "pictures").iterdir() if file.is_file()]
    shown = " ".join(page.read_text(encoding="utf-8") for page in WRITTEN)
    assert [file.name for file in pictures if file.name not in shown] == []
    assert sum(file.stat().st_size for file in pictures) <= 3_000_000


def test_every_section_of_the_site_is_pictured_in_light_and_dark() -> None:
    """Each that the navigation leads to has both pictures in docs/web.md, none of them heavy."""
    site = (ROOT / "service/web/static/site.js").read_text(encoding="utf-8")
    sections = re.findall(r'path: "/\w+", view: "(\w+)"', site)
    assert len(sections) > 5
    text = (DOCS / "web.md").read_text(encoding="utf-8")
    wanted = {f"pictures/web/{section}-{theme}.jpg" for section in sections for theme in ("light", "dark")}
    shown = set(re.findall(r"pictures/web/[\w-]+\.jpg", text))
    assert wanted <= shown
    assert shown == {file.relative_to(DOCS).as_posix() for file in (DOCS / "pictures/web").iterdir()}
    assert max((DOCS / picture).stat().st_size for picture in shown) <= 150_000
