"""What generated code calls besides values and methods: loops, blocks, macros, and text that must be clean.

For: the emitter, which puts these names into a template's globals.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from syncline.core import json
from syncline.vtl import methods, values
from syncline.vtl.errors import LimitExceeded, Return, Stop
from syncline.vtl.values import Value, text
from syncline.vtl.weights import light, tick

ITERATIONS_MAX = 1_000
"""AppSync's quota for one #foreach."""
ITERATIONS_IN_ALL_MAX = 100_000
"""What nested loops may run in one evaluation: a template must not be able to hold up the server."""
COUNTER = "#iterations"

Bindings = dict[str, Value]
Write = Callable[[str], None]
Body = Callable[[Bindings, Write], None]


class Unclean(Exception):
    """A value cannot stand in a document without going through text; the text decides."""


def too_many() -> None:
    """Refuse one more iteration."""
    raise LimitExceeded(f"A #foreach may run at most {ITERATIONS_MAX:,} iterations.")


def begin_loop(b: Bindings, size: int) -> values.Loop:
    """A `$foreach` for a loop over `size` elements."""
    tick()
    total = b.get(COUNTER, 0) + min(size, ITERATIONS_MAX)
    if total > ITERATIONS_IN_ALL_MAX:
        raise LimitExceeded(f"The loops of a template may run at most {ITERATIONS_IN_ALL_MAX:,} iterations in all.")
    b[COUNTER] = total
    loop = values.Loop(size, b.get("foreach"))
    b["foreach"] = loop
    return loop


class Block:
    """What `#define` stores: run again whenever it is printed."""

    __slots__ = ("bindings", "body")

    def __init__(self, body: Body, bindings: Bindings) -> None:
        self.body = body
        self.bindings = bindings

    def vtl_text(self) -> str:
        return capture(self.body, self.bindings)

    def vtl_plain(self) -> Value:
        return self.vtl_text()


def capture(body: Body, b: Bindings) -> str:
    """What `body` writes."""
    out: list[str] = []
    body(b, out.append)
    return joined(out)


def joined(parts: list[str]) -> str:
    """The parts as one text, which may not outgrow the limit."""
    if sum(map(len, parts)) > values.TEXT_MAX:
        raise LimitExceeded(f"A text may have at most {values.TEXT_MAX:,} characters.")
    return values.bounded("".join(parts))


def run_macro(b: Bindings, write: Write, body: Body, parameters: tuple[str, ...], arguments: tuple[Value, ...]) -> None:
    """Run a macro's body with its parameters bound, then put back what they hid."""
    hidden = {name: b.get(name) for name in parameters}
    b.update(dict.fromkeys(parameters))
    b.update(zip(parameters, arguments, strict=False))
    body(b, write)
    b.update(hidden)


def escaped(value: Value, source: str, backslashes: int, printed: str) -> str:
    """A reference behind backslashes: `printed` is what it prints when it is defined and not escaped."""
    if value is None and backslashes % 2:
        return "\\" * ((backslashes + 1) // 2) + source
    if value is None:
        return "\\" * backslashes + printed
    return "\\" * (backslashes // 2) + (source if backslashes % 2 else printed)


def json_text(value: Value) -> str:
    """A plain value as compact JSON."""
    return json.encode(light(value)).decode()


_UNCLEAN = re.compile(r'["\\\x00-\x1f\ud800-\udfff]').search


def clean(value: Value, source: str) -> str:
    """What a reference inside a JSON string prints. Raises Unclean when that would not stay inside the string."""
    printed = value if type(value) is str else text(value, source)
    if _UNCLEAN(printed):
        raise Unclean
    return printed


def scalar(value: Value) -> Value:
    """A number or truth value: its text is its JSON. Raises Unclean for everything else."""
    kind = type(value)
    if kind is int or kind is bool or kind is float:
        return value
    raise Unclean


def return_(value: Value) -> None:
    """End the template with a value."""
    raise Return(light(values.plain(value)))


def stop() -> None:
    """End the template with the text so far."""
    raise Stop


NAMES: dict[str, Any] = {
    name: getattr(methods, name)
    for name in ("call", "prop", "item", "set_property", "set_item", "elements", "integers", "key_text")
} | {
    name: getattr(values, name)
    for name in (
        "text",
        "plain",
        "stored",
        "true",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "add",
        "sub",
        "mul",
        "div",
        "mod",
    )
}
NAMES |= {
    "Block": Block,
    "Unclean": Unclean,
    "begin_loop": begin_loop,
    "capture": capture,
    "clean": clean,
    "escaped": escaped,
    "joined": joined,
    "json_text": json_text,
    "light": light,
    "return_": return_,
    "run_macro": run_macro,
    "scalar": scalar,
    "stop": stop,
    "tick": tick,
    "too_many": too_many,
}
