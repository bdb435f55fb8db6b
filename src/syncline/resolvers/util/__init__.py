"""The `util` library: what AppSync offers to resolver code, as plain functions over plain JSON."""

from syncline.resolvers.util.catalog import UNSUPPORTED, Function, functions

__all__ = ["UNSUPPORTED", "Function", "functions"]
