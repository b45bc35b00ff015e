"""What the rules of this package need of the `Patcher` that applies them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import FunctionType

from livespark.runtime.reload.undo import Undo

__all__ = ("Patching", "same_origin")


class Patching(ABC):
    """One reload at work. Training thread only."""

    def __init__(
        self,
        undo: Undo,
        name_of: Callable[[object], str | None],
        old_source: Callable[[type], str] = lambda _: "",
    ) -> None:
        self.undo = undo
        self.name_of = name_of
        self.old_source = old_source
        self.notes: list[str] = []
        """What a person should know: living objects that go on with their old code."""
        self.busy: set[tuple[int, int]] = set()
        """Pairs, by `id`, that are being adopted: functions and classes may refer to themselves."""
        self.fields: dict[type, frozenset[str]] = {}
        """The fields that dataclasses had before; their decorator has not been seen to be done yet."""

        self.leaving: frozenset[int] = frozenset()
        """Objects, by `id`, that are made anew, and need not follow."""
        self.waiting: list[type] = []
        """New classes whose decorator will make others of them, which are to be adopted in their place."""

    @abstractmethod
    def adopt(self, old: object, new: object) -> object:
        """What a name that meant `old` is bound to, where its definition has now made `new`."""

    @abstractmethod
    def adopt_function(self, old: FunctionType, new: FunctionType) -> FunctionType: ...

    @abstractmethod
    def adopt_class(self, old: type, new: type, only: frozenset[str] | None = None) -> type: ...


def same_origin(old: object, new: object) -> bool:
    """Whether both were made by definitions of the same name in the same module; else they have nothing in common."""
    return _origin(old) == _origin(new)


def _origin(value: object) -> tuple[object, object]:
    return getattr(value, "__module__", None), getattr(value, "__qualname__", None)
