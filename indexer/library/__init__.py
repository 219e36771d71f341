"""The library: open, index, cluster, name, search, close."""

from indexer.library.answering import ReadPage, ReadUploads, Upload
from indexer.library.core import Library

__all__ = ["Library", "ReadPage", "ReadUploads", "Upload"]
