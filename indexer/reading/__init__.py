"""Pages -> the text that stands on them: the port, one file for each engine, and the registry that finds them by name."""

from indexer.reading.engines import DEFAULT_ENGINE, ENGINES, READING_SIDE_PX, create_reader
from indexer.reading.port import TextReader

__all__ = ["DEFAULT_ENGINE", "ENGINES", "READING_SIDE_PX", "TextReader", "create_reader"]
