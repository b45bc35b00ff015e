"""torch.optim.Optimizer: its `state_dict`, to the bit. Imported only when the script itself has imported torch.

`load_state_dict` casts floating-point state to its parameter's type, and replaces groups and state, which others may
hold. So it is asked only where an optimizer, or a hook on it, has a way of its own; else the state is put in here.
`more` has: `device` of the parameters, which their state follows; `attributes`, plain data, and `parts`, see
`belongings.py`.
"""

from collections.abc import Iterator
from typing import Any, Final

import torch
from torch.optim import Optimizer

from livespark.runtime.snapshots import belongings, sharded, stateful
from livespark.runtime.snapshots.nodes import MISSING, Encoding, Node, Putting, Unfit, joined, name_of

__all__ = ("encode", "plain_parts", "put")

_HOOKS: Final = ("_optimizer_load_state_dict_pre_hooks", "_optimizer_load_state_dict_post_hooks")
_REFERENCES: Final = ("params", "param_names")


def encode(encoder: Encoding, optimizer: Optimizer, path: str) -> Node:
    """Raises Unsavable."""
    node: dict[str, Node] = encoder.begin(optimizer, {"$": "state", "type": name_of(type(optimizer))})
    node["tree"] = encoder.node(stateful.state_of(optimizer, path), path)
    attributes, parts = belongings.encode(encoder, optimizer, path)
    node["more"] = {
        "device": next((each.device.type for each in _parameters(optimizer)), "cpu"),
        "attributes": attributes,
        "parts": parts,
    }
    return node


def _parameters(optimizer: Optimizer) -> Iterator[torch.Tensor]:
    return (parameter for group in optimizer.param_groups for parameter in group["params"])


def plain_parts(optimizer: Optimizer) -> Iterator[tuple[str, Any]]:
    """The hyperparameters of its groups, and its own attributes."""
    for index, group in enumerate(optimizer.param_groups):
        for name, value in group.items():
            if name not in _REFERENCES:
                yield f"param_groups.{index}.{name}", value
    yield from belongings.attributes(optimizer)


def put(putting: Putting, node: Node, optimizer: Optimizer, path: str) -> Any:
    """Raises Unfit, where the parameter groups are not the same."""
    if not _is_related(node, optimizer):
        stateful.check_kind(node, optimizer, path)
    putting.begin(node, optimizer)
    more = node.get("more", {})
    if _is_standard(optimizer):
        _check(putting, node["tree"], optimizer, path)
        _fill_state(putting, node["tree"], optimizer, more.get("device", "cpu"), path)
        for index, (group, saved) in enumerate(zip(optimizer.param_groups, node["tree"]["param_groups"], strict=True)):
            _fill_group(putting, group, saved, joined(joined(path, "param_groups"), index))
    else:
        state = putting.as_saved(node["tree"], path)
        stateful.load(optimizer, stateful.merged(putting, state, optimizer, path), path)
    belongings.put_attributes(putting, more.get("attributes", {}), optimizer, path)
    belongings.put_parts(putting, more.get("parts", {}), optimizer, path)
    return optimizer


def _is_related(node: Node, optimizer: Optimizer) -> bool:
    """Whether the state has all hyperparameters of the optimizer, as that of Adam has those of AdamW."""
    groups = node["tree"].get("param_groups", []) if isinstance(node["tree"], dict) else []
    return bool(groups) and all(set(optimizer.defaults) <= set(group) for group in groups)


def _is_standard(optimizer: Optimizer) -> bool:
    cls = type(optimizer)
    return (
        cls.load_state_dict is Optimizer.load_state_dict
        and cls.state_dict is Optimizer.state_dict
        and "param_groups" in vars(optimizer)
        and not any(vars(optimizer).get(hooks) for hooks in _HOOKS)
    )


def _check(putting: Putting, tree: Node, optimizer: Optimizer, path: str) -> None:
    living, saved = optimizer.param_groups, tree["param_groups"]
    if len(living) != len(saved):
        counts = f"{len(living)} parameter groups in the script and {len(saved)} in the snapshot"
        raise Unfit(f"{path or 'it'} has {counts}")
    for index, (group, each) in enumerate(zip(living, saved, strict=True)):
        number = len(putting.fill(each["params"], MISSING, ""))
        if len(group["params"]) != number:
            counts = f"{len(group['params'])} parameters in the script and {number} in the snapshot"
            raise Unfit(f"{joined(path, 'param_groups')}.{index} has {counts}")


def _fill_state(putting: Putting, tree: Node, optimizer: Optimizer, device: str, path: str) -> None:
    known: dict[Any, torch.Tensor] = {}
    for group, saved in zip(optimizer.param_groups, tree["param_groups"], strict=True):
        known |= dict(zip(putting.fill(saved["params"], MISSING, ""), group["params"], strict=True))
    filled: set[Any] = set()
    for key_node, node in _pairs(tree["state"]):
        index = putting.fill(key_node, MISSING, "")
        parameter, key = known.get(index), known.get(index, index)
        living = _room(node, optimizer.state.get(key, MISSING), parameter)
        state = putting.fill(node, living, joined(joined(path, "state"), index))
        optimizer.state[key] = state if parameter is None else _placed(state, parameter, device)
        filled.add(key)
    for key in [key for key in optimizer.state if key not in filled]:
        del optimizer.state[key]


def _room(node: Node, living: Any, parameter: torch.Tensor | None) -> Any:
    """What the state of a parameter can be put into: where that is spread over processes, its state is, too."""
    if parameter is None or not sharded.is_sharded(parameter) or "$" in node:
        return living
    state = {} if living is MISSING else living
    found = ((name, sharded.room(part, parameter, state.get(name))) for name, part in node.items())
    state |= {name: part for name, part in found if part is not MISSING}
    return state


def _pairs(node: Node) -> list[Any]:
    return node["items"] if "$" in node else list(node.items())


def _placed(state: Any, parameter: torch.Tensor, device: str) -> Any:
    """The state where its parameter is, if it was where the parameter was; laid out in memory as the parameter is."""
    if isinstance(state, dict):
        for name, part in state.items():
            state[name] = _placed(part, parameter, device)
    elif isinstance(state, list):
        state[:] = [_placed(part, parameter, device) for part in state]
    elif isinstance(state, torch.Tensor):
        return _moved(state, parameter, device)
    return state


def _moved(state: torch.Tensor, parameter: torch.Tensor, device: str) -> torch.Tensor:
    if state.device.type == device:
        state = state.to(parameter.device)
    if state.shape != parameter.shape or state.stride() == parameter.stride() or state.layout != parameter.layout:
        return state
    return torch.empty_like(parameter, dtype=state.dtype, device=state.device, requires_grad=False).copy_(state)


def _fill_group(putting: Putting, group: dict[str, Any], saved: dict[str, Node], path: str) -> None:
    if putting.is_kept(joined(path, "lr")):
        putting.pin(group, "initial_lr")
    for name, node in saved.items():
        if name in _REFERENCES or putting.is_pinned(group, name):
            continue
        value = putting.item(node, group.get(name, MISSING), joined(path, name))
        if putting.is_kept(joined(path, name)):
            putting.pin(group, name)
        if value is not MISSING:
            group[name] = value
