"""The library behind a service is called as the library itself."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import indexer.cli
from indexer.cli.remote import RemoteLibrary
from indexer.cli.remote_balance import RemoteBalance
from indexer.cli.remote_documents import RemoteDocuments
from indexer.cli.remote_duplicates import RemoteDuplicates
from indexer.cli.remote_learning import RemoteLearning
from indexer.cli.remote_maps import RemoteMaps
from indexer.cli.remote_rescans import RemoteRescans
from indexer.cli.remote_words import RemoteWords
from indexer.library import Library
from indexer.library.balance import Balance
from indexer.library.documents import Documents
from indexer.library.duplicates import Duplicates
from indexer.library.learning import Learning
from indexer.library.maps import Maps
from indexer.library.rescans import Rescans
from indexer.library.words import Words

PAIRS = {
    "": (RemoteLibrary, Library),
    "maps": (RemoteMaps, Maps),
    "documents": (RemoteDocuments, Documents),
    "duplicates": (RemoteDuplicates, Duplicates),
    "rescans": (RemoteRescans, Rescans),
    "balance": (RemoteBalance, Balance),
    "words": (RemoteWords, Words),
    "learning": (RemoteLearning, Learning),
}
"""What stands in for what: the library, and its parts by the name they have on it."""


def _called() -> set[tuple[str, str]]:
    """What commands call on what `opened` gave them: `lib.METHOD(…)` as ("", METHOD), `lib.PART.METHOD(…)` as (PART, METHOD)."""
    called = set()
    for file in Path(indexer.cli.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Attribute(value=ast.Attribute(value=ast.Name(id="lib"), attr=part), attr=method):
                    called.add((part, method))
                case ast.Attribute(value=ast.Name(id="lib"), attr=method) if method not in PAIRS:
                    called.add(("", method))
    return called


def _offered() -> list[tuple[str, str]]:
    """Every public method that goes over HTTP, by its part."""
    return [
        (part, name)
        for part, (remote, _) in PAIRS.items()
        for name, member in vars(remote).items()
        if inspect.isfunction(member) and not name.startswith("_")
    ]


def test_commands_are_seen_calling_the_library() -> None:
    """The search finds what commands call; otherwise the next test would prove nothing."""
    assert {("", "index"), ("", "cluster"), ("", "status"), ("", "classify")} <= _called()


def test_parts_are_those_compared() -> None:
    """A part that is added to the remote library is added here too."""
    assert {name for name, member in vars(RemoteLibrary).items() if isinstance(member, property)} == PAIRS.keys() - {""}


def test_every_method_that_commands_call_goes_over_http_too() -> None:
    """Nothing works only as long as no service runs."""
    assert _called() <= set(_offered())


@pytest.mark.parametrize(("part", "method"), _offered())
def test_signatures_agree(part: str, method: str) -> None:
    """Same names, kinds, defaults, types and answer; only an option that no command gives may be missing."""
    remote, local = (inspect.signature(getattr(side, method)) for side in PAIRS[part])
    missing = {name: one for name, one in local.parameters.items() if name not in remote.parameters}
    assert all(one.kind is one.KEYWORD_ONLY and one.default is not one.empty for one in missing.values())
    assert not missing.keys() & _given_options(method)
    there = [one for name, one in local.parameters.items() if name not in missing]
    assert remote == local.replace(parameters=there)


def _given_options(method: str) -> set[str]:
    """Names of the options that commands give to methods of that name."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in Path(indexer.cli.__file__).parent.glob("*.py"))
    calls = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = (call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == method)
    return {str(option.arg) for call in named for option in call.keywords}
