"""Train a small character-level transformer on the source code of Python's own standard library.

    livespark dev examples/chars.py

While it trains: call `sample("def ")`, change temperature and learning rate, pause and go on.
"""

import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional

import livespark as spark


@dataclass
class Config:
    """Sizes of the model and of the training."""

    steps: int = 5000
    batch_size: int = 16
    context: int = 96
    width: int = 96
    heads: int = 4
    layers: int = 3
    lr: float = 1e-3
    warmup: int = 100
    seed: int = 0


@dataclass
class Live:
    """What can be changed while it trains."""

    temperature: Annotated[float, spark.Slider(0.1, 2.0)] = 0.8
    clip: Annotated[float, spark.Slider(0.01, 10.0, log=True)] = 1.0
    sample_every: int = 200
    text: str = ""


config = spark.config(Config)


def corpus() -> str:
    """The text of all modules at the top of the standard library, about 5 MB."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    return "\n".join(path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.py")))


class Block(nn.Module):
    """Attention to what came before, then a small network at each place."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, width) -> the same shape."""
        batch, time, width = x.shape
        query, key, value = (
            part.view(batch, time, self.heads, -1).transpose(1, 2) for part in self.attend(self.before(x)).chunk(3, -1)
        )
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.mix(seen.transpose(1, 2).reshape(batch, time, width))
        return x + self.think(self.between(x))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """Characters in, scores of the next character out."""

    def __init__(self, vocabulary: int, config: Config) -> None:
        super().__init__()
        self.characters = nn.Embedding(vocabulary, config.width)
        self.places = nn.Embedding(config.context, config.width)
        self.blocks = nn.Sequential(*(Block(config.width, config.heads) for _ in range(config.layers)))
        self.head = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, vocabulary))

    def forward(self, codes: Tensor) -> Tensor:
        """(batch, time) -> (batch, time, vocabulary)."""
        places = torch.arange(codes.shape[1], device=codes.device)
        scores: Tensor = self.head(self.blocks(self.characters(codes) + self.places(places)))
        return scores


torch.manual_seed(config.seed)
text = corpus()
alphabet = sorted(set(text))
code = {character: number for number, character in enumerate(alphabet)}
data = torch.tensor([code[character] for character in text])

net = spark.persist("net", lambda: Transformer(len(alphabet), config))
optimizer = spark.persist("optimizer", lambda: torch.optim.AdamW(net.parameters(), lr=config.lr))
scheduler = spark.persist(
    "scheduler", lambda: torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1.0, total_iters=config.warmup)
)
live = spark.persist("live", Live)


def batches(count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Random pieces of the text, and the same pieces one character further on."""
    for _ in range(count):
        starts = torch.randint(len(data) - config.context - 1, (config.batch_size, 1))
        pieces = data[starts + torch.arange(config.context + 1)]
        yield pieces[:, :-1], pieces[:, 1:]


@torch.no_grad()
def sample(prompt: str = "def ", length: int = 200) -> str:
    """Continue `prompt` by `length` characters at the current temperature."""
    codes = torch.tensor([[code[character] for character in prompt if character in code] or [0]])
    for _ in range(length):
        scores = net(codes[:, -config.context :])[0, -1] / live.temperature
        codes = torch.cat([codes, torch.multinomial(scores.softmax(-1), 1)[None]], 1)
    return "".join(alphabet[number] for number in codes[0].tolist())


spark.expose(live=live, optimizer=optimizer, scheduler=scheduler, net=net, sample=sample)

for step, (inputs, targets) in enumerate(spark.loop("step", batches(config.steps), total=config.steps)):
    loss = functional.cross_entropy(net(inputs).flatten(0, 1), targets.flatten())
    optimizer.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(net.parameters(), live.clip)
    optimizer.step()
    scheduler.step()
    spark.log(loss=loss, gradient_norm=norm, lr=scheduler.get_last_lr()[0])
    if step % live.sample_every == 0:
        live.text = sample()
