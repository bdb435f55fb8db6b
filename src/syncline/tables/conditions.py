"""Conditions and filters: a tree compiled once to closures that say of an item and the bound values: true or false.

For: condition checks in write bodies, filters in page bodies. Owns: the meaning of comparators and functions.
A missing operand is never an error: `<>` holds, everything else does not (TBL-20).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from syncline.tables.grammar import parse_condition
from syncline.tables.scope import ORDERED_KINDS, Compiled, Scope, Values, find, show, walk
from syncline.tables.syntax import (
    Between,
    Both,
    Call,
    Compare,
    Either,
    In,
    Node,
    Not,
    Path,
    Step,
    Value,
    bare,
    children,
)
from syncline.tables.values import AttributeValue, Item, content_of, kind_of

CACHED_MAX = 512
"""Expressions of each kind kept compiled. Each text, and the names with it, is at most 4 KB."""

Predicate = Callable[[Item, Values], bool]
Operand = Callable[[Item, Values], AttributeValue | None]

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PREDICATES = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
}
_UPDATE_FUNCTIONS = ("if_not_exists", "list_append")
_TYPES = frozenset(("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"))
_SIZED = ("S", "B", "SS", "NS", "BS", "M", "L")
_CONTAINING = ("S", "B", "SS", "NS", "BS", "L")


@lru_cache(CACHED_MAX)
def compile_condition(kind: str, text: str, names: tuple[tuple[str, str], ...]) -> Compiled[Predicate]:
    """The condition `text` as a function. `kind` names the parameter in errors. Raises Invalid."""
    tree = parse_condition(kind, text)
    scope = Scope(kind, names)
    _check_functions(scope, tree, predicate_expected=True)
    scope.note(tree)
    for node in walk(tree):
        _check_counts(scope, node)
    for node in walk(tree):
        _check_distinct(scope, node)
    return scope.compiled(_predicate(scope, tree))


@lru_cache(CACHED_MAX)
def condition_names(kind: str, text: str, names: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """The attributes that a condition reads, without what is below them."""
    scope = Scope(kind, names)
    paths = [node for node in walk(parse_condition(kind, text)) if isinstance(node, Path)]
    return frozenset(str(scope.path(path)[0]) for path in paths)


def ordering_key(value: AttributeValue) -> Any:
    """What to compare an ordered value (S, N, B) by."""
    kind, content = next(iter(value.items()))
    return Decimal(content) if kind == "N" else content


def _check_functions(scope: Scope, node: Node, *, predicate_expected: bool) -> None:
    """Refuse unknown functions, then functions where they do not belong."""
    for found in walk(node):
        if not isinstance(found, Call) or found.function in _PREDICATES or found.function == "size":
            continue
        if found.function in _UPDATE_FUNCTIONS:
            raise scope.refusal(f"The function is not allowed in a condition expression; function: {found.function}")
        raise scope.refusal(f"Invalid function name; function: {found.function}")
    _check_places(scope, node, predicate_expected=predicate_expected)


def _check_places(scope: Scope, node: Node, *, predicate_expected: bool) -> None:
    node = bare(node)
    if isinstance(node, Call) and (node.function in _PREDICATES) is not predicate_expected:
        raise scope.refusal(
            f"The function is not allowed to be used this way in an expression; function: {node.function}"
        )
    for below in children(node):
        _check_places(scope, below, predicate_expected=isinstance(node, Both | Either | Not))


def _check_counts(scope: Scope, node: Node) -> None:
    if isinstance(node, Call) and len(node.arguments) != _PREDICATES.get(node.function, 1):
        raise scope.refusal(
            "Incorrect number of operands for operator or function; "
            f"operator or function: {node.function}, number of operands: {len(node.arguments)}"
        )


def _check_distinct(scope: Scope, node: Node) -> None:
    if isinstance(node, Compare):
        name, first, second = node.operator, bare(node.left), bare(node.right)
    elif isinstance(node, Call) and len(node.arguments) == 2:
        name, first, second = node.function, bare(node.arguments[0]), bare(node.arguments[1])
    else:
        return
    if isinstance(first, Path) and isinstance(second, Path) and scope.path(first) == scope.path(second):
        raise scope.refusal(
            "The first operand must be distinct from the remaining operands for this operator or function; "
            f"operator: {name}, first operand: {show(scope.path(first))}"
        )


def _predicate(scope: Scope, node: Node) -> Predicate:
    node = bare(node)
    if isinstance(node, Compare):
        return _compare(scope, node)
    if isinstance(node, Call):
        return _FUNCTIONS[node.function](scope, node)
    if isinstance(node, Not):
        part = _predicate(scope, node.part)
        return lambda item, values: not part(item, values)
    if isinstance(node, Both):
        return _both(tuple([_predicate(scope, part) for part in node.parts]))
    if isinstance(node, Either):
        some = tuple([_predicate(scope, part) for part in node.parts])
        return lambda item, values: any(part(item, values) for part in some)
    if isinstance(node, Between):
        return _between(scope, node)
    assert isinstance(node, In), "the grammar lets no other node be a condition"
    return _in(scope, node)


def _both(parts: tuple[Predicate, ...]) -> Predicate:
    def every(item: Item, values: Values) -> bool:
        for part in parts:  # noqa: SIM110 (a generator for each item costs more than a part)
            if not part(item, values):
                return False
        return True

    return every


def _compare(scope: Scope, node: Compare) -> Predicate:
    left, right = operand(scope, node.left), operand(scope, node.right)
    if node.operator in ("=", "<>"):
        wanted = node.operator == "="

        def equal(item: Item, values: Values) -> bool:
            found = left(item, values)
            return (found is not None and found == right(item, values)) is wanted

        return equal
    for side in (node.left, node.right):
        scope.check_constant(side, node.operator, ORDERED_KINDS)
    holds = _ORDERINGS[node.operator]
    return lambda item, values: ordered(left(item, values), right(item, values), holds)


def ordered(left: AttributeValue | None, right: AttributeValue | None, holds: Callable[[Any, Any], bool]) -> bool:
    """Whether an ordering holds between two values: both there, of one type, and of a type that has an order."""
    if left is None or right is None or kind_of(left) != kind_of(right) or kind_of(left) not in ORDERED_KINDS:
        return False
    return holds(ordering_key(left), ordering_key(right))


def _between(scope: Scope, node: Between) -> Predicate:
    value, low, high = operand(scope, node.operand), operand(scope, node.low), operand(scope, node.high)
    for side in (node.operand, node.low, node.high):
        scope.check_constant(side, "BETWEEN", ORDERED_KINDS)
    check_bounds(scope, node)

    def between(item: Item, values: Values) -> bool:
        found = value(item, values)
        if not ordered(low(item, values), found, operator.le):
            return False
        return ordered(found, high(item, values), operator.le)

    return between


def check_bounds(scope: Scope, node: Between) -> None:
    """Have constant bounds refused that are of two types or the wrong way round."""
    low, high = bare(node.low), bare(node.high)
    if not isinstance(low, Value) or not isinstance(high, Value):
        return
    low_name, high_name = scope.value(low), scope.value(high)

    def check(values: Values) -> None:
        low, high = values[low_name], values[high_name]
        bounds = f"lower bound operand: {_shown(low)}, upper bound operand: {_shown(high)}"
        if kind_of(low) != kind_of(high):
            raise scope.refusal(f"The BETWEEN operator requires same data type for lower and upper bounds; {bounds}")
        if kind_of(low) in ORDERED_KINDS and ordering_key(low) > ordering_key(high):
            raise scope.refusal(
                f"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; {bounds}"
            )

    scope.check(check)


def _shown(value: AttributeValue) -> str:
    return f"AttributeValue: {{{kind_of(value)}:{content_of(value)}}}"


def _in(scope: Scope, node: In) -> Predicate:
    value = operand(scope, node.operand)
    choices = tuple([operand(scope, choice) for choice in node.choices])

    def among(item: Item, values: Values) -> bool:
        found = value(item, values)
        return found is not None and any(found == choice(item, values) for choice in choices)

    return among


def operand(scope: Scope, node: Node) -> Operand:
    """The function that finds an operand's value, or None when there is none."""
    node = bare(node)
    if isinstance(node, Path):
        return read_path(scope.path(node))
    if isinstance(node, Value):
        name = scope.value(node)
        return lambda item, values: values[name]
    assert isinstance(node, Call), "the grammar lets no other node be an operand"
    return _size(scope, node)


