"""The tree of a template: what the parser makes and the emitter reads."""

from __future__ import annotations

import msgspec


class Place(msgspec.Struct, frozen=True):
    """Where something starts in the template, both counted from 1."""

    line: int
    column: int


class Text(msgspec.Struct, frozen=True):
    text: str


class Property(msgspec.Struct, frozen=True):
    name: str
    place: Place


class Call(msgspec.Struct, frozen=True):
    name: str
    arguments: tuple[Expression, ...]
    place: Place


class Item(msgspec.Struct, frozen=True):
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
    value: str | int | float | bool


class Null(msgspec.Struct, frozen=True):
    """A bare word as a method's argument: Velocity 1.7 evaluates it to null."""


class Interpolated(msgspec.Struct, frozen=True):
    """A "…" string with references or directives in it."""

    body: tuple[Node, ...]


class ListLiteral(msgspec.Struct, frozen=True):
    elements: tuple[Expression, ...]


class MapLiteral(msgspec.Struct, frozen=True):
    entries: tuple[tuple[Expression, Expression], ...]


class Range(msgspec.Struct, frozen=True):
    first: Expression
    last: Expression
    place: Place


class Binary(msgspec.Struct, frozen=True):
    operator: str
    left: Expression
    right: Expression


class Not(msgspec.Struct, frozen=True):
    operand: Expression


Expression = Reference | Literal | Null | Interpolated | ListLiteral | MapLiteral | Range | Binary | Not


class Set(msgspec.Struct, frozen=True):
    target: Reference
    value: Expression


class If(msgspec.Struct, frozen=True):
    branches: tuple[tuple[Expression, tuple[Node, ...]], ...]
    otherwise: tuple[Node, ...]


class Foreach(msgspec.Struct, frozen=True):
    name: str
    source: Expression
    body: tuple[Node, ...]
    place: Place


class Break(msgspec.Struct, frozen=True):
    pass


class StopHere(msgspec.Struct, frozen=True):
    pass


class ReturnHere(msgspec.Struct, frozen=True):
    value: Expression | None


class Define(msgspec.Struct, frozen=True):
    name: str
    body: tuple[Node, ...]


class Macro(msgspec.Struct, frozen=True):
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
