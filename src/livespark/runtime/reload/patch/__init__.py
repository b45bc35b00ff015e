"""How living functions, classes and objects take over new code without losing their identity."""

__all__ = ()
