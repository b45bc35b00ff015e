"""What does a reload to living code. Everything it does is noted in the `Undo`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

from livespark.runtime.reload.patch.base import Patching
from livespark.runtime.reload.patch.classes import take_class
from livespark.runtime.reload.patch.compiled import forget_compiled
from livespark.runtime.reload.patch.exchange import exchange
from livespark.runtime.reload.patch.fields import settle_fields
from livespark.runtime.reload.patch.functions import fits, take_function
from livespark.runtime.reload.patch.kinds import class_kind_of, kind_of
from livespark.runtime.reload.patch.migration import migrate, renew_instances

__all__ = ("Patcher",)


class Patcher(Patching):
    """One per reload. Training thread only. `notes` tells a person afterwards what goes on with its old code."""

    def exchange(self, pairs: Sequence[tuple[CodeType, CodeType]], namespaces: Sequence[Mapping[str, Any]]) -> None:
        """Functions with an old code (first of a pair) get the new one, wherever they live; nothing is executed."""
        exchange(self, pairs, namespaces)

    def adopt(self, old: object, new: object) -> object:
        """What a name that meant `old` is bound to, where its definition has now made `new`: the old object with the
        content of the new, or the new one. To be called with a class also when both are the same: its decorators are
        done. For definitions, not for assignments. Raises Refusal.
        """
        if old is new:
            if isinstance(new, type):
                settle_fields(self, new)
            return new
        kind = kind_of(new)
        return kind.adopt(self, old, new) if kind is not None and kind is kind_of(old) else new

    def adopt_function(self, old: FunctionType, new: FunctionType) -> FunctionType:
        """The old function with the content of the new one; if its closure has another shape, the new one, to which
        the old one forwards from now on."""
        if old is new:
            return new
        with self._adopting(old, new) as is_first:
            return take_function(self, old, new) if is_first else old if fits(old, new) else new

    def adopt_class(self, old: type, new: type, only: frozenset[str] | None = None) -> type:
        """The old class with the content of the new one, or the new one where nothing of the old one lives that could
        not follow. `only`: just these attributes are taken, or deleted. Raises Refusal.
        """
        if old is new:
            return new
        kind = class_kind_of(new)
        take = kind.take if kind is class_kind_of(old) else take_class
        with self._adopting(old, new) as is_first:
            return take(self, old, new, only) if is_first else old

    def renew_instances(self, cls: type, made: frozenset[str], old_source: str) -> None:
        """Living objects that lack one of the attributes `made` are migrated by `__livespark_migrate__`. Raises Refusal
        where one goes on lacking it, and whatever that method raises."""
        renew_instances(self, cls, made, old_source)

    def migrate(self, living: object) -> bool:
        """Let one object follow by its `__livespark_migrate__`. -> whether it has one. Raises what that raises."""
        if not hasattr(living, "__livespark_migrate__"):
            return False
        migrate(self, living, self.old_source(type(living)))
        return True

    def clear_compiled(self) -> None:
        """What `torch.compile` has compiled is compiled again when it is called; also when the reload is taken back,
        before names are: dynamo keeps names of its own in modules, and removes them itself. 0.2 ms."""
        forget_compiled()
        self.undo.later(forget_compiled)

    @contextmanager
    def _adopting(self, old: object, new: object) -> Iterator[bool]:
        """Within, the pair is known to be under way. -> whether it was not before."""
        pair = id(old), id(new)
        is_first = pair not in self.busy
        self.busy.add(pair)
        try:
            yield is_first
        finally:
            if is_first:
                self.busy.discard(pair)
