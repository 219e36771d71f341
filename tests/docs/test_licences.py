"""The list of licences is complete."""

from __future__ import annotations

from support.scripts import load_script

LICENCES = load_script("docs/licences.py")


def test_every_locked_package_is_listed_with_its_licence() -> None:
    """No more and no fewer; `python -m docs.licences` brings it up to date."""
    listed = LICENCES.listed_licences()
    assert sorted(listed, key=str.lower) == LICENCES.locked_packages(), "run `python -m docs.licences`"
    assert [package for package, licence in listed.items() if licence == LICENCES.UNKNOWN] == []


def test_none_asks_for_more_than_quire_can_give() -> None:
    """No licence that would reach over to Quire itself, or forbids to use it commercially; NVIDIA's come with PyTorch's own wheels."""
    reaching = [
        package
        for package, licence in LICENCES.listed_licences().items()
        if any(word in licence for word in ("AGPL", "GPL-", "GPLv", "NonCommercial", "SSPL")) and "LGPL" not in licence
    ]
    assert reaching == []
