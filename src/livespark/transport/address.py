"""Where a server is: its address and the token to show it."""

import ipaddress
from collections.abc import Callable
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

from livespark.errors import UsageError
from livespark.protocol.runs import ProcessId

__all__ = ("Address", "Locate", "is_loopback", "normal_url")


class Address(NamedTuple):
    """`process`, where it is known, must listen there: nobody else gets the token."""

    url: str
    token: str
    process: ProcessId | None = None

    def __repr__(self) -> str:
        return f"Address(url={self.url!r}, token=...)"


Locate: TypeAlias = Callable[[], Address]
"""Says where the server is now; asked again whenever it stops answering. May block. Raises ServerUnavailable."""


def normal_url(text: str) -> str:
    """`host:port` or a URL as `scheme://host:port`, without a slash at its end. Raises UsageError."""
    url = text.strip()
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment or parts.username is not None:
        raise UsageError(f"{text!r} is no server address; expected something like http://127.0.0.1:4280")
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether the server is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
