"""Files -> pages: find them, decode them, and gather what folders and tables say of them."""

from indexer.sources.decode import (
    DecodedPage,
    DecodeLimits,
    HasPages,
    OpenedFile,
    decode_bytes,
    decode_file,
    every_page,
    open_file,
    render_page,
)
from indexer.sources.guarded import Decoders
from indexer.sources.identity import page_id
from indexer.sources.labels import folders_of, label_from
from indexer.sources.looks import at_flag_size, find_flags
from indexer.sources.metadata import MetadataTable, load_metadata
from indexer.sources.walk import is_candidate, natural_key, scan_files

__all__ = [
    "DecodeLimits",
    "DecodedPage",
    "Decoders",
    "HasPages",
    "MetadataTable",
    "OpenedFile",
    "at_flag_size",
    "decode_bytes",
    "decode_file",
    "every_page",
    "find_flags",
    "folders_of",
    "is_candidate",
    "label_from",
    "load_metadata",
    "natural_key",
    "open_file",
    "page_id",
    "render_page",
    "scan_files",
]
