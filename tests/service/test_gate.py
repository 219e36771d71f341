"""Who is let in: keys, names, pages of other sites, other machines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from support.service import KEYS, RO_KEY, RW_KEY, FakeLibrary, make_settings, open_client, scan

from indexer.errors import UsageError
from service.app import create_app
from service.auth import check_exposure, find_key, is_loopback, load_keys

READS = [
    ("GET", "/v1/pages"),
    ("GET", "/v1/status"),
    ("GET", "/metrics"),
    ("POST", "/v1/similar"),
    ("POST", "/v1/classify"),
    ("POST", "/v1/search"),
]
WRITES = [
    ("PUT", "/v1/clusters/1/group"),
    ("POST", "/v1/names"),
    ("POST", "/v1/pages/move"),
    ("POST", "/v1/undo"),
    ("POST", "/v1/choose-k"),
    ("POST", "/v1/jobs"),
    ("DELETE", "/v1/jobs/" + "0" * 32),
]
OPEN = [("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/openapi.json")]
BODIES: dict[str, Any] = {
    "/v1/clusters/1/group": {"group": "a"},
    "/v1/names": {"clusters": [1], "group": "a"},
    "/v1/jobs": {"kind": "cluster", "k": 2},
    "/v1/choose-k": {"ks": [2]},
    "/v1/search": {"text": "a bird"},
}


@pytest.fixture(scope="module")
def keyed() -> Iterator[TestClient]:
    """A service with keys, for tests that change nothing others see."""
    with open_client(api_keys=KEYS) as client:
        yield client


def ask(client: TestClient, method: str, path: str, headers: dict[str, str]) -> int:
    """The status of one request."""
    if path in ("/v1/similar", "/v1/classify"):
        return client.request(method, path, files=[scan()], headers=headers).status_code
    body = BODIES.get(path, {}) if method in ("POST", "PUT") else None
    return client.request(method, path, json=body, headers=headers).status_code


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": ""}, {"X-API-Key": "wrong"}, {"Authorization": f"Basic {RW_KEY}"}]
)
def test_without_a_key_nothing_is_answered(headers: dict[str, str]) -> None:
    """No key, an empty one and a wrong one are all refused, everywhere."""
    with open_client(api_keys=KEYS) as client:
        assert {ask(client, method, path, headers) for method, path in READS + WRITES} == {401}


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_probes_need_no_key(keyed: TestClient, method: str, path: str) -> None:
    """What says nothing of the library is open."""
    assert ask(keyed, method, path, {}) == 200


@pytest.mark.parametrize(("method", "path"), READS)
def test_a_reading_key_reads(keyed: TestClient, method: str, path: str) -> None:
    """Searching with an upload counts as reading."""
    assert ask(keyed, method, path, {"Authorization": f"Bearer {RO_KEY}"}) == 200


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_reading_key_does_not_write(keyed: TestClient, method: str, path: str) -> None:
    """All that changes something, or costs much, is refused to it."""
    assert ask(keyed, method, path, {"Authorization": f"Bearer {RO_KEY}"}) == 403


@pytest.mark.parametrize(("method", "path"), READS + WRITES)
def test_a_writing_key_does_both(keyed: TestClient, method: str, path: str) -> None:
    """It passes the gate everywhere; what is behind may say 404 or 409."""
    assert ask(keyed, method, path, {"X-API-Key": RW_KEY}) in (200, 202, 404, 409, 422)


@pytest.mark.parametrize(
    "path", ["//v1/pages", "/v1//pages", "/static/../v1/pages", "/V1/pages", "/v1/pages/", "/healthz/../v1/pages"]
)
def test_no_spelling_of_an_address_gets_around_the_key(keyed: TestClient, path: str) -> None:
    """Odd spellings are refused or lead nowhere."""
    assert keyed.get(path, follow_redirects=False).status_code in (401, 404)


def test_the_history_names_the_key() -> None:
    """With keys, the key's name is who decided."""
    library = FakeLibrary()
    with open_client(library, api_keys=KEYS) as client:
        client.put("/v1/clusters/1/group", json={"group": "a"}, headers={"X-API-Key": RW_KEY})
    assert [entry.who for entry in library.decisions] == ["ann"]


def test_a_key_may_be_given_as_its_digest() -> None:
    """`sha256$HEX` lets the key in whose digest it is, and no other."""
    digest = hashlib.sha256(b"a key that nobody wrote down").hexdigest()
    keys = load_keys(make_settings(api_keys=f"eve:rw:sha256${digest}"))
    assert find_key(keys, "a key that nobody wrote down") == keys[0]
    assert find_key(keys, digest) is None
    assert find_key(keys, f"sha256${digest}") is None


@pytest.mark.parametrize(
    "text",
    [
        "ann",
        "ann:rx:0123456789abcdef",
        ":rw:0123456789abcdef",
        "ann:rw:short",
        "ann:rw:sha256$12",
        "a:rw:0123456789abcdef,a:ro:0123456789abcdef",
    ],
)
def test_keys_that_cannot_be_used_stop_the_start(text: str) -> None:
    """A key that is misspelt, too short or named twice is refused, and not repeated in the message."""
    with pytest.raises(UsageError) as caught:
        create_app(make_settings(api_keys=text))
    assert "0123456789abcdef" not in str(caught.value)


