"""Documents as IIIF Presentation 3 manifests (https://iiif.io/api/presentation/3.0/), for any viewer that knows them.

Pictures are static: each canvas is painted with one JPEG of the service, its size said, without an image service.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

CONTEXT = "http://iiif.io/api/presentation/3/context.json"
IMAGE_SIDE_PX = 2048
"""Longest side of the pictures that canvases are painted with; those of smaller pages have their own size."""

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class IiifPage:
    """A page as a canvas: its id, what it is called, and the size of the whole upright page in pixels."""

    page_id: str
    label: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class IiifDocument:
    """A document as a manifest. `metadata` is shown beside it, label and value; empty values are left out."""

    document: str
    label: str
    pages: Sequence[IiifPage]
    metadata: Sequence[tuple[str, str]] = ()


def build_manifest(document: IiifDocument, *, base_url: str) -> Json:
    """The manifest of a document whose pages a service at `base_url` shows; JSON values only, in the order of the specification."""
    base = base_url.rstrip("/")
    described = [_pair(label, value) for label, value in document.metadata if value]
    canvases = [_canvas(base, document.document, number, page) for number, page in enumerate(document.pages, start=1)]
    return {
        "@context": CONTEXT,
        "id": manifest_address(document.document, base_url=base),
        "type": "Manifest",
        "label": {"none": [document.label]},
        **({"metadata": described} if described else {}),
        "thumbnail": [_thumbnail(base, document.pages[0])],
        "items": canvases,
    }


def build_collection(label: str, address: str, documents: Iterable[tuple[str, str]], *, base_url: str) -> Json:
    """The manifests of several documents, id and label each, as one collection at `address`."""
    items = [
        {"id": manifest_address(document, base_url=base_url), "type": "Manifest", "label": {"none": [name]}}
        for document, name in documents
    ]
    return {"@context": CONTEXT, "id": address, "type": "Collection", "label": {"none": [label]}, "items": items}


def manifest_address(document: str, *, base_url: str) -> str:
    """Where the service at `base_url` answers with the manifest of a document."""
    query = urlencode({"format": "iiif", "document": document})
    return f"{base_url.rstrip('/')}/v1/documents/export?{query}"


def collection_address(stream: str, *, base_url: str) -> str:
    """Where it answers with the collection of all documents of a stream."""
    query = urlencode({"format": "iiif", "stream": stream}, quote_via=quote)
    return f"{base_url.rstrip('/')}/v1/documents/export?{query}"


def fit_size(width_px: int, height_px: int, *, side_px: int = IMAGE_SIDE_PX) -> tuple[int, int]:
    """Width and height of a picture whose longest side is at most `side_px`, never enlarged."""
    ratio = min(side_px / max(width_px, height_px), 1.0)
    return max(1, round(width_px * ratio)), max(1, round(height_px * ratio))


def _canvas(base: str, document: str, number: int, page: IiifPage) -> Json:
    address = f"{base}/v1/iiif/{document}/canvas/{number}"
    width, height = fit_size(page.width_px, page.height_px)
    body = {
        "id": f"{base}/v1/pages/{page.page_id}/image?side_px={IMAGE_SIDE_PX}",
        "type": "Image",
        "format": "image/jpeg",
        "height": height,
        "width": width,
    }
    painting = {
        "id": f"{address}/painting",
        "type": "Annotation",
        "motivation": "painting",
        "body": body,
        "target": address,
    }
    return {
        "id": address,
        "type": "Canvas",
        "label": {"none": [page.label]},
        "height": page.height_px,
        "width": page.width_px,
        "thumbnail": [_thumbnail(base, page)],
        "items": [{"id": f"{address}/page", "type": "AnnotationPage", "items": [painting]}],
    }


def _thumbnail(base: str, page: IiifPage) -> Json:
    return {"id": f"{base}/v1/pages/{page.page_id}/thumbnail", "type": "Image", "format": "image/webp"}


def _pair(label: str, value: str) -> Json:
    return {"label": {"en": [label]}, "value": {"none": [value]}}
