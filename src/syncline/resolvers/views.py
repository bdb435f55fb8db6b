"""What a VTL template sees of a field's run: `$ctx`, `$util`, `$extensions`.

Owns: the names of their members. A view is made per evaluation and holds nothing of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from syncline.core import json
from syncline.datasources import Context, Info
from syncline.resolvers.errors import ResolverError
from syncline.resolvers.library import Library
from syncline.resolvers.util import (
    EXTENSIONS,
    UNSUPPORTED,
    add_response_header,
    add_response_headers,
)
from syncline.vtl import MethodFailed, plain, text_of

JSON = Any

AUTHORIZATIONS = {
    "API_KEY": "API Key Authorization",
    "AWS_IAM": "IAM Authorization",
    "AMAZON_COGNITO_USER_POOLS": "User Pool Authorization",
    "OPENID_CONNECT": "Open ID Connect Authorization",
    "AWS_LAMBDA": "Lambda Authorization",
}


class ContextView:
    """`$ctx` and `$context`."""

    __slots__ = ("context",)

    def __init__(self, context: Context) -> None:
        self.context = context

    def vtl_property(self, name: str) -> JSON:
        reader = CONTEXT.get(name)
        return None if reader is None else reader(self.context)

    def vtl_call(self, name: str, arguments: tuple[JSON, ...]) -> JSON:
        if name == "get" and len(arguments) == 1:
            return self.vtl_property(text_of(arguments[0]))
        return None

    def vtl_plain(self) -> JSON:
        """All members once; `info` without its selections, as AppSync encodes it."""
        return {name: plain(reader(self.context)) for name, reader in CONTEXT.items() if name not in ("args", "env")}


class OwningView(ContextView):
    """`$ctx` for a template that changes maps or lists: what other fields see, too, is copied when it is first read."""

    __slots__ = ()

    def vtl_property(self, name: str) -> JSON:
        own(self.context, "arguments" if name == "args" else name)
        return ContextView.vtl_property(self, name)


OWNED = frozenset({"arguments", "source", "identity", "request", "result", "env"})
"""Members whose values other fields, or other requests, may hold as well."""


def own(context: Context, member: str) -> None:
    """Have a member's value to oneself: what other fields see, too, is copied when it is first asked for."""
    if member in OWNED:
        value = getattr(context, member)
        if type(value) in (dict, list) and context.owned.get(member) is not value:
            value = copied(value)
            setattr(context, member, value)
            context.owned[member] = value
    elif member == "info" and context.owned.get("info") is not context.info:
        context.info = msgspec.structs.replace(context.info, variables=copied(context.info.variables))
        context.owned["info"] = context.info


def copied(value: JSON) -> JSON:
    """A value that shares no map and no list with `value`."""
    kind = type(value)
    if kind is dict:
        return {name: copied(each) for name, each in value.items()}
    return [copied(each) for each in value] if kind is list else value


class InfoView:
    """`$ctx.info`."""

    __slots__ = ("info",)

    def __init__(self, info: Info) -> None:
        self.info = info

    def vtl_property(self, name: str) -> JSON:
        reader = INFO.get(name)
        return None if reader is None else reader(self.info)

    def vtl_call(self, name: str, arguments: tuple[JSON, ...]) -> JSON:
        if name == "get" and len(arguments) == 1:
            return self.vtl_property(text_of(arguments[0]))
        return None

    def vtl_plain(self) -> JSON:
        info = self.info
        return {"fieldName": info.field_name, "parentTypeName": info.parent_type_name, "variables": info.variables}


CONTEXT: dict[str, Callable[[Context], JSON]] = {
    "arguments": lambda context: context.arguments,
    "args": lambda context: context.arguments,
    "identity": lambda context: context.identity,
    "source": lambda context: context.source,
    "result": lambda context: context.result,
    "request": lambda context: context.request,
    "info": lambda context: InfoView(context.info),
    "error": lambda context: context.error,
    "prev": lambda context: context.prev,
    "stash": lambda context: context.stash,
    "outErrors": lambda context: context.out_errors,
    "env": lambda context: context.env,
}
INFO: dict[str, Callable[[Info], JSON]] = {
    "fieldName": lambda info: info.field_name,
    "parentTypeName": lambda info: info.parent_type_name,
    "variables": lambda info: info.variables,
    "selectionSetList": lambda info: info.selection_set_list(),
    "selectionSetGraphQL": lambda info: info.selection_set_graphql(),
}


