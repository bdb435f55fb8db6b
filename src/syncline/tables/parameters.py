"""A request's expressions with their names and values: checked, compiled, bound.

For: the engine's operations. Owns: the rules about ExpressionAttributeNames and ExpressionAttributeValues, which all
expressions of a request share: every placeholder well formed, defined where used, used where defined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import _lru_cache_wrapper, lru_cache
from typing import Any, TypeVar

from syncline.core import Invalid
from syncline.tables import legacy
from syncline.tables.conditions import Predicate, compile_condition, condition_names
from syncline.tables.errors import Malformed
from syncline.tables.key_conditions import KeyTest, compile_key_condition
from syncline.tables.projections import Projection, compile_projection, projection_names
from syncline.tables.scope import Compiled, Values
from syncline.tables.updates import Update, compile_update
from syncline.tables.values import TOO_DEEP, Item, check, text_size

T = TypeVar("T")

_CONDITIONS = (("Expected", legacy.expected), ("QueryFilter", legacy.filtered), ("ScanFilter", legacy.filtered))

PLACEHOLDER_BYTES_MAX = 255
CACHED_NAMES_MAX = 4096
SUBSTITUTION_BYTES_MAX = 2 * 1024 * 1024
_NAME = re.compile(r"#[A-Za-z0-9_]+")
_VALUE = re.compile(r":[A-Za-z0-9_]+")
_EXPRESSIONS = (
    "ProjectionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "UpdateExpression",
    "ConditionExpression",
)
_LEGACY = {
    "AttributesToGet": "ProjectionExpression",
    "QueryFilter": "FilterExpression",
    "ScanFilter": "FilterExpression",
    "ConditionalOperator": "",
    "KeyConditions": "KeyConditionExpression",
    "AttributeUpdates": "UpdateExpression",
    "Expected": "ConditionExpression",
}
"""The parameters that expressions replaced, in the order in which AWS lists them, and what replaced them."""


_ALL = frozenset((*_EXPRESSIONS, *_LEGACY, "ExpressionAttributeNames", "ExpressionAttributeValues"))


class Parameters:
    """The expressions of one request. Take each, then `finish`.

    Which parameters go together is checked at once, names and values when the first expression is taken: AWS looks at
    items and keys in between.
    """

    __slots__ = (
        "_is_cached",
        "_is_empty",
        "_is_read",
        "_is_write",
        "_request",
        "_used_names",
        "_used_values",
        "names",
        "opened",
        "values",
    )

    def __init__(self, request: Mapping[str, Any], *kinds: str) -> None:
        """`kinds` are the expression parameters that the operation has, in AWS's order. Raises Invalid."""
        self._request = request
        self._used_names: set[str] = set()
        self._used_values: set[str] = set()
        self.values: Values = {}
        self.names: tuple[tuple[str, str], ...] = ()
        self.opened: frozenset[str] = frozenset()
        self._is_write = "ConditionExpression" in kinds
        self._is_empty = self._is_read = _ALL.isdisjoint(request)
        if not self._is_empty:
            _refuse_misuse(request, kinds)

    @property
    def uses_expressions(self) -> bool:
        """Whether there are expressions, and not only parameters that they replaced."""
        return not self._is_empty and any(self._request.get(kind) is not None for kind in _EXPRESSIONS)

    def condition(self, kind: str) -> Predicate | None:
        """The condition or filter given as `kind`, or None."""
        if self._is_empty:
            return None
        text = self._text(kind)
        if text is not None:
            return self._bound(self._compiler(compile_condition)(kind, text, self.names))
        joined_by = self._request.get("ConditionalOperator")
        for name, read in _CONDITIONS:
            given = self._request.get(name)
            if given is not None and _LEGACY[name] == kind:
                return read(given, joined_by)
        if joined_by is not None:
            raise Invalid(legacy.NOTHING_TO_JOIN)
        return None

    def key_condition(self) -> tuple[KeyTest, ...]:
        """The key condition's tests. Raises Invalid when there is none."""
        text = self._text("KeyConditionExpression")
        if text is not None:
            return self._bound(self._compiler(compile_key_condition)("KeyConditionExpression", text, self.names))
        tests, values = legacy.key_tests(self._request["KeyConditions"])
        self.values = {**self.values, **values}
        self._used_values.update(values)
        return tests

    def require_key_condition(self) -> None:
        """Refuse a request without a key condition."""
        if self._request.get("KeyConditionExpression") is None and self._request.get("KeyConditions") is None:
            raise Invalid(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
            )

    def projection(self) -> Projection | None:
        """The projection, or None."""
        names = self._request.get("AttributesToGet")
        if names is not None:
            return legacy.attributes(names)
        text = self._text("ProjectionExpression")
        return (
            None
            if text is None
            else self._bound(self._compiler(compile_projection)("ProjectionExpression", text, self.names))
        )

    def projected(self) -> frozenset[str] | None:
        """The attributes that the projection names, without what is below them; None without a projection."""
        names = self._request.get("AttributesToGet")
        if names is not None:
            return frozenset(names)
        text = self._request.get("ProjectionExpression")
        return None if text is None else projection_names("ProjectionExpression", text, self.names)

    def filtered(self) -> tuple[str, frozenset[str]] | None:
        """What AWS calls the query's filter, and the attributes it reads; None without a filter."""
        conditions = self._request.get("QueryFilter")
        if conditions is not None:
            return "QueryFilter", frozenset(conditions)
        text = self._request.get("FilterExpression")
        if text is None:
            return None
        return "Filter Expression", condition_names("FilterExpression", text, self.names)

    def update(self) -> Update | None:
        """The update, or None."""
        given = self._request.get("AttributeUpdates")
        if given is not None:
            return legacy.updates(given)
        text = self._text("UpdateExpression")
        return (
            None if text is None else self._bound(self._compiler(compile_update)("UpdateExpression", text, self.names))
        )

    def finish(self) -> None:
        """Refuse names and values that no expression uses."""
        if len(self._used_names) < len(self.names):
            unused = [name for name, _ in self.names if name not in self._used_names]
            raise Invalid(
                f"Value provided in ExpressionAttributeNames unused in expressions: keys: {{{', '.join(unused)}}}"
            )
        if len(self._used_values) < len(self.values):
            unused = [name for name in self.values if name not in self._used_values]
            raise Invalid(
                f"Value provided in ExpressionAttributeValues unused in expressions: keys: {{{', '.join(unused)}}}"
            )

    def _text(self, kind: str) -> Any:
        """The expression given as `kind`, or None, once names and values are read."""
        if not self._is_read:
            self._read()
        return self._request.get(kind)

    def _read(self) -> None:
        names = self._request.get("ExpressionAttributeNames")
        values = self._request.get("ExpressionAttributeValues")
        names_size = 0 if names is None else _check_names(names)
        values_size = 0
        if values is not None:
            self.values, values_size = _check_values(values, is_write=self._is_write)
        if names_size + values_size > SUBSTITUTION_BYTES_MAX:
            raise Invalid("ExpressionAttributeNames and ExpressionAttributeValues exceed the limit of 2 MB in all")
        self.names = tuple(names.items()) if names else ()
        # A cache that kept what a stranger sends at any size would be theirs to fill.
        self._is_cached = names_size <= CACHED_NAMES_MAX
        self._is_read = True

    def _compiler(self, cached: _lru_cache_wrapper[Compiled[T]]) -> Callable[..., Compiled[T]]:
        return cached if self._is_cached else cached.__wrapped__

    def _bound(self, compiled: Compiled[T]) -> T:
        for name in compiled.used_values:
            if name not in self.values:
                raise Invalid(
                    f"Invalid {compiled.kind}: An expression attribute value used in expression is not defined; "
                    f"attribute value: {name}"
                )
        for value_check in compiled.checks:
            value_check(self.values)
        self._used_names |= compiled.used_names
        self._used_values.update(compiled.used_values)
        self.opened |= compiled.opened
        return compiled.run


