"""Train a classifier on scikit-learn's 1,797 handwritten digits, in your hands.

    livespark dev examples/digits.py

While it trains: drag the learning rate or the augmentation, press `evaluate()`, pause, go on, `reset()` the weights.
The same file runs with plain `python examples/digits.py`.
"""

from dataclasses import dataclass, field
from typing import Annotated

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import livespark as spark

config = spark.config(epochs=500, batch_size=32, width=32, lr=1e-3, seed=0)


@dataclass
class Progress:
    """What the page shows; editing a number changes the training from the next step on."""

    epoch: int = 0
    accuracy: float = 0.0
    noise: Annotated[float, spark.Slider(0.0, 1.0)] = 0.1
    label_smoothing: Annotated[float, spark.Slider(0.0, 0.5)] = 0.0
    confusion: Tensor = field(default_factory=lambda: torch.zeros(10, 10, dtype=torch.int64))


class Net(nn.Module):
    """8 x 8 grey values -> 10 scores."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.head = nn.Linear(width * 4 * 4, 10)

    def forward(self, images: Tensor) -> Tensor:
        """(batch, 1, 8, 8) -> (batch, 10)."""
        scores: Tensor = self.head(self.features(images).flatten(1))
        return scores


def load() -> tuple[TensorDataset, TensorDataset]:
    """1,500 images for training, the other 297 for testing; values from 0 to 1."""
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target)
    return TensorDataset(images[:1500], labels[:1500]), TensorDataset(images[1500:], labels[1500:])


torch.manual_seed(config.seed)
training, testing = load()
loader = DataLoader(training, batch_size=config.batch_size, shuffle=True)
net = spark.persist("net", lambda: Net(config.width))
optimizer = spark.persist("optimizer", lambda: torch.optim.AdamW(net.parameters(), lr=config.lr))
progress = spark.persist("progress", Progress)


@torch.no_grad()
def evaluate() -> dict[str, float]:
    """Loss and accuracy on the 297 test images; fills the confusion matrix."""
    images, labels = testing.tensors
    net.eval()
    scores = net(images)
    net.train()
    guesses = scores.argmax(1)
    progress.confusion = torch.zeros(10, 10, dtype=torch.int64).index_put_(
        (labels, guesses), torch.ones_like(labels), accumulate=True
    )
    progress.accuracy = (guesses == labels).float().mean().item()
    return {"loss": functional.cross_entropy(scores, labels).item(), "accuracy": progress.accuracy}


def reset() -> str:
    """Forget what was learned: new random weights, fresh optimizer state."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.reset_parameters()
    optimizer.state.clear()
    return "the weights are random again"


spark.expose(optimizer=optimizer, progress=progress, net=net, evaluate=evaluate, reset=reset)

for epoch in spark.loop("epoch", range(config.epochs)):
    progress.epoch = epoch
    for images, labels in spark.loop("batch", loader):
        noisy = images + progress.noise * torch.randn_like(images)
        loss = functional.cross_entropy(net(noisy), labels, label_smoothing=progress.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        spark.log(loss=loss)
    spark.log({f"test/{name}": value for name, value in evaluate().items()})

print(f"accuracy on the test images after {config.epochs} epochs: {progress.accuracy:.1%}")
