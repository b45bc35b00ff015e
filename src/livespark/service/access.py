"""Who is who: bearer tokens, one-time codes for browsers, and streams that end when their credential does.

A token is 256 random bits; only its SHA-256 is kept. A code is such a token, too, but lives for a minute, in memory
only.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from msgspec import Struct

from livespark.protocol.ids import RunId
from livespark.protocol.policy import Scope
from livespark.service.clock import Clock
from livespark.service.refusals import Refused
from livespark.store.base import Credential, Credentials

__all__ = ("Access", "Closable", "Issued", "digest_of", "new_token")

_CODE_LIFE: Final = 60.0
_SESSION_LIFE: Final = 7 * 24 * 3600.0
_MOST_CODES: Final = 1_000
_MOST_STREAMS: Final = 200
_MOST_KNOWN: Final = 4_096


class Closable(Protocol):
    def close(self) -> None: ...


class Issued(Struct, frozen=True):
    """A secret on its way to whom it belongs; nothing else ever sees its text."""

    secret: str
    credential: Credential


def new_token() -> str:
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class Access:
    """Mutable state: codes not spent yet, credentials seen lately, open streams by credential."""

    def __init__(self, store: Credentials, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._codes: dict[bytes, Credential] = {}
        self._known: dict[bytes, Credential] = {}
        self._streams: dict[bytes, set[Closable]] = {}

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return sum(map(len, self._streams.values()))

    async def install(self, token: str, label: str) -> None:
        """Make `token` the local admin token; a former one ends with all sessions that came from it."""
        credential = Credential(digest_of(token), Scope.ADMIN, label, self._clock.now())
        await self._store.replace_credential(credential)
        await self._store.drop_expired(self._clock.now())

    async def authenticate(self, token: str) -> Credential | None:
        """The credential that `token` stands for, if it counts now."""
        digest = digest_of(token)
        credential = self._known.get(digest) or await self._store.find_credential(digest)
        if credential is None or not hmac.compare_digest(credential.digest, digest) or self._has_expired(credential):
            return None
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[digest] = credential
        return credential

    async def revoke(self, digest: bytes) -> None:
        """Drop a credential with all that was made from it, and end their streams."""
        for member in await self._store.drop_credential(digest):
            self.forget(member)

    def forget(self, digest: bytes) -> None:
        """The store has dropped this credential."""
        self._known.pop(digest, None)
        for stream in list(self._streams.get(digest, ())):
            stream.close()

    def forget_worker(self, run: RunId) -> None:
        """The run is settled, its worker's secret dropped."""
        for digest in [digest for digest, credential in self._known.items() if credential.run == run]:
            self.forget(digest)

    def new_code(self, maker: Credential) -> Issued:
        """A one-time code of the maker's own scope. Raises Refused when too many wait to be spent."""
        now = self._clock.now()
        self._codes = {digest: code for digest, code in self._codes.items() if not self._has_expired(code)}
        if len(self._codes) >= _MOST_CODES:
            raise Refused("too-many", "too many one-time codes wait to be spent; try again in a minute")
        code = secrets.token_urlsafe(16)
        credential = Credential(digest_of(code), maker.scope, "code", now, now + _CODE_LIFE, parent=maker.digest)
        self._codes[credential.digest] = credential
        return Issued(code, credential)

    async def spend(self, code: str) -> Issued:
        """The session that a code is good for, once. Raises Refused."""
        spent = self._codes.pop(digest_of(code), None)
        if spent is None or spent.parent is None or self._has_expired(spent):
            raise Refused(
                "unauthenticated", "this link was used already or is too old. `livespark open` makes a new one"
            )
        now, token = self._clock.now(), new_token()
        expires = now + _SESSION_LIFE
        session = Credential(digest_of(token), spent.scope, "browser", now, expires, parent=spent.parent)
        if await self._store.find_credential(spent.parent) is None:
            raise Refused("unauthenticated", "the token behind this link was revoked. `livespark open` makes a new one")
        await self._store.add_credential(session)
        return Issued(token, session)

    @contextmanager
    def attached(self, credential: Credential, stream: Closable) -> Iterator[None]:
        """For the length of the block, `stream` is closed when the credential is revoked or expires. Raises Refused."""
        streams = self._streams.setdefault(credential.digest, set())
        if len(streams) >= _MOST_STREAMS:
            raise Refused("too-many", f"{_MOST_STREAMS} streams are open with this token; close some first")
        streams.add(stream)
        left = None if credential.expires is None else max(0.0, credential.expires - self._clock.now())
        timer = None if left is None else asyncio.get_running_loop().call_later(left, stream.close)
        try:
            yield
        finally:
            if timer:
                timer.cancel()
            streams.remove(stream)
            if not streams:
                del self._streams[credential.digest]

    def _has_expired(self, credential: Credential) -> bool:
        return credential.expires is not None and credential.expires <= self._clock.now()
