"""The process's random generators as they stand, so that a script that runs again does not begin its randomness anew.

Only what is there is looked at: a library that the script has not loaded, or a device that it has not initialised, is
left alone, when the state is captured and when it is put back.
"""

import random
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

__all__ = ("Generators", "capture")

_DEVICES: Final = ("cuda", "xpu")


class Generators(NamedTuple):
    """The states of all generators of one moment, each as what puts it back."""

    restorers: tuple[Callable[[], object], ...]

    def restore(self) -> None:
        """All generators go on as they stood. One that was not there at that moment goes on as it stands."""
        for restore in self.restorers:
            restore()


def capture() -> Generators:
    """The present states: of `random`, of NumPy's global generator, of torch on the CPU and on initialised devices.

    Waits for no device.
    """
    return Generators((partial(random.setstate, random.getstate()), *_numpy(), *_torch()))


def _numpy() -> Iterator[Callable[[], object]]:
    if numpy := sys.modules.get("numpy.random"):
        yield partial(_restore_numpy, numpy, numpy.get_bit_generator(), numpy.get_state(legacy=False))


def _restore_numpy(numpy: Any, bit_generator: Any, state: dict[str, Any]) -> None:
    """The script may have put another bit generator into the global one's place."""
    if numpy.get_bit_generator() is not bit_generator:
        numpy.set_bit_generator(bit_generator)
    numpy.set_state(state)


def _torch() -> Iterator[Callable[[], object]]:
    torch = sys.modules.get("torch")
    if torch is None:
        return
    yield partial(torch.set_rng_state, torch.get_rng_state())
    for name in _DEVICES:
        device = getattr(torch, name, None)
        if device is not None and device.is_initialized():
            yield partial(device.set_rng_state_all, device.get_rng_state_all())
    mps = sys.modules.get("torch.mps")
    if mps is not None and getattr(mps, "_default_mps_generator", None) is not None:
        yield partial(mps.set_rng_state, mps.get_rng_state())
