from typing import TYPE_CHECKING

from engine import model

if TYPE_CHECKING:
    from .model import Model


def distance(of: "Model", x: int) -> int:
    return of.forward(x) + model.SCALE