class UtilView:
    """`$util`, or one of its namespaces (`path` is `time.`, say). The compiler calls most functions straight;
    what comes here depends on the field's run, has a wrong number of arguments, or does not exist."""

    __slots__ = ("context", "library", "path")

    def __init__(self, library: Library, context: Context, path: str = "") -> None:
        self.library = library
        self.context = context
        self.path = path

    def vtl_property(self, name: str) -> JSON:
        if not self.path and name in self.library.namespaces:
            return UtilView(self.library, self.context, f"{name}.")
        return None

    def vtl_call(self, name: str, arguments: tuple[JSON, ...]) -> JSON:
        path = self.path + name
        run = RUN.get(path)
        if run is not None:
            return run(self, *_counted(path, arguments))
        function = self.library.functions.get(path)
        if function is None:
            reason = "is not supported" if path in UNSUPPORTED else "does not exist"
            raise MethodFailed(f"$util.{path} {reason}")
        if len(arguments) not in function.arguments:
            raise MethodFailed(f"$util.{path} does not take {len(arguments)} arguments")
        value = function.call(*arguments)
        return json.encode(value).decode() if function.kind == "json" else value

    def vtl_plain(self) -> JSON:
        return {}

    def error(self, message: JSON = None, kind: JSON = None, data: JSON = None, info: JSON = None) -> JSON:
        raise ResolverError(_text(message), _text(kind), plain(data), plain(info))

    def append_error(self, message: JSON = None, kind: JSON = None, data: JSON = None, info: JSON = None) -> JSON:
        entry = {"message": _text(message), "errorType": _text(kind), "data": plain(data), "errorInfo": plain(info)}
        self.context.out_errors.append(entry)
        return ""

    def validate(self, holds: JSON, message: JSON = None, kind: JSON = None, data: JSON = None) -> JSON:
        if holds is True:
            return ""
        raise ResolverError(_text(message), _text(kind) or "CustomTemplateException", plain(data))

    def unauthorized(self) -> JSON:
        info = self.context.info
        message = f"Not Authorized to access {info.field_name} on type {info.parent_type_name}"
        raise ResolverError(message, "Unauthorized")

    def auth_type(self) -> str:
        return auth_type(self.context)

    def _log(self, level: str, form: JSON, *values: JSON) -> JSON:
        """A log line; `{}` are filled in order."""
        parts = text_of(form).split("{}")
        filled = [text_of(each) for each in values[: len(parts) - 1]]
        filled += ["{}"] * (len(parts) - 1 - len(filled))
        message = parts[0] + "".join(each + part for each, part in zip(filled, parts[1:], strict=True))
        self.library.say(self.context, level, message)
        return ""

    def add_header(self, name: JSON, value: JSON) -> JSON:
        return add_response_header(self.context, name, value)

    def add_headers(self, headers: JSON) -> JSON:
        return add_response_headers(self.context, headers)

    def log_info(self, form: JSON, *values: JSON) -> JSON:
        return self._log("INFO", form, *values)

    def log_debug(self, form: JSON, *values: JSON) -> JSON:
        return self._log("DEBUG", form, *values)

    def log_error(self, form: JSON, *values: JSON) -> JSON:
        return self._log("ERROR", form, *values)


RUN: dict[str, Callable[..., JSON]] = {
    "error": UtilView.error,
    "appendError": UtilView.append_error,
    "validate": UtilView.validate,
    "unauthorized": UtilView.unauthorized,
    "authType": UtilView.auth_type,
    "log.info": UtilView.log_info,
    "log.debug": UtilView.log_debug,
    "log.error": UtilView.log_error,
    "http.addResponseHeader": UtilView.add_header,
    "http.addResponseHeaders": UtilView.add_headers,
}
COUNTS = {"error": range(1, 5), "appendError": range(1, 5), "validate": range(2, 5)}
COUNTS |= {"unauthorized": range(1), "authType": range(1)}
COUNTS |= {"http.addResponseHeader": range(2, 3), "http.addResponseHeaders": range(1, 2)}


def _counted(path: str, arguments: tuple[JSON, ...]) -> tuple[JSON, ...]:
    if len(arguments) not in COUNTS.get(path, range(1, 100)):
        raise MethodFailed(f"$util.{path} does not take {len(arguments)} arguments")
    return arguments


def auth_type(context: Context) -> str:
    """What `authType()` says of the caller."""
    return AUTHORIZATIONS.get(auth_mode(context.identity), "API Key Authorization")


def auth_mode(identity: JSON) -> str:
    """The authorization mode that an identity's shape tells."""
    if not isinstance(identity, dict):
        return "API_KEY"
    if "resolverContext" in identity or "handlerContext" in identity:
        return "AWS_LAMBDA"
    if "userArn" in identity:
        return "AWS_IAM"
    return "AMAZON_COGNITO_USER_POOLS" if "defaultAuthStrategy" in identity else "OPENID_CONNECT"


class ExtensionsView:
    """`$extensions`."""

    __slots__ = ("context",)

    def __init__(self, context: Context) -> None:
        self.context = context

    def vtl_property(self, name: str) -> JSON:
        return None

    def vtl_call(self, name: str, arguments: tuple[JSON, ...]) -> JSON:
        if name not in EXTENSIONS:
            raise MethodFailed(f"$extensions.{name} does not exist")
        function, counts = EXTENSIONS[name]
        if len(arguments) not in counts:
            raise MethodFailed(f"$extensions.{name} does not take {len(arguments)} arguments")
        return function(self.context, *arguments)

    def vtl_plain(self) -> JSON:
        return {}


def _text(value: JSON) -> str | None:
    return None if value is None else text_of(value)
