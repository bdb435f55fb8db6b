"""Resolvers: a field's request handler, data source and response handler, as one `resolve`."""

from syncline.resolvers.errors import ResolverError
from syncline.resolvers.evaluation import evaluate_code, evaluate_template
from syncline.resolvers.library import Library
from syncline.resolvers.model import FunctionSpec, Resolver, ResolverSpec
from syncline.resolvers.resolver import check_runtime, compile_resolver

__all__ = [
    "FunctionSpec",
    "Library",
    "Resolver",
    "ResolverError",
    "ResolverSpec",
    "check_runtime",
    "compile_resolver",
    "evaluate_code",
    "evaluate_template",
]
