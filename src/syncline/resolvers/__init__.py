"""Resolvers: a field's request handler, data source and response handler, as one `resolve`."""

from syncline.datasources import Context, Info
from syncline.resolvers.errors import ResolverError
from syncline.resolvers.library import Library
from syncline.resolvers.model import FunctionSpec, Resolver, ResolverSpec
from syncline.resolvers.resolver import compile_resolver

__all__ = [
    "Context",
    "FunctionSpec",
    "Info",
    "Library",
    "Resolver",
    "ResolverError",
    "ResolverSpec",
    "compile_resolver",
]
