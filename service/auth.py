"""Who may do what: API keys, and the rule that a service without keys stays on its own machine.

Keys are kept as SHA-256 digests from the moment they are read, and compared in constant time. They must be long, because it
is their length that stops guessing; a digest in the settings (`NAME:rw:sha256$HEX`) keeps the key itself out of files.
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from indexer.errors import UsageError
from indexer.settings import Settings

MIN_KEY_LENGTH = 16
_NAME = re.compile(r"[\w.@-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_HOW = "Write NAME:ro:KEY or NAME:rw:KEY, comma-separated; `python -c 'import secrets; print(secrets.token_urlsafe(32))'` makes a key."


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `is_near`: from this very machine, of a service that listens nowhere else; `has_key`: showed a key of that name."""

    name: str
    may_write: bool
    is_near: bool = False
    has_key: bool = False


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, as its digest."""

    name: str
    may_write: bool
    digest: bytes


def load_keys(settings: Settings) -> list[ApiKey]:
    """The keys of the settings, in their order; none where none are set.

    Raises:
        UsageError: an entry that is not NAME:ro:KEY or NAME:rw:KEY, a name given twice, a key too short. Keys are not repeated in it.
    """
    text = settings.api_keys.get_secret_value() if settings.api_keys else ""
    keys = [_parse_key(entry.strip(), number) for number, entry in enumerate(text.split(","), 1) if entry.strip()]
    names = [key.name for key in keys]
    if len(set(names)) < len(names):
        raise UsageError(
            f"Two API keys have the same name, so the history could not tell them apart: {', '.join(names)}. Rename one."
        )
    return keys


def find_key(keys: Sequence[ApiKey], presented: str) -> ApiKey | None:
    """The key that was presented. All are compared, each in constant time."""
    digest = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).digest()
    found = None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def check_exposure(settings: Settings) -> None:
    """Pass, unless the service would be open to other machines without keys.

    Raises:
        UsageError: it would, and `insecure` is off; or the keys can't be read.
    """
    if load_keys(settings) or is_loopback(settings.host) or settings.insecure:
        return
    raise UsageError(
        f"The service would listen on {settings.host} for anyone who can reach it. Set keys in QUIRE_API_KEYS (NAME:rw:KEY), "
        "listen on 127.0.0.1, or say --insecure."
    )


def login_name(settings: Settings) -> str:
    """Who decides where no key says it: the setting `user`, else the login name."""
    if settings.user:
        return settings.user
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _parse_key(entry: str, number: int) -> ApiKey:
    parts = entry.split(":", 2)
    if len(parts) != 3 or parts[1] not in ("ro", "rw") or not _NAME.fullmatch(parts[0]):
        raise UsageError(f"API key number {number} can't be read. {_HOW}")
    name, kind, secret = parts
    if secret.startswith("sha256$"):
        digest = secret.removeprefix("sha256$").lower()
        if not _DIGEST.fullmatch(digest):
            raise UsageError(f"The API key {name} is no SHA-256 digest: 64 hexadecimal digits after sha256$. {_HOW}")
        return ApiKey(name, kind == "rw", bytes.fromhex(digest))
    if len(secret) < MIN_KEY_LENGTH:
        raise UsageError(
            f"The API key {name} is shorter than {MIN_KEY_LENGTH} characters, so it could be guessed. {_HOW}"
        )
    return ApiKey(name, kind == "rw", hashlib.sha256(secret.encode()).digest())
