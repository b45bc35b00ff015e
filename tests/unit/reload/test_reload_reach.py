"""What an edit can reach in a project of several files, as people write their data code."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from livespark.runtime.reload.reach import Reach

_AUG = """
SIGMA = 1
def inner(x): return x * SIGMA
def aug(x): return inner(x)
def never(x): return x
class Flip:
    p = 0.5
    def __call__(self, x): return self._apply(x)
    def _apply(self, x): return x
class Base:
    def load(self, i): return i
REGISTRY = {"aug": aug}
def wrap(f):
    def inside(*args): return SIGMA, f(*args)
    return inside
def make():
    return lambda x: aug(x)
"""
_DATA = """
import collections, functools, importlib, threading
from torch import nn
from torch.utils.data import Dataset
from reach_b import augment, TheFlip
from reach_b.aug import Base, REGISTRY
import reach_b.aug as ba
class Compose:
    def __init__(self, *parts): self.parts = list(parts)
    def __call__(self, x):
        for part in self.parts: x = part(x)
        return x
class Data(Base, Dataset):
    def __init__(self, transform=None): self.transform = transform
    def __getitem__(self, i): return self.transform(self.load(i))
class Module(nn.Module):
    def forward(self, x): return augment(x)
class Lazy(Dataset):
    def __getitem__(self, i):
        from reach_b.aug import aug
        return aug(i)
class ByName(Dataset):
    def __getitem__(self, i): return getattr(importlib.import_module("reach_b.aug"), "aug")(i)
class Global(Dataset):
    def __getitem__(self, i): return globals()["augment"](i)
class Registered(Dataset):
    def __getitem__(self, i): return REGISTRY["a" + "ug"](i)
class Wrapped(Dataset):
    @ba.wrap
    def __getitem__(self, i): return i
class Cached(Dataset):
    @functools.cached_property
    def table(self): return augment(3)
class Dispatching(Dataset):
    @functools.singledispatchmethod
    def convert(self, i): return i
    @convert.register
    def _(self, i: int): return augment(i)
class Local(Dataset):
    def __init__(self):
        self.own = threading.local()
        self.own.f = ba.aug
def nested(count):
    transform = augment
    for _ in range(count): transform = Compose(transform)
    return transform
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """A module that uses a package."""
    folder = tmp_path_factory.mktemp("reach")
    package = folder / "reach_b"
    package.mkdir()
    (package / "__init__.py").write_text("from .aug import aug as augment, Flip as TheFlip\n")
    (package / "aug.py").write_text(_AUG)
    (folder / "reach_a.py").write_text(_DATA)
    sys.path.insert(0, str(folder))
    import reach_a  # type: ignore[import-not-found]

    yield reach_a
    sys.path.remove(str(folder))


def _reaches(data: Any, value: str, changed: str) -> bool:
    return Reach({(data.ba.__file__, changed)}).of([eval(value, vars(data))])


@pytest.mark.parametrize("changed", ["aug", "inner", "SIGMA"])
@pytest.mark.parametrize(
    "value",
    [
        "Data(augment)",
        "Data(functools.partial(augment))",
        "Data(Compose(functools.partial(Compose(augment), 3)))",
        "Data(nn.Sequential(nn.Identity(), Module()))",
        "Data(nested(9))",
        "Data(ba.make())",
        "Data(map(augment, [1]))",
        "Data({'a': [(collections.deque([augment]),)]})",
        "Data(__import__('numpy').vectorize(augment))",
        "__import__('torch').utils.data.Subset(Data(Compose(augment)), [0])",
        "Lazy()",
        "ByName()",
        "Global()",
        "Registered()",
        "Cached()",
        "Dispatching()",
        "Local()",
    ],
)
def test_a_helper_two_files_away_is_reached(value: str, changed: str, data: Any) -> None:
    """And what it uses; but nothing that stands beside it."""
    assert _reaches(data, value, changed)
    assert not _reaches(data, value, "never")


@pytest.mark.parametrize(
    ("value", "changed"),
    [
        ("Data()", "Base.load"),
        ("Data()", "Base"),
        ("Data(TheFlip())", "Flip._apply"),
        ("Data(TheFlip())", "Flip.p"),
        ("Data(Compose(TheFlip()))", "Flip.added"),
        ("Wrapped()", "wrap"),
        ("Data(ba.make())", "make"),
        ("Registered()", "REGISTRY"),
    ],
)
def test_classes_and_makers_are_reached(value: str, changed: str, data: Any) -> None:
    """By what was made of them."""
    assert _reaches(data, value, changed)


def test_a_lambda_may_stand_in_any_statement_of_its_file(data: Any) -> None:
    """It has no name that could be compared."""
    value = eval(compile("lambda x: x", data.__file__, "eval"))
    assert Reach({(data.__file__, "loader")}).of([value])
    assert not Reach({(data.ba.__file__, "loader")}).of([value])
