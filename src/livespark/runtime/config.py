"""`spark.config`: the run's hyperparameters, checked against what the script declares."""

import dataclasses
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, TypeVar, get_type_hints, overload

import msgspec

from livespark.errors import UsageError

__all__ = ("Config",)

_T = TypeVar("_T")


class Config(Mapping[str, Any]):
    """A mapping whose items are attributes, too: what was given from outside, over what the script declares.

    `config(Settings)` or `config(Settings(lr=0.1))`, with a dataclass, returns an instance; `config(lr=0.1,
    epochs=10)` a namespace. Values given from outside replace the defaults, and keep their types. Raises UsageError
    for a value of another type, for a key that is not declared, and for a field that has neither a default nor a
    value.
    """

    def __init__(self) -> None:
        self._given: dict[str, Any] = {}
        self._declared: dict[str, Any] = {}

    def give(self, values: Mapping[str, Any]) -> None:
        """Values from outside; names with dots mean fields of fields. Raises UsageError for contradictions."""
        self._given = _nested(values)

    @overload
    def __call__(self, declared: type[_T], /) -> _T: ...
    @overload
    def __call__(self, declared: _T, /) -> _T: ...
    @overload
    def __call__(self, /, **defaults: Any) -> SimpleNamespace: ...
    def __call__(self, declared: Any = None, /, **defaults: Any) -> Any:
        if declared is None:
            values = _merged(defaults, {name: type(value) for name, value in defaults.items()}, self._given, "")
            self._declared = values
            return SimpleNamespace(**values)
        if not dataclasses.is_dataclass(declared):
            raise UsageError(
                f"config: declare a dataclass, one of its instances, or defaults by name; got {declared!r:.60}"
            )
        made = _made(declared, self._given, "")
        self._declared = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
        return made

    def __getitem__(self, name: str) -> Any:
        return (self._given | self._declared)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given | self._declared)

    def __len__(self) -> int:
        return len(self._given | self._declared)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the run's config has no {name!r}; {_known(self)}") from None

    def __repr__(self) -> str:
        return f"config({', '.join(f'{name}={value!r}' for name, value in self.items())})"


def _made(declared: Any, given: Mapping[str, Any], prefix: str) -> Any:
    """An instance of the dataclass `declared` (or a changed copy of the instance `declared`)."""
    kind, instance = (declared, None) if isinstance(declared, type) else (type(declared), declared)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    hints = get_type_hints(kind, include_extras=True)
    defaults = {name: _default(field, instance) for name, field in fields.items()}
    values = _merged(defaults, {name: hints[name] for name in fields}, given, prefix)
    if missing := [name for name, value in values.items() if value is dataclasses.MISSING]:
        raise UsageError(
            f"config: {prefix}{missing[0]} has no default and was not given: --set {prefix}{missing[0]}=..."
        )
    return kind(**values)


def _default(field: dataclasses.Field[Any], instance: object) -> Any:
    if instance is not None:
        return getattr(instance, field.name)
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _merged(
    defaults: Mapping[str, Any], kinds: Mapping[str, Any], given: Mapping[str, Any], prefix: str
) -> dict[str, Any]:
    if unknown := sorted(given.keys() - defaults.keys()):
        raise UsageError(f"config: there is no {prefix}{unknown[0]}; {_known(defaults)}")
    return {
        name: _converted(f"{prefix}{name}", given[name], kinds[name], default) if name in given else default
        for name, default in defaults.items()
    }


def _converted(name: str, value: Any, kind: Any, default: Any) -> Any:
    if isinstance(value, Mapping) and dataclasses.is_dataclass(kind):
        return _made(kind if default is dataclasses.MISSING else default, value, f"{name}.")
    if kind is type(None):
        return value
    try:
        return msgspec.convert(value, kind, strict=False, dec_hook=lambda wanted, raw: wanted(raw))
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise UsageError(f"config: {name} is {value!r:.60}, which does not fit: {error}") from None


def _known(names: Mapping[str, Any]) -> str:
    return f"known are {', '.join(sorted(names))}" if names else "nothing is declared or given"


def _nested(given: Mapping[str, Any]) -> dict[str, Any]:
    """`{"model.width": 3}` as `{"model": {"width": 3}}`."""
    nested: dict[str, Any] = {}
    for path, value in given.items():
        *parents, name = path.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise UsageError(f"config: {parent} is given both as a value and as a group ({path})")
        place[name] = value
    return nested
