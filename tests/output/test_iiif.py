"""IIIF manifests: what the specification asks for, checked by a validator of its own and by its rules read strictly."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlparse

import pytest

from indexer.output.iiif import (
    IiifDocument,
    IiifPage,
    build_collection,
    build_manifest,
    collection_address,
    fit_size,
    manifest_address,
)

BASE = "https://scans.example/quire/"
DOCUMENT = IiifDocument(
    "0b5f3a4e-7d3c-5a52-9c1e-6d1f2b8f9a10",
    "brief 1.jpg – brief 3.jpg",
    [
        IiifPage("0b5f3a4e-7d3c-5a52-9c1e-6d1f2b8f9a10", "brief 1.jpg", 2480, 3508),
        IiifPage("1b5f3a4e-7d3c-5a52-9c1e-6d1f2b8f9a11", "brief 3.jpg", 640, 480),
    ],
    [("Pages", "2"), ("Decided by", "")],
)


def manifest() -> Any:
    """The manifest after a trip through JSON."""
    return json.loads(json.dumps(build_manifest(DOCUMENT, base_url=BASE)))


def check_resource(resource: Any, kind: str) -> None:
    """Every resource has a type and an HTTP(S) address without a fragment that holds no space (3.0, sections 3.2 and 4.1)."""
    assert resource["type"] == kind
    parts = urlparse(resource["id"])
    assert parts.scheme in ("http", "https")
    assert parts.netloc
    assert not parts.fragment
    assert " " not in resource["id"]


def check_language_map(value: Any) -> None:
    """BCP 47 tags or `none`, each with a list of texts (section 4.2)."""
    assert value
    assert set(value) <= {"none", "en"}
    for texts in value.values():
        assert texts
        assert all(isinstance(text, str) and text for text in texts)


def test_a_validator_accepts_it() -> None:
    """iiif-prezi3, the community's models of the specification, reads both kinds without complaint."""
    import iiif_prezi3

    read = iiif_prezi3.Manifest(**manifest())
    assert [canvas.height for canvas in read.items] == [3508, 480]
    collection = build_collection("box", collection_address("box", base_url=BASE), [("a", "A")], base_url=BASE)
    assert len(iiif_prezi3.Collection(**collection).items) == 1
    without_label = {key: value for key, value in manifest().items() if key != "label"}
    with pytest.raises(ValueError, match="label"):
        iiif_prezi3.Manifest(**without_label)


def test_it_has_all_that_the_specification_demands() -> None:
    """Section by section: manifest, canvases, annotation pages, painting annotations, bodies with their sizes."""
    made = manifest()
    assert made["@context"] == "http://iiif.io/api/presentation/3/context.json"
    assert next(iter(made)) == "@context"
    check_resource(made, "Manifest")
    check_language_map(made["label"])
    seen = {made["id"]}
    for canvas in made["items"]:
        check_resource(canvas, "Canvas")
        check_language_map(canvas["label"])
        assert isinstance(canvas["height"], int)
        assert isinstance(canvas["width"], int)
        (page,) = canvas["items"]
        check_resource(page, "AnnotationPage")
        (painting,) = page["items"]
        check_resource(painting, "Annotation")
        assert painting["motivation"] == "painting"
        assert painting["target"] == canvas["id"]
        body = painting["body"]
        check_resource(body, "Image")
        assert body["format"] == "image/jpeg"
        assert body["width"] / body["height"] == pytest.approx(canvas["width"] / canvas["height"], rel=0.002)
        new = {canvas["id"], page["id"], painting["id"]}
        assert len(new) == 3
        assert not new & seen
        seen |= new
        for thumbnail in canvas["thumbnail"]:
            check_resource(thumbnail, "Image")


def test_pictures_are_those_of_the_service() -> None:
    """By page, with the size that the service gives them: small pages are not enlarged."""
    bodies = [canvas["items"][0]["items"][0]["body"] for canvas in manifest()["items"]]
    assert bodies[0]["id"] == f"{BASE}v1/pages/{DOCUMENT.pages[0].page_id}/image?side_px=2048"
    assert [(body["width"], body["height"]) for body in bodies] == [(1448, 2048), (640, 480)]


def test_only_what_is_known_is_described() -> None:
    """Empty values are left out, and nothing at all makes no empty list."""
    assert [entry["label"] for entry in manifest()["metadata"]] == [{"en": ["Pages"]}]
    plain = IiifDocument("a", "A", DOCUMENT.pages)
    assert "metadata" not in build_manifest(plain, base_url=BASE)


def test_addresses_carry_any_name() -> None:
    """A stream may have spaces, umlauts and ampersands."""
    address = collection_address("Kiste 1/Mäßig & gut", base_url="http://h")
    assert address.endswith("stream=Kiste%201%2FM%C3%A4%C3%9Fig%20%26%20gut")
    assert manifest_address("x", base_url="http://h/") == "http://h/v1/documents/export?format=iiif&document=x"


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((100, 50), (100, 50)), ((4096, 10), (2048, 5)), ((9000, 1), (2048, 1)), ((1, 2048), (1, 2048))],
)
def test_sizes_fit(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    """Shrunk to the longest side, never to nothing, never enlarged."""
    assert fit_size(*size) == fitted
