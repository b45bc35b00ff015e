"""The Studio: a web page of plain ES modules, served as they are, and the JavaScript client it is written on."""

__all__ = ()
