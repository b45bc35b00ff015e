"""Tokens, codes and sessions."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.protocol.live import LiveDelta, LiveDoc, merge
from livespark.protocol.policy import Scope
from livespark.service.access import Access
from livespark.service.lines import Subscription
from livespark.service.live import full_delta
from livespark.service.refusals import Refused
from livespark.store.base import Credential
from livespark.store.sqlite import SqliteStore
from livespark.testing.clock import ManualClock

pytestmark = pytest.mark.anyio

TOKEN = "t" * 43


def everything(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_only_the_tokens_that_count_are_known(tmp_path: Path) -> None:
    """The local one, not another, not an expired one."""
    clock = ManualClock()
    async with SqliteStore(tmp_path / "store.db") as store:
        access = Access(store, clock)
        await access.install(TOKEN, "local")
        found = await access.authenticate(TOKEN)
        assert found is not None
        assert (found.scope, found.label) == (Scope.ADMIN, "local")
        for wrong in ("", "x", TOKEN[:-1], TOKEN + "t", TOKEN.upper(), "\N{SNOWMAN}"):
            assert await access.authenticate(wrong) is None
        session = await access.spend(access.new_code(found).secret)
        assert await access.authenticate(session.secret) == session.credential
        clock.advance(8 * 24 * 3600)
        assert await access.authenticate(session.secret) is None


async def test_a_code_is_good_for_one_session_of_its_makers_scope(tmp_path: Path) -> None:
    """Of a thousand who spend it at the same time exactly one wins."""
    async with SqliteStore(tmp_path / "store.db") as store:
        access = Access(store, ManualClock())
        reader = Credential(b"r" * 32, Scope.READ, "reader", 0.0)
        await store.add_credential(reader)
        code = access.new_code(reader)
        results = await asyncio.gather(*(access.spend(code.secret) for _ in range(1000)), return_exceptions=True)
        won = [result for result in results if not isinstance(result, BaseException)]
        assert len(won) == 1
        assert (won[0].credential.scope, won[0].credential.parent) == (Scope.READ, reader.digest)
        assert all(isinstance(result, Refused) for result in results if result is not won[0])
        assert code.secret != won[0].secret


async def test_a_code_lives_for_a_minute(tmp_path: Path) -> None:
    """And what was never one is none."""
    clock = ManualClock()
    async with SqliteStore(tmp_path / "store.db") as store:
        access = Access(store, clock)
        await access.install(TOKEN, "local")
        local = await access.authenticate(TOKEN)
        assert local is not None
        code = access.new_code(local)
        clock.advance(60)
        for secret in (code.secret, "", TOKEN):
            with pytest.raises(Refused) as caught:
                await access.spend(secret)
            assert caught.value.code == "unauthenticated"


async def test_unspent_codes_are_bounded(tmp_path: Path) -> None:
    """Until the old ones expire."""
    clock = ManualClock()
    async with SqliteStore(tmp_path / "store.db") as store:
        access = Access(store, clock)
        maker = Credential(b"m" * 32, Scope.READ, "x", 0.0)
        for _ in range(1000):
            access.new_code(maker)
        with pytest.raises(Refused) as caught:
            access.new_code(maker)
        assert caught.value.code == "too-many"
        clock.advance(61)
        access.new_code(maker)


async def test_another_local_token_ends_all_sessions(tmp_path: Path) -> None:
    """Also after a restart; the same token again ends none."""
    async with SqliteStore(tmp_path / "store.db") as store:
        access = Access(store, ManualClock())
        await access.install(TOKEN, "local")
        local = await access.authenticate(TOKEN)
        assert local is not None
        session = await access.spend(access.new_code(local).secret)
        again = Access(store, ManualClock())
        await again.install(TOKEN, "local")
        assert await again.authenticate(session.secret) is not None
        code = again.new_code(local)
        changed = Access(store, ManualClock())
        await changed.install("n" * 43, "local")
        assert await changed.authenticate(session.secret) is None
        assert await changed.authenticate(TOKEN) is None
        with pytest.raises(Refused, match="revoked"):
            await again.spend(code.secret)


async def test_no_secret_is_stored(tmp_path: Path) -> None:
    """Only digests."""
    async with SqliteStore(tmp_path / "store.db") as store:
        access = Access(store, ManualClock())
        await access.install(TOKEN, "local")
        local = await access.authenticate(TOKEN)
        assert local is not None
        session = await access.spend(access.new_code(local).secret)
    kept = everything(tmp_path)
    assert local.digest in kept
    assert TOKEN.encode() not in kept
    assert session.secret.encode() not in kept


PATHS = st.sampled_from("abcd")
DELTAS = st.builds(
    lambda full, values, dropped, step, rate: LiveDelta(
        0,
        full=full,
        values=values,
        dropped=[] if full else sorted(dropped - values.keys()),
        step=step,
        steps_per_second=rate,
    ),
    st.booleans() | st.just(False),
    st.dictionaries(PATHS, st.integers(0, 9)),
    st.sets(PATHS),
    st.none() | st.integers(0, 99),
    st.none() | st.just(1.5),
)


@given(st.dictionaries(PATHS, st.integers(0, 9)), st.lists(DELTAS, min_size=1, max_size=6))
def test_a_slow_readers_document_becomes_the_same(values: dict[str, int], deltas: list[LiveDelta]) -> None:
    """In one step or one by one, order included; and a full delta makes any document equal."""
    one, other = LiveDoc(values=dict(values)), LiveDoc(values=dict(values))
    subscription = Subscription(live=True)
    for delta in deltas:
        merge(one, delta)
        subscription.push(delta)
    folded = subscription.take(one)
    assert folded is not None
    assert subscription.take(one) is None
    merge(other, folded)
    assert other == one
    assert list(other.values) == list(one.values)
    anything = LiveDoc(values={"z": 1})
    merge(anything, full_delta(one))
    assert anything.values == one.values
