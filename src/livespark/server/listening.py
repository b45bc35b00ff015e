"""The server's socket: bound first, so that its address is true when it is announced."""

import errno
import ipaddress
import socket
from typing import Final

from livespark.errors import LivesparkError

__all__ = ("PREFERRED_PORT", "CannotListen", "bind", "url_of")

PREFERRED_PORT: Final = 4280
_BACKLOG: Final = 1024


class CannotListen(LivesparkError):
    """The address can't be listened on; the text says why."""


def bind(host: str, port: int | None, last: int | None) -> socket.socket:
    """A listening socket on loopback. Without `port`: the `last` one if free, else 4280, else any. Raises
    CannotListen."""
    address = _loopback(host)
    if port is not None:
        return _listen(address, port)
    for candidate in [*([last] if last else []), PREFERRED_PORT]:
        try:
            return _listen(address, candidate)
        except CannotListen:
            continue
    return _listen(address, 0)


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _loopback(host: str) -> str:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError:
        raise CannotListen(f"{host!r} is no address to listen on; use 127.0.0.1") from None
    if not address.is_loopback:
        raise CannotListen(
            f"listening on {host} needs TLS, which this version does not have yet: anybody on the network could "
            "read along. Use 127.0.0.1 and reach it through `ssh -L`"
        )
    return str(address)


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's algorithm off only where it is: 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise CannotListen(_sentence(address, port, error)) from None
    return listener


def _sentence(address: str, port: int, error: Exception) -> str:
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return f"port {port} is in use. Choose another with --port, or leave it out"
    if code == errno.EACCES:
        return f"port {port} needs special rights. Choose one above 1023, or leave it out"
    return f"can't listen on {address}, port {port}: {error}"
