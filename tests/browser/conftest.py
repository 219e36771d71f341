"""Browser tests get their Chromium from tests/support; `live_service` comes from tests/conftest.py."""

from support.browser import chromium, console_errors, http, page

__all__ = ["chromium", "console_errors", "http", "page"]
