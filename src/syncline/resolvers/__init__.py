"""Resolvers: a field's request handler, data source and response handler, as one `resolve`."""

from syncline.resolvers.cases import folders as case_folders
from syncline.resolvers.cases import read_case, run_case
from syncline.resolvers.errors import ResolverError
from syncline.resolvers.evaluation import evaluate_code, evaluate_python, evaluate_template
from syncline.resolvers.library import Library
from syncline.resolvers.model import FunctionSpec, Resolver, ResolverSpec
from syncline.resolvers.resolver import check_runtime, compile_resolver
from syncline.resolvers.run import (
    ResolverContext,
    ResolverInfo,
    append_error,
    auth_type_here,
    early_return,
    error,
    extensions,
    log,
    response_header,
    unauthorized,
    util,
)
from syncline.resolvers.views import auth_type

__all__ = [
    "FunctionSpec",
    "Library",
    "Resolver",
    "ResolverContext",
    "ResolverError",
    "ResolverInfo",
    "ResolverSpec",
    "append_error",
    "auth_type",
    "auth_type_here",
    "case_folders",
    "check_runtime",
    "compile_resolver",
    "early_return",
    "error",
    "evaluate_code",
    "evaluate_python",
    "evaluate_template",
    "extensions",
    "log",
    "read_case",
    "response_header",
    "run_case",
    "unauthorized",
    "util",
]
