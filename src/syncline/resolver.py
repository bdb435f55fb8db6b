"""For Python resolvers: what their code imports.

    from syncline.resolver import Context, error, util

    def resolve(ctx: Context):
        return {"id": util.autoId(), "title": ctx.args["title"]}

Owns: nothing; `resolvers` does. What is listed here stays.
"""

from syncline.resolvers import (
    ResolverContext,
    ResolverError,
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

Context = ResolverContext
Info = ResolverInfo
auth_type = auth_type_here

__all__ = [
    "Context",
    "Info",
    "ResolverError",
    "append_error",
    "auth_type",
    "early_return",
    "error",
    "extensions",
    "log",
    "response_header",
    "unauthorized",
    "util",
]
