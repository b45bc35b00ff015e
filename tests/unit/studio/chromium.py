"""The real browser that the tests drive."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import Browser, sync_playwright

__all__ = ("chromium",)

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_MAC: Final = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """A browser with these further arguments, closed with the block.

    A machine without one fails the test and says what to do."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_path(), args=[*_ARGUMENTS, *arguments])
        try:
            yield browser
        finally:
            browser.close()


def _path() -> str:
    candidates = (os.environ.get("LIVESPARK_CHROMIUM", ""), *_NAMES, _MAC)
    found = next((path for name in candidates if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.fail("no Chromium found: run ./scripts/browser, or name one with LIVESPARK_CHROMIUM")
    return found
