"""What an expression may name: `#names` resolved, reserved words refused, use noted.

For: the compilers. Owns: document paths and what they find, AWS's sentences about names, and the notes of which
names and values an expression uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from syncline.core import Invalid
from syncline.tables.reserved import RESERVED_WORDS
from syncline.tables.syntax import Call, Node, Path, Step, Value, bare, children
from syncline.tables.values import AttributeValue, Item, kind_of

T = TypeVar("T")
U = TypeVar("U")

Values = Mapping[str, AttributeValue]
ValueCheck = Callable[[Values], None]
"""Refuses values that an operator cannot take. It runs when the values are bound, before anything is read."""

ORDERED_KINDS = ("S", "N", "B")


class Compiled(msgspec.Struct, Generic[T], frozen=True):
    """An expression ready to run, and what it needs of the request."""

    run: T
    used_names: frozenset[str]
    used_values: tuple[str, ...]
    checks: tuple[ValueCheck, ...]
    kind: str
    opened: frozenset[str]
    """The attributes of which it names a part, as `a` of `a.b` and `a[1]`."""

    def running(self, run: U) -> Compiled[U]:
        """The same expression, run in another way."""
        return Compiled(run, self.used_names, self.used_values, self.checks, self.kind, self.opened)


class Scope:
    """The names in force while one expression is compiled."""

    def __init__(self, kind: str, names: Sequence[tuple[str, str]]) -> None:
        self.kind = kind
        self._names = dict(names)
        self._used_names: set[str] = set()
        self._used_values: dict[str, None] = {}
        self._checks: list[ValueCheck] = []
        self._opened: set[str] = set()

    def path(self, path: Path) -> tuple[Step, ...]:
        """The path with its `#names` replaced."""
        steps = tuple([step if type(step) is int else self._name(str(step)) for step in path.steps])
        if len(steps) > 1:
            self._opened.add(str(steps[0]))
        return steps

    def value(self, value: Value) -> str:
        """The name of a value, noted as used."""
        self._used_values[value.name] = None
        return value.name

    def note(self, node: Node) -> None:
        """Refuse reserved words, then note every name and value below `node`."""
        paths = [found for found in walk(node) if isinstance(found, Path)]
        for path in paths:
            self.refuse_reserved(path)
        for path in paths:
            self.path(path)
        for found in walk(node):
            if isinstance(found, Value):
                self.value(found)

    def refuse_reserved(self, path: Path) -> None:
        """Refuse a path with a bare reserved word."""
        for step in path.steps:
            if type(step) is str and step[0] != "#" and step.upper() in RESERVED_WORDS:
                raise self.refusal(f"Attribute name is a reserved keyword; reserved keyword: {step}")

    def check_constant(self, node: Node, operator: str, allowed: Sequence[str]) -> None:
        """Have an operand refused whose type is known and not `allowed`. Stored values are another matter."""
        found = bare(node)
        if isinstance(found, Call) and found.function == "size" and "N" not in allowed:
            raise self.wrong_type(operator, "N")
        if isinstance(found, Value):
            name = self.value(found)

            def check(values: Values) -> None:
                if kind_of(values[name]) not in allowed:
                    raise self.wrong_type(operator, kind_of(values[name]))

            self._checks.append(check)

    def check(self, check: ValueCheck) -> None:
        """Have `check` run when the values are bound."""
        self._checks.append(check)

    def wrong_type(self, operator: str, kind: str) -> Invalid:
        """The refusal of an operand's type."""
        return self.refusal(
            f"Incorrect operand type for operator or function; operator or function: {operator}, operand type: {kind}"
        )

    def refusal(self, detail: str) -> Invalid:
        """The error, named after the parameter."""
        return Invalid(f"Invalid {self.kind}: {detail}")

    def compiled(self, run: T) -> Compiled[T]:
        """`run` with everything noted."""
        return Compiled(
            run,
            frozenset(self._used_names),
            tuple(self._used_values),
            tuple(self._checks),
            self.kind,
            frozenset(self._opened),
        )

    def _name(self, step: str) -> str:
        if step[0] != "#":
            return step
        self._used_names.add(step)
        if step not in self._names:
            raise self.refusal(
                f"An expression attribute name used in the document path is not defined; attribute name: {step}"
            )
        return self._names[step]


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, left to right."""
    yield node
    for child in children(node):
        yield from walk(child)


def find(item: Item, path: Sequence[Step]) -> AttributeValue | None:
    """What stands at `path`, or None."""
    value = item.get(str(path[0]))
    for step in path[1:]:
        if value is None:
            return None
        value = child(value, step)
    return value


def child(value: AttributeValue, step: Step) -> AttributeValue | None:
    """What stands one step below `value`, or None."""
    if isinstance(step, int):
        elements: list[AttributeValue] = value.get("L", [])
        return elements[step] if step < len(elements) else None
    parts: Item = value.get("M", {})
    return parts.get(step)


def show(path: Sequence[Step]) -> str:
    """The path as AWS prints it: `[a, b, [1]]`."""
    return "[" + ", ".join(f"[{step}]" if type(step) is int else str(step) for step in path) + "]"


def refuse_overlaps(scope: Scope, paths: Sequence[tuple[Step, ...]]) -> None:
    """Refuse two paths of which one contains the other, or which want one place to be both map and list."""
    if not _may_clash(paths):
        return
    for how, clashes in (("overlap", _overlap), ("conflict", _conflict)):
        for position, later in enumerate(paths):
            for earlier in paths[:position]:
                if clashes(earlier, later):
                    raise _clash(scope, how, earlier, later)


def _may_clash(paths: Sequence[tuple[Step, ...]]) -> bool:
    """Whether any two paths clash, in one pass: an expression may hold a thousand of them."""
    below: dict[tuple[Step, ...], type] = {}
    for path in paths:
        for length in range(1, len(path)):
            if below.setdefault(path[:length], type(path[length])) is not type(path[length]):
                return True
    return len(set(paths)) < len(paths) or any(path in below for path in paths)


def _overlap(one: tuple[Step, ...], two: tuple[Step, ...]) -> bool:
    common = min(len(one), len(two))
    return one[:common] == two[:common]


def _conflict(one: tuple[Step, ...], two: tuple[Step, ...]) -> bool:
    for left, right in zip(one, two, strict=False):
        if left != right:
            return type(left) is not type(right)
    return False


def _clash(scope: Scope, how: str, one: Sequence[Step], two: Sequence[Step]) -> Invalid:
    return scope.refusal(
        f"Two document paths {how} with each other; must remove or rewrite one of these paths; "
        f"path one: {show(one)}, path two: {show(two)}"
    )
