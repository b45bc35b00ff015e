"""torch.nn.Module: its `state_dict`, and what that leaves out. Imported only when the script itself has imported torch.

`more` has: `training`, and `modes` of the submodules that are in another; `frozen` parameters; `gradients` that
are there; `buffers` that are not persistent, and the names of the `persistent` ones; `attributes` of the submodules,
plain data and generators, and `parts`, see `belongings.py`; `versions` of the submodules' state, where they are not 1.
Tensors are copied into the living ones, so that an optimizer goes on holding its parameters.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import torch

from livespark.runtime.snapshots import belongings, sharded, stateful
from livespark.runtime.snapshots.nodes import MISSING, Encoding, Node, Putting, Unfit, joined, name_of

__all__ = ("encode", "frozen", "plain_parts", "put")


def frozen(module: torch.nn.Module) -> list[str]:
    """The parameters that are not trained."""
    return [name for name, parameter in module.named_parameters() if not parameter.requires_grad]


def plain_parts(module: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    """The submodules' own attributes, and which parameters are not trained."""
    for prefix, part in module.named_modules():
        yield from ((joined(prefix, name), value) for name, value in belongings.attributes(part))
    yield from ((f"{name}.requires_grad", False) for name in frozen(module))


def encode(encoder: Encoding, module: torch.nn.Module, path: str) -> Node:
    """Raises Unsavable."""
    node: dict[str, Node] = encoder.begin(module, {"$": "state", "type": name_of(type(module))})
    state = stateful.state_of(module, path)
    node["tree"] = encoder.node(dict(state) if type(state) is OrderedDict else state, path)
    more = {
        "training": module.training,
        "modes": {name: each.training for name, each in module.named_modules() if each.training != module.training},
        "frozen": frozen(module),
        "versions": _versions(state),
        "gradients": {name: encoder.node(grad, f"{path}.{name}.grad") for name, grad in _gradients(module)},
        "buffers": {name: encoder.node(buffer, f"{path}.{name}") for name, _, _, buffer in _passing(module)},
        "persistent": [name for name, *_ in _persistent(module)],
    }
    found = {name: belongings.encode(encoder, part, joined(path, name)) for name, part in module.named_modules()}
    more["attributes"] = {name: data for name, (data, _) in found.items() if data}
    more["parts"] = {name: parts for name, (_, parts) in found.items() if parts}
    node["more"] = {name: part for name, part in more.items() if part or name == "training"}
    return node


def _persistent(module: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module, str]]:
    """The buffers that a `state_dict` has: path, module, name."""
    for prefix, part in module.named_modules():
        for name, buffer in part._buffers.items():
            if buffer is not None and name not in part._non_persistent_buffers_set:
                yield joined(prefix, name), part, name


def _versions(state: Any) -> dict[str, int]:
    known: dict[str, dict[str, Any]] = getattr(state, "_metadata", {})
    return {name: each["version"] for name, each in known.items() if each.get("version", 1) != 1}


def _gradients(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    return ((name, each.grad) for name, each in module.named_parameters() if each.is_leaf and each.grad is not None)


def _passing(module: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module, str, torch.Tensor | None]]:
    """The buffers that no `state_dict` has: path, module, name, buffer."""
    for prefix, part in module.named_modules():
        for name in part._non_persistent_buffers_set:
            yield joined(prefix, name), part, name, part._buffers.get(name)


def put(putting: Putting, node: Node, module: torch.nn.Module, path: str) -> Any:
    """Raises Unfit, where parameters are not the same."""
    putting.begin(node, module)
    standard = type(module).load_state_dict is torch.nn.Module.load_state_dict
    _load(putting, node, module, path, standard=standard)
    more = node.get("more", {})
    _put_flags(putting, more, module, path)
    _put_buffers(putting, more.get("buffers", {}), module, path)
    _put_gradients(putting, more.get("gradients", {}), module, path)
    parts = dict(module.named_modules())
    for what, put_them in (("attributes", belongings.put_attributes), ("parts", belongings.put_parts)):
        for prefix, nodes in more.get(what, {}).items():
            if prefix in parts:
                put_them(putting, nodes, parts[prefix], joined(path, prefix) if prefix else path)
    return module


