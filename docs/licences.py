"""Writes docs/licences.md, the licence of every package in requirements.lock: `python -m docs.licences`, as `make lock` does.

What is installed here says its own licence. Of packages that are for other systems or versions of Python only, and so are not installed,
the list that was there is kept, or a person fills it in.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
PAGE = ROOT / "docs/licences.md"
UNKNOWN = "?"
_LONGEST = 80
_HEAD = """# Licences

*Made by `python -m docs.licences` from what the packages say of themselves; `tests/docs/test_licences.py` holds it complete.*

Quire is under Apache-2.0. It installs these packages, those of `[dev]` only for its own tests, and contains none of them.
NVIDIA's are brought by PyTorch's wheels for Linux.

| package | licence |
|---|---|
"""


def locked_packages() -> list[str]:
    """The names in requirements.lock, sorted."""
    names = set(re.findall(r"^([A-Za-z0-9._-]+)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    return sorted(names, key=str.lower)


def listed_licences() -> dict[str, str]:
    """What docs/licences.md says now, by package."""
    if not PAGE.exists():
        return {}
    return dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def licence_of(package: str) -> str | None:
    """What an installed package says of its licence; None where it is not installed."""
    try:
        said = metadata(package)
    except PackageNotFoundError:
        return None
    expression = said.get("License-Expression") or ""
    short = " ".join((said.get("License") or "").split())
    classifiers = [
        line.rpartition("::")[2].strip() for line in said.get_all("Classifier") or [] if line.startswith("License")
    ]
    named = ", ".join(name for name in classifiers if name not in {"OSI Approved", "DFSG approved"})
    found = expression or (short if 0 < len(short) <= _LONGEST else "") or named or short[:_LONGEST]
    return found.replace("|", "/") or None


def render() -> str:
    """docs/licences.md."""
    before = listed_licences()
    rows = [f"| `{package}` | {licence_of(package) or before.get(package, UNKNOWN)} |" for package in locked_packages()]
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    unknown = [package for package, licence in listed_licences().items() if licence == UNKNOWN]
    print(f"{len(listed_licences())} packages; fill in by hand: {', '.join(unknown) or 'none'}")
