"""Updates: a tree compiled once to a function from items to items.

For: UpdateItem's body. Owns: the meaning of SET, REMOVE, ADD and DELETE.
Every right-hand side and every list position means the item as it was before the update (TBL-30).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from syncline.core import Invalid
from syncline.tables import numbers
from syncline.tables.conditions import CACHED_MAX, Operand, read_path, require_path
from syncline.tables.grammar import parse_update
from syncline.tables.scope import Compiled, Scope, Values, child, find, refuse_overlaps, walk
from syncline.tables.syntax import Action, Call, Node, Path, Step, Sum, Value, bare
from syncline.tables.values import AttributeValue, Item, content_of, copied, kind_of, make_set

DocumentPath = tuple[Step, ...]

INVALID_PATH = "The document path provided in the update expression is invalid for update"
WRONG_OPERAND = "An operand in the update expression has an incorrect data type"
MISSING_OPERAND = "The provided expression refers to an attribute that does not exist in the item"

_FUNCTIONS = ("if_not_exists", "list_append")
_CONDITION_FUNCTIONS = (
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
    "contains",
    "size",
)
_SETS = ("SS", "NS", "BS")
_LONG_NAMES = {"S": "STRING", "N": "NUMBER", "B": "BINARY", "NULL": "NULL", "BOOL": "BOOLEAN", "L": "LIST", "M": "MAP"}

# What a clause does at its path: the value to put there, or None to remove what is there.
Change = Callable[[Item, Values], AttributeValue | None]


class Update(msgspec.Struct, frozen=True):
    """A compiled update. `creates` says whether it makes an item where there is none."""

    paths: tuple[DocumentPath, ...]
    changes: tuple[Change, ...]
    creates: bool

    def apply(self, item: Item, values: Values, *, is_new: bool = False) -> Item:
        """The item as changed. `item` stays as it is, and shares with the new one what does not change.

        `is_new` says that there was none. Raises Invalid when a clause does not fit the item.
        """
        found = [(path, change(item, values)) for path, change in zip(self.paths, self.changes, strict=True)]
        changed = dict(item)
        for name in {str(path[0]) for path in self.paths if len(path) > 1}:
            if name in changed:
                changed[name] = copied(changed[name])
        found.sort(key=_path_of)
        for path, value in found:
            if value is not None:
                _set(changed, path, value)
        for path, value in reversed(found):
            # AWS does this: where there was no item, nothing that is to be removed is missed.
            if value is None and not is_new:
                _remove(changed, path)
        return changed


@lru_cache(CACHED_MAX)
def compile_update(kind: str, text: str, names: tuple[tuple[str, str], ...]) -> Compiled[Update]:
    """The update `text` as a function. Raises Invalid."""
    actions = parse_update(kind, text)
    scope = Scope(kind, names)
    for action in actions:
        scope.refuse_reserved(action.path)
    for action in actions:
        if action.value is not None:
            _check_functions(scope, action.value)
            scope.note(action.value)
    paths = tuple([scope.path(action.path) for action in actions])
    refuse_overlaps(scope, paths)
    changes = tuple([_CLAUSES[action.verb](scope, action, path) for action, path in zip(actions, paths, strict=True)])
    creates = any(action.verb in ("SET", "ADD") for action in actions)
    return scope.compiled(Update(paths, changes, creates))


def _path_of(found: tuple[DocumentPath, Any]) -> DocumentPath:
    # Conflicting paths were refused, so steps at one place are all names or all positions.
    return found[0]


def _check_functions(scope: Scope, value: Node) -> None:
    for node in walk(value):
        if not isinstance(node, Call):
            continue
        if node.function in _CONDITION_FUNCTIONS:
            raise scope.refusal(f"The function is not allowed in an update expression; function: {node.function}")
        if node.function not in _FUNCTIONS:
            raise scope.refusal(f"Invalid function name; function: {node.function}")
        if len(node.arguments) != 2:
            raise scope.refusal(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {node.function}, number of operands: {len(node.arguments)}"
            )


def _set_clause(scope: Scope, action: Action, path: DocumentPath) -> Change:
    assert action.value is not None, "SET has a value"
    find_value = _value(scope, action.value)

    def change(item: Item, values: Values) -> AttributeValue:
        value = find_value(item, values)
        if value is None:
            raise Invalid(MISSING_OPERAND)
        return value

    return change


def _remove_clause(scope: Scope, action: Action, path: DocumentPath) -> Change:
    return lambda item, values: None


def _add_clause(scope: Scope, action: Action, path: DocumentPath) -> Change:
    name = _checked_operand(scope, action, ("N", *_SETS))

    def change(item: Item, values: Values) -> AttributeValue:
        old, added = find(item, path), values[name]
        if old is None:
            return added
        kind = kind_of(added)
        if kind_of(old) != kind:
            raise Invalid(WRONG_OPERAND)
        if kind == "N":
            return {"N": numbers.add(old["N"], added["N"])}
        return make_set(kind, list({*old[kind], *added[kind]}))

    return change


def _delete_clause(scope: Scope, action: Action, path: DocumentPath) -> Change:
    name = _checked_operand(scope, action, _SETS)

    def change(item: Item, values: Values) -> AttributeValue | None:
        old, taken = find(item, path), values[name]
        if old is None:
            return None
        kind = kind_of(taken)
        if kind_of(old) != kind:
            raise Invalid(WRONG_OPERAND)
        left = set(old[kind]) - set(taken[kind])
        return make_set(kind, list(left)) if left else None

    return change


def _checked_operand(scope: Scope, action: Action, allowed: tuple[str, ...]) -> str:
    assert isinstance(action.value, Value), "the grammar takes only a value here"
    name = scope.value(action.value)

    def check(values: Values) -> None:
        kind = kind_of(values[name])
        if kind not in allowed:
            raise scope.refusal(
                "Incorrect operand type for operator or function; "
                f"operator: {action.verb}, operand type: {_LONG_NAMES.get(kind, kind)}"
            )

    scope.check(check)
    return name


def _value(scope: Scope, node: Node) -> Operand:
    node = bare(node)
    if isinstance(node, Sum):
        return _sum(scope, node)
    if isinstance(node, Value):
        name = scope.value(node)
        return lambda item, values: values[name]
    if isinstance(node, Path):
        return _copy_of(read_path(scope.path(node)))
    assert isinstance(node, Call), "the grammar lets no other node be a value"
    return _if_not_exists(scope, node) if node.function == "if_not_exists" else _list_append(scope, node)


def _copy_of(found: Operand) -> Operand:
    # A copy: the same update may change what stands there.
    def copy(item: Item, values: Values) -> AttributeValue | None:
        value = found(item, values)
        return None if value is None else copied(value)

    return copy


def _sum(scope: Scope, node: Sum) -> Operand:
    left, right = _value(scope, node.left), _value(scope, node.right)
    for side in (node.left, node.right):
        scope.check_constant(side, node.operator, ("N",))
    compute = numbers.add if node.operator == "+" else numbers.subtract

    def total(item: Item, values: Values) -> AttributeValue | None:
        one, two = left(item, values), right(item, values)
        if one is None or two is None:
            return None
        if kind_of(one) != "N" or kind_of(two) != "N":
            raise Invalid(WRONG_OPERAND)
        return {"N": compute(one["N"], two["N"])}

    return total


def _if_not_exists(scope: Scope, node: Call) -> Operand:
    found, otherwise = _copy_of(read_path(require_path(scope, node))), _value(scope, node.arguments[1])

    def first(item: Item, values: Values) -> AttributeValue | None:
        value = found(item, values)
        return otherwise(item, values) if value is None else value

    return first


def _list_append(scope: Scope, node: Call) -> Operand:
    left, right = _value(scope, node.arguments[0]), _value(scope, node.arguments[1])
    for argument in node.arguments:
        scope.check_constant(argument, node.function, ("L",))

    def joined(item: Item, values: Values) -> AttributeValue | None:
        one, two = left(item, values), right(item, values)
        if one is None or two is None:
            return None
        if kind_of(one) != "L" or kind_of(two) != "L":
            raise Invalid(WRONG_OPERAND)
        return {"L": [*one["L"], *two["L"]]}

    return joined


def _set(item: Item, path: DocumentPath, value: AttributeValue) -> None:
    if len(path) == 1:
        item[str(path[0])] = value
        return
    parent = find(item, path[:-1])
    step = path[-1]
    if parent is None or kind_of(parent) != ("L" if type(step) is int else "M"):
        raise Invalid(INVALID_PATH)
    content = content_of(parent)
    if type(step) is int and step >= len(content):
        content.append(value)
    else:
        content[step] = value


def _remove(item: Item, path: DocumentPath) -> None:
    if len(path) == 1:
        item.pop(str(path[0]), None)
        return
    parent = find(item, path[:-1])
    step = path[-1]
    if parent is None or kind_of(parent) != ("L" if type(step) is int else "M"):
        raise Invalid(INVALID_PATH)
    if child(parent, step) is not None:
        del content_of(parent)[step]


_CLAUSES: dict[str, Callable[[Scope, Action, DocumentPath], Change]] = {
    "SET": _set_clause,
    "REMOVE": _remove_clause,
    "ADD": _add_clause,
    "DELETE": _delete_clause,
}
