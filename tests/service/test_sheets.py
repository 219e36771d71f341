"""Contact sheets over HTTP."""

from __future__ import annotations

from support.service import KEYS, RO_KEY, FakeLibrary, open_client, page_id_of


def test_a_sheet_of_a_filter_comes_as_asked() -> None:
    """Kind, order and size reach the library; the answer is a file of that kind."""
    library = FakeLibrary()
    with open_client(library) as client:
        wish = {"filter": "label=art", "format": "pdf", "limit": 500, "order": "shelf", "title": "Art"}
        answer = client.get("/v1/sheet", params=wish)
    assert answer.headers["content-type"] == "application/pdf"
    assert 'filename="contact-sheet.pdf"' in answer.headers["content-disposition"]
    asked = next(arguments for name, arguments in library.calls if name == "contact_sheet")
    assert (asked["kind"], asked["order"], asked["limit"], asked["title"]) == ("pdf", "shelf", 500, "Art")
    assert asked["where"].conditions[0].values == ("art",)


def test_a_sheet_of_chosen_pages_changes_nothing_so_a_reading_key_will_do() -> None:
    """In the order given, with their similarities."""
    library = FakeLibrary()
    with open_client(library, api_keys=KEYS) as client:
        body = {"page_ids": [page_id_of(1), page_id_of(0)], "similarities": [0.9, 0.8], "format": "html"}
        answer = client.post("/v1/sheet", json=body, headers={"X-API-Key": RO_KEY})
    assert answer.status_code == 200
    asked = next(arguments for name, arguments in library.calls if name == "contact_sheet")
    assert (asked["page_ids"], asked["similarities"]) == (body["page_ids"], [0.9, 0.8])


def test_which_pages_would_be_on_it_is_told() -> None:
    """With how typical each is; a kind that there isn't is refused."""
    with open_client() as client:
        pages = client.get("/v1/sheet/pages", params={"limit": 2}).json()
        refused = client.get("/v1/sheet", params={"format": "gif"}).status_code
    assert [one["similarity"] for one in pages["pages"]] == [0.9, 0.8]
    assert refused == 422
