"""The process's random generators as they stand, so that a script that runs again does not begin its randomness anew.

Only what is there is looked at: a library that the script has not loaded, or a device that it has not initialised, is
left alone, when the state is captured and when it is put back. The states are plain data: another process can go on
with them. In this process NumPy's global functions get the very bit generator back that they drew from.
"""

import random
import sys
from typing import Any, Final, NamedTuple

__all__ = ("Generators", "capture")

_DEVICES: Final = ("cuda", "xpu")


class Generators(NamedTuple):
    """The states of all generators of one moment: by library and device. `bit_generator`: NumPy's own object."""

    states: dict[str, Any]
    bit_generator: Any = None

    def restore(self) -> None:
        """All generators go on as they stood. One that was not there at that moment goes on as it stands.

        Raises ValueError, TypeError or RuntimeError where a state is none of its library's.
        """
        version, internal, gauss = self.states["python"]
        random.setstate((version, tuple(internal), gauss))
        if "numpy" in self.states and (numpy := sys.modules.get("numpy.random")):
            _restore_numpy(numpy, self.bit_generator, self.states["numpy"])
        if "torch" in self.states and (torch := sys.modules.get("torch")):
            _restore_torch(torch, self.states)

    def state(self) -> dict[str, Any]:
        """Plain data: `python` as of `random.getstate()`, `numpy` a dict with arrays, `torch` a uint8 tensor,
        `cuda` and `xpu` one for each device, `mps` one."""
        return dict(self.states)

    @classmethod
    def of(cls, state: dict[str, Any]) -> "Generators":
        """What `state` told, of this process or another one."""
        return cls(dict(state))


def capture() -> Generators:
    """The present states: of `random`, of NumPy's global generator, of torch on the CPU and on initialised devices.

    Waits for no device.
    """
    states: dict[str, Any] = {"python": random.getstate()}
    numpy, torch = sys.modules.get("numpy.random"), sys.modules.get("torch")
    if torch is not None:
        states |= _torch(torch)
    if numpy is None:
        return Generators(states)
    states["numpy"] = numpy.get_state(legacy=False)
    return Generators(states, numpy.get_bit_generator())


def _torch(torch: Any) -> dict[str, Any]:
    states = {"torch": torch.get_rng_state()}
    for name in _DEVICES:
        device = getattr(torch, name, None)
        if device is not None and device.is_initialized():
            states[name] = device.get_rng_state_all()
    mps = sys.modules.get("torch.mps")
    if mps is not None and getattr(mps, "_default_mps_generator", None) is not None:
        states["mps"] = mps.get_rng_state()
    return states


def _restore_numpy(numpy: Any, bit_generator: Any, state: dict[str, Any]) -> None:
    """The script may have put another bit generator into the global one's place."""
    present = numpy.get_bit_generator()
    if bit_generator is None and type(present).__name__ != state["bit_generator"]:
        bit_generator = _new_bit_generator(numpy, state["bit_generator"])
    if bit_generator is not None and present is not bit_generator:
        numpy.set_bit_generator(bit_generator)
    numpy.set_state(state)


def _new_bit_generator(numpy: Any, name: str) -> Any:
    kind = getattr(numpy, name, None)
    if not isinstance(kind, type) or not issubclass(kind, numpy.BitGenerator):
        raise ValueError(f"NumPy has no bit generator {name!r:.60}")
    return kind()


def _restore_torch(torch: Any, states: dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    for name in _DEVICES:
        device = getattr(torch, name, None)
        if name in states and device is not None and (device.is_initialized() or device.is_available()):
            device.set_rng_state_all(states[name][: device.device_count()])
    mps = sys.modules.get("torch.mps")
    if "mps" in states and mps is not None and torch.backends.mps.is_available():
        mps.set_rng_state(states["mps"])
