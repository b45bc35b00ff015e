"""A run to hold in one's hands: `s.state.loss`, `s.state.lr = 1e-4`, `s.train(epochs=3)`, `s.ctrl.pause()`."""

from typing import Any

from livespark.client.handle_sync import RunHandle
from livespark.client.values import children, snapshot
from livespark.client.view import Tree
from livespark.protocol import paths
from livespark.protocol.ids import RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.runs import Run
from livespark.transport.http_sync import Api

__all__ = ("RunProxy",)


class RunProxy(RunHandle):
    """One run. What it exposes are attributes; the methods below keep their names.

    A binding called like a method (`values`, `wait`, ...) is reached as an item: `s["wait"]`. Reads show the newest
    sample; assignments and calls wait for the run's answer and raise CommandRefused with its reason.
    """

    def __init__(self, api: Api, id: RunId) -> None:
        super().__init__(api, id)
        self._tree = Tree(self)

    @property
    def run(self) -> Run:
        """The run's record as it is now."""
        return self.fetch()

    @property
    def status(self) -> RunState:
        """The run's state as it is now."""
        return self.fetch().state

    @property
    def values(self) -> dict[str, Any]:
        """All exposed values by the names of their bindings, as of one moment."""
        return snapshot(self.live())

    def refresh(self) -> None:
        """The next read asks the run, however short ago the last one was."""
        self._tree.refresh()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._tree.read(paths.join([name]))
        except KeyError:
            raise AttributeError(f"the run {self.id} exposes no {name!r}{self._known()}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        elif hasattr(type(self), name):
            raise AttributeError(f"{name!r} is the proxy's own. An exposed value of that name is s[{name!r}]")
        else:
            self._tree.write(paths.join([name]), value)

    def __getitem__(self, path: str) -> Any:
        return self._tree.read(path)

    def __setitem__(self, path: str, value: Any) -> None:
        self._tree.write(path, value)

    def __contains__(self, path: str) -> bool:
        doc = self._tree.doc()
        return path in doc.values or path in doc.functions

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *children(self._tree.doc(), "")})

    def __repr__(self) -> str:
        return f"RunProxy({self.id!r})"

    def _known(self) -> str:
        names = children(self._tree.doc(), "")
        return f"; it exposes {', '.join(names[:10])}" if names else ""
