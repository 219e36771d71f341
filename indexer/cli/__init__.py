"""The command `quire`: each command parses, calls one function of the library, and prints."""

from indexer.cli.app import main

__all__ = ["main"]
