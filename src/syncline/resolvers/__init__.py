"""Resolvers: a field's request handler, data source and response handler, as one `resolve`."""

from syncline.resolvers.cases import folders as case_folders
from syncline.resolvers.cases import read_case, run_case
from syncline.resolvers.errors import ResolverError
from syncline.resolvers.evaluation import evaluate_code, evaluate_template
from syncline.resolvers.library import Library
from syncline.resolvers.model import FunctionSpec, Resolver, ResolverSpec
from syncline.resolvers.resolver import check_runtime, compile_resolver
from syncline.resolvers.views import auth_type

__all__ = [
    "FunctionSpec",
    "Library",
    "Resolver",
    "ResolverError",
    "ResolverSpec",
    "auth_type",
    "case_folders",
    "check_runtime",
    "compile_resolver",
    "evaluate_code",
    "evaluate_template",
    "read_case",
    "run_case",
]
