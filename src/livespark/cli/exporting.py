"""A snapshot as plain files that need no Livespark: safetensors, torch files, JSON."""

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeGuard

from livespark.cli.contents import Array, Opaque, each, plain_data
from livespark.cli.figures import size
from livespark.errors import LivesparkError, UsageError
from livespark.protocol import codec
from livespark.protocol.snapshots import ArrayEntry, Manifest
from livespark.snapshots.objects import in_order
from livespark.snapshots.opening import OpenSnapshot

__all__ = ("Report", "write")

_STATE: Final = "state.json"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_DTYPES: Final = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "C64": "complex64",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "BOOL": "bool",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip
"""torch's names of safetensors' dtypes."""


class Report(NamedTuple):
    """The files that were written, each with what it is; and sentences about what is in none of them."""

    written: list[tuple[Path, str]]
    notes: list[str]


def write(snapshot: OpenSnapshot, folder: Path) -> Report:
    """Write each persisted value into `folder`.

    A flat dict of arrays becomes `KEY.safetensors`; what has arrays besides other data `KEY.pt`, which torch loads with
    `weights_only=True`; all plain data is in `state.json`. Raises UsageError where something is in the way, and
    LivesparkError where torch is needed and missing; nothing was written then.
    """
    values = {key: plain_data(saved.tree) for key, saved in snapshot.manifest.values.items()}
    plain = {key: data for key, data in values.items() if not any(isinstance(leaf, Array) for _, leaf in each(data))}
    targets = _targets(folder, {key: data for key, data in values.items() if key not in plain})
    torch = _torch() if any(path.suffix == ".pt" for path in targets.values()) else None
    _claim(folder, [*targets.values(), folder / _STATE])
    try:
        written = [_write_value(snapshot, path, values[key], torch) for key, path in targets.items()]
        written.append(_write_state(snapshot.manifest, folder / _STATE, plain))
    except OSError as error:
        raise UsageError(f"{error.filename or folder} can't be written: {error.strerror}") from None
    return Report(written, [note for key, data in values.items() for note in _left_out(key, data)])


def _targets(folder: Path, values: Mapping[str, Any]) -> dict[str, Path]:
    """A file for each key, also for keys that are no names of files, or differ only by what files can't show."""
    taken = {Path(_STATE).stem}
    found: dict[str, Path] = {}
    for key, data in values.items():
        stem = name = _UNSAFE.sub("_", key).strip(".") or "value"
        number = 1
        while stem.lower() in taken:
            number += 1
            stem = f"{name}-{number}"
        taken.add(stem.lower())
        found[key] = folder / f"{stem}{'.safetensors' if _is_flat(data) else '.pt'}"
    return found


def _claim(folder: Path, paths: list[Path]) -> None:
    """Raises UsageError where one of these files is there already, or the folder can't be."""
    for path in paths:
        if path.exists() or path.is_symlink():
            raise UsageError(f"{path} is there already; nothing was written. Name an empty folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} can't be made: {error.strerror}") from None


def _is_flat(data: Any) -> TypeGuard[dict[str, Array]]:
    if not isinstance(data, dict) or "__metadata__" in data:  # which means something else in a safetensors file
        return False
    return all(isinstance(key, str) and isinstance(data[key], Array) for key in data)


def _write_value(snapshot: OpenSnapshot, path: Path, data: Any, torch: Any) -> tuple[Path, str]:
    if _is_flat(data):
        _write_safetensors(snapshot, path, data)
        what = "safetensors.torch.load_file(...)"
    else:
        torch.save(_Tensors(snapshot, torch).put_into(data), path)
        what = "torch.load(..., weights_only=True)"
    return path, f"{size(path.stat().st_size)}, {what}"


def _write_safetensors(snapshot: OpenSnapshot, path: Path, arrays: Mapping[str, Array]) -> None:
    """Arrays of larger items first, so that each lies aligned."""
    names = list(arrays)
    entries = [snapshot.manifest.arrays[arrays[name].index] for name in names]
    order = in_order(range(len(names)), [entry.dtype for entry in entries])
    text = json.dumps({"__metadata__": {"format": "pt"}, **_header(names, entries, order)}).encode()
    text += b" " * (-len(text) % 8)
    with path.open("xb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for index in order:
            file.write(snapshot.array(arrays[names[index]].index))


def _header(names: list[str], entries: list[ArrayEntry], order: list[int]) -> dict[str, Any]:
    header, offset = {}, 0
    for index in order:
        entry = entries[index]
        end = offset + entry.end - entry.start
        header[names[index]] = {"dtype": entry.dtype, "shape": entry.shape, "data_offsets": [offset, end]}
        offset = end
    return header


class _Tensors:
    """Puts tensors in the places of arrays: an array that is met twice is one tensor."""

    def __init__(self, snapshot: OpenSnapshot, torch: Any) -> None:
        self._snapshot = snapshot
        self._torch = torch
        self._made: dict[int, Any] = {}

    def put_into(self, data: Any) -> Any:
        if isinstance(data, Array):
            if data.index not in self._made:
                self._made[data.index] = self._tensor(data.index)
            return self._made[data.index]
        if isinstance(data, Opaque):
            return None
        if isinstance(data, dict):
            return {key: self.put_into(item) for key, item in data.items()}
        if isinstance(data, list | tuple):
            return type(data)(map(self.put_into, data))
        return data

    def _tensor(self, index: int) -> Any:
        entry = self._snapshot.manifest.arrays[index]
        dtype = getattr(self._torch, _DTYPES[entry.dtype])
        if entry.start == entry.end:
            return self._torch.empty(entry.shape, dtype=dtype)
        numbers = self._torch.frombuffer(bytearray(self._snapshot.array(index)), dtype=self._torch.uint8)
        return numbers.view(dtype).reshape(entry.shape)


def _write_state(manifest: Manifest, path: Path, values: Mapping[str, Any]) -> tuple[Path, str]:
    state = {
        "run": manifest.run,
        "snapshot": manifest.info.number,
        "step": manifest.info.step,
        "time": manifest.info.time,
        "metrics": manifest.info.metrics,
        "config": codec.from_node(manifest.config),
        "values": values,
    }
    with path.open("x", encoding="utf-8") as file:
        json.dump(_jsonable(state), file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")
    return path, f"{size(path.stat().st_size)}, what is not arrays"


def _jsonable(data: Any) -> Any:
    """JSON has neither keys that are no texts, nor NaN, nor bytes."""
    if isinstance(data, dict):
        return {str(key): _jsonable(item) for key, item in data.items()}
    if isinstance(data, Opaque):
        return None
    if isinstance(data, list | tuple):
        return [_jsonable(item) for item in data]
    if isinstance(data, float) and not math.isfinite(data):
        return repr(data)
    return data if data is None or isinstance(data, bool | int | float | str) else repr(data)


def _left_out(key: str, data: Any) -> Iterator[str]:
    for path, leaf in each(data, key):
        if isinstance(leaf, Opaque):
            yield f"left out: {path}, {leaf.what}, which only the script can read"


def _torch() -> Any:
    try:
        import torch  # noqa: PLC0415 - the seam: nothing else here needs torch, and many have none where they look
    except ImportError:
        raise LivesparkError(
            f"the optimizer's state and the like become torch files, and {sys.executable} has no PyTorch. "
            "Use the livespark of the environment that trains; nothing was written"
        ) from None
    return torch
