"""Documents: review a stream with the keyboard alone, lose nothing, and stay quick on ten thousand pages."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route, expect
from support.browser import Http, until

pytestmark = pytest.mark.browser

_STREAM = "scans/left"
_PIXEL = '<svg xmlns="http://www.w3.org/2000/svg" width="70" height="100"/>'


def _proposal(http: Http, stream: str = _STREAM) -> Any:
    return http.get(f"/documents?stream={quote(stream)}")


def _decided(http: Http, stream: str = _STREAM) -> dict[str, str]:
    """What is decided in a stream: page before the break -> decision."""
    return {one["after"]: one["decided"] for one in _proposal(http, stream)["breaks"] if one["decided"]}


def _open_all(http: Http, stream: str = _STREAM) -> None:
    """No decision is left in the stream."""
    if after := list(_decided(http, stream)):
        body = {"stream": stream, "decisions": [{"after": one, "decision": None} for one in after]}
        http.send("POST", "/documents/decisions", body)


def _review(page: Page, stream: str = _STREAM, at: str | None = None) -> None:
    page.goto(f"/documents?stream={quote(stream, safe='')}" + (f"&at={at}" if at else ""))
    expect(page.locator(".desk-left .desk-sheet")).to_be_visible()


def _wait_saved(page: Page) -> None:
    expect(page.locator(".review-saved")).to_have_text("all saved")


def _here(page: Page) -> str:
    """The page before the break under review, as the address has it."""
    here: str = page.evaluate("new URLSearchParams(location.search).get('at')")
    return here


def _made_up(pages: int, doubtful: int) -> dict[str, Any]:
    """A proposal of a long stream: documents of four pages, every so many breaks doubtful."""
    ids = [str(uuid.uuid5(uuid.NAMESPACE_OID, f"long {i}")) for i in range(pages)]
    every = (pages - 1) // doubtful
    doubts = [i for i in range(pages - 1) if i % every == 0][:doubtful]
    breaks = [
        {
            "after": ids[i],
            "is_break": i % 4 == 3,
            "probability": 0.96 if i % 4 == 3 else 0.04,
            "decided": None,
            "who": None,
        }
        for i in range(pages - 1)
    ]
    for i in doubts:
        breaks[i]["probability"] = 0.6 if breaks[i]["is_break"] else 0.4
    sure = sorted(set(range(pages - 1)) - set(doubts))
    return {
        "stream": "box",
        "pages": [
            {"page_id": one, "path": f"box/{i:05d}.jpg", "page_number": 1, "label": None, "flags": [], "blank": False}
            for i, one in enumerate(ids)
        ],
        "breaks": breaks,
        "documents": [
            {"document": ids[i], "first": i, "last": min(i + 3, pages - 1), "confidence": 0.6, "decided": False}
            for i in range(0, pages, 4)
        ],
        "review_order": doubts + sure,
        "doubtful": len(doubts),
        "known_count": None,
        "notes": [],
    }


def _serve_made_up(page: Page, proposal: dict[str, Any]) -> list[list[dict[str, str]]]:
    """Answer for the service with a made-up stream; what is posted is kept, and honoured."""
    posted: list[list[dict[str, str]]] = []

    def take(route: Route) -> None:
        decisions = json.loads(route.request.post_data or "{}")["decisions"]
        posted.append(decisions)
        said = {one["after"]: one["decision"] for one in decisions}
        for one in proposal["breaks"]:
            one["decided"] = said.get(one["after"], one["decided"])
        order = [i for i in proposal["review_order"] if proposal["breaks"][i]["decided"] is None]
        proposal["doubtful"] = sum(0.1 < proposal["breaks"][i]["probability"] < 0.9 for i in order)
        proposal["review_order"] = order
        route.fulfill(json=proposal)

    page.route("**/v1/documents?*", lambda route: route.fulfill(json=proposal))
    page.route("**/v1/documents/decisions", take)
    page.route("**/v1/pages/*/*", lambda route: route.fulfill(content_type="image/svg+xml", body=_PIXEL))
    return posted


def test_a_stream_is_reviewed_with_the_keyboard_alone(page: Page, http: Http) -> None:
    """From the list into the stream; cut, join, accept, undo, reload: every key is a saved decision, and nothing is lost."""
    _open_all(http)
    page.goto("/documents")
    page.get_by_role("list", name="Streams").get_by_role("link", name=_STREAM).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".desk-left .desk-sheet")).to_be_visible()
    proposal = _proposal(http)
    assert proposal["breaks"][proposal["review_order"][0]]["after"] == _here(page)
    expect(page.locator(".review-counter")).to_contain_text(str(proposal["doubtful"]))

    cut = _here(page)
    page.keyboard.press("c")
    _wait_saved(page)
    assert _decided(http) == {cut: "break"}
    joined = _here(page)
    assert joined != cut
    page.keyboard.press("j")
    _wait_saved(page)
    assert _decided(http) == {cut: "break", joined: "join"}
    accepted = _here(page)
    proposed = next(one["is_break"] for one in _proposal(http)["breaks"] if one["after"] == accepted)
    page.keyboard.press("Enter")
    _wait_saved(page)
    assert _decided(http) == {cut: "break", joined: "join", accepted: "break" if proposed else "join"}

    page.keyboard.press("u")
    page.wait_for_url(f"**at={accepted}*")
    _wait_saved(page)
    assert _decided(http) == {cut: "break", joined: "join"}

    told = page.locator(".review-counter").inner_text()
    page.reload()
    expect(page.locator(".review-counter")).to_have_text(told)
    assert _here(page) == accepted
    assert _decided(http) == {cut: "break", joined: "join"}
    expect(page.locator(".strip-break[data-certainty=decided]")).to_have_count(2)
    # What was decided before the reload can be taken back after it.
    page.keyboard.press("u")
    page.wait_for_url(f"**at={joined}*")
    _wait_saved(page)
    assert _decided(http) == {cut: "break"}


def test_the_arrow_keys_go_on_without_deciding_and_back(page: Page, http: Http) -> None:
    """Right passes a break over, Left goes the way back, Shift goes to the neighbour; nothing is decided."""
    _open_all(http)
    _review(page)
    first = _here(page)
    page.keyboard.press("ArrowRight")
    second = _here(page)
    page.keyboard.press("n")
    assert len({first, second, _here(page)}) == 3
    page.keyboard.press("ArrowLeft")
    assert _here(page) == second
    page.keyboard.press("p")
    assert _here(page) == first
    ids = [one["after"] for one in _proposal(http)["breaks"]]
    _review(page, at=ids[3])
    page.keyboard.press("Shift+ArrowRight")
    assert _here(page) == ids[4]
    assert _decided(http) == {}


def test_an_address_leads_to_its_break(page: Page, http: Http) -> None:
    """What stands in the address is what is shown: these two pages, on the desk and in the filmstrip."""
    pages = _proposal(http)["pages"]
    _review(page, at=pages[5]["page_id"])
    names = [pages[i]["path"].rsplit("/", 1)[-1] for i in (5, 6)]
    expect(page.locator(".desk-name")).to_have_text(names)
    expect(page.locator(".strip-break[aria-current]")).to_have_attribute(
        "aria-label", re.compile(f"^Between {re.escape(names[0])} and {re.escape(names[1])}")
    )


def test_the_mouse_does_the_same_and_leaves_the_keys_working(page: Page, http: Http) -> None:
    """A click on Cut decides; Enter after it is about the next break, not about the button again."""
    _open_all(http)
    _review(page)
    first = _here(page)
    page.get_by_role("button", name=re.compile("^Cut")).click()
    _wait_saved(page)
    second = _here(page)
    page.keyboard.press("j")
    _wait_saved(page)
    assert _decided(http) == {first: "break", second: "join"}
    page.locator(f".strip-break[aria-label^='Between {_name_of(http, first)} and']").click()
    assert _here(page) == first
    expect(page.locator(".verdict-state")).to_have_text("Decided by tester")
    page.get_by_role("button", name="Leave open").click()
    _wait_saved(page)
    assert _decided(http) == {second: "join"}


def _name_of(http: Http, page_id: str) -> str:
    path: str = http.get(f"/pages/{page_id}")["path"]
    return path.rsplit("/", 1)[-1]


def test_a_page_leads_to_the_other_pages_of_its_document(page: Page, http: Http) -> None:
    """A document's own name is for programs: what people get is a link, and exactly its pages behind it."""
    job = http.send("POST", "/jobs", {"kind": "documents"})["id"]
    until(lambda: http.get(f"/jobs/{job}")["state"] == "done")
    document = _proposal(http)["documents"][0]["document"]
    whole = http.get(f"/pages?limit=100&filter=document%3D{document}")["pages"]
    page.goto(f"/search?page={whole[0]['page_id']}")
    page.get_by_role("link", name="Its pages").click()
    expect(page.locator(".shelf .tile")).to_have_count(len(whole))