def read_path(path: tuple[Step, ...]) -> Operand:
    """The function that finds what stands at `path`."""
    if len(path) == 1:
        name = str(path[0])
        return lambda item, values: item.get(name)
    return lambda item, values: find(item, path)


def _size(scope: Scope, node: Call) -> Operand:
    measured = operand(scope, node.arguments[0])
    scope.check_constant(node.arguments[0], "size", _SIZED)

    def size(item: Item, values: Values) -> AttributeValue | None:
        found = measured(item, values)
        if found is None or kind_of(found) not in _SIZED:
            return None
        content = content_of(found)
        if kind_of(found) == "S" and not content.isascii():
            return {"N": str(len(content.encode("utf-16-le")) // 2)}  # AWS counts UTF-16 code units
        return {"N": str(len(content))}

    return size


def require_path(scope: Scope, node: Call) -> tuple[Step, ...]:
    """The path that is the function's first argument. Raises Invalid when it is something else."""
    found = bare(node.arguments[0])
    if not isinstance(found, Path):
        raise scope.refusal(f"Operator or function requires a document path; operator or function: {node.function}")
    return scope.path(found)


def _attribute_exists(scope: Scope, node: Call) -> Predicate:
    found = read_path(require_path(scope, node))
    return lambda item, values: found(item, values) is not None


def _attribute_not_exists(scope: Scope, node: Call) -> Predicate:
    found = read_path(require_path(scope, node))
    return lambda item, values: found(item, values) is None


def _attribute_type(scope: Scope, node: Call) -> Predicate:
    found = read_path(require_path(scope, node))
    wanted = bare(node.arguments[1])
    if not isinstance(wanted, Value):
        raise scope.wrong_type(node.function, "{NS,SS,L,BS,N,M,B,S,BOOL,NULL}")
    scope.check_constant(wanted, node.function, ("S",))
    name = wanted.name

    def check(values: Values) -> None:
        if content_of(values[name]) not in _TYPES:
            raise scope.refusal(
                f"Invalid attribute type name found; type: {content_of(values[name])}, "
                "valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
            )

    scope.check(check)

    def has_type(item: Item, values: Values) -> bool:
        value = found(item, values)
        return value is not None and kind_of(value) == values[name]["S"]

    return has_type


def _begins_with(scope: Scope, node: Call) -> Predicate:
    whole, start = operand(scope, node.arguments[0]), operand(scope, node.arguments[1])
    for argument in node.arguments:
        scope.check_constant(argument, node.function, ("S", "B"))

    def begins(item: Item, values: Values) -> bool:
        left, right = whole(item, values), start(item, values)
        if left is None or right is None or kind_of(left) != kind_of(right) or kind_of(left) not in "SB":
            return False
        return bool(content_of(left).startswith(content_of(right)))

    return begins


def _contains(scope: Scope, node: Call) -> Predicate:
    whole, part = operand(scope, node.arguments[0]), operand(scope, node.arguments[1])
    scope.check_constant(node.arguments[0], node.function, _CONTAINING)

    def contains(item: Item, values: Values) -> bool:
        left, right = whole(item, values), part(item, values)
        return left is not None and right is not None and contains_value(left, right)

    return contains


def contains_value(whole: AttributeValue, part: AttributeValue) -> bool:
    """Whether text holds a text, a binary a binary, a set a member, or a list a value."""
    kind = kind_of(whole)
    if kind == "L":
        return part in whole["L"]
    # A set's type is its members' with an S behind.
    if kind in _CONTAINING and kind_of(part) == kind[0]:
        return content_of(part) in content_of(whole)
    return False


_FUNCTIONS: dict[str, Callable[[Scope, Call], Predicate]] = {
    "attribute_exists": _attribute_exists,
    "attribute_not_exists": _attribute_not_exists,
    "attribute_type": _attribute_type,
    "begins_with": _begins_with,
    "contains": _contains,
}