def test_many_wrong_keys_slow_a_guesser_but_not_the_owner() -> None:
    """After twenty wrong keys comes 429; the right key still works."""
    with open_client(api_keys=KEYS) as client:
        statuses = [client.get("/v1/status", headers={"X-API-Key": f"guess {n}"}).status_code for n in range(25)]
        assert statuses == [401] * 20 + [429] * 5
        assert client.get("/v1/status", headers={"X-API-Key": RW_KEY}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_other_machines_are_served_only_with_keys(host: str) -> None:
    """Listening beyond this machine takes keys or an explicit `insecure`."""
    with pytest.raises(UsageError, match="QUIRE_API_KEYS"):
        check_exposure(make_settings(host=host))
    check_exposure(make_settings(host=host, api_keys=KEYS))
    check_exposure(make_settings(host=host, insecure=True))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("LOCALHOST", True), ("::ffff:127.0.0.1", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("localhost.example.org", False), ("", False)],
)  # fmt: skip
def test_what_is_loopback(host: str, expected: bool) -> None:
    """Only addresses that no other machine can reach count."""
    assert is_loopback(host) is expected


def test_without_keys_other_machines_are_refused_even_if_they_get_through() -> None:
    """Started by hand on another address than the settings say, the service still answers its own machine only."""
    with open_client(client="192.168.1.9") as client:
        assert client.get("/v1/status").json()["code"] == "exposed"


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "localhost:9", "[::1]:8765"])
def test_the_service_answers_to_its_own_names(host: str) -> None:
    """This machine's names will do, with any port."""
    with open_client() as client:
        assert client.get("/v1/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example:1", "", "[", "192.168.1.9"]
)
def test_a_foreign_name_is_refused(host: str) -> None:
    """DNS rebinding: a name of another site that leads here."""
    with open_client() as client:
        assert client.get("/v1/status", headers={"Host": host}).json()["code"] == "wrong-host"


def test_no_address_gets_around_the_name() -> None:
    """Whoever starts the app with uvicorn's own settings lets clients of this machine say where they come from."""
    with open_client(client="testclient") as client:
        assert client.get("/v1/status", headers={"Host": "evil.example"}).status_code == 421


def test_more_names_can_be_allowed() -> None:
    """Behind a proxy, QUIRE_HOSTS names what clients call the service."""
    with open_client(hosts="scans.example, other.example") as client:
        assert client.get("/v1/status", headers={"Host": "scans.example"}).status_code == 200
        assert client.get("/v1/status", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites_change_nothing(headers: dict[str, str]) -> None:
    """A post that another page makes is refused, uploads included."""
    library = FakeLibrary()
    with open_client(library) as client:
        named = client.post("/v1/names", json={"clusters": [1], "group": "a"}, headers=headers)
        searched = client.post("/v1/similar", files=[scan()], headers=headers)
        assert [answer.json()["code"] for answer in (named, searched)] == ["cross-origin"] * 2
    assert library.decisions == []


@pytest.mark.parametrize("dest", ["image", "iframe", "script", "empty"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_embed_nothing(site: str, dest: str) -> None:
    """They could not see it, but the work would be done: sheets, exports and searches without end."""
    with open_client() as client:
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": dest}
        assert client.get("/v1/sheet", headers=headers).json()["code"] == "cross-origin"


def test_links_of_other_sites_lead_here() -> None:
    """A person who follows one sees what it leads to."""
    with open_client() as client:
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert client.get("/v1/status", headers=headers).status_code == 200
        assert client.get("/clusters", headers=headers).status_code == 200


def test_the_services_own_page_may_post() -> None:
    """Its origin is the host asked for."""
    with open_client() as client:
        headers = {"Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}
        assert client.post("/v1/names", json={"clusters": [1], "group": "a"}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_what_a_form_can_send_changes_nothing(kind: str) -> None:
    """Only JSON is taken where something changes, so that no form of another site fits."""
    with open_client() as client:
        answer = client.post("/v1/names", content=b'{"clusters": [1], "group": "a"}', headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (415, "media-type")


def test_answers_carry_safe_headers() -> None:
    """Every answer forbids sniffing, framing and foreign sources, and has a request id."""
    with open_client() as client:
        for path in ("/v1/status", "/healthz", "/nowhere"):
            headers = client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["content-security-policy"].startswith("default-src 'none'")
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert len(headers["x-request-id"]) == 16
            assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(("offered", "kept"), [("abc-1.2_3", True), ("a b", False), ("x" * 65, False), ('"}{', False)])
def test_a_request_id_is_taken_over_if_it_is_sane(offered: str, kept: bool) -> None:
    """A proxy's id goes through; anything that could spoil a log line does not."""
    with open_client() as client:
        assert (client.get("/healthz", headers={"X-Request-ID": offered}).headers["x-request-id"] == offered) is kept
