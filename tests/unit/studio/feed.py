"""What a run that exists only in a test says: events pushed by the test, to whoever follows."""

import json
import threading
from collections.abc import Iterator
from typing import Any, Final

__all__ = ("EPOCH", "Feed")

EPOCH: Final = "aaaaaaaa"
_HEARTBEAT: Final = 0.5


class Feed:
    """One run. Push from any thread; streams end with `close`."""

    def __init__(self, run: str, state: str = "running") -> None:
        self.record: dict[str, Any] = {
            "id": run,
            "name": run,
            "mode": "dev",
            "state": state,
            "epoch": EPOCH,
            "created": 1.0,
            "entry": {"script": "train.py"},
            "cwd": "/project",
            "python": "python",
        }
        self.files: list[dict[str, Any]] = [{"path": "train.py", "hash": "h1", "seq": 1, "step": None, "size": 9}]
        self.texts: dict[str, str] = {"h1": "import x\n"}
        self.answer: dict[str, Any] = {"outcome": "applied", "step": 7}
        self.live: dict[str, Any] = {}
        self.metrics: dict[str, Any] = {}
        self.snapshots: list[dict[str, Any]] = []
        self.detail: dict[str, Any] = {"types": {}, "arrays": {}, "plain": {}}
        self.refusal = ""
        self._messages: list[bytes] = []
        self._open = True
        self._news = threading.Condition()

    def push(self, **event: Any) -> None:
        """The next event."""
        with self._news:
            seq = len(self._messages) + 1
            body = {"is": "event", "seq": seq, "time": 1_800_000_000.0 + seq, "event": event}
            self._messages.append(f"id: {EPOCH}-{seq}\ndata: {json.dumps(body)}\n\n".encode())
            self.record["last_seq"] = seq
            self._news.notify_all()

    def close(self) -> None:
        with self._news:
            self._open = False
            self._news.notify_all()

    def after(self, seq: int) -> Iterator[bytes]:
        """Every message behind event `seq`, and a comment now and then, which a client that is gone can't take."""
        yield b": hello\n\n"
        if self.live:
            body = {"is": "live", "live": {"version": 1, "full": True, **self.live}}
            yield f"data: {json.dumps(body)}\n\n".encode()
        while True:
            fresh = self._wait(seq)
            if fresh is None:
                return
            yield b"".join(fresh) or b": still here\n\n"
            seq += len(fresh)

    def _wait(self, seq: int) -> list[bytes] | None:
        """What has come behind event `seq`, or nothing for a while; None at the end."""
        with self._news:
            self._news.wait_for(lambda: len(self._messages) > seq or not self._open, _HEARTBEAT)
            return self._messages[seq:] if self._open else None
