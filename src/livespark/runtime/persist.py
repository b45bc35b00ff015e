"""Objects that outlive the script's code: kept by key until they are cleared or the process ends."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from livespark.errors import UsageError
from livespark.runtime.initializers import fingerprint
from livespark.runtime.reload.undo import Refusal

__all__ = ("Expectation", "Persisted")

_T = TypeVar("_T")
Migrate: TypeAlias = Callable[[object, Callable[[], object]], bool]
"""Lets an object follow; -> whether it could. The second argument is to be called if that is taken back."""
Restore: TypeAlias = Callable[[str, Any], Any]
"""Puts the saved content of a key into its new object. -> the object."""
Carry: TypeAlias = Callable[[Any, str], Any]
"""Gives the saved content of a key that has not been asked for to the encoder of a new snapshot. -> the saved value."""
Expectation: TypeAlias = tuple[frozenset[str], Restore | None, Carry | None]
_CHANGED: Final = (
    "the initializer of the persisted value {key!r} has changed, and the value that is kept was made by the old one. "
    "Reload with --clear {key} to have it made anew, or take the change back, or give it a __livespark_migrate__"
)


class Persisted:
    """The persisted values. `migrate`: for an object whose initializer is another now, while the script runs again and
    has not come to its first checkpoint.

    Where snapshots are taken, `describe` notes what of a new object is plain (`made`). Where the run goes on from a
    snapshot, `restore` puts the saved content of the `expected` keys into objects as they are made. `asked` is called
    each time that the script has asked for an object.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.migrate: Migrate | None = None
        self._made_by: dict[str, object] = {}
        self._makers: dict[str, tuple[str, str]] = {}
        self._beginning: set[str] = set()
        self._nested: list[str] = []
        self.made: dict[str, dict[str, Any]] = {}
        self.describe: Callable[[Any], dict[str, Any]] | None = None
        self.restore: Restore | None = None
        self.carry: Carry | None = None
        self.expected: set[str] = set()
        self.asked: Callable[[], object] = lambda: None

    def persist(self, key: str, initializer: Callable[[], _T]) -> _T:
        """The object kept under `key`; the first use of a key makes it with `initializer()`.

        An initializer that raises keeps nothing. A reload that changes the initializer of an object that is kept
        is refused: the object would not be what the code says. Unless it has `__livespark_migrate__(old_source)`,
        which is called then. Raises UsageError for a key that is no text, for an initializer that can't be called, and
        for one that asks for its own key.
        """
        if not isinstance(key, str) or not key:
            raise UsageError(f"persist: the key must be a text that is not empty; got {key!r:.60}")
        if key not in self.values:
            self._make(key, initializer)
        elif self.migrate is not None:
            self._follow(key, fingerprint(initializer, self._keeps), self.migrate)
        self.asked()
        value: _T = self.values[key]
        return value

    def name_of(self, value: object) -> str | None:
        """How people know an object that is kept."""
        return next((f"the persisted value {key!r}" for key, kept in self.values.items() if kept is value), None)

    def _keeps(self, value: object) -> bool:
        return any(kept is value for kept in self.values.values())

    def check_makers(self, changed: Collection[tuple[str, str]]) -> None:
        """Functions (file, qualified name) are to be changed. Raises Refusal if an initializer is among them."""
        if keys := [key for key in self.values if self._makers.get(key) in changed]:
            raise Refusal(_CHANGED.format(key=keys[0]))

    def _follow(self, key: str, maker: object, migrate: "Migrate") -> None:
        former = self._made_by.get(key)
        if former == maker:
            return
        if not migrate(self.values[key], partial(self._made_by.__setitem__, key, former)):
            raise Refusal(_CHANGED.format(key=key))
        self._made_by[key] = maker

    def has_persisted(self, key: str) -> bool:
        """Whether an object is kept under `key`, or will be as soon as it is asked for, from a snapshot."""
        return key in self.values or key in self.expected

    def clear_persisted(self, key: str) -> bool:
        """Forget the object under `key`: the next `persist` makes a new one. -> whether there was one."""
        was_expected = key in self.expected
        self.expected.discard(key)
        return self.values.pop(key, self) is not self or was_expected

    def expect(self, keys: Collection[str], restore: Restore | None, carry: Carry | None) -> None:
        """The content of these `keys` is put into their objects as they are made."""
        self.expected, self.restore, self.carry = set(keys), restore, carry

    def expectation(self) -> Expectation:
        """What `expect` has to be given for things to be as they are now."""
        return frozenset(self.expected), self.restore, self.carry

    def clear(self) -> None:
        self.values.clear()
        self.expected.clear()

    def _make(self, key: str, initializer: Callable[[], object]) -> None:
        if not callable(initializer):
            raise UsageError(f"persist({key!r}, ...): give a function that makes the object, for example lambda: Net()")
        if key in self._beginning:
            raise UsageError(f"persist({key!r}, ...): its initializer asks for {key!r} itself")
        self._beginning.add(key)
        self._made_by[key] = fingerprint(initializer, self._keeps)
        if code := getattr(initializer, "__code__", None):
            self._makers[key] = code.co_filename, code.co_qualname
        try:
            value = self.values[key] = initializer()
            self._nested.append(key)
            if self.describe is not None:
                self.made[key] = self.describe(value)
        finally:
            self._beginning.discard(key)
            if not self._beginning:
                self._complete()

    def _complete(self) -> None:
        """The outermost initializer is done: what it and those within it have made gets the content of a snapshot, if
        there is one. Not earlier, because each may go on to change what those within it have made."""
        made, self._nested = self._nested, []
        try:
            while made:
                self._fill(made[0])
                del made[0]
        except BaseException:
            for key in made:
                self.values.pop(key, None)
            raise

    def _fill(self, key: str) -> None:
        if self.restore is not None and key in self.expected and key in self.values:
            self.values[key] = self.restore(key, self.values[key])
            self.expected.discard(key)
