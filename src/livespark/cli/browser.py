"""The run's page, and whether a browser can show it here."""

import os
import sys
import webbrowser
from collections.abc import Mapping

__all__ = ("is_likely", "opens", "page")


def page(server: str, run: str, code: str = "") -> str:
    """The address of a run's page; with a code it signs in, once."""
    return f"{server}/r/{run}#code={code}" if code else f"{server}/r/{run}"


def is_likely(environ: Mapping[str, str], platform: str) -> bool:
    """Whether a graphical browser is to be expected: not over SSH, not on a Linux without a display."""
    if platform == "darwin":
        return "SSH_CONNECTION" not in environ
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") or "BROWSER" in environ)


def opens(url: str) -> bool:
    """Show the page; False where that does not work."""
    if not is_likely(os.environ, sys.platform):
        return False
    try:
        return webbrowser.open(url)
    except (OSError, webbrowser.Error):
        return False