def uses_legacy_alone(request: Mapping[str, Any]) -> bool:
    """Whether the request has parameters that expressions replaced, and no expressions."""
    return not _LEGACY.keys().isdisjoint(request) and not any(request.get(name) for name in _EXPRESSIONS)


def refuse_mixing(request: Mapping[str, Any]) -> None:
    """Refuse expressions beside what they replaced."""
    if _LEGACY.keys().isdisjoint(request):
        return
    old = [name for name in _LEGACY if request.get(name) is not None]
    new = [name for name in _EXPRESSIONS if request.get(name) is not None]
    if "KeyConditionExpression" not in new and "KeyConditions" in old:
        old.remove("KeyConditions")  # AWS does this: KeyConditions go with other expressions.
    if old and new:
        raise Invalid(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(old)}}} Expression parameters: {{{', '.join(new)}}}"
        )


def _refuse_misuse(request: Mapping[str, Any], kinds: tuple[str, ...]) -> None:
    """Refuse names and values without expressions, and expressions beside what they replaced."""
    refuse_mixing(request)
    given = [kind for kind in kinds if request.get(kind) is not None]
    if not given and request.get("ExpressionAttributeNames") is not None:
        raise Invalid("ExpressionAttributeNames can only be specified when using expressions")
    taking = [kind for kind in kinds if kind != "ProjectionExpression"]
    if request.get("ExpressionAttributeValues") is not None and not any(kind in given for kind in taking):
        missing = f"{' and '.join(taking)} {'are' if len(taking) > 1 else 'is'} null"
        raise Invalid(f"ExpressionAttributeValues can only be specified when using expressions: {missing}")


def _check_names(names: Any) -> int:
    """Refuse names that are none; returns their bytes."""
    if not names:
        raise Invalid("ExpressionAttributeNames must not be empty")
    for key, name in names.items():
        _check_placeholder("ExpressionAttributeNames", _NAME, key)
        if not isinstance(name, str) or not name:
            raise Invalid(f"ExpressionAttributeNames contains invalid value: Invalid attribute name for key {key}")
    return sum([len(key) + text_size(name) for key, name in names.items()])


def _check_values(values: Any, *, is_write: bool) -> tuple[Item, int]:
    if not values:
        raise Invalid("ExpressionAttributeValues must not be empty")
    for key in values:
        _check_placeholder("ExpressionAttributeValues", _VALUE, key)
    checked: Item = {}
    total = 0
    for key, value in values.items():
        try:
            checked[key], size = check(value)
        except Invalid as refusal:
            if refusal.code != Malformed.code or refusal.message == TOO_DEEP:
                raise
            if is_write and isinstance(refusal, Malformed):
                raise  # AWS does this: writes tell of a wrong set or null without saying which value it is.
            text = f"ExpressionAttributeValues contains invalid value: {refusal.message} for key {key}"
            raise Invalid(text) from None
        total += len(key) + size
    return checked, total


@lru_cache(maxsize=4096)
def _fits(pattern: re.Pattern[str], key: str) -> bool:
    return pattern.fullmatch(key) is not None


def _check_placeholder(parameter: str, pattern: re.Pattern[str], key: Any) -> None:
    if not isinstance(key, str) or len(key) > PLACEHOLDER_BYTES_MAX or not _fits(pattern, key):
        raise Invalid(f'{parameter} contains invalid key: Syntax error; key: "{key}"')
