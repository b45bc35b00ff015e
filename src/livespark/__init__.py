"""The vocabulary of a training script: `import livespark as spark`."""

from livespark.version import __version__

__all__ = ("__version__",)
