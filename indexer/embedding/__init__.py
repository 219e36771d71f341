"""Pages -> unit vectors: the port, one file for each kind of embedder, and the registry that finds them by name."""

from indexer.embedding.blur_mix import BlurMix, make_blur_mix, parse_blur_mix, widen_query
from indexer.embedding.port import Embedder, TextEmbedder
from indexer.embedding.registry import (
    DEFAULT_MODEL,
    FORMS,
    can_embed_texts,
    check_same,
    create_embedder,
    create_text_embedder,
)
from indexer.embedding.views import COLOUR_DIMENSIONS, cut_foot, cut_head, embed_colour

__all__ = [
    "COLOUR_DIMENSIONS",
    "DEFAULT_MODEL",
    "FORMS",
    "BlurMix",
    "Embedder",
    "TextEmbedder",
    "can_embed_texts",
    "check_same",
    "create_embedder",
    "create_text_embedder",
    "cut_foot",
    "cut_head",
    "embed_colour",
    "make_blur_mix",
    "parse_blur_mix",
    "widen_query",
]
