import dataclasses
from dataclasses import dataclass, field


@dataclass
class P:
    x: int
    y: int = 2


def make():
    return P(1)


def probe(kept):
    return [
        dataclasses.asdict(kept),
        [f.name for f in dataclasses.fields(kept)],
        dataclasses.asdict(dataclasses.replace(kept, x=3)),
    ]
