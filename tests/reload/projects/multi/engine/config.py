from dataclasses import dataclass

RATE = 1
DOUBLE_RATE = RATE * 2


@dataclass
class Config:
    width: int = 3
