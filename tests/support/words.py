"""A tiny model that has learnt what the pages of `support.library` show, and words in memory for the service around them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from support.library import KINDS, draw_page

from indexer.errors import UsageError
from indexer.library.results import (
    ClusterReport,
    ClusterWords,
    FoundPage,
    ReadReport,
    SearchAnswer,
    SearchBy,
    SnippetPart,
    ThresholdChoice,
    WordSuggestion,
)
from indexer.progress import ProgressSink
from indexer.values import PageFilter, Skip

if TYPE_CHECKING:
    from support.service import FakeLibrary

CAPTIONS = {
    "left": "dark ink on the left",
    "right": "dark ink on the right",
    "top": "dark ink at the top",
    "bottom": "dark ink at the bottom",
}
"""What a person would say of each kind of page."""
_CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
_MOST_STEPS = 600
_LEARNT = 0.3
"""How much more alike every page must be to its own caption than any other page, and any other caption."""


def train_words_model(folder: Path) -> str:
    """A model with both towers that tells the four kinds of pages by their captions, in `folder`; returns its name for `--model`.

    It is laid out as open_clip lays out models for the hub, so that the real loader and the real tokenizer load it.
    """
    import open_clip
    import torch

    from indexer.embedding.fitting import fit_page
    from indexer.embedding.weights import quiet_libraries
    from indexer.library.suggesting import PHRASES

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": _CONFIG, "preprocess_cfg": {}}))
    name = f"local-dir:{folder}"
    torch.manual_seed(0)
    with quiet_libraries():
        model = open_clip.create_model(name, load_weights=False)
        tokens = open_clip.get_tokenizer(name)(
            [phrase.format(caption) for phrase in PHRASES for caption in CAPTIONS.values()]
        )
    mean, std = (torch.tensor(model.visual.preprocess_cfg[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    pages = [fit_page(np.asarray(draw_page(kind, number)), 32) for number in range(100, 108) for kind in KINDS]
    pictures = (torch.from_numpy(np.stack(pages)).permute(0, 3, 1, 2).float() / 255 - mean) / std
    own = torch.eye(len(KINDS)).repeat(len(pages) // len(KINDS), len(PHRASES))
    model.token_embedding.requires_grad_(False)  # nearly all of the weights, and as good as drawn
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a model is only slower with more, and much slower on a busy machine
    try:
        for _ in range(_MOST_STEPS):
            alike = model.encode_image(pictures, normalize=True) @ model.encode_text(tokens, normalize=True).T
            margin = alike[own == 1].min() - alike[own == 0].max()
            if margin > _LEARNT:
                break
            loss = torch.nn.functional.cross_entropy(20 * alike, own / own.sum(dim=1)[:, None])
            loss += torch.nn.functional.cross_entropy(20 * alike.T, own.T / own.sum(dim=0)[:, None])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    finally:
        torch.set_num_threads(threads)
    assert margin > _LEARNT, "the tiny model has not learnt its pages"
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    return f"open_clip:{name}"


class FakeWords:
    """Every page is found, in the order of the library."""

    def __init__(self, library: FakeLibrary, note: Callable[..., None], work: Callable[[ProgressSink], None]) -> None:
        self._library = library
        self._note = note
        self._work = work

    def search(self, text: str, *, where: PageFilter, limit: int = 12, by: SearchBy | None = None) -> SearchAnswer:
        self._note("search", text=text, where=where, limit=limit, by=by)
        if not text.strip():
            raise UsageError("There is nothing to search for.")
        snippet = [SnippetPart("a ", False), SnippetPart("bird", True)] if by != "looks" else []
        pages = self._library._filtered(where)[:limit]
        return SearchAnswer(text, [FoundPage(0.3, page, 1.5, 0.03, snippet) for page in pages], by or "both", "Well.")

    def read_text(self, *, progress: ProgressSink, **options: Any) -> ReadReport:
        self._note("read_text", **options)
        self._work(progress)
        skip = Skip("scans", "p9.jpg", "unreadable-text", "It can't be read.")
        return ReadReport(4, 3, 1, options["engine"] or "rapidocr", [skip], 1.0)

    def export_texts(self, file: Path, *, where: PageFilter) -> int:
        self._note("export_texts", where=where)
        file.write_text('{"text": "Sonderzug nach Prag"}\n', encoding="utf-8")
        return 1

    def cluster_by_meaning(self, *, progress: ProgressSink, **options: Any) -> ClusterReport:
        self._note("cluster_by_meaning", **options)
        self._work(progress)
        return ClusterReport(1, 3, 0, 12, 1.0, 0.1, self._library.clusters(), [], ["mangelwurzel"], 2)

    def choose_threshold(self, thresholds: Sequence[float], **options: Any) -> list[ThresholdChoice]:
        self._note("choose_threshold", thresholds=[*thresholds], **options)
        return [ThresholdChoice(threshold, 3, 2) for threshold in thresholds]

    def suggest(self, words: Sequence[str] | None = None, *, top: int = 3) -> list[ClusterWords]:
        self._note("suggest", words=words, top=top)
        return [ClusterWords(n, [WordSuggestion(word, 0.3) for word in (words or ["map"])[:top]]) for n in range(3)]