def test_a_known_number_of_documents_is_kept(page: Page, http: Http) -> None:
    """The number from the box is proposed, stays after a reload, and can be forgotten."""
    _open_all(http)
    _review(page)
    page.locator("summary", has_text="Number known?").click()
    page.get_by_label("Documents", exact=True).fill("3")
    page.keyboard.press("Enter")
    expect(page.locator("summary", has_text="3 documents known")).to_be_visible()
    assert len(_proposal(http)["documents"]) == 3
    page.reload()
    page.locator("summary", has_text="3 documents known").click()
    page.get_by_role("button", name="Not known").click()
    expect(page.locator("summary", has_text="Number known?")).to_be_visible()
    assert _proposal(http)["known_count"] is None


def test_a_decision_that_was_refused_is_taken_off_again(page: Page, http: Http, console_errors: list[str]) -> None:
    """The reason is shown, and the break is as open as the service says."""
    _open_all(http)
    problem = {"title": "Conflict", "status": 409, "detail": "The stream holds 2 documents.", "code": "conflict"}
    # Before the page is there: the first request after a late route may slip past it.
    page.route("**/v1/documents/decisions", lambda route: route.fulfill(status=409, json=problem))
    _review(page)
    page.keyboard.press("c")
    expect(page.get_by_role("region", name="Messages")).to_contain_text("The stream holds 2 documents.")
    _wait_saved(page)
    expect(page.locator(".strip-break[data-certainty=decided]")).to_have_count(0)
    assert all("409" in error for error in console_errors)
    console_errors.clear()


