"""A package with submodules that import each other."""

from .codec import encode
from .model import Model

__all__ = ["Model", "encode"]
