"""Edits of the project `training`, by kind: what a person does to a training run that must not suffer from it.

Each is a replacement or several in one file. `{n}` is a number of its own for every edit, `{at}` the step after five
more.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ("EDITS", "Edit")


@dataclass(frozen=True)
class Edit:
    """`changes`: old and new text. Applied to the files as they were at the beginning."""

    file: str
    changes: tuple[tuple[str, str], ...]

    def text(self, original: str, n: int, at: int) -> str:
        for old, new in self.changes:
            assert original.count(old) == 1, (self.file, old)
            original = original.replace(old, new.replace("{n}", str(n)).replace("{at}", str(at)))
        return original


_FORWARD: Final = "        return self.last("
_BLOCK: Final = "        return self.drop("
_AUGMENT: Final = "    noise = "
_LOSS: Final = "        return weight *"
_STEP: Final = "        scheduler.step()\n"
_TOP: Final = "BATCH = 8\n"
_LATE: Final = "        seen.append(0)\n        if len(seen) > 5:\n            raise RuntimeError('late {n}')\n"


def _before(file: str, line: str, new: str) -> Edit:
    """`new` in front of a line."""
    return Edit(file, ((line, new + line),))


def _instead(file: str, *changes: tuple[str, str]) -> Edit:
    return Edit(file, changes)


_NEUTRAL: Final = (
    _before("model.py", _FORWARD, "        width = {n}  # nobody asks\n"),
    _before("helpers.py", _AUGMENT, "    '''Noise {n}.'''\n    unused = [{n}]\n"),
    _before("script.py", _STEP, "        print({n}, end='')\n"),
    _before("script.py", _TOP, "NUMBER = {n}\n"),
    _before("model.py", "SCALE = 0.5", "NUMBER = {n}\n"),
    _before("helpers.py", "NOISE = 0.01", "import math\nNUMBER = math.sqrt({n})\n"),
    _before("script.py", "def train():", "def unused():\n    return {n}\n\n\n"),
    _before("model.py", _BLOCK, "        if {n} < 0:\n            return x\n"),
)
_SYNTAX: Final = (
    _before("model.py", _FORWARD, "      return (  # {n}\n"),
    _before("helpers.py", _AUGMENT, "    x = = {n}\n"),
    _before("script.py", _STEP, "        if {n}\n"),
    _before("script.py", _TOP, "BATCH = '{n}\n"),
    _before("model.py", "SCALE = 0.5", "def f({n}):\n    pass\n"),
    _before("helpers.py", "NOISE = 0.01", "return {n}\n"),
    _before("script.py", _TOP, "x = 0{n}b\x00\n"),
    _before("model.py", _BLOCK, "        yield = {n}\n"),
)
_AT_ONCE: Final = (
    _before("model.py", _FORWARD, "        raise RuntimeError('at once {n}')\n"),
    _before("helpers.py", _AUGMENT, "    x = x.reshape({n}, 7)\n"),
    _before("script.py", _STEP, "        undefined_{n}()\n"),
    _before("script.py", _TOP, "import missing_{n}\n"),
    _before("script.py", "def train():", "@undefined_{n}\n"),
    _before("model.py", "SCALE = 0.5", "import missing_{n}\n"),
    _before("model.py", '    kind = "net"', "    other = undefined_{n}\n"),
    _before("helpers.py", "def make_loss", "def also(x=undefined_{n}):\n    pass\n\n\n"),
    _before("model.py", "SCALE = 0.5", "SCALE = 1 / ({n} - {n})\n"),
    _before("script.py", _STEP, "        net.last.weight.data.zero_()\n        raise SystemExit({n})\n"),
    _instead("script.py", ("def train():\n", "def train(epoch):\n    number = {n}\n")),
    _before("model.py", _BLOCK, "        self.norm = None\n        del self.drop\n        return self.lacks_{n}\n"),
    _before("helpers.py", _LOSS, "        predicted.data.fill_({n})\n        assert False\n"),
)
_LATER: Final = (
    _instead(
        "model.py",
        (
            "def forward(self, x):\n        return self.last",
            f"def forward(self, x, seen=[]):\n{_LATE}        return self.last",
        ),
    ),
    _instead(
        "helpers.py",
        ("def augment(x):", "CALLS_{n} = []\n\n\ndef augment(x):"),
        (_AUGMENT, f"    CALLS_{{n}}.append(0)\n    assert len(CALLS_{{n}}) < 6, 'late'\n{_AUGMENT}"),
    ),
    _before("script.py", _STEP, "        if state['step'] >= {at}:\n            raise RuntimeError('late {n}')\n"),
    _before(
        "script.py",
        _STEP,
        "        net.last.bias.data += {n}\n        if state['step'] >= {at}:\n            state.clear()\n",
    ),
    _before(
        "model.py",
        _BLOCK,
        "        self.drop.p = self.drop.p / 2 + 0.0 * {n}\n"
        "        if self.drop.p < 0.01:\n            del self.norm\n",
    ),
    _instead(
        "helpers.py",
        (
            "def loss(predicted, target):\n",
            "def loss(predicted, target):\n        random.random()\n"
            "        numpy.random.seed({n})\n        torch.manual_seed({n})\n",
        ),
        (
            _AUGMENT,
            "    augment.calls_{n} = getattr(augment, 'calls_{n}', 0) + 1\n"
            f"    assert augment.calls_{{n}} < 6, 'late'\n{_AUGMENT}",
        ),
    ),
    _before(
        "script.py",
        _STEP,
        "        optimizer.param_groups[0]['lr'] *= 2 + 0.0 * {n}\n"
        "        optimizer.state[f'junk{len(state)}'] = {}\n        assert state['step'] < {at}\n",
    ),
    _instead(
        "script.py",
        (
            _STEP,
            f"{_STEP}        state['late'] = state.get('late', 0) + 1\n"
            "        if state['late'] > 5:\n            raise KeyboardInterrupt({n})\n",
        ),
    ),
)
_NAN: Final = (
    _before("helpers.py", _LOSS, "        weight = float('nan') * {n}\n"),
    _before("model.py", _FORWARD, "        x = x / 0 + {n}\n"),
    _before("script.py", _STEP, "        loss = loss * float('inf') * {n}\n"),
    _before("script.py", _STEP, "        net.last.weight.data *= 1e30 * {n}\n"),
    _before("script.py", _STEP, "        if state['step'] >= {at}:\n            loss = loss / 0 + {n}\n"),
)
_SHAPES: Final = (
    _instead(
        "helpers.py",
        ("def loss(predicted, target):", "def loss(predicted, wanted):\n        target, number = wanted, {n}"),
    ),
    _instead(
        "helpers.py",
        ("def augment(x):", "def augment(x, number={n}, /, noise_of=numpy.random.normal):"),
        ("numpy.random.normal(0", "noise_of(0"),
    ),
    _instead(
        "model.py",
        ("    def call(*args):", "    def call(*inputs):\n        args, number = inputs, {n}"),
        ("(*args) * SCALE", "(*args) * (SCALE if number else 0)"),
    ),
    _instead(
        "model.py",
        ("    @functools.wraps(function)\n", "    factor, number = SCALE, {n}\n\n    @functools.wraps(function)\n"),
        ("(*args) * SCALE", "(*args) * factor"),
    ),
    _instead(
        "model.py",
        ('    kind = "net"', '    kind = "net {n}"\n    more = {n}'),
        (
            "    def forward(self, x):\n        return self.last",
            "    @property\n    def also(self):\n        return self.last\n\n"
            "    def forward(self, x):\n        return self.also",
        ),
    ),
    _instead(
        "model.py",
        ("class Net(nn.Module):", "class Other_{n}:\n    pass\n\n\nclass Net(nn.Module):"),
        (_FORWARD, "        made = Other_{n}()\n" + _FORWARD),
    ),
    _instead(
        "helpers.py",
        ("    def loss(predicted, target):", "    power, number = 1, {n}\n\n    def loss(predicted, target):"),
        ("weight * f", "weight**power * f"),
    ),
    _instead("script.py", ("def train():\n", "def train(number={n}):\n"), ("    train()", "    train(number=epoch)")),
    _instead(
        "script.py", ("loss_of = make_loss(1.0)", "def loss_of(*args, number={n}):\n    return make_loss(1.0)(*args)")
    ),
)

EDITS: Final = {
    "neutral": _NEUTRAL,
    "a syntax error": _SYNTAX,
    "raises at once": _AT_ONCE,
    "raises after five steps": _LATER,
    "a loss that is no number": _NAN,
    "signatures, closures, classes": _SHAPES,
}
"""By kind. What comes of them: neutral ones and shapes are applied, syntax errors refused, the rest undone."""
