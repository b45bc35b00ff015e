"""Who may speak to the server at all, before anything is looked up: S3 and S5 of the security rules. Pure.

A web page elsewhere can make a browser send requests here, under any name that it lets resolve to this machine. So
the Host must be one of ours, and an Origin, where there is one, must be exactly the page's own server. Neither is
matched by pattern.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

__all__ = ("Denial", "deny", "own_hosts")

_FETCH_SITES: Final = frozenset({"same-origin", "none"})


class Denial(NamedTuple):
    code: str
    detail: str


def own_hosts(port: int, extra: Collection[str] = ()) -> frozenset[str]:
    """The Host values that mean this server: the names of the loopback with our port, and what was configured."""
    names = ("localhost", "127.0.0.1", "[::1]")
    default = names if port == 80 else ()
    return frozenset([*default, *(f"{name}:{port}" for name in names), *(host.lower() for host in extra)])


def deny(headers: Sequence[tuple[bytes, bytes]], hosts: Collection[str], scheme: str = "http") -> Denial | None:
    """Why a request with these headers (names in lower case) is not for us, or None."""
    found = {name: [] for name in (b"host", b"origin", b"sec-fetch-site")}  # type: dict[bytes, list[str]]
    for name, value in headers:
        if name in found:
            found[name].append(value.decode("latin-1"))
    return (
        _host(found[b"host"], hosts)
        or _origin(found[b"origin"], found[b"host"], scheme)
        or _site(found[b"sec-fetch-site"])
    )


def _host(values: list[str], hosts: Collection[str]) -> Denial | None:
    if len(values) == 1 and values[0].lower() in hosts:
        return None
    return Denial("wrong-host", f"this server is not known by that name; use http://{min(hosts, key=_preference)}")


def _preference(host: str) -> tuple[bool, str]:
    return not host.startswith("127.0.0.1"), host


def _origin(values: list[str], host: list[str], scheme: str) -> Denial | None:
    if not values or values == [f"{scheme}://{host[0].lower()}"]:
        return None
    return Denial("forbidden", "requests from the pages of other servers are refused")


def _site(values: list[str]) -> Denial | None:
    if not values or (len(values) == 1 and values[0] in _FETCH_SITES):
        return None
    return Denial("forbidden", "requests that another site's page makes are refused")
