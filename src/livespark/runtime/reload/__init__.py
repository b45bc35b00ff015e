"""Taking new source while the run goes on: what changed, what follows it, and how it is taken back."""

__all__ = ()
