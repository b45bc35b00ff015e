"""The version of the package, and of the protocol its halves speak."""

__all__ = ("PROTOCOL", "__version__")

__version__ = "0.1.0"

PROTOCOL = 1
"""Raised when the HTTP API changes so that an older client or worker can't work with it."""