def _load(putting: Putting, node: Node, module: torch.nn.Module, path: str, *, standard: bool) -> None:
    before, putting.borrows = putting.borrows, standard
    try:
        state = putting.as_saved(node["tree"], path, sharded.living_shards(module))
    finally:
        putting.borrows = before
    if not standard:
        stateful.load(module, state, path)
        return
    _make_buffers(module, node.get("more", {}).get("persistent", ()), persistent=True)
    _make_room(module, state)
    state = OrderedDict(state)
    versions = node.get("more", {}).get("versions", {})
    cast(Any, state)._metadata = {name: {"version": versions.get(name, 1)} for name, _ in module.named_modules()}
    try:
        module.load_state_dict(state)
    except Exception as error:
        raise Unfit(_difference(module, state, path) or f"{path}: {' '.join(str(error).split()):.500}") from error
    _note_conversions(putting, module, state, path)


def _make_buffers(module: torch.nn.Module, names: Iterable[str], *, persistent: bool) -> None:
    """Those that the script has registered only as it went on."""
    parts = dict(module.named_modules())
    for full in names:
        prefix, _, name = full.rpartition(".")
        if prefix in parts and not hasattr(parts[prefix], name):
            parts[prefix].register_buffer(name, None, persistent=persistent)


def _make_room(module: torch.nn.Module, state: Mapping[str, Any]) -> None:
    """Buffers may change their shape while a script runs, come and go."""
    for prefix, part in module.named_modules():
        for name, buffer in part._buffers.items():
            saved = state.get(joined(prefix, name))
            if name in part._non_persistent_buffers_set or torch.nn.parameter.is_lazy(buffer):
                continue
            if not isinstance(saved, torch.Tensor):
                part._buffers[name] = None
            elif buffer is None or buffer.shape != saved.shape:
                part._buffers[name] = torch.empty_like(saved, device=_device(part, buffer))


def _device(module: torch.nn.Module, buffer: torch.Tensor | None) -> torch.device:
    like = buffer if buffer is not None else next(module.parameters(), None)
    return torch.device("cpu") if like is None else like.device


def _difference(module: torch.nn.Module, state: Mapping[str, Any], path: str) -> str:
    """What does not fit, of the first that does not."""
    living = module.state_dict()
    for name, tensor in living.items():
        saved = state.get(name, MISSING)
        if saved is MISSING:
            return f"{joined(path, name)} is in the script and not in the snapshot"
        shapes = [list(each.shape) if isinstance(each, torch.Tensor) else None for each in (tensor, saved)]
        if shapes[0] != shapes[1]:
            return f"{joined(path, name)} is {shapes[0]} in the script and {shapes[1]} in the snapshot"
    missing = next((name for name in state if name not in living), None)
    return f"{joined(path, missing)} is in the snapshot and not in the script" if missing else ""


def _note_conversions(putting: Putting, module: torch.nn.Module, state: Mapping[str, Any], path: str) -> None:
    for name, parameter in module.named_parameters():
        saved = state.get(name)
        if isinstance(saved, torch.Tensor) and saved.dtype != parameter.dtype:
            types = [str(each.dtype).removeprefix("torch.") for each in (parameter, saved)]
            putting.note(f"{joined(path, name)} is {types[0]} in the script and {types[1]} in the snapshot: converted")
            return


def _put_flags(putting: Putting, more: Node, module: torch.nn.Module, path: str) -> None:
    modes = more.get("modes", {})
    for name, part in module.named_modules():
        part.training = bool(modes.get(name, more.get("training", True)))
    stopped = set(more.get("frozen", ()))
    for name, parameter in module.named_parameters():
        kept = putting.is_kept(joined(path, f"{name}.requires_grad")) or torch.nn.parameter.is_lazy(parameter)
        if parameter.is_leaf and not kept:
            parameter.requires_grad_(name not in stopped)


def _put_buffers(putting: Putting, nodes: dict[str, Node], module: torch.nn.Module, path: str) -> None:
    _make_buffers(module, nodes, persistent=False)
    for full, part, name, buffer in list(_passing(module)):
        if full in nodes:
            part._buffers[name] = putting.fill(nodes[full], MISSING if buffer is None else buffer, joined(path, full))


def _put_gradients(putting: Putting, nodes: dict[str, Node], module: torch.nn.Module, path: str) -> None:
    for name, parameter in module.named_parameters():
        saved = nodes.get(name)
        living = sharded.room(saved, parameter, parameter.grad)
        parameter.grad = None if saved is None else putting.fill(saved, living, joined(path, name))