def test_letters_typed_elsewhere_or_turned_off_decide_nothing(page: Page, http: Http) -> None:
    """In a field, in the help, and where letters are turned off, keys are no decisions; the arrows still work."""
    _open_all(http)
    _review(page)
    page.keyboard.press("?")
    help_box = page.get_by_role("dialog", name="Keys and signs")
    help_box.get_by_label("Letters work as keys").uncheck()
    page.keyboard.press("c")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)  # hidden a moment before it is gone, with the focus still in it
    first = _here(page)
    page.keyboard.press("c")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: first not in url)
    assert _decided(http) == {}


def test_ten_thousand_pages_are_reviewed_through_a_window(page: Page) -> None:
    """Only what can be seen exists; the end of the stream is one key away, and a key is answered at once."""
    proposal = _made_up(10_000, 300)
    posted = _serve_made_up(page, proposal)
    _review(page, "box")
    expect(page.locator(".review-counter")).to_have_text("300 doubtful breaks remain")
    assert 5 < page.locator(".strip-page").count() < 80
    page.locator(".strip-break[aria-current]").focus()
    page.keyboard.press("End")
    expect(page.locator(".desk-name").last).to_have_text("09999.jpg")
    expect(page.locator(".strip-break[aria-current]")).to_be_focused()
    assert page.locator(".strip-page").count() < 80
    spent_ms = page.evaluate(
        """() => {
          document.activeElement.blur();
          const start = performance.now();
          document.dispatchEvent(new KeyboardEvent("keydown", { key: "c", bubbles: true }));
          document.querySelector(".strip").getBoundingClientRect();
          return performance.now() - start;
        }"""
    )
    assert spent_ms < 500
    _wait_saved(page)
    assert posted == [[{"after": proposal["pages"][-2]["page_id"], "decision": "break"}]]


def test_all_that_is_sure_is_accepted_at_once_and_the_doubtful_left(page: Page) -> None:
    """One key, one request, with exactly the breaks that are not doubtful, as they were proposed."""
    proposal = _made_up(41, 8)
    doubts = set(proposal["review_order"][:8])
    wanted = {
        one["after"]: "break" if one["is_break"] else "join"
        for i, one in enumerate(proposal["breaks"])
        if i not in doubts
    }
    posted = _serve_made_up(page, proposal)
    _review(page, "box")
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Accept the 0 sure breaks")).to_be_disabled()
    assert len(posted) == 1
    assert {one["after"]: one["decision"] for one in posted[0]} == wanted
    expect(page.locator(".review-counter")).to_have_text("8 doubtful breaks remain")


def test_documents_are_handed_over_as_files(page: Page, http: Http) -> None:
    """The table has a row for each document of the stream; the document in view comes as a PDF and as a manifest."""
    _review(page)
    page.locator("summary", has_text="Hand over").click()
    saved = {}
    for name in ("CSV", "Excel", "IIIF collection", "PDF", "IIIF manifest"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        saved[name] = download.value.path().read_bytes()
    assert len(saved["CSV"].splitlines()) == 1 + len(_proposal(http)["documents"])
    assert saved["Excel"].startswith(b"PK")
    assert json.loads(saved["IIIF collection"])["type"] == "Collection"
    assert saved["PDF"].startswith(b"%PDF")
    assert json.loads(saved["IIIF manifest"])["type"] == "Manifest"


def test_streams_are_listed_with_the_most_doubtful_first(page: Page, http: Http) -> None:
    """Proposing for all is one click; then the list is in order of doubt, and can be searched."""
    page.goto("/documents")
    page.get_by_role("button", name="Propose for all").click()
    expect(page.locator(".job")).to_have_attribute("data-state", "done", timeout=60_000)
    rows = page.get_by_role("list", name="Streams").get_by_role("link")
    expect(page.locator(".lede")).to_contain_text("put together to")
    streams = sorted(http.get("/streams"), key=lambda one: (-one["doubtful"], one["stream"]))
    expect(page.locator(".stream-name")).to_have_text([one["stream"] for one in streams])
    expect(rows).to_have_count(len(streams))
    page.get_by_label("Find a stream").fill("LEFT")
    expect(rows).to_have_count(1)
