"""Models compiled by `torch.compile`: what was traced is bound to the functions that were traced."""

import sys
from typing import Any

__all__ = ("forget_compiled",)


def forget_compiled() -> None:
    """Forget what dynamo has compiled, if anything: it checks the outermost function, not those called from it."""
    dynamo: Any = sys.modules.get("torch._dynamo")
    frames: Any = sys.modules.get("torch._dynamo.convert_frame")
    if dynamo is not None and frames is not None and frames.input_codes.seen:
        dynamo.reset()
