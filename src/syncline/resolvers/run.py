"""What Python resolvers have at hand: `ctx`, and functions that speak for the field's run they are called in.

For: `python`, and by way of `syncline.resolver` the project's own code. Owns: the names that such code may use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple, NoReturn

import msgspec

from syncline.core import json
from syncline.datasources import Context, Info
from syncline.resolvers.errors import EarlyReturn, ResolverError
from syncline.resolvers.library import Library
from syncline.resolvers.util import EXTENSIONS, add_response_header
from syncline.resolvers.views import auth_type, own

JSON = Any


class ResolverInfo:
    """`ctx.info`: the field, its type, the request's variables, and what is selected of it."""

    __slots__ = ("_info",)

    def __init__(self, info: Info) -> None:
        self._info = info

    @property
    def field_name(self) -> str:
        return self._info.field_name

    @property
    def parent_type_name(self) -> str:
        return self._info.parent_type_name

    @property
    def variables(self) -> dict[str, JSON]:
        return self._info.variables

    @property
    def selection_set_list(self) -> list[str]:
        return self._info.selection_set_list()

    @property
    def selection_set_graphql(self) -> str:
        return self._info.selection_set_graphql()


class ResolverContext:
    """`ctx`: one run of a field. What other fields may hold as well is copied when it is first read, so code may change
    whatever it finds; the stash alone is carried on."""

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    @classmethod
    def of(cls, args: Mapping[str, JSON] | None = None, **members: JSON) -> ResolverContext:
        """A context made up for a test: `Context.of({"id": "1"}, source={…}, stash={…})`."""
        return cls(Context(dict(args or {}), members.pop("info", None) or Info("", ""), **members))

    @property
    def args(self) -> dict[str, JSON]:
        own(self._context, "arguments")
        return self._context.arguments

    arguments = args

    @property
    def source(self) -> JSON:
        own(self._context, "source")
        return self._context.source

    @property
    def identity(self) -> JSON:
        own(self._context, "identity")
        return self._context.identity

    @property
    def request(self) -> dict[str, JSON]:
        own(self._context, "request")
        return self._context.request

    @property
    def info(self) -> ResolverInfo:
        own(self._context, "info")
        return ResolverInfo(self._context.info)

    @property
    def stash(self) -> dict[str, JSON]:
        return self._context.stash

    @property
    def prev(self) -> dict[str, JSON]:
        return self._context.prev or {}

    @property
    def result(self) -> JSON:
        own(self._context, "result")
        return self._context.result

    @property
    def error(self) -> dict[str, JSON] | None:
        return self._context.error

    @property
    def env(self) -> dict[str, str]:
        own(self._context, "env")
        return self._context.env

    @property
    def out_errors(self) -> list[dict[str, JSON]]:
        return self._context.out_errors


class Run(NamedTuple):
    """The run that the code under way belongs to."""

    context: Context
    library: Library


RUN: ContextVar[Run] = ContextVar("run")


def running() -> Run:
    """The run of the code that calls. Raises RuntimeError outside of a resolver."""
    run = RUN.get(None)
    if run is None:
        raise RuntimeError("this works while a resolver runs")
    return run


def as_json(value: object) -> JSON:
    """What code gives, as plain JSON of its own. Raises what msgspec and UTF-8 raise for what JSON cannot hold: a class
    of another kind, half of a surrogate pair."""
    plain = msgspec.to_builtins(value, str_keys=True)
    json.encode(plain)
    return plain


def error(message: str, error_type: str | None = None, data: JSON = None, error_info: JSON = None) -> NoReturn:
    """End the field with an error."""
    raise ResolverError(*as_json([message, error_type, data, error_info]))


def append_error(message: str, error_type: str | None = None, data: JSON = None, error_info: JSON = None) -> None:
    """Add to the answer's errors, and go on."""
    members = {"message": message, "errorType": error_type, "data": data, "errorInfo": error_info}
    running().context.out_errors.append(as_json(members))


def unauthorized() -> NoReturn:
    """End the field: the caller may not have it."""
    info = running().context.info
    message = f"Not Authorized to access {info.field_name} on type {info.parent_type_name}"
    raise ResolverError(message, "Unauthorized")


def early_return(value: JSON = None, *, skip_to: str = "NEXT") -> NoReturn:
    """End the handler and leave out its data source; with `skip_to="END"` the rest of a pipeline's functions, too."""
    raise EarlyReturn(as_json(value), skip_to == "END")


def log(*values: JSON, level: str = "INFO") -> None:
    """Write a line into the server's log."""
    context, library = running()
    library.say(context, level, " ".join(each if type(each) is str else str(each) for each in values))


def auth_type_here() -> str:
    """How the caller was told apart: `API Key Authorization`, `IAM Authorization` …"""
    return auth_type(running().context)


def response_header(name: str, value: str) -> None:
    """Add a header to the answer."""
    add_response_header(running().context, name, value)


class Util:
    """AppSync's `util` under its own names: `util.autoId()`, `util.time.nowISO8601()`."""

    __slots__ = ("_path",)

    def __init__(self, path: str = "") -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        library = running().library
        path = self._path + name
        if not self._path and name in library.namespaces:
            return Util(f"{name}.")
        function = library.functions.get(path)
        if function is None:
            raise AttributeError(f"util.{path} does not exist")
        if function.kind != "json":
            return function.call
        call = function.call
        return lambda *arguments: json.encode(call(*arguments)).decode()


class Extensions:
    """AppSync's `extensions` under their own names: `extensions.evictFromApiCache(…)`."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Callable[..., JSON]:
        if name not in EXTENSIONS:
            raise AttributeError(f"extensions.{name} does not exist")
        call, _ = EXTENSIONS[name]
        return lambda *arguments: call(running().context, *arguments)


util = Util()
extensions = Extensions()
