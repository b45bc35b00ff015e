"""The snapshots of a run that exists only in a test, as the server's routes tell of them."""

from typing import Any, Final

from tests.unit.studio.feed import Feed

__all__ = ("ARCHIVE", "Answer", "detail", "fork", "listing", "remove", "snapshot")

ARCHIVE: Final = b"a tar archive"
Answer = tuple[int, Any]
"""Status and body: bytes, or what is to be JSON."""


def snapshot(number: int, step: int | None, **more: Any) -> dict[str, Any]:
    """A `SnapshotInfo` as on the wire."""
    plain = {"number": number, "time": 1_800_000_000.0 + number, "cause": "every", "step": step}
    return plain | {"size": 412_000_000, "written": 31_000_000, "stall": 0.014, "seconds": 0.9} | more


def listing(feed: Feed) -> Answer:
    return 200, {"snapshots": feed.snapshots}


def detail(feed: Feed, number: int, *, download: bool = False) -> Answer:
    """What snapshot `number` holds, or its archive."""
    found = [info for info in feed.snapshots if info["number"] == number]
    if not found:
        return _missing(number)
    return 200, ARCHIVE if download else {"info": found[0], **feed.detail}


def remove(feed: Feed, number: int) -> Answer:
    """Takes it from the list, and says so in the record."""
    if all(info["number"] != number for info in feed.snapshots):
        return _missing(number)
    feed.snapshots = [info for info in feed.snapshots if info["number"] != number]
    feed.push(type="snapshots-removed", numbers=[number], actor="ada")
    return 200, {}


def fork(feed: Feed, body: dict[str, Any]) -> Answer:
    """The new run; a feed with a `refusal` refuses."""
    if feed.refusal:
        return 409, {"status": 409, "code": "refused", "detail": feed.refusal}
    name = body.get("name") or "calm-fox"
    origin = {"run": feed.record["id"], "snapshot": body.get("snapshot"), "relation": body.get("relation", "fork")}
    return 201, feed.record | {"id": name, "name": name, "origin": origin}


def _missing(number: int) -> Answer:
    return 404, {"status": 404, "code": "no-such-snapshot", "detail": f"there is no snapshot {number}"}
