"""The tree of a template: what the parser makes and the emitter reads."""

from __future__ import annotations

import msgspec


class Place(msgspec.Struct, frozen=True):
    """Where something starts in the template, both counted from 1."""

    line: int
    column: int


class Text(msgspec.Struct, frozen=True):
    """Characters that are written as they stand."""

    text: str


class Property(msgspec.Struct, frozen=True):
    """`.name`."""

    name: str
    place: Place


class Call(msgspec.Struct, frozen=True):
    """`.name(…)`."""

    name: str
    arguments: tuple[Expression, ...]
    place: Place


class Item(msgspec.Struct, frozen=True):
    """`[index]`."""

    index: Expression
    place: Place


Step = Property | Call | Item


class Reference(msgspec.Struct, frozen=True):
    """`$name.step…`; `source` is its text, printed when the value is null, unless `quiet` (`$!`)."""

    name: str
    steps: tuple[Step, ...]
    source: str
    quiet: bool
    place: Place
    backslashes: int = 0


class Literal(msgspec.Struct, frozen=True):
    """A number, a truth value, or a string without references."""

    value: str | int | float | bool


class Null(msgspec.Struct, frozen=True):
    """A bare word as a method's argument: Velocity 1.7 evaluates it to null."""


class Interpolated(msgspec.Struct, frozen=True):
    """A "…" string with references or directives in it."""

    body: tuple[Node, ...]


class ListLiteral(msgspec.Struct, frozen=True):
    """`[a, b]`."""

    elements: tuple[Expression, ...]


class MapLiteral(msgspec.Struct, frozen=True):
    """`{a: b}`."""

    entries: tuple[tuple[Expression, Expression], ...]


class Range(msgspec.Struct, frozen=True):
    """`[first..last]`."""

    first: Expression
    last: Expression
    place: Place


class Binary(msgspec.Struct, frozen=True):
    """Two operands; `operator` is a name: add, eq, and…"""

    operator: str
    left: Expression
    right: Expression


class Not(msgspec.Struct, frozen=True):
    """`!operand`."""

    operand: Expression


Expression = Reference | Literal | Null | Interpolated | ListLiteral | MapLiteral | Range | Binary | Not


class Set(msgspec.Struct, frozen=True):
    """`#set(target = value)`."""

    target: Reference
    value: Expression


class If(msgspec.Struct, frozen=True):
    """`#if … #elseif … #else … #end`."""

    branches: tuple[tuple[Expression, tuple[Node, ...]], ...]
    otherwise: tuple[Node, ...]


class Foreach(msgspec.Struct, frozen=True):
    """`#foreach($name in source) … #end`."""

    name: str
    source: Expression
    body: tuple[Node, ...]
    place: Place


class Break(msgspec.Struct, frozen=True):
    """`#break` inside a loop."""


class StopHere(msgspec.Struct, frozen=True):
    """`#stop`, or `#break` outside of any loop."""


class ReturnHere(msgspec.Struct, frozen=True):
    """`#return` or `#return(value)`."""

    value: Expression | None


class Define(msgspec.Struct, frozen=True):
    """`#define($name) … #end`."""

    name: str
    body: tuple[Node, ...]


class Macro(msgspec.Struct, frozen=True):
    """`#macro(name $parameter…) … #end`."""

    name: str
    parameters: tuple[str, ...]
    body: tuple[Node, ...]


class MacroCall(msgspec.Struct, frozen=True):
    """`#name(…)`; `source` is printed when no macro of that name was defined."""

    name: str
    arguments: tuple[Expression, ...]
    source: str
    place: Place


Node = Text | Reference | Set | If | Foreach | Break | StopHere | ReturnHere | Define | Macro | MacroCall
