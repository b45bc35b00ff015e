from . import losses
from .config import DOUBLE_RATE, RATE, Config

SCALE = 1


class Model:
    def __init__(self, config: Config) -> None:
        self.config = config

    def forward(self, x: int) -> int:
        return x * self.config.width

    def loss(self, x: int) -> list[int]:
        return [losses.distance(self, x), RATE, DOUBLE_RATE]
